//! Converge of a restore (safety.md, rules 16 to 18). The course in the intent is one of three:
//!
//! - `put-back`: no post-processing was ever ordered, so the old cluster partitions are intact. Put the old volumes back, enable the
//!   services again, reboot the nodes; CLUSTERPRO decides.
//! - `forward`: go on with the new volumes. `--skip-copy` only with the proof. A node that fails is tried three times, then roll back.
//! - `roll-back`: put the old volumes back after a post-processing. Without `--skip-copy`, and the source node's group first, so that
//!   the copy's direction is certain.

use super::nodes::{daemon, daemons, gate, shutting_down, start_stopped, wait_for_power};
use super::outage::{self, Place, all_online, place, view};
use super::{Action, Case, Next, TRIES, Verdict, mirror, patience};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::State;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::intent::{Course, Intent, Restoring};
use crate::observation::{Node, Observation, Power};
use crate::steps::{NOT_AFTER_SECONDS, Step};

pub(super) fn next(case: &Case<'_>, restoring: &Restoring) -> Next {
    foreign_volume(case).or_else(|| match restoring.course {
        Course::PutBack => put_back_old_volumes(case),
        Course::Forward => go_forward(case, restoring),
        Course::RollBack => roll_back_by_copy(case, restoring),
    })
}

/// Which volumes a node has at the devices whose volumes the restore replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Old,
    New,
    /// Some of each, or none: in the middle of a swap.
    Between,
}

fn side(case: &Case<'_>, name: &str) -> Side {
    side_of(case.intent, case.seen, name)
}

fn side_of(intent: &Intent, seen: &Observation, name: &str) -> Side {
    let attached = seen.instances.get(name).map(|instance| &instance.volumes);
    let all = |new: bool| {
        intent.attachments(name).all(|one| {
            let wanted = if new { &one.new } else { &one.old };
            attached.and_then(|volumes| volumes.get(&one.device)) == Some(wanted)
        })
    };
    // A restore that ended before its volumes were made replaces nothing.
    match (all(false), all(true)) {
        (true, _) => Side::Old,
        (false, true) => Side::New,
        (false, false) => Side::Between,
    }
}

/// Stuck if a device holds a volume that is neither the old nor the new one: an operator has changed it, and wins (rule 11).
fn foreign_volume(case: &Case<'_>) -> Next {
    case.names().into_iter().find_map(|name| {
        let attached = &case.seen.instances.get(name)?.volumes;
        let one = case.intent.attachments(name).find(|one| {
            attached
                .get(&one.device)
                .is_some_and(|volume| *volume != one.old && *volume != one.new)
        })?;
        let found = format!(
            "cluster {}: {} of {name} holds {}, which is neither the old volume {} nor the restore's {}",
            case.config.name,
            one.device,
            attached.get(&one.device).map_or("", String::as_str),
            one.old,
            one.new
        );
        let next = "somebody changed it: attach one of the two while the node is stopped, then start recover";
        Some(Verdict::Stuck(Error::new(Kind::AttachmentUnexpected, found, next)))
    })
}

/// Whether `name` answered and its cluster services are enabled.
fn is_auto(case: &Case<'_>, name: &str) -> bool {
    case.seen.node(name).is_some_and(|node| node.services == Services::Auto)
}

// ── before any post-processing ──────────────────────────────────────────────────────────────────────────────────────

fn put_back_old_volumes(case: &Case<'_>) -> Next {
    // Nothing is started or enabled on a node that shuts down. Its shutdown may take long or hang, so its peer does not wait for it:
    // the groups start there, and only a peer in the cluster can show that the other node holds no group (rule 14).
    let preparing = |name: &str| {
        let node = case.seen.node(name)?;
        shutting_down(case, name, node, "enter-restore-mode")
    };
    let staying = || case.names().into_iter().filter(|name| preparing(name).is_none());
    let service = || {
        let active = case.intent.active.as_str();
        let there = is_auto(case, active) && preparing(active).is_none();
        there.then(|| outage::groups(case)).flatten()
    };
    service()
        .or_else(|| old_volumes(case))
        .or_else(|| start_stopped(case))
        .or_else(|| staying().find_map(|name| enable_services(case, name)))
        .or_else(|| case.names().into_iter().find_map(preparing))
        .or_else(|| wait_for_power(case))
        .or_else(|| daemons(case))
        .or_else(|| outage::groups(case))
        .or_else(|| mirror::mirrors(case))
        .or_else(|| all_online(case))
}

/// Puts the old volumes back on each node. Stops a node that runs on the restore's volumes first; refuses if its mirror may have
/// started.
fn old_volumes(case: &Case<'_>) -> Next {
    case.names()
        .into_iter()
        .filter(|name| side(case, name) != Side::Old)
        .find_map(|name| swap_back(case, name))
}

fn swap_back(case: &Case<'_>, name: &str) -> Next {
    let next = "stop the node by hand, then start recover";
    match case.seen.power(name) {
        Power::Stopped => {
            let next = "look at the volumes of the restore's record; attach the old ones by hand, then start recover";
            let node = name.to_owned();
            case.act_on_ec2(&format!("swap {name}"), next, Action::Swap { node })
        }
        Power::Running => match case.seen.node(name) {
            Some(node) if node.services != Services::Auto && node.stat.is_none() => stop_in_restore_mode(case, name),
            Some(_) => case.stuck(
                format!("{name} runs on the restore's volumes, and its cluster services start by themselves"),
                "look whether the service is online on the new volumes; restore again, or attach the old ones by hand",
            ),
            None => {
                let why = format!("{name} boots with the restore's volumes");
                case.wait_or_stuck(&format!("answer {name}"), patience::BOOT, &why, next)
            }
        },
        _ => wait_for_power(case),
    }
}

/// A plain stop of a node in restore mode, on which no cluster service runs.
fn stop_in_restore_mode(case: &Case<'_>, name: &str) -> Next {
    let next = "look at the instance's system log, and stop it by hand";
    let node = name.to_owned();
    case.act_on_ec2(&format!("halt {name}"), next, Action::Stop { node })
}

/// Rule 16: enables the services again, and reboots the node into the cluster.
fn enable_services(case: &Case<'_>, name: &str) -> Next {
    let node = case.seen.node(name)?;
    if node.services == Services::Auto {
        return rebooting(case, name, node, "enable-services");
    }
    if !case.intent.enters_restore_mode(name) {
        return None;
    }
    gate(case, name, node).or_else(|| {
        let next = "run `clpsvcctrl.sh --enable -a` by hand, and reboot the node";
        case.act(&format!("enable-services {name}"), next, |attempt| Action::Step {
            step: Step::new("enable-services", name, &case.intent.id)
                .with("Reboot", "yes")
                .guarded(node, NOT_AFTER_SECONDS, attempt),
        })
    })
}

/// Waits for the reboot after the document's detached command, if that began in this boot and did not fail.
fn rebooting(case: &Case<'_>, name: &str, node: &Node, document: &str) -> Next {
    if !node.begun_here(document) || node.failed_here(document).is_some() {
        return None;
    }
    let why = format!("{name} reboots after {document}");
    // A unit that was killed leaves no exit code. After the deadline the caller goes on.
    case.wait(&format!("{document} {name}"), patience::POST, &why, || None)
}

// ── forward ─────────────────────────────────────────────────────────────────────────────────────────────────────────

fn go_forward(case: &Case<'_>, restoring: &Restoring) -> Next {
    if let Some(name) = case.names().into_iter().find(|name| side(case, name) != Side::New) {
        let found =
            format!("{name} does not have the restore's volumes any more, though its post-processing may have begun");
        let next = "attach the restore's volumes again, or attach the old ones on both nodes; then start recover";
        return case.wait(&format!("volumes {name}"), patience::SETTLE, &found, || {
            case.stuck(&found, next)
        });
    }
    let next = overdue(case, restoring)
        .or_else(|| start_stopped(case))
        .or_else(|| {
            case.names()
                .into_iter()
                .find_map(|name| post(case, name, skip_copy_proof(case.config, case.intent, case.seen, name)))
        })
        .or_else(|| wait_for_power(case))
        .or_else(|| daemons(case))
        .or_else(|| outage::groups(case))
        .or_else(|| mirror::mirrors(case))
        .or_else(|| all_online(case));
    match next {
        // If the service does not start on the new volumes, it still can on the old ones.
        Some(Verdict::Stuck(why)) if service_is_down(case) => {
            let kind = match why.kind() {
                Kind::Stuck => Kind::GroupNotOnline,
                other => other,
            };
            turn_back(kind, why.to_string())
        }
        next => next,
    }
}

/// Whether a group that we stopped is seen not online. A silent node does not count as down: only its SSM agent may be lost.
fn service_is_down(case: &Case<'_>) -> bool {
    let all_answer = case.names().into_iter().all(|name| case.seen.node(name).is_some());
    case.intent.groups().any(|group| match place(case, group) {
        Place::Online(_) => false,
        Place::Unknown => all_answer,
        Place::Offline | Place::Pending | Place::Odd(_) => true,
    })
}

/// Rule 23: after the restore's own limit the old volumes are put back, unless the service is online on the new ones.
fn overdue(case: &Case<'_>, restoring: &Restoring) -> Next {
    let until = restoring.forward_until.filter(|until| case.seen.at >= *until)?;
    if !service_is_down(case) {
        return None;
    }
    let found = format!("cluster {}: the restore was not over by {until}", case.config.name);
    turn_back(Kind::RestoreOverdue, found)
}

#[allow(clippy::unnecessary_wraps)] // it ends a chain of `Option`s
fn turn_back(kind: Kind, found: String) -> Next {
    let why = Error::new(
        kind,
        found,
        "nothing by hand: the old volumes are put back; look at the report, then restore again",
    );
    Some(Verdict::Turn {
        course: Course::RollBack,
        why,
    })
}

/// Rule 16: whether `name` may skip the copy. For each disk both nodes have volumes of one snapshot, by their ids. Neither mirror can
/// have run since: no node has booted with enabled services.
pub fn skip_copy_proof(config: &Config, intent: &Intent, seen: &Observation, name: &str) -> bool {
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
        let processed_here = || node.begun_here("post-process-restore");
        node.stat.is_none() && (node.services != Services::Auto || processed_here())
    };
    pairs_up
        && complete
        && names().all(|node| side_of(intent, seen, node) == Side::New)
        && names().all(|node| seen.node(node).is_some_and(never_ran))
}

/// The post-processing of one node, behind the device gate. After three tries the restore rolls back (rule 18).
fn post(case: &Case<'_>, name: &str, skip_copy: bool) -> Next {
    let node = case.seen.node(name)?;
    if let Some(waits) = unprocessed(case, name, node)? {
        return Some(waits);
    }
    let key = format!("post-process-restore {name}");
    if case.memory.tries.get(&key).copied().unwrap_or(0) >= TRIES {
        let found = format!(
            "cluster {}: the post-processing failed on {name}: {}",
            case.config.name,
            node.job("post-process-restore")
                .map_or("it left no output", |(_, _, out)| out)
                .trim()
        );
        return turn_back(Kind::PostProcessFailed, found);
    }
    // While the peer boots, nobody can tell whether its mirror has run. So wait for its answer: a full copy would do no harm, but
    // take hours.
    if !skip_copy && case.seen.node(case.peer(name)).is_none() {
        let why = format!(
            "{} answers, which decides whether {name} needs a full copy",
            case.peer(name)
        );
        let waited = case.wait(&format!("proof {name}"), patience::REBOOT, &why, || None);
        if waited.is_some() {
            return waited;
        }
    }
    order_post(case, name, node, &key, skip_copy, 0)
}

/// `None`: nothing to do on this node. `Some(None)`: it is to be processed now. `Some(Some(_))`: wait, or be stuck.
#[allow(clippy::option_option)]
fn unprocessed(case: &Case<'_>, name: &str, node: &Node) -> Option<Next> {
    if node.services == Services::Auto {
        return rebooting(case, name, node, "post-process-restore").map(Some);
    }
    if !case.intent.enters_restore_mode(name) {
        return Some(case.stuck(
            format!("the cluster services of {name} do not start by themselves, and not because of us"),
            "enable them and reboot the node, then start recover",
        ));
    }
    if view(case, name).is_some() {
        return Some(case.stuck(
            format!("{name} is in restore mode, yet somebody started its cluster daemon"),
            "stop the cluster service on the node, then start recover",
        ));
    }
    if let Some(waits) = shutting_down(case, name, node, "enter-restore-mode") {
        return Some(Some(waits));
    }
    if let Some(waits) = rebooting(case, name, node, "post-process-restore") {
        return Some(Some(waits));
    }
    // Rule 17, and the check that `--post` itself makes.
    Some(gate(case, name, node))
}

fn order_post(case: &Case<'_>, name: &str, node: &Node, key: &str, skip_copy: bool, after: u64) -> Next {
    let next = "read the script's output in the node's records";
    case.act(key, next, |attempt| Action::Step {
        step: Step::new("post-process-restore", name, &case.intent.id)
            .with("SkipCopy", if skip_copy { "yes" } else { "no" })
            .list("Disks", case.config.mirror_disks.iter().map(|disk| disk.name.as_str()))
            .guarded(node, NOT_AFTER_SECONDS, attempt + after),
    })
}

// ── back after a post-processing ────────────────────────────────────────────────────────────────────────────────────

fn roll_back_by_copy(case: &Case<'_>, restoring: &Restoring) -> Next {
    let Some(source) = restoring.source.as_deref() else {
        return case.stuck(
            "no node is recorded as the one with the newest old data, so nothing is copied",
            "decide which node's old volume is the newest, and set the mirror up by hand",
        );
    };
    if case.names().into_iter().any(|name| side(case, name) != Side::Old) {
        return shut_both_down(case).or_else(|| old_volumes(case));
    }
    let other = case.peer(source);
    start_stopped(case)
        .or_else(|| post_process_old_volume(case, source))
        .or_else(|| source_answers(case, source))
        .or_else(|| daemon(case, source))
        .or_else(|| start_source_first(case, source))
        .or_else(|| post_process_old_volume(case, other))
        .or_else(|| wait_for_power(case))
        .or_else(|| daemons(case))
        .or_else(|| mirror::mirrors(case))
        .or_else(|| all_online(case))
}

/// Stops the groups, then shuts both nodes down: no mirror may run while its peer's volumes are swapped.
fn shut_both_down(case: &Case<'_>) -> Next {
    for name in case.names() {
        let here: Vec<&str> = case
            .intent
            .groups()
            .filter(|group| matches!(place(case, group), Place::Online(node) if node == name))
            .collect();
        if let (false, Some(node)) = (here.is_empty(), case.seen.node(name)) {
            return stop_groups(case, name, node, &here);
        }
    }
    if let Some(group) = case
        .intent
        .groups()
        .find(|group| matches!(place(case, group), Place::Pending))
    {
        let why = format!("the group {group} is on its way");
        let next = "look at the group in CLUSTERPRO's log";
        return case.wait_or_stuck(&format!("group {group}"), patience::GROUP, &why, next);
    }
    // Both nodes get their order before converge waits for either.
    let orders = case.names().into_iter().find_map(|name| order_restore_mode(case, name));
    orders.or_else(|| {
        let name = case
            .names()
            .into_iter()
            .find(|name| case.seen.power(name) != Power::Stopped)?;
        let why = format!("{name} goes down");
        let next = "look at the instance's system log; stop the node by hand, then start recover";
        case.wait_or_stuck(&format!("down {name}"), patience::SHUTDOWN, &why, next)
    })
}

/// Stops the groups that run on `name`. First try: `quiesce-restore`, which arms the node's timer before it stops the groups. It needs
/// both daemons online. After that: plain `stop-group` (rule 22).
fn stop_groups(case: &Case<'_>, name: &str, node: &Node, here: &[&str]) -> Next {
    let next = "stop the groups by hand, then start recover";
    let key = format!("quiesce-restore {name}");
    let whole = here.len() == case.intent.groups().count()
        && view(case, name).is_some_and(|stat| stat.server(case.peer(name)) == State::Online);
    if whole && node.records.is_empty() && !case.memory.tries.contains_key(&key) {
        return case.act(&key, next, |attempt| Action::Step {
            step: Step::quiesce_restore(
                case.config,
                name,
                case.peer(name),
                &case.intent.id,
                here.iter().copied(),
            )
            .guarded(node, NOT_AFTER_SECONDS, attempt),
        });
    }
    case.act(&format!("stop-group {name}"), next, |attempt| Action::Step {
        step: case
            .on_groups("stop-group", name, here)
            .guarded(node, NOT_AFTER_SECONDS, attempt),
    })
}

/// Whether the node's timer is armed, has not fired, and its shutdown comes next.
pub(super) fn goes_down(case: &Case<'_>, node: &Node) -> bool {
    let has = |record: &str| node.records.contains_key(record);
    case.copies() && has("stopped") && !has("void") && !has("done")
}

fn order_restore_mode(case: &Case<'_>, name: &str) -> Next {
    let node = case
        .seen
        .node(name)
        .filter(|_| case.seen.power(name) == Power::Running)?;
    if shutting_down(case, name, node, "enter-restore-mode").is_some() {
        return None;
    }
    if node.services != Services::Auto {
        return if node.stat.is_none() {
            stop_in_restore_mode(case, name)
        } else {
            None
        };
    }
    if rebooting(case, name, node, "post-process-restore").is_some() {
        return None;
    }
    daemon(case, name).or_else(|| {
        let next = "run `clprestore.sh --pre` by hand, then start recover";
        let anew = node.records.contains_key("done");
        case.act(&format!("enter-restore-mode {name}"), next, |attempt| Action::Step {
            step: Step::enter_restore_mode(case.config, name, case.peer(name), &case.intent.id, anew).guarded(
                node,
                NOT_AFTER_SECONDS,
                attempt,
            ),
        })
    })
}

/// The post-processing on the old volume, without `--skip-copy`.
fn post_process_old_volume(case: &Case<'_>, name: &str) -> Next {
    let node = case.seen.node(name)?;
    if let Some(waits) = unprocessed(case, name, node)? {
        return Some(waits);
    }
    // Other attempt numbers: the attempts on the new volumes are recorded on the node's root disk.
    order_post(case, name, node, &format!("post-process-old {name}"), false, 50)
}

/// Waits for the source node's answer before anything else.
fn source_answers(case: &Case<'_>, name: &str) -> Next {
    if case.seen.power(name) == Power::Running && case.seen.node(name).is_some() {
        return None;
    }
    let why = format!("{name} comes up with its old volumes");
    let next = "look at the instance's system log and status checks";
    case.wait_or_stuck(&format!("lead {name}"), patience::BOOT, &why, next)
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
        None
    } else {
        outage::start(case, source, &offline)
    }
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
