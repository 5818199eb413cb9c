//! `create-volumes`: the new volumes of a restore. They are made before anything is disturbed, each at most once by its ClientToken.
//! Those that were never attached to a node are deleted again. Its role cannot change the tags that forbid that (safety.md, rule 19).

use crate::deadline::Deadline;
use crate::functions::fence::{fence, intent};
use crate::functions::repeat::{still_not, until_accepted};
use crate::ports::{Clock, Configs, Ledger, Outcome, Volumes};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::ec2::{VolumeId, VolumeState};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::intent::{Attachment, Disturbance, Intent};
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::restore::leftover_volumes::Cleaned;
use mirrorsnap_domain::restore::volumes::NewVolume;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// docs/functions.md, create-volumes.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Input {
    /// Makes them, or finds those that an earlier call made.
    Create {
        cluster: String,
        lock: Claim,
        volumes: Vec<NewVolume>,
    },
    /// Are they there, and what was asked for?
    Check {
        cluster: String,
        volumes: Vec<NewVolume>,
        made: Vec<Attachment>,
    },
    /// Deletes those of the present operation that were never attached.
    Clean { cluster: String, lock: Claim },
}

/// What the function needs.
pub trait Ports: Configs + Ledger + Volumes + Clock {}
impl<T: Configs + Ledger + Volumes + Clock> Ports for T {}

/// How long a call is retried that EC2 does not carry out yet.
const REPEAT_SECONDS: u32 = 30;

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Value> {
    match input {
        Input::Create { cluster, lock, volumes } => {
            let mut made = Vec::new();
            let (_, intent) = intent(ports, &cluster, &lock).await?;
            for one in &volumes {
                if one.tags.get(tag::RESTORE_ID) != Some(&intent.id) {
                    let found = format!("the volume for {} {} is not of {}", one.node, one.device, intent.id);
                    return Err(Error::new(Kind::InputInvalid, found, "pass what plan-restore answered"));
                }
                let call = async || {
                    fence(ports, &cluster, &lock).await?;
                    Ok(ports.create_volume(one).await)
                };
                let id = until_accepted(ports, REPEAT_SECONDS, call).await?;
                // A repeat with the same token answers with the id of the volume that was made.
                let id = id.ok_or_else(|| still_not("CreateVolume named no volume"))?;
                made.push(one.attachment(&id));
            }
            Ok(json!({"made": made}))
        }
        Input::Check { cluster, volumes, made } => {
            let _ = ports.config(&cluster).await?;
            check(ports, &volumes, &made).await
        }
        Input::Clean { cluster, lock } => clean(ports, &cluster, &lock).await,
    }
}

/// `ready` once all are available. One that failed, vanished or is of another snapshot is an error.
async fn check(ports: &impl Ports, volumes: &[NewVolume], made: &[Attachment]) -> Result<Value> {
    let ids: Vec<VolumeId> = made.iter().map(|one| one.new.clone()).collect();
    let found = ports.volumes(&ids).await?;
    let bad = |found: String| {
        let next = "nothing was disturbed, and what was made is deleted again; run `mirrorsnap restore CLUSTER` again";
        Err(Error::new(Kind::VolumeFailed, found, next))
    };
    if made.is_empty() || made.len() != volumes.len() {
        return bad(format!("{} volumes were made of {}", made.len(), volumes.len()));
    }
    let (mut ready, mut slow) = (true, Vec::new());
    for one in made {
        match found.get(&one.new) {
            // Not shown yet, or dropped by EBS since its key cannot be used: the caller's deadline decides.
            None => ready = false,
            Some(volume) => {
                if let Some(other) = volume.snapshot.as_ref().filter(|id| **id != one.snapshot) {
                    return bad(format!("{} was made from {other}, not from {}", one.new, one.snapshot));
                }
                if !volume.fast {
                    slow.push(one.new.clone());
                }
                match &volume.state {
                    VolumeState::Available | VolumeState::InUse => {}
                    VolumeState::Creating => ready = false,
                    state @ (VolumeState::Deleting
                    | VolumeState::Deleted
                    | VolumeState::Error
                    | VolumeState::Other(_)) => {
                        return bad(format!("{} for {} {} is {state}", one.new, one.node, one.device));
                    }
                }
            }
        }
    }
    Ok(json!({"ready": ready, "fast_restored": ready && slow.is_empty(), "slow": slow}))
}

/// How long DeleteVolume is retried while the volume cannot be deleted yet.
const CLEAN_SECONDS: u32 = 30;
const CLEAN_POLL: Duration = Duration::from_secs(3);

/// How many describes in a row must show nothing more to delete.
const LOOKS: u32 = 2;

/// How long EC2 must show a volume that the intent lists as an attachment without the tag `attached` before it counts as never attached,
/// since a describe may be older than the tag.
const UNMARKED_SECONDS: u32 = 45;

/// Deletes the volumes that the operation made and that were never attached.
async fn clean(ports: &impl Ports, cluster: &str, claim: &Claim) -> Result<Value> {
    let (_, intent) = intent(ports, cluster, claim).await?;
    // A volume that the intent does not list was never attached: swap-volumes reads its volumes there.
    let listed: BTreeSet<&VolumeId> = attachments(&intent).map(|one| &one.new).collect();
    let mut deadline: Option<Deadline> = None;
    let unmarked = Deadline::after(ports, UNMARKED_SECONDS);
    let mut cleaned = Cleaned::default();
    let mut marked: BTreeSet<VolumeId> = BTreeSet::new();
    let mut looks = 0;
    loop {
        let found = ports.volumes_of(&intent.id).await?;
        (cleaned.kept, cleaned.in_place) = (Vec::new(), Vec::new());
        let (mut more, mut later) = (false, Vec::new());
        for (id, volume) in found {
            if cleaned.deleted.contains(&id) || matches!(volume.state, VolumeState::Deleting | VolumeState::Deleted) {
                continue;
            }
            // A tag `attached` that was shown once counts, also if a later describe lacks it: the tag is never removed.
            if volume.attached.is_some() || !is_ours(cluster, &volume.shape.tags) {
                marked.insert(id.clone());
            }
            if volume.attached.is_some() {
                cleaned.in_place.push(id);
            } else if marked.contains(&id) {
                cleaned.kept.push(id);
            } else if volume.state == VolumeState::Creating {
                later.push(format!("{id} is still being made"));
            } else if listed.contains(&id) && !unmarked.has_passed(ports) {
                more = true;
            } else {
                match delete(ports, cluster, claim, &id).await? {
                    None => {
                        cleaned.deleted.push(id);
                        more = true;
                    }
                    Some(why) => later.push(why),
                }
            }
        }
        looks += 1;
        if later.is_empty() && !more && looks >= LOOKS {
            return Ok(json!(cleaned));
        }
        if !later.is_empty() {
            let since = deadline.get_or_insert_with(|| Deadline::after(ports, CLEAN_SECONDS));
            if since.has_passed(ports) {
                return Err(Error::new(
                    Kind::AwsUnavailable,
                    format!("not deleted: {}", later.join(", ")),
                    "it is repeated; if it lasts, look at the volume in EC2",
                ));
            }
        }
        ports.sleep(CLEAN_POLL).await;
    }
}

fn attachments(intent: &Intent) -> impl Iterator<Item = &Attachment> {
    intent.disturbances.iter().filter_map(|one| match one {
        Disturbance::Attachment(attachment) => Some(attachment),
        _ => None,
    })
}

/// Deletes a volume; why not yet.
async fn delete(ports: &impl Ports, cluster: &str, claim: &Claim, id: &VolumeId) -> Result<Option<String>> {
    fence(ports, cluster, claim).await?;
    match ports.delete_volume(id).await {
        Outcome::Accepted(()) | Outcome::AlreadySo => Ok(None),
        Outcome::NotYet(why) => Ok(Some(why)),
        Outcome::Unknown(error) | Outcome::Refused(error) => Err(error),
    }
}

/// Made by the operation, and never attached to a node.
fn is_ours(cluster: &str, tags: &BTreeMap<String, String>) -> bool {
    tags.get(tag::CLUSTER).map(String::as_str) == Some(cluster)
        && !tags.contains_key(tag::ATTACHED)
        && !tags.contains_key(tag::REPLACED)
}

#[cfg(test)]
#[path = "create_volumes_tests.rs"]
mod tests;
