//! The screen of `cluster list`.

use super::table::table;
use crate::catalogue::{Language, Words};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::Result;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The clusters that are described; those that cannot be read with the reason below.
pub fn list(clusters: &BTreeMap<String, Result<Config>>, language: Language) -> String {
    if clusters.is_empty() {
        return Words::NoClusters.said(language);
    }
    let row = |(name, config): (&String, &Result<Config>)| match config {
        Ok(config) => {
            let nodes: Vec<String> = config
                .nodes
                .iter()
                .map(|node| format!("{} {}", node.name, node.instance_id))
                .collect();
            let disks: Vec<&str> = config.mirror_disks.iter().map(|disk| disk.name.as_str()).collect();
            vec![
                name.clone(),
                nodes.join(", "),
                config.failover_groups.join(" "),
                disks.join(" "),
                format!("{} s", config.max_outage_seconds),
            ]
        }
        Err(error) => {
            let error = error.name();
            vec![name.clone(), Words::SeeBelow { error }.said(language)]
        }
    };
    let rows: Vec<Vec<String>> = clusters.iter().map(row).collect();
    let unread = clusters
        .iter()
        .filter_map(|(name, config)| Some(format!("{name}: {}", config.as_ref().err()?)));
    let headings = [
        Words::ColumnCluster,
        Words::ColumnNodes,
        Words::ColumnGroups,
        Words::ColumnDisks,
        Words::ColumnMostOutage,
    ];
    let headings = headings.map(|words| words.said(language));
    let parts: Vec<String> = [table(&headings, &rows)].into_iter().chain(unread).collect();
    parts.join("\n\n")
}

/// What a description changes of the one that is there, member by member.
pub fn changes(old: &Result<Config>, new: &Config, language: Language) -> String {
    let old = match old {
        Ok(old) => old,
        Err(error) => {
            let why = &error.to_string();
            return Words::ChangesUnreadable { why }.said(language);
        }
    };
    let (old, new) = (members(old), members(new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let shown =
        |value: Option<&Value>| value.map_or_else(|| Words::ChangesNothingThere.said(language), ToString::to_string);
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let lines: Vec<String> = changed
        .map(|name| format!("  {name}: {} -> {}", shown(old.get(name)), shown(new.get(name))))
        .collect();
    if lines.is_empty() {
        return Words::ChangesNone.said(language);
    }
    format!("{}\n{}", Words::Changes.said(language), lines.join("\n"))
}

/// As serde writes them, with what is the default written out.
fn members(config: &Config) -> Map<String, Value> {
    match serde_json::to_value(config) {
        Ok(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::error::{Error, Kind};

    #[test]
    fn what_cannot_be_read_is_explained_below() {
        let bad = Err(Error::new(Kind::ConfigInvalid, "a key is unknown", "correct the JSON"));
        let text = list(&BTreeMap::from([("orders".to_owned(), bad)]), Language::English);
        assert!(text.contains("orders   ConfigInvalid: see below"), "{text}");
        assert!(
            text.ends_with("orders: a key is unknown. Next: correct the JSON."),
            "{text}"
        );
        assert_eq!(
            list(&BTreeMap::new(), Language::English),
            "no cluster is described for this stack"
        );
    }

    #[test]
    fn a_change_is_shown_member_by_member() {
        let text = r#"{"name": "orders", "nodes": [{"name": "server1", "instance_id": "i-0aaa"},
            {"name": "server2", "instance_id": "i-0ccc"}], "failover_groups": ["failover1"],
            "mirror_disks": [{"name": "md1", "monitor": "mdw1", "device": "/dev/sdb", "cluster_partition": "/dev/xvdb1",
            "data_partition": "/dev/xvdb2"}], "retention": {"keep_last": 7}}"#;
        let old = Config::parse("orders", text).unwrap();
        let mut new = old.clone();
        assert_eq!(
            changes(&Ok(old.clone()), &new, Language::English),
            "It changes nothing of what is described."
        );
        (new.max_outage_seconds, new.objective_hours) = (90, Some(26));
        let wanted = "It changes what is described:\n  max_outage_seconds: 120 -> 90\n  objective_hours: nothing -> 26";
        assert_eq!(changes(&Ok(old), &new, Language::English), wanted);
        let bad = Err(Error::new(Kind::ConfigInvalid, "a key is unknown", "correct the JSON"));
        assert!(changes(&bad, &new, Language::English).contains("cannot be read: a key is unknown"));
    }
}
