//! Where a mirror disk's partitions are on their volume, as far as the paths and the node's kernel tell it.

use crate::config::Config;
use crate::devices::Under;
use crate::layout;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Where a partition is on its volume.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The partition of this number, from 1.
    Partition(u32),
    /// A logical volume of LVM.
    LogicalVolume {
        /// The volume group's name.
        group: String,
        /// The logical volume's name.
        volume: String,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Partition(number) => write!(to, "{number}"),
            Self::LogicalVolume { group, volume } => write!(to, "{group}/{volume}"),
        }
    }
}

impl Place {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            Some((group, volume)) if !group.is_empty() && !volume.is_empty() => Some(Self::LogicalVolume {
                group: group.to_owned(),
                volume: volume.to_owned(),
            }),
            Some(_) => None,
            None => text.parse().ok().filter(|number| *number > 0).map(Self::Partition),
        }
    }

    /// The place that a path names, and, where it names none, the one that the node's kernel showed under it.
    pub(super) fn of(path: &str, under: Option<&Under>) -> Option<Self> {
        let named = logical_volume(path).or_else(|| layout::partition_number(path).map(Self::Partition));
        named.or_else(|| under.and_then(|under| under.partition).map(Self::Partition))
    }
}

/// `/dev/<group>/<volume>` and `/dev/mapper/<group>-<volume>`, where a hyphen of a name is written twice.
fn logical_volume(path: &str) -> Option<Place> {
    let parts: Vec<&str> = path.strip_prefix("/dev/")?.split('/').collect();
    let (group, volume) = match parts.as_slice() {
        ["mapper", mapped] => {
            let apart = mapped.replace("--", "\0");
            let (group, volume) = apart.split_once('-')?;
            (group.replace('\0', "-"), volume.replace('\0', "-"))
        }
        ["disk", _] => return None,
        [group, volume] => ((*group).to_owned(), (*volume).to_owned()),
        _ => return None,
    };
    Place::parse(&format!("{group}/{volume}"))
}

/// Where both partitions of a mirror disk are, as far as it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Places {
    /// The cluster partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Place>,
    /// The data partition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Place>,
}

/// The places of each mirror disk on `node`. `seen`: what lies under each path, if the node was asked.
pub fn places(config: &Config, node: &str, seen: &BTreeMap<String, Under>) -> BTreeMap<String, Places> {
    let at = |path: &str| Place::of(path, seen.get(path));
    let disks = config.mirror_disks.iter().map(|disk| {
        let places = Places {
            cluster: at(disk.cluster_partition.on(node)),
            data: at(disk.data_partition.on(node)),
        };
        (disk.name.clone(), places)
    });
    disks.collect()
}
