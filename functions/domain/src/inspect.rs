//! The inspection: what refuses a backup before anything is touched (safety.md, rules 2, 4, 17, 18, 20), and the plan.

mod frozen;
mod instance;
mod key_policy;
mod keys;
mod node;
mod resources;
mod settings;

use crate::clusterpro::outputs::Services;
use crate::config::Config;
use crate::consistency::Consistency;
use crate::document::Quiet;
use crate::ec2::{InstanceId, VolumeId};
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::intent::{Disturbance, Intent, Operation, Phase};
use crate::layout;
use crate::lvm_devices;
use crate::observation::{Node, Observation};
use crate::proof;
use crate::sentence::{Said, Sentence};
use crate::steps::Step;
use crate::time::Moment;
use instance::refuse_too_many_volumes;
use node::{refuse_node, refuse_slow_commands};
use resources::{OfflineGroups, refuse_groups, refuse_mirrors, refuse_monitors};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub use instance::{capacity_words, check_instance, volumes};
pub(crate) use keys::copiers;
pub use keys::{Key, Manager, judge_key, keys_of};
pub use settings::words as settings_words;

/// What a backup will do, with everything that its states need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// Where the groups run.
    pub active: String,
    /// The node that is stopped and whose volumes are the backup.
    pub standby: String,
    /// The standby's instance.
    pub standby_instance: InstanceId,
    /// LaunchTime of the standby's instance. The image is good only if it is the same after the snapshots.
    pub launched: Option<Moment>,
    /// The volumes of the backup: mirror disk to volume id. Several disks may share a volume.
    pub volumes: BTreeMap<String, VolumeId>,
    /// How the active becomes quiet.
    pub consistency: Consistency,
    /// Written before the first disturbance.
    pub intent: Intent,
    /// The node steps of the backup by state.
    pub steps: BTreeMap<&'static str, Step>,
    /// The plan in words.
    #[serde(flatten)]
    pub words: Said,
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
            "check the SSM agent and the node; if an operation left it so, run `mirrorsnap recover CLUSTER`",
        )
    })
}

/// Refuses a backup. Returns the node on which all groups run.
pub fn refuse_backup(config: &Config, consistency: Consistency, seen: &Observation) -> Result<String> {
    let running = refuse_nodes(config, seen, OfflineGroups::Refused)?;
    for name in config.node_names() {
        let node = answered(seen, name)?;
        refuse_mirrors(config, name, node)?;
        refuse_monitors(config, name, node)?;
        settings::refuse_settings(config, name, node)?;
        refuse_slow_commands(config, consistency, name, node)?;
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
    let running = refuse_nodes(config, seen, OfflineGroups::Allowed)?;
    for name in config.node_names() {
        let node = answered(seen, name)?;
        for disk in &config.mirror_disks {
            if !node.settings.disk(&disk.name).construction_off {
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
        crate::devices::gate(config, name, instance.unwrap_or(&BTreeMap::new()), node)?;
        layout::refuse_unknown_links(config, name, node)?;
        lvm_devices::refuse_listed_by_volume(config, name, node)?;
    }
    Ok(())
}

/// Refuses every operation for the same reasons. Returns the one node on which groups run, if any do.
fn refuse_nodes(config: &Config, seen: &Observation, offline: OfflineGroups) -> Result<Option<String>> {
    layout::refuse_names_of_volumes(config)?;
    for name in config.node_names() {
        check_instance(config, name, seen)?;
    }
    for name in config.node_names() {
        let node = answered(seen, name)?;
        refuse_node(name, node)?;
        if node.hold {
            return Err(Error::new(
                Kind::OperatorHold,
                format!("{name} is on hold"),
                "finish the work, then run `mirrorsnap unhold CLUSTER`",
            ));
        }
        if node.services != Services::Auto {
            return Err(Error::new(
                Kind::NodeOutsideCluster,
                format!(
                    "the cluster services of {name} do not start by themselves ({:?})",
                    node.services
                ),
                "run `mirrorsnap recover CLUSTER` if a backup or restore left it so; else enable the services",
            ));
        }
        if let Some(run) = node.unfinished.first() {
            return Err(Error::new(
                Kind::OperationInProgress,
                format!("{name} is still armed for {run}"),
                "wait for its timer, or run `mirrorsnap recover CLUSTER`",
            ));
        }
    }
    let mut running = BTreeSet::new();
    for name in config.node_names() {
        refuse_groups(config, seen, name, &mut running, offline)?;
        settings::refuse_other_disks(config, name, answered(seen, name)?)?;
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

/// Everything that the backup will disturb (rule 11). A frozen one stops no group, so it lists none.
fn disturbances(config: &Config, quiet: &Quiet, active: &str, standby: &str) -> Vec<Disturbance> {
    let monitors = config.mirror_disks.iter().flat_map(|disk| {
        config.node_names().map(|node| Disturbance::Monitor {
            node: node.to_owned(),
            monitor: disk.monitor.clone(),
        })
    });
    let stopped = match quiet {
        Quiet::Stopped => config.failover_groups.as_slice(),
        Quiet::Frozen(_) => &[],
    };
    let groups = stopped.iter().map(|group| Disturbance::Group {
        node: active.to_owned(),
        group: group.clone(),
    });
    let mirrors = config.mirror_disks.iter().map(|disk| Disturbance::Mirror {
        node: standby.to_owned(),
        disk: disk.name.clone(),
    });
    let mode = Disturbance::BackupMode {
        node: standby.to_owned(),
    };
    monitors.chain(groups).chain(mirrors).chain([mode]).collect()
}

/// Inspects for a backup: refuses, or plans.
pub fn backup(config: &Config, id: &Id, consistency: Consistency, seen: &Observation) -> Result<Plan> {
    let active = refuse_backup(config, consistency, seen)?;
    let quiet = match consistency {
        Consistency::Stopped => Quiet::Stopped,
        Consistency::Frozen => Quiet::Frozen(frozen::freeze(config, &active, seen)?),
    };
    let standby = config.peer(&active)?.name.clone();
    let instance = seen.instances.get(&standby).ok_or_else(|| {
        Error::new(
            Kind::InstanceNotManaged,
            format!("EC2 shows no instance for {standby}"),
            "correct its id",
        )
    })?;
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
        quiet_after_seconds: config.deadlines().not_after_seconds
            + config.standby_wait_seconds(consistency)
            + config.times(consistency).most,
        disturbances: disturbances(config, &quiet, &active, &standby),
        restore: None,
        consistency,
        places: proof::places(config, &standby, &answered(seen, &standby)?.devices),
    };
    let volumes = volumes(config, &standby, instance)?;
    let steps = Step::of_backup(
        config,
        &intent,
        quiet,
        answered(seen, &active)?,
        answered(seen, &standby)?,
    );
    let distinct: BTreeSet<&VolumeId> = volumes.values().collect();
    refuse_too_many_volumes(&standby, instance, &distinct)?;
    let mut words = vec![Sentence::AllGroupsRun {
        active: active.clone(),
        standby: standby.clone(),
    }];
    words.extend(match consistency {
        Consistency::Stopped => vec![Sentence::BackupOutage {
            groups: config.failover_groups.join(", "),
            disks: config.mirror_disks.len() as u64,
            seconds: config.max_outage_seconds,
        }],
        Consistency::Frozen => frozen::words(config, answered(seen, &active)?),
    });
    words.extend([
        Sentence::SnapshotsOf {
            volumes: distinct.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", "),
        },
        Sentence::NoRedundancy,
    ]);
    words.extend(match consistency {
        Consistency::Stopped => settings_words(config, seen, &active),
        Consistency::Frozen => vec![settings::shutdown_words(answered(seen, &active)?)],
    });
    words.extend(capacity_words(config, seen));
    Ok(Plan {
        active,
        standby_instance: instance.id.clone(),
        standby,
        launched: instance.launched,
        volumes,
        consistency,
        intent,
        steps,
        words: Said(words),
    })
}

#[cfg(test)]
#[path = "inspect_tests.rs"]
mod tests;
