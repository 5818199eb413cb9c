//! EC2's snapshots.

use super::Aws;
use super::client::{ended, failed, incomplete, refused};
use super::convert::{PAGE, as_tags, by, moment, tags_of};
use crate::ports::{Outcome, SnapshotSet, Snapshots};
use aws_sdk_ec2::types::{InstanceSpecification, ResourceType, TagSpecification};
use mirrorsnap_domain::catalogue::{Snapshot, source_of_copy, tag};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::evidence::Taken;
use mirrorsnap_domain::ids::Id;

fn read(one: &aws_sdk_ec2::types::Snapshot) -> Option<Snapshot> {
    Some(Snapshot {
        id: one.snapshot_id()?.to_owned(),
        volume: one.volume_id()?.to_owned(),
        state: one.state().map_or("", |state| state.as_str()).to_owned(),
        progress: one.progress().unwrap_or_default().to_owned(),
        started: moment(one.start_time())?,
        gib: one.volume_size().unwrap_or(0),
        kms_key: one.kms_key_id().map(str::to_owned),
        copied_from: one.description().and_then(source_of_copy),
        tags: tags_of(one.tags()),
    })
}

fn specification(set: &SnapshotSet) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(ResourceType::Snapshot)
        .set_tags(Some(as_tags(&set.tags)))
        .build()
}

impl Aws {
    async fn snapshots_by(&self, key: &str, value: String) -> Result<Vec<Snapshot>> {
        let mut pages = self
            .ec2
            .describe_snapshots()
            .owner_ids("self")
            .filters(by(&format!("tag:{key}"), [value]))
            .into_paginator()
            .page_size(PAGE)
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("ec2:DescribeSnapshots", &error))?;
            found.extend(page.snapshots().iter().filter_map(read));
        }
        Ok(found)
    }

    async fn one_snapshot(&self, set: &SnapshotSet, volume: &str) -> Outcome<Vec<Taken>> {
        let call = self.ec2_once.create_snapshot().volume_id(volume);
        let call = call
            .description(&set.description)
            .tag_specifications(specification(set));
        match call.send().await {
            Ok(made) => match made.snapshot_id().filter(|id| !id.is_empty()) {
                Some(id) => Outcome::Accepted(vec![Taken {
                    snapshot: id.to_owned(),
                    volume: volume.to_owned(),
                }]),
                None => incomplete("ec2:CreateSnapshot", "the snapshot's id"),
            },
            Err(error) => refused("ec2:CreateSnapshot", &error),
        }
    }

    async fn several_snapshots(&self, set: &SnapshotSet) -> Outcome<Vec<Taken>> {
        let which = InstanceSpecification::builder()
            .instance_id(&set.instance)
            .exclude_boot_volume(true)
            .set_exclude_data_volume_ids(Some(set.excluded.clone()).filter(|ids| !ids.is_empty()))
            .build();
        let call = self.ec2_once.create_snapshots().instance_specification(which);
        let call = call
            .description(&set.description)
            .tag_specifications(specification(set));
        match call.send().await {
            Ok(made) => {
                let taken = made.snapshots().iter().filter_map(|one| {
                    Some(Taken {
                        snapshot: one.snapshot_id()?.to_owned(),
                        volume: one.volume_id()?.to_owned(),
                    })
                });
                Outcome::Accepted(taken.collect())
            }
            Err(error) => refused("ec2:CreateSnapshots", &error),
        }
    }
}

impl Snapshots for Aws {
    async fn snapshots_of_cluster(&self, cluster: &str) -> Result<Vec<Snapshot>> {
        self.snapshots_by(tag::CLUSTER, cluster.to_owned()).await
    }

    async fn snapshots_of_backup(&self, backup: &Id) -> Result<Vec<Snapshot>> {
        self.snapshots_by(tag::BACKUP_ID, backup.to_string()).await
    }

    async fn create_snapshots(&self, set: &SnapshotSet) -> Outcome<Vec<Taken>> {
        let mut volumes = set.volumes.iter();
        match (volumes.next(), volumes.next()) {
            (Some(volume), None) => self.one_snapshot(set, volume).await,
            _ => self.several_snapshots(set).await,
        }
    }

    async fn delete_snapshot(&self, snapshot: &str) -> Outcome {
        let reply = self.ec2.delete_snapshot().snapshot_id(snapshot).send().await;
        ended("ec2:DeleteSnapshot", reply)
    }
}
