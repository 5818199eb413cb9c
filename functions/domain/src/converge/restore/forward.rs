//! Goes on with the new volumes, until the restore's own limit (safety.md, rules 16 to 18 and 23).

use super::super::case::{Look, NOTHING, Next};
use super::super::nodes::{daemon, daemons, start_stopped, wait_for_power};
use super::super::outage::{self, Place, all_online, own_green, place, view};
use super::super::room::is_full;
use super::super::{Case, TRIES, Try, Verdict, mirror, patience};
use super::volumes::{Side, side, side_of};
use super::{Post, order_post, post_due};
use crate::clusterpro::outputs::Services;
use crate::config::Config;
use crate::document::{SkipCopy, name::POST_PROCESS_RESTORE};
use crate::error::{Error, Kind};
use crate::intent::{Course, Intent, Restoring};
use crate::observation::{Node, Observation};
use std::ops::ControlFlow;

pub(super) fn go_forward(case: &Case<'_>, restoring: &Restoring) -> Next {
    if let Some(name) = case.names().into_iter().find(|name| side(case, name) != Side::New) {
        let found =
            format!("{name} does not have the restore's volumes any more, though its post-processing may have begun");
        let next = "attach the restore's volumes again, or attach the old ones on both nodes; then run `mirrorsnap recover CLUSTER`";
        return case.wait(&format!("volumes {name}"), patience::SETTLE, &found, || {
            case.stuck(&found, next)
        });
    }
    match branches(case, restoring) {
        // If the service does not start on the new volumes, it still can on the old ones.
        ControlFlow::Break(Verdict::Stuck(why)) if service_is_down(case) => {
            let kind = match why.kind() {
                Kind::Stuck => Kind::GroupNotOnline,
                other => other,
            };
            turn_back(kind, why.to_string())
        }
        next => next,
    }
}

fn branches(case: &Case<'_>, restoring: &Restoring) -> Next {
    overdue(case, restoring)?;
    start_stopped(case)?;
    for name in case.names() {
        post(case, name)?;
    }
    wait_for_power(case)?;
    if let Some(name) = left_out(case) {
        return without(case, name);
    }
    daemons(case)?;
    outage::groups(case)?;
    mirror::mirrors(case)?;
    all_online(case)
}

/// The node, if there is but one, whose disk is full and whose post-processing failed as often as it is tried. Its services do not start by
/// themselves, so its mirror has not run: it is as the snapshot was, and room is all that it lacks.
fn left_out<'a>(case: &'a Case<'_>) -> Option<&'a str> {
    let lacks_room = |name: &&str| {
        let tried = case.memory.tried(&Try::PostProcess((*name).to_owned()));
        let outside = |node: &Node| is_full(node) && node.services != Services::Auto && node.stat.is_none();
        tried >= TRIES && matches!(case.look(name), Look::Answers(node) if outside(node))
    };
    match case.names().map(|name| Some(name).filter(lacks_room)) {
        [Some(name), None] | [None, Some(name)] => Some(name),
        [None, None] | [Some(_), Some(_)] => None,
    }
}

/// Brings the service up on the other node: both have the same snapshot, and only that one's mirror runs, so it has the newest data. The
/// restore ends once there is room, with a copy from there. Until the restore's own limit a service that does not come up is waited for.
fn without(case: &Case<'_>, left_out: &str) -> Next {
    let name = case.peer(left_out);
    daemon(case, name)?;
    let offline: Vec<&str> = case
        .intent
        .groups()
        .filter(|group| matches!(place(case, group), Place::Offline))
        .collect();
    if !offline.is_empty() && view(case, name).is_some() && own_green(case, name) {
        outage::start(case, name, &offline)?;
    }
    all_online(case)?;
    case.stuck(
        format!("the service is online on {name} alone, since the post-processing fails on {left_out}"),
        format!("read the script's output in the records of {left_out}, then run `mirrorsnap recover CLUSTER`"),
    )
}

/// Whether a group that we stopped is seen not online. A silent node does not count as down: only its SSM agent may be lost.
fn service_is_down(case: &Case<'_>) -> bool {
    let all_answer = case
        .names()
        .into_iter()
        .all(|name| matches!(case.look(name), Look::Answers(_)));
    case.intent.groups().any(|group| match place(case, group) {
        Place::Online(_) => false,
        Place::Unknown => all_answer,
        Place::Offline | Place::Pending | Place::Odd(_) => true,
    })
}

/// Rule 23: after the restore's own limit the old volumes are put back, unless the service is online on the new ones.
fn overdue(case: &Case<'_>, restoring: &Restoring) -> Next {
    match restoring.forward_until {
        Some(until) if case.seen.at >= until && service_is_down(case) => {
            let found = format!("cluster {}: the restore was not over by {until}", case.config.name);
            turn_back(Kind::RestoreOverdue, found)
        }
        _ => NOTHING,
    }
}

fn turn_back(kind: Kind, found: String) -> Next {
    let why = Error::new(
        kind,
        found,
        "nothing by hand: the old volumes are put back; look at the report, then run `mirrorsnap restore CLUSTER` again",
    );
    ControlFlow::Break(Verdict::Turn {
        course: Course::RollBack,
        why,
    })
}

/// Rule 16: whether `name` may skip the copy. For each disk both nodes have volumes of one snapshot, by their ids. Neither
/// mirror can have run since: no node has booted with enabled services.
pub fn skip_copy_proof(config: &Config, intent: &Intent, seen: &Observation, name: &str) -> SkipCopy {
    let names = || config.node_names();
    let pairs_up = intent.attachments(name).all(|one| {
        let theirs = names().find(|node| *node != name).unwrap_or_default();
        let disks: Vec<_> = config
            .mirror_disks
            .iter()
            .filter(|disk| disk.device.on(name) == one.device)
            .collect();
        !disks.is_empty()
            && disks.iter().all(|disk| {
                intent
                    .attachments(theirs)
                    .any(|other| other.device == disk.device.on(theirs) && other.snapshot == one.snapshot)
            })
    });
    let complete = config
        .mirror_disks
        .iter()
        .all(|disk| names().all(|node| intent.attachments(node).any(|one| one.device == disk.device.on(node))));
    let never_ran = |node: &Node| {
        let processed_here = || node.begun_here(POST_PROCESS_RESTORE);
        node.stat.is_none() && (node.services != Services::Auto || processed_here())
    };
    let is_proved = pairs_up
        && complete
        && names().all(|node| side_of(intent, seen, node) == Side::New)
        && names().all(|node| seen.node(node).is_some_and(never_ran));
    if is_proved { SkipCopy::Yes } else { SkipCopy::No }
}

/// The post-processing of one node, behind the device gate. After three tries the restore rolls back (rule 18).
fn post(case: &Case<'_>, name: &str) -> Next {
    let node = match case.look(name) {
        Look::Answers(node) => node,
        // `wait_for_power` waits for it.
        Look::Silent => return NOTHING,
    };
    match post_due(case, name, node) {
        Post::Nothing => return NOTHING,
        Post::Blocked(verdict) => return ControlFlow::Break(*verdict),
        Post::Due => {}
    }
    let key = Try::PostProcess(name.to_owned());
    if left_out(case) == Some(name) {
        return NOTHING;
    }
    if case.memory.tried(&key) >= TRIES {
        let found = format!(
            "cluster {}: the post-processing failed on {name}: {}",
            case.config.name,
            node.job(POST_PROCESS_RESTORE)
                .map_or("it left no output", |(_, _, out)| out)
                .trim()
        );
        return turn_back(Kind::PostProcessFailed, found);
    }
    let skip_copy = skip_copy_proof(case.config, case.intent, case.seen, name);
    let peer = case.peer(name);
    // While the peer boots, nobody can tell whether its mirror has run. So wait for its answer: a full copy would do no harm,
    // but take hours.
    if let (SkipCopy::No, Look::Silent) = (skip_copy, case.look(peer)) {
        let why = format!("{peer} answers, which decides whether {name} needs a full copy");
        case.wait(&format!("proof {name}"), patience::REBOOT, &why, || NOTHING)?;
    }
    order_post(case, name, node, key, skip_copy)
}
