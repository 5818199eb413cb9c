//! Where the mirror disks lie on their volumes (safety.md, rule 17). This file implements a part of the safety argument and must not
//! be "simplified" without changing that.
//!
//! A restore gives both nodes new volumes that are made from the snapshots of *one* node. So a partition's path survives a restore only
//! if it names the attachment, or something that is written on the volume and is the same on both nodes. A layout can be restored only
//! if each node's volumes fit the other node.

use crate::config::{Config, MirrorDisk, PerNode};
use crate::error::{Error, Kind, Result};
use crate::observation::Node;

/// What a partition's path is tied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tie {
    /// The attachment's device name: any volume attached there gets this path.
    Attachment,
    /// Something that is written on the volume: a name of LVM, a label, a UUID.
    Content,
    /// The volume's own identity, which a new volume does not have.
    Volume,
    /// The order in which the kernel found the devices, or something that we do not know.
    Unknown,
}

/// Whether a volume's id stands in the path, with or without its hyphen.
fn holds_volume_id(path: &str) -> bool {
    path.match_indices("vol").any(|(at, word)| {
        let rest = path.get(at + word.len()..).unwrap_or_default();
        let id = rest.strip_prefix('-').unwrap_or(rest);
        id.chars().take_while(char::is_ascii_hexdigit).count() >= 8
    })
}

/// What stands behind an attachment's name in the last part of a path: `sdb1` and `xvdb` do name one.
fn behind_attachment(last: &str) -> Option<&str> {
    let rest = last.strip_prefix("xvd").or_else(|| last.strip_prefix("sd"))?;
    let letters = rest.chars().take_while(char::is_ascii_lowercase).count();
    // `p` may stand between a name and the partition's number.
    let behind = rest.trim_start_matches(|c: char| c.is_ascii_lowercase());
    (letters > 0).then_some(behind)
}

/// The partition's number, if the path ends in one that counts partitions.
pub(crate) fn partition_number(path: &str) -> Option<u32> {
    let last = path.rsplit('/').next()?;
    let number = match last.rsplit_once("-part") {
        Some((_, number)) => number,
        None => behind_attachment(last).or_else(|| last.strip_prefix("nvme")?.rsplit_once('p').map(|(_, n)| n))?,
    };
    number.parse().ok()
}

fn tie(path: &str) -> Tie {
    let parts: Vec<&str> = path.strip_prefix("/dev/").unwrap_or_default().split('/').collect();
    if holds_volume_id(path) {
        return Tie::Volume;
    }
    match parts.as_slice() {
        ["mapper", _] | ["disk", "by-uuid" | "by-label" | "by-partuuid" | "by-partlabel", _] => Tie::Content,
        ["disk", "by-id", name] if ["dm-name-", "dm-uuid-LVM-"].iter().any(|front| name.starts_with(front)) => {
            Tie::Content
        }
        ["disk", "by-id", _] => Tie::Volume,
        [.., last]
            if behind_attachment(last.split_once("-part").map_or(*last, |(name, _)| name))
                .is_some_and(|rest| rest.chars().all(|c| c.is_ascii_digit())) =>
        {
            Tie::Attachment
        }
        // A logical volume, if LVM says so too: see `refuse_names_of_volumes`.
        [group, _] if *group != "disk" => Tie::Content,
        _ => Tie::Unknown,
    }
}

/// The partitions of a disk, in words and as configured.
fn partitions(disk: &MirrorDisk) -> [(&'static str, &PerNode); 2] {
    [
        ("cluster_partition", &disk.cluster_partition),
        ("data_partition", &disk.data_partition),
    ]
}

fn invalid(found: String, next: &str) -> Error {
    Error::new(Kind::ConfigInvalid, found, next)
}

/// Refuses layouts that no restore can serve, since one node's volumes would not fit the other. Errors: `ConfigInvalid`.
pub fn refuse_unlike_nodes(config: &Config) -> Result<()> {
    let [one, other] = config.nodes.as_slice() else {
        return Ok(());
    };
    let (one, other) = (one.name.as_str(), other.name.as_str());
    for (index, first) in config.mirror_disks.iter().enumerate() {
        for second in config.mirror_disks.iter().skip(index + 1) {
            let share = |node: &str| first.device.on(node) == second.device.on(node);
            if share(one) != share(other) {
                return Err(invalid(
                    format!(
                        "{} and {} share a volume on one node and not on the other",
                        first.name, second.name
                    ),
                    "lay the mirror disks out alike on both nodes: a restore gives both nodes the volumes of one",
                ));
            }
        }
        for (what, paths) in partitions(first) {
            let (here, there) = (paths.on(one), paths.on(other));
            if let (Some(a), Some(b)) = (partition_number(here), partition_number(there))
                && a != b
            {
                return Err(invalid(
                    format!(
                        "the {what} of {} is partition {a} on {one} ({here}) and partition {b} on {other} ({there})",
                        first.name
                    ),
                    "partition the volumes alike on both nodes: a restore gives both nodes the volumes of one",
                ));
            }
        }
    }
    refuse_long_tags(config, one)?;
    refuse_crossed_names(config, one, other)
}

/// Longest value of a tag (EC2 user guide, tag restrictions).
const LONGEST_TAG_VALUE: usize = 256;

/// The names of the mirror disks on one volume become one tag of its snapshots.
fn refuse_long_tags(config: &Config, node: &str) -> Result<()> {
    for disk in &config.mirror_disks {
        let device = disk.device.on(node);
        let together = config
            .mirror_disks
            .iter()
            .filter(|other| other.device.on(node) == device);
        let names: Vec<&str> = together.map(|disk| disk.name.as_str()).collect();
        let length = names.join(" ").len();
        if length > LONGEST_TAG_VALUE {
            return Err(invalid(
                format!(
                    "the names of the {} mirror disks on {device} have {length} characters together, more than the \
                     {LONGEST_TAG_VALUE} of a tag",
                    names.len()
                ),
                "use shorter names, or fewer mirror disks on one volume",
            ));
        }
    }
    Ok(())
}

/// A name that is written on the volume means the same partition on both nodes.
fn refuse_crossed_names(config: &Config, one: &str, other: &str) -> Result<()> {
    let named = |node: &str| -> Vec<(String, String)> {
        let of_disk = |disk: &MirrorDisk| {
            partitions(disk).map(|(what, paths)| (paths.on(node).to_owned(), format!("{what} of {}", disk.name)))
        };
        config.mirror_disks.iter().flat_map(of_disk).collect()
    };
    let there = named(other);
    for (path, what) in named(one) {
        let elsewhere = there.iter().find(|(theirs, whose)| *theirs == path && *whose != what);
        if let Some((_, whose)) = elsewhere.filter(|_| tie(&path) == Tie::Content) {
            return Err(invalid(
                format!("{path} is the {what} on {one} and the {whose} on {other}"),
                "give the partitions the same names on both nodes: a restore gives both nodes the volumes of one",
            ));
        }
    }
    Ok(())
}

fn not_persistent(found: String) -> Error {
    Error::new(
        Kind::DeviceNameNotPersistent,
        found,
        "configure CLUSTERPRO and this cluster with names of the attachment (/dev/sdb1, /dev/xvdb1) or with LVM that has \
         the same names on both nodes; or set accept_device_name_risk, if you know better",
    )
}

/// Refuses paths that do not survive a restore, or any boot (rule 17). Errors: `DeviceNameNotPersistent`, unless the JSON accepts the
/// risk.
pub fn refuse_names_of_volumes(config: &Config) -> Result<()> {
    let [one, other] = config.nodes.as_slice() else {
        return Ok(());
    };
    if config.accept_device_name_risk {
        return Ok(());
    }
    for disk in &config.mirror_disks {
        for (what, paths) in partitions(disk) {
            for node in config.node_names() {
                let path = paths.on(node);
                let why = match tie(path) {
                    Tie::Attachment | Tie::Content => continue,
                    Tie::Volume => "names the volume itself, and a restore replaces the volume",
                    Tie::Unknown => "can be another disk after any boot, or is not known to survive a restore",
                };
                return Err(not_persistent(format!(
                    "{path}, the {what} of {} on {node}, {why}",
                    disk.name
                )));
            }
            let (here, there) = (paths.on(&one.name), paths.on(&other.name));
            if here != there && [here, there].iter().any(|path| tie(path) == Tie::Content) {
                return Err(not_persistent(format!(
                    "the {what} of {} is {here} on {} and {there} on {}, and such a name is written on the volume: after a \
                     restore both nodes have volumes of one node, with its names",
                    disk.name, one.name, other.name
                )));
            }
        }
    }
    Ok(())
}

/// Refuses a path of two parts that LVM does not know: a link of udev's, say by serial, would be gone with the volume.
pub fn refuse_unknown_links(config: &Config, name: &str, node: &Node) -> Result<()> {
    if config.accept_device_name_risk {
        return Ok(());
    }
    for disk in &config.mirror_disks {
        for (what, paths) in partitions(disk) {
            let path = paths.on(name);
            let two_parts = path.matches('/').count() == 3 && !path.starts_with("/dev/mapper/");
            let is_lvm = node.devices.get(path).is_some_and(|under| under.is_lvm);
            if tie(path) == Tie::Content && two_parts && !is_lvm {
                return Err(not_persistent(format!(
                    "{path}, the {what} of {} on {name}, is no logical volume, so it is not known to survive a restore",
                    disk.name
                )));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
