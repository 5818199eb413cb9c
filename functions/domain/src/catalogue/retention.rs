//! What is deleted, and what the retention keeps.

use super::{Backup, Snapshot};
use crate::config::{Config, Retention};
use crate::ec2::SnapshotId;
use crate::ids::Id;
use crate::time::Moment;
use serde::Serialize;
use std::collections::BTreeSet;

/// After so many seconds a set that was never proved expires (rule 5).
pub const INCOMPLETE_SECONDS: i64 = 24 * 3600;

/// Why a snapshot is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeleteReason {
    /// Its backup is older than what the retention keeps.
    Expired,
    /// Its backup was never proved.
    Incomplete,
    /// Another snapshot of the same volume counts, and this one was never proved.
    Duplicate,
}

/// The snapshots to delete, each with its backup and reason. It never lists a snapshot of the newest valid backup, of the one being
/// made (`current`) or of one that is kept, a copy, the source of a copy, or a snapshot that is not clearly ours.
pub fn expired(
    config: &Config,
    backups: &[Backup],
    current: Option<&Id>,
    now: Moment,
) -> Vec<(SnapshotId, Id, DeleteReason)> {
    // A backup that this answer shows in part is kept, and takes no complete backup's place in the retention.
    let valid: Vec<&Backup> = backups.iter().filter(|backup| backup.valid).collect();
    let proved: Vec<&Backup> = backups.iter().filter(|backup| backup.proved).collect();
    let mut kept = keep(&config.retention, &valid);
    kept.extend(keep(&config.retention, &proved));
    // Nor does one whose image is not clean.
    let sound: Vec<&Backup> = valid.iter().copied().filter(|one| !one.proof.is_unclean()).collect();
    kept.extend(keep(&config.retention, &sound));
    let copied = sources(backups);
    let mut out = Vec::new();
    let may_go = |backup: &&Backup| current != Some(&backup.id) && backup.kept.is_none();
    for backup in backups.iter().filter(may_go) {
        let old = now.seconds_since(backup.id.at()) >= INCOMPLETE_SECONDS;
        let whole_set = match (backup.proved, kept.contains(&backup.id.to_string())) {
            (true, true) => None,
            (true, false) => Some(DeleteReason::Expired),
            (false, _) => old.then_some(DeleteReason::Incomplete),
        };
        let duplicate = whole_set.or_else(|| (backup.valid || old).then_some(DeleteReason::Duplicate));
        let of_set = backup.snapshots.iter().filter_map(|one| Some((one, whole_set?)));
        let others = backup.others.iter().filter_map(|one| {
            // One that was proved is no duplicate, whatever else is there.
            let why = duplicate.filter(|why| *why != DeleteReason::Duplicate || !one.says_valid())?;
            Some((one, why))
        });
        let is_ours = |one: &Snapshot| !one.is_copy() && !copied.contains(&one.id);
        out.extend(
            of_set
                .chain(others)
                .filter(|(one, _)| is_ours(one))
                .map(|(one, why)| (one.id.clone(), backup.id.clone(), why)),
        );
    }
    out
}

/// The snapshots of which a copy is known: by its description, or since it carries its source's tags.
fn sources(backups: &[Backup]) -> BTreeSet<SnapshotId> {
    let members =
        |backup: &Backup| -> Vec<Snapshot> { backup.snapshots.iter().chain(&backup.others).cloned().collect() };
    let mut found = BTreeSet::new();
    for set in backups.iter().map(members) {
        for copy in set.iter().filter(|one| one.is_copy()) {
            match &copy.copied_from {
                Some(source) => found.extend([source.clone()]),
                None => found.extend(
                    set.iter()
                        .filter(|one| !one.is_copy() && one.place() == copy.place())
                        .map(|one| one.id.clone()),
                ),
            }
        }
    }
    found
}

/// The ids of those among `sets`, newest first, that the retention keeps.
pub(crate) fn keep(keep: &Retention, sets: &[&Backup]) -> BTreeSet<String> {
    let newest = sets.iter().take(keep.keep_last.max(1) as usize);
    let mut kept: BTreeSet<String> = newest.map(|backup| backup.id.to_string()).collect();
    // Newest first, so the first of a period is its newest.
    keep_periods(sets, keep.daily, Moment::day, &mut kept);
    keep_periods(sets, keep.weekly, Moment::week, &mut kept);
    keep_periods(sets, keep.monthly, Moment::month, &mut kept);
    kept
}

fn keep_periods<K: Ord>(valid: &[&Backup], count: u32, period: impl Fn(Moment) -> K, kept: &mut BTreeSet<String>) {
    let mut seen = BTreeSet::new();
    for backup in valid {
        let key = period(backup.consistent_at);
        if seen.contains(&key) {
            continue;
        }
        if seen.len() >= count as usize {
            break;
        }
        seen.insert(key);
        kept.insert(backup.id.to_string());
    }
}
