//! What a node's recording says of each belief about CLUSTERPRO that a command can show without a change (docs/assumptions.md).

use super::says::{
    FULLCOPY, STOP_FAILS, Said, UMOUNT, blanks, clpcfget, columns, current_none, fails_once, fullcopy, gray_status,
    is_there, long_names, mdstat_rc, mirrors, not_shown, numbers, recovery_details, server_values, stopped_table,
};
use super::{Finding, Harm, Probe, Verdict};
use crate::config::Config;
use crate::doctor::recording::{Entry, RecordedNode};

/// A belief that a recording can tell something of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // docs/assumptions.md has each under its id
pub enum Belief {
    StopFails,
    UmountRetries,
    FullcopyGuard,
    RecoveryDetails,
    Clpcfget,
    GrayStatus,
    MdstatRc,
    Columns,
    Blanks,
    StoppedTable,
    CurrentNone,
    ServerValues,
    LongNames,
    Enable,
    FailsOnce,
    AlertLog,
}

impl Belief {
    /// Every one.
    pub const ALL: [Self; 16] = [
        Self::StopFails,
        Self::UmountRetries,
        Self::FullcopyGuard,
        Self::RecoveryDetails,
        Self::Clpcfget,
        Self::GrayStatus,
        Self::MdstatRc,
        Self::Columns,
        Self::Blanks,
        Self::StoppedTable,
        Self::CurrentNone,
        Self::ServerValues,
        Self::LongNames,
        Self::Enable,
        Self::FailsOnce,
        Self::AlertLog,
    ];

    /// Its id in docs/assumptions.md.
    pub const fn id(self) -> &'static str {
        match self {
            Self::StopFails => "clp-stop-fails",
            Self::UmountRetries => "clp-umount-retries",
            Self::FullcopyGuard => "clp-fullcopy-guard",
            Self::RecoveryDetails => "clp-recovery-details",
            Self::Clpcfget => "clp-clpcfget",
            Self::GrayStatus => "clp-gray-status",
            Self::MdstatRc => "clp-mdstat-rc",
            Self::Columns => "clp-columns",
            Self::Blanks => "clp-blanks",
            Self::StoppedTable => "clp-stopped-table",
            Self::CurrentNone => "clp-current-none",
            Self::ServerValues => "clp-server-values",
            Self::LongNames => "clp-long-names",
            Self::Enable => "clp-enable",
            Self::FailsOnce => "clp-fails-once",
            Self::AlertLog => "clp-alert-log",
        }
    }

    /// What an operation meets where it is wrong.
    const fn harm(self) -> Harm {
        match self {
            // lib/cluster.sh reads MIXED colours or a group that is DOWN, while Rust may read the table. A rollback enables the services
            // once both nodes are off.
            Self::Columns | Self::LongNames | Self::Enable => Harm::EndsInOutage,
            Self::RecoveryDetails
            | Self::GrayStatus
            | Self::MdstatRc
            | Self::CurrentNone
            | Self::FailsOnce
            | Self::AlertLog => Harm::Words,
            Self::StopFails
            | Self::UmountRetries
            | Self::FullcopyGuard
            | Self::Clpcfget
            | Self::Blanks
            | Self::StoppedTable
            | Self::ServerValues => Harm::RefusedBefore,
        }
    }

    const fn change(self) -> &'static str {
        match self {
            Self::StopFails => "Extend inspect/settings.rs by this value of deact/action.",
            Self::UmountRetries => {
                "Read the umount's parameters where this version keeps them; set StopSeconds with room for them."
            }
            Self::FullcopyGuard => {
                "Set \"Execute the initial mirror construction\" to off or on, so that clp.conf says 0 or 1."
            }
            Self::RecoveryDetails => "Extend mdstat.rs by this version's rows of a running copy.",
            Self::Clpcfget => {
                "Install an X 4.3 or later, or read clp.conf another way: without its answers every operation is refused."
            }
            Self::GrayStatus => "Take the status into mdstat.rs; the colours still decide.",
            Self::MdstatRc => "Report the exit code with its text; the text still decides.",
            Self::Columns => {
                "Do not start an operation. Correct the nodes' names in the configuration, or extend mdstat.rs and lib/cluster.sh by this header."
            }
            Self::Blanks => "Extend mdstat.rs and lib/cluster.sh by this layout.",
            Self::StoppedTable => {
                "Extend stat::of_running_daemon and lib/cluster.sh by this answer of a stopped service."
            }
            Self::CurrentNone => "Take the word into stat.rs; the group's state still decides.",
            Self::ServerValues => "Extend lib/settings.sh by the place where this version keeps the paths.",
            Self::LongNames => {
                "Do not start an operation. Shorten the names, or extend lib/cluster.sh by names that are cut."
            }
            Self::Enable => "Do not roll back by a copy before the command that enables the services is known.",
            Self::FailsOnce => "Repeat the reads of lib/cluster.sh and lib/monitors.sh more often.",
            Self::AlertLog => "Look for mirrorsnap's lines in the journal: CLUSTERPRO's alert log gets none.",
        }
    }

    /// Whether it is judged by what this entry printed.
    fn reads(self, entry: &Entry) -> bool {
        let Some(probe) = Probe::of(entry) else {
            return false;
        };
        let ends = |ends: &[&str]| matches!(probe, Probe::Get(path) if ends.iter().any(|end| path.ends_with(end)));
        match self {
            Self::StopFails => ends(&STOP_FAILS),
            Self::UmountRetries => ends(&UMOUNT),
            Self::FullcopyGuard => ends(&FULLCOPY),
            Self::ServerValues => ends(&["/cppath", "/dppath"]),
            Self::Clpcfget => matches!(probe, Probe::Get(_) | Probe::List(_)),
            Self::RecoveryDetails | Self::GrayStatus | Self::MdstatRc | Self::Columns | Self::Blanks => {
                matches!(probe, Probe::Mdstat(_))
            }
            Self::StoppedTable | Self::CurrentNone => probe == Probe::Stat,
            Self::LongNames => matches!(probe, Probe::Stat | Probe::ShortStat),
            Self::FailsOnce => probe.is_clusterpro(),
            // By exit codes alone.
            Self::Enable | Self::AlertLog => false,
        }
    }

    /// What this node's entries say of it. Of an output that was cut only what is missing would be judged: it confirms nothing and refutes
    /// nothing.
    pub fn judge(self, node: &RecordedNode, config: &Config) -> Finding {
        let (cut, whole): (Vec<Entry>, Vec<Entry>) = node.entries.iter().cloned().partition(|entry| entry.cut);
        let name = node.name.clone();
        let (verdict, why) = match self.said(&RecordedNode { name, entries: whole }, config) {
            refuted @ (Verdict::Refuted, _) => refuted,
            other => cut.iter().find(|entry| self.reads(entry)).map_or(other, |entry| {
                not_shown(format!("the output of {} was cut", entry.argv.join(" ")))
            }),
        };
        Finding {
            belief: self.id(),
            node: node.name.clone(),
            verdict,
            why,
            change: (verdict == Verdict::Refuted).then(|| self.change().to_owned()),
            harm: self.harm(),
        }
    }

    fn said(self, node: &RecordedNode, config: &Config) -> Said {
        match self {
            Self::StopFails => numbers(node, &STOP_FAILS),
            Self::UmountRetries => numbers(node, &UMOUNT),
            Self::FullcopyGuard => fullcopy(node),
            Self::RecoveryDetails => mirrors(node, recovery_details),
            Self::Clpcfget => clpcfget(node),
            Self::GrayStatus => mirrors(node, gray_status),
            Self::MdstatRc => mdstat_rc(node),
            Self::Columns => mirrors(node, |mirror| columns(mirror, config)),
            Self::Blanks => blanks(node),
            Self::StoppedTable => stopped_table(node, config),
            Self::CurrentNone => current_none(node),
            Self::ServerValues => server_values(node, config),
            Self::LongNames => long_names(node, config),
            Self::Enable => is_there(node, "clpsvcctrl.sh"),
            Self::FailsOnce => fails_once(node),
            Self::AlertLog => is_there(node, "clplogcmd"),
        }
    }
}
