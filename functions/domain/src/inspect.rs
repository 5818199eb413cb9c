//! The inspection: what refuses a backup before anything is touched (safety.md, rules 2, 4, 17, 18, 20), and the plan.

use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::{State, monitor_state};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::intent::{Disturbance, Intent, Operation, Phase};
use crate::layout;
use crate::observation::{Instance, Node, Observation, Power};
use crate::reply::{LEAST_ROOM, STDOUT_LIMIT};
use crate::steps::Step;
use crate::time::Moment;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a backup will do, with everything that its states need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Where the groups run.
    pub active: String,
    /// The node that is stopped and whose volumes are the backup.
    pub standby: String,
    /// The standby's instance.
    pub standby_instance: String,
    /// LaunchTime of the standby's instance. The image is good only if it is the same after the snapshots.
    pub launched: Option<Moment>,
    /// The volumes of the backup: mirror disk to volume id. Several disks may share a volume.
    pub volumes: BTreeMap<String, String>,
    /// Written before the first disturbance.
    pub intent: Intent,
    /// The node steps of the backup by state.
    pub steps: BTreeMap<&'static str, Step>,
    /// The plan in words.
    pub words: Vec<String>,
}

/// Refuses a node by what EC2 shows of its instance.
pub fn check_instance(config: &Config, name: &str, seen: &Observation) -> Result<()> {
    let id = &config.node(name)?.instance_id;
    let Some(instance) = seen.instances.get(name) else {
        return Err(Error::new(
            Kind::InstanceNotManaged,
            format!("EC2 shows no instance {id} for {name}"),
            "correct the instance id in the cluster's configuration",
        ));
    };
    if instance.tagged_for.as_deref() != Some(config.name.as_str()) {
        return Err(Error::new(
            Kind::InstanceNotManaged,
            format!(
                "{id} ({name}) does not carry the tag mirrorsnap:cluster={}",
                config.name
            ),
            "tag the instance, which allows the service to act on it",
        ));
    }
    if instance.spot {
        return Err(Error::new(
            Kind::SpotInstance,
            format!("{id} ({name}) is a Spot instance, which may not come back once stopped"),
            "run the node on demand",
        ));
    }
    if let Some(group) = &instance.auto_scaling_group {
        return Err(Error::new(
            Kind::AutoScalingMember,
            format!("{id} ({name}) belongs to the Auto Scaling group {group}, which replaces instances that stop"),
            "detach the instance from the group",
        ));
    }
    if instance.shutdown_behavior.as_deref() != Some("stop") {
        return Err(Error::new(
            Kind::ShutdownBehaviorNotStop,
            format!(
                "the shutdown behaviour of {id} ({name}) is {}: backup mode would end the node for good",
                instance.shutdown_behavior.as_deref().unwrap_or("not known")
            ),
            "set InstanceInitiatedShutdownBehavior to stop",
        ));
    }
    if instance.power != Power::Running {
        return Err(Error::new(
            Kind::NodeUnreachable,
            format!("{id} ({name}) is {:?}", instance.power).to_lowercase(),
            "start recover, which brings the node back if an operation left it so; else start it",
        ));
    }
    volumes(config, name, instance)?;
    Ok(())
}

/// The volume of each mirror disk on a node.
pub fn volumes(config: &Config, name: &str, instance: &Instance) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for disk in &config.mirror_disks {
        let device = disk.device.on(name);
        let volume = instance
            .volumes
            .get(device)
            .filter(|_| instance.root_device.as_deref() != Some(device));
        let Some(volume) = volume else {
            return Err(Error::new(
                Kind::VolumeNotFound,
                format!("{} ({name}) has no volume of {} at {device}", instance.id, disk.name),
                "correct `device` in the cluster's configuration: it is the attachment's device name, never the root's",
            ));
        };
        found.insert(disk.name.clone(), volume.clone());
    }
    Ok(found)
}

/// A node's own answer, or why there is none.
pub fn answered<'a>(seen: &'a Observation, name: &str) -> Result<&'a Node> {
    seen.node(name).ok_or_else(|| {
        Error::new(
            Kind::NodeUnreachable,
            format!(
                "{name} did not answer: {}",
                seen.silent.get(name).map_or("it was not asked", String::as_str)
            ),
            "check the SSM agent and the node; if an operation left it so, start recover",
        )
    })
}

/// Refuses groups that are not on one node, and adds the nodes on which groups run to `running`. With `may_be_offline` a group that runs
/// nowhere is no refusal: bad data may be the reason for a restore.
fn refuse_groups(
    config: &Config,
    seen: &Observation,
    name: &str,
    running: &mut BTreeSet<String>,
    may_be_offline: bool,
) -> Result<()> {
    let stat = answered(seen, name)?.stat.as_ref().ok_or_else(|| {
        Error::new(
            Kind::NodeUnreachable,
            format!("the cluster daemon on {name} does not answer clpstat"),
            "start the cluster service; if an operation left it so, start recover",
        )
    })?;
    for node in config.node_names() {
        if stat.server(node) != State::Online {
            return Err(Error::new(
                Kind::NodeUnreachable,
                format!("{name} sees the cluster daemon of {node} as {:?}", stat.server(node)),
                "bring the daemon online; if an operation left it so, start recover",
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
        let online = stat.group(configured).filter(|group| group.state == State::Online);
        let current = online.and_then(|group| group.current.as_deref());
        match current.and_then(|shown| config.node_names().find(|node| *node == shown)) {
            Some(node) => {
                running.insert(node.to_owned());
            }
            None if may_be_offline
                && stat
                    .group(configured)
                    .is_some_and(|group| group.state == State::Offline) => {}
            None => {
                return Err(Error::new(
                    Kind::GroupNotOnline,
                    format!("{name} does not show the group {configured} online on one of the two nodes"),
                    "start the group, or correct the configuration",
                ));
            }
        }
    }
    for shown in stat.mirror_disks() {
        if config.disk(shown).is_none() {
            return Err(Error::new(
                Kind::ConfigIncomplete,
                format!("the cluster has the mirror disk {shown}, which the configuration does not name"),
                "name every mirror disk in the cluster's configuration",
            ));
        }
    }
    Ok(())
}

fn refuse_mirrors(config: &Config, name: &str, node: &Node) -> Result<()> {
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
                "wait for the mirror's recovery, or start it; if an operation left it so, start recover",
            ));
        }
    }
    Ok(())
}

fn refuse_monitors(config: &Config, name: &str, node: &Node) -> Result<()> {
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
                        "finish that work and resume the monitor; if an operation left it so, start recover",
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

/// Refuses a backup. Returns the node on which all groups run.
pub fn refuse_backup(config: &Config, seen: &Observation) -> Result<String> {
    let running = refuse_nodes(config, seen, false)?;
    for name in config.node_names() {
        let node = answered(seen, name)?;
        refuse_mirrors(config, name, node)?;
        refuse_monitors(config, name, node)?;
    }
    refuse_devices(config, seen)?;
    running.ok_or_else(|| {
        Error::new(
            Kind::GroupNotOnline,
            format!("no group of {} is online", config.name),
            "start the groups",
        )
    })
}

/// Refuses a restore. Returns the node on which all groups run; `None` if none of them is online.
pub fn refuse_restore(config: &Config, seen: &Observation) -> Result<Option<String>> {
    let running = refuse_nodes(config, seen, true)?;
    for name in config.node_names() {
        let node = answered(seen, name)?;
        for disk in &config.mirror_disks {
            if node.construction_off.get(&disk.name) != Some(&true) {
                return Err(Error::new(
                    Kind::InitialMirrorConstructionOn,
                    format!(
                        "initial mirror construction of {} is on, or could not be read on {name}: the restore would end \
                         with a full copy, or be refused half-way",
                        disk.name
                    ),
                    "set \"Execute the initial mirror construction\" to off in the cluster's configuration, and apply it",
                ));
            }
        }
    }
    refuse_devices(config, seen)?;
    Ok(running)
}

fn refuse_devices(config: &Config, seen: &Observation) -> Result<()> {
    for name in config.node_names() {
        let node = answered(seen, name)?;
        let instance = seen.instances.get(name).map(|instance| &instance.volumes);
        crate::devices::gate(config, name, instance.unwrap_or(&BTreeMap::new()), &node.devices)?;
        layout::refuse_unknown_links(config, name, node)?;
    }
    Ok(())
}

/// Refuses a node whose answer could later be longer than Run Command keeps: then converge could not read it.
fn refuse_size(name: &str, node: &Node) -> Result<()> {
    let most = STDOUT_LIMIT - LEAST_ROOM;
    if node.answer_size <= most {
        return Ok(());
    }
    Err(Error::new(
        Kind::ConfigInvalid,
        format!(
            "the state of {name} takes {} characters, more than {most}; while the mirror is broken it takes more, and Run Command \
             keeps {STDOUT_LIMIT}",
            node.answer_size
        ),
        "use shorter names, or fewer resources and monitors in one cluster",
    ))
}

/// Refuses every operation for the same reasons. Returns the one node on which groups run, if any do.
fn refuse_nodes(config: &Config, seen: &Observation, may_be_offline: bool) -> Result<Option<String>> {
    layout::refuse_names_of_volumes(config)?;
    for name in config.node_names() {
        check_instance(config, name, seen)?;
    }
    for name in config.node_names() {
        let node = answered(seen, name)?;
        refuse_size(name, node)?;
        if node.hold {
            return Err(Error::new(
                Kind::OperatorHold,
                format!("{name} is on hold"),
                "finish the work, then unhold the cluster",
            ));
        }
        if node.services != Services::Auto {
            return Err(Error::new(
                Kind::NodeOutsideCluster,
                format!(
                    "the cluster services of {name} do not start by themselves ({:?})",
                    node.services
                ),
                "start recover if a backup or restore left it so; else enable the services",
            ));
        }
        if let Some(run) = node.unfinished.first() {
            return Err(Error::new(
                Kind::OperationInProgress,
                format!("{name} is still armed for {run}"),
                "wait for its timer, or start recover",
            ));
        }
    }
    let mut running = BTreeSet::new();
    for name in config.node_names() {
        refuse_groups(config, seen, name, &mut running, may_be_offline)?;
    }
    if running.len() > 1 {
        return Err(Error::new(
            Kind::GroupsOnBothNodes,
            format!(
                "failover groups of {} run on {}",
                config.name,
                running.into_iter().collect::<Vec<_>>().join(" and ")
            ),
            "move all groups to one node: stopping either node would stop one of them",
        ));
    }
    Ok(running.into_iter().next())
}

/// The most volumes that CreateSnapshots can leave out (EC2 API reference, InstanceSpecification).
const MOST_EXCLUDED: usize = 40;

/// One CreateSnapshots of the instance takes several volumes. The request names those that it leaves out.
fn refuse_too_many_volumes(name: &str, instance: &Instance, ours: &BTreeSet<&String>) -> Result<()> {
    let is_other = |(device, volume): &(&String, &String)| {
        Some(*device) != instance.root_device.as_ref() && !ours.contains(volume)
    };
    let others = instance.volumes.iter().filter(is_other).count();
    if ours.len() < 2 || others <= MOST_EXCLUDED {
        return Ok(());
    }
    Err(Error::new(
        Kind::VolumeUnsupported,
        format!(
            "{} ({name}) has {others} volumes besides those of the mirror disks, and CreateSnapshots leaves out at most \
             {MOST_EXCLUDED}",
            instance.id
        ),
        "attach fewer other volumes to the nodes",
    ))
}

/// Inspects for a backup: refuses, or plans.
pub fn backup(config: &Config, id: &Id, seen: &Observation) -> Result<Plan> {
    let active = refuse_backup(config, seen)?;
    let standby = config.peer(&active)?.name.clone();
    let instance = seen.instances.get(&standby).ok_or_else(|| {
        Error::new(
            Kind::InstanceNotManaged,
            format!("EC2 shows no instance for {standby}"),
            "correct its id",
        )
    })?;
    let times = config.deadlines();
    let mut disturbances = Vec::new();
    for disk in &config.mirror_disks {
        for node in config.node_names() {
            disturbances.push(Disturbance::Monitor {
                node: node.to_owned(),
                monitor: disk.monitor.clone(),
            });
        }
    }
    for group in &config.failover_groups {
        disturbances.push(Disturbance::Group {
            node: active.clone(),
            group: group.clone(),
        });
    }
    for disk in &config.mirror_disks {
        disturbances.push(Disturbance::Mirror {
            node: standby.clone(),
            disk: disk.name.clone(),
        });
    }
    disturbances.push(Disturbance::BackupMode { node: standby.clone() });
    let boots = seen
        .nodes
        .iter()
        .map(|(name, node)| (name.clone(), node.boot_id.clone()))
        .collect();
    let intent = Intent {
        operation: Operation::Backup,
        id: id.to_string(),
        phase: Phase::Quiesce,
        started: seen.at,
        active: active.clone(),
        standby: standby.clone(),
        boots,
        quiet_after_seconds: times.not_after_seconds + times.standby_wait_seconds() + config.max_outage_seconds,
        disturbances,
        restore: None,
    };
    let volumes = volumes(config, &standby, instance)?;
    let steps = Step::of_backup(config, &intent, answered(seen, &active)?, answered(seen, &standby)?);
    let distinct: BTreeSet<&String> = volumes.values().collect();
    refuse_too_many_volumes(&standby, instance, &distinct)?;
    let words = vec![
        format!("all groups run on {active}; {standby} is stopped and its volumes are the backup"),
        format!(
            "outage: as long as CLUSTERPRO stops {}, breaks {} mirror disk(s) and starts the groups again; at most {} s \
             plus one start",
            config.failover_groups.join(", "),
            config.mirror_disks.len(),
            config.max_outage_seconds
        ),
        format!(
            "snapshots of {}",
            distinct.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ")
        ),
        "no redundancy from the break until the mirror has copied the difference".to_owned(),
    ];
    Ok(Plan {
        active,
        standby_instance: instance.id.clone(),
        standby,
        launched: instance.launched,
        volumes,
        intent,
        steps,
        words,
    })
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
