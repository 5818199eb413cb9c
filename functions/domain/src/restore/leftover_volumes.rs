//! The volumes that a restore or a rollback leaves detached. The report names each, since nobody would find them otherwise.

use crate::ec2::VolumeId;
use crate::intent::Attachment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Which volumes the nodes have at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InPlace {
    /// The restore's new volumes.
    New,
    /// The old volumes.
    Old,
    /// Not known, since the cluster is not back.
    #[default]
    Unknown,
}

/// The volumes that carry the restore's tag, as the clean-up found them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleaned {
    /// Made by the restore, never attached, and deleted.
    #[serde(default)]
    pub deleted: Vec<VolumeId>,
    /// Attached to nothing, and kept.
    #[serde(default)]
    pub kept: Vec<VolumeId>,
    /// Attached to a node.
    #[serde(default)]
    pub in_place: Vec<VolumeId>,
}

/// Which data a volume holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// The data from before the restore.
    Replaced,
    /// The backup's data, and what was written since.
    Restored,
    /// Not known.
    Unknown,
}

/// A volume that stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stay {
    /// Its id.
    pub volume: VolumeId,
    /// The node whose place it had.
    pub node: Option<String>,
    /// The attachment's device name.
    pub device: Option<String>,
    /// Which data it holds.
    pub data: Data,
}

/// Every volume that stays detached; all of them if it is not known which ones the nodes have. A volume that the clean-up did not see
/// is named too, since a describe may lag.
pub fn stays(attachments: &[Attachment], in_place: InPlace, cleaned: &Cleaned) -> Vec<Stay> {
    let place = |volume: &VolumeId, one: &Attachment, data| Stay {
        volume: volume.clone(),
        node: Some(one.node.clone()),
        device: Some(one.device.clone()),
        data,
    };
    let mut found = Vec::new();
    for one in attachments {
        if in_place != InPlace::Old {
            found.push(place(&one.old, one, Data::Replaced));
        }
        if in_place != InPlace::New && !cleaned.deleted.contains(&one.new) {
            found.push(place(&one.new, one, Data::Restored));
        }
    }
    let named: BTreeSet<VolumeId> = found.iter().map(|one| one.volume.clone()).collect();
    let others = cleaned.kept.iter().filter(|id| !named.contains(*id));
    found.extend(others.map(|id| Stay {
        volume: id.clone(),
        node: None,
        device: None,
        data: Data::Unknown,
    }));
    found
}

/// The same in a sentence; none if nothing stays.
pub fn sentence(stays: &[Stay], in_place: InPlace) -> Option<String> {
    if stays.is_empty() {
        return None;
    }
    let names: Vec<String> = stays
        .iter()
        .map(|one| {
            let data = match one.data {
                Data::Replaced => "data from before the restore",
                Data::Restored => "the backup's data",
                Data::Unknown => "made by the restore",
            };
            match (&one.node, &one.device) {
                (Some(node), Some(device)) => format!("{} ({node} {device}, {data})", one.volume),
                _ => format!("{} ({data})", one.volume),
            }
        })
        .collect();
    let begins = match in_place {
        InPlace::Unknown => "Volumes in place or beside the nodes",
        InPlace::New | InPlace::Old => "Volumes that stay until the restore is released",
    };
    Some(format!("{begins}: {}.", names.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attachments() -> Vec<Attachment> {
        [("server1", "1"), ("server2", "2")]
            .map(|(node, n)| Attachment {
                node: node.into(),
                device: "/dev/sdb".into(),
                old: format!("vol-01d{n}").into(),
                new: format!("vol-fee{n}").into(),
                snapshot: "snap-001".into(),
                delete_on_termination: false,
            })
            .into()
    }

    fn names(in_place: InPlace, cleaned: &Cleaned) -> Vec<VolumeId> {
        stays(&attachments(), in_place, cleaned)
            .into_iter()
            .map(|one| one.volume)
            .collect()
    }

    #[test]
    fn what_stays_is_what_is_not_in_place_and_not_deleted() {
        let none = Cleaned::default();
        assert_eq!(names(InPlace::New, &none), ["vol-01d1", "vol-01d2"]);
        assert_eq!(names(InPlace::Old, &none), ["vol-fee1", "vol-fee2"]);
        assert_eq!(
            names(InPlace::Unknown, &none),
            ["vol-01d1", "vol-fee1", "vol-01d2", "vol-fee2"]
        );
        let deleted = Cleaned {
            deleted: vec!["vol-fee1".into(), "vol-fee2".into()],
            ..Cleaned::default()
        };
        assert!(names(InPlace::Old, &deleted).is_empty());
        assert_eq!(names(InPlace::Unknown, &deleted), ["vol-01d1", "vol-01d2"]);
    }

    #[test]
    fn a_volume_that_only_the_clean_up_knows_is_named_once() {
        let cleaned = Cleaned {
            kept: vec!["vol-fee1".into(), "vol-dead".into()],
            ..Cleaned::default()
        };
        assert_eq!(names(InPlace::Old, &cleaned), ["vol-fee1", "vol-fee2", "vol-dead"]);
        let alone = stays(&[], InPlace::Old, &cleaned);
        assert!(alone.iter().all(|one| one.data == Data::Unknown && one.node.is_none()));
        let text = sentence(&alone, InPlace::Old).unwrap();
        assert!(text.contains("vol-dead (made by the restore)"), "{text}");
    }

    #[test]
    fn the_sentence_says_where_and_which_data() {
        let text = |in_place| sentence(&stays(&attachments(), in_place, &Cleaned::default()), in_place).unwrap();
        assert!(text(InPlace::New).contains("vol-01d1 (server1 /dev/sdb, data from before the restore)"));
        assert!(text(InPlace::Old).starts_with("Volumes that stay until the restore is released: vol-fee1 (server1"));
        assert!(text(InPlace::Unknown).starts_with("Volumes in place or beside"));
        assert_eq!(sentence(&[], InPlace::New), None);
    }
}
