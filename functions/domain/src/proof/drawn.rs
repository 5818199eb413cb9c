//! Which backups are proved without being named: one at random, by hand or once a week, and those whose own proof left no verdict.

use super::Proof;
use crate::catalogue::Backup;
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::patrol::DAY_SECONDS;
use crate::time::Moment;
use serde::Serialize;

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

/// A proof that is due.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DueProof {
    /// The cluster.
    pub cluster: String,
    /// The backup.
    pub backup: Id,
    /// The name of the execution that proves it: the same for as long as it is due, so that there is one.
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

/// How old a backup is when the patrol looks whether its own proof has left a verdict. Later on the weekly proof takes it first.
const AGAIN_SECONDS: [i64; 3] = [HOUR_SECONDS, 6 * HOUR_SECONDS, 18 * HOUR_SECONDS];

/// The proof that is due for a valid backup of this cluster whose own proof could not be started, or has failed.
pub fn overlooked(cluster: &str, backups: &[Backup], now: Moment) -> Option<DueProof> {
    let nth = |one: &Backup| {
        let age = now.seconds_since(one.consistent_at);
        AGAIN_SECONDS
            .iter()
            .position(|from| (0..SLOT_SECONDS).contains(&(age - from)))
    };
    let mut without = backups.iter().filter(|one| one.valid && one.proof == Proof::NotYet);
    without.find_map(|one| {
        Some(DueProof {
            cluster: cluster.to_owned(),
            backup: one.id.clone(),
            name: format!("again-{cluster}-{}-{}", one.consistent_at.unix(), nth(one)?),
        })
    })
}
