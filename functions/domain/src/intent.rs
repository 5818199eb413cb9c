//! The intent: what an operation has disturbed or is about to (safety.md, rules 7 and 11).
//!
//! It is in the cluster's lock item, which the state machines write. An intent lists every disturbance *before* it is made;
//! converge undoes what is listed, and nothing else.

use crate::consistency::Consistency;
use crate::ec2::{SnapshotId, VolumeId};
use crate::error::Error;
use crate::proof::Places;
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
        snapshot: SnapshotId,
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
    pub old: VolumeId,
    /// The new volume.
    pub new: VolumeId,
    /// The snapshot that `new` was made from.
    pub snapshot: SnapshotId,
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
    /// Only of a backup: how the active becomes quiet. Earlier versions wrote none, and stopped the groups.
    #[serde(default, skip_serializing_if = "Consistency::is_stopped")]
    pub consistency: Consistency,
    /// Only of a backup: where the partitions of each mirror disk are, as the inspection saw the standby.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub places: BTreeMap<String, Places>,
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

    /// The mirror disks that we break.
    pub fn broken_disks(&self) -> impl Iterator<Item = &str> {
        self.disturbances.iter().filter_map(|one| match one {
            Disturbance::Mirror { disk, .. } => Some(disk.as_str()),
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
    pub fn fast_restores(&self) -> impl Iterator<Item = (&SnapshotId, &str)> {
        self.disturbances.iter().filter_map(|one| match one {
            Disturbance::FastRestore { snapshot, zone } => Some((snapshot, zone.as_str())),
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

#[cfg(test)]
mod tests {
    use super::*;

    /// One that an earlier version wrote, or must be able to read, has no consistency.
    #[test]
    fn an_intent_without_a_consistency_stops_the_groups() {
        let json = r#"{"operation":"backup","id":"orders-20260101T000000Z","phase":"Quiesce","started":"2026-01-01T00:00:00Z",
            "active":"server1","standby":"server2","boots":{},"quiet_after_seconds":1,"disturbances":[]}"#;
        let mut intent: Intent = serde_json::from_str(json).unwrap();
        assert_eq!(intent.consistency, Consistency::Stopped);
        assert!(!serde_json::to_string(&intent).unwrap().contains("consistency"));
        intent.consistency = Consistency::Frozen;
        let written = serde_json::to_string(&intent).unwrap();
        assert_eq!(serde_json::from_str::<Intent>(&written).unwrap(), intent);
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
