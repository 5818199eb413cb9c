//! The intent and the lock: what an operation has disturbed or is about to, and who may act (safety.md, rules 7, 8, 11).
//!
//! Both live in one DynamoDB item per cluster, written by the state machines. An intent lists every disturbance *before*
//! it is made; converge undoes what is listed, and nothing else.

use crate::error::{Error, Kind, Result};
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Operation {
    /// A backup.
    Backup,
    /// A restore.
    Restore,
    /// A rollback of a restore.
    Rollback,
}

/// The phases, by the names that states, documents and reports use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // the names say it; design.md explains them
pub enum Phase {
    Inspect,
    Quiesce,
    Split,
    Resume,
    EnterBackupMode,
    StopStandby,
    Snapshot,
    StartStandby,
    LeaveBackupMode,
    Resync,
    MarkValid,
    Plan,
    PrepareVolumes,
    StopBoth,
    Detach,
    Attach,
    StartBoth,
    CheckDevices,
    PostProcess,
    Verify,
    Rollback,
}

/// One disturbance: a state that the operation changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Disturbance {
    /// A monitor is suspended on a node.
    Monitor {
        /// The node.
        node: String,
        /// The monitor.
        monitor: String,
    },
    /// A group that ran on a node is stopped.
    Group {
        /// The node where it ran.
        node: String,
        /// The group.
        group: String,
    },
    /// A mirror disk is broken: its side on one node has old data.
    Mirror {
        /// The node with the old side.
        node: String,
        /// The mirror disk.
        disk: String,
    },
    /// A node is in backup mode, and stopped.
    BackupMode {
        /// The node.
        node: String,
    },
    /// A node is in restore mode, and stopped.
    RestoreMode {
        /// The node.
        node: String,
    },
    /// A node's volume is replaced by another.
    Attachment(Attachment),
    /// Fast snapshot restore is enabled by us.
    FastRestore {
        /// The snapshot.
        snapshot: String,
        /// The availability zone.
        zone: String,
    },
}

/// One device of one node, with its old and its new volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The node.
    pub node: String,
    /// The attachment's device name.
    pub device: String,
    /// The old volume.
    pub old: String,
    /// The new volume.
    pub new: String,
    /// The snapshot that `new` was made from.
    pub snapshot: String,
    /// DeleteOnTermination. It belongs to the attachment, so it is copied to the new one.
    pub delete_on_termination: bool,
}

/// The course of a restore (safety.md, rule 16). It is written into the intent *before* the first step that needs it. The aliases are
/// names that earlier versions wrote: the functions may be updated while an intent is unfinished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Course {
    /// No post-processing was ordered. Converge puts the old volumes back, and CLUSTERPRO decides.
    #[serde(alias = "swap")]
    PutBack,
    /// Post-processing may have been ordered on the new volumes. Converge goes on with them.
    #[serde(alias = "post")]
    Forward,
    /// Converge puts the old volumes back after a post-processing, and copies from the source node.
    #[serde(alias = "copy")]
    RollBack,
}

/// The part of an intent that only a restore and a rollback have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restoring {
    /// Its course.
    pub course: Course,
    /// The node on which the groups ran; its old volumes have the newest data. `None`: not known, so nothing is copied.
    pub source: Option<String>,
    /// The restore's own limit: after this moment it goes no further forward, unless the groups are online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward_until: Option<Moment>,
    /// Mirror disks that were not normal when it was planned. [`Course::PutBack`] leaves them as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_normal_before: Vec<String>,
    /// Why it turned back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub turned: Option<Turned>,
}

/// Why a restore turned back: the name and text of the error with which it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turned {
    /// The error's name.
    pub error: String,
    /// Its text.
    pub why: String,
}

/// What an operation does to a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intent {
    /// Which operation.
    pub operation: Operation,
    /// The backup's or restore's id; it is the `Run` of its documents.
    pub id: String,
    /// How far it has come, for people. Nothing is decided by it.
    pub phase: Phase,
    /// When the inspection was made.
    pub started: Moment,
    /// Where the groups ran.
    pub active: String,
    /// The other node.
    pub standby: String,
    /// The boots that the inspection saw, by node.
    pub boots: BTreeMap<String, String>,
    /// So many seconds after `started`, nothing that was sent can act on a silent node any more: the documents' NotAfter, the
    /// standby's wait and the timer's limit have passed (safety.md, F).
    pub quiet_after_seconds: u32,
    /// Everything that is or will be disturbed.
    pub disturbances: Vec<Disturbance>,
    /// Only of a restore or a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restoring>,
}

impl Intent {
    /// The groups that we stop.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.disturbances.iter().filter_map(|one| match one {
            Disturbance::Group { group, .. } => Some(group.as_str()),
            _ => None,
        })
    }

    /// The monitors that we suspend on `node`.
    pub fn monitors<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a str> {
        self.disturbances.iter().filter_map(move |one| match one {
            Disturbance::Monitor { node: at, monitor } if at == node => Some(monitor.as_str()),
            _ => None,
        })
    }

    /// Whether we break the mirror disk.
    pub fn breaks(&self, disk: &str) -> bool {
        self.disturbances
            .iter()
            .any(|one| matches!(one, Disturbance::Mirror { disk: name, .. } if name == disk))
    }

    /// Whether we put `node` into backup mode and stop it.
    pub fn enters_backup_mode(&self, node: &str) -> bool {
        self.disturbances
            .iter()
            .any(|one| matches!(one, Disturbance::BackupMode { node: at } if at == node))
    }

    /// Whether we put `node` into restore mode and stop it.
    pub fn enters_restore_mode(&self, node: &str) -> bool {
        self.disturbances
            .iter()
            .any(|one| matches!(one, Disturbance::RestoreMode { node: at } if at == node))
    }

    /// The volumes of `node` that are replaced.
    pub fn attachments<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Attachment> {
        self.disturbances.iter().filter_map(move |one| match one {
            Disturbance::Attachment(attachment) if attachment.node == node => Some(attachment),
            _ => None,
        })
    }

    /// Fast snapshot restores that this operation enabled: snapshot and zone.
    pub fn fast_restores(&self) -> impl Iterator<Item = (&str, &str)> {
        self.disturbances.iter().filter_map(|one| match one {
            Disturbance::FastRestore { snapshot, zone } => Some((snapshot.as_str(), zone.as_str())),
            _ => None,
        })
    }

    /// The same intent on another course, and why.
    #[must_use]
    pub fn turned(&self, course: Course, error: &Error) -> Self {
        let mut next = self.clone();
        if let Some(restoring) = &mut next.restore {
            restoring.course = course;
            restoring.turned.get_or_insert(Turned {
                error: error.name().to_owned(),
                why: error.to_string(),
            });
        }
        next.phase = Phase::Rollback;
        next
    }

    /// Whether the intent lists a disturbance on `node`.
    pub fn touches(&self, node: &str) -> bool {
        self.disturbances.iter().any(|one| match one {
            Disturbance::Monitor { node: at, .. }
            | Disturbance::Group { node: at, .. }
            | Disturbance::Mirror { node: at, .. }
            | Disturbance::BackupMode { node: at }
            | Disturbance::RestoreMode { node: at } => at == node,
            Disturbance::Attachment(attachment) => attachment.node == node,
            Disturbance::FastRestore { .. } => false,
        })
    }
}

/// The lock item of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// The execution that holds it; `None`: free.
    pub holder: Option<String>,
    /// Raised at every change of the holder, and to fence.
    pub epoch: u64,
    /// When it was taken.
    pub since: Option<Moment>,
    /// The operator's hold: who, and why.
    pub hold: Option<String>,
    /// The unfinished intent, if there is one.
    pub intent: Option<Intent>,
}

/// The caller's claim to the lock. Every mutating function compares it with the lock before each mutating call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claim {
    /// The execution's ARN.
    pub holder: String,
    /// The epoch that it took.
    pub epoch: u64,
}

impl Lock {
    /// Passes if the claim still holds the cluster (rule 8).
    pub fn admit(&self, cluster: &str, claim: &Claim) -> Result<()> {
        if self.holder.as_deref() == Some(claim.holder.as_str()) && self.epoch == claim.epoch {
            return Ok(());
        }
        Err(Error::new(
            Kind::Fenced,
            format!(
                "cluster {cluster} is held by {} at epoch {}; this call came from {} at epoch {}",
                self.holder.as_deref().unwrap_or("nobody"),
                self.epoch,
                claim.holder,
                claim.epoch
            ),
            "nothing: a newer operation took over, and brings the cluster back",
        ))
    }

    /// Passes if there is no operator's hold.
    pub fn not_on_hold(&self, cluster: &str) -> Result<()> {
        match &self.hold {
            None => Ok(()),
            Some(why) => Err(Error::new(
                Kind::OperatorHold,
                format!("cluster {cluster} is on hold: {why}"),
                "finish the work, then unhold the cluster",
            )),
        }
    }
}

/// What DescribeExecution says of a lock's holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum HolderStatus {
    /// It runs (or waits for a redrive).
    Running,
    /// It ended, in whatever status.
    Ended,
    /// There is no such execution.
    NotFound,
}

impl HolderStatus {
    /// From the status of an execution; `NOT_FOUND` is our word for an unknown one. A word that we do not know counts as running,
    /// since a take-over from a running holder is the worse mistake.
    pub fn read(word: &str) -> Self {
        match word {
            "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED" => Self::Ended,
            "NOT_FOUND" => Self::NotFound,
            _ => Self::Running,
        }
    }
}

/// A holder that Step Functions does not know counts as running until the lock is this old, since a describe may lag behind a start.
pub const UNKNOWN_HOLDER_SECONDS: i64 = 15 * 60;

/// Whether `me` may take the lock over, and under which epoch (rule 7). Errors: `OperationInProgress`, `OperatorHold`.
pub fn take_over(cluster: &str, lock: &Lock, holder: HolderStatus, now: Moment) -> Result<u64> {
    lock.not_on_hold(cluster)?;
    let next = lock.epoch.saturating_add(1);
    let Some(name) = &lock.holder else { return Ok(next) };
    // Whoever takes the lock writes the time. Where it cannot be read somebody changed the item by hand, and a holder that
    // does not exist must not hold the cluster for ever.
    let age = lock.since.map(|since| now.seconds_since(since));
    let dead = match holder {
        HolderStatus::Running => false,
        HolderStatus::Ended => true,
        HolderStatus::NotFound => age.is_none_or(|age| age >= UNKNOWN_HOLDER_SECONDS),
    };
    if dead {
        return Ok(next);
    }
    Err(Error::new(
        Kind::OperationInProgress,
        match age {
            Some(age) => format!("cluster {cluster} has been held by {name} for {age} seconds"),
            None => format!("cluster {cluster} is held by {name}, since when cannot be read"),
        },
        "wait for it to end, or stop it and start recover",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lock() -> Lock {
        Lock {
            holder: Some("a".into()),
            epoch: 7,
            since: Some(Moment::from_unix(1000)),
            hold: None,
            intent: None,
        }
    }

    #[test]
    fn only_the_holder_of_the_epoch_is_admitted() {
        let claim = |holder: &str, epoch| Claim {
            holder: holder.into(),
            epoch,
        };
        assert!(lock().admit("orders", &claim("a", 7)).is_ok());
        for other in [claim("a", 6), claim("a", 8), claim("b", 7)] {
            assert_eq!(lock().admit("orders", &other).unwrap_err().kind(), Kind::Fenced);
        }
        let free = Lock { holder: None, ..lock() };
        assert!(free.admit("orders", &claim("a", 7)).is_err());
    }

    #[test]
    fn only_a_dead_holder_is_taken_over() {
        let take = |lock: &Lock, status, at| take_over("orders", lock, status, Moment::from_unix(at));
        assert_eq!(take(&lock(), HolderStatus::Ended, 1001), Ok(8));
        assert_eq!(
            take(&lock(), HolderStatus::Running, 99_999).unwrap_err().kind(),
            Kind::OperationInProgress
        );
        assert!(take(&lock(), HolderStatus::NotFound, 1000 + 899).is_err());
        assert_eq!(take(&lock(), HolderStatus::NotFound, 1000 + 900), Ok(8));
        let unreadable = Lock { since: None, ..lock() };
        assert_eq!(take(&unreadable, HolderStatus::NotFound, 1001), Ok(8));
        assert!(take(&unreadable, HolderStatus::Running, 99_999).is_err());
        assert_eq!(take(&Lock { holder: None, ..lock() }, HolderStatus::Running, 0), Ok(8));
        let held = Lock {
            hold: Some("disk change".into()),
            ..lock()
        };
        assert_eq!(
            take(&held, HolderStatus::Ended, 99_999).unwrap_err().kind(),
            Kind::OperatorHold
        );
        assert_eq!(HolderStatus::read("PENDING_REDRIVE"), HolderStatus::Running);
    }

    #[test]
    fn an_intent_of_an_earlier_version_is_read() {
        for (name, course) in [
            ("swap", Course::PutBack),
            ("post", Course::Forward),
            ("copy", Course::RollBack),
        ] {
            let json = format!(r#"{{"course":"{name}","source":null}}"#);
            let read: Restoring = serde_json::from_str(&json).unwrap();
            assert_eq!((read.course, read.not_normal_before.len()), (course, 0));
            let written = serde_json::to_string(&read).unwrap();
            assert_eq!(serde_json::from_str::<Restoring>(&written).unwrap(), read);
        }
    }
}
