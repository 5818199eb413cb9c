//! The patrol's look over all clusters (safety.md, rules 7, 12, 13): who needs recover although no event came, and what is left that
//! nobody needs. It changes nothing. It starts recover, never for a cluster on hold, and proofs: once a week of an
//! older backup of each cluster, and of a backup whose own proof left no verdict (rule 24).

use crate::catalogue::{self, Backup, Snapshot, tag};
use crate::config::Config;
use crate::copies::Region;
use crate::ec2::{SnapshotId, SnapshotState, VolumeId};
use crate::error::Result;
use crate::ids::Id;
use crate::intent::{Disturbance, Intent};
use crate::lock::Lock;
use crate::proof::{self, DueProof};
use crate::restore::Record;
use crate::restore::fast_snapshot_restore::FastRestore;
use crate::time::Moment;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

mod copied;
pub mod costs;
mod due;
pub mod morning;
mod newest;

pub use due::{AGAIN_SECONDS, Described, Due, Holder, due};

/// What is younger may still be at work.
pub const DAY_SECONDS: i64 = 24 * 3600;

/// A cluster's item of lock and intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The lock; the error: it cannot be read.
    pub lock: Result<Lock>,
    /// Its holder, which can be read even if the intent cannot.
    pub holder: Option<String>,
    /// When the operator's hold began, if there is one. Holds of earlier versions have no time.
    pub held_since: Option<Moment>,
    /// When the cluster was seen normal again, although the operation that the intent is of still waits for its snapshots.
    pub back_at: Option<Moment>,
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
    /// The copies of each cluster whose configuration asks for some; the error: they cannot be read.
    pub copies: BTreeMap<String, Result<Vec<Snapshot>>>,
}

/// An unfinished intent that nobody is known to work on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stranded {
    /// The cluster.
    pub cluster: String,
    /// Who holds the lock, and may be alive; `None`: nobody.
    pub holder: Option<String>,
}

/// The age of a cluster's newest valid backup that a restore of `latest` would choose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Age {
    /// The cluster.
    pub cluster: String,
    /// Seconds since its groups were stopped for it, or the writes held; `None`: there is none.
    pub seconds: Option<i64>,
    /// It is older than `objective_hours`, or there is none.
    pub overdue: bool,
}

/// What the metrics of a cluster say.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// The cluster.
    pub cluster: String,
    /// Seconds since its groups were stopped for its newest valid backup; `None`: there is no valid backup.
    pub age_seconds: Option<i64>,
    /// The size of the volumes in that backup.
    pub gib: Option<i64>,
    /// What all its snapshots cost a month, as if each were full ([`costs::at_most`]).
    pub usd_per_month_at_most: f64,
    /// For how long an operation has had it without redundancy; 0: it is as it was, or nobody of ours has touched it.
    pub degraded_seconds: i64,
}

/// Something that a person should look at. No operation is in danger of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
#[allow(missing_docs)] // docs/operations.md says what to do about each
pub enum Finding {
    SnapshotPending {
        cluster: String,
        snapshot: SnapshotId,
    },
    FastRestoreLeft {
        snapshot: SnapshotId,
        zone: String,
    },
    VolumeLeft {
        volume: VolumeId,
        restore: String,
    },
    RecordLeft {
        restore: String,
    },
    HoldLeft {
        cluster: String,
        why: String,
    },
    CopyMissing {
        cluster: String,
        backup: String,
        region: Region,
    },
    CopiesUnreadable {
        cluster: String,
        region: Region,
        why: String,
    },
    ConfigUnreadable {
        cluster: String,
        why: String,
    },
    LockUnreadable {
        cluster: String,
        why: String,
    },
    RecordUnreadable {
        restore: String,
        why: String,
    },
}

/// What the patrol says.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Those who may need recover.
    pub stranded: Vec<Stranded>,
    /// One for each cluster whose configuration can be read.
    pub ages: Vec<Age>,
    /// One for each cluster that has a configuration, whether it can be read or not.
    pub figures: Vec<Figures>,
    /// What is left.
    pub findings: Vec<Finding>,
    /// Older backups whose images are to be proved now.
    pub prove: Vec<DueProof>,
}

impl Item {
    /// Since the operation's inspection, as long as its intent lists what takes the redundancy away and the cluster was not seen normal
    /// again.
    fn degraded_seconds(&self, now: Moment) -> i64 {
        let intent = self.lock.as_ref().ok().and_then(|lock| lock.intent.as_ref());
        let is_degraded = |intent: &&Intent| self.back_at.is_none() && intent.disturbances.iter().any(degrades);
        intent
            .filter(is_degraded)
            .map_or(0, |intent| now.seconds_since(intent.started).max(0))
    }
}

/// Whether a cluster is without redundancy, or out of service, while this is so.
const fn degrades(one: &Disturbance) -> bool {
    match one {
        Disturbance::Group { .. }
        | Disturbance::Mirror { .. }
        | Disturbance::BackupMode { .. }
        | Disturbance::RestoreMode { .. }
        | Disturbance::Attachment(_) => true,
        Disturbance::Monitor { .. } | Disturbance::FastRestore { .. } => false,
    }
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
            .chain(self.uncopied(now))
            .chain(self.unreadable())
            .collect();
        findings.sort();
        Report {
            stranded: self.stranded().collect(),
            ages: self.ages(now),
            figures: self.figures(now),
            findings,
            prove: self
                .backups()
                .into_iter()
                .flat_map(|(cluster, all)| [proof::weekly(cluster, &all, now), proof::overlooked(cluster, &all, now)])
                .flatten()
                .collect(),
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

    /// The backups of each cluster that has a configuration, newest first.
    fn backups(&self) -> BTreeMap<&str, Vec<Backup>> {
        let mut by_cluster: BTreeMap<&str, Vec<Snapshot>> = BTreeMap::new();
        for one in &self.snapshots {
            if let Some(cluster) = one.tags.get(tag::CLUSTER) {
                by_cluster.entry(cluster).or_default().push(one.clone());
            }
        }
        let of = |cluster: &str, snapshots| catalogue::backups(cluster, snapshots);
        self.clusters
            .keys()
            .map(|cluster| {
                (
                    cluster.as_str(),
                    of(cluster, by_cluster.remove(cluster.as_str()).unwrap_or_default()),
                )
            })
            .collect()
    }

    fn ages(&self, now: Moment) -> Vec<Age> {
        let backups = self.backups();
        let configs = self
            .clusters
            .iter()
            .filter_map(|(name, config)| Some((name, config.as_ref().ok()?)));
        configs
            .map(|(cluster, config)| {
                let newest = backups.get(cluster.as_str()).and_then(|all| self.newest(cluster, all));
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

    fn figures(&self, now: Moment) -> Vec<Figures> {
        let of = |(cluster, backups): (&str, Vec<Backup>)| {
            let newest = self.newest(cluster, &backups);
            Figures {
                cluster: cluster.to_owned(),
                age_seconds: newest.map(|backup| now.seconds_since(backup.consistent_at)),
                gib: newest.map(|backup| backup.snapshots.iter().map(|one| i64::from(one.gib)).sum()),
                usd_per_month_at_most: costs::at_most(&backups),
                degraded_seconds: self.items.get(cluster).map_or(0, |item| item.degraded_seconds(now)),
            }
        };
        self.backups().into_iter().map(of).collect()
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

#[cfg(test)]
#[path = "patrol_tests.rs"]
mod tests;
