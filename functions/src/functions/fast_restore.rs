//! `fast-restore`: fast snapshot restore, on for a restore and off again in every end. Only what the intent lists is switched:
//! that is what was off when the restore was planned (safety.md, rule 19).

use crate::aws::volumes::FastRestore;
use crate::aws::{Aws, failed};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::intent::{Claim, Intent};
use mirrorsnap_domain::restore::initialization::credit_seconds;
use mirrorsnap_domain::time::Moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Input {
    /// Switches on.
    Enable { cluster: String, lock: Claim },
    /// Are all enabled, with a credit? `gib` is the largest volume's size.
    Check {
        cluster: String,
        lock: Claim,
        now: Moment,
        gib: i32,
    },
    /// Switches off.
    Disable { cluster: String, lock: Claim },
}

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Value> {
    match input {
        Input::Enable { cluster, lock } => enable(&aws, &cluster, &lock).await,
        Input::Check {
            cluster,
            lock,
            now,
            gib,
        } => {
            let (_, intent) = aws.intent(&cluster, &lock).await?;
            check(&present(&aws, &intent).await?, &intent, now, gib)
        }
        Input::Disable { cluster, lock } => disable(&aws, &cluster, &lock).await,
    }
}

/// Those that the intent lists, as they are now.
async fn present(aws: &Aws, intent: &Intent) -> Result<Vec<FastRestore>> {
    let snapshots: BTreeSet<String> = intent
        .fast_restores()
        .map(|(snapshot, _)| snapshot.to_owned())
        .collect();
    let all = aws.fast_restores(snapshots.into_iter().collect()).await?;
    let ours = |one: &FastRestore| {
        intent
            .fast_restores()
            .any(|pair| pair == (one.snapshot.as_str(), one.zone.as_str()))
    };
    Ok(all.into_iter().filter(ours).collect())
}

fn not_had(found: String) -> Error {
    Error::new(
        Kind::FastRestoreFailed,
        found,
        "nothing was disturbed; restore with another initialization, such as rate",
    )
}

async fn enable(aws: &Aws, cluster: &str, claim: &Claim) -> Result<Value> {
    let (_, intent) = aws.intent(cluster, claim).await?;
    let mut enabled = Vec::new();
    for (snapshot, zone) in intent.fast_restores() {
        aws.fence(cluster, claim).await?;
        let reply = aws
            .ec2
            .enable_fast_snapshot_restores()
            .source_snapshot_ids(snapshot)
            .availability_zones(zone)
            .send()
            .await
            .map_err(|error| failed("ec2:EnableFastSnapshotRestores", &error))?;
        let mut errors = reply
            .unsuccessful()
            .iter()
            .flat_map(aws_sdk_ec2::types::EnableFastSnapshotRestoreErrorItem::fast_snapshot_restore_state_errors);
        if let Some(error) = errors.find_map(|one| one.error()) {
            return Err(not_had(format!(
                "fast snapshot restore of {snapshot} in {zone}: {} {}",
                error.code().unwrap_or("no code"),
                error.message().unwrap_or_default()
            )));
        }
        enabled.push(json!({"snapshot": snapshot, "zone": zone}));
    }
    Ok(json!({"enabled": enabled}))
}

/// `enabled` alone is not enough: a volume made without a credit is not fast, and the first takes its time to fill.
fn check(found: &[FastRestore], intent: &Intent, now: Moment, gib: i32) -> Result<Value> {
    let mut ready = true;
    for (snapshot, zone) in intent.fast_restores() {
        let one = found.iter().find(|one| one.snapshot == snapshot && one.zone == zone);
        match one.map(|one| (one.state.as_str(), one)) {
            Some(("enabled", one)) => {
                ready &= one
                    .enabled
                    .is_some_and(|since| now.seconds_since(since) >= credit_seconds(gib));
            }
            Some(("disabling" | "disabled", one)) => {
                return Err(not_had(format!(
                    "fast snapshot restore of {snapshot} in {zone} ended: {}",
                    one.reason
                )));
            }
            // Not shown yet, or on its way.
            _ => ready = false,
        }
    }
    Ok(json!({"ready": ready}))
}

async fn disable(aws: &Aws, cluster: &str, claim: &Claim) -> Result<Value> {
    let (_, intent) = aws.intent(cluster, claim).await?;
    let mut disabled = Vec::new();
    for one in present(aws, &intent).await?.iter().filter(|one| one.is_on()) {
        aws.fence(cluster, claim).await?;
        aws.ec2
            .disable_fast_snapshot_restores()
            .source_snapshot_ids(&one.snapshot)
            .availability_zones(&one.zone)
            .send()
            .await
            .map_err(|error| failed("ec2:DisableFastSnapshotRestores", &error))?;
        disabled.push(json!({"snapshot": one.snapshot, "zone": one.zone}));
    }
    Ok(json!({"disabled": disabled}))
}
