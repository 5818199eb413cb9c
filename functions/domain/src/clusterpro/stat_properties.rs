//! What `clpstat` printed, changed a little: nothing is invented, and no change makes a running group offline.

use super::*;
use crate::clusterpro::monitors::{monitor_state, parse_monitors};
use crate::edits::{edited, hold, stands};
use proptest::prelude::*;

const OFFLINE: &str = include_str!("../../fixtures/clpstat-group-offline.txt");
const STOPPED: &str = include_str!("../../fixtures/clpstat-daemon-stopped.txt");
const MANAGEMENT: &str = include_str!("../../fixtures/clpstat-management-group.txt");
const RESOURCES: &str = include_str!("../../fixtures/clpstat-resource-names.txt");
const LONG: &str = include_str!("../../fixtures/clpstat-long.txt");
const MONITORS: &str = include_str!("../../fixtures/clpstat-monitors.txt");

#[test]
fn the_real_outputs() {
    let read = |text| parse(text).unwrap();
    // `None` is how clpstat says that a group runs nowhere.
    let offline = read(OFFLINE);
    assert_eq!(
        (offline.groups[0].state, &offline.groups[0].current),
        (State::Offline, &None)
    );
    let stopped = read(STOPPED);
    assert_eq!(
        (stopped.server("node1"), stopped.server("node2")),
        (State::Offline, State::Offline)
    );
    let management = read(MANAGEMENT);
    assert_eq!(
        management
            .failover_groups()
            .map(|group| group.name.as_str())
            .collect::<Vec<_>>(),
        ["failover1"]
    );
    assert_eq!(
        read(RESOURCES).group("failover1").unwrap().resources,
        ["md1", "md", "fci_md", "data2", "exec1"]
    );
    let long = read(LONG);
    let group = long.group("failover-of-the-billing-data").unwrap();
    assert_eq!(
        (
            long.server("116rhel94-billing-production"),
            group.state,
            group.current.as_deref()
        ),
        (State::Online, State::Online, Some("116rhel94-billing-production"))
    );
    assert_eq!(long.server("117rhel94-billing-production"), State::Online);
    let monitors = parse_monitors(MONITORS).unwrap();
    let state = |monitor, node| monitor_state(&monitors, monitor, node);
    assert_eq!(
        (state("mdw1", "node1"), state("mdw1", "node2")),
        (State::Suspended, State::Offline)
    );
    assert_eq!(
        (state("userw", "node1"), state("userw", "node2")),
        (State::Online, State::Online)
    );
}

#[test]
fn nothing_is_invented_and_no_change_makes_a_group_offline() {
    hold(40, &edited(&[OFFLINE, STOPPED, MANAGEMENT, RESOURCES, LONG]), |drawn| {
        let text = &drawn.text;
        let Ok(stat) = parse(text) else {
            return Ok(false);
        };
        for (name, state) in &stat.servers {
            prop_assert!(stands(name, text), "no server {}", name);
            prop_assert!(*state != State::Online || text.contains("Online") || text.contains("Normal"));
        }
        for group in &stat.groups {
            let mut names = group.resources.iter().chain(&group.current).chain([&group.name]);
            prop_assert!(names.all(|name| text.contains(name.as_str())), "{:?}", group);
        }
        let ran = [MANAGEMENT, RESOURCES, LONG].contains(&drawn.source);
        let offline = stat.groups.iter().any(|group| group.state == State::Offline);
        prop_assert!(!(ran && offline), "offline, though nothing was");
        Ok(true)
    });
}

#[test]
fn a_monitor_s_states_are_invented_on_no_node() {
    hold(40, &edited(&[MONITORS]), |drawn| {
        let Ok(monitors) = parse_monitors(&drawn.text) else {
            return Ok(false);
        };
        let mut shown = 0;
        for (name, nodes) in &monitors {
            prop_assert!(drawn.text.contains(name.as_str()), "no monitor {}", name);
            prop_assert!(
                nodes.keys().all(|node| drawn.text.contains(node.as_str())),
                "{:?}",
                nodes
            );
            shown += nodes.values().filter(|state| **state == State::Suspended).count();
        }
        prop_assert!(shown <= drawn.text.matches("Suspend").count());
        Ok(true)
    });
}

/// Whatever is missing at the end: a group that runs is shown running where it is shown at all, or its state is not known.
#[test]
fn a_table_cut_anywhere_shows_no_running_group_offline() {
    for whole in [MANAGEMENT, RESOURCES, LONG] {
        for end in 0..whole.len() {
            let Ok(part) = parse(&whole[..end]) else { continue };
            assert!(
                part.groups.iter().all(|group| group.state != State::Offline),
                "{end} of {whole}"
            );
        }
    }
}
