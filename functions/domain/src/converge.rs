//! Converge: from the observation and the intent to the one next action. It is a pure function, so its caller may die at any
//! time and the next caller goes on.
//!
//! This file implements safety.md rules 1, 8, 11 to 18, and must not be "simplified" without changing that argument. Branches
//! in order of priority: the operator, the fence, the outage, the nodes, the monitors, the mirror. It never does what the
//! intent does not list.

mod case;
mod listed;
mod mirror;
mod nodes;
mod outage;
pub mod patience;
mod restore;
mod room;
pub mod starts;
mod verdict;

pub use case::{Case, TRIES};
pub use listed::is_listed;
pub use restore::skip_copy_proof;
pub use verdict::{Action, Awaited, Called, Memory, OnBoth, Try, Verdict, Waiting};

use crate::consistency::Consistency;
use crate::document::Document;
use crate::error::{Error, Kind};
use crate::observation::Power;
use crate::steps::Step;
use case::{Look, NOTHING, Next};
use std::ops::ControlFlow;

/// The next action for a cluster with an unfinished intent.
pub fn next(case: &Case<'_>) -> Verdict {
    match branches(case) {
        ControlFlow::Break(verdict) => room::told(case, listed::only_listed(case.intent, verdict)),
        ControlFlow::Continue(()) => Verdict::Healthy,
    }
}

fn branches(case: &Case<'_>) -> Next {
    operator(case)?;
    gone(case)?;
    fence(case)?;
    match &case.intent.restore {
        None => backup(case),
        Some(restoring) => restore::next(case, restoring),
    }
}

/// The way back from a backup.
fn backup(case: &Case<'_>) -> Next {
    outage::groups(case)?;
    nodes::power(case)?;
    nodes::backup_mode(case)?;
    nodes::daemons(case)?;
    mirror::monitors(case)?;
    mirror::mirrors(case)?;
    outage::all_online(case)
}

/// Rule 12: a node on hold stops everything. The caller judges the hold on the lock, which it reads.
fn operator(case: &Case<'_>) -> Next {
    // A silent node cannot say that it is held. The lock says so as well, and its scripts refuse to act.
    let is_held = |name: &&str| matches!(case.look(name), Look::Answers(node) if node.hold);
    let Some(held) = case.names().into_iter().find(is_held) else {
        return NOTHING;
    };
    ControlFlow::Break(Verdict::Stuck(Error::new(
        Kind::OperatorHold,
        format!(
            "{held} is on hold; {} is not brought back until it ends",
            case.intent.id
        ),
        "finish the work, then run `mirrorsnap unhold CLUSTER` with both nodes up: recover is started and goes on",
    )))
}

/// An instance that is terminated cannot be started.
fn gone(case: &Case<'_>) -> Next {
    match case.touched().find(|name| case.seen.power(name) == Power::Gone) {
        None => NOTHING,
        Some(name) => case.stuck(
            format!("the instance of {name} is terminated, or EC2 does not show it"),
            "rebuild the node with the instance id in the cluster's configuration, then run `mirrorsnap recover CLUSTER`",
        ),
    }
}

/// Rule 8 and F: first of all, nothing of an older epoch may act on either node. For a silent node, waits until it no longer
/// can.
fn fence(case: &Case<'_>) -> Next {
    for name in case.names() {
        match case.look(name) {
            Look::Answers(node) if node.epoch.is_none_or(|epoch| epoch < case.epoch) => {
                let document = Document::Fence {
                    boot_id: node.boot_id.clone(),
                };
                let next = "look at the fence document's output on the node";
                case.act(Try::Fence(name.to_owned()), next, |_| Action::Step {
                    step: Step::new(document, name, &case.intent.id),
                })?;
            }
            Look::Answers(node) => {
                if node.unfinished.iter().any(|run| run == &case.intent.id) && !restore::goes_down(case, node) {
                    let (does, next) = match case.intent.consistency {
                        Consistency::Stopped => (
                            "starts the groups again",
                            "start the groups by hand on the node with GREEN mirror disks",
                        ),
                        Consistency::Frozen => (
                            "thaws the file systems",
                            "look with `systemctl list-timers` and /proc/mounts on the node; `fsfreeze -u` thaws what is still frozen",
                        ),
                    };
                    let why = format!("{name}'s own timer {does}");
                    case.wait_or_stuck(&format!("timer {name}"), patience::TIMER, &why, next)?;
                }
            }
            Look::Silent => {
                if matches!(case.seen.power(name), Power::Running | Power::Other(_)) && !quiet(case) {
                    let why = format!("{name} does not answer; what was sent to it runs out");
                    // The intent's own quiet time limits this wait.
                    return ControlFlow::Break(Verdict::Wait {
                        key: Awaited::Named(format!("quiet {name}")),
                        why,
                    });
                }
            }
        }
    }
    NOTHING
}

/// Whether nothing that the operation sent can still begin or go on acting.
fn quiet(case: &Case<'_>) -> bool {
    case.seen.at.seconds_since(case.intent.started) >= i64::from(case.intent.quiet_after_seconds)
}

#[cfg(test)]
#[path = "converge_tests.rs"]
mod tests;
