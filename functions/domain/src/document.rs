//! The command documents: what each is called, and which parameters it takes (docs/documents.md). Nowhere else is a document
//! named by a string, so a step that is misspelt does not compile.

mod parameters;
mod words;

use crate::consistency::Consistency;
use crate::error::Result;
use parameters::invalid;
use std::fmt;

pub use parameters::Parameters;
pub use words::{AskedSettings, Freeze, Quiet, Reboot, Recorded, SkipCopy, TimerDone};

/// The number of a try of one document in one run. A node replays the result of a number that it knows, so each try has its own number
/// under each epoch. It is written `98.1`: epoch and number. A backup's or restore's own states send a number alone, as earlier
/// versions did; it counts as older than any with an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    epoch: u64,
    number: u64,
}

impl Attempt {
    /// The one try of an operation's own state.
    pub const FIRST: Self = Self { epoch: 0, number: 1 };

    /// Try `number`, from 1, of a holder at `epoch`.
    pub const fn new(epoch: u64, number: u64) -> Self {
        Self { epoch, number }
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('.') {
            Some((epoch, number)) => Some(Self {
                epoch: epoch.parse().ok()?,
                number: number.parse().ok()?,
            }),
            None => Some(Self {
                epoch: 0,
                number: text.parse().ok()?,
            }),
        }
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            0 => write!(f, "{}", self.number),
            epoch => write!(f, "{epoch}.{}", self.number),
        }
    }
}

/// The parts of a cluster that `observe` and `doctor` look at on a node: names, and the paths of that node's partitions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // docs/documents.md says what each is
pub struct Parts {
    pub groups: Vec<String>,
    pub disks: Vec<String>,
    pub monitors: Vec<String>,
    pub devices: Vec<String>,
}

/// A command document with what it alone takes. Times are seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(missing_docs)] // docs/documents.md says what each is and takes
pub enum Document {
    Observe {
        parts: Parts,
        settings: AskedSettings,
    },
    ReadRecords,
    Doctor(Parts),
    Describe {
        devices: Vec<String>,
        part: u32,
    },
    Fence {
        boot_id: String,
    },
    SuspendMonitors {
        nodes: Vec<String>,
        monitors: Vec<String>,
    },
    ResumeMonitors {
        nodes: Vec<String>,
        monitors: Vec<String>,
    },
    BreakUnit {
        cluster: Cluster,
        disks: Vec<String>,
        monitors: Vec<String>,
        partitions: Vec<String>,
        wait: u32,
        span: u32,
        active_within: u32,
        stop: u32,
        baton: u32,
        consistency: Consistency,
    },
    Quiesce {
        cluster: Cluster,
        disks: Vec<String>,
        monitors: Vec<String>,
        partitions: Vec<String>,
        stop: u32,
        baton: u32,
        split: u32,
        start: u32,
        max_outage: u32,
        hook: u32,
        quiet: Quiet,
    },
    QuiesceRestore {
        cluster: Cluster,
        disks: Vec<String>,
        stop: u32,
        start: u32,
        max_outage: u32,
    },
    StartGroup(Cluster),
    StopGroup(Cluster),
    StartCluster,
    RecoverMirror {
        disks: Vec<String>,
    },
    EnterBackupMode {
        cluster: Cluster,
        disks: Vec<String>,
        monitors: Vec<String>,
    },
    LeaveBackupMode,
    EnterRestoreMode {
        cluster: Cluster,
        prepare: u32,
        timer: TimerDone,
        recorded: Recorded,
    },
    PostProcessRestore {
        skip_copy: SkipCopy,
        disks: Vec<String>,
    },
    EnableServices {
        reboot: Reboot,
    },
}

/// What a document on one node is told of the cluster: the peer and the groups. The node itself is in the step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cluster {
    /// The other node.
    pub peer: String,
    /// The groups that the document acts on.
    pub groups: Vec<String>,
}

/// The commands that the documents need on a node; an observation tells those that are missing.
pub const TOOLS: [&str; 18] = [
    "flock",
    "timeout",
    "systemd-run",
    "systemctl",
    "lsblk",
    "readlink",
    "tail",
    "sync",
    "clpstat",
    "clpmdstat",
    "clpgrp",
    "clpmonctrl",
    "clpmdctrl",
    "clpcl",
    "clpcfget",
    "clpbackup.sh",
    "clprestore.sh",
    "clpsvcctrl.sh",
];

/// The commands that a frozen backup needs besides.
pub const FREEZING_TOOLS: [&str; 1] = ["fsfreeze"];

/// The names of the documents. Each is written here, and nowhere else in the code.
pub mod name {
    /// Reads a node and its cluster.
    pub const OBSERVE: &str = "observe";
    /// Reads the records of the critical section.
    pub const READ_RECORDS: &str = "read-records";
    /// Records what the commands that we parse print.
    pub const DOCTOR: &str = "doctor";
    /// Describes what a rebuild of the node needs.
    pub const DESCRIBE: &str = "describe";
    /// Stores a higher epoch, and stops the units of older epochs.
    pub const FENCE: &str = "fence";
    /// `clpmonctrl -s`.
    pub const SUSPEND_MONITORS: &str = "suspend-monitors";
    /// `clpmonctrl -r`.
    pub const RESUME_MONITORS: &str = "resume-monitors";
    /// `clpmdctrl --break`, the standby's half of the critical section.
    pub const BREAK_UNIT: &str = "break-unit";
    /// `clpgrp -t` and `-s`, the active's half of the critical section.
    pub const QUIESCE: &str = "quiesce";
    /// `clpgrp -t` behind a timer, in a restore.
    pub const QUIESCE_RESTORE: &str = "quiesce-restore";
    /// `clpgrp -s`.
    pub const START_GROUP: &str = "start-group";
    /// `clpgrp -t`.
    pub const STOP_GROUP: &str = "stop-group";
    /// `clpcl -s`.
    pub const START_CLUSTER: &str = "start-cluster";
    /// `clpmdctrl --recovery`.
    pub const RECOVER_MIRROR: &str = "recover-mirror";
    /// `clpbackup.sh --pre`.
    pub const ENTER_BACKUP_MODE: &str = "enter-backup-mode";
    /// `clpbackup.sh --post`.
    pub const LEAVE_BACKUP_MODE: &str = "leave-backup-mode";
    /// `clprestore.sh --pre`.
    pub const ENTER_RESTORE_MODE: &str = "enter-restore-mode";
    /// `clprestore.sh --post`.
    pub const POST_PROCESS_RESTORE: &str = "post-process-restore";
    /// `clpsvcctrl.sh --enable`.
    pub const ENABLE_SERVICES: &str = "enable-services";
}

impl Document {
    /// The name without the prefix.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Observe { .. } => name::OBSERVE,
            Self::ReadRecords => name::READ_RECORDS,
            Self::Doctor(_) => name::DOCTOR,
            Self::Describe { .. } => name::DESCRIBE,
            Self::Fence { .. } => name::FENCE,
            Self::SuspendMonitors { .. } => name::SUSPEND_MONITORS,
            Self::ResumeMonitors { .. } => name::RESUME_MONITORS,
            Self::BreakUnit { .. } => name::BREAK_UNIT,
            Self::Quiesce { .. } => name::QUIESCE,
            Self::QuiesceRestore { .. } => name::QUIESCE_RESTORE,
            Self::StartGroup(_) => name::START_GROUP,
            Self::StopGroup(_) => name::STOP_GROUP,
            Self::StartCluster => name::START_CLUSTER,
            Self::RecoverMirror { .. } => name::RECOVER_MIRROR,
            Self::EnterBackupMode { .. } => name::ENTER_BACKUP_MODE,
            Self::LeaveBackupMode => name::LEAVE_BACKUP_MODE,
            Self::EnterRestoreMode { .. } => name::ENTER_RESTORE_MODE,
            Self::PostProcessRestore { .. } => name::POST_PROCESS_RESTORE,
            Self::EnableServices { .. } => name::ENABLE_SERVICES,
        }
    }

    /// Whether it only reads. Only the functions that observe send such a document.
    pub const fn only_reads(&self) -> bool {
        matches!(
            self,
            Self::Observe { .. } | Self::ReadRecords | Self::Doctor(_) | Self::Describe { .. }
        )
    }

    /// Its own parameters, as they are sent to `node`.
    pub fn parameters(&self, node: &str) -> Parameters {
        let mut all = Parameters::default();
        match self {
            Self::Observe { parts, settings } => all.parts(node, parts).text("Settings", settings.word()),
            Self::Doctor(parts) => all.parts(node, parts),
            Self::Describe { devices, part } => all.list("Devices", devices).number("Part", *part),
            Self::ReadRecords | Self::StartCluster | Self::LeaveBackupMode => &mut all,
            Self::Fence { boot_id } => all.text("ExpectedBootId", boot_id),
            Self::SuspendMonitors { nodes, monitors } | Self::ResumeMonitors { nodes, monitors } => {
                all.list("Nodes", nodes).list("Monitors", monitors)
            }
            Self::BreakUnit {
                cluster,
                disks,
                monitors,
                partitions,
                wait,
                span,
                active_within,
                stop,
                baton,
                consistency,
            } => all
                .cluster(node, cluster)
                .list("Disks", disks)
                .list("Monitors", monitors)
                .list("Partitions", partitions)
                .number("WaitSeconds", *wait)
                .number("SpanSeconds", *span)
                .number("ActiveWithinSeconds", *active_within)
                .number("StopSeconds", *stop)
                .number("BatonSeconds", *baton)
                .text("Consistency", consistency.word()),
            Self::Quiesce {
                cluster,
                disks,
                monitors,
                partitions,
                stop,
                baton,
                split,
                start,
                max_outage,
                hook,
                quiet,
            } => all
                .cluster(node, cluster)
                .list("Disks", disks)
                .list("Monitors", monitors)
                .list("Partitions", partitions)
                .number("StopSeconds", *stop)
                .number("BatonSeconds", *baton)
                .number("BreakSeconds", *split)
                .number("StartSeconds", *start)
                .number("MaxOutageSeconds", *max_outage)
                .number("HookSeconds", *hook)
                .quiet(quiet),
            Self::QuiesceRestore {
                cluster,
                disks,
                stop,
                start,
                max_outage,
            } => all
                .cluster(node, cluster)
                .list("Disks", disks)
                .number("StopSeconds", *stop)
                .number("StartSeconds", *start)
                .number("MaxOutageSeconds", *max_outage),
            Self::StartGroup(cluster) | Self::StopGroup(cluster) => all.cluster(node, cluster),
            Self::RecoverMirror { disks } => all.list("Disks", disks),
            Self::EnterBackupMode {
                cluster,
                disks,
                monitors,
            } => all
                .cluster(node, cluster)
                .list("Disks", disks)
                .list("Monitors", monitors),
            Self::EnterRestoreMode {
                cluster,
                prepare,
                timer,
                recorded,
            } => all
                .cluster(node, cluster)
                .number("PrepareSeconds", *prepare)
                .text("Anew", timer.word())
                .text("Recorded", recorded.word()),
            Self::PostProcessRestore { skip_copy, disks } => {
                all.text("SkipCopy", skip_copy.word()).list("Disks", disks)
            }
            Self::EnableServices { reboot } => all.text("Reboot", reboot.word()),
        };
        all
    }

    /// Reads a document from its name and parameters, and takes its own out of `all`.
    pub fn take(document: &str, node: &str, all: &mut Parameters) -> Result<Self> {
        let unknown = || {
            let shown: String = document.chars().take(60).collect();
            invalid(format!("there is no document {shown:?}"))
        };
        Ok(match document {
            name::OBSERVE => Self::Observe {
                parts: all.take_parts(node)?,
                settings: all.take_word("Settings", AskedSettings::read)?,
            },
            name::DOCTOR => Self::Doctor(all.take_parts(node)?),
            name::DESCRIBE => Self::Describe {
                devices: all.take_list("Devices")?,
                part: all.take_number("Part")?,
            },
            name::READ_RECORDS => Self::ReadRecords,
            name::FENCE => Self::Fence {
                boot_id: all.take("ExpectedBootId")?,
            },
            name::SUSPEND_MONITORS => Self::SuspendMonitors {
                nodes: all.take_list("Nodes")?,
                monitors: all.take_list("Monitors")?,
            },
            name::RESUME_MONITORS => Self::ResumeMonitors {
                nodes: all.take_list("Nodes")?,
                monitors: all.take_list("Monitors")?,
            },
            name::BREAK_UNIT => Self::BreakUnit {
                cluster: all.take_cluster(node)?,
                disks: all.take_list("Disks")?,
                monitors: all.take_list("Monitors")?,
                partitions: all.take_list("Partitions")?,
                wait: all.take_number("WaitSeconds")?,
                span: all.take_number("SpanSeconds")?,
                active_within: all.take_number("ActiveWithinSeconds")?,
                stop: all.take_number("StopSeconds")?,
                baton: all.take_number("BatonSeconds")?,
                consistency: all.take_word("Consistency", Consistency::read)?,
            },
            name::QUIESCE => Self::Quiesce {
                cluster: all.take_cluster(node)?,
                disks: all.take_list("Disks")?,
                monitors: all.take_list("Monitors")?,
                partitions: all.take_list("Partitions")?,
                stop: all.take_number("StopSeconds")?,
                baton: all.take_number("BatonSeconds")?,
                split: all.take_number("BreakSeconds")?,
                start: all.take_number("StartSeconds")?,
                max_outage: all.take_number("MaxOutageSeconds")?,
                hook: all.take_number("HookSeconds")?,
                quiet: all.take_quiet()?,
            },
            name::QUIESCE_RESTORE => Self::QuiesceRestore {
                cluster: all.take_cluster(node)?,
                disks: all.take_list("Disks")?,
                stop: all.take_number("StopSeconds")?,
                start: all.take_number("StartSeconds")?,
                max_outage: all.take_number("MaxOutageSeconds")?,
            },
            name::START_GROUP => Self::StartGroup(all.take_cluster(node)?),
            name::STOP_GROUP => Self::StopGroup(all.take_cluster(node)?),
            name::START_CLUSTER => Self::StartCluster,
            name::RECOVER_MIRROR => Self::RecoverMirror {
                disks: all.take_list("Disks")?,
            },
            name::ENTER_BACKUP_MODE => Self::EnterBackupMode {
                cluster: all.take_cluster(node)?,
                disks: all.take_list("Disks")?,
                monitors: all.take_list("Monitors")?,
            },
            name::LEAVE_BACKUP_MODE => Self::LeaveBackupMode,
            name::ENTER_RESTORE_MODE => Self::EnterRestoreMode {
                cluster: all.take_cluster(node)?,
                prepare: all.take_number("PrepareSeconds")?,
                timer: all.take_word("Anew", TimerDone::read)?,
                recorded: all.take_word("Recorded", Recorded::read)?,
            },
            name::POST_PROCESS_RESTORE => Self::PostProcessRestore {
                skip_copy: all.take_word("SkipCopy", SkipCopy::read)?,
                disks: all.take_list("Disks")?,
            },
            name::ENABLE_SERVICES => Self::EnableServices {
                reboot: all.take_word("Reboot", Reboot::read)?,
            },
            _ => return Err(unknown()),
        })
    }
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
