//! The nodes: power, the end of backup mode behind the device gate, and the cluster daemon (rules 14, 15 and 17).

use super::case::{Look, NOTHING, Next};
use super::starts::{self, Due};
use super::{Action, Awaited, Case, Try, Verdict, patience};
use crate::clusterpro::outputs::{self, Services};
use crate::devices;
use crate::document::{Document, name::ENTER_BACKUP_MODE, name::ENTER_RESTORE_MODE, name::LEAVE_BACKUP_MODE};
use crate::observation::{Node, Power};
use crate::steps::{NOT_AFTER_SECONDS, Step};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// Starts instances that we stopped, and waits for those that start or stop.
pub(super) fn power(case: &Case<'_>) -> Next {
    start_stopped(case)?;
    wait_for_power(case)
}

/// Starts instances that we stopped.
pub(super) fn start_stopped(case: &Case<'_>) -> Next {
    // Starts both instances before it waits for either, so that no daemon waits long for its peer, and one that does not start keeps
    // its peer from nothing. A start is tried again without a limit (rule 20).
    let mut later = None;
    for name in case.touched().filter(|name| case.seen.power(name) == Power::Stopped) {
        match starts::due(&case.memory.starts, name, case.seen.at) {
            Due::Now => {
                return ControlFlow::Break(Verdict::Act {
                    key: Try::Start(name.to_owned()),
                    action: Action::Start { node: name.to_owned() },
                });
            }
            Due::Later(why) => {
                later.get_or_insert(Verdict::Wait {
                    key: Awaited::Named(format!("start {name}")),
                    why,
                });
            }
        }
    }
    later.map_or(NOTHING, ControlFlow::Break)
}

/// Waits for instances and guests that start or stop.
pub(super) fn wait_for_power(case: &Case<'_>) -> Next {
    for name in case.touched() {
        let next = "look at the instance's system log and status checks";
        match case.seen.power(name) {
            Power::Pending => {
                let why = format!("the instance of {name} starts");
                return case.wait_or_stuck(&format!("pending {name}"), patience::BOOT, &why, next);
            }
            Power::Stopping => {
                let why = format!("the instance of {name} stops");
                return case.wait_or_stuck(&format!("stopping {name}"), patience::STOPPING, &why, next);
            }
            Power::Other(word) => {
                let why = format!("the instance of {name} is {word}, a state that is not known");
                return case.wait_or_stuck(&format!("state {name}"), patience::BOOT, &why, next);
            }
            Power::Running if matches!(case.look(name), Look::Silent) => return wait_for_answer(case, name),
            _ => {}
        }
    }
    NOTHING
}

/// Waits for a running instance whose guest does not answer: it boots, shuts down, or hangs in its shutdown.
fn wait_for_answer(case: &Case<'_>, name: &str) -> Next {
    let reason = case.seen.silent.get(name).map_or("no answer", String::as_str);
    let why = format!("{name} boots or shuts down ({reason})");
    case.wait(&format!("answer {name}"), patience::BOOT, &why, || {
        stop_hung_node(case, name)
    })
}

/// Rule 14: stops a node that hangs in its shutdown, by a plain stop, if the cluster shows that it holds no group.
fn stop_hung_node(case: &Case<'_>, name: &str) -> Next {
    let next =
        "look at the instance's system log; stop and start the node by hand, then run `mirrorsnap recover CLUSTER`";
    let ours = case.intent.enters_backup_mode(name) || case.intent.enters_restore_mode(name);
    if ours && holds_no_group(case, name) {
        let node = name.to_owned();
        return case.act_on_ec2(Try::StopHung(name.to_owned()), next, Action::Stop { node });
    }
    case.stuck(
        format!("{name} does not answer, and is not known to hold no group"),
        next,
    )
}

/// Whether the peer's daemon shows every group elsewhere than on `name`.
fn holds_no_group(case: &Case<'_>, name: &str) -> bool {
    let peer = case.peer(name);
    let Some(stat) = super::outage::view(case, peer) else {
        return false;
    };
    stat.failover_groups()
        .all(|group| group.is_offline() || group.runs_on() == Some(peer))
}

/// Ends backup mode on nodes that we put into it.
pub(super) fn backup_mode(case: &Case<'_>) -> Next {
    for name in case.names() {
        let node = match case.look(name) {
            Look::Answers(node) => node,
            // `power` has waited for it, if it is ours.
            Look::Silent => continue,
        };
        if node.services == Services::Auto {
            if case.intent.enters_backup_mode(name) && flags_left_on(node) {
                return case.stuck(
                    format!("{name} is back in the cluster, but its backup flags may still be ON"),
                    "read the flags; stop the mirror agent and run `clpbackup.sh --post` by hand",
                );
            }
            continue;
        }
        if !case.intent.enters_backup_mode(name) {
            // Somebody else's setting. It makes no difference while the cluster daemon runs there.
            if daemon_is_online(name, node) {
                continue;
            }
            return case.stuck(
                format!("the cluster services of {name} do not start by themselves, and not because of us"),
                "enable them and reboot the node, then run `mirrorsnap recover CLUSTER`",
            );
        }
        shutting_down(case, name, node, ENTER_BACKUP_MODE)?;
        return end_backup_mode(case, name, node);
    }
    NOTHING
}

/// Whether `--pre` may have set the flags and no `--post` was begun. If `--pre` failed without printing `Beginning backup-mode`,
/// it set no flag. If it left no exit code, or succeeded in words that we do not know, assume that it did.
fn flags_left_on(node: &Node) -> bool {
    let on = node.job(ENTER_BACKUP_MODE).is_some_and(|(_, job, out)| {
        job.ended.as_ref().is_none_or(|ended| ended.rc == 0) || outputs::backup_begun(out)
    });
    on && node.job(LEAVE_BACKUP_MODE).is_none()
}

/// Waits for the shutdown of a node that is still in the boot in which `--pre` began.
pub(super) fn shutting_down(case: &Case<'_>, name: &str, node: &Node, document: &str) -> Next {
    if !node.begun_here(document) {
        return NOTHING;
    }
    // A script that failed orders no shutdown.
    if node.failed_here(document).is_some() {
        if document == ENTER_RESTORE_MODE {
            return NOTHING;
        }
        // `clpbackup.sh --post` needs the daemon down, so a plain stop replaces the shutdown that the script did not order.
        if holds_no_group(case, name) {
            return stop_hung_node(case, name);
        }
    }
    let why = format!("{name} shuts down after {document}");
    case.wait(&format!("shutdown {name}"), patience::SHUTDOWN, &why, || {
        stop_hung_node(case, name)
    })
}

/// Ends backup mode on a node that has booted outside the cluster: the device gate, then `--post`, then its reboot.
fn end_backup_mode(case: &Case<'_>, name: &str, node: &Node) -> Next {
    if daemon_is_online(name, node) {
        return case.stuck(
            format!("{name} is in backup mode, yet somebody started its cluster daemon"),
            "stop the cluster service on the node and run `clpbackup.sh --post` by hand",
        );
    }
    let job = node.job(LEAVE_BACKUP_MODE).filter(|(_, job, _)| {
        // A job of an earlier boot does not count.
        job.started
            .as_ref()
            .is_none_or(|started| started.boot_id == node.boot_id)
    });
    if let Some((_, job, _)) = job {
        match &job.ended {
            None => {
                let why = format!("{name} ends its backup mode");
                // A unit that was killed leaves no exit code either. After the deadline the script is run again.
                case.wait(&format!("post {name}"), patience::POST, &why, || NOTHING)?;
            }
            Some(ended) if ended.rc == 0 => {
                let why = format!("{name} reboots into the cluster");
                return case.wait_or_stuck(
                    &format!("reboot {name}"),
                    patience::REBOOT,
                    &why,
                    "reboot the node by hand: its backup mode has ended",
                );
            }
            Some(_) => {}
        }
    }
    gate(case, name, node)?;
    let next = "read the script's output in the node's records, and run `clpbackup.sh --post` by hand";
    case.act(Try::LeaveBackupMode(name.to_owned()), next, |attempt| Action::Step {
        step: Step::new(Document::LeaveBackupMode, name, &case.intent.id).guarded(node, NOT_AFTER_SECONDS, attempt),
    })
}

/// Rule 17: device names may have changed at this boot, and a mirror on a wrong disk destroys that disk.
pub(super) fn gate(case: &Case<'_>, name: &str, node: &Node) -> Next {
    let attached = case.seen.instances.get(name).map(|instance| &instance.volumes);
    let gate = devices::gate(case.config, name, attached.unwrap_or(&BTreeMap::new()), node);
    let Err(error) = gate else { return NOTHING };
    // Just after a boot udev may not have made the device nodes yet.
    case.wait(&format!("devices {name}"), 60, &error.to_string(), || {
        ControlFlow::Break(Verdict::Stuck(error.clone()))
    })
}

/// Whether the node shows its own daemon Online.
fn daemon_is_online(name: &str, node: &Node) -> bool {
    node.stat.as_ref().is_some_and(|stat| stat.daemon_runs(name))
}

/// Waits until the daemon of each node that we touched is Online, as that node and its peer show it.
pub(super) fn daemons(case: &Case<'_>) -> Next {
    for name in case.touched() {
        daemon(case, name)?;
    }
    for name in case.touched() {
        let peer = case.peer(name);
        let node = case.answer(name)?;
        let sees_peer = node.stat.as_ref().is_some_and(|stat| stat.daemon_runs(peer));
        if !sees_peer {
            let why = format!("{name} does not see the daemon of {peer} online yet");
            case.wait_or_stuck(
                &format!("peer {name}"),
                patience::DAEMON,
                &why,
                "check the heartbeat between the nodes",
            )?;
        }
    }
    NOTHING
}

/// Waits until the node shows its own daemon Online; starts the cluster service if it does not start by itself.
pub(super) fn daemon(case: &Case<'_>, name: &str) -> Next {
    let node = case.answer(name)?;
    if daemon_is_online(name, node) {
        return NOTHING;
    }
    let next = "start the cluster service on the node, and look at CLUSTERPRO's log";
    let why = format!("the cluster daemon of {name} comes up");
    let start = Try::StartCluster(name.to_owned());
    let long = match case.memory.tried(&start) {
        0 => patience::DAEMON_START,
        _ => patience::DAEMON,
    };
    case.wait(&format!("daemon {name}"), long, &why, || {
        // After a hard stop the service does not start by itself (event cl 18).
        case.act(start, next, |attempt| Action::Step {
            step: Step::new(Document::StartCluster, name, &case.intent.id).guarded(node, NOT_AFTER_SECONDS, attempt),
        })
    })
}
