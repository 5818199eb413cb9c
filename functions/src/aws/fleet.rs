//! Everything that there is of all clusters, for the patrol.

use super::Aws;
use super::client::pages;
use super::convert::has;
use super::lock::{read_lock, read_record, text};
use crate::ports::{Fleet, Items, Volume};
use aws_sdk_dynamodb::types::AttributeValue;
use mirrorsnap_domain::catalogue::{Snapshot, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::ec2::VolumeId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::patrol::Item;
use mirrorsnap_domain::time::Moment;
use std::collections::{BTreeMap, HashMap};

fn time(item: &HashMap<String, AttributeValue>, name: &str) -> Option<Moment> {
    text(item, name).and_then(|since| Moment::parse(since).ok())
}

impl Fleet for Aws {
    async fn clusters(&self) -> Result<BTreeMap<String, Result<Config>>> {
        let mut stream = self
            .ssm
            .get_parameters_by_path()
            .path(self.parameters.trim_end_matches('/'))
            .into_paginator()
            .page_size(10)
            .send();
        let mut found = BTreeMap::new();
        for page in pages("ssm:GetParametersByPath", async || stream.next().await).await? {
            for parameter in page.parameters() {
                let cluster = parameter.name().and_then(|name| name.strip_prefix(&self.parameters));
                if let Some(cluster) = cluster {
                    let json = parameter.value().unwrap_or_default();
                    found.insert(cluster.to_owned(), Config::parse(cluster, json));
                }
            }
        }
        Ok(found)
    }

    async fn items(&self) -> Result<Items> {
        let mut stream = self
            .dynamodb
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .into_paginator()
            .send();
        let mut found = Items::default();
        for page in pages("dynamodb:Scan", async || stream.next().await).await? {
            for item in page.items() {
                let Some(key) = text(item, "id") else { continue };
                if let Some(cluster) = key.strip_prefix("lock#") {
                    let seen = Item {
                        lock: read_lock(cluster, item),
                        holder: text(item, "holder").map(str::to_owned),
                        held_since: time(item, "held_since"),
                        back_at: time(item, "back_at"),
                    };
                    found.locks.insert(cluster.to_owned(), seen);
                } else if let Some(restore) = key.strip_prefix("restore#") {
                    let record = Id::parse(restore).and_then(|id| read_record(&id, item));
                    found.records.insert(restore.to_owned(), record);
                }
            }
        }
        Ok(found)
    }

    async fn all_snapshots(&self) -> Result<Vec<Snapshot>> {
        self.snapshots_by(has(tag::CLUSTER)).await
    }

    async fn all_volumes_of_restores(&self) -> Result<BTreeMap<VolumeId, Volume>> {
        self.volumes_by(has(tag::RESTORE_ID)).await
    }
}
