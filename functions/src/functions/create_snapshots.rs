//! `create-snapshots`: the snapshots of a backup, taken at most once. CreateSnapshot has no idempotency token, so a retry first looks for
//! the snapshots of an earlier call by their intent tag (safety.md, rules 3 and 6).

use crate::deadline::Deadline;
use crate::functions::fence::{fence, intent};
use crate::functions::observe::instances;
use crate::functions::repeat::{TAG_LAGS, harmless, tags_lag, until_accepted};
use crate::ports::{Clock, Configs, Instances, Ledger, SnapshotSet, Snapshots, Tags, Volumes};
use mirrorsnap_domain::catalogue::{self, Snapshot, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::ec2::VolumeId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{self, Image, Section, Stopped, Taken};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::inspect;
use mirrorsnap_domain::intent::Intent;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::proof;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long, and how often, a retry looks for an earlier call's snapshots before it makes others (rule 6).
const LOOK_UP_SECONDS: u32 = 60;
const POLL: Duration = Duration::from_secs(2);

/// How long EC2 must show the standby as not stopped before that is believed, since a describe may be older than the stop.
const DOUBT_SECONDS: u32 = 30;

/// How long the call is retried against EC2's rate limit of one snapshot per volume and 15 s. After that the state machine retries the
/// function.
const RATE_SECONDS: u32 = 40;

/// How long CreateTags is retried while EC2 does not know the snapshot yet.
const TAG_SECONDS: u32 = 30;

/// docs/functions.md, create-snapshots.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    cluster: String,
    lock: Claim,
    /// From `assess` in mode `section`.
    section: Section,
    /// From `assess` in mode `stopped`.
    stopped: Stopped,
    /// The state's RetryCount.
    #[serde(default)]
    retry_count: u32,
}

/// What the function needs.
pub trait Ports: Configs + Ledger + Instances + Volumes + Snapshots + Tags + Clock {}
impl<T: Configs + Ledger + Instances + Volumes + Snapshots + Tags + Clock> Ports for T {}

/// The standby as it is now; an error unless it is still stopped by its own shutdown.
async fn still_stopped(ports: &(impl Instances + Clock), config: &Config, intent: &Intent) -> Result<Stopped> {
    let deadline = Deadline::after(ports, DOUBT_SECONDS);
    loop {
        let seen = instances(ports, config).await?;
        let why = match seen.get(&intent.standby) {
            None => "EC2 does not show it",
            Some(instance) => {
                let volumes = inspect::volumes(config, &intent.standby, instance)?;
                match evidence::stopped(&intent.standby, instance, &volumes)? {
                    Some(stopped) => return Ok(stopped),
                    None => "its instance runs",
                }
            }
        };
        if deadline.has_passed(ports) {
            return Err(Error::new(
                Kind::PreparationUnproven,
                format!("{} is not stopped any more: {why}", intent.standby),
                "nothing by hand: the cluster is brought back; run `mirrorsnap backup CLUSTER` again",
            ));
        }
        ports.sleep(POLL).await;
    }
}

/// The set that counts, if one is complete: one snapshot for each volume.
async fn find(ports: &impl Snapshots, id: &Id, wanted: &BTreeSet<VolumeId>) -> Result<Option<Vec<Snapshot>>> {
    let (kept, _) = catalogue::choose(ports.snapshots_of_backup(id).await?);
    let ours: Vec<Snapshot> = kept.into_iter().filter(|one| wanted.contains(&one.volume)).collect();
    Ok((ours.len() == wanted.len()).then_some(ours))
}

async fn found_after_retry(
    ports: &(impl Snapshots + Clock),
    id: &Id,
    wanted: &BTreeSet<VolumeId>,
    retry_count: u32,
) -> Result<Option<Vec<Snapshot>>> {
    let deadline = Deadline::after(ports, if retry_count == 0 { 0 } else { LOOK_UP_SECONDS });
    loop {
        if let Some(set) = find(ports, id, wanted).await? {
            return Ok(Some(set));
        }
        if deadline.has_passed(ports) {
            return Ok(None);
        }
        ports.sleep(POLL).await;
    }
}

/// The volumes' tags that their snapshots get.
async fn carried(ports: &impl Volumes, volumes: &BTreeSet<VolumeId>, disks: usize) -> Result<BTreeMap<String, String>> {
    let ids: Vec<VolumeId> = volumes.iter().cloned().collect();
    let shown = ports.volumes(&ids).await?;
    let tags: Vec<BTreeMap<String, String>> = shown.into_values().map(|one| one.shape.tags).collect();
    let (carried, left) = catalogue::carried(&tags, disks);
    if !left.is_empty() {
        tracing::warn!(tags = %left.join(", "), "not carried over to the snapshots: EC2 allows no more tags");
    }
    Ok(carried)
}

fn disks_on(stopped: &Stopped, volume: &VolumeId) -> Vec<String> {
    stopped
        .volumes
        .iter()
        .filter(|(_, on)| *on == volume)
        .map(|(disk, _)| disk.clone())
        .collect()
}

/// The request: one crash-consistent set of the mirror volumes, without the root volume and volumes that are not ours.
async fn set(
    ports: &(impl Instances + Clock),
    config: &Config,
    stopped: &Stopped,
    tags: BTreeMap<String, String>,
    wanted: &BTreeSet<VolumeId>,
) -> Result<SnapshotSet> {
    let mut excluded = Vec::new();
    if wanted.len() > 1 {
        let seen = instances(ports, config).await?;
        let instance = seen.values().find(|instance| instance.id == stopped.instance);
        if let Some(instance) = instance {
            let root = instance.root_device.as_ref();
            let others = instance
                .volumes
                .iter()
                .chain(&instance.moving)
                .filter(|(device, volume)| Some(*device) != root && !wanted.contains(*volume));
            excluded.extend(others.map(|(_, volume)| volume.clone()));
        }
    }
    Ok(SnapshotSet {
        instance: stopped.instance.clone(),
        volumes: wanted.clone(),
        excluded,
        description: format!("mirrorsnap {}", config.name),
        tags,
    })
}

/// The one call that makes snapshots. It is retried against a rate limit, since nothing was made then.
async fn create(ports: &impl Ports, input: &Input, set: &SnapshotSet) -> Result<Vec<Taken>> {
    let call = async || {
        fence(ports, &input.cluster, &input.lock).await?;
        Ok(ports.create_snapshots(set).await)
    };
    let taken = until_accepted(ports, RATE_SECONDS, call).await?.unwrap_or_default();
    let of: BTreeSet<&VolumeId> = taken.iter().map(|one| &one.volume).collect();
    if taken.len() != set.volumes.len() || of.len() != set.volumes.len() {
        return Err(Error::new(
            Kind::AwsUnavailable,
            format!("EC2 named {} snapshots of {} volumes", taken.len(), set.volumes.len()),
            "it is repeated: what was made is looked for first",
        ));
    }
    Ok(taken)
}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Image> {
    let config = ports.config(&input.cluster).await?;
    let (_, intent) = intent(ports, &input.cluster, &input.lock).await?;
    let id = Id::parse(&intent.id)?;
    let wanted: BTreeSet<VolumeId> = input.stopped.volumes.values().cloned().collect();
    if wanted.is_empty() {
        return Err(Error::new(
            Kind::InputInvalid,
            "no volume is named",
            "pass what assess answered in mode stopped",
        ));
    }
    if still_stopped(ports, &config, &intent).await? != input.stopped {
        let found = format!(
            "{} was started, or its volumes were changed, since it stopped",
            intent.standby
        );
        return Err(Error::new(
            Kind::PreparationUnproven,
            found,
            "nothing by hand; run `mirrorsnap backup CLUSTER` again",
        ));
    }
    let snapshots = if let Some(set) = found_after_retry(ports, &id, &wanted, input.retry_count).await? {
        set.into_iter()
            .map(|one| Taken {
                snapshot: one.id,
                volume: one.volume,
            })
            .collect()
    } else {
        let mut tags = carried(ports, &wanted, input.stopped.volumes.len()).await?;
        // One call gives one set of tags to all: of several, which disks are on which volume is written afterwards.
        let disks = match wanted.first() {
            Some(only) if wanted.len() == 1 => disks_on(&input.stopped, only),
            _ => Vec::new(),
        };
        let ours = catalogue::tags(&id, input.section.consistent_at, &intent.standby, &disks, wanted.len());
        tags.extend(ours);
        tags.extend([catalogue::consistency_tag(input.section.consistency)]);
        tags.extend(proof::tags(&disks, &input.section.fingerprints, &intent.places));
        let set = set(ports, &config, &input.stopped, tags, &wanted).await?;
        create(ports, &input, &set).await?
    };
    if wanted.len() > 1 {
        for one in &snapshots {
            let disks = disks_on(&input.stopped, &one.volume);
            let mut tags = proof::tags(&disks, &input.section.fingerprints, &intent.places);
            tags.insert(tag::MIRROR_DISKS.to_owned(), disks.join(" "));
            let mut lag = TAG_LAGS;
            let call = async || {
                fence(ports, &input.cluster, &input.lock).await?;
                // Our permission hangs on a tag that CreateSnapshots has just written.
                let outcome = harmless(ports.tag(std::slice::from_ref(&one.snapshot), &tags).await);
                Ok(tags_lag(outcome, &mut lag))
            };
            until_accepted(ports, TAG_SECONDS, call).await?;
        }
    }
    let after = still_stopped(ports, &config, &intent).await?;
    Ok(Image { snapshots, after })
}

#[cfg(test)]
#[path = "create_snapshots_tests.rs"]
mod tests;
