//! The patrol's look over all clusters (safety.md, rules 7, 12, 13): who needs recover although no event came, and what is left that
//! nobody needs. It changes nothing: recover is the only thing that it starts, and never for a cluster on hold.

use crate::catalogue::{self, Snapshot, tag};
use crate::config::Config;
use crate::ec2::{SnapshotId, SnapshotState, VolumeId};
use crate::error::Result;
use crate::ids::Id;
use crate::intent::Disturbance;
use crate::lock::{HolderStatus, Lock, UNKNOWN_HOLDER_SECONDS};
use crate::restore::Record;
use crate::restore::fast_snapshot_restore::FastRestore;
use crate::time::Moment;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is younger may still be at work.
pub const DAY_SECONDS: i64 = 24 * 3600;
/// A recover that failed has named what a person must do. After so long the patrol starts another one: what it failed of may have
/// passed.
pub const AGAIN_SECONDS: i64 = 3600;

/// A cluster's item of lock and intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The lock; the error: it cannot be read.
    pub lock: Result<Lock>,
    /// Its holder, which can be read even if the intent cannot.
    pub holder: Option<String>,
    /// When the operator's hold began, if there is one. Holds of earlier versions have no time.
    pub held_since: Option<Moment>,
}

/// A volume that carries the tag of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tagged {
    /// The restore's id, as it is tagged.
    pub restore: String,
    /// It is attached to nothing.
    pub is_free: bool,
}

/// All that is seen.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    /// The clusters that have a configuration; the error: it cannot be read.
    pub clusters: BTreeMap<String, Result<Config>>,
    /// By cluster.
    pub items: BTreeMap<String, Item>,
    /// The restores' records by their ids; the error: it cannot be read.
    pub records: BTreeMap<String, Result<Record>>,
    /// The snapshots with our tag.
    pub snapshots: Vec<Snapshot>,
    /// The volumes with a restore's tag, by their ids.
    pub volumes: BTreeMap<VolumeId, Tagged>,
    /// Every fast snapshot restore of the account that is not disabled.
    pub fast_restores: Vec<FastRestore>,
}

/// An unfinished intent that nobody is known to work on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stranded {
    /// The cluster.
    pub cluster: String,
    /// Who holds the lock, and may be alive; `None`: nobody.
    pub holder: Option<String>,
}

/// The age of a cluster's newest valid backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Age {
    /// The cluster.
    pub cluster: String,
    /// Seconds since its groups were stopped for it; `None`: there is no valid backup.
    pub seconds: Option<i64>,
    /// It is older than `objective_hours`, or there is none.
    pub overdue: bool,
}

/// Something that a person should look at. No operation is in danger of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[allow(missing_docs)] // docs/operations.md says what to do about each
pub enum Finding {
    SnapshotPending { cluster: String, snapshot: SnapshotId },
    FastRestoreLeft { snapshot: SnapshotId, zone: String },
    VolumeLeft { volume: VolumeId, restore: String },
    RecordLeft { restore: String },
    HoldLeft { cluster: String, why: String },
    ConfigUnreadable { cluster: String, why: String },
    LockUnreadable { cluster: String, why: String },
    RecordUnreadable { restore: String, why: String },
}

/// What the patrol says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Those who may need recover.
    pub stranded: Vec<Stranded>,
    /// One for each cluster whose configuration can be read.
    pub ages: Vec<Age>,
    /// What is left.
    pub findings: Vec<Finding>,
}

impl Fleet {
    fn locks(&self) -> impl Iterator<Item = (&String, &Lock)> {
        self.items
            .iter()
            .filter_map(|(cluster, item)| Some((cluster, item.lock.as_ref().ok()?)))
    }

    /// Judges it all.
    pub fn report(&self, now: Moment) -> Report {
        let mut findings: Vec<Finding> = self
            .pending(now)
            .chain(self.fast(now))
            .chain(self.left_volumes(now))
            .chain(self.left_records(now))
            .chain(self.holds(now))
            .chain(self.unreadable())
            .collect();
        findings.sort();
        Report {
            stranded: self.stranded().collect(),
            ages: self.ages(now),
            findings,
        }
    }

    /// A hold is the operator's: what it stopped stays stopped (rule 12).
    fn stranded(&self) -> impl Iterator<Item = Stranded> {
        self.locks()
            .filter(|(_, lock)| lock.intent.is_some() && lock.hold.is_none())
            .map(|(cluster, lock)| Stranded {
                cluster: cluster.clone(),
                holder: lock.holder.clone(),
            })
    }

    fn ages(&self, now: Moment) -> Vec<Age> {
        let mut by_cluster: BTreeMap<&str, Vec<Snapshot>> = BTreeMap::new();
        for one in &self.snapshots {
            if let Some(cluster) = one.tags.get(tag::CLUSTER) {
                by_cluster.entry(cluster).or_default().push(one.clone());
            }
        }
        let configs = self
            .clusters
            .iter()
            .filter_map(|(name, config)| Some((name, config.as_ref().ok()?)));
        configs
            .map(|(cluster, config)| {
                let backups = catalogue::backups(cluster, by_cluster.remove(cluster.as_str()).unwrap_or_default());
                let newest = backups.iter().find(|backup| backup.valid);
                let seconds = newest.map(|backup| now.seconds_since(backup.consistent_at));
                let most = config
                    .objective_hours
                    .map(|hours| i64::from(hours).saturating_mul(3600));
                Age {
                    cluster: cluster.clone(),
                    seconds,
                    overdue: most.is_some_and(|most| seconds.is_none_or(|seconds| seconds > most)),
                }
            })
            .collect()
    }

    fn pending(&self, now: Moment) -> impl Iterator<Item = Finding> {
        let is_late =
            move |one: &&Snapshot| one.state == SnapshotState::Pending && now.seconds_since(one.started) > DAY_SECONDS;
        self.snapshots
            .iter()
            .filter(is_late)
            .map(|one| Finding::SnapshotPending {
                cluster: one.tags.get(tag::CLUSTER).cloned().unwrap_or_default(),
                snapshot: one.id.clone(),
            })
    }

    /// Fast restore of our snapshots that no unfinished intent lists. It cannot be known who enabled it.
    fn fast(&self, now: Moment) -> impl Iterator<Item = Finding> {
        let ours: BTreeSet<&SnapshotId> = self.snapshots.iter().map(|one| &one.id).collect();
        let listed = |one: &FastRestore| {
            self.locks()
                .filter_map(|(_, lock)| lock.intent.as_ref())
                .flat_map(|intent| &intent.disturbances)
                .any(|each| matches!(each, Disturbance::FastRestore { snapshot, zone } if one.is_of(snapshot, zone)))
        };
        self.fast_restores
            .iter()
            .filter(move |one| one.is_on() && ours.contains(&one.snapshot) && !listed(one))
            .filter(move |one| one.enabled.is_some_and(|since| now.seconds_since(since) > DAY_SECONDS))
            .map(|one| Finding::FastRestoreLeft {
                snapshot: one.snapshot.clone(),
                zone: one.zone.clone(),
            })
    }

    /// Whether an operation of the restore's cluster is unfinished, which may need its volumes.
    fn is_in_use(&self, restore: &str) -> bool {
        let cluster = Id::parse(restore).map(|id| id.cluster().to_owned());
        self.items.iter().any(|(name, item)| {
            cluster.as_ref() == Ok(name) && item.lock.as_ref().map_or(true, |lock| lock.intent.is_some())
        })
    }

    /// Free volumes of a restore that has neither a record nor an unfinished intent.
    fn left_volumes(&self, now: Moment) -> impl Iterator<Item = Finding> {
        self.volumes
            .iter()
            .filter(move |(_, one)| one.is_free && !self.records.contains_key(&one.restore))
            .filter(move |(_, one)| !self.is_in_use(&one.restore) && is_old(&one.restore, now))
            .map(|(volume, one)| Finding::VolumeLeft {
                volume: volume.clone(),
                restore: one.restore.clone(),
            })
    }

    /// Records of restores of which no volume is left.
    fn left_records(&self, now: Moment) -> impl Iterator<Item = Finding> {
        let used: BTreeSet<&str> = self.volumes.values().map(|one| one.restore.as_str()).collect();
        self.records
            .keys()
            .filter(move |restore| !used.contains(restore.as_str()) && !self.is_in_use(restore))
            .filter(move |restore| is_old(restore, now))
            .map(|restore| Finding::RecordLeft {
                restore: restore.clone(),
            })
    }

    fn holds(&self, now: Moment) -> impl Iterator<Item = Finding> {
        self.items.iter().filter_map(move |(cluster, item)| {
            let why = item.lock.as_ref().ok()?.hold.clone()?;
            let is_new = item
                .held_since
                .is_some_and(|since| now.seconds_since(since) <= DAY_SECONDS);
            (!is_new).then(|| Finding::HoldLeft {
                cluster: cluster.clone(),
                why,
            })
        })
    }

    fn unreadable(&self) -> impl Iterator<Item = Finding> {
        let configs = self.clusters.iter().filter_map(|(cluster, config)| {
            let why = config.as_ref().err()?.to_string();
            let cluster = cluster.clone();
            Some(Finding::ConfigUnreadable { cluster, why })
        });
        let locks = self.items.iter().filter_map(|(cluster, item)| {
            let why = item.lock.as_ref().err()?.to_string();
            let cluster = cluster.clone();
            Some(Finding::LockUnreadable { cluster, why })
        });
        let records = self.records.iter().filter_map(|(restore, record)| {
            let why = record.as_ref().err()?.to_string();
            let restore = restore.clone();
            Some(Finding::RecordUnreadable { restore, why })
        });
        configs.chain(locks).chain(records)
    }
}

/// Whether the restore began more than a day ago. What is no id of ours is no restore of ours.
fn is_old(restore: &str, now: Moment) -> bool {
    Id::parse(restore).is_ok_and(|id| now.seconds_since(id.at()) > DAY_SECONDS)
}

/// What a holder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// A recover.
    Recover,
    /// A backup, a restore, a rollback, or what else there may be.
    Operation,
}

impl Holder {
    /// From the ARN of an execution, and that of recover's state machine.
    pub fn of(execution: &str, recover: &str) -> Self {
        let name = |arn: &str, at: usize| arn.split(':').nth(at).map(str::to_owned);
        match (name(execution, 6), name(recover, 6)) {
            (Some(machine), Some(ours)) if machine == ours => Self::Recover,
            _ => Self::Operation,
        }
    }
}

/// Whether recover is started for a stranded cluster: the lock as it is now, and what DescribeExecution says of `holder`. `Err`: why
/// not.
pub fn is_due(lock: &Lock, described: &Described, kind: Holder, now: Moment) -> std::result::Result<(), &'static str> {
    if lock.hold.is_some() {
        return Err("the cluster is on hold");
    }
    if lock.intent.is_none() {
        return Err("nothing is unfinished any more");
    }
    let Described::As { holder, status } = described else {
        return if lock.holder.is_none() {
            Ok(())
        } else {
            Err("somebody has taken the lock")
        };
    };
    if lock.holder.as_ref() != Some(holder) {
        return Err("the lock has another holder by now");
    }
    let age = lock.since.map(|since| now.seconds_since(since));
    match (HolderStatus::read(status), kind) {
        (HolderStatus::Running, _) => Err("its holder is at work"),
        (HolderStatus::NotFound, _) if age.is_some_and(|age| age < UNKNOWN_HOLDER_SECONDS) => {
            Err("its holder may not be shown yet")
        }
        // One that failed has told a person.
        (HolderStatus::Ended, Holder::Recover) if status == "FAILED" && age.is_some_and(|age| age < AGAIN_SECONDS) => {
            Err("its recover failed within the last hour")
        }
        (HolderStatus::NotFound | HolderStatus::Ended, _) => Ok(()),
    }
}

/// What is known of the holder of a stranded cluster's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Described {
    /// There was none.
    Nobody,
    /// Its status, by DescribeExecution; `NOT_FOUND` if there is no such execution.
    As {
        /// Its ARN.
        holder: String,
        /// Its status.
        status: String,
    },
}

#[cfg(test)]
#[path = "patrol_tests.rs"]
mod tests;
