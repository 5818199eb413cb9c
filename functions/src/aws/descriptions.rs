//! The table of the backups' descriptions: one item for each backup, by the cluster and the backup's id.

use super::Aws;
use super::client::{ended, failed, pages};
use super::lock::text;
use crate::ports::{Descriptions, Outcome};
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::types::AttributeValue;
use mirrorsnap_domain::description::Description;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use std::collections::HashMap;

impl Aws {
    /// Its name begins with that of the lock table.
    fn descriptions_table(&self) -> String {
        format!("{}-descriptions", self.table)
    }
}

fn key(backup: &Id) -> HashMap<String, AttributeValue> {
    HashMap::from([
        ("cluster".to_owned(), AttributeValue::S(backup.cluster().to_owned())),
        ("backup".to_owned(), AttributeValue::S(backup.to_string())),
    ])
}

impl Descriptions for Aws {
    async fn description(&self, backup: &Id) -> Result<Option<Description>> {
        let call = self.dynamodb.get_item().table_name(self.descriptions_table());
        let reply = call
            .set_key(Some(key(backup)))
            .send()
            .await
            .map_err(|error| failed("dynamodb:GetItem", &error))?;
        let item = reply.item.unwrap_or_default();
        text(&item, "description").map(Description::parse).transpose()
    }

    async fn described(&self, cluster: &str) -> Result<Vec<Id>> {
        let mut stream = self
            .dynamodb
            .query()
            .table_name(self.descriptions_table())
            .key_condition_expression("#cluster = :cluster")
            .projection_expression("#backup")
            .expression_attribute_names("#cluster", "cluster")
            .expression_attribute_names("#backup", "backup")
            .expression_attribute_values(":cluster", AttributeValue::S(cluster.to_owned()))
            .into_paginator()
            .send();
        let pages = pages("dynamodb:Query", async || stream.next().await).await?;
        let items = pages.iter().flat_map(QueryOutput::items);
        // What is not ours stays.
        Ok(items.filter_map(|item| Id::parse(text(item, "backup")?).ok()).collect())
    }

    async fn forget_description(&self, backup: &Id) -> Outcome {
        let call = self.dynamodb.delete_item().table_name(self.descriptions_table());
        ended("dynamodb:DeleteItem", call.set_key(Some(key(backup))).send().await)
    }
}
