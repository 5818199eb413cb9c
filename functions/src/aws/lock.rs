//! The lock table, read consistently (safety.md, rule 8).

use super::Aws;
use super::client::failed;
use crate::ports::Ledger;
use crate::trace;
use aws_sdk_dynamodb::types::AttributeValue;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::intent::Intent;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::restore::Record;
use mirrorsnap_domain::time::Moment;
use std::collections::HashMap;

type Attributes = HashMap<String, AttributeValue>;

/// A text of an item; an empty one counts as none.
pub(super) fn text<'a>(item: &'a Attributes, name: &str) -> Option<&'a str> {
    item.get(name)
        .and_then(|value| value.as_s().ok())
        .map(String::as_str)
        .filter(|text| !text.is_empty())
}

/// The lock of a cluster. Error `Stuck`: it cannot be read.
pub(super) fn read_lock(cluster: &str, item: &Attributes) -> Result<Lock> {
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
    let intent: Option<Intent> = text(item, "intent")
        .map(serde_json::from_str)
        .transpose()
        .map_err(|_| bad("intent"))?;
    Ok(Lock {
        holder: text(item, "holder").map(str::to_owned),
        epoch,
        since: text(item, "since").and_then(|since| Moment::parse(since).ok()),
        hold: text(item, "hold").map(str::to_owned),
        intent,
    })
}

/// The record of a restore. Error: `RestoreNotFound`.
pub(super) fn read_record(restore: &Id, item: &Attributes) -> Result<Record> {
    let missing = |found: String| Error::new(Kind::RestoreNotFound, found, "name a restore that was not released yet");
    let json = text(item, "record").ok_or_else(|| missing(format!("there is no record of the restore {restore}")))?;
    serde_json::from_str(json).map_err(|error| missing(format!("the record of {restore} cannot be read: {error}")))
}

impl Aws {
    async fn item(&self, key: String) -> Result<Attributes> {
        let reply = self
            .dynamodb
            .get_item()
            .table_name(&self.table)
            .key("id", AttributeValue::S(key))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed("dynamodb:GetItem", &error))?;
        Ok(reply.item.unwrap_or_default())
    }
}

impl Ledger for Aws {
    async fn lock(&self, cluster: &str) -> Result<Lock> {
        let lock = read_lock(cluster, &self.item(format!("lock#{cluster}")).await?)?;
        if let Some(intent) = &lock.intent {
            trace::operation(&intent.id);
        }
        Ok(lock)
    }

    async fn record(&self, restore: &Id) -> Result<Record> {
        read_record(restore, &self.item(format!("restore#{restore}")).await?)
    }
}
