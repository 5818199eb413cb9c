//! The tags that a snapshot is given: ours, and those of its volume.

use super::tag;
use crate::consistency::Consistency;
use crate::ids::Id;
use crate::time::Moment;
use std::collections::BTreeMap;

/// The tags of one snapshot of a backup, except `valid`. `disks`: those on its volume, or none while that is not known.
pub fn tags(id: &Id, consistent_at: Moment, node: &str, disks: &[String], size: usize) -> BTreeMap<String, String> {
    let disks = (!disks.is_empty()).then(|| (tag::MIRROR_DISKS.to_owned(), disks.join(" ")));
    let mut tags = BTreeMap::from([
        ("Name".to_owned(), id.to_string()),
        (tag::CLUSTER.to_owned(), id.cluster().to_owned()),
        (tag::BACKUP_ID.to_owned(), id.to_string()),
        (tag::CONSISTENT_AT.to_owned(), consistent_at.to_string()),
        (tag::SOURCE_NODE.to_owned(), node.to_owned()),
        (tag::SET_SIZE.to_owned(), size.to_string()),
    ]);
    tags.extend(disks);
    tags
}

/// The tag that says how the active was quiet.
pub fn consistency_tag(consistency: Consistency) -> (String, String) {
    (tag::CONSISTENCY.to_owned(), consistency.word().to_owned())
}

/// The most tags of a volume or snapshot that EC2 allows. AWS's own do not count.
pub const MOST_TAGS: usize = 50;

/// Our tags on a snapshot: those of [`tags`] with the disks, the consistency, `valid` or `duplicate`, maybe `kept`, and the three of a proof. Each mirror
/// disk on the volume has one more.
const ON_SNAPSHOT: usize = 13;

/// Which of the volumes' tags their snapshots get, and the keys of those that do not fit beside ours. AWS's tags and ours are
/// never carried over. `disks`: the mirror disks on the volume that has most of them.
pub fn carried(volumes: &[BTreeMap<String, String>], disks: usize) -> (BTreeMap<String, String>, Vec<String>) {
    let [first, others @ ..] = volumes else {
        return (BTreeMap::new(), Vec::new());
    };
    let on_all = |key: &String, value: &String| others.iter().all(|tags| tags.get(key) == Some(value));
    let foreign = |key: &String| !key.starts_with("aws:") && !key.starts_with("mirrorsnap:") && key != "Name";
    let mut common: BTreeMap<String, String> = first
        .iter()
        .filter(|(key, value)| foreign(key) && on_all(key, value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut left = Vec::new();
    while common.len() + ON_SNAPSHOT + disks > MOST_TAGS && !common.is_empty() {
        left.extend(common.pop_last().map(|(key, _)| key));
    }
    (common, left)
}
