//! Configurations, changed a little: each that is accepted keeps every rule, and is read back as it was.

use super::*;
use crate::edits::hold;
use crate::names;
use crate::testing::orders;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Two disks on two volumes, device names by node, and deadlines of its own.
fn large() -> Value {
    let mut json = orders();
    let sides = json!({"server1": "/dev/sdc", "server2": "/dev/sdc"});
    json["mirror_disks"].as_array_mut().unwrap().push(json!({
        "name": "md2", "monitor": "mdw2", "device": sides,
        "cluster_partition": "/dev/vg2/cp", "data_partition": "/dev/vg2/dp"}));
    json["failover_groups"] = json!(["failover1", "failover2"]);
    json["deadlines"] = json!({"group_stop_seconds": 50, "split_seconds": 20, "group_start_seconds": 40,
                               "break_seconds": 10, "not_after_seconds": 180});
    json
}

/// Every scalar and container in it, by its pointer.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let at = format!("{at}/{key}");
                found.push(at.clone());
                places(inner, &at, found);
            }
        }
        Value::Array(all) => {
            for (n, inner) in all.iter().enumerate() {
                let at = format!("{at}/{n}");
                found.push(at.clone());
                places(inner, &at, found);
            }
        }
        _ => {}
    }
}

#[derive(Debug, Clone)]
enum Change {
    Swap(Index, Index),
    Copy(Index, Index),
    Drop(Index),
    Double(Index),
    Number(Index, u32),
    Letter(Index, Index, char),
}

impl Change {
    fn apply(&self, json: &mut Value) {
        let mut all = Vec::new();
        places(json, "", &mut all);
        let place = |at: &Index| all[at.index(all.len())].clone();
        let of = |kind: fn(&Value) -> bool, json: &Value, at: &Index| {
            let fit: Vec<&String> = all.iter().filter(|at| json.pointer(at).is_some_and(kind)).collect();
            (!fit.is_empty()).then(|| fit[at.index(fit.len())].clone())
        };
        match self {
            Self::Swap(a, b) => {
                let (a, b) = (
                    of(Value::is_string, json, a).unwrap(),
                    of(Value::is_string, json, b).unwrap(),
                );
                let (x, y) = (json.pointer(&a).cloned().unwrap(), json.pointer(&b).cloned().unwrap());
                *json.pointer_mut(&a).unwrap() = y;
                *json.pointer_mut(&b).unwrap() = x;
            }
            Self::Copy(a, b) => {
                let value = json.pointer(&place(a)).cloned().unwrap();
                *json.pointer_mut(&place(b)).unwrap() = value;
            }
            Self::Drop(at) => {
                let at = place(at);
                let (front, key) = at.rsplit_once('/').unwrap();
                match json.pointer_mut(front).unwrap() {
                    Value::Object(map) => _ = map.remove(key),
                    Value::Array(all) => _ = all.remove(key.parse().unwrap()),
                    _ => {}
                }
            }
            Self::Double(at) => {
                if let Some(all) = of(Value::is_array, json, at).and_then(|at| json.pointer_mut(&at)) {
                    let all = all.as_array_mut().unwrap();
                    all.extend(all.first().cloned());
                }
            }
            Self::Number(at, by) => {
                if let Some(number) = of(Value::is_number, json, at).and_then(|at| json.pointer_mut(&at)) {
                    *number = json!(by);
                }
            }
            Self::Letter(at, within, by) => {
                let at = of(Value::is_string, json, at).unwrap();
                let text: Vec<char> = json.pointer(&at).unwrap().as_str().unwrap().chars().collect();
                let mut text = text.clone();
                text.insert(within.index(text.len() + 1), *by);
                *json.pointer_mut(&at).unwrap() = json!(text.into_iter().collect::<String>());
            }
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let at = any::<Index>;
    let letters: Vec<char> = "abz019_-./:A; $'ä".chars().collect();
    let change = prop_oneof![
        1 => (at(), at()).prop_map(|(a, b)| Change::Swap(a, b)),
        1 => (at(), at()).prop_map(|(a, b)| Change::Copy(a, b)),
        1 => at().prop_map(Change::Drop),
        1 => at().prop_map(Change::Double),
        3 => (at(), prop_oneof![0_u32..200, 0_u32..4000, any::<u32>()]).prop_map(|(at, n)| Change::Number(at, n)),
        3 => (at(), at(), prop::sample::select(letters)).prop_map(|(at, within, c)| Change::Letter(at, within, c)),
    ];
    prop::collection::vec(change, 0..4)
}

fn alike<'a>(names: impl Iterator<Item = &'a str>) -> bool {
    let all: Vec<&str> = names.collect();
    all.iter().collect::<BTreeSet<_>>().len() == all.len()
}

/// The rules of a configuration, asked of one that was accepted.
fn keeps_the_rules(config: &Config) -> std::result::Result<(), TestCaseError> {
    prop_assert_eq!(config.nodes.len(), 2);
    prop_assert!(names::cluster(&config.name).is_ok());
    prop_assert!(alike(config.nodes.iter().map(|node| node.name.as_str())));
    prop_assert!(alike(config.nodes.iter().map(|node| node.instance_id.as_str())));
    for node in &config.nodes {
        prop_assert!(names::node(&node.name).is_ok());
    }
    prop_assert!((1..=16).contains(&config.failover_groups.len()) && (1..=16).contains(&config.mirror_disks.len()));
    prop_assert!(alike(config.failover_groups.iter().map(String::as_str)));
    prop_assert!(
        config
            .failover_groups
            .iter()
            .all(|group| names::resource("", group).is_ok())
    );
    prop_assert!(alike(config.mirror_disks.iter().map(|disk| disk.name.as_str())));
    prop_assert!(alike(config.mirror_disks.iter().map(|disk| disk.monitor.as_str())));
    for node in config.node_names() {
        let partitions = || {
            config
                .mirror_disks
                .iter()
                .flat_map(|disk| [disk.cluster_partition.on(node), disk.data_partition.on(node)])
        };
        prop_assert!(alike(partitions()), "one partition twice on {}", node);
        prop_assert!(partitions().all(|path| names::partition(path).is_ok()));
        prop_assert!(
            config
                .mirror_disks
                .iter()
                .all(|disk| names::device(disk.device.on(node)).is_ok())
        );
    }
    let parts = config.deadlines();
    prop_assert!(
        parts.group_stop_seconds + parts.split_seconds + parts.group_start_seconds <= config.max_outage_seconds
    );
    prop_assert!(parts.break_seconds <= parts.split_seconds && config.max_outage_seconds <= 3600);
    prop_assert!((60..=86_400).contains(&config.max_restore_outage_seconds));
    prop_assert!((1..=1000).contains(&config.retention.keep_last));
    Ok(())
}

#[test]
fn what_is_accepted_keeps_every_rule_and_is_read_back() {
    hold(20, &(any::<bool>(), changes()), |(small, changes)| {
        let mut json = if small { orders() } else { large() };
        for change in &changes {
            change.apply(&mut json);
        }
        let Ok(config) = Config::parse("orders", &json.to_string()) else {
            return Ok(false);
        };
        keeps_the_rules(&config)?;
        let written = serde_json::to_value(&config).unwrap();
        prop_assert_eq!(&Config::parse("orders", &written.to_string()).unwrap(), &config);
        // Every value that was given is in it, and every other one is a default.
        let (mut given, mut kept) = (Vec::new(), Vec::new());
        places(&json, "", &mut given);
        places(&written, "", &mut kept);
        let is_whole = |at: &&String| {
            json.pointer(at)
                .is_some_and(|value| !value.is_object() && !value.is_array())
        };
        for at in given.iter().filter(is_whole) {
            prop_assert_eq!(written.pointer(at), json.pointer(at), "{}", at);
        }
        for at in kept.iter().filter(|at| !given.contains(at)) {
            let plain = written.pointer(at).unwrap();
            let wanted = match at.as_str() {
                "/max_outage_seconds" => json!(120),
                "/max_restore_outage_seconds" => json!(3600),
                "/accept_device_name_risk" => json!(false),
                "/consistency" => json!("stopped"),
                "/max_pause_seconds" => json!(10),
                "/hook_seconds" => json!(30),
                "/restore_from" => json!("any"),
                _ => json!(0),
            };
            prop_assert_eq!(plain, &wanted, "{}", at);
        }
        Ok(true)
    });
}

#[test]
fn a_key_too_many_is_refused_wherever_it_stands() {
    for json in [orders(), large()] {
        assert!(Config::parse("orders", &json.to_string()).is_ok());
        let mut all = vec![String::new()];
        places(&json, "", &mut all);
        for at in all.iter().filter(|at| json.pointer(at).unwrap().is_object()) {
            let mut json = json.clone();
            json.pointer_mut(at).unwrap()["comment"] = json!("x");
            assert!(Config::parse("orders", &json.to_string()).is_err(), "{at}");
        }
    }
}

proptest! {
    #[test]
    fn noise_is_no_configuration(text in "\\PC{0,60}") {
        prop_assert!(Config::parse("orders", &text).is_err());
    }
}
