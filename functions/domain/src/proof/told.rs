//! What a person is told of an image that is not clean, and which backup stands in for it.

use super::verdict::{Judged, is_against};
use crate::catalogue::Backup;
use crate::ids::Id;
use serde::Serialize;

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

/// The newest valid backup that is older than this one and whose image is not known to be unclean. `backups`: newest first.
pub fn before<'a>(backups: &'a [Backup], backup: &Backup) -> Option<&'a Backup> {
    let older = |one: &&Backup| one.valid && one.consistent_at < backup.consistent_at;
    backups.iter().filter(older).find(|one| !one.proof.is_unclean())
}
