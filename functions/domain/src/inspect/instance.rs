//! What refuses an operation by what EC2 shows of the instances (safety.md, rules 18 and 20).

use crate::config::Config;
use crate::ec2::VolumeId;
use crate::error::{Error, Kind, Result};
use crate::observation::{Instance, Observation, Power, Root};
use crate::sentence::Sentence;
use std::collections::{BTreeMap, BTreeSet};

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
    if instance.root == Root::InstanceStore {
        return Err(Error::new(
            Kind::VolumeUnsupported,
            format!("the root device of {id} ({name}) is an instance store, and EC2 cannot stop such an instance"),
            "run the node from an image whose root device is an EBS volume",
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
            format!("{id} ({name}) is {}", instance.power),
            "run `mirrorsnap recover CLUSTER`, which brings the node back if an operation left it so; else start it",
        ));
    }
    volumes(config, name, instance)?;
    Ok(())
}

/// For the plan: the nodes that no capacity reservation keeps a place for (rule 20).
pub fn capacity_words(config: &Config, seen: &Observation) -> Vec<Sentence> {
    let unreserved = config.nodes.iter().filter(|node| {
        let instance = seen.instances.get(&node.name);
        instance.is_some_and(|instance| !instance.reserved)
    });
    unreserved
        .map(|node| Sentence::NoReservation {
            instance: node.instance_id.to_string(),
            node: node.name.clone(),
        })
        .collect()
}

/// The volume of each mirror disk on a node.
pub fn volumes(config: &Config, name: &str, instance: &Instance) -> Result<BTreeMap<String, VolumeId>> {
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

/// The most volumes that CreateSnapshots can leave out (EC2 API reference, InstanceSpecification).
const MOST_EXCLUDED: usize = 40;

/// One CreateSnapshots of the instance takes several volumes. The request names those that it leaves out.
pub(super) fn refuse_too_many_volumes(name: &str, instance: &Instance, ours: &BTreeSet<&VolumeId>) -> Result<()> {
    let is_other = |(device, volume): &(&String, &VolumeId)| {
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
