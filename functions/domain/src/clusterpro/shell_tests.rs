//! The nodes' scripts and this crate read the same outputs in the same way: each table is given to lib/reads.sh, lib/cluster.sh and lib/monitors.sh,
//! as they are deployed, and to the parsers.

use super::mdstat::{self, Color};
use super::monitors::{monitor_state, monitors_with_names, parse_monitors};
use super::stat::{self, Group, State};
use crate::config::Config;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const LIBRARY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/documents/lib");

/// EXPRESSCLUSTER/clpaic, README (X 6.0), the others in that form.
const OFFLINE: &str = include_str!("../../fixtures/clpstat-group-offline.txt");
const STOPPED: &str = include_str!("../../fixtures/clpstat-daemon-stopped.txt");
const MANAGEMENT: &str = include_str!("../../fixtures/clpstat-management-group.txt");
const RESOURCES: &str = include_str!("../../fixtures/clpstat-resource-names.txt");
const LONG: &str = include_str!("../../fixtures/clpstat-long.txt");
const MONITORS: &str = include_str!("../../fixtures/clpstat-monitors.txt");
const NORMAL: &str = include_str!("../../fixtures/clpmdstat-normal.txt");
const ABNORMAL: &str = include_str!("../../fixtures/clpmdstat-abnormal.txt");
const UNMADE: &str = include_str!("../../fixtures/clpmdstat-no-construction.txt");
const RECOVERING: &str = include_str!("../../fixtures/clpmdstat-recovering.txt");

/// What the library is run with instead of lib/base.sh, and what is asked of it.
const ASKED: &str = r#"
set -uf
LF='
'
section() { :; }
. "$LIBRARY/reads.sh"
. "$LIBRARY/cluster.sh"
. "$LIBRARY/monitors.sh"
look
colours
MONITORS=mdw1
monitors
[ "$MINE/$THEIRS" = suspended/suspended ] && suspended=yes || suspended=no
printf '%s\n' "self=$SELF_UP" "peer=$PEER_UP" "where=$WHERE" "foreign=$FOREIGN" "foreign_up=$FOREIGN_UP" "own=$OWN" "others=$OTHERS" \
    "suspended=$suspended"
"#;

/// Commands that print files.
struct Stubs(PathBuf);

impl Stubs {
    fn new(name: &str) -> Self {
        let stubs = Self(std::env::temp_dir().join(format!("predicates-{name}-{}", std::process::id())));
        fs::create_dir_all(&stubs.0).unwrap();
        stubs.command(
            "clpstat",
            "case $1 in -m) cat \"$STUBS/monitors\" ;; *) cat \"$STUBS/stat\" ;; esac",
        );
        stubs.command("clpmdstat", "cat \"$STUBS/mirror\"");
        stubs
    }

    fn command(&self, name: &str, script: &str) {
        let file = self.0.join(name);
        fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What the library finds in these outputs on `node`.
    fn ask(&self, node: &str, peer: &str, groups: &str, outputs: [&str; 3]) -> BTreeMap<String, String> {
        for (file, text) in ["stat", "monitors", "mirror"].into_iter().zip(outputs) {
            fs::write(self.0.join(file), text).unwrap();
        }
        let path = format!("{}:{}", self.0.display(), std::env::var("PATH").unwrap_or_default());
        let done = Command::new("sh")
            .args(["-c", ASKED])
            .envs([
                ("PATH", path.as_str()),
                ("LIBRARY", LIBRARY),
                ("SELF", node),
                ("PEER", peer),
            ])
            .envs([("FAILOVER_GROUPS", groups), ("DISKS", "md1"), ("LC_ALL", "C")])
            .env("STUBS", &self.0)
            .output()
            .unwrap();
        let text = String::from_utf8(done.stdout).unwrap();
        let found: BTreeMap<String, String> = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect();
        assert_eq!(found.len(), 8, "{text}{}", String::from_utf8_lossy(&done.stderr));
        found
    }
}

impl Drop for Stubs {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all::<&Path>(&self.0);
    }
}

fn config(nodes: [&str; 2], groups: &[&str]) -> Config {
    let mut json = crate::testing::orders();
    json["failover_groups"] = serde_json::json!(groups);
    for (at, name) in nodes.iter().enumerate() {
        json["nodes"][at]["name"] = (*name).into();
    }
    Config::parse("orders", &json.to_string()).unwrap()
}

/// The tables, and the same with what versions and operators make of them.
fn tables() -> Vec<String> {
    let changes: &[(&str, &str)] = &[
        ("", ""),
        ("current        : None", "current        : -"),
        ("current        : None", "current        :"),
        ("current        : None", "current        : node1"),
        ("current        : node1", "current        : node2"),
        ("current        : node1", "current        : None"),
        ("failover1 .......: Online ", "failover1 .......: Offline "),
        ("failover1 .......: Online ", "failover1 .......: Online Pending "),
        ("failover1 .......: Online ", "failover1 .......: Offline Failure "),
        ("failover1 .......: Online ", "failover1 .......: Offlined "),
        ("failover1 .......: Offline ", "failover1 .......: Offline Pending "),
        ("failover1 .......: Offline ", "failover1 .......: Offline"),
        (
            "failover1 .......: Online          ",
            "failover1 .......: Online           <orders> db",
        ),
        (
            "failover1 .......: Online          ",
            "failover1 .......: Online           注文 <group> データ",
        ),
        (
            "   *node1 ...........: Online          ",
            "   *node1 ...........: Online           <primary>",
        ),
        ("   *node1 ...........: Online ", "   *node1 ...........: Offline "),
        (
            "   *node1 ...........: Online ",
            "   *node1 ...........: Online Pending ",
        ),
        ("    node2 ...........: Online ", "    node2 ...........: Offline "),
        ("   *node1 ...........:", "   *stranger ........:"),
        (
            "  <group>\n",
            "  <group>\n    other ...........: Offline          \n      current        : None\n",
        ),
        (
            "  <group>\n",
            "  <group>\n    other ...........: Online           \n      current        : node2\n",
        ),
        ("    ManagementGroup .: Online ", "    ManagementGroup .: Offline "),
        ("  <group>\n", "  <groups>\n"),
    ];
    let all = [OFFLINE, STOPPED, MANAGEMENT, RESOURCES];
    let mut made: Vec<String> = all
        .iter()
        .flat_map(|text| changes.iter().map(|(from, to)| text.replacen(from, to, 1)))
        .collect();
    made.push("Could not connect to the server. Check if the cluster daemon is active.\n".to_owned());
    made.push(String::new());
    made.sort();
    made.dedup();
    made
}

/// What the parsers make of a table, in the library's words.
fn judged(config: &Config, node: &str, peer: &str, text: &str) -> BTreeMap<&'static str, bool> {
    let running = stat::of_running_daemon(text, node, config);
    let named = stat::named_here(text, node);
    let shown = stat::parse(text).ok().map(|stat| stat.with_names(config));
    let is = |ask: &dyn Fn(&stat::Stat) -> bool| shown.as_ref().is_some_and(ask);
    let foreign = |group: &Group| !config.failover_groups.contains(&group.name);
    BTreeMap::from([
        ("down", running.is_none()),
        ("up", named && is(&|stat| stat.server(node) == State::Online)),
        ("peer", is(&|stat| stat.server(peer) == State::Online)),
        ("offline", named && is(&|stat| stat.all_offline(config))),
        ("here", named && is(&|stat| stat.runs_all_on(config) == Some(node))),
        ("there", named && is(&|stat| stat.runs_all_on(config) == Some(peer))),
        ("foreign", is(&|stat| stat.failover_groups().any(foreign))),
        (
            "foreign up",
            is(&|stat| {
                stat.failover_groups()
                    .any(|group| foreign(group) && !group.is_offline())
            }),
        ),
    ])
}

fn compare(stubs: &Stubs, nodes: [&str; 2], groups: &[&str], text: &str) {
    let config = config(nodes, groups);
    for (node, peer) in [(nodes[0], nodes[1]), (nodes[1], nodes[0])] {
        let said = stubs.ask(node, peer, &groups.join(" "), [text, "", ""]);
        let mut shell = BTreeMap::from([
            ("down", said["self"].is_empty() || said["self"] == "Offline"),
            ("up", said["self"] == "Online"),
            ("peer", said["peer"] == "Online"),
            ("offline", said["where"] == "offline"),
            ("here", said["where"] == "self"),
            ("there", said["where"] == "peer"),
            ("foreign", !said["foreign"].is_empty()),
            ("foreign up", !said["foreign_up"].is_empty()),
        ]);
        let mut parsers = judged(&config, node, peer, text);
        if stat::parse(text).is_err() && text.contains("<server>") {
            // Half a table: the parser takes nothing from it, and the script no group.
            for daemon in ["down", "up", "peer"] {
                (_, _) = (shell.remove(daemon), parsers.remove(daemon));
            }
        }
        assert_eq!(shell, parsers, "on {node}:\n{text}\n{said:?}");
    }
}

#[test]
fn the_scripts_and_the_parsers_agree_on_the_cluster() {
    let stubs = Stubs::new("stat");
    for text in tables() {
        compare(&stubs, ["node1", "node2"], &["failover1"], &text);
    }
    let long = ["116rhel94-billing-production", "117rhel94-billing-production"];
    compare(&stubs, long, &["failover-of-the-billing-data"], LONG);
}

#[test]
fn the_management_group_is_none_to_either() {
    let stubs = Stubs::new("management");
    let said = stubs.ask("node1", "node2", "failover1", [MANAGEMENT, "", ""]);
    assert_eq!((said["where"].as_str(), said["foreign"].as_str()), ("self", ""));
    let stopped = MANAGEMENT.replacen("failover1 .......: Online ", "failover1 .......: Offline ", 1);
    let said = stubs.ask("node1", "node2", "failover1", [&stopped, "", ""]);
    assert_eq!(said["where"], "offline");
}

#[test]
fn the_scripts_and_the_parsers_agree_on_monitors() {
    let (stubs, config) = (Stubs::new("monitors"), config(["node1", "node2"], &["failover1"]));
    for (from, to) in [
        ("", ""),
        ("Offline", "Suspend"),
        ("Suspend", "Suspended"),
        ("Suspend", "Online"),
        ("mdw1 ", "mdw1-x "),
        ("Monitor0 [", "Monitor0 : ["),
        ("   server1 [o|-] : Offline\n", ""),
    ] {
        let text = MONITORS
            .replacen(from, to, 1)
            .replace("[o|-] : Offline", "[o|-] : Suspend");
        let said = stubs.ask("node1", "node2", "failover1", ["", &text, ""]);
        let monitors = parse_monitors(&text)
            .map(|all| monitors_with_names(all, &config))
            .unwrap();
        let suspended = ["node1", "node2"]
            .iter()
            .all(|node| monitor_state(&monitors, "mdw1", node) == State::Suspended);
        assert_eq!(said["suspended"] == "yes", suspended, "{text}");
    }
}

#[test]
fn the_scripts_and_the_parsers_agree_on_colours() {
    let stubs = Stubs::new("colours");
    let word = |color: Color| match color {
        Color::Green => "GREEN",
        Color::Yellow => "YELLOW",
        Color::Red => "RED",
        Color::Gray => "GRAY",
        Color::Blue => "BLUE",
    };
    let wide = |text: &str| text.replace("GREEN", "  GREEN   ");
    for text in [NORMAL, ABNORMAL, UNMADE, RECOVERING, &wide(NORMAL), &wide(ABNORMAL)] {
        let nodes = if text.contains("server1") {
            ["server1", "server2"]
        } else {
            ["node1", "node2"]
        };
        let mirror = mdstat::parse("md1", text).unwrap();
        for (node, peer) in [(nodes[0], nodes[1]), (nodes[1], nodes[0])] {
            let said = stubs.ask(node, peer, "failover1", ["", "", text]);
            let colors = (word(mirror.color(node)), word(mirror.color(peer)));
            assert_eq!((said["own"].as_str(), said["others"].as_str()), colors, "{text}");
        }
    }
}
