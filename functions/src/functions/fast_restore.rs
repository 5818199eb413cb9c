//! `fast-restore`: fast snapshot restore, on for a restore and off again in every end. Only what the intent lists is switched:
//! that is what was off when the restore was planned (safety.md, rule 19).

use crate::aws::{Aws, failed};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::intent::Claim;
use mirrorsnap_domain::restore::fast_snapshot_restore::{FastRestore, not_had, waits_for};
use mirrorsnap_domain::restore::initialization::Pair;
use mirrorsnap_domain::time::Moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Snapshot and zone.
type Place = (String, String);

#[derive(Debug, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Input {
    /// Switches on what the intent lists.
    Enable { cluster: String, lock: Claim },
    /// Are all that the plan needs enabled, with their credits? Those too that somebody else switched on.
    Check {
        cluster: String,
        lock: Claim,
        now: Moment,
        needed: Vec<Pair>,
        /// Since when it is waited.
        since: Moment,
        /// After how long that ends with `FastRestoreFailed`.
        give_up_seconds: i64,
    },
    /// Switches off what the intent lists.
    Disable { cluster: String, lock: Claim },
}

/// How long EC2 may go on showing what was switched off as on.
const SETTLE_SECONDS: u32 = 45;

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Value> {
    match input {
        Input::Enable { cluster, lock } => enable(&aws, &cluster, &lock).await,
        Input::Check {
            cluster,
            lock,
            now,
            needed,
            since,
            give_up_seconds,
        } => {
            aws.fence(&cluster, &lock).await?;
            let places: Vec<Place> = needed
                .iter()
                .map(|pair| (pair.snapshot.clone(), pair.zone.clone()))
                .collect();
            let seen = present(&aws, &places).await?;
            let why = waits_for(&needed, &seen, now, now.seconds_since(since), give_up_seconds)?;
            Ok(json!({"ready": why.is_none(), "why": why}))
        }
        Input::Disable { cluster, lock } => disable(&aws, &cluster, &lock).await,
    }
}

/// These, as they are shown now.
async fn present(aws: &Aws, places: &[Place]) -> Result<Vec<FastRestore>> {
    let snapshots: BTreeSet<String> = places.iter().map(|(snapshot, _)| snapshot.clone()).collect();
    let all = aws.fast_restores(snapshots.into_iter().collect()).await?;
    let asked = |one: &FastRestore| places.iter().any(|(snapshot, zone)| one.is_of(snapshot, zone));
    Ok(all.into_iter().filter(asked).collect())
}

/// What the intent lists: that was off when the restore was planned.
async fn listed(aws: &Aws, cluster: &str, claim: &Claim) -> Result<Vec<Place>> {
    let (_, intent) = aws.intent(cluster, claim).await?;
    let own = |(snapshot, zone): (&str, &str)| (snapshot.to_owned(), zone.to_owned());
    Ok(intent.fast_restores().map(own).collect())
}

fn as_json(places: impl IntoIterator<Item = Place>) -> Vec<Value> {
    let one = |(snapshot, zone)| json!({"snapshot": snapshot, "zone": zone});
    places.into_iter().map(one).collect()
}

async fn enable(aws: &Aws, cluster: &str, claim: &Claim) -> Result<Value> {
    let places = listed(aws, cluster, claim).await?;
    for (snapshot, zone) in &places {
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
    }
    Ok(json!({"enabled": as_json(places)}))
}

/// Orders first and looks afterwards: a describe that lags behind Enable would show nothing to switch off. Repeats what is
/// still shown as on, until it is not. A pair that is off already answers as unsuccessful, which is what the look is for.
async fn disable(aws: &Aws, cluster: &str, claim: &Claim) -> Result<Value> {
    let mut left = listed(aws, cluster, claim).await?;
    let mut disabled = BTreeSet::new();
    let deadline = aws.pace.deadline(SETTLE_SECONDS);
    while !left.is_empty() {
        let mut refusal = None;
        for (snapshot, zone) in &left {
            aws.fence(cluster, claim).await?;
            let call = aws
                .ec2
                .disable_fast_snapshot_restores()
                .source_snapshot_ids(snapshot)
                .availability_zones(zone)
                .send()
                .await;
            match call {
                Ok(reply) if reply.successful().is_empty() => {}
                Ok(_) => _ = disabled.insert((snapshot.clone(), zone.clone())),
                Err(error) => refusal = Some(failed("ec2:DisableFastSnapshotRestores", &error)),
            }
        }
        aws.pace.tenths(50).await;
        let on = present(aws, &left).await?;
        left.retain(|(snapshot, zone)| on.iter().any(|one| one.is_on() && one.is_of(snapshot, zone)));
        if !left.is_empty() && deadline.has_passed() {
            let names: Vec<String> = left
                .iter()
                .map(|(snapshot, zone)| format!("{snapshot} in {zone}"))
                .collect();
            let found = format!("fast snapshot restore is still on, and billed: {}", names.join(", "));
            let next = "it is repeated; if it lasts, switch it off by hand";
            return Err(refusal.unwrap_or_else(|| Error::new(Kind::AwsUnavailable, found, next)));
        }
    }
    Ok(json!({"disabled": as_json(disabled)}))
}
