//! What clp.conf says, as infra/documents/lib/settings.sh reads it by `clpcfget`: lines `<key> <exit code> <value>`.

use super::monitor_kinds::MonitorKind;
use super::outputs;
use crate::reply::Reply;
use serde::Serialize;
use std::collections::BTreeMap;

/// One element of clp.conf.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub enum Setting {
    /// Its value; of a list, the names below it.
    Set(String),
    /// It is not there, so CLUSTERPRO's default holds.
    Absent,
    /// It could not be asked: `clpcfget` is missing, was killed, or was not run.
    #[default]
    Unread,
}

/// Exit codes from here on are those of the shell and of `timeout`, not of `clpcfget`.
const NOT_ITS_OWN: i32 = 124;

impl Setting {
    /// Reads an exit code of `clpcfget`, and the value that it printed.
    pub fn read(rc: i32, value: &str) -> Self {
        match (rc, value) {
            (0, "") => Self::Absent,
            (0, value) => Self::Set(value.to_owned()),
            (rc, _) if (0..NOT_ITS_OWN).contains(&rc) => Self::Absent,
            _ => Self::Unread,
        }
    }

    /// The names of a list; `None`: it could not be read.
    pub fn names(&self) -> Option<Vec<&str>> {
        match self {
            Self::Set(names) => Some(names.split_whitespace().collect()),
            Self::Absent => Some(vec![]),
            Self::Unread => None,
        }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&str> {
        match self {
            Self::Set(value) => Some(value),
            Self::Absent | Self::Unread => None,
        }
    }

    /// Whether it is this value, where `default` holds if it is not there.
    pub fn is(&self, value: &str, default: &str) -> bool {
        match self {
            Self::Set(found) => found == value,
            Self::Absent => value == default,
            Self::Unread => false,
        }
    }

    /// A number, where `default` holds if it is not there; `None`: it is no number, or could not be read.
    pub fn number(&self, default: u32) -> Option<u32> {
        match self {
            Self::Set(found) => found.parse().ok(),
            Self::Absent => Some(default),
            Self::Unread => None,
        }
    }
}

/// The lines of one section.
struct Lines<'a>(BTreeMap<&'a str, (i32, &'a str)>);

impl<'a> Lines<'a> {
    fn read(text: &'a str) -> Self {
        let line = |line: &'a str| {
            let (key, rest) = line.trim().split_once(' ')?;
            let (rc, value) = rest.split_once(' ').unwrap_or((rest, ""));
            Some((key, (rc.parse().ok()?, value.trim())))
        };
        Self(text.lines().filter_map(line).collect())
    }

    fn get(&self, key: &str) -> Setting {
        self.0
            .get(key)
            .map_or(Setting::Unread, |(rc, value)| Setting::read(*rc, value))
    }
}

/// A mirror disk resource, on the node that read it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DiskSettings {
    /// The cluster partition that CLUSTERPRO opens on this node.
    pub cluster_partition: Setting,
    /// The data partition that it opens.
    pub data_partition: Setting,
    /// Whether initial mirror construction is clearly off.
    pub construction_off: bool,
    /// 1: data is replicated while the mirror runs.
    pub sync: Setting,
    /// 1: a write is over when both sides have it; 0: there is a queue between them.
    pub syncmode: Setting,
    /// What CLUSTERPRO does when the resource cannot be stopped.
    pub deact: Setting,
    /// The longest that one try to unmount takes.
    pub umount_seconds: Setting,
    /// How often it is tried again.
    pub umount_retries: Setting,
}

impl DiskSettings {
    /// This is the one place where it is decided which path CLUSTERPRO opens: its own for this server, or else the common one.
    pub fn opened(own: Setting, common: Setting) -> Setting {
        match own {
            Setting::Absent => common,
            own => own,
        }
    }

    fn read(text: &str) -> Self {
        let lines = Lines::read(text);
        let fullcopy = lines.0.get("fullcopy").copied();
        Self {
            cluster_partition: Self::opened(lines.get("own-cppath"), lines.get("cppath")),
            data_partition: Self::opened(lines.get("own-dppath"), lines.get("dppath")),
            construction_off: fullcopy.is_some_and(|(rc, value)| outputs::initial_construction_off(rc, value)),
            sync: lines.get("sync"),
            syncmode: lines.get("syncmode"),
            deact: lines.get("deact"),
            umount_seconds: lines.get("umount-seconds"),
            umount_retries: lines.get("umount-retries"),
        }
    }
}

/// A failover group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GroupSettings {
    /// The groups for whose stop its own waits.
    pub stops_after: Setting,
    /// How long it waits for them.
    pub stop_seconds: Setting,
}

/// The time limit of a monitor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Limit {
    /// What it watches.
    pub kind: MonitorKind,
    /// In seconds.
    pub seconds: Setting,
}

/// The cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ClusterSettings {
    /// All mirror disks.
    pub mirror_disks: Setting,
    /// All hybrid disks.
    pub hybrid_disks: Setting,
    /// What the shutdown monitoring does to a node whose shutdown takes too long.
    pub haltp: Setting,
    /// What CLUSTERPRO does when a resource's start or stop takes too long.
    pub stall: Setting,
}

/// What a node read of its clp.conf. What it was not asked for is `Unread`, or not there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Settings {
    /// The mirror disks that were asked for.
    pub disks: BTreeMap<String, DiskSettings>,
    /// The types of monitors that there are.
    pub monitor_types: Setting,
    /// The time limits of the monitors that a pause of the file systems makes wait.
    pub limits: BTreeMap<String, Limit>,
    /// Types of monitors whose limits could not be read.
    pub unread_limits: Vec<MonitorKind>,
    /// After which time without a heartbeat a node is given up, in milliseconds.
    pub heartbeat: Setting,
    /// The disk that each mirror disk monitor watches.
    pub monitors: BTreeMap<String, Setting>,
    /// The failover groups that were asked for.
    pub groups: BTreeMap<String, GroupSettings>,
    /// The cluster's own.
    pub cluster: ClusterSettings,
}

impl Settings {
    /// Reads the sections of an `observe`.
    pub fn read(reply: &Reply) -> Self {
        let mut all = Self::default();
        for (name, section) in &reply.sections {
            match name.split_once(' ') {
                Some(("settings", disk)) => _ = all.disks.insert(disk.to_owned(), DiskSettings::read(&section.text)),
                Some(("limits", word)) => {
                    let Some(kind) = MonitorKind::read(word) else {
                        continue;
                    };
                    if section.rc != 0 {
                        all.unread_limits.push(kind);
                        continue;
                    }
                    let lines = Lines::read(&section.text);
                    let limit = |name: &&str| Limit {
                        kind,
                        seconds: lines.get(name),
                    };
                    let read = lines.0.keys().map(|name| ((*name).to_owned(), limit(name)));
                    all.limits.extend(read);
                }
                Some(("monitor", monitor)) => {
                    all.monitors
                        .insert(monitor.to_owned(), Lines::read(&section.text).get("object"));
                }
                Some(("group", group)) => {
                    let lines = Lines::read(&section.text);
                    let settings = GroupSettings {
                        stops_after: lines.get("stop-after"),
                        stop_seconds: lines.get("stop-seconds"),
                    };
                    all.groups.insert(group.to_owned(), settings);
                }
                None if name == "monitor-types" => all.monitor_types = Lines::read(&section.text).get("types"),
                None if name == "heartbeat" => all.heartbeat = Lines::read(&section.text).get("timeout"),
                None if name == "cluster" => {
                    let lines = Lines::read(&section.text);
                    all.cluster = ClusterSettings {
                        mirror_disks: lines.get("md"),
                        hybrid_disks: lines.get("hd"),
                        haltp: lines.get("haltp"),
                        stall: lines.get("stall"),
                    };
                }
                _ => {}
            }
        }
        all
    }

    /// A mirror disk; one that was not read has nothing that is known.
    pub fn disk(&self, name: &str) -> DiskSettings {
        self.disks.get(name).cloned().unwrap_or_default()
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
