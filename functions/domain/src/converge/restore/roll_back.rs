//! After a post-processing: puts the old volumes back, and copies from the source node (safety.md, rule 16).

use super::super::case::{Look, NOTHING, Next, on_both};
use super::super::nodes::{daemon, daemons, shutting_down, start_stopped, wait_for_power};
use super::super::outage::{self, Place, all_online, own_green, place, view};
use super::super::room::is_full;
use super::super::{Action, Case, TRIES, Try, mirror, patience};
use super::put_back::old_volumes;
use super::volumes::{Side, side};
use super::{Post, order_post, post_due, rebooting, stop_in_restore_mode};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::State;
use crate::document::{Document, Recorded, SkipCopy, TimerDone, name::ENTER_RESTORE_MODE, name::POST_PROCESS_RESTORE};
use crate::intent::Restoring;
use crate::observation::{Node, Power};
use crate::steps::{NOT_AFTER_SECONDS, Step};
use std::ops::ControlFlow;

pub(super) fn roll_back_by_copy(case: &Case<'_>, restoring: &Restoring) -> Next {
    let Some(source) = restoring.source.as_deref() else {
        return case.stuck(
            "no node is recorded as the one with the newest old data, so nothing is copied",
            "decide which node's old volume is the newest, and set the mirror up by hand",
        );
    };
    if case.names().into_iter().any(|name| side(case, name) != Side::Old) {
        shut_both_down(case)?;
        return old_volumes(case);
    }
    start_stopped(case)?;
    post_process_old_volume(case, source)?;
    source_answers(case, source)?;
    daemon(case, source)?;
    start_source_first(case, source)?;
    post_process_old_volume(case, case.peer(source))?;
    wait_for_power(case)?;
    daemons(case)?;
    mirror::mirrors(case)?;
    all_online(case)
}

/// A service that is online is not taken down for a rollback while a node's disk is full: what is not begun need not be ended without room.
fn room_first(case: &Case<'_>) -> Next {
    let full = |name: &&str| case.seen.node(name).is_some_and(is_full);
    let online = |group| matches!(place(case, group), Place::Online(_));
    if case.names().iter().any(full) && untouched(case) && case.intent.groups().all(online) {
        return case.stuck(
            "the old volumes are not put back yet, and the service is online on the restore's",
            "run `mirrorsnap recover CLUSTER`",
        );
    }
    NOTHING
}

/// Whether both nodes have the restore's volumes.
fn untouched(case: &Case<'_>) -> bool {
    case.names().into_iter().all(|name| side(case, name) == Side::New)
}

/// Starts the groups again on a node that cannot be prepared for want of room, while both still have the restore's volumes.
fn back_for_want_of_room(case: &Case<'_>, name: &str) -> Next {
    let offline: Vec<&str> = case.intent.groups().collect();
    if untouched(case)
        && own_green(case, name)
        && case
            .intent
            .groups()
            .all(|group| matches!(place(case, group), Place::Offline))
    {
        return outage::start(case, name, &offline);
    }
    NOTHING
}

/// Stops the groups, then shuts both nodes down: no mirror may run while its peer's volumes are swapped.
fn shut_both_down(case: &Case<'_>) -> Next {
    room_first(case)?;
    for name in case.names() {
        let is_here = |group: &&str| matches!(place(case, group), Place::Online(node) if node == name);
        let here: Vec<&str> = case.intent.groups().filter(is_here).collect();
        if here.is_empty() {
            continue;
        }
        match case.look(name) {
            Look::Answers(node) => stop_groups(case, name, node, &here)?,
            // Its groups cannot be stopped. Converge waits for it below, until it is stuck.
            Look::Silent => {}
        }
    }
    let is_pending = |group: &&str| matches!(place(case, group), Place::Pending);
    if let Some(group) = case.intent.groups().find(is_pending) {
        let why = format!("the group {group} is on its way");
        let next = "look at the group in CLUSTERPRO's log";
        case.wait_or_stuck(&format!("group {group}"), patience::GROUP, &why, next)?;
    }
    // Both nodes get their order before converge waits for either, and at once if they can: the service is down.
    let [active, standby] = case.names();
    on_both(order_restore_mode(case, active), order_restore_mode(case, standby))?;
    for name in case.names() {
        if case.seen.power(name) != Power::Stopped {
            let why = format!("{name} goes down");
            let next =
                "look at the instance's system log; stop the node by hand, then run `mirrorsnap recover CLUSTER`";
            case.wait_or_stuck(&format!("down {name}"), patience::SHUTDOWN, &why, next)?;
        }
    }
    NOTHING
}

/// Stops the groups that run on `name`. First try: `quiesce-restore`, which arms the node's timer before it stops the groups, so that
/// they start again if nobody goes on from here. It needs both daemons online. After that: plain `stop-group` (rule 22).
fn stop_groups(case: &Case<'_>, name: &str, node: &Node, here: &[&str]) -> Next {
    let next = "stop the groups by hand, then run `mirrorsnap recover CLUSTER`";
    let peer = case.peer(name);
    let key = Try::QuiesceRestore(name.to_owned());
    let whole = here.len() == case.intent.groups().count()
        && view(case, name).is_some_and(|stat| stat.server(peer) == State::Online);
    if whole && node.records.is_empty() && case.memory.tried(&key) == 0 {
        return case.act(key, next, |attempt| Action::Step {
            step: Step::quiesce_restore(case.config, name, peer, &case.intent.id, here.iter().copied()).guarded(
                node,
                NOT_AFTER_SECONDS,
                attempt,
            ),
        });
    }
    case.act(Try::StopGroup(name.to_owned()), next, |attempt| {
        let document = Document::StopGroup(case.cluster(name, here.iter().copied()));
        Action::Step {
            step: Step::new(document, name, &case.intent.id).guarded(node, NOT_AFTER_SECONDS, attempt),
        }
    })
}

/// The node's timer is armed, has not fired, and the node's shutdown comes next.
pub(in crate::converge) fn goes_down(case: &Case<'_>, node: &Node) -> bool {
    let records = &node.records;
    case.rolls_back() && records.stopped.is_some() && records.void.is_none() && records.done.is_none()
}

fn order_restore_mode(case: &Case<'_>, name: &str) -> Next {
    let node = match case.look(name) {
        Look::Answers(node) if case.seen.power(name) == Power::Running => node,
        // Converge waits until it is stopped.
        Look::Answers(_) | Look::Silent => return NOTHING,
    };
    if shutting_down(case, name, node, ENTER_RESTORE_MODE).is_break() {
        return NOTHING;
    }
    if node.services != Services::Auto {
        return match node.stat {
            None => stop_in_restore_mode(case, name),
            Some(_) => NOTHING,
        };
    }
    if rebooting(case, name, node, POST_PROCESS_RESTORE).is_break() {
        return NOTHING;
    }
    daemon(case, name)?;
    let next = "run `clprestore.sh --pre` by hand, then run `mirrorsnap recover CLUSTER`";
    let timer = match node.records.done {
        Some(_) => TimerDone::Yes,
        None => TimerDone::No,
    };
    let key = Try::EnterRestoreMode(name.to_owned());
    if is_full(node) && case.memory.tried(&key) >= TRIES {
        back_for_want_of_room(case, name)?;
    }
    // The old volumes go back whatever it says: once the node is stopped, nothing reads its record.
    let (peer, run) = (case.peer(name), &case.intent.id);
    case.act(key, next, |attempt| Action::Step {
        step: Step::enter_restore_mode(case.config, name, peer, run, timer, Recorded::No).guarded(
            node,
            NOT_AFTER_SECONDS,
            attempt,
        ),
    })
}

/// The post-processing on the old volume, without `--skip-copy`.
fn post_process_old_volume(case: &Case<'_>, name: &str) -> Next {
    let node = match case.look(name) {
        Look::Answers(node) => node,
        // The source is waited for next, its peer by `wait_for_power`.
        Look::Silent => return NOTHING,
    };
    match post_due(case, name, node) {
        Post::Nothing => NOTHING,
        Post::Blocked(verdict) => ControlFlow::Break(*verdict),
        Post::Due => order_post(case, name, node, Try::PostProcessOld(name.to_owned()), SkipCopy::No),
    }
}

/// Waits for the source node's answer before anything else.
fn source_answers(case: &Case<'_>, name: &str) -> Next {
    match case.look(name) {
        Look::Answers(_) if case.seen.power(name) == Power::Running => NOTHING,
        Look::Answers(_) | Look::Silent => {
            let why = format!("{name} comes up with its old volumes");
            let next = "look at the instance's system log and status checks";
            case.wait_or_stuck(&format!("lead {name}"), patience::BOOT, &why, next)
        }
    }
}

/// Starts the groups on the source, which has the newest old data, before the other node joins.
fn start_source_first(case: &Case<'_>, source: &str) -> Next {
    let mut offline = Vec::new();
    for group in case.intent.groups() {
        match place(case, group) {
            Place::Online(node) if node == source => {}
            Place::Online(node) => {
                return case.stuck(
                    format!("{group} runs on {node}, but {source} has the newest old data"),
                    "do not let the mirror recover: stop the group, and decide by hand which side is copied",
                );
            }
            Place::Offline => offline.push(group),
            Place::Unknown | Place::Pending | Place::Odd(_) => {
                let why = format!("the group {group} comes up on {source}");
                let next = "look at the group in CLUSTERPRO's log";
                return case.wait_or_stuck(&format!("lead group {group}"), patience::GROUP, &why, next);
            }
        }
    }
    if offline.is_empty() {
        NOTHING
    } else {
        outage::start(case, source, &offline)
    }
}
