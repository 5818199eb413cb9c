//! `fast-restore`: fast snapshot restore, on for a restore and off again in every end. Only what the intent lists is switched:
//! that is what was off when the restore was planned (safety.md, rule 19).

use crate::deadline::Deadline;
use crate::functions::fence::{fence, intent};
use crate::functions::repeat::until_accepted;
use crate::ports::{Clock, FastRestores, Ledger, Outcome};
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::restore::fast_snapshot_restore::{FastRestore, waits_for};
use mirrorsnap_domain::restore::initialization::Pair;
use mirrorsnap_domain::time::Moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// Snapshot and zone.
type Place = (SnapshotId, String);

/// docs/functions.md, fast-restore.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Input {
    /// Enables what the intent lists.
    Enable { cluster: String, lock: Claim },
    /// Are all that the plan needs enabled and have their credits, also those that somebody else enabled?
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
    /// Disables what the intent lists.
    Disable { cluster: String, lock: Claim },
}

/// How long EC2 may still show a disabled one as enabled, and how often to look.
const SETTLE_SECONDS: u32 = 45;
const SETTLE_POLL: Duration = Duration::from_secs(5);

/// How long a call is retried that EC2 does not carry out yet.
const ENABLE_SECONDS: u32 = 30;

/// What the function needs.
pub trait Ports: Ledger + FastRestores + Clock {}
impl<T: Ledger + FastRestores + Clock> Ports for T {}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Value> {
    match input {
        Input::Enable { cluster, lock } => enable(ports, &cluster, &lock).await,
        Input::Check {
            cluster,
            lock,
            now,
            needed,
            since,
            give_up_seconds,
        } => {
            fence(ports, &cluster, &lock).await?;
            let places: Vec<Place> = needed
                .iter()
                .map(|pair| (pair.snapshot.clone(), pair.zone.clone()))
                .collect();
            let seen = present(ports, &places).await?;
            let why = waits_for(&needed, &seen, now, now.seconds_since(since), give_up_seconds)?;
            Ok(json!({"ready": why.is_none(), "why": why}))
        }
        Input::Disable { cluster, lock } => disable(ports, &cluster, &lock).await,
    }
}

/// These, as they are shown now.
async fn present(ports: &impl Ports, places: &[Place]) -> Result<Vec<FastRestore>> {
    let snapshots: BTreeSet<SnapshotId> = places.iter().map(|(snapshot, _)| snapshot.clone()).collect();
    let snapshots: Vec<SnapshotId> = snapshots.into_iter().collect();
    let all = ports.fast_restores(&snapshots).await?;
    let asked = |one: &FastRestore| places.iter().any(|(snapshot, zone)| one.is_of(snapshot, zone));
    Ok(all.into_iter().filter(asked).collect())
}

/// The fast snapshot restores that the intent lists. They were off when the restore was planned.
async fn listed(ports: &impl Ports, cluster: &str, claim: &Claim) -> Result<Vec<Place>> {
    let (_, intent) = intent(ports, cluster, claim).await?;
    let own = |(snapshot, zone): (&SnapshotId, &str)| (snapshot.clone(), zone.to_owned());
    Ok(intent.fast_restores().map(own).collect())
}

fn as_json(places: impl IntoIterator<Item = Place>) -> Vec<Value> {
    let one = |(snapshot, zone)| json!({"snapshot": snapshot, "zone": zone});
    places.into_iter().map(one).collect()
}

async fn enable(ports: &impl Ports, cluster: &str, claim: &Claim) -> Result<Value> {
    let places = listed(ports, cluster, claim).await?;
    for (snapshot, zone) in &places {
        let call = async || {
            fence(ports, cluster, claim).await?;
            Ok(ports.enable_fast_restore(snapshot, zone).await)
        };
        until_accepted(ports, ENABLE_SECONDS, call).await?;
    }
    Ok(json!({"enabled": as_json(places)}))
}

/// Disables, then describes until all are off: a stale describe right after Enable would show nothing to disable. Disables
/// again what is still shown as on.
async fn disable(ports: &impl Ports, cluster: &str, claim: &Claim) -> Result<Value> {
    let mut left = listed(ports, cluster, claim).await?;
    let mut disabled = BTreeSet::new();
    let deadline = Deadline::after(ports, SETTLE_SECONDS);
    while !left.is_empty() {
        let (mut refusal, mut unanswered) = (None, BTreeSet::new());
        for (snapshot, zone) in &left {
            fence(ports, cluster, claim).await?;
            match ports.disable_fast_restore(snapshot, zone).await {
                Outcome::Accepted(()) => _ = disabled.insert((snapshot.clone(), zone.clone())),
                Outcome::AlreadySo => {}
                // A describe that shows it as off may be from before it was enabled: not believed until a call was answered.
                Outcome::NotYet(_) | Outcome::Unknown(_) => _ = unanswered.insert((snapshot.clone(), zone.clone())),
                Outcome::Refused(error) => refusal = Some(error),
            }
        }
        ports.sleep(SETTLE_POLL).await;
        let on = present(ports, &left).await?;
        left.retain(|place| {
            let (snapshot, zone) = place;
            unanswered.contains(place) || on.iter().any(|one| one.is_on() && one.is_of(snapshot, zone))
        });
        if !left.is_empty() && deadline.has_passed(ports) {
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
