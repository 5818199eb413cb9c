//! EC2's volumes and fast snapshot restores.

use super::ec2::{by, moment, tags_of};
use super::{Aws, failed};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::restore::volumes::OldVolume;
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;

/// A volume now.
pub(crate) struct Volume {
    pub(crate) shape: OldVolume,
    /// `creating`, `available`, `in-use`, `error`, …
    pub(crate) state: String,
    pub(crate) snapshot: String,
    /// Made with a credit of fast snapshot restore.
    pub(crate) fast: bool,
    pub(crate) attached: Option<Attached>,
}

/// Where a volume is attached, or on its way to or from.
pub(crate) struct Attached {
    pub(crate) instance: String,
    pub(crate) device: String,
    /// `attaching`, `attached`, `detaching`, `busy`.
    pub(crate) state: String,
}

/// A fast snapshot restore.
pub(crate) struct FastRestore {
    pub(crate) snapshot: String,
    pub(crate) zone: String,
    /// `enabling`, `optimizing`, `enabled`, `disabling`, `disabled`.
    pub(crate) state: String,
    pub(crate) reason: String,
    /// Since when it is enabled.
    pub(crate) enabled: Option<Moment>,
}

impl FastRestore {
    /// On, or on its way there.
    pub(crate) fn is_on(&self) -> bool {
        matches!(self.state.as_str(), "enabling" | "optimizing" | "enabled")
    }
}

fn read(volume: &aws_sdk_ec2::types::Volume) -> Option<Volume> {
    let attachment = volume.attachments().first();
    let attached = attachment.and_then(|one| {
        Some(Attached {
            instance: one.instance_id()?.to_owned(),
            device: one.device()?.to_owned(),
            state: one.state().map_or("", |state| state.as_str()).to_owned(),
        })
    });
    Some(Volume {
        shape: OldVolume {
            id: volume.volume_id()?.to_owned(),
            gib: volume.size().unwrap_or(0),
            kind: volume.volume_type().map_or("gp3", |kind| kind.as_str()).to_owned(),
            iops: volume.iops(),
            throughput: volume.throughput(),
            kms_key: volume.kms_key_id().map(str::to_owned),
            tags: tags_of(volume.tags()),
            delete_on_termination: attachment
                .and_then(aws_sdk_ec2::types::VolumeAttachment::delete_on_termination)
                .unwrap_or(false),
        },
        state: volume.state().map_or("", |state| state.as_str()).to_owned(),
        snapshot: volume.snapshot_id().unwrap_or_default().to_owned(),
        fast: volume.fast_restored().unwrap_or(false),
        attached,
    })
}

impl Aws {
    /// Volumes whose `filter` has one of these values, by id. One that EC2 does not know is absent.
    pub(crate) async fn volumes(&self, filter: &str, values: Vec<String>) -> Result<BTreeMap<String, Volume>> {
        let mut pages = self
            .ec2
            .describe_volumes()
            .filters(by(filter, values))
            .into_paginator()
            .send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("ec2:DescribeVolumes", &error))?;
            found.extend(
                page.volumes()
                    .iter()
                    .filter_map(read)
                    .map(|one| (one.shape.id.clone(), one)),
            );
        }
        Ok(found)
    }

    /// Fast snapshot restores of these snapshots.
    pub(crate) async fn fast_restores(&self, snapshots: Vec<String>) -> Result<Vec<FastRestore>> {
        if snapshots.is_empty() {
            return Ok(vec![]);
        }
        let reply = self
            .ec2
            .describe_fast_snapshot_restores()
            .filters(by("snapshot-id", snapshots))
            .send()
            .await
            .map_err(|error| failed("ec2:DescribeFastSnapshotRestores", &error))?;
        let read = |one: &aws_sdk_ec2::types::DescribeFastSnapshotRestoreSuccessItem| {
            Some(FastRestore {
                snapshot: one.snapshot_id()?.to_owned(),
                zone: one.availability_zone()?.to_owned(),
                state: one.state().map_or("", |state| state.as_str()).to_owned(),
                reason: one.state_transition_reason().unwrap_or_default().to_owned(),
                enabled: moment(one.enabled_time()),
            })
        };
        Ok(reply.fast_snapshot_restores().iter().filter_map(read).collect())
    }
}
