//! The screen of `cluster list`.

use super::table::table;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::Result;
use std::collections::BTreeMap;

/// The clusters that are described; those that cannot be read with the reason below.
pub fn list(clusters: &BTreeMap<String, Result<Config>>) -> String {
    if clusters.is_empty() {
        return "no cluster is described for this stack".to_owned();
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
        Err(error) => vec![name.clone(), format!("{}: see below", error.name())],
    };
    let rows: Vec<Vec<String>> = clusters.iter().map(row).collect();
    let unread = clusters
        .iter()
        .filter_map(|(name, config)| Some(format!("{name}: {}", config.as_ref().err()?)));
    let headings = ["CLUSTER", "NODES", "GROUPS", "MIRROR DISKS", "MAX OUTAGE"];
    let parts: Vec<String> = [table(&headings, &rows)].into_iter().chain(unread).collect();
    parts.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::error::{Error, Kind};

    #[test]
    fn what_cannot_be_read_is_explained_below() {
        let bad = Err(Error::new(Kind::ConfigInvalid, "a key is unknown", "correct the JSON"));
        let text = list(&BTreeMap::from([("orders".to_owned(), bad)]));
        assert!(text.contains("orders   ConfigInvalid: see below"), "{text}");
        assert!(
            text.ends_with("orders: a key is unknown. Next: correct the JSON."),
            "{text}"
        );
        assert_eq!(list(&BTreeMap::new()), "no cluster is described for this stack");
    }
}
