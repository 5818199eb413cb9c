//! EC2's volumes and fast snapshot restores.

use super::ec2::{by, moment, tags_of};
use super::{Aws, failed};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::restore::fast_snapshot_restore::FastRestore;
use mirrorsnap_domain::restore::volumes::OldVolume;
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
            multi_attach: volume.multi_attach_enabled().unwrap_or(false),
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

    /// Fast snapshot restores of these snapshots, whatever their state.
    pub(crate) async fn fast_restores(&self, snapshots: Vec<String>) -> Result<Vec<FastRestore>> {
        if snapshots.is_empty() {
            return Ok(vec![]);
        }
        self.fast_restores_by("snapshot-id", snapshots).await
    }

    /// All fast snapshot restores of the account in the region that are not off.
    pub(crate) async fn all_fast_restores(&self) -> Result<Vec<FastRestore>> {
        let states = ["enabling", "optimizing", "enabled", "disabling"];
        self.fast_restores_by("state", states.map(str::to_owned).into()).await
    }

    async fn fast_restores_by(&self, filter: &str, values: Vec<String>) -> Result<Vec<FastRestore>> {
        let read = |one: &aws_sdk_ec2::types::DescribeFastSnapshotRestoreSuccessItem| {
            Some(FastRestore {
                snapshot: one.snapshot_id()?.to_owned(),
                zone: one.availability_zone()?.to_owned(),
                state: one.state().map_or("", |state| state.as_str()).to_owned(),
                reason: one.state_transition_reason().unwrap_or_default().to_owned(),
                enabled: moment(one.enabled_time()),
            })
        };
        let mut pages = self
            .ec2
            .describe_fast_snapshot_restores()
            .filters(by(filter, values))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("ec2:DescribeFastSnapshotRestores", &error))?;
            found.extend(page.fast_snapshot_restores().iter().filter_map(read));
        }
        Ok(found)
    }
}
