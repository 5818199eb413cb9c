//! A node step: one command document on one node, with its parameters (docs/documents.md).

use crate::config::Config;
use crate::intent::Intent;
use crate::observation::Node;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Display;

/// How long after an observation a guarded document of converge may begin to act.
pub const NOT_AFTER_SECONDS: u64 = 300;

/// One command document on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The document's name without the prefix.
    pub document: String,
    /// The node.
    pub node: String,
    /// Its parameters, except the epoch, which is the caller's claim.
    pub parameters: BTreeMap<String, String>,
}

impl Step {
    /// A document for `run` without further parameters.
    pub fn new(document: &str, node: &str, run: &str) -> Self {
        let parameters = BTreeMap::from([("Run".to_owned(), run.to_owned())]);
        Self {
            document: document.to_owned(),
            node: node.to_owned(),
            parameters,
        }
    }

    /// With one more parameter.
    #[must_use]
    #[allow(clippy::needless_pass_by_value)] // numbers and texts alike
    pub fn with(mut self, name: &str, value: impl Display) -> Self {
        self.parameters.insert(name.to_owned(), value.to_string());
        self
    }

    /// With a list, separated by spaces.
    #[must_use]
    pub fn list<'a>(self, name: &str, values: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(name, values.into_iter().collect::<Vec<_>>().join(" "))
    }

    /// Guarded: only in the boot that was seen, and not after `seconds` from then.
    #[must_use]
    pub fn guarded(self, seen: &Node, seconds: u64, attempt: u64) -> Self {
        self.with("ExpectedBootId", &seen.boot_id)
            .with("NotAfterUptime", seen.uptime.saturating_add(seconds).max(1))
            .with("Attempt", attempt)
    }

    /// The observation of a node.
    pub fn observe(config: &Config, node: &str, run: &str) -> Self {
        let paths = config
            .mirror_disks
            .iter()
            .flat_map(|d| [d.cluster_partition.on(node), d.data_partition.on(node)]);
        Self::new("observe", node, run)
            .list("Disks", config.mirror_disks.iter().map(|disk| disk.name.as_str()))
            .list("Devices", paths)
    }

    /// A document that acts on `groups` at `node`.
    pub fn on_groups<'a>(
        document: &str,
        node: &str,
        peer: &str,
        run: &str,
        groups: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self::new(document, node, run)
            .with("Self", node)
            .with("Peer", peer)
            .list("Groups", groups)
    }

    /// Stops `groups` on `node` behind its own timer, before both nodes shut down.
    pub fn quiesce_restore<'a>(
        config: &Config,
        node: &str,
        peer: &str,
        run: &str,
        groups: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let times = config.deadlines();
        Self::on_groups("quiesce-restore", node, peer, run, groups)
            .list("Disks", config.mirror_disks.iter().map(|disk| disk.name.as_str()))
            .with("StopSeconds", times.group_stop_seconds)
            .with("StartSeconds", times.group_start_seconds)
            .with("MaxOutageSeconds", config.max_outage_seconds)
    }

    /// Prepares `node` for a restore and shuts it down. `--pre` is killed after min(300 s, half of max_restore_outage_seconds), so that
    /// the other half is left for putting the old volumes back. `anew`: the timer of this run has fired and ended (rule 22).
    pub fn enter_restore_mode(config: &Config, node: &str, peer: &str, run: &str, anew: bool) -> Self {
        let groups = config.failover_groups.iter().map(String::as_str);
        Self::on_groups("enter-restore-mode", node, peer, run, groups)
            .with("PrepareSeconds", (config.max_restore_outage_seconds / 2).clamp(1, 300))
            .with("Anew", if anew { "yes" } else { "no" })
    }

    /// The steps of a backup, by the state that runs them.
    pub fn of_backup(config: &Config, intent: &Intent, active: &Node, standby: &Node) -> BTreeMap<&'static str, Self> {
        let times = config.deadlines();
        let not_after = u64::from(times.not_after_seconds);
        // A slow group stop delays the steps after it, for at most the section's own limits.
        let late = u64::from(intent.quiet_after_seconds) + NOT_AFTER_SECONDS;
        let (a, s, run) = (intent.active.as_str(), intent.standby.as_str(), intent.id.as_str());
        let groups = || config.failover_groups.iter().map(String::as_str);
        let disks = || config.mirror_disks.iter().map(|disk| disk.name.as_str());
        let monitors = || config.mirror_disks.iter().map(|disk| disk.monitor.as_str());
        let named = |document: &str, node: &str, peer: &str| {
            Self::new(document, node, run)
                .with("Self", node)
                .with("Peer", peer)
                .list("Disks", disks())
        };
        BTreeMap::from([
            (
                "suspend_monitors",
                Self::new("suspend-monitors", a, run)
                    .list("Nodes", config.node_names())
                    .list("Monitors", monitors())
                    .guarded(active, not_after, 1),
            ),
            (
                "split",
                named("break-unit", s, a)
                    .list("Groups", groups())
                    .with("WaitSeconds", times.standby_wait_seconds())
                    .with("SpanSeconds", times.break_seconds)
                    .with("ActiveWithinSeconds", times.not_after_seconds)
                    .with("StopSeconds", times.group_stop_seconds)
                    .guarded(standby, not_after, 1),
            ),
            (
                "quiesce",
                named("quiesce", a, s)
                    .list("Groups", groups())
                    .with("StopSeconds", times.group_stop_seconds)
                    .with("BreakSeconds", times.split_seconds)
                    .with("StartSeconds", times.group_start_seconds)
                    .with("MaxOutageSeconds", config.max_outage_seconds)
                    .guarded(active, not_after, 1),
            ),
            (
                "enter_backup_mode",
                named("enter-backup-mode", s, a)
                    .list("Groups", groups())
                    .list("Monitors", monitors())
                    .guarded(standby, late, 1),
            ),
        ])
    }
}
