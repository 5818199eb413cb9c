//! Fast snapshot restore.

use super::Aws;
use super::client::{pages, refused};
use super::convert::{by, id, moment};
use crate::ports::{FastRestores, Outcome};
use aws_sdk_ec2::operation::describe_fast_snapshot_restores::DescribeFastSnapshotRestoresOutput;
use aws_sdk_ec2::types::EnableFastSnapshotRestoreErrorItem;
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::restore::fast_snapshot_restore::{FastRestore, not_had};

/// Most entries of one page; DescribeFastSnapshotRestores takes no more.
const PAGE: i32 = 200;

impl Aws {
    async fn fast_restores_by(
        &self,
        filter: &str,
        values: impl IntoIterator<Item = impl ToString>,
    ) -> Result<Vec<FastRestore>> {
        let read = |one: &aws_sdk_ec2::types::DescribeFastSnapshotRestoreSuccessItem| {
            Ok(FastRestore {
                snapshot: id(one.snapshot_id())?,
                zone: one.availability_zone().unwrap_or_default().to_owned(),
                state: one.state().map_or("", |state| state.as_str()).into(),
                reason: one.state_transition_reason().unwrap_or_default().to_owned(),
                enabled: moment(one.enabled_time()),
            })
        };
        let mut stream = self
            .ec2
            .describe_fast_snapshot_restores()
            .filters(by(filter, values))
            .into_paginator()
            .page_size(PAGE)
            .send();
        let pages = pages("ec2:DescribeFastSnapshotRestores", async || stream.next().await).await?;
        let all = pages
            .iter()
            .flat_map(DescribeFastSnapshotRestoresOutput::fast_snapshot_restores);
        all.map(read).collect()
    }
}

impl FastRestores for Aws {
    async fn fast_restores(&self, snapshots: &[SnapshotId]) -> Result<Vec<FastRestore>> {
        if snapshots.is_empty() {
            return Ok(vec![]);
        }
        self.fast_restores_by("snapshot-id", snapshots).await
    }

    async fn all_fast_restores(&self) -> Result<Vec<FastRestore>> {
        let states = ["enabling", "optimizing", "enabled", "disabling"];
        self.fast_restores_by("state", states).await
    }

    async fn enable_fast_restore(&self, snapshot: &SnapshotId, zone: &str) -> Outcome {
        let call = self
            .ec2
            .enable_fast_snapshot_restores()
            .source_snapshot_ids(snapshot.as_str());
        let reply = match call.availability_zones(zone).send().await {
            Ok(reply) => reply,
            Err(error) => return refused("ec2:EnableFastSnapshotRestores", &error),
        };
        // The call itself succeeds; what was refused is in the reply.
        let mut errors = reply
            .unsuccessful()
            .iter()
            .flat_map(EnableFastSnapshotRestoreErrorItem::fast_snapshot_restore_state_errors);
        match errors.find_map(|one| one.error()) {
            Some(error) => Outcome::Refused(not_had(format!(
                "fast snapshot restore of {snapshot} in {zone}: {} {}",
                error.code().unwrap_or("no code"),
                error.message().unwrap_or_default()
            ))),
            None => Outcome::Accepted(()),
        }
    }

    async fn disable_fast_restore(&self, snapshot: &SnapshotId, zone: &str) -> Outcome {
        let call = self
            .ec2
            .disable_fast_snapshot_restores()
            .source_snapshot_ids(snapshot.as_str());
        match call.availability_zones(zone).send().await {
            // A pair that is off answers as unsuccessful.
            Ok(reply) if reply.successful().is_empty() => Outcome::AlreadySo,
            Ok(_) => Outcome::Accepted(()),
            Err(error) => refused("ec2:DisableFastSnapshotRestores", &error),
        }
    }
}
