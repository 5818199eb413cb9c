//! What refuses an operation by what the nodes show of groups, mirror disks and monitors (safety.md, rules 2 and 4).

use super::answered;
use crate::clusterpro::monitors::monitor_state;
use crate::clusterpro::stat::{Group, State};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::observation::{Node, Observation};
use std::collections::BTreeSet;

/// What a group that runs nowhere means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OfflineGroups {
    /// A backup is of a service that runs.
    Refused,
    /// Bad data may be the reason for a restore.
    Allowed,
}

/// Refuses groups that are not on one node, and adds the nodes on which groups run to `running`.
pub(super) fn refuse_groups(
    config: &Config,
    seen: &Observation,
    name: &str,
    running: &mut BTreeSet<String>,
    offline: OfflineGroups,
) -> Result<()> {
    let stat = answered(seen, name)?.stat.as_ref().ok_or_else(|| {
        Error::new(
            Kind::NodeUnreachable,
            format!("the cluster daemon on {name} is stopped, or clpstat does not answer"),
            "start the cluster service; if an operation left it so, run `mirrorsnap recover CLUSTER`",
        )
    })?;
    for node in config.node_names() {
        if stat.server(node) != State::Online {
            return Err(Error::new(
                Kind::NodeUnreachable,
                format!("{name} sees the cluster daemon of {node} as {:?}", stat.server(node)),
                "bring the daemon online; if an operation left it so, run `mirrorsnap recover CLUSTER`",
            ));
        }
    }
    for group in stat.failover_groups() {
        if !config.failover_groups.contains(&group.name) {
            return Err(Error::new(
                Kind::ConfigIncomplete,
                format!(
                    "the cluster has the group {}, which the configuration does not name",
                    group.name
                ),
                "name every failover group in the cluster's configuration",
            ));
        }
    }
    for configured in &config.failover_groups {
        let current = stat.group(configured).and_then(Group::runs_on);
        match current.and_then(|shown| config.node_names().find(|node| *node == shown)) {
            Some(node) => {
                running.insert(node.to_owned());
            }
            None if offline == OfflineGroups::Allowed && stat.group(configured).is_some_and(Group::is_offline) => {}
            None => {
                return Err(Error::new(
                    Kind::GroupNotOnline,
                    format!("{name} does not show the group {configured} online on one of the two nodes"),
                    "start the group, or correct the configuration",
                ));
            }
        }
    }
    Ok(())
}

pub(super) fn refuse_mirrors(config: &Config, name: &str, node: &Node) -> Result<()> {
    for disk in &config.mirror_disks {
        let Some(mirror) = node.mirrors.get(&disk.name) else {
            return Err(Error::new(
                Kind::MirrorNotNormal,
                format!("{name} does not show the state of {}", disk.name),
                "check the mirror disk's name, and clpmdstat on the node",
            ));
        };
        let both = config.node_names().all(|peer| mirror.colors.contains_key(peer));
        if !mirror.is_normal() || !both {
            return Err(Error::new(
                Kind::MirrorNotNormal,
                format!("{} is {:?} {:?} on {name}", disk.name, mirror.status, mirror.colors),
                "wait for the mirror's recovery, or start it; if an operation left it so, run `mirrorsnap recover CLUSTER`",
            ));
        }
    }
    Ok(())
}

pub(super) fn refuse_monitors(config: &Config, name: &str, node: &Node) -> Result<()> {
    for disk in &config.mirror_disks {
        for at in config.node_names() {
            let state = node
                .monitors
                .as_ref()
                .map_or(State::Unknown, |all| monitor_state(all, &disk.monitor, at));
            match state {
                State::Suspended => {
                    return Err(Error::new(
                        Kind::MonitorAlreadySuspended,
                        format!("the monitor {} is suspended on {at}: somebody is at work", disk.monitor),
                        "finish that work and resume the monitor; if an operation left it so, run `mirrorsnap recover CLUSTER`",
                    ));
                }
                State::Online => {}
                _ => {
                    return Err(Error::new(
                        Kind::ConfigIncomplete,
                        format!("{name} shows the monitor {} on {at} as {state:?}", disk.monitor),
                        "name the mirror disk's own monitor in the configuration, and see that it runs on both nodes",
                    ));
                }
            }
        }
    }
    Ok(())
}
