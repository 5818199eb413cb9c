//! The errors that operators and state machines see: a stable name, and a message that says what was found, where,
//! and what to do next.
//!
//! The names are a contract: state machines match on them in `ErrorEquals`, runbooks are indexed by them.

use std::fmt;

// As short as with strum, whose traits would have to be imported wherever a name is asked for, and whose `name` is not `const`.
macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        /// Why an operation was refused or failed. The name of a kind never changes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $name),* }

        impl Kind {
            /// Every kind, for the documents and tests that list them.
            pub const ALL: &'static [Kind] = &[$(Kind::$name),*];

            /// The stable name, as a state machine sees it.
            pub const fn name(self) -> &'static str {
                match self { $(Kind::$name => stringify!($name)),* }
            }
        }
    };
}

kinds! {
    /// No configuration of that name in Parameter Store.
    ClusterNotFound,
    /// The cluster's configuration breaks a rule.
    ConfigInvalid,
    /// The input of an operation or function breaks a rule.
    InputInvalid,
    /// Both sides of a mirror disk are not GREEN.
    MirrorNotNormal,
    /// A node does not answer through Run Command, or its cluster daemon is not online.
    NodeUnreachable,
    /// An instance would be terminated, not stopped, by its own shutdown.
    ShutdownBehaviorNotStop,
    /// Initial mirror construction is on, or could not be read.
    InitialMirrorConstructionOn,
    /// Failover groups run on both nodes.
    GroupsOnBothNodes,
    /// A configured group is not online, or is in a transition.
    GroupNotOnline,
    /// The cluster has groups or mirror disks that the configuration does not name.
    ConfigIncomplete,
    /// A mirror monitor was suspended before the operation: somebody works on the cluster.
    MonitorAlreadySuspended,
    /// A partition's path can mean another disk after any boot.
    DeviceNameNotPersistent,
    /// A partition is not on the volume that it must be on.
    DeviceMismatch,
    /// The cluster has hybrid disks, which this service does not know.
    HybridDiskUnsupported,
    /// A mirror disk is not replicated synchronously, or that could not be read.
    MirrorAsynchronous,
    /// A configured monitor is not the mirror disk monitor of its disk.
    MonitorMismatch,
    /// A node has another name in CLUSTERPRO than in the configuration.
    ServerNameMismatch,
    /// The node's file systems for our records are nearly full.
    DiskSpaceLow,
    /// CLUSTERPRO's commands take so long that the deadlines cannot be kept.
    CommandsTooSlow,
    /// A file system of a mirror disk cannot be frozen, or not for as long as the backup needs.
    FreezeNotPossible,
    /// The node's systemd cannot run our units, or it lacks a command.
    NodeUnsupported,
    /// A node is a Spot instance, which AWS may terminate at any time.
    SpotInstance,
    /// A node belongs to an Auto Scaling group, which replaces instances that stop.
    AutoScalingMember,
    /// An instance does not exist, is not running, or carries no tag that allows us to act.
    InstanceNotManaged,
    /// No volume is attached to the instance at the configured device.
    VolumeNotFound,
    /// A node is still, or was left, in backup or restore mode.
    NodeOutsideCluster,
    /// Another operation holds the cluster.
    OperationInProgress,
    /// An operator holds the cluster.
    OperatorHold,
    /// No such backup.
    BackupNotFound,
    /// The backup is not proved to be good.
    BackupInvalid,
    /// Two backups are not of the same volumes, so that nothing tells what changed between them.
    NotComparable,
    /// The typed confirmation is not the cluster's name.
    ConfirmationMismatch,
    /// A newer epoch holds the cluster: this caller must end at once.
    Fenced,
    /// The node refused a document: another boot, too late, or an older epoch.
    StepRefused,
    /// A document ran, and failed.
    StepFailed,
    /// A document did not end within its timeout.
    StepTimedOut,
    /// A document was not delivered to the node.
    StepUndelivered,
    /// It is not known whether a document acted.
    StepUnknown,
    /// The critical section ended without a seal.
    SectionVoid,
    /// The node stopped without evidence that it had been prepared.
    PreparationUnproven,
    /// A restore's timer started the groups before the node's shutdown was ordered.
    RestoreOvertaken,
    /// No record of such a restore, or it was released.
    RestoreNotFound,
    /// A new volume could not be made, or is not what was asked for.
    VolumeFailed,
    /// A device holds a volume that is neither the old nor the new one: somebody else changed it.
    AttachmentUnexpected,
    /// A quota of the account leaves no room for what is to be made.
    QuotaExceeded,
    /// The KMS key of a node's volume is disabled, or those who need it may not use it.
    KeyNotUsable,
    /// A volume cannot be replaced by one of its kind.
    VolumeUnsupported,
    /// Fast snapshot restore could not be enabled.
    FastRestoreFailed,
    /// The post-processing of a restore did not succeed on a node.
    PostProcessFailed,
    /// A restore was not over after its own limit.
    RestoreOverdue,
    /// A snapshot ended in error.
    SnapshotFailed,
    /// A backup could not be copied into another region.
    CopyFailed,
    /// EC2 has no capacity to start the instance now.
    CapacityLacking,
    /// The output of a node could not be understood.
    OutputUnreadable,
    /// Converge can do nothing more by itself.
    Stuck,
    /// AWS throttled a call, or could not be reached. A retry may help.
    AwsUnavailable,
    /// AWS refused a call for a reason that a retry does not cure.
    AwsRefused,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// An error with a stable name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: Kind,
    found: String,
    next: String,
}

/// A result with the project's error.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// `found` says what was found and where; `next` says what the operator does about it.
    pub fn new(kind: Kind, found: impl Into<String>, next: impl Into<String>) -> Self {
        Self {
            kind,
            found: found.into(),
            next: next.into(),
        }
    }

    /// The same error, with more of what was found.
    #[must_use]
    pub fn with(mut self, more: &str) -> Self {
        self.found.push_str(more);
        self
    }

    /// What this error is called.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// What was found, without what to do next.
    pub fn found(&self) -> &str {
        &self.found
    }

    /// The stable name of [`Self::kind`].
    pub const fn name(&self) -> &'static str {
        self.kind.name()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}. Next: {}.",
            self.found.trim_end_matches('.'),
            self.next.trim_end_matches('.')
        )
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_says_what_was_found_and_what_to_do() {
        let error = Error::new(
            Kind::MirrorNotNormal,
            "md1 is Abnormal on orders.",
            "run `mirrorsnap recover CLUSTER`",
        );
        assert_eq!(
            error.to_string(),
            "md1 is Abnormal on orders. Next: run `mirrorsnap recover CLUSTER`."
        );
        assert_eq!(error.name(), "MirrorNotNormal");
    }

    #[test]
    fn the_page_of_the_errors_has_a_line_for_every_name_and_for_no_other() {
        let page = include_str!("../../../docs/errors.md");
        let rows = page
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
        let rows: Vec<_> = rows
            .map(|(name, _)| name)
            .filter(|name| !name.starts_with('…'))
            .collect();
        let mut names: Vec<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        names.sort_unstable();
        assert_eq!(rows, names);
    }

    #[test]
    fn names_are_unique() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
