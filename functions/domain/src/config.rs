//! A cluster's configuration: the JSON at `/mirrorsnap/clusters/<name>` in Parameter Store, read strictly.
//!
//! Unknown keys are errors, since a misspelt `accept_device_name_risk` must not be silently off, nor a misspelt
//! `max_outage_seconds` silently 120.

mod deadlines;
mod validate;

use crate::consistency::{Consistency, RestoreFrom, Times};
use crate::copies::CopyTo;
use crate::ec2::InstanceId;
use crate::error::{Error, Kind, Result};
use crate::schedule::Schedule;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

pub use deadlines::Deadlines;

/// Largest configuration that is read: an advanced parameter of Parameter Store holds 8 KiB.
pub const MAX_BYTES: usize = 8192;
/// Most groups or mirror disks: what fits a command document's parameters with room to spare.
pub const MAX_RESOURCES: usize = 16;

/// A value that is the same on both nodes, or a map by the node's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(untagged)]
pub enum PerNode {
    /// The same on both nodes.
    Same(String),
    /// By node name.
    ByNode(BTreeMap<String, String>),
}

impl PerNode {
    /// The value on `node`; the configuration has been validated, so both nodes have one.
    pub fn on(&self, node: &str) -> &str {
        match self {
            Self::Same(value) => value,
            Self::ByNode(map) => map.get(node).map_or("", String::as_str),
        }
    }
}

/// One of the two nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Node {
    /// The host name, as CLUSTERPRO shows it.
    pub name: String,
    /// The EC2 instance.
    pub instance_id: InstanceId,
}

/// One mirror disk resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct MirrorDisk {
    /// The resource's name, such as `md1`.
    pub name: String,
    /// Its mirror disk monitor, such as `mdw1`.
    pub monitor: String,
    /// The device name of the volume's attachment, such as `/dev/sdb`.
    pub device: PerNode,
    /// The cluster partition, as clp.conf names it. By a name that a restore keeps: the attachment's (`/dev/xvdb1`, `/dev/sdb1`), or one
    /// that is written on the volume and is the same on both nodes (LVM, by-partuuid). Never by-id: that is the volume's own.
    pub cluster_partition: PerNode,
    /// The data partition, likewise.
    pub data_partition: PerNode,
}

/// How many backups are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Retention {
    /// The newest so many, whatever their age.
    pub keep_last: u32,
    /// The newest of each of so many days that have one.
    #[serde(default)]
    pub daily: u32,
    /// The newest of each of so many ISO weeks that have one.
    #[serde(default)]
    pub weekly: u32,
    /// The newest of each of so many months that have one.
    #[serde(default)]
    pub monthly: u32,
}

impl Retention {
    /// Error: `ConfigInvalid`. `what`: its key in the JSON.
    pub(crate) fn validate(&self, what: &str) -> Result<()> {
        if self.keep_last == 0
            || [self.keep_last, self.daily, self.weekly, self.monthly]
                .iter()
                .any(|n| *n > 1000)
        {
            return Err(invalid(
                format!("{what} is {self:?}"),
                "keep at least the last one, and at most 1000 of each kind",
            ));
        }
        Ok(())
    }
}

const fn default_outage() -> u32 {
    120
}

const fn default_restore_outage() -> u32 {
    3600
}

const fn default_pause() -> u32 {
    10
}

const fn default_hook() -> u32 {
    30
}

/// A cluster. Made by [`Config::parse`] only, so that a value of this type is valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    test,
    derive(schemars::JsonSchema),
    schemars(title = "The configuration of a cluster of mirrorsnap")
)]
#[cfg_attr(
    test,
    schemars(description = "The JSON at /mirrorsnap/clusters/<name> in Parameter Store")
)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The cluster's name with us; it is in every id and tag.
    pub name: String,
    /// Exactly two.
    #[cfg_attr(test, schemars(length(equal = 2)))]
    pub nodes: Vec<Node>,
    /// All failover groups of the cluster.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_RESOURCES)))]
    pub failover_groups: Vec<String>,
    /// All mirror disks of the cluster.
    #[cfg_attr(test, schemars(length(min = 1, max = MAX_RESOURCES)))]
    pub mirror_disks: Vec<MirrorDisk>,
    /// The bound of a backup's outage, without the group's start.
    #[serde(default = "default_outage")]
    pub max_outage_seconds: u32,
    /// How a backup makes the service quiet: `stopped` stops its groups, `frozen` freezes its file systems for seconds.
    #[serde(default)]
    pub consistency: Consistency,
    /// The longest that a frozen backup holds the service's writes.
    #[serde(default = "default_pause")]
    #[cfg_attr(test, schemars(range(min = 6, max = 99)))]
    pub max_pause_seconds: u32,
    /// The longest that each hook of a backup (/etc/mirrorsnap/before and after) may take.
    #[serde(default = "default_hook")]
    #[cfg_attr(test, schemars(range(min = 1, max = 300)))]
    pub hook_seconds: u32,
    /// From which backups a restore of `latest`, or of the newest before a time, chooses.
    #[serde(default)]
    pub restore_from: RestoreFrom,
    /// The bound of a restore's outage, after which it rolls back.
    #[serde(default = "default_restore_outage")]
    pub max_restore_outage_seconds: u32,
    /// Accept partitions' paths that a restore, or any boot, can take away.
    #[serde(default)]
    pub accept_device_name_risk: bool,
    /// Which backups are kept.
    pub retention: Retention,
    /// The parts of `max_outage_seconds`, if the shares that we choose do not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadlines: Option<Deadlines>,
    /// The age in hours of the newest valid backup beyond which an alarm is raised. Absent: none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(test, schemars(range(min = 1, max = 8784)))]
    pub objective_hours: Option<u32>,
    /// When backups begin by themselves. Absent: only when somebody starts one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Where each valid backup is copied to. Absent: nowhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<CopyTo>,
}

fn invalid(found: impl Into<String>, next: impl Into<String>) -> Error {
    Error::new(Kind::ConfigInvalid, found, next)
}

impl Config {
    /// Reads and validates the JSON of the cluster `name`.
    pub fn parse(name: &str, json: &str) -> Result<Self> {
        if json.len() > MAX_BYTES {
            return Err(invalid(
                format!(
                    "the configuration of {name} has {} bytes, more than {MAX_BYTES}",
                    json.len()
                ),
                "shorten it",
            ));
        }
        let config: Self = serde_json::from_str(json).map_err(|error| {
            invalid(
                format!("the configuration of {name} cannot be read: {error}"),
                "correct the parameter's JSON",
            )
        })?;
        if config.name != name {
            return Err(invalid(
                format!("the configuration of {name} says that its name is {:?}", config.name),
                "write the parameter's own name",
            ));
        }
        config.validate()?;
        Ok(config)
    }

    /// The parts of the outage's bound.
    pub fn deadlines(&self) -> Deadlines {
        self.deadlines
            .unwrap_or_else(|| Deadlines::of_bound(self.max_outage_seconds))
    }

    /// The time limits of the critical section of a backup.
    pub fn times(&self, consistency: Consistency) -> Times {
        let parts = self.deadlines();
        match consistency {
            Consistency::Frozen => Times::frozen(self.max_pause_seconds, self.hook_seconds, parts.break_seconds),
            Consistency::Stopped => Times {
                stop: parts.group_stop_seconds,
                baton: parts.baton(),
                split: parts.split(),
                start: parts.group_start_seconds,
                span: parts.break_seconds,
                most: self.max_outage_seconds,
            },
        }
    }

    /// W: how long the standby waits for the baton. Long enough to outlast any active that still begins to act.
    pub fn standby_wait_seconds(&self, consistency: Consistency) -> u32 {
        let times = self.times(consistency);
        self.deadlines().not_after_seconds + times.stop + times.baton + 5
    }

    /// The names of the two nodes.
    pub fn node_names(&self) -> impl Iterator<Item = &str> {
        self.nodes.iter().map(|node| node.name.as_str())
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Result<&Node> {
        self.nodes.iter().find(|node| node.name == name).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            Error::new(
                Kind::InputInvalid,
                format!("cluster {} has no node {shown:?}", self.name),
                "name one of its two nodes",
            )
        })
    }

    /// The other node.
    pub fn peer(&self, name: &str) -> Result<&Node> {
        self.node(name)?;
        self.nodes.iter().find(|node| node.name != name).ok_or_else(|| {
            Error::new(
                Kind::ConfigInvalid,
                format!("cluster {} has one node", self.name),
                "name two",
            )
        })
    }

    /// The mirror disk of that name.
    pub fn disk(&self, name: &str) -> Option<&MirrorDisk> {
        self.mirror_disks.iter().find(|disk| disk.name == name)
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "config_properties.rs"]
mod properties;
