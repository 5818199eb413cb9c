//! How the active becomes quiet for a backup (safety.md, the critical section and "Without an outage").

use serde::{Deserialize, Serialize};
use std::fmt;

/// In which state the service's data is in a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Consistency {
    /// The groups were stopped: the applications ended, and the file systems were unmounted.
    #[default]
    Stopped,
    /// The groups stayed online, and the file systems were frozen: crash-consistent, as after a power cut.
    Frozen,
}

impl Consistency {
    /// The word in JSON, parameters and tags.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Stopped => "stopped",
            Self::Frozen => "frozen",
        }
    }

    /// Whether the groups are stopped.
    #[allow(clippy::trivially_copy_pass_by_ref)] // serde asks so
    pub fn is_stopped(&self) -> bool {
        *self == Self::Stopped
    }

    /// Reads [`Self::word`].
    pub fn read(word: &str) -> Option<Self> {
        match word {
            "stopped" => Some(Self::Stopped),
            "frozen" => Some(Self::Frozen),
            _ => None,
        }
    }
}

impl fmt::Display for Consistency {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.word())
    }
}

/// From which backups `latest` and `before` choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RestoreFrom {
    /// From all of them.
    #[default]
    Any,
    /// Only from those of a stopped service. A frozen one is restored when it is named by its id.
    Stopped,
}

impl RestoreFrom {
    /// Whether it leaves out the backups of this consistency.
    pub fn leaves_out(self, consistency: Consistency) -> bool {
        self == Self::Stopped && consistency == Consistency::Frozen
    }
}

/// Between the timer's arming and the freeze: what is dirty is written. The hook's time is not in it (infra/documents/quiesce.sh).
pub const PREPARATION_SECONDS: u32 = 8;
/// The timer thaws so long before a pause must be over, so that it is in time if it is killed once.
pub const THAW_SECONDS: u32 = 3;
/// The longest pauses that may be configured: the least that has room for the parts, and what MaxPauseSeconds takes.
pub const PAUSES: std::ops::RangeInclusive<u32> = 6..=99;

/// The time limits of a critical section, in seconds. The documents of both nodes take them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// Ts: until the active is quiet.
    pub stop: u32,
    /// Tb: the baton.
    pub baton: u32,
    /// D: until the break is seen.
    pub split: u32,
    /// The end of being quiet.
    pub start: u32,
    /// B: the break of one mirror disk.
    pub span: u32,
    /// Tmax: all of it.
    pub most: u32,
}

impl Times {
    /// Of a frozen backup. The pause is shared as 3 to 4 between the baton and the split, which a pause of 10 s has exactly.
    pub fn frozen(max_pause_seconds: u32, hook_seconds: u32, break_seconds: u32) -> Self {
        let shared = max_pause_seconds.saturating_sub(THAW_SECONDS);
        let baton = (shared * 3 / 7).max(1);
        let split = shared.saturating_sub(baton).max(1);
        let stop = PREPARATION_SECONDS + hook_seconds;
        Self {
            stop,
            baton,
            split,
            start: THAW_SECONDS,
            span: break_seconds.min(split),
            most: stop + max_pause_seconds,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_one_word_everywhere() {
        for way in [Consistency::Stopped, Consistency::Frozen] {
            assert_eq!(Consistency::read(way.word()), Some(way));
            assert_eq!(serde_json::to_string(&way).unwrap(), format!("\"{way}\""));
        }
        assert_eq!(Consistency::read("paused"), None);
        assert_eq!(Consistency::default(), Consistency::Stopped);
    }

    /// infra/documents/quiesce.sh refuses a pause that its parts do not fit.
    #[test]
    fn the_parts_of_every_pause_fit_it() {
        for pause in PAUSES {
            let times = Times::frozen(pause, 30, 10);
            assert!(times.baton + times.split + times.start <= pause, "{pause}: {times:?}");
            assert!(times.baton >= 1 && times.split >= 2 && times.span <= times.split);
        }
        let ten = Times::frozen(10, 30, 10);
        assert_eq!((ten.stop, ten.baton, ten.split, ten.most), (38, 3, 4, 48));
    }
}
