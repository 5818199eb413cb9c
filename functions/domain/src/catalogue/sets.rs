//! Which snapshots make a backup, and what is known of it: from their tags alone, which are read strictly.

use super::{Kept, Snapshot, tag};
use crate::consistency::Consistency;
use crate::ec2::SnapshotState;
use crate::ids::{Id, IdKind};
use crate::proof::Proof;
use crate::time::Moment;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A backup: the snapshots with one backup id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Backup {
    /// Its id.
    pub id: Id,
    /// The moment at which the groups were stopped, or the file systems frozen.
    pub consistent_at: Moment,
    /// How the active was quiet then.
    pub consistency: Consistency,
    /// The node whose volumes they are.
    pub source_node: String,
    /// A proved and completed snapshot of each of its mirror disks is there.
    pub valid: bool,
    /// It was proved once: a snapshot of it carries the tag. Such a backup is never incomplete, whatever one answer of EC2
    /// lacks or somebody adds (rule 6).
    pub proved: bool,
    /// Somebody wants it to be kept: a snapshot of it carries the tag.
    pub kept: Option<Kept>,
    /// What its image says of itself, by its own bytes.
    pub proof: Proof,
    /// The snapshots that count, one for each place.
    pub snapshots: Vec<Snapshot>,
    /// Others with the same id.
    pub others: Vec<Snapshot>,
}

impl Backup {
    /// The region that it was copied from, if it is a copy.
    pub fn copied_from(&self) -> Option<&str> {
        let first = self.snapshots.first()?;
        first.tag(tag::COPY_OF)?;
        Some(first.tag(tag::COPIED_FROM).unwrap_or("another region"))
    }
}

/// Rule 6: of several snapshots of one volume under one backup id, the one that counts. The earliest, since it was taken
/// first after the standby had stopped; one marked as a duplicate never.
pub fn choose(snapshots: Vec<Snapshot>) -> (Vec<Snapshot>, Vec<Snapshot>) {
    let mut all = snapshots;
    all.sort_by(|a, b| (a.started, &a.id).cmp(&(b.started, &b.id)));
    let (mut kept, mut others, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for snapshot in all {
        let counts = snapshot.tag(tag::DUPLICATE).is_none() && snapshot.state != SnapshotState::Error;
        if counts && seen.insert(snapshot.volume.clone()) {
            kept.push(snapshot);
        } else {
            others.push(snapshot);
        }
    }
    (kept, others)
}

/// The backups of a cluster, newest first. Snapshots whose tags are not ours in every respect are left out: they are
/// neither restored nor deleted.
pub fn backups(cluster: &str, snapshots: Vec<Snapshot>) -> Vec<Backup> {
    let no_copies = snapshots.into_iter().filter(|one| one.tag(tag::COPY_OF).is_none());
    sets(cluster, no_copies.collect(), tag::BACKUP_ID)
}

/// The sets of a cluster by the tag that holds their ids, newest first.
pub(crate) fn sets(cluster: &str, snapshots: Vec<Snapshot>, key: &str) -> Vec<Backup> {
    let mut sets: BTreeMap<String, (Id, Vec<Snapshot>)> = BTreeMap::new();
    for snapshot in snapshots {
        let id = snapshot.tag(key).and_then(|text| Id::parse(text).ok());
        let Some(id) = id.filter(|id| id.kind() == IdKind::Backup && id.cluster() == cluster) else {
            continue;
        };
        if snapshot.tag(tag::CLUSTER) == Some(cluster) {
            sets.entry(id.to_string())
                .or_insert_with(|| (id, Vec::new()))
                .1
                .push(snapshot);
        }
    }
    let mut backups: Vec<Backup> = sets.into_values().filter_map(|(id, set)| backup(id, set)).collect();
    backups.sort_by_key(|backup| std::cmp::Reverse((backup.consistent_at, backup.id.at())));
    backups
}

fn backup(id: Id, mut set: Vec<Snapshot>) -> Option<Backup> {
    // What counts comes first: proved before unproved, then the earliest, which was taken first after the standby had
    // stopped. A copy is later than its source.
    let is_usable = |one: &Snapshot| one.tag(tag::DUPLICATE).is_none() && one.state != SnapshotState::Error;
    let is_proved = |one: &Snapshot| is_usable(one) && one.state == SnapshotState::Completed && one.says_valid();
    set.sort_by(|a, b| {
        let rank = |one: &Snapshot| (!is_proved(one), !is_usable(one), one.started);
        rank(a).cmp(&rank(b)).then_with(|| a.id.cmp(&b.id))
    });
    let proved = set.iter().any(Snapshot::says_valid);
    let kept = set.iter().find_map(|one| one.tag(tag::KEPT)).map(Kept::read);
    let first = set.first()?;
    let consistent_at = Moment::parse(first.tag(tag::CONSISTENT_AT)?).ok()?;
    // Backups of earlier versions have no such tag, and are of a stopped service.
    let consistency = first
        .tag(tag::CONSISTENCY)
        .map_or(Some(Consistency::Stopped), Consistency::read)?;
    let source_node = first.tag(tag::SOURCE_NODE)?.to_owned();
    let size = first.tag(tag::SET_SIZE)?.parse::<usize>().ok()?;
    let is_of_set = |one: &Snapshot| {
        one.tag(tag::CONSISTENT_AT).and_then(|text| Moment::parse(text).ok()) == Some(consistent_at)
            && one.tag(tag::SOURCE_NODE) == Some(source_node.as_str())
    };
    let (mut snapshots, mut others, mut places) = (Vec::<Snapshot>::new(), Vec::new(), BTreeSet::new());
    for one in set {
        let counts = is_usable(&one) && is_of_set(&one) && snapshots.len() < size;
        if counts && places.insert(one.place().to_owned()) {
            snapshots.push(one);
        } else {
            others.push(one);
        }
    }
    Some(Backup {
        id,
        consistent_at,
        consistency,
        source_node,
        valid: size > 0 && snapshots.len() == size && snapshots.iter().all(is_proved),
        proved,
        kept,
        proof: Proof::of(&snapshots),
        snapshots,
        others,
    })
}
