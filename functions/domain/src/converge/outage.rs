//! The outage, before anything else: starts the groups that we stopped, where that is safe (rule 15).

use super::case::{Look, NOTHING, Next};
use super::{Action, Case, Try, patience};
use crate::clusterpro::mdstat::Color;
use crate::clusterpro::stat::{Group, Stat, State};
use crate::document::Document;
use crate::observation::{Node, Power};
use crate::steps::{NOT_AFTER_SECONDS, Step};

// belief: clp-rejoin-start, clp-stale-side, clp-partition
/// What the nodes that answer show of a group.
pub(super) enum Place {
    /// No node that answers runs the cluster daemon.
    Unknown,
    /// Online on one node.
    Online(String),
    /// Every daemon that answers shows it Offline.
    Offline,
    /// It starts or stops.
    Pending,
    /// Failed, contradictory, or a word that we do not know.
    Odd(String),
}

/// The cluster as the node sees it, if its own daemon is online. A silent node has no view.
pub(super) fn view<'a>(case: &Case<'a>, name: &str) -> Option<&'a Stat> {
    match case.look(name) {
        Look::Answers(node) => node.stat.as_ref().filter(|stat| stat.daemon_runs(name)),
        Look::Silent => None,
    }
}

pub(super) fn place(case: &Case<'_>, group: &str) -> Place {
    let mut places: Vec<Place> = Vec::new();
    for name in case.names() {
        if let Some(stat) = view(case, name) {
            places.push(one(case, name, stat.group(group)));
        }
    }
    let mut online = places.iter().filter_map(|place| match place {
        Place::Online(node) => Some(node.clone()),
        _ => None,
    });
    if let Some(first) = online.next() {
        // If the two nodes disagree on a running group, they have lost contact with each other.
        return match online.find(|other| *other != first) {
            Some(other) => Place::Odd(format!("online on {first} and on {other}")),
            None => Place::Online(first),
        };
    }
    places
        .into_iter()
        .reduce(|a, b| if rank(&a) >= rank(&b) { a } else { b })
        .unwrap_or(Place::Unknown)
}

const fn rank(place: &Place) -> u8 {
    match place {
        Place::Unknown => 0,
        Place::Offline => 1,
        Place::Online(_) => 2,
        Place::Pending => 3,
        Place::Odd(_) => 4,
    }
}

fn one(case: &Case<'_>, viewer: &str, group: Option<&Group>) -> Place {
    let Some(group) = group else {
        return Place::Odd(format!("not shown by {viewer}"));
    };
    match (group.state, &group.current) {
        (State::Online, Some(shown)) => match case.names().into_iter().find(|name| name == shown) {
            Some(node) => Place::Online(node.to_owned()),
            None => Place::Odd(format!("online on {shown}")),
        },
        _ if group.is_offline() => Place::Offline,
        (State::Pending, _) => Place::Pending,
        (state, _) => Place::Odd(format!("{state:?} in the eyes of {viewer}")),
    }
}

/// Whether the node shows its own side of every mirror disk GREEN.
pub(super) fn own_green(case: &Case<'_>, name: &str) -> bool {
    case.seen.node(name).is_some_and(|node| {
        case.config.mirror_disks.iter().all(|disk| {
            node.mirrors
                .get(&disk.name)
                .is_some_and(|mirror| mirror.color(name) == Color::Green)
        })
    })
}

/// Rule 15: whether the standby has the newest data: its sides are GREEN and it never began a break for this run. After a break
/// it has old data, and the groups never start there.
fn never_broken(case: &Case<'_>) -> bool {
    let standby = case.intent.standby.as_str();
    let no_record = |node: &Node| {
        let same_boot = case.intent.boots.get(standby) == Some(&node.boot_id);
        let records = &node.records;
        same_boot && records.breaking.is_none() && records.broke.is_none() && records.tainted.is_none()
    };
    own_green(case, standby) && case.seen.node(standby).is_some_and(no_record)
}

/// Starts groups on a node.
pub(super) fn start(case: &Case<'_>, name: &str, groups: &[&str]) -> Next {
    let node = case.answer(name)?;
    let next = "start the groups by hand on the node with GREEN mirror disks, and look at CLUSTERPRO's log";
    case.act(Try::StartGroup(name.to_owned()), next, |attempt| {
        let document = Document::StartGroup(case.cluster(name, groups.iter().copied()));
        Action::Step {
            step: Step::new(document, name, &case.intent.id).guarded(node, NOT_AFTER_SECONDS, attempt),
        }
    })
}

/// Starts the groups that we stopped and that are offline.
pub(super) fn groups(case: &Case<'_>) -> Next {
    let mut offline = Vec::new();
    for group in case.intent.groups() {
        match place(case, group) {
            // Without a daemon no group can be started. The branches of the nodes start one.
            Place::Online(_) | Place::Unknown => {}
            Place::Offline => offline.push(group),
            Place::Pending => {
                let (key, why) = (format!("group {group}"), format!("the group {group} is on its way"));
                return case.wait_or_stuck(&key, patience::GROUP, &why, "look at the group in CLUSTERPRO's log");
            }
            Place::Odd(what) => {
                let (key, why) = (format!("group {group}"), format!("the group {group} is {what}"));
                return case.wait_or_stuck(
                    &key,
                    patience::GROUP,
                    &why,
                    "bring the group to one node by hand, then run `mirrorsnap recover CLUSTER`",
                );
            }
        }
    }
    if offline.is_empty() {
        return NOTHING;
    }
    let [active, standby] = case.names();
    if view(case, active).is_some() {
        if own_green(case, active) {
            return start(case, active, &offline);
        }
        // Its mirror may still become GREEN. If it does not, the groups must not start there.
        let why = format!(
            "the mirror disks of {active} are not GREEN, so {} cannot start there",
            offline.join(", ")
        );
        return case.wait_or_stuck(
            "green active",
            patience::MIRROR,
            &why,
            "decide by clpmdstat which side is the newest; never start a group on the side that was broken off",
        );
    }
    // The standby takes over only if EC2 shows the active's instance stopped. A silent node may still run.
    if case.seen.power(active) == Power::Stopped && view(case, standby).is_some() && never_broken(case) {
        return start(case, standby, &offline);
    }
    // Otherwise the active's instance and daemon are started first.
    NOTHING
}

/// The last check: every group that we stopped must be online.
pub(super) fn all_online(case: &Case<'_>) -> Next {
    let is_missing = |group: &&str| !matches!(place(case, group), Place::Online(_));
    let Some(missing) = case.intent.groups().find(is_missing) else {
        return NOTHING;
    };
    let why = format!("the group {missing} is not seen online");
    case.wait_or_stuck(
        "groups",
        patience::GROUP,
        &why,
        "start the groups by hand, and look at CLUSTERPRO's log",
    )
}
