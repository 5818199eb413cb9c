//! Whether a stranded cluster needs recover, and whether it needs a person (safety.md, rules 7, 12, 13).

use crate::lock::{HolderStatus, Lock, UNKNOWN_HOLDER_SECONDS};
use crate::time::Moment;

/// A recover that failed has named what a person must do. After so long the patrol starts another one: what it failed of may have
/// passed.
pub const AGAIN_SECONDS: i64 = 3600;

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

/// What the patrol does for a stranded cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// Recover is started: the intent is unfinished, and nobody works on it.
    Start,
    /// An operator's hold (rule 12).
    OnHold,
    /// The intent is gone since the look.
    Finished,
    /// The lock was free, and is held now.
    Taken,
    /// The lock has another holder than the one that was looked at.
    HeldByAnother,
    /// The holder runs.
    AtWork,
    /// The holder may have started so lately that Step Functions does not show it.
    NotShownYet,
    /// Its recover failed within the last hour, and told a person.
    RecoverFailed,
}

impl Due {
    /// Why, in words.
    pub const fn why(self) -> &'static str {
        match self {
            Self::Start => "its intent is unfinished, and nobody works on it",
            Self::OnHold => "the cluster is on hold",
            Self::Finished => "nothing is unfinished any more",
            Self::Taken => "somebody has taken the lock",
            Self::HeldByAnother => "the lock has another holder by now",
            Self::AtWork => "its holder is at work",
            Self::NotShownYet => "its holder may not be shown yet",
            Self::RecoverFailed => "its recover failed within the last hour",
        }
    }

    /// Whether something is unfinished at this moment, and nobody works on it.
    pub const fn is_stuck(self) -> bool {
        matches!(self, Self::Start | Self::RecoverFailed)
    }
}

/// Whether recover is started for a stranded cluster: the lock as it is now, and what DescribeExecution says of `holder`.
pub fn due(lock: &Lock, described: &Described, kind: Holder, now: Moment) -> Due {
    if lock.hold.is_some() {
        return Due::OnHold;
    }
    if lock.intent.is_none() {
        return Due::Finished;
    }
    let Described::As { holder, status } = described else {
        return if lock.holder.is_none() { Due::Start } else { Due::Taken };
    };
    if lock.holder.as_ref() != Some(holder) {
        return Due::HeldByAnother;
    }
    let age = lock.since.map(|since| now.seconds_since(since));
    match (HolderStatus::read(status), kind) {
        (HolderStatus::Running, _) => Due::AtWork,
        (HolderStatus::NotFound, _) if age.is_some_and(|age| age < UNKNOWN_HOLDER_SECONDS) => Due::NotShownYet,
        // One that failed has told a person.
        (HolderStatus::Ended, Holder::Recover) if status == "FAILED" && age.is_some_and(|age| age < AGAIN_SECONDS) => {
            Due::RecoverFailed
        }
        (HolderStatus::NotFound | HolderStatus::Ended, _) => Due::Start,
    }
}
