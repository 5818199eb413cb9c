//! Every file of tests/recordings: a user's recording becomes a test by being put there.

use super::*;
use crate::clusterpro::mdstat::{self, Status};
use crate::clusterpro::monitors::{monitor_state, parse_monitors};
use crate::clusterpro::outputs::{self, Services};
use crate::clusterpro::stat::{self, Stat, State};
use std::collections::BTreeMap;

fn all() -> BTreeMap<String, Recording> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recordings");
    let files = std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path());
    let files = files.filter(|path| path.extension().is_some_and(|end| end == "json"));
    files
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (
                name,
                Recording::parse(&std::fs::read_to_string(&path).unwrap()).unwrap(),
            )
        })
        .collect()
}

fn text(node: &RecordedNode, argv: &str) -> String {
    let argv: Vec<&str> = argv.split(' ').collect();
    let entry = node.entry(&argv).unwrap_or_else(|| panic!("{argv:?} was not recorded"));
    format!("{}{}", entry.stdout, entry.stderr)
}

fn table(node: &RecordedNode) -> Stat {
    stat::parse(&text(node, "clpstat -s --long")).unwrap()
}

fn services(node: &RecordedNode) -> Services {
    outputs::services(&text(node, "systemctl is-enabled clusterpro clusterpro_md"))
}

#[test]
fn every_recording_is_read_by_every_parser() {
    let all = all();
    assert!(all.len() >= 3);
    for (name, recording) in all {
        for node in &recording.nodes {
            let stat = table(node);
            let printed = text(node, "clpstat -s --long");
            assert_eq!(stat::here(&printed), Some(node.name.as_str()), "{name}");
            assert_ne!(stat.server(&node.name), State::Unknown, "{name}");
            parse_monitors(&text(node, "clpstat -m --long")).unwrap();
            assert_ne!(services(node), Services::Mixed, "{name}");
            let disks = node
                .entries
                .iter()
                .filter(|entry| entry.argv.first().is_some_and(|word| word == "clpmdstat"));
            for entry in disks {
                mdstat::parse(entry.argv.last().unwrap(), &entry.stdout).unwrap();
            }
        }
        let (likely, lines) = recording.likely_lines();
        eprintln!("{name}: {likely} of {lines} lines rest on {LIKELY}");
    }
}

#[test]
fn each_line_of_a_synthetic_recording_has_one_source() {
    for (name, recording) in all() {
        for entry in recording
            .nodes
            .iter()
            .flat_map(|node| &node.entries)
            .filter(|entry| !entry.sources.is_empty())
        {
            let mut next = 1;
            for source in &entry.sources {
                let (first, last) = source.range().unwrap();
                assert_eq!(first, next, "{name} {:?}", entry.argv);
                assert!(!source.source.is_empty());
                next = last + 1;
            }
            assert_eq!(next - 1, entry.lines(), "{name} {:?}", entry.argv);
        }
        let sourced = recording
            .nodes
            .iter()
            .flat_map(|node| &node.entries)
            .all(|entry| !entry.sources.is_empty());
        assert_eq!(sourced, recording.about.starts_with("synthetic"), "{name}");
    }
}

#[test]
fn a_hidden_recording_is_read_the_same() {
    for (name, recording) in all() {
        let hidden = recording.hidden();
        for (before, after) in recording.nodes.iter().zip(&hidden.nodes) {
            let (stat, other) = (table(before), table(after));
            assert_eq!(
                stat.servers.values().collect::<Vec<_>>(),
                other.servers.values().collect::<Vec<_>>(),
                "{name}"
            );
            assert!(
                stat.groups
                    .iter()
                    .map(|group| group.state)
                    .eq(other.groups.iter().map(|group| group.state))
            );
            assert_eq!(services(before), services(after));
            assert_eq!(
                before.entries.iter().map(Entry::lines).sum::<usize>(),
                after.entries.iter().map(Entry::lines).sum::<usize>()
            );
        }
        // What is hidden already stays readable when it is hidden again.
        assert_eq!(
            Recording::parse(&serde_json::to_string(&hidden).unwrap()).unwrap(),
            hidden
        );
    }
}

#[test]
fn x_4_3() {
    let recording = &all()["clusterpro-4.3"];
    for node in &recording.nodes {
        let stat = table(node);
        assert_eq!(stat.groups[0].runs_on(), Some("server1"));
        assert!(
            mdstat::parse("md1", &text(node, "clpmdstat -m md1"))
                .unwrap()
                .is_normal()
        );
        assert_eq!(services(node), Services::Auto);
        assert!(outputs::initial_construction_off(
            0,
            &text(node, "clpcfget -g /root/resource/md@md1/parameters/fullcopy")
        ));
    }
}

#[test]
fn x_5() {
    let recording = &all()["clusterpro-5.x"];
    let first = "116rhel94-billing-production";
    for node in &recording.nodes {
        let stat = table(node);
        let groups: Vec<_> = stat
            .failover_groups()
            .map(|group| (group.name.as_str(), group.runs_on()))
            .collect();
        assert_eq!(
            groups,
            [("failover-of-the-billing-data", Some(first)), ("failover2", None)]
        );
        let monitors = parse_monitors(&text(node, "clpstat -m --long")).unwrap();
        assert_eq!(monitor_state(&monitors, "mdw2", first), State::Suspended);
        assert_eq!(
            monitor_state(&monitors, "mdw-of-the-billing-database", first),
            State::Online
        );
        assert!(
            mdstat::parse("fci_md", &text(node, "clpmdstat -m fci_md"))
                .unwrap()
                .is_normal()
        );
        assert_eq!(
            text(
                node,
                "clpcfget -g /root/resource/md@fci_md/parameters/mddriver/syncmode"
            ),
            "0\n"
        );
        assert_eq!(services(node), Services::Auto);
    }
}

#[test]
fn x_6_with_the_core_stopped() {
    for node in &all()["clusterpro-6.0"].nodes {
        let stat = table(node);
        assert_eq!(stat.server(&node.name), State::Offline);
        assert!(stat.failover_groups().all(stat::Group::is_offline) && stat.groups[0].current.is_none());
        assert_eq!(
            mdstat::parse("md1", &text(node, "clpmdstat -m md1")).unwrap().status,
            Status::Uncertain
        );
        assert_eq!(services(node), Services::Manual);
    }
}
