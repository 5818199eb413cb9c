//! `swap-volumes`: swaps the volumes of stopped nodes as the intent lists them. Never by force, never on a node that is not stopped, each
//! call behind the fence. A second call goes on where the first one ended (safety.md, rules 8, 18 and 19).

use crate::deadline::Deadline;
use crate::functions::fence::{fence, intent};
use crate::functions::observe::instances;
use crate::functions::repeat::{harmless, until_accepted};
use crate::ports::{Clock, Configs, Instances, Ledger, Outcome, Tags, Volume, Volumes};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::ec2::{AttachmentState, InstanceId, VolumeId, VolumeState};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::intent::Attachment;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::observation::{Instance, Power};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// Detaches the volumes that are to be replaced.
    Detach,
    /// Attaches the volumes that replace them; a volume that is still attached is detached first.
    Attach,
}

/// docs/functions.md, swap-volumes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    cluster: String,
    lock: Claim,
    part: Part,
    /// The old volumes are put back.
    #[serde(default)]
    back: bool,
    /// Only this node; absent: both.
    #[serde(default)]
    node: Option<String>,
    patience_seconds: u32,
}

/// docs/functions.md, swap-volumes.
#[derive(Debug, Serialize)]
pub struct Output {
    /// All places are as they should be after this part.
    over: bool,
    /// What is not.
    why: Option<String>,
}

/// What the function needs.
pub trait Ports: Configs + Ledger + Instances + Volumes + Tags + Clock {}
impl<T: Configs + Ledger + Instances + Volumes + Tags + Clock> Ports for T {}

/// Between two looks.
const POLL: Duration = Duration::from_millis(500);

/// How long EC2 must show a state that ends the swap before it is believed, since a describe may be late.
const DOUBT_SECONDS: u32 = 30;

/// How long CreateTags is retried while EC2 does not know the volume yet.
const TAG_SECONDS: u32 = 30;

/// What a device needs next.
enum Need {
    Nothing,
    Wait(String),
    Detach(VolumeId),
    Attach(VolumeId),
}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Output> {
    let config = ports.config(&input.cluster).await?;
    let (lock, intent) = intent(ports, &input.cluster, &input.lock).await?;
    lock.not_on_hold(&input.cluster)?;
    let wanted = |node: &str| input.node.as_deref().is_none_or(|only| only == node);
    let names: Vec<&str> = config.node_names().filter(|node| wanted(node)).collect();
    let places: Vec<&Attachment> = names.iter().flat_map(|node| intent.attachments(node)).collect();
    if places.is_empty() {
        let found = format!("the intent of {} replaces no volume there", intent.id);
        return Err(Error::new(
            Kind::InputInvalid,
            found,
            "write the intent with the attachments first",
        ));
    }
    if !input.back && input.part == Part::Detach {
        mark_replaced(ports, &input, &intent.id, &places).await?;
    }
    let ids: Vec<VolumeId> = places
        .iter()
        .flat_map(|one| [one.old.clone(), one.new.clone()])
        .collect();
    let deadline = Deadline::after(ports, input.patience_seconds);
    let mut doubt: Option<Deadline> = None;
    loop {
        // Described again each time, so that the effect of a call whose reply was lost is seen, and not repeated.
        let why = match look(ports, &config, &names, &places, &ids, &input).await? {
            Look::Done(seen) => {
                if input.part == Part::Attach {
                    if input.back {
                        unmark(ports, &input, &places, &seen).await?;
                    }
                    carry_over(ports, &input, &config, &places).await?;
                }
                return Ok(Output { over: true, why: None });
            }
            Look::Wait(why) => {
                doubt = None;
                why
            }
            Look::Wrong(error) => {
                let seconds = DOUBT_SECONDS.min(input.patience_seconds);
                let since = doubt.get_or_insert_with(|| Deadline::after(ports, seconds));
                if since.has_passed(ports) {
                    return Err(error);
                }
                error.to_string()
            }
        };
        if deadline.has_passed(ports) {
            return Ok(Output {
                over: false,
                why: Some(why),
            });
        }
        ports.sleep(POLL).await;
    }
}

/// The result of a look.
enum Look {
    /// All places are as they should be; the volumes.
    Done(BTreeMap<VolumeId, Volume>),
    /// A volume is attaching, detaching, or not available yet.
    Wait(String),
    /// EC2 shows a state that ends the swap, unless the describe is late.
    Wrong(Error),
}

/// Describes nodes and volumes once, and makes the calls that the devices need.
async fn look(
    ports: &impl Ports,
    config: &Config,
    names: &[&str],
    places: &[&Attachment],
    ids: &[VolumeId],
    input: &Input,
) -> Result<Look> {
    if let Some(look) = up(&instances(ports, config).await?, names) {
        return Ok(look);
    }
    let seen = ports.volumes(ids).await?;
    let mut waits = None;
    for place in places {
        let instance = &config.node(&place.node)?.instance_id;
        let need = match need(place, instance, &seen, input.back, input.part) {
            Ok(need) => need,
            Err(error) => return Ok(Look::Wrong(error)),
        };
        if let Some(why) = act(ports, input, place, instance, need).await? {
            waits = Some(why);
        }
    }
    Ok(waits.map_or(Look::Done(seen), Look::Wait))
}

/// The error if a node is not stopped: then no volume is touched.
fn up(instances: &BTreeMap<String, Instance>, names: &[&str]) -> Option<Look> {
    let mut wait = None;
    for name in names {
        match instances.get(*name).map_or(&Power::Gone, |instance| &instance.power) {
            Power::Stopped => {}
            Power::Pending | Power::Stopping | Power::Other(_) => {
                wait = Some(Look::Wait(format!("{name} is not stopped yet")));
            }
            power @ (Power::Running | Power::Gone) => {
                return Some(Look::Wrong(Error::new(
                    Kind::PreparationUnproven,
                    format!("{name} is {power}, not stopped: its volumes are not touched"),
                    "nothing by hand: the cluster is brought back",
                )));
            }
        }
    }
    wait
}

/// Makes the call that a device needs, and returns what to wait for after it. Lost replies and stale states are not errors: describe
/// again. So the SDK retries neither call.
async fn act(
    ports: &impl Ports,
    input: &Input,
    place: &Attachment,
    instance: &InstanceId,
    need: Need,
) -> Result<Option<String>> {
    let (outcome, text) = match need {
        Need::Nothing => return Ok(None),
        Need::Wait(why) => return Ok(Some(why)),
        Need::Detach(volume) => {
            fence(ports, &input.cluster, &input.lock).await?;
            let outcome = ports.detach(&volume, instance, &place.device).await;
            (outcome, format!("{volume} is being detached from {}", place.node))
        }
        Need::Attach(volume) => {
            if !input.back {
                mark_attached(ports, input, &volume).await?;
            }
            fence(ports, &input.cluster, &input.lock).await?;
            let outcome = ports.attach(&volume, instance, &place.device).await;
            (outcome, format!("{volume} is being attached to {}", place.node))
        }
    };
    match outcome {
        Outcome::Accepted(()) | Outcome::AlreadySo => Ok(Some(text)),
        Outcome::NotYet(why) => Ok(Some(format!("{text}: {why}"))),
        Outcome::Unknown(error) => Ok(Some(format!("{text}: {error}"))),
        // The mark `attached` stays: an earlier call of this run may have attached the volume all the same (rule 19).
        Outcome::Refused(error) => Err(error),
    }
}

fn need(
    place: &Attachment,
    instance: &InstanceId,
    seen: &BTreeMap<VolumeId, Volume>,
    back: bool,
    part: Part,
) -> Result<Need> {
    let (goes, comes) = if back {
        (&place.new, &place.old)
    } else {
        (&place.old, &place.new)
    };
    let at = |volume: &VolumeId| seen.get(volume).and_then(|one| one.attached.as_ref());
    for volume in [goes, comes] {
        if let Some(other) = at(volume).filter(|at| at.instance != *instance || at.device != place.device) {
            return Err(Error::new(
                Kind::AttachmentUnexpected,
                format!("{volume} is attached to {} at {}", other.instance, other.device),
                "somebody moved it: detach it, then run `mirrorsnap recover CLUSTER`",
            ));
        }
    }
    if let Some(there) = at(comes) {
        return Ok(match (part, &there.state) {
            (Part::Detach, _) | (_, AttachmentState::Attached) => Need::Nothing,
            (_, state) => Need::Wait(format!("{comes} is {state}")),
        });
    }
    if let Some(there) = at(goes) {
        return Ok(match &there.state {
            AttachmentState::Attached => Need::Detach(goes.clone()),
            state => Need::Wait(format!("{goes} is {state}")),
        });
    }
    if part == Part::Detach {
        return Ok(Need::Nothing);
    }
    match seen.get(comes).map(|one| &one.state) {
        Some(VolumeState::Available) => Ok(Need::Attach(comes.clone())),
        Some(VolumeState::Creating | VolumeState::InUse) => Ok(Need::Wait(format!("{comes} becomes available"))),
        other => Err(Error::new(
            Kind::VolumeNotFound,
            format!(
                "{comes} for {} {} is {}",
                place.node,
                place.device,
                other.map_or_else(|| "not there".to_owned(), VolumeState::to_string)
            ),
            "look at the volume in EC2",
        )),
    }
}

/// Tags the volume `attached` before AttachVolume, so that it is never deleted (rule 19). The mark is not removed again.
async fn mark_attached(ports: &impl Ports, input: &Input, volume: &VolumeId) -> Result<()> {
    let attached = BTreeMap::from([(tag::ATTACHED.to_owned(), "true".to_owned())]);
    tag(ports, input, std::slice::from_ref(volume), &attached).await
}

/// Tags the old volumes before the first detach, so that what was detached is known by its restore.
async fn mark_replaced(ports: &impl Ports, input: &Input, id: &str, places: &[&Attachment]) -> Result<()> {
    let old: Vec<VolumeId> = places.iter().map(|one| one.old.clone()).collect();
    let tags = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let replaced = BTreeMap::from([tags(tag::REPLACED, "true"), tags(tag::RESTORE_ID, id)]);
    tag(ports, input, &old, &replaced).await
}

/// Untags the old volumes; tags the restore's volumes that were attached as `replaced`, so that they are kept.
async fn unmark(
    ports: &impl Ports,
    input: &Input,
    places: &[&Attachment],
    seen: &BTreeMap<VolumeId, Volume>,
) -> Result<()> {
    let old: Vec<VolumeId> = places.iter().map(|one| one.old.clone()).collect();
    let call = async || {
        fence(ports, &input.cluster, &input.lock).await?;
        Ok(harmless(ports.untag(&old, &[tag::REPLACED, tag::RESTORE_ID]).await))
    };
    until_accepted(ports, TAG_SECONDS, call).await?;
    let was_attached = |id: &&VolumeId| {
        seen.get(*id)
            .is_some_and(|volume| volume.shape.tags.contains_key(tag::ATTACHED))
    };
    let new: Vec<VolumeId> = places
        .iter()
        .map(|one| &one.new)
        .filter(was_attached)
        .cloned()
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    let replaced = BTreeMap::from([(tag::REPLACED.to_owned(), "true".to_owned())]);
    tag(ports, input, &new, &replaced).await
}

async fn tag(ports: &impl Ports, input: &Input, volumes: &[VolumeId], tags: &BTreeMap<String, String>) -> Result<()> {
    let call = async || {
        fence(ports, &input.cluster, &input.lock).await?;
        Ok(harmless(ports.tag(volumes, tags).await))
    };
    until_accepted(ports, TAG_SECONDS, call).await?;
    Ok(())
}

/// Copies DeleteOnTermination to the new attachment: after AttachVolume it is off. A failure does not end the restore: the volume then
/// outlives its instance, and nothing is lost.
async fn carry_over(ports: &impl Ports, input: &Input, config: &Config, places: &[&Attachment]) -> Result<()> {
    for place in places.iter().filter(|place| place.delete_on_termination) {
        let instance = &config.node(&place.node)?.instance_id;
        let call = async || {
            fence(ports, &input.cluster, &input.lock).await?;
            Ok(ports.set_delete_on_termination(instance, &place.device).await)
        };
        match until_accepted(ports, TAG_SECONDS, call).await {
            Err(error) if error.kind() == Kind::AwsRefused => {
                tracing::warn!(node = %place.node, device = %place.device, %error, "DeleteOnTermination was not set");
            }
            other => _ = other?,
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "swap_volumes_tests.rs"]
mod tests;
