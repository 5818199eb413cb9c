//! Copies of backups in another region. They are told from backups by their tags alone: a copy has `mirrorsnap:copy-of` and never
//! `mirrorsnap:backup-id`, so it is no member of the set that it was made from, has its own `valid`, and is deleted by its own retention.
//!
//! CopySnapshot has no idempotency token. A source is copied only when none of its copies has been shown for as long as EC2 may lag, and
//! none was asked for; of two copies that exist nonetheless the later one is removed, unless it was ever proved (safety.md, rule 6).

pub mod check;
mod settings;

pub use settings::{CopyTo, KeyArn, Lock, Mode, Region};

use crate::catalogue::{self, Backup, Snapshot, Wanted, tag};
use crate::config::Retention;
use crate::ec2::{SnapshotId, SnapshotState};
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// A copy as EC2 shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The snapshot.
    pub snapshot: Snapshot,
    /// Why it ended in error, in EC2's words.
    pub message: Option<String>,
}

/// A copy that CopySnapshot has answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    /// Its id.
    pub copy: SnapshotId,
    /// When.
    pub at: Moment,
}

/// What was asked for in this execution, by the source.
pub type Memory = BTreeMap<SnapshotId, Asked>;

/// A copy that was asked for is shown within so many seconds, or is gone.
const SHOWN_SECONDS: i64 = 600;

/// A set of copies that was never proved expires after so many seconds: longer than an execution that makes one may last.
pub const INCOMPLETE_SECONDS: i64 = 7 * 24 * 3600;

/// The tags of the copy of `source`, except `valid`. Error: `BackupInvalid` if the source lacks one of ours.
pub fn tags(backup: &Backup, source: &Snapshot, from: &Region) -> Result<BTreeMap<String, String>> {
    let disks = source.tags.get(tag::MIRROR_DISKS).ok_or_else(|| {
        Error::new(
            Kind::BackupInvalid,
            format!(
                "snapshot {} of {} does not say which mirror disks it holds",
                source.id, backup.id
            ),
            "nothing by hand: the next backup is copied",
        )
    })?;
    Ok(BTreeMap::from([
        ("Name".to_owned(), format!("{} copy", backup.id)),
        (tag::CLUSTER.to_owned(), backup.id.cluster().to_owned()),
        (tag::COPY_OF.to_owned(), backup.id.to_string()),
        (tag::COPIED_SNAPSHOT.to_owned(), source.id.to_string()),
        (tag::COPIED_FROM.to_owned(), from.to_string()),
        (tag::CONSISTENT_AT.to_owned(), backup.consistent_at.to_string()),
        catalogue::consistency_tag(backup.consistency),
        (tag::MIRROR_DISKS.to_owned(), disks.clone()),
        (tag::SOURCE_NODE.to_owned(), backup.source_node.clone()),
        (tag::SET_SIZE.to_owned(), backup.snapshots.len().to_string()),
    ]))
}

/// What is to be done for the copies of one backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The copies that count, by their sources.
    pub copies: BTreeMap<SnapshotId, Snapshot>,
    /// Sources without a copy.
    pub missing: Vec<SnapshotId>,
    /// To be removed: copies that failed before this execution, and later ones of a source that has one.
    pub remove: Vec<SnapshotId>,
    /// Every source has one completed copy and no other.
    pub complete: bool,
}

impl Plan {
    /// The progress of the slowest, such as `37%`.
    pub fn progress(&self, sources: usize) -> String {
        let of = |one: &Snapshot| match one.state {
            SnapshotState::Completed => 100,
            _ => one.progress.trim_end_matches('%').parse::<u32>().unwrap_or(0).min(99),
        };
        let slowest = self.copies.values().map(of).min().unwrap_or(0);
        format!("{}%", if self.copies.len() < sources { 0 } else { slowest })
    }
}

fn failed(found: String, next: &str) -> Error {
    Error::new(Kind::CopyFailed, found, next)
}

/// Judges what EC2 shows of the copies of `backup`. Error: `CopyFailed` if one that this execution asked for failed or is gone.
pub fn plan(backup: &Backup, to: &CopyTo, seen: &[Seen], memory: &Memory, now: Moment) -> Result<Plan> {
    let (mut copies, mut missing, mut remove) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut complete = true;
    for source in &backup.snapshots {
        let asked = memory.get(&source.id);
        let (mut usable, broken): (Vec<&Seen>, Vec<&Seen>) = seen
            .iter()
            .filter(|one| is_copy_of(&one.snapshot, backup, source))
            .partition(|one| one.snapshot.state != SnapshotState::Error);
        for one in broken {
            if asked.is_some_and(|asked| asked.copy == one.snapshot.id) {
                return Err(ended_in_error(one, source, to));
            }
            remove.push(one.snapshot.id.clone());
        }
        // The proved one first, then the earliest.
        usable.sort_by_key(|one| {
            (
                !one.snapshot.says_valid(),
                one.snapshot.started,
                one.snapshot.id.clone(),
            )
        });
        let mut usable = usable.into_iter().map(|one| &one.snapshot);
        let Some(kept) = usable.next() else {
            complete = false;
            match asked {
                None => missing.push(source.id.clone()),
                Some(asked) if now.seconds_since(asked.at) < SHOWN_SECONDS => {}
                Some(asked) => {
                    return Err(failed(
                        format!("copy {} of {} is not shown in {}", asked.copy, source.id, to.region),
                        "somebody deleted it, it seems; start the copy of this backup again",
                    ));
                }
            }
            continue;
        };
        complete &= kept.state == SnapshotState::Completed;
        for later in usable.filter(|later| !later.says_valid()) {
            complete = false;
            // One on its way is removed at its end.
            if later.state == SnapshotState::Completed {
                remove.push(later.id.clone());
            }
        }
        copies.insert(source.id.clone(), kept.clone());
    }
    complete &= remove.is_empty();
    Ok(Plan {
        copies,
        missing,
        remove,
        complete,
    })
}

fn is_copy_of(copy: &Snapshot, backup: &Backup, source: &Snapshot) -> bool {
    let says = |key: &str, value: &str| copy.tags.get(key).is_some_and(|is| is == value);
    says(tag::CLUSTER, backup.id.cluster())
        && says(tag::COPY_OF, &backup.id.to_string())
        && says(tag::COPIED_SNAPSHOT, source.id.as_str())
}

fn ended_in_error(copy: &Seen, source: &Snapshot, to: &CopyTo) -> Error {
    let why = copy.message.as_deref().unwrap_or("EC2 does not say why");
    let keys = match (&source.kms_key, &to.kms_key) {
        (None, None) => String::new(),
        (Some(of), None) => format!("; the role of copy-snapshots must be allowed to use {of}"),
        (None, Some(with)) => format!("; the role of copy-snapshots must be allowed to use {with}"),
        (Some(of), Some(with)) => format!("; the role of copy-snapshots must be allowed to use {of} and {with}"),
    };
    failed(
        format!(
            "copy {} of {} in {} ended in error: {why}{keys}",
            copy.snapshot.id, source.id, to.region
        ),
        "correct the key's policy or `copy.kms_key` of the cluster's JSON, then start the copy of this backup again",
    )
}

/// The copies of a cluster's backups as sets, newest first. Snapshots whose tags are not a copy's in every respect are left out.
pub fn sets(cluster: &str, snapshots: Vec<Snapshot>) -> Vec<Backup> {
    catalogue::sets(cluster, snapshots, tag::COPY_OF)
}

/// Chooses for a restore. A valid copy takes the place of a backup that is named by its id and is not there, or is not valid; the newest
/// backup, and the newest before a time, are never copies. Errors: `BackupNotFound`, `BackupInvalid`.
pub fn find<'a>(cluster: &str, backups: &'a [Backup], copies: &'a [Backup], wanted: &Wanted) -> Result<&'a Backup> {
    catalogue::find(cluster, backups, wanted).or_else(|error| {
        let named = match wanted {
            Wanted::Exactly(id) => copies.iter().find(|copy| copy.valid && &copy.id == id),
            Wanted::Latest(_) | Wanted::Before(..) => None,
        };
        named.ok_or(error)
    })
}

/// The copies to delete: of sets that `keep` does not keep, and of sets that were never proved in a week. Never one of the newest valid
/// set, of the set being made (`current`), or one that is on its way.
pub fn expired(keep: &Retention, sets: &[Backup], current: &Id, now: Moment) -> Vec<(SnapshotId, Id)> {
    let valid: Vec<&Backup> = sets.iter().filter(|set| set.valid).collect();
    let proved: Vec<&Backup> = sets.iter().filter(|set| set.proved).collect();
    let mut kept: BTreeSet<String> = catalogue::keep(keep, &valid);
    kept.extend(catalogue::keep(keep, &proved));
    let mut out = Vec::new();
    for set in sets.iter().filter(|set| &set.id != current && set.kept.is_none()) {
        let all = || set.snapshots.iter().chain(&set.others);
        let newest = all().map(|one| one.started).max();
        let old = newest.is_some_and(|newest| now.seconds_since(newest) >= INCOMPLETE_SECONDS);
        let goes = if set.proved {
            !kept.contains(&set.id.to_string())
        } else {
            old
        };
        let settled = all().filter(|one| goes && one.state != SnapshotState::Pending);
        out.extend(settled.map(|one| (one.id.clone(), set.id.clone())));
    }
    out
}

#[cfg(test)]
#[path = "copies_tests.rs"]
mod tests;
