//! The proof of a backup by its own bytes (safety.md, A2b and rule 24): what a later proof has to know of each mirror disk, and its
//! verdict. Both are in the snapshots' tags. The judge of the bytes is the crate mirrorsnap-prove-image. This file implements a part of
//! the safety argument and must not be "simplified" without changing that.

use crate::catalogue::{Backup, Snapshot, tag};
use crate::config::Config;
use crate::devices::Under;
use crate::ec2::SnapshotId;
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::layout;
use crate::patrol::DAY_SECONDS;
use crate::time::Moment;
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
    fn parse(text: &str) -> Option<Self> {
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
    fn of(path: &str, under: Option<&Under>) -> Option<Self> {
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

/// What a proof has to know of a mirror disk.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recorded {
    /// SHA-256 of the data partition's first 64 KiB at the quiet moment; `None`: the active recorded none.
    pub fingerprint: Option<[u8; 32]>,
    /// Where its partitions are.
    pub places: Places,
}

/// Stands in a tag for what is not known.
const UNKNOWN: &str = "-";

fn key(disk: &str) -> String {
    format!("{}{disk}", tag::DISK)
}

/// The tags by which a snapshot says what a proof has to know of the mirror disks on its volume: of each, the fingerprint and both places.
pub fn tags<'a>(
    disks: impl IntoIterator<Item = &'a String>,
    fingerprints: &BTreeMap<String, String>,
    places: &BTreeMap<String, Places>,
) -> BTreeMap<String, String> {
    let text = |place: Option<&Place>| place.map_or_else(|| UNKNOWN.to_owned(), ToString::to_string);
    let of = |disk: &String| {
        let fingerprint = fingerprints.get(disk).map_or(UNKNOWN, String::as_str);
        let places = places.get(disk).cloned().unwrap_or_default();
        let value = format!(
            "{fingerprint} {} {}",
            text(places.cluster.as_ref()),
            text(places.data.as_ref())
        );
        // EC2 takes 256 characters. Names that are longer than that together are those of the configuration.
        let value = if value.len() > MOST_OF_VALUE {
            format!("{fingerprint} {UNKNOWN} {UNKNOWN}")
        } else {
            value
        };
        (key(disk), value)
    };
    disks.into_iter().map(of).collect()
}

/// The longest value of a tag.
const MOST_OF_VALUE: usize = 256;

fn fingerprint(hex: &str) -> Option<[u8; 32]> {
    if hex.len() != 64 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(hex.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}

/// The mirror disks of a snapshot with what a proof has to know of each. A place that the run did not record is that of the
/// configuration as it is now.
pub fn recorded(config: &Config, node: &str, snapshot: &Snapshot) -> BTreeMap<String, Recorded> {
    let configured = places(config, node, &BTreeMap::new());
    let names = snapshot.tags.get(tag::MIRROR_DISKS).map_or("", String::as_str);
    let of = |disk: &str| {
        let text = snapshot.tags.get(&key(disk)).map_or("", String::as_str);
        let words: Vec<&str> = text.split(' ').collect();
        let (print, cluster, data) = match words.as_slice() {
            [print, cluster, data] => (fingerprint(print), Place::parse(cluster), Place::parse(data)),
            _ => (None, None, None),
        };
        let configured = configured.get(disk).cloned().unwrap_or_default();
        let places = Places {
            cluster: cluster.or(configured.cluster),
            data: data.or(configured.data),
        };
        let recorded = Recorded {
            fingerprint: print,
            places,
        };
        (disk.to_owned(), recorded)
    };
    names.split_whitespace().map(of).collect()
}

/// The name of the verdict of an image that was found to be good.
pub const CLEAN: &str = "clean";
/// The name of the verdict of an image against which nothing was found, and which cannot be called clean either.
pub const NOT_JUDGED: &str = "not-judged";

/// Whether a verdict speaks against an image, whatever it says: only two words do not.
fn is_against(verdict: &str) -> bool {
    verdict != CLEAN && verdict != NOT_JUDGED
}

/// What a backup's image says of itself, by the tags of its snapshots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Proof {
    /// Not every snapshot of it was judged yet.
    NotYet,
    /// Every mirror disk is as it was left at the quiet moment, unmounted or frozen, and has the bytes of that moment.
    Clean {
        /// When the first of its snapshots was judged.
        at: Option<Moment>,
    },
    /// Nothing was found against it, and not everything can be judged.
    NotJudged {
        /// When the first of its snapshots was judged.
        at: Option<Moment>,
    },
    /// One mirror disk at least is not what a backup has to be.
    Unclean {
        /// The name of the reason.
        reason: String,
        /// When it was judged.
        at: Option<Moment>,
    },
}

impl Proof {
    /// Of these snapshots, which are all of a backup.
    pub fn of(snapshots: &[Snapshot]) -> Self {
        let said = |one: &Snapshot| one.tags.get(tag::PROVED).cloned();
        let moment = |one: &Snapshot| one.tags.get(tag::PROVED_AT).and_then(|text| Moment::parse(text).ok());
        let against = snapshots
            .iter()
            .find_map(|one| Some((said(one).filter(|said| is_against(said))?, moment(one))));
        if let Some((reason, at)) = against {
            return Self::Unclean { reason, at };
        }
        if snapshots.is_empty() || snapshots.iter().any(|one| said(one).is_none()) {
            return Self::NotYet;
        }
        let at = snapshots.iter().filter_map(moment).min();
        if snapshots.iter().all(|one| said(one).as_deref() == Some(CLEAN)) {
            Self::Clean { at }
        } else {
            Self::NotJudged { at }
        }
    }

    /// Whether something was found against the image.
    pub const fn is_unclean(&self) -> bool {
        matches!(self, Self::Unclean { .. })
    }

    /// The verdict as the tags have it; `not yet` without one.
    pub fn word(&self) -> &str {
        match self {
            Self::NotYet => "not yet",
            Self::Clean { .. } => CLEAN,
            Self::NotJudged { .. } => NOT_JUDGED,
            Self::Unclean { reason, .. } => reason,
        }
    }

    /// When it was judged.
    pub const fn at(&self) -> Option<Moment> {
        match self {
            Self::NotYet => None,
            Self::Clean { at } | Self::NotJudged { at } | Self::Unclean { at, .. } => *at,
        }
    }

    /// What the plan of a restore says of the image of the backup that it takes.
    pub fn words(&self) -> String {
        let when = self.at().map_or_else(String::new, |at| format!(" at {at}"));
        match self {
            Self::NotYet => "the image of this backup was not proved by its own bytes yet".to_owned(),
            Self::Clean { .. } => format!("the image of this backup was proved clean by its own bytes{when}"),
            Self::NotJudged { .. } => {
                format!("the image of this backup cannot be proved by its own bytes (not-judged{when})")
            }
            Self::Unclean { reason, .. } => format!(
                "THE IMAGE OF THIS BACKUP IS NOT CLEAN ({reason}{when}): it is taken only since it was named by its id"
            ),
        }
    }
}

/// The tags of a verdict.
pub fn verdict_tags(verdict: &str, at: Moment) -> BTreeMap<String, String> {
    BTreeMap::from([
        (tag::PROVED.to_owned(), verdict.to_owned()),
        (tag::PROVED_AT.to_owned(), at.to_string()),
    ])
}

/// What was judged of one mirror disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Judged {
    /// Its name.
    pub disk: String,
    /// The snapshot that holds it.
    pub snapshot: SnapshotId,
    /// `clean`, `not-judged`, or the name of the reason why it is not clean.
    pub verdict: String,
    /// The verdict for a person.
    pub sentence: String,
    /// What was found on the way.
    pub seen: Vec<String>,
    /// Blocks that were looked at.
    pub blocks: u32,
}

/// The verdict of several mirror disks together. None at all is nothing that could be judged.
pub fn worst(disks: &[Judged]) -> &str {
    match disks.iter().find(|one| is_against(&one.verdict)) {
        Some(found) => &found.verdict,
        None if !disks.is_empty() && disks.iter().all(|one| one.verdict == CLEAN) => CLEAN,
        None => NOT_JUDGED,
    }
}

/// A message to a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// One line of at most 100 characters, as SNS takes it.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// What a person is told of an image that is not clean; `None`: it is not known to be unclean. `before`: the backup to restore instead.
pub fn message(backup: &Backup, disks: &[Judged], before: Option<&Id>) -> Option<Message> {
    let unclean: Vec<String> = disks
        .iter()
        .filter(|one| is_against(&one.verdict))
        .map(|one| format!("{} ({}): {}", one.disk, one.snapshot, one.sentence))
        .collect();
    if unclean.is_empty() {
        return None;
    }
    let cluster = backup.id.cluster();
    let instead = match before {
        Some(id) => format!(
            "The backup before it whose image is not known to be unclean is {id}; a restore of the latest backup takes that one."
        ),
        None => "There is no valid backup before it.".to_owned(),
    };
    Some(Message {
        subject: format!("mirrorsnap: an image of {cluster} is not clean"),
        text: format!(
            "Backup {} is valid, but its image is not clean. {}. {instead} This backup is restored only when it is named by its id. \
             Next: mirrorsnap backup {cluster}, and see whether its image is clean.",
            backup.id,
            unclean.join(". ")
        ),
    })
}

/// A number that looks drawn at random, and is the same for the same texts.
fn drawn(texts: &[&str]) -> u64 {
    // FNV-1a, and the last step of MurmurHash3, since the remainder by a small number looks at all bits only then.
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let once = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    once ^ (once >> 33)
}

/// One of these, drawn by the texts; `None`: there are none.
fn one_of<'a>(among: &[&'a Backup], texts: &[&str]) -> Option<&'a Backup> {
    let count = u64::try_from(among.len()).ok()?.max(1);
    among.get(usize::try_from(drawn(texts) % count).ok()?).copied()
}

/// One of the valid backups but the newest, drawn at random; the newest if there is no other. Error: `BackupNotFound`.
pub fn random<'a>(cluster: &str, backups: &'a [Backup], now: Moment) -> Result<&'a Backup> {
    let valid: Vec<&Backup> = backups.iter().filter(|one| one.valid).collect();
    let among = valid.get(1..).filter(|older| !older.is_empty()).unwrap_or(&valid);
    one_of(among, &[cluster, &now.to_string()]).ok_or_else(|| {
        Error::new(
            Kind::BackupNotFound,
            format!("cluster {cluster} has no valid backup"),
            "run a backup first",
        )
    })
}

/// A proof of an older backup that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueProof {
    /// The cluster.
    pub cluster: String,
    /// The backup.
    pub backup: Id,
    /// The name of the execution that proves it: the same for a whole week, so that there is one.
    pub name: String,
}

const WEEK_SECONDS: i64 = 7 * 24 * 3600;
const HOUR_SECONDS: i64 = 3600;
/// At least one patrol falls into it.
const SLOT_SECONDS: i64 = 20 * 60;

/// The proof that is due for a cluster at this moment. Each cluster has one hour of the week. Of the valid backups that are older than a day,
/// without the newest, one is drawn, first of those that have no verdict yet.
pub fn weekly(cluster: &str, backups: &[Backup], now: Moment) -> Option<DueProof> {
    let hours = u64::try_from(WEEK_SECONDS / HOUR_SECONDS).unwrap_or(1);
    let hour = i64::try_from(drawn(&[cluster]) % hours).unwrap_or(0);
    let (week, second) = (now.unix().div_euclid(WEEK_SECONDS), now.unix().rem_euclid(WEEK_SECONDS));
    if !(0..SLOT_SECONDS).contains(&(second - hour * HOUR_SECONDS)) {
        return None;
    }
    let valid = backups.iter().filter(|one| one.valid).skip(1);
    let old: Vec<&Backup> = valid
        .filter(|one| now.seconds_since(one.consistent_at) > DAY_SECONDS)
        .collect();
    let without: Vec<&Backup> = old.iter().copied().filter(|one| one.proof == Proof::NotYet).collect();
    let among = if without.is_empty() { old } else { without };
    let backup = one_of(&among, &[cluster, &week.to_string()])?;
    Some(DueProof {
        cluster: cluster.to_owned(),
        backup: backup.id.clone(),
        name: format!("weekly-{cluster}-{week}"),
    })
}

/// The newest valid backup that is older than this one and whose image is not known to be unclean. `backups`: newest first.
pub fn before<'a>(backups: &'a [Backup], backup: &Backup) -> Option<&'a Backup> {
    let older = |one: &&Backup| one.valid && one.consistent_at < backup.consistent_at;
    backups.iter().filter(older).find(|one| !one.proof.is_unclean())
}

#[cfg(test)]
#[path = "proof_tests.rs"]
mod tests;
