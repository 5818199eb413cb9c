//! Converge of a restore (safety.md, rules 16 to 18). The course in the intent is one of three:
//!
//! - `put-back`: no post-processing was ever ordered, so the old cluster partitions are intact. Put the old volumes back, enable the
//!   services again, reboot the nodes; CLUSTERPRO decides.
//! - `forward`: go on with the new volumes. `--skip-copy` only with the proof. A node that fails is tried three times, then roll back.
//! - `roll-back`: put the old volumes back after a post-processing. Without `--skip-copy`, and the source node's group first, so that
//!   the copy's direction is certain.
//!
//! These files implement a part of the safety argument and must not be "simplified" without changing that.

mod forward;
mod put_back;
mod roll_back;
mod volumes;

pub use forward::skip_copy_proof;
pub(super) use roll_back::goes_down;

use super::case::{NOTHING, Next};
use super::nodes::{gate, shutting_down};
use super::outage::view;
use super::{Action, Case, Try, Verdict, patience};
use crate::clusterpro::outputs::Services;
use crate::document::{Attempt, Document, SkipCopy, name::ENTER_RESTORE_MODE, name::POST_PROCESS_RESTORE};
use crate::intent::{Course, Restoring};
use crate::observation::Node;
use crate::steps::{NOT_AFTER_SECONDS, Step};
use std::ops::ControlFlow;

pub(super) fn next(case: &Case<'_>, restoring: &Restoring) -> Next {
    volumes::foreign_volume(case)?;
    match restoring.course {
        Course::PutBack => put_back::put_back_old_volumes(case),
        Course::Forward => forward::go_forward(case, restoring),
        Course::RollBack => roll_back::roll_back_by_copy(case, restoring),
    }
}

/// A plain stop of a node in restore mode, on which no cluster service runs.
fn stop_in_restore_mode(case: &Case<'_>, name: &str) -> Next {
    let next = "look at the instance's system log, and stop it by hand";
    let node = name.to_owned();
    case.act_on_ec2(Try::StopPrepared(name.to_owned()), next, Action::Stop { node })
}

/// Waits for the reboot after the document's detached command, if that began in this boot and did not fail.
fn rebooting(case: &Case<'_>, name: &str, node: &Node, document: &str) -> Next {
    if !node.begun_here(document) || node.failed_here(document).is_some() {
        return NOTHING;
    }
    let why = format!("{name} reboots after {document}");
    // A unit that was killed leaves no exit code. After the deadline the caller goes on.
    case.wait(&format!("{document} {name}"), patience::POST, &why, || NOTHING)
}

/// Whether a node's post-processing is due.
enum Post {
    /// There is nothing to do on this node.
    Nothing,
    /// It is to be processed now.
    Due,
    /// Not yet, or not without a person.
    Blocked(Box<Verdict>),
}

impl From<Next> for Post {
    /// A branch that came before: what it has no verdict on does not keep the post-processing from being due.
    fn from(next: Next) -> Self {
        match next {
            ControlFlow::Break(verdict) => Self::Blocked(Box::new(verdict)),
            ControlFlow::Continue(()) => Self::Due,
        }
    }
}

fn post_due(case: &Case<'_>, name: &str, node: &Node) -> Post {
    if node.services == Services::Auto {
        return match rebooting(case, name, node, POST_PROCESS_RESTORE) {
            ControlFlow::Break(verdict) => Post::Blocked(Box::new(verdict)),
            ControlFlow::Continue(()) => Post::Nothing,
        };
    }
    may_be_processed(case, name, node).into()
}

fn may_be_processed(case: &Case<'_>, name: &str, node: &Node) -> Next {
    if !case.intent.enters_restore_mode(name) {
        return case.stuck(
            format!("the cluster services of {name} do not start by themselves, and not because of us"),
            "enable them and reboot the node, then run `mirrorsnap recover CLUSTER`",
        );
    }
    if view(case, name).is_some() {
        return case.stuck(
            format!("{name} is in restore mode, yet somebody started its cluster daemon"),
            "stop the cluster service on the node, then run `mirrorsnap recover CLUSTER`",
        );
    }
    shutting_down(case, name, node, ENTER_RESTORE_MODE)?;
    rebooting(case, name, node, POST_PROCESS_RESTORE)?;
    // Rule 17, and the check that `--post` itself makes.
    gate(case, name, node)
}

fn order_post(case: &Case<'_>, name: &str, node: &Node, key: Try, skip_copy: SkipCopy) -> Next {
    let next = "read the script's output in the node's records";
    let step = |attempt: Attempt| {
        let document = Document::PostProcessRestore {
            skip_copy,
            disks: case.disks(),
        };
        Step::new(document, name, &case.intent.id).guarded(node, NOT_AFTER_SECONDS, attempt)
    };
    case.act(key, next, |attempt| Action::Step { step: step(attempt) })
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
