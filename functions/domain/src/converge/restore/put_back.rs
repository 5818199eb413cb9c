//! Before any post-processing: puts the old volumes back, and CLUSTERPRO decides (safety.md, rule 16).

use super::super::case::{Look, NOTHING, Next, on_both};
use super::super::nodes::{daemons, gate, shutting_down, start_stopped, wait_for_power};
use super::super::outage::{self, all_online};
use super::super::{Action, Case, Try, mirror, patience};
use super::volumes::{Side, side};
use super::{rebooting, stop_in_restore_mode};
use crate::clusterpro::outputs::Services;
use crate::document::{Document, Reboot, name::ENABLE_SERVICES, name::ENTER_RESTORE_MODE};
use crate::observation::Power;
use crate::steps::{NOT_AFTER_SECONDS, Step};
use std::ops::ControlFlow;

/// Whether `name` answered, and its cluster services start by themselves.
fn is_auto(case: &Case<'_>, name: &str) -> bool {
    matches!(case.look(name), Look::Answers(node) if node.services == Services::Auto)
}

/// Waits for a node that shuts down for the restore, or stops it if it hangs.
fn leaving(case: &Case<'_>, name: &str) -> Next {
    match case.look(name) {
        Look::Answers(node) => shutting_down(case, name, node, ENTER_RESTORE_MODE),
        // `wait_for_power` waits for it.
        Look::Silent => NOTHING,
    }
}

pub(super) fn put_back_old_volumes(case: &Case<'_>) -> Next {
    // Nothing is started or enabled on a node that shuts down. Its shutdown may take long or hang, so its peer does not wait for it:
    // the groups start there, and only a peer in the cluster can show that the other node holds no group (rule 14).
    let [active, standby] = case.names();
    if is_auto(case, active) && leaving(case, active).is_continue() {
        outage::groups(case)?;
    }
    old_volumes(case)?;
    if case.touched().any(|name| case.seen.power(name) == Power::Stopped) {
        case.await_last_exchange()?;
    }
    start_stopped(case)?;
    let enable = |name: &str| match leaving(case, name) {
        ControlFlow::Continue(()) => enable_services(case, name),
        // Nothing is enabled on a node that shuts down.
        ControlFlow::Break(_) => NOTHING,
    };
    on_both(enable(active), enable(standby))?;
    for name in case.names() {
        leaving(case, name)?;
    }
    wait_for_power(case)?;
    daemons(case)?;
    outage::groups(case)?;
    mirror::mirrors(case)?;
    all_online(case)
}

/// Puts the old volumes back on each node.
pub(super) fn old_volumes(case: &Case<'_>) -> Next {
    let back = |name: &str| match side(case, name) {
        Side::Old => NOTHING,
        _ => swap_back(case, name),
    };
    let [active, standby] = case.names();
    on_both(back(active), back(standby))
}

/// Stops a node that runs on the restore's volumes, then swaps. Refuses if its mirror may have started.
fn swap_back(case: &Case<'_>, name: &str) -> Next {
    let next = "stop the node by hand, then run `mirrorsnap recover CLUSTER`";
    match case.seen.power(name) {
        Power::Stopped => {
            let next = "look at the volumes of the restore's record; attach the old ones by hand, then run `mirrorsnap recover CLUSTER`";
            let node = name.to_owned();
            // A restore that was post-processed has been up for longer than a describe is late before it is shut down to roll back.
            if !case.rolls_back() {
                case.await_last_start()?;
            }
            case.act_on_ec2(Try::Swap(name.to_owned()), next, Action::Swap { node })
        }
        Power::Running => match case.look(name) {
            Look::Answers(node) if node.services != Services::Auto && node.stat.is_none() => {
                stop_in_restore_mode(case, name)
            }
            Look::Answers(_) => case.stuck(
                format!("{name} runs on the restore's volumes, and its cluster services start by themselves"),
                "look whether the service is online on the new volumes; run `mirrorsnap restore CLUSTER` again, or attach the old ones by hand",
            ),
            Look::Silent => {
                let why = format!("{name} boots with the restore's volumes");
                case.wait_or_stuck(&format!("answer {name}"), patience::BOOT, &why, next)
            }
        },
        Power::Pending | Power::Stopping | Power::Gone | Power::Other(_) => wait_for_power(case),
    }
}

/// Rule 16: enables the services again, and reboots the node into the cluster.
fn enable_services(case: &Case<'_>, name: &str) -> Next {
    let node = match case.look(name) {
        Look::Answers(node) => node,
        // `wait_for_power` waits for it.
        Look::Silent => return NOTHING,
    };
    if node.services == Services::Auto {
        return rebooting(case, name, node, ENABLE_SERVICES);
    }
    if !case.intent.enters_restore_mode(name) {
        return NOTHING;
    }
    gate(case, name, node)?;
    let next = "run `clpsvcctrl.sh --enable -a` by hand, and reboot the node";
    case.act(Try::EnableServices(name.to_owned()), next, |attempt| {
        let document = Document::EnableServices { reboot: Reboot::Yes };
        Action::Step {
            step: Step::new(document, name, &case.intent.id).guarded(node, NOT_AFTER_SECONDS, attempt),
        }
    })
}
