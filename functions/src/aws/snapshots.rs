//! EC2's snapshots.

use super::Aws;
use super::client::{ended, incomplete, pages, refused};
use super::convert::{PAGE, as_tags, by, id, moment, tags_of, texts};
use crate::ports::{Outcome, SnapshotSet, Snapshots};
use aws_sdk_ec2::operation::describe_snapshots::DescribeSnapshotsOutput;
use aws_sdk_ec2::types::{Filter, InstanceSpecification, ResourceType, StorageTier, TagSpecification};
use mirrorsnap_domain::catalogue::{Snapshot, Tier, source_of_copy, tag};
use mirrorsnap_domain::ec2::{SnapshotId, VolumeId};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::evidence::Taken;
use mirrorsnap_domain::ids::Id;

/// A snapshot that is restored from the archive for some days is in the archive, and can be used until then.
fn tier(one: &aws_sdk_ec2::types::Snapshot) -> Tier {
    match one.storage_tier() {
        Some(StorageTier::Archive) if one.restore_expiry_time().is_none() => Tier::Archive,
        _ => Tier::Standard,
    }
}

pub(super) fn read(one: &aws_sdk_ec2::types::Snapshot) -> Result<Option<Snapshot>> {
    let Some(started) = moment(one.start_time()) else {
        return Ok(None);
    };
    Ok(Some(Snapshot {
        id: id(one.snapshot_id())?,
        volume: id(one.volume_id())?,
        state: one.state().map_or("", |state| state.as_str()).into(),
        progress: one.progress().unwrap_or_default().to_owned(),
        started,
        gib: one.volume_size().unwrap_or(0),
        kms_key: one.kms_key_id().map(str::to_owned),
        copied_from: one.description().and_then(source_of_copy),
        tier: tier(one),
        tags: tags_of(one.tags()),
    }))
}

pub(super) fn tagged(key: &str, value: String) -> Filter {
    by(&format!("tag:{key}"), [value])
}

fn specification(set: &SnapshotSet) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(ResourceType::Snapshot)
        .set_tags(Some(as_tags(&set.tags)))
        .build()
}

/// Our own snapshots of a region by a filter, as EC2 describes them.
pub(super) async fn all_by(ec2: &aws_sdk_ec2::Client, filter: Filter) -> Result<Vec<aws_sdk_ec2::types::Snapshot>> {
    let mut stream = ec2
        .describe_snapshots()
        .owner_ids("self")
        .filters(filter)
        .into_paginator()
        .page_size(PAGE)
        .send();
    let pages = pages("ec2:DescribeSnapshots", async || stream.next().await).await?;
    let all = pages.iter().flat_map(DescribeSnapshotsOutput::snapshots);
    Ok(all.cloned().collect())
}

impl Aws {
    pub(super) async fn snapshots_by(&self, filter: Filter) -> Result<Vec<Snapshot>> {
        let all = all_by(&self.ec2, filter).await?;
        all.iter().filter_map(|one| read(one).transpose()).collect()
    }

    async fn one_snapshot(&self, set: &SnapshotSet, volume: &VolumeId) -> Outcome<Vec<Taken>> {
        let call = self.ec2_once.create_snapshot().volume_id(volume.as_str());
        let call = call
            .description(&set.description)
            .tag_specifications(specification(set));
        match call.send().await {
            Ok(made) => match id(made.snapshot_id()) {
                Ok(snapshot) => Outcome::Accepted(vec![Taken {
                    snapshot,
                    volume: volume.clone(),
                }]),
                Err(_) => incomplete("ec2:CreateSnapshot", "the snapshot's id"),
            },
            Err(error) => refused("ec2:CreateSnapshot", &error),
        }
    }

    async fn several_snapshots(&self, set: &SnapshotSet) -> Outcome<Vec<Taken>> {
        let which = InstanceSpecification::builder()
            .instance_id(set.instance.as_str())
            .exclude_boot_volume(true)
            .set_exclude_data_volume_ids(Some(texts(&set.excluded)).filter(|ids| !ids.is_empty()))
            .build();
        let call = self.ec2_once.create_snapshots().instance_specification(which);
        let call = call
            .description(&set.description)
            .tag_specifications(specification(set));
        match call.send().await {
            Ok(made) => {
                let taken = made.snapshots().iter().filter_map(|one| {
                    // One that is not named is missing in the set, and looked for.
                    Some(Taken {
                        snapshot: id(one.snapshot_id()).ok()?,
                        volume: id(one.volume_id()).ok()?,
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
        self.snapshots_by(tagged(tag::CLUSTER, cluster.to_owned())).await
    }

    async fn snapshots_of_backup(&self, backup: &Id) -> Result<Vec<Snapshot>> {
        self.snapshots_by(tagged(tag::BACKUP_ID, backup.to_string())).await
    }

    async fn create_snapshots(&self, set: &SnapshotSet) -> Outcome<Vec<Taken>> {
        let mut volumes = set.volumes.iter();
        match (volumes.next(), volumes.next()) {
            (Some(volume), None) => self.one_snapshot(set, volume).await,
            _ => self.several_snapshots(set).await,
        }
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Outcome {
        let reply = self.ec2.delete_snapshot().snapshot_id(snapshot.as_str()).send().await;
        ended("ec2:DeleteSnapshot", reply)
    }
}
