//! Choices between two ways that a document has, each with a name of its own.

use crate::consistency::Consistency;

/// Whether the mirror's full copy is skipped after a restore. Only with the proof (safety.md, rule 16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipCopy {
    /// Both sides hold the same bytes.
    Yes,
    /// The side without the group is overwritten.
    No,
}

/// Whether the timer of this run has fired and ended on the node. Then the preparation checks no timer (safety.md, rule 22).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimerDone {
    /// It has: no timer is armed now.
    Yes,
    /// A timer may be armed, and the shutdown must be ordered before it fires.
    No,
}

/// Whether a preparation has to leave its record on the root disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It is evidence beyond the boot: without room for it the script does not run (safety.md, rules 1 and 10).
    Yes,
    /// Nothing is concluded from it after the boot: a full disk keeps nothing from its old volumes.
    No,
}

/// Whether the node reboots once its services are enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reboot {
    /// Into the cluster.
    Yes,
    /// It stays up.
    No,
}

/// Whether an observation reads the whole of what the inspection judges: clp.conf, and the node's tools and room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedSettings {
    /// All of it, before anything is touched.
    Yes,
    /// The paths alone, and only on a node outside the cluster.
    No,
}

/// How the active's document becomes quiet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Quiet {
    /// It stops the groups.
    Stopped,
    /// It freezes the file systems.
    Frozen(Freeze),
}

/// What the active's document needs for a freeze.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freeze {
    /// The mirror driver's devices, in the order of the mirror disks: the groups mount these, never the data partitions.
    pub devices: Vec<String>,
    /// The longest pause, in seconds.
    pub pause: u32,
}

impl Quiet {
    /// Which of the two it is.
    pub const fn consistency(&self) -> Consistency {
        match self {
            Self::Stopped => Consistency::Stopped,
            Self::Frozen(_) => Consistency::Frozen,
        }
    }
}

macro_rules! yes_or_no {
    ($($name:ident),*) => {$(
        impl $name {
            pub(super) const fn word(self) -> &'static str {
                match self {
                    Self::Yes => "yes",
                    Self::No => "no",
                }
            }

            pub(super) fn read(word: &str) -> Option<Self> {
                match word {
                    "yes" => Some(Self::Yes),
                    "no" => Some(Self::No),
                    _ => None,
                }
            }
        }
    )*};
}
yes_or_no!(SkipCopy, TimerDone, Recorded, Reboot, AskedSettings);
