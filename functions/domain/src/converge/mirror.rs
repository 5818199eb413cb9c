//! The last branch, the mirror: resumes the monitors that we suspended, and waits until both sides are GREEN.

use super::case::{Look, NOTHING, Next};
use super::verdict::Awaited;
use super::{Action, Case, Try, Verdict, patience};
use crate::clusterpro::mdstat::{Color, Mirror, Status};
use crate::clusterpro::monitors::monitor_state;
use crate::clusterpro::stat::State;
use crate::document::Document;
use crate::intent::{Course, Operation};
use crate::steps::{NOT_AFTER_SECONDS, Step};
use std::ops::ControlFlow;

// belief: clp-recovery-details
/// The state of a monitor on a node, as either node shows it.
fn monitor(case: &Case<'_>, name: &str, node: &str) -> State {
    let views = case
        .names()
        .into_iter()
        .filter_map(|viewer| case.seen.node(viewer)?.monitors.as_ref());
    let states: Vec<State> = views
        .map(|all| monitor_state(all, name, node))
        .filter(|s| *s != State::Unknown)
        .collect();
    match states.split_first() {
        // If one node shows it suspended, it is resumed: a second resume does no harm.
        Some(_) if states.contains(&State::Suspended) => State::Suspended,
        Some((first, _)) => *first,
        None => State::Unknown,
    }
}

/// Rule 11: whether the intent's monitors on `node` are ours to resume. The active suspends its own as the baton; before its record
/// `baton` they were not touched, so a suspension is somebody else's. Where no record can be read (it does not answer, or has booted since)
/// they count as ours.
fn are_ours(case: &Case<'_>, node: &str) -> bool {
    if case.intent.operation != Operation::Backup || node != case.intent.active {
        return true;
    }
    match case.look(node) {
        Look::Answers(seen) => case.intent.boots.get(node) != Some(&seen.boot_id) || seen.records.baton.is_some(),
        Look::Silent => true,
    }
}

/// Resumes the monitors that we suspended. Only reached once no node is in backup mode.
pub(super) fn monitors(case: &Case<'_>) -> Next {
    for node in case.names().into_iter().filter(|node| are_ours(case, node)) {
        let suspended: Vec<String> = case
            .intent
            .monitors(node)
            .filter(|name| monitor(case, name, node) == State::Suspended)
            .map(str::to_owned)
            .collect();
        if !suspended.is_empty() {
            let from = case.intent.active.as_str();
            let seen = case.answer(from)?;
            let next = "resume the monitors by hand with `clpmonctrl -r`";
            // Each node's have tries of their own. The document runs on the active for either.
            let [key, other] = [node, case.peer(node)].map(|at| Try::ResumeMonitors(at.to_owned()));
            case.act_beside(key, &[other], next, |attempt| {
                let document = Document::ResumeMonitors {
                    nodes: vec![node.to_owned()],
                    monitors: suspended,
                };
                Action::Step {
                    step: Step::new(document, from, &case.intent.id).guarded(seen, NOT_AFTER_SECONDS, attempt),
                }
            })?;
        } else if let Some(name) = case
            .intent
            .monitors(node)
            .find(|name| monitor(case, name, node) != State::Online)
        {
            let why = format!("the monitor {name} on {node} is not shown online yet");
            let key = format!("monitor {name} {node}");
            case.wait_or_stuck(&key, patience::MONITOR, &why, "look at the monitor with `clpstat -m`")?;
        }
    }
    late_suspension(case)
}

/// After a fence of this execution the monitors are looked at again, five seconds later: a suspension whose sender the fence killed may
/// arrive late (rule 11), and so may a break.
fn late_suspension(case: &Case<'_>) -> Next {
    if case
        .names()
        .iter()
        .all(|name| case.memory.tried(&Try::Fence((*name).to_owned())) == 0)
    {
        return NOTHING;
    }
    let since = case.memory.online.map(|online| case.seen.at.seconds_since(online));
    if since.is_some_and(|seconds| seconds >= patience::LATE) {
        return NOTHING;
    }
    ControlFlow::Break(Verdict::Wait {
        key: Awaited::SecondLook,
        why: "what the fence has killed may still have sent something: the monitors are looked at again".to_owned(),
    })
}

/// Whether converge must make this mirror disk normal. It need not if the disk was not normal before a restore that has put the
/// old volumes back: somebody may have broken it to keep the data of its other side.
fn is_ours(case: &Case<'_>, disk: &str) -> bool {
    let as_it_was = case.intent.restore.as_ref().is_some_and(|restoring| {
        restoring.course == Course::PutBack && restoring.not_normal_before.iter().any(|name| name == disk)
    });
    case.intent.breaks(disk) && !as_it_was
}

/// Waits until both sides of every mirror disk that is ours are GREEN. Starts a copy that does not begin by itself.
pub(super) fn mirrors(case: &Case<'_>) -> Next {
    let ours = case.config.mirror_disks.iter().filter(|disk| is_ours(case, &disk.name));
    for disk in ours {
        let views: Vec<&Mirror> = case
            .names()
            .into_iter()
            .filter_map(|name| match case.look(name) {
                Look::Answers(node) => node.mirrors.get(&disk.name),
                // Two views are needed below.
                Look::Silent => None,
            })
            .collect();
        if views.len() == 2 && views.iter().all(|mirror| mirror.is_normal()) {
            continue;
        }
        let copying = views.iter().find(|mirror| {
            mirror.status == Status::Recovering || mirror.colors.values().any(|color| *color == Color::Yellow)
        });
        if let Some(mirror) = copying {
            let percent = mirror
                .recovery
                .percent
                .map_or_else(String::new, |done| format!(", {done} %"));
            let why = format!("{} copies the difference{percent}", disk.name);
            let next = "look at the copy with clpmdstat; the cluster has no redundancy until it ends";
            case.wait_or_stuck(&format!("resync {}", disk.name), patience::RESYNC, &why, next)?;
        } else {
            broken(case, &disk.name, &views)?;
        }
    }
    NOTHING
}

/// A mirror disk that is neither normal nor being copied. Always a verdict.
fn broken(case: &Case<'_>, disk: &str, views: &[&Mirror]) -> Next {
    let next = "decide by clpmdstat which side is the newest, and recover the mirror by hand";
    let one = |wanted: Color| {
        let mut nodes = case
            .names()
            .into_iter()
            .filter(|node| views.iter().all(|mirror| mirror.color(node) == wanted));
        nodes.next().filter(|_| nodes.next().is_none())
    };
    let (Some(green), Some(red)) = (one(Color::Green), one(Color::Red)) else {
        let shown: Vec<String> = views
            .iter()
            .map(|mirror| format!("{:?} {:?}", mirror.status, mirror.colors))
            .collect();
        let why = format!(
            "{disk} is neither GREEN and GREEN nor GREEN and RED: {}",
            shown.join("; ")
        );
        return case.wait_or_stuck(&format!("mirror {disk}"), patience::MIRROR, &why, next);
    };
    // The copy goes from GREEN to RED, so the groups must run on the GREEN side.
    let source = case.answer(green)?;
    let lives_elsewhere = source.stat.as_ref().is_none_or(|stat| {
        stat.failover_groups()
            .any(|group| !group.is_offline() && group.current.as_deref().is_some_and(|at| at != green))
    });
    if lives_elsewhere {
        return case.stuck(
            format!("{disk} is GREEN on {green}, but the groups run elsewhere"),
            next,
        );
    }
    let why = format!("{disk} is RED on {red}; its recovery is expected to begin by itself");
    case.wait(&format!("recovery {disk}"), patience::AUTO_RECOVERY, &why, || {
        case.act(Try::RecoverMirror(disk.to_owned()), next, |attempt| {
            let document = Document::RecoverMirror {
                disks: vec![disk.to_owned()],
            };
            Action::Step {
                step: Step::new(document, green, &case.intent.id).guarded(source, NOT_AFTER_SECONDS, attempt),
            }
        })
    })
}
