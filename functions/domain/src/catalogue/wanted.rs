//! Which backup a restore takes.

use super::Backup;
use crate::consistency::RestoreFrom;
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::sentence::Sentence;
use crate::time::Moment;

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
pub fn objection(backup: &Backup, from: RestoreFrom) -> Option<Sentence> {
    if backup.proof.is_unclean() {
        let verdict = backup.proof.word().to_owned();
        return Some(Sentence::ImageNotClean { verdict });
    }
    let frozen = from.leaves_out(backup.consistency);
    frozen.then_some(Sentence::FrozenLeftOut)
}

/// The valid backups, newest first, that would be taken but for what speaks against them. They are restored only when they are named by
/// their ids (rule 24).
pub fn passed_over<'a>(backups: &'a [Backup], wanted: &Wanted) -> Vec<(&'a Backup, Sentence)> {
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
