//! The new volumes of a restore: one for each device of each node. Both nodes' volumes come from one snapshot, and each has the type,
//! IOPS, throughput, key and tags of the volume that it replaces.

use crate::catalogue::{Backup, MOST_TAGS, Snapshot, tag};
use crate::config::Config;
use crate::ec2::{SnapshotId, VolumeId};
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::intent::Attachment;
use crate::observation::Observation;
use crate::sentence::Sentence;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Our tags on a new volume: two when it is created, two more when it is attached and when a later restore replaces it.
const ON_NEW: [&str; 4] = [tag::CLUSTER, tag::RESTORE_ID, tag::ATTACHED, tag::REPLACED];
/// Our tags on the volume that it replaces, written before the first detach.
const ON_OLD: [&str; 2] = [tag::REPLACED, tag::RESTORE_ID];

/// A volume as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldVolume {
    /// Its id.
    pub id: VolumeId,
    /// Its size.
    pub gib: i32,
    /// Such as `gp3`.
    pub kind: String,
    /// Its IOPS, where they can be chosen.
    pub iops: Option<i32>,
    /// Its throughput in MiB/s, where it can be chosen.
    pub throughput: Option<i32>,
    /// Its key, if it is encrypted.
    pub kms_key: Option<String>,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
    /// DeleteOnTermination of its attachment.
    pub delete_on_termination: bool,
    /// Whether Multi-Attach is enabled.
    pub multi_attach: bool,
}

/// A volume to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewVolume {
    /// The node that it is for.
    pub node: String,
    /// The attachment's device name.
    pub device: String,
    /// The mirror disks on it.
    pub disks: Vec<String>,
    /// The node's zone.
    pub zone: String,
    /// The volume that it replaces.
    pub old: VolumeId,
    /// The snapshot; the same for both nodes.
    pub snapshot: SnapshotId,
    /// The snapshot's size in GiB.
    #[serde(default)]
    pub snapshot_gib: i32,
    /// GiB: the snapshot's, or the old volume's if that was larger.
    pub gib: i32,
    /// Such as `gp3`.
    pub kind: String,
    /// Provisioned IOPS, copied from the old volume.
    #[serde(default)]
    pub iops: Option<i32>,
    /// Provisioned throughput in MiB/s, copied from the old volume.
    #[serde(default)]
    pub throughput: Option<i32>,
    /// The KMS key, copied from the old volume.
    #[serde(default)]
    pub kms_key: Option<String>,
    /// Provisioned initialization rate in MiB/s.
    #[serde(default)]
    pub rate: Option<i32>,
    /// The old volume's tags, and ours.
    pub tags: BTreeMap<String, String>,
    /// CreateVolume's ClientToken. It makes one volume for this restore, node and device, however often the call is repeated.
    pub token: String,
    /// DeleteOnTermination, copied from the old volume's attachment.
    pub delete_on_termination: bool,
}

impl NewVolume {
    /// The attachment, once the volume has an id.
    pub fn attachment(&self, volume: &VolumeId) -> Attachment {
        Attachment {
            node: self.node.clone(),
            device: self.device.clone(),
            old: self.old.clone(),
            new: volume.to_owned(),
            snapshot: self.snapshot.clone(),
            delete_on_termination: self.delete_on_termination,
        }
    }
}

/// The mirror disks at each device of a node.
fn places<'a>(config: &'a Config, node: &'a str) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for disk in &config.mirror_disks {
        found.entry(disk.device.on(node)).or_default().insert(&disk.name);
    }
    found
}

/// The snapshot with exactly these mirror disks on it.
fn snapshot_of<'a>(backup: &'a Backup, disks: &BTreeSet<&str>) -> Result<&'a Snapshot> {
    let on = |one: &Snapshot| -> BTreeSet<String> {
        let text = one.tags.get(tag::MIRROR_DISKS).map_or("", String::as_str);
        text.split_whitespace().map(str::to_owned).collect()
    };
    let wanted: BTreeSet<String> = disks.iter().map(|disk| (*disk).to_owned()).collect();
    let mut found = backup.snapshots.iter().filter(|one| on(one) == wanted);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (one, _) => Err(Error::new(
            Kind::BackupInvalid,
            format!(
                "backup {} has {} snapshot of just the mirror disk(s) {}",
                backup.id,
                if one.is_some() { "more than one" } else { "no" },
                disks.iter().copied().collect::<Vec<_>>().join(", ")
            ),
            "the disks were spread over the volumes in another way when it was made: configure them as they were then, or choose \
             another backup",
        )),
    }
}

/// The volumes of both nodes.
pub fn plan(
    config: &Config,
    id: &Id,
    backup: &Backup,
    seen: &Observation,
    present: &BTreeMap<VolumeId, OldVolume>,
) -> Result<Vec<NewVolume>> {
    let mut planned = Vec::new();
    for name in config.node_names() {
        let instance = seen.instances.get(name).ok_or_else(|| {
            let found = format!("EC2 shows no instance of {name}");
            Error::new(
                Kind::InstanceNotManaged,
                found,
                "correct the instance id in the cluster's configuration",
            )
        })?;
        for (device, disks) in places(config, name) {
            let missing = |what: &str| {
                let found = format!("{} ({name}) has no volume at {device}{what}", instance.id);
                Error::new(
                    Kind::VolumeNotFound,
                    found,
                    "correct `device` in the cluster's configuration",
                )
            };
            let old = instance.volumes.get(device).ok_or_else(|| missing(""))?;
            let old = present.get(old).ok_or_else(|| missing(" that EC2 describes"))?;
            let snapshot = snapshot_of(backup, &disks)?;
            can_be_replaced(name, device, old, snapshot)?;
            planned.push(volume(id, name, &instance.zone, device, &disks, old, snapshot));
        }
    }
    let restored: BTreeSet<&str> = planned.iter().map(|one| one.snapshot.as_str()).collect();
    if let Some(left) = backup.snapshots.iter().find(|one| !restored.contains(one.id.as_str())) {
        return Err(Error::new(
            Kind::BackupInvalid,
            format!("snapshot {} of backup {} has no place on the nodes", left.id, backup.id),
            "configure every mirror disk that the backup holds, or choose another backup",
        ));
    }
    Ok(planned)
}

/// The largest volume of a type, in GiB (EBS user guide, volume types).
fn largest(kind: &str) -> i32 {
    match kind {
        "gp3" | "io2" => 65_536,
        "standard" => 1024,
        _ => 16_384,
    }
}

/// Refuses what cannot be copied from the old volume, rather than leaving it out.
fn can_be_replaced(node: &str, device: &str, old: &OldVolume, snapshot: &Snapshot) -> Result<()> {
    if old.multi_attach {
        return Err(Error::new(
            Kind::VolumeUnsupported,
            format!(
                "{} of {node} {device} has Multi-Attach, which no mirror disk needs: another instance may use it",
                old.id
            ),
            "move the mirror disk to a volume without Multi-Attach",
        ));
    }
    let (gib, most) = (snapshot.gib.max(old.gib), largest(&old.kind));
    if gib > most {
        return Err(Error::new(
            Kind::VolumeUnsupported,
            format!(
                "{} of {node} {device} is of the type {}, which has at most {most} GiB, and {} needs {gib} GiB",
                old.id, old.kind, snapshot.id
            ),
            "change the volume's type, or choose another backup",
        ));
    }
    has_room_for_tags(node, device, old)
}

/// EC2 refuses a tag beyond its limit, which would be after both nodes are down.
fn has_room_for_tags(node: &str, device: &str, old: &OldVolume) -> Result<()> {
    let with = |tags: &BTreeMap<String, String>, ours: &[&str]| {
        let new = ours.iter().filter(|key| !tags.contains_key(**key)).count();
        // AWS's own do not count.
        tags.keys().filter(|key| !key.starts_with("aws:")).count() + new
    };
    let most = with(&old.tags, &ON_OLD).max(with(&carried(old), &ON_NEW));
    if most <= MOST_TAGS {
        return Ok(());
    }
    Err(Error::new(
        Kind::VolumeUnsupported,
        format!(
            "{} of {node} {device} has {} tags, and a restore adds up to {}, which is more than the {MOST_TAGS} that EC2 allows",
            old.id,
            old.tags.len(),
            ON_NEW.len()
        ),
        format!("remove {} tags from the volume", most - MOST_TAGS),
    ))
}

/// The old volume's tags that the new volume gets: all but AWS's and ours.
fn carried(old: &OldVolume) -> BTreeMap<String, String> {
    old.tags
        .iter()
        .filter(|(key, _)| !key.starts_with("aws:") && !key.starts_with("mirrorsnap:"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// A sentence on the encryption where it differs from the old volume's.
pub fn encryption(volumes: &[NewVolume], backup: &Backup) -> Vec<Sentence> {
    let said = |one: &NewVolume| {
        let key = backup
            .snapshots
            .iter()
            .find(|snapshot| snapshot.id == one.snapshot)?
            .kms_key
            .as_deref();
        let place = format!("{} {}", one.node, one.device);
        match (one.kms_key.as_deref(), key) {
            (None, Some(key)) => Some(Sentence::EncryptedLikeSnapshot {
                place,
                snapshot: one.snapshot.to_string(),
                key: key.to_owned(),
                old: one.old.to_string(),
            }),
            (Some(key), other) if other != Some(key) => Some(Sentence::EncryptedAnew {
                place,
                old: one.old.to_string(),
                key: key.to_owned(),
            }),
            _ => None,
        }
    };
    volumes.iter().filter_map(said).collect()
}

fn volume(
    id: &Id,
    node: &str,
    zone: &str,
    device: &str,
    disks: &BTreeSet<&str>,
    old: &OldVolume,
    snapshot: &Snapshot,
) -> NewVolume {
    let ours = BTreeMap::from([
        (tag::CLUSTER.to_owned(), id.cluster().to_owned()),
        (tag::RESTORE_ID.to_owned(), id.to_string()),
    ]);
    let mut tags = carried(old);
    tags.extend(ours);
    // Some types let the caller choose IOPS and throughput. For the others EC2 shows figures but refuses them in CreateVolume.
    let iops = old.iops.filter(|_| matches!(old.kind.as_str(), "gp3" | "io1" | "io2"));
    let throughput = old.throughput.filter(|_| old.kind == "gp3");
    NewVolume {
        node: node.to_owned(),
        device: device.to_owned(),
        disks: disks.iter().map(|disk| (*disk).to_owned()).collect(),
        zone: zone.to_owned(),
        old: old.id.clone(),
        snapshot: snapshot.id.clone(),
        snapshot_gib: snapshot.gib,
        gib: snapshot.gib.max(old.gib),
        kind: old.kind.clone(),
        iops,
        throughput,
        kms_key: old.kms_key.clone(),
        rate: None,
        tags,
        token: token(id, node, device),
        delete_on_termination: old.delete_on_termination,
    }
}

/// A UUID of version 5: the same for the same restore, node and device, and within the 64 characters that EC2 takes. A restore's plan
/// carries its tokens, so that another version of this does not change those of a restore that runs.
fn token(id: &Id, node: &str, device: &str) -> String {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("mirrorsnap:{id}/{node}{device}").as_bytes(),
    )
    .to_string()
}

#[cfg(test)]
#[path = "volumes_tests.rs"]
mod tests;
