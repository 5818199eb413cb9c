//! The lock table, read consistently (safety.md, rule 8).

use super::Aws;
use super::client::failed;
use crate::ports::Ledger;
use aws_sdk_dynamodb::types::AttributeValue;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::intent::Intent;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::restore::Record;
use mirrorsnap_domain::time::Moment;

impl Ledger for Aws {
    async fn lock(&self, cluster: &str) -> Result<Lock> {
        let reply = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(format!("lock#{cluster}")))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed("dynamodb:GetItem", &error))?;
        let item = reply.item.unwrap_or_default();
        let text = |name: &str| {
            item.get(name)
                .and_then(|value| value.as_s().ok())
                .filter(|text| !text.is_empty())
        };
        let bad = |what: &str| {
            let found = format!("the lock of {cluster} has an {what} that cannot be read");
            Error::new(
                Kind::Stuck,
                found,
                "do not delete the item: bring the cluster back by hand, then remove the attribute",
            )
        };
        let epoch = match item.get("epoch") {
            None => 0,
            Some(value) => value
                .as_n()
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| bad("epoch"))?,
        };
        let intent: Option<Intent> = text("intent")
            .map(|json| serde_json::from_str(json))
            .transpose()
            .map_err(|_| bad("intent"))?;
        Ok(Lock {
            holder: text("holder").cloned(),
            epoch,
            since: text("since").and_then(|since| Moment::parse(since).ok()),
            hold: text("hold").cloned(),
            intent,
        })
    }

    async fn record(&self, restore: &Id) -> Result<Record> {
        let reply = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(format!("restore#{restore}")))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed("dynamodb:GetItem", &error))?;
        let item = reply.item.unwrap_or_default();
        let missing =
            |found: String| Error::new(Kind::RestoreNotFound, found, "name a restore that was not released yet");
        let json = item
            .get("record")
            .and_then(|value| value.as_s().ok())
            .ok_or_else(|| missing(format!("there is no record of the restore {restore}")))?;
        serde_json::from_str(json).map_err(|error| missing(format!("the record of {restore} cannot be read: {error}")))
    }
}
