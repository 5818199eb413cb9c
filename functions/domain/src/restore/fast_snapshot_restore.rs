//! Whether fast snapshot restore is ready: every pair that the plan needs is enabled and has had the time to collect its credits.
//! It makes no difference whether the plan or somebody else enabled it.

use super::initialization::Pair;
use crate::ec2::{FastRestoreState, SnapshotId};
use crate::error::{Error, Kind, Result};
use crate::time::Moment;

/// A fast snapshot restore as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FastRestore {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The zone.
    pub zone: String,
    /// Its state.
    pub state: FastRestoreState,
    /// Why it is in that state.
    pub reason: String,
    /// Since when it is enabled.
    pub enabled: Option<Moment>,
}

impl FastRestore {
    /// On, or on its way there. A state that we do not know counts as on: it may be billed, and it is not ours to switch.
    pub fn is_on(&self) -> bool {
        !matches!(self.state, FastRestoreState::Disabling | FastRestoreState::Disabled)
    }

    /// Whether it is the fast restore of that snapshot in that zone.
    pub fn is_of(&self, snapshot: &SnapshotId, zone: &str) -> bool {
        (&self.snapshot, self.zone.as_str()) == (snapshot, zone)
    }
}

/// The error after which a restore goes on by rate.
pub fn not_had(found: String) -> Error {
    let next = "nothing was disturbed, and the restore goes on with an initialization rate instead";
    Error::new(Kind::FastRestoreFailed, found, next)
}

/// What is still missing; `None`: the volumes can be made. `seconds` is the time waited so far, `most` the time after which the wait
/// fails. Error: `FastRestoreFailed`.
pub fn waits_for(
    needed: &[Pair],
    seen: &[FastRestore],
    now: Moment,
    seconds: i64,
    most: i64,
) -> Result<Option<String>> {
    let mut waits = None;
    for pair in needed {
        let one = seen.iter().find(|one| one.is_of(&pair.snapshot, &pair.zone));
        let name = format!("fast snapshot restore of {} in {}", pair.snapshot, pair.zone);
        match one.map(|one| (&one.state, one)) {
            Some((FastRestoreState::Enabled, one)) => {
                // `enabled` alone is not enough: a volume made without a credit is not fast.
                let full = one
                    .enabled
                    .is_some_and(|since| now.seconds_since(since) >= pair.credits_seconds());
                if !full {
                    waits = Some(format!("{name} collects its credits"));
                }
            }
            Some((FastRestoreState::Disabling | FastRestoreState::Disabled, one)) => {
                return Err(not_had(format!("{name} ended: {}", one.reason)));
            }
            Some((state, _)) => waits = Some(format!("{name} is {state}")),
            // A describe may lag behind the order.
            None => waits = Some(format!("{name} is not shown yet")),
        }
    }
    match waits {
        Some(what) if seconds >= most => Err(not_had(format!("{what}, after {seconds} s of at most {most} s"))),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(zone: &str) -> Pair {
        Pair {
            snapshot: "snap-001".into(),
            zone: zone.into(),
            gib: 20,
            volumes: 1,
        }
    }

    fn seen(zone: &str, state: &str, enabled: Option<i64>) -> FastRestore {
        FastRestore {
            snapshot: "snap-001".into(),
            zone: zone.into(),
            state: state.into(),
            reason: "Server.InsufficientCapacity".into(),
            enabled: enabled.map(Moment::from_unix),
        }
    }

    /// With zone a enabled since 0, at `now` seconds, all of them waited.
    fn waits(other: &FastRestore, now: i64) -> Result<Option<String>> {
        let both = [seen("a", "enabled", Some(0)), other.clone()];
        waits_for(&[pair("a"), pair("c")], &both, Moment::from_unix(now), now, 5000)
    }

    #[test]
    fn every_pair_must_be_enabled_for_long_enough() {
        let later = |enabled| seen("c", "enabled", Some(enabled));
        assert_eq!(waits(&later(0), 360), Ok(None));
        assert!(waits(&later(0), 359).unwrap().unwrap().contains("credits"));
        assert!(waits(&later(100), 459).unwrap().is_some());
        assert_eq!(waits(&later(100), 460), Ok(None));
        for state in ["enabling", "optimizing", "something new"] {
            let why = waits(&seen("c", state, None), 4999).unwrap().unwrap();
            assert!(why.ends_with(&format!("in c is {state}")), "{why}");
            assert!(seen("c", state, None).is_on());
        }
        assert!(
            waits(&seen("elsewhere", "enabled", Some(0)), 400)
                .unwrap()
                .unwrap()
                .contains("not shown")
        );
        let odd = seen("c", "enabled", None);
        assert!(waits(&odd, 4999).unwrap().is_some());
    }

    #[test]
    fn two_volumes_of_one_zone_need_two_credits() {
        let both = Pair {
            volumes: 2,
            ..pair("a")
        };
        let at = |now| {
            waits_for(
                std::slice::from_ref(&both),
                &[seen("a", "enabled", Some(0))],
                Moment::from_unix(now),
                now,
                5000,
            )
        };
        assert!(at(719).unwrap().is_some());
        assert_eq!(at(720), Ok(None));
    }

    #[test]
    fn one_that_ended_and_one_that_takes_too_long_are_given_up() {
        for state in ["disabling", "disabled"] {
            let error = waits(&seen("c", state, None), 10).unwrap_err();
            assert_eq!(error.kind(), Kind::FastRestoreFailed);
            assert!(error.to_string().contains("InsufficientCapacity"));
        }
        let late = waits(&seen("c", "optimizing", None), 5000).unwrap_err();
        assert!(
            late.to_string()
                .contains("is optimizing, after 5000 s of at most 5000 s"),
            "{late}"
        );
        // If it becomes ready in the last moment, it counts.
        assert_eq!(waits(&seen("c", "enabled", Some(0)), 9999), Ok(None));
    }
}
