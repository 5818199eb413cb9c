//! The catalogue of backups. It consists of the snapshots' tags alone. Tags are read strictly, since they decide what is deleted and
//! what is restored.

mod kept;

use crate::config::{Config, Retention};
use crate::consistency::{Consistency, RestoreFrom};
use crate::ec2::{SnapshotId, SnapshotState, VolumeId};
use crate::error::{Error, Kind, Result};
use crate::ids::{Id, IdKind};
use crate::proof::Proof;
use crate::time::Moment;
pub use kept::{Kept, MOST_WHY};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Our tags.
pub mod tag {
    /// The cluster; on instances and volumes too, where it allows us to act.
    pub const CLUSTER: &str = "mirrorsnap:cluster";
    /// The backup's id; the intent tag by which a snapshot is found again before a retry.
    pub const BACKUP_ID: &str = "mirrorsnap:backup-id";
    /// The moment at which the groups were stopped.
    pub const CONSISTENT_AT: &str = "mirrorsnap:consistent-at";
    /// How the active was quiet then: `stopped` or `frozen`. A snapshot without it is of a stopped service.
    pub const CONSISTENCY: &str = "mirrorsnap:consistency";
    /// The mirror disks on the volume, separated by spaces.
    pub const MIRROR_DISKS: &str = "mirrorsnap:mirror-disks";
    /// The node whose volume it is.
    pub const SOURCE_NODE: &str = "mirrorsnap:source-node";
    /// How many snapshots the set has.
    pub const SET_SIZE: &str = "mirrorsnap:set-size";
    /// `true` once the backup is proved; written last.
    pub const VALID: &str = "mirrorsnap:valid";
    /// The restore that a volume was made for, or that replaced it.
    pub const RESTORE_ID: &str = "mirrorsnap:restore-id";
    /// Written on a volume before it is first attached. A volume with it is never deleted (rule 19).
    pub const ATTACHED: &str = "mirrorsnap:attached";
    /// On a volume that a restore replaced. It is kept until the operator releases it.
    pub const REPLACED: &str = "mirrorsnap:replaced";
    /// What its own bytes say of the image: `clean`, `not-judged`, or the reason why it is not clean.
    pub const PROVED: &str = "mirrorsnap:proved";
    /// When that was judged.
    pub const PROVED_AT: &str = "mirrorsnap:proved-at";
    /// Before a mirror disk's name: its fingerprint at the quiet moment, and the places of its cluster and data partition.
    pub const DISK: &str = "mirrorsnap:disk:";
    /// On a snapshot of a volume of which another snapshot counts.
    pub const DUPLICATE: &str = "mirrorsnap:duplicate";
    /// On the snapshots of a backup that the retention must not delete: since when, and why. Whatever its value, it counts.
    pub const KEPT: &str = "mirrorsnap:kept";
    /// On a copy: the backup that it is a copy of. A copy has no `backup-id`.
    pub const COPY_OF: &str = "mirrorsnap:copy-of";
    /// On a copy: the snapshot that it was made from; the intent tag by which a copy is found again before another one is made.
    pub const COPIED_SNAPSHOT: &str = "mirrorsnap:copied-snapshot";
    /// On a copy: the region of that snapshot.
    pub const COPIED_FROM: &str = "mirrorsnap:copied-from";
}

/// Whether a snapshot can be read and made into a volume as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// It can.
    Standard,
    /// Somebody has archived it: it has to be restored from the archive first.
    Archive,
}

/// A snapshot as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The volume that it was taken from.
    pub volume: VolumeId,
    /// Its state.
    pub state: SnapshotState,
    /// As EC2 prints it, such as `37%`.
    pub progress: String,
    /// When it was taken.
    pub started: Moment,
    /// The volume's size.
    pub gib: i32,
    /// Its key, if it is encrypted.
    pub kms_key: Option<String>,
    /// The snapshot that it was copied from, if its description says so ([`source_of_copy`]).
    pub copied_from: Option<SnapshotId>,
    /// Whether it is in the archive.
    pub tier: Tier,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
}

/// The volume that EC2 shows for most copies.
const VOLUME_OF_COPIES: &str = "vol-ffffffff";

/// The source in the description that EC2 gives to a copy: `[Copied snap-0123 from us-east-1]`.
pub fn source_of_copy(description: &str) -> Option<SnapshotId> {
    let mut words = description.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.find_map(|word| word.parse().ok())
}

impl Snapshot {
    /// Whether somebody else made it by CopySnapshot: we make none, so we delete none.
    fn is_copy(&self) -> bool {
        self.volume.as_str() == VOLUME_OF_COPIES || self.copied_from.is_some()
    }

    pub(crate) fn says_valid(&self) -> bool {
        self.tag(tag::VALID) == Some("true")
    }

    /// What it is the snapshot of: the mirror disks, or the volume while the disks are not written yet.
    pub(crate) fn place(&self) -> &str {
        self.tag(tag::MIRROR_DISKS).unwrap_or(self.volume.as_str())
    }

    fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }
}

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

/// Our tags on a snapshot: those of [`tags`] with the disks, the consistency, `valid` or `duplicate`, maybe `kept`, and the two of a proof. Each mirror
/// disk on the volume has one more.
const ON_SNAPSHOT: usize = 12;

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

/// Which backup a restore asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// The newest valid one.
    Latest(RestoreFrom),
    /// This one.
    Exactly(Id),
    /// The newest valid one that is of a moment before.
    Before(Moment, RestoreFrom),
}

fn candidates(backups: &[Backup], before: Option<Moment>) -> impl Iterator<Item = &Backup> {
    let fits = move |one: &&Backup| one.valid && before.is_none_or(|limit| one.consistent_at < limit);
    backups.iter().filter(fits)
}

/// Why a valid backup is not taken unless it is named by its id; `None`: it is taken.
pub fn objection(backup: &Backup, from: RestoreFrom) -> Option<String> {
    if backup.proof.is_unclean() {
        return Some(format!("its image is not clean ({})", backup.proof.word()));
    }
    let frozen = from.leaves_out(backup.consistency);
    frozen.then(|| "it is a frozen one, and the cluster's JSON has \"restore_from\": \"stopped\"".to_owned())
}

/// The valid backups, newest first, that would be taken but for what speaks against them. They are restored only when they are named by
/// their ids (rule 24).
pub fn passed_over<'a>(backups: &'a [Backup], wanted: &Wanted) -> Vec<(&'a Backup, String)> {
    let (limit, from) = match wanted {
        Wanted::Latest(from) => (None, *from),
        Wanted::Before(time, from) => (Some(*time), *from),
        Wanted::Exactly(_) => return vec![],
    };
    candidates(backups, limit)
        .map_while(|one| Some((one, objection(one, from)?)))
        .collect()
}

/// Chooses among the backups of a cluster (newest first). Errors: `BackupNotFound`, `BackupInvalid`.
pub fn find<'a>(cluster: &str, backups: &'a [Backup], wanted: &Wanted) -> Result<&'a Backup> {
    let none = |what: String| {
        Error::new(
            Kind::BackupNotFound,
            what,
            "run `mirrorsnap backups CLUSTER`; the snapshots' tags mirrorsnap:valid and mirrorsnap:consistent-at tell the same",
        )
    };
    let newest = |limit: Option<Moment>, from: RestoreFrom, when: &str| {
        let passed = passed_over(backups, wanted);
        let taken = candidates(backups, limit).find(|one| objection(one, from).is_none());
        taken.ok_or_else(|| match passed.as_slice() {
            [] => none(format!("cluster {cluster} has no valid backup{when}")),
            all => none(format!(
                "cluster {cluster} has no valid backup{when} that is taken without being named by its id: {}",
                all.iter()
                    .map(|(one, why)| format!("{}: {why}", one.id))
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        })
    };
    match wanted {
        Wanted::Latest(from) => newest(None, *from, ""),
        Wanted::Before(time, from) => newest(Some(*time), *from, &format!(" from before {time}")),
        Wanted::Exactly(id) => {
            let found = backups.iter().find(|backup| &backup.id == id);
            let backup = found.ok_or_else(|| none(format!("cluster {cluster} has no backup {id}")))?;
            if backup.valid {
                return Ok(backup);
            }
            let states: Vec<String> = backup
                .snapshots
                .iter()
                .map(|one| format!("{} {}", one.id, one.state))
                .collect();
            Err(Error::new(
                Kind::BackupInvalid,
                format!("backup {id} is not proved to be good ({})", states.join(", ")),
                "choose another backup",
            ))
        }
    }
}

#[cfg(test)]
#[path = "catalogue_properties.rs"]
mod properties;
#[cfg(test)]
#[path = "catalogue_tests.rs"]
mod tests;
