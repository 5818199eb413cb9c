//! The lock: who may act on a cluster (safety.md, rules 7 and 8). It is one DynamoDB item per cluster, with the intent in it.

use crate::error::{Error, Kind, Result};
use crate::intent::Intent;
use crate::time::Moment;
use serde::{Deserialize, Serialize};

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
                "finish the work, then run `mirrorsnap unhold CLUSTER`",
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
        "wait for it to end, or stop it and run `mirrorsnap recover CLUSTER`",
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
}
