//! Finds out what a cluster's JSON needs, from the doctor's answers of two nodes of which nothing is described yet.
//!
//! The doctor is asked in rounds, since what it is asked in one round was found in the one before: the tables, the settings of what they
//! name, the devices under the partitions. Every text is read by the parser that the operations use.

use super::judge::{Probe, setting, text_of};
use super::recording::Entry;
use crate::clusterpro::monitors::parse_monitors;
use crate::clusterpro::settings::{DiskSettings, Setting};
use crate::clusterpro::stat;
use crate::config::{MirrorDisk, Node, PerNode};
use crate::devices;
use crate::document::Parts;
use crate::error::{Error, Kind, Result};
use crate::observation::Instance;
use std::collections::{BTreeMap, BTreeSet};

/// So many monitors are asked of in one round: the doctor's answer has room for some 22,000 characters.
const MONITORS: usize = 16;

/// Names and a path that nothing has, where the document wants some and none is known.
const NOTHING: &str = "none";
const NO_DEVICE: &str = "/dev/none";

/// What stands in clpstat's table behind the last group.
const BEHIND_GROUPS: &str = "<monitor>";

/// One of the two nodes, with what it has answered so far.
#[derive(Debug, Clone)]
struct Asked {
    instance: Instance,
    entries: Vec<Entry>,
}

/// What is known so far of a cluster.
#[derive(Debug, Clone)]
pub struct Discovery {
    nodes: [Asked; 2],
    round: Round,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Round {
    Tables,
    /// From which monitor on.
    Settings(usize),
    Devices,
    Over,
}

/// What one node is asked next: its name, as far as it is known, and the doctor's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// The node's name.
    pub node: String,
    /// What the doctor looks at.
    pub parts: Parts,
}

/// What was found: the parts of a cluster's JSON that need no decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// The two nodes.
    pub nodes: [Node; 2],
    /// The failover groups.
    pub failover_groups: Vec<String>,
    /// The mirror disks.
    pub mirror_disks: Vec<MirrorDisk>,
}

/// What the tables of both nodes name alike.
struct Tables {
    names: [String; 2],
    groups: Vec<String>,
    monitors: Vec<String>,
    disks: Vec<String>,
}

impl Asked {
    fn whose(&self) -> String {
        format!("instance {}", self.instance.id)
    }

    fn unclear(&self, what: &str) -> Error {
        Error::new(
            Kind::OutputUnreadable,
            format!("the doctor on {} shows no {what}", self.whose()),
            "start CLUSTERPRO on both nodes, and name the cluster's own two instances; else describe the cluster by a file",
        )
    }

    /// The newest answer to a command that can be read.
    fn read<T>(&self, wanted: Probe<'_>, parse: impl Fn(&Entry, &str) -> Option<T>) -> Option<T> {
        let entries = self.entries.iter().rev();
        let mut answers = entries.filter(|entry| Probe::of(entry) == Some(wanted));
        answers.find_map(|entry| parse(entry, &text_of(entry)))
    }

    /// A value of clp.conf, by its path below `/root/`.
    fn get(&self, path: &str) -> Setting {
        let wanted = format!("/root/{path}");
        let mut entries = self.entries.iter().rev();
        let found = entries.find(|entry| match Probe::of(entry) {
            Some(Probe::Get(path) | Probe::List(path)) => path == wanted,
            _ => false,
        });
        found.map_or(Setting::Unread, |entry| setting(entry.exit, &entry.stdout))
    }

    /// What this node opens as one of a mirror disk's partitions.
    fn partition(&self, node: &str, disk: &str, which: &str) -> Result<String> {
        let of = |part: String| self.get(&format!("resource/md@{disk}/{part}parameters/diskdev/{which}"));
        match DiskSettings::opened(of(format!("server@{node}/")), of(String::new())) {
            Setting::Set(path) => Ok(path),
            _ => Err(self.unclear(&format!("{which} of {disk}"))),
        }
    }

    fn partitions(&self, node: &str, disks: &[String]) -> Result<Vec<String>> {
        let of_disk = |disk: &String| ["cppath", "dppath"].map(|which| self.partition(node, disk, which));
        disks.iter().flat_map(of_disk).collect()
    }

    /// The device that the volume under a path is attached as.
    fn device(&self, path: &str) -> Result<String> {
        let command = format!("lsblk {path}");
        let entry = self.entries.iter().rev().find(|entry| entry.id == command);
        let under = entry.and_then(|entry| devices::under(&text_of(entry)));
        let device = under
            .as_ref()
            .and_then(|under| devices::attached_as(under, &self.instance.volumes));
        device.map(str::to_owned).ok_or_else(|| {
            let found = format!("{path} on {} lies on no attached volume, or on several", self.whose());
            let next = "look at `lsblk -s` on the node; else describe the cluster by a file";
            Error::new(Kind::DeviceMismatch, found, next)
        })
    }
}

impl Discovery {
    /// Of these two instances nothing is known yet.
    pub fn new(instances: [Instance; 2]) -> Self {
        let nodes = instances.map(|instance| Asked {
            instance,
            entries: vec![],
        });
        Self {
            nodes,
            round: Round::Tables,
        }
    }

    /// What the nodes are asked next; `None`: all that can be found out was answered. Error: `OutputUnreadable`.
    pub fn asks(&self) -> Result<Option<[Ask; 2]>> {
        let nothing = || vec![NOTHING.to_owned()];
        let no_device = || vec![NO_DEVICE.to_owned()];
        let from = match self.round {
            Round::Over => return Ok(None),
            Round::Tables => {
                let parts = Parts {
                    groups: nothing(),
                    disks: nothing(),
                    monitors: nothing(),
                    devices: no_device(),
                };
                let node = NOTHING.to_owned();
                return Ok(Some([node.clone(), node].map(|node| Ask {
                    node,
                    parts: parts.clone(),
                })));
            }
            Round::Settings(from) => Some(from),
            Round::Devices => None,
        };
        let tables = self.tables()?;
        let monitors = match from {
            Some(from) => tables.monitors.iter().skip(from).take(MONITORS).cloned().collect(),
            None => tables
                .disks
                .iter()
                .map(|disk| self.monitor(&tables, disk))
                .collect::<Result<_>>()?,
        };
        let mut asks = Vec::new();
        for (asked, name) in self.nodes.iter().zip(&tables.names) {
            let devices = match from {
                Some(_) => no_device(),
                None => asked.partitions(name, &tables.disks)?,
            };
            asks.push(Ask {
                node: name.clone(),
                parts: Parts {
                    groups: tables.groups.clone(),
                    disks: tables.disks.clone(),
                    monitors: Vec::clone(&monitors),
                    devices,
                },
            });
        }
        Ok(asks.try_into().ok())
    }

    /// Takes the answers of a round, in the instances' order.
    pub fn answered(&mut self, answers: [Vec<Entry>; 2]) -> Result<()> {
        for (asked, entries) in self.nodes.iter_mut().zip(answers) {
            asked.entries.extend(entries);
        }
        self.round = match self.round {
            Round::Tables => Round::Settings(0),
            Round::Settings(from) if from + MONITORS < self.tables()?.monitors.len() => {
                Round::Settings(from + MONITORS)
            }
            Round::Settings(_) => Round::Devices,
            Round::Devices | Round::Over => Round::Over,
        };
        Ok(())
    }

    /// What was found. Errors: `OutputUnreadable`, `DeviceMismatch`, `MonitorMismatch`.
    pub fn found(&self) -> Result<Discovered> {
        let tables = self.tables()?;
        let disk = |name: &String| {
            let per_node = |of: &dyn Fn(&Asked, &str) -> Result<String>| self.per_node(&tables, of);
            let partition = |which: &'static str| move |asked: &Asked, node: &str| asked.partition(node, name, which);
            let device = |asked: &Asked, node: &str| {
                let (cluster, data) = (
                    asked.partition(node, name, "cppath")?,
                    asked.partition(node, name, "dppath")?,
                );
                let (first, second) = (asked.device(&cluster)?, asked.device(&data)?);
                if first == second {
                    return Ok(first);
                }
                let found = format!(
                    "the partitions of {name} on {} lie on {first} and {second}",
                    asked.whose()
                );
                Err(Error::new(
                    Kind::DeviceMismatch,
                    found,
                    "mirrorsnap backs up mirror disks that lie on one volume",
                ))
            };
            Ok(MirrorDisk {
                name: name.clone(),
                monitor: self.monitor(&tables, name)?,
                device: per_node(&device)?,
                cluster_partition: per_node(&partition("cppath"))?,
                data_partition: per_node(&partition("dppath"))?,
            })
        };
        let mirror_disks = tables.disks.iter().map(disk).collect::<Result<_>>()?;
        let [first, second] = &tables.names;
        let [a, b] = &self.nodes;
        let node = |name: &String, asked: &Asked| Node {
            name: name.clone(),
            instance_id: asked.instance.id.clone(),
        };
        Ok(Discovered {
            nodes: [node(first, a), node(second, b)],
            failover_groups: tables.groups,
            mirror_disks,
        })
    }

    fn per_node(&self, tables: &Tables, of: &dyn Fn(&Asked, &str) -> Result<String>) -> Result<PerNode> {
        let mut values = BTreeMap::new();
        for (asked, name) in self.nodes.iter().zip(&tables.names) {
            values.insert(name.clone(), of(asked, name)?);
        }
        let distinct: BTreeSet<&String> = values.values().collect();
        let same = (distinct.len() == 1).then(|| values.values().next().cloned()).flatten();
        Ok(same.map_or(PerNode::ByNode(values), PerNode::Same))
    }

    /// The mirror disk monitor that watches a disk, as either node's clp.conf says.
    fn monitor(&self, tables: &Tables, disk: &str) -> Result<String> {
        let watches = |monitor: &&String| {
            let path = format!("monitor/mdw@{monitor}/parameters/object");
            self.nodes.iter().any(|asked| asked.get(&path).value() == Some(disk))
        };
        tables.monitors.iter().find(watches).cloned().ok_or_else(|| {
            let found = format!("no mirror disk monitor is shown that watches {disk}");
            Error::new(
                Kind::MonitorMismatch,
                found,
                "add one in CLUSTERPRO, or describe the cluster by a file",
            )
        })
    }

    /// What both nodes name alike. Errors: `OutputUnreadable`, `ServerNameMismatch`.
    fn tables(&self) -> Result<Tables> {
        let mut all = Vec::new();
        for asked in &self.nodes {
            let whole = |entry: &Entry, text: &str| !entry.cut || text.contains(BEHIND_GROUPS);
            let stat = asked.read(Probe::Stat, |entry, text| {
                whole(entry, text).then(|| stat::parse(text).ok()).flatten()
            });
            let here = asked.read(Probe::Stat, |_, text| stat::here(text).map(str::to_owned));
            // Of a table that was cut, what is there counts: a monitor is taken only if clp.conf says what it watches.
            let monitors = asked.read(Probe::Monitors, |_, text| parse_monitors(text).ok());
            let stat = stat.ok_or_else(|| asked.unclear("table of the cluster"))?;
            let monitors = monitors.ok_or_else(|| asked.unclear("table of the monitors"))?;
            let monitors: BTreeSet<String> = monitors.into_keys().chain(stat.monitors.keys().cloned()).collect();
            let disks = asked.get("resource/md");
            let disks: BTreeSet<String> = disks
                .names()
                .unwrap_or_default()
                .into_iter()
                .map(str::to_owned)
                .collect();
            if disks.is_empty() {
                return Err(asked.unclear("mirror disk"));
            }
            let groups: Vec<String> = stat.failover_groups().map(|group| group.name.clone()).collect();
            let servers: BTreeSet<String> = stat.servers.into_keys().collect();
            all.push((here, servers, groups, monitors, disks));
        }
        let [first, second] = all.as_slice() else {
            return Err(Error::new(
                Kind::OutputUnreadable,
                "there are not two nodes",
                "name two instances",
            ));
        };
        let (here, servers, groups, monitors, disks) = first;
        let alike = (servers, groups, disks) == (&second.1, &second.2, &second.4);
        let names = names(servers, [here.as_ref(), second.0.as_ref()]);
        let [a, b] = &self.nodes;
        let (true, Some(names)) = (alike, names) else {
            let shown: Vec<&str> = servers.iter().map(String::as_str).collect();
            let found = format!(
                "{} and {} do not show themselves as the two nodes of one cluster (the first one shows {})",
                a.instance.id,
                b.instance.id,
                shown.join(", ")
            );
            return Err(Error::new(
                Kind::ServerNameMismatch,
                found,
                "name the cluster's own two instances",
            ));
        };
        Ok(Tables {
            names,
            groups: groups.clone(),
            monitors: monitors.union(&second.3).cloned().collect(),
            disks: disks.iter().cloned().collect(),
        })
    }
}

/// Which of the two servers printed each table. One that does not say it is the other one.
fn names(servers: &BTreeSet<String>, here: [Option<&String>; 2]) -> Option<[String; 2]> {
    let mut two = servers.iter();
    let (Some(one), Some(other), None) = (two.next(), two.next(), two.next()) else {
        return None;
    };
    let peer = |name: &String| if name == one { other.clone() } else { one.clone() };
    let found = match here {
        [Some(first), Some(second)] => [first.clone(), second.clone()],
        [Some(first), None] => [first.clone(), peer(first)],
        [None, Some(second)] => [peer(second), second.clone()],
        [None, None] => return None,
    };
    let [first, second] = &found;
    (first != second && servers.contains(first) && servers.contains(second)).then_some(found)
}

#[cfg(test)]
#[path = "discover_tests.rs"]
mod tests;
