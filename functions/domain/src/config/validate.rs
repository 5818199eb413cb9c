//! What a cluster's JSON must say beyond its shape, before anything is touched by it.

use super::{Config, MAX_RESOURCES, PerNode, invalid};
use crate::consistency::PAUSES;
use crate::error::Result;
use crate::names;
use std::collections::BTreeSet;

fn unique<'a>(what: &str, names: impl Iterator<Item = &'a str>) -> Result<()> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(invalid(format!("{what} {name} is named twice"), "name each once"));
        }
    }
    Ok(())
}

impl Config {
    pub(super) fn validate(&self) -> Result<()> {
        names::cluster(&self.name)?;
        if self.nodes.len() != 2 {
            return Err(invalid(
                format!("cluster {} has {} nodes", self.name, self.nodes.len()),
                "name exactly the two nodes of the mirror",
            ));
        }
        for node in &self.nodes {
            names::node(&node.name)?;
        }
        unique("node", self.nodes.iter().map(|node| node.name.as_str()))?;
        unique("instance", self.nodes.iter().map(|node| node.instance_id.as_str()))?;
        for (what, count) in [
            ("failover_groups", self.failover_groups.len()),
            ("mirror_disks", self.mirror_disks.len()),
        ] {
            if !(1..=MAX_RESOURCES).contains(&count) {
                return Err(invalid(
                    format!("{what} has {count} entries"),
                    format!("name 1 to {MAX_RESOURCES}"),
                ));
            }
        }
        for group in &self.failover_groups {
            names::resource("the failover group", group)?;
        }
        unique("failover group", self.failover_groups.iter().map(String::as_str))?;
        self.validate_disks()?;
        if let Some(schedule) = &self.schedule {
            schedule.validate()?;
        }
        if let Some(copy) = &self.copy {
            copy.validate()?;
        }
        self.validate_times()
    }

    fn validate_disks(&self) -> Result<()> {
        for disk in &self.mirror_disks {
            names::resource("the mirror disk", &disk.name)?;
            names::resource("the monitor", &disk.monitor)?;
            for (what, value) in [
                ("device", &disk.device),
                ("cluster_partition", &disk.cluster_partition),
                ("data_partition", &disk.data_partition),
            ] {
                if let PerNode::ByNode(map) = value {
                    let named: BTreeSet<&str> = map.keys().map(String::as_str).collect();
                    if named != self.node_names().collect() {
                        return Err(invalid(
                            format!("{what} of {} names {named:?}", disk.name),
                            "name each of the two nodes once, and no other",
                        ));
                    }
                }
            }
            for node in self.node_names() {
                names::device(disk.device.on(node))?;
                names::partition(disk.cluster_partition.on(node))?;
                names::partition(disk.data_partition.on(node))?;
            }
        }
        unique("mirror disk", self.mirror_disks.iter().map(|disk| disk.name.as_str()))?;
        unique("monitor", self.mirror_disks.iter().map(|disk| disk.monitor.as_str()))?;
        for node in self.node_names() {
            let paths = self
                .mirror_disks
                .iter()
                .flat_map(|d| [d.cluster_partition.on(node), d.data_partition.on(node)]);
            unique("partition", paths)?;
        }
        crate::layout::refuse_unlike_nodes(self)
    }

    /// safety.md: Ts + Tb + D + start ≤ Tmax; the configured parts may use less than the bound, never more.
    fn validate_times(&self) -> Result<()> {
        if !(15..=3600).contains(&self.max_outage_seconds) {
            return Err(invalid(
                format!("max_outage_seconds is {}", self.max_outage_seconds),
                "choose 15 to 3600 seconds",
            ));
        }
        if !(60..=86_400).contains(&self.max_restore_outage_seconds) {
            return Err(invalid(
                format!("max_restore_outage_seconds is {}", self.max_restore_outage_seconds),
                "choose 60 to 86400 seconds",
            ));
        }
        if self.objective_hours.is_some_and(|hours| !(1..=8784).contains(&hours)) {
            return Err(invalid(
                format!("objective_hours is {}", self.objective_hours.unwrap_or_default()),
                "choose 1 to 8784 hours, or leave it out",
            ));
        }
        let parts = self.deadlines();
        for (what, value, least, most) in [
            (
                "max_pause_seconds",
                self.max_pause_seconds,
                *PAUSES.start(),
                *PAUSES.end(),
            ),
            ("hook_seconds", self.hook_seconds, 1, 300),
            ("group_stop_seconds", parts.group_stop_seconds, 2, 3600),
            ("baton_seconds", parts.baton(), 1, 600),
            ("split_seconds", parts.split_seconds, 2, 600),
            ("group_start_seconds", parts.group_start_seconds, 2, 3600),
            ("break_seconds", parts.break_seconds, 1, 300),
            ("not_after_seconds", parts.not_after_seconds, 60, 900),
        ] {
            if !(least..=most).contains(&value) {
                return Err(invalid(
                    format!("{what} is {value}"),
                    format!("choose {least} to {most} seconds"),
                ));
            }
        }
        let sum = parts.group_stop_seconds + parts.baton() + parts.split() + parts.group_start_seconds;
        if sum > self.max_outage_seconds {
            return Err(invalid(
                format!(
                    "group_stop_seconds + baton_seconds + split_seconds + group_start_seconds is {sum}, more than max_outage_seconds {}",
                    self.max_outage_seconds
                ),
                "raise max_outage_seconds, or lower the parts",
            ));
        }
        if parts.break_seconds > parts.split_seconds {
            return Err(invalid(
                format!(
                    "break_seconds {} is more than split_seconds {}",
                    parts.break_seconds, parts.split_seconds
                ),
                "lower break_seconds",
            ));
        }
        self.retention.validate("retention")
    }
}
