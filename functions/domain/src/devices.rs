//! The device gate (rule 17): is a partition's path on the volume that it must be on?
//!
//! Device names may change at any boot, and CLUSTERPRO's post-processing of a wrong disk destroys it. So a path counts only if it leads
//! to one disk, and that disk is known to be the volume: by its serial on Nitro, by its attachment's name on Xen. If that is not known,
//! it is a mismatch. What CLUSTERPRO opens is what its own configuration says, so the cluster's JSON must name the same.

// belief: clp-wrong-disk, linux-nvme-serial
use crate::clusterpro::settings::{Setting, Settings};
use crate::config::Config;
use crate::ec2::VolumeId;
use crate::error::{Error, Kind, Result};
use crate::layout;
use crate::observation::Node;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A whole disk under a path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Disk {
    /// Its kernel name, such as `xvdb` or `nvme1n1`.
    pub name: String,
    /// The volume's id, if the disk has a serial.
    pub volume: Option<VolumeId>,
}

/// What a path leads to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Under {
    /// The disks under the path; more than one if LVM spreads over them.
    pub disks: BTreeSet<Disk>,
    /// Whether the path itself is a logical volume.
    pub is_lvm: bool,
    /// The partition's number, if the path itself is a partition.
    pub partition: Option<u32>,
}

/// Types of `lsblk` that lie between a path and a disk.
const BETWEEN: [&str; 6] = ["part", "lvm", "crypt", "mpath", "dm", "loop"];

/// `vol0123abc` or `vol-0123abc` as a volume id.
fn volume_of(serial: &str) -> Option<VolumeId> {
    let hex = serial.strip_prefix("vol")?.trim_start_matches('-');
    format!("vol-{hex}").parse().ok()
}

/// One `KEY="value"` line of `lsblk -P`.
fn pairs(line: &str) -> BTreeMap<&str, &str> {
    let mut found = BTreeMap::new();
    let mut rest = line;
    while let Some((key, after)) = rest.split_once("=\"") {
        let Some((value, next)) = after.split_once('"') else {
            break;
        };
        found.insert(key.trim(), value.trim());
        rest = next;
    }
    found
}

/// Reads what `lsblk -s -P` printed for one path: the path's own device first, the disks that it lies on last. `None`: it shows no
/// disk, or a layer between path and disk that we do not know.
pub fn under(text: &str) -> Option<Under> {
    let mut disks = BTreeSet::new();
    let mut kinds = Vec::new();
    let mut partition = None;
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        let pairs = pairs(line);
        let name = pairs.get("KNAME").or_else(|| pairs.get("NAME"))?;
        let kind = *pairs.get("TYPE")?;
        if kind == "part" && kinds.is_empty() {
            partition = layout::partition_number(name);
        }
        if kind == "disk" {
            disks.insert(Disk {
                name: (*name).to_owned(),
                volume: pairs.get("SERIAL").and_then(|serial| volume_of(serial)),
            });
        } else if !BETWEEN.contains(&kind) {
            return None;
        }
        kinds.push(kind);
    }
    (!disks.is_empty()).then(|| Under {
        disks,
        is_lvm: kinds.first() == Some(&"lvm"),
        partition,
    })
}

/// The name that a Xen guest gives to the disk attached as `device`.
fn xen_name(device: &str) -> Option<String> {
    let name = device.strip_prefix("/dev/")?;
    let letters = name.strip_prefix("sd").or_else(|| name.strip_prefix("xvd"))?;
    Some(format!("xvd{letters}"))
}

/// Whether a disk is the volume that is attached as `device`.
fn is_volume(disk: &Disk, device: &str, volume: &VolumeId) -> bool {
    match &disk.volume {
        Some(found) => found == volume,
        None => xen_name(device).as_deref() == Some(disk.name.as_str()),
    }
}

/// The device that the one disk under a path is attached as. `None`: there are several disks, or none of the attached volumes is it.
pub fn attached_as<'a>(under: &Under, attached: &'a BTreeMap<String, VolumeId>) -> Option<&'a str> {
    let mut disks = under.disks.iter();
    let (Some(disk), None) = (disks.next(), disks.next()) else {
        return None;
    };
    let mut found = attached
        .iter()
        .filter(|(device, volume)| is_volume(disk, device, volume));
    let (Some((device, _)), None) = (found.next(), found.next()) else {
        return None;
    };
    Some(device)
}

fn mismatch(disk: &str, node: &str, found: &str) -> Error {
    Error::new(
        Kind::DeviceMismatch,
        format!("{disk} on {node}: {found}"),
        "do not start the mirror; correct the partitions' device names in CLUSTERPRO's and this cluster's configuration, then start \
         recover",
    )
}

/// Passes if CLUSTERPRO on `name` opens the partitions that the JSON names, and they lie on the volumes that are attached for them.
/// `attached` maps devices to volume ids.
pub fn gate(config: &Config, name: &str, attached: &BTreeMap<String, VolumeId>, node: &Node) -> Result<()> {
    opened_as_named(config, name, &node.settings)?;
    on_their_volumes(config, name, attached, &node.devices)
}

/// Passes if the paths that CLUSTERPRO on `node` itself will open are known, and are those of the JSON.
fn opened_as_named(config: &Config, node: &str, settings: &Settings) -> Result<()> {
    for mirror in &config.mirror_disks {
        let disk = settings.disk(&mirror.name);
        for (what, opened, named) in [
            ("cluster partition", &disk.cluster_partition, &mirror.cluster_partition),
            ("data partition", &disk.data_partition, &mirror.data_partition),
        ] {
            let named = named.on(node);
            let opens = match opened {
                Setting::Set(path) if path == named => continue,
                Setting::Set(path) => path.as_str(),
                Setting::Absent => "none",
                Setting::Unread => "one that clpcfget does not tell",
            };
            let found = format!("its {what} is {named} in the cluster's JSON, and CLUSTERPRO opens {opens}");
            return Err(mismatch(&mirror.name, node, &found));
        }
    }
    Ok(())
}

/// Passes if on `node` both partitions of every mirror disk lie on the volume that is attached at the disk's device.
/// `seen` maps paths to what lies under them.
fn on_their_volumes(
    config: &Config,
    node: &str,
    attached: &BTreeMap<String, VolumeId>,
    seen: &BTreeMap<String, Under>,
) -> Result<()> {
    for mirror in &config.mirror_disks {
        let device = mirror.device.on(node);
        let mismatch = |found: String| mismatch(&mirror.name, node, &found);
        let volume = attached
            .get(device)
            .ok_or_else(|| mismatch(format!("no volume is attached at {device}")))?;
        for path in [mirror.cluster_partition.on(node), mirror.data_partition.on(node)] {
            let Some(under) = seen.get(path) else {
                return Err(mismatch(format!(
                    "{path} does not exist, or what lies under it could not be read"
                )));
            };
            let mut disks = under.disks.iter();
            let (Some(disk), None) = (disks.next(), disks.next()) else {
                let names: Vec<_> = under.disks.iter().map(|disk| disk.name.as_str()).collect();
                return Err(mismatch(format!(
                    "{path} lies on {} disks ({})",
                    names.len(),
                    names.join(", ")
                )));
            };
            if !is_volume(disk, device, volume) {
                let found = disk.volume.as_ref().map_or("a disk without a serial", VolumeId::as_str);
                return Err(mismatch(format!(
                    "{path} lies on {} ({found}), not on {volume} ({device})",
                    disk.name
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "devices_tests.rs"]
mod tests;
