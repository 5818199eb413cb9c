//! `swap-volumes`: the volumes of stopped nodes are exchanged, as the intent lists them. Never by force, never on a node that
//! is not stopped, each call behind the fence; called again, it goes on where it was (safety.md, rules 8, 18 and 19).

use crate::aws::volumes::Volume;
use crate::aws::{Aws, failed};
use aws_sdk_ec2::types::{EbsInstanceBlockDeviceSpecification, InstanceBlockDeviceMappingSpecification, Tag};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::intent::{Attachment, Claim};
use mirrorsnap_domain::observation::Power;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Part {
    /// The volumes that are to go are taken off.
    Detach,
    /// The volumes that are to come are attached; what is still there is taken off first.
    Attach,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    cluster: String,
    lock: Claim,
    part: Part,
    /// Old volumes come back.
    #[serde(default)]
    back: bool,
    /// Only this node; absent: both.
    #[serde(default)]
    node: Option<String>,
    patience_seconds: u32,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    /// All places are as they should be after this part.
    over: bool,
    /// What is not.
    why: Option<String>,
}

/// What a place needs next.
enum Need {
    Nothing,
    Wait(String),
    Detach(String),
    Attach(String),
}

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Output> {
    let config = aws.config(&input.cluster).await?;
    let (lock, intent) = aws.intent(&input.cluster, &input.lock).await?;
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
        mark(&aws, &input, &intent.id, &places).await?;
    }
    let deadline = aws.pace.deadline(input.patience_seconds);
    loop {
        let mut waits = None;
        // Looked at anew each time: what a lost call did is seen here, and not done twice.
        let seen = look(&aws, &config, &names, &places).await?;
        for place in &places {
            let instance = &config.node(&place.node)?.instance_id;
            match need(place, instance, &seen, input.back, input.part)? {
                Need::Nothing => {}
                Need::Wait(why) => waits = Some(why),
                Need::Detach(volume) => {
                    aws.fence(&input.cluster, &input.lock).await?;
                    let call = aws.ec2_once.detach_volume().volume_id(&volume);
                    let call = call.instance_id(instance).device(&place.device).send().await;
                    let text = format!("{volume} is taken off {}", place.node);
                    waits = Some(ordered(
                        call.err().map(|error| failed("ec2:DetachVolume", &error)),
                        text,
                    )?);
                }
                Need::Attach(volume) => {
                    if !input.back {
                        mark_attached(&aws, &input, &volume).await?;
                    }
                    aws.fence(&input.cluster, &input.lock).await?;
                    let call = aws.ec2_once.attach_volume().volume_id(&volume);
                    let call = call.instance_id(instance).device(&place.device).send().await;
                    let text = format!("{volume} is attached to {}", place.node);
                    let failure = call.err().map(|error| failed("ec2:AttachVolume", &error));
                    match ordered(failure, text) {
                        Ok(why) => waits = Some(why),
                        Err(error) => {
                            // Refused for certain, so no node has had it.
                            if !input.back {
                                let attached = Tag::builder().key(tag::ATTACHED).build();
                                untag(&aws, &input, vec![volume], vec![attached]).await?;
                            }
                            return Err(error);
                        }
                    }
                }
            }
        }
        if waits.is_none() {
            if input.part == Part::Attach {
                carry_over(&aws, &input, &config, &places).await?;
                if input.back {
                    unmark(&aws, &input, &places, &seen).await?;
                }
            }
            return Ok(Output { over: true, why: None });
        }
        if deadline.has_passed() {
            return Ok(Output {
                over: false,
                why: waits,
            });
        }
        aws.pace.tenths(5).await;
    }
}

/// What is waited for after a call. A lost reply is no failure, and a state that EC2 showed late is none either: the next look
/// tells what was done, so neither call is repeated by the SDK behind our back.
fn ordered(failure: Option<Error>, text: String) -> Result<String> {
    match failure {
        None => Ok(text),
        Some(error) if error.kind() == Kind::AwsUnavailable || error.to_string().contains(" IncorrectState:") => {
            Ok(format!("{text}, though {error}"))
        }
        Some(error) => Err(error),
    }
}

/// A tag before the call that attaches: what was attached once is never deleted, whatever became of the reply (rule 19).
async fn mark_attached(aws: &Aws, input: &Input, volume: &str) -> Result<()> {
    aws.fence(&input.cluster, &input.lock).await?;
    let attached = BTreeMap::from([(tag::ATTACHED.to_owned(), "true".to_owned())]);
    aws.tag(&[volume.to_owned()], &attached).await
}

async fn untag(aws: &Aws, input: &Input, volumes: Vec<String>, tags: Vec<Tag>) -> Result<()> {
    aws.fence(&input.cluster, &input.lock).await?;
    let call = aws.ec2.delete_tags().set_resources(Some(volumes)).set_tags(Some(tags));
    call.send().await.map_err(|error| failed("ec2:DeleteTags", &error))?;
    Ok(())
}

/// Tags before the first detach: what is taken out is known by its restore.
async fn mark(aws: &Aws, input: &Input, id: &str, places: &[&Attachment]) -> Result<()> {
    let old: Vec<String> = places.iter().map(|one| one.old.clone()).collect();
    let tags = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    aws.fence(&input.cluster, &input.lock).await?;
    let replaced = [tags(tag::REPLACED, "true"), tags(tag::RESTORE_ID, id)];
    aws.tag(&old, &BTreeMap::from(replaced)).await
}

/// The old volumes are what they were; those of the restore's that were attached stay until somebody deletes them.
async fn unmark(aws: &Aws, input: &Input, places: &[&Attachment], seen: &BTreeMap<String, Volume>) -> Result<()> {
    let old: Vec<String> = places.iter().map(|one| one.old.clone()).collect();
    let keys = [tag::REPLACED, tag::RESTORE_ID].map(|key| Tag::builder().key(key).build());
    untag(aws, input, old, keys.to_vec()).await?;
    let was_attached = |id: &&String| {
        seen.get(*id)
            .is_some_and(|volume| volume.shape.tags.contains_key(tag::ATTACHED))
    };
    let new: Vec<String> = places
        .iter()
        .map(|one| &one.new)
        .filter(was_attached)
        .cloned()
        .collect();
    if new.is_empty() {
        return Ok(());
    }
    aws.fence(&input.cluster, &input.lock).await?;
    aws.tag(&new, &BTreeMap::from([(tag::REPLACED.to_owned(), "true".to_owned())]))
        .await
}

/// The volumes concerned, once it is sure that every node concerned is stopped.
async fn look(aws: &Aws, config: &Config, names: &[&str], places: &[&Attachment]) -> Result<BTreeMap<String, Volume>> {
    let instances = aws.instances(config, false).await?;
    for name in names {
        let power = instances.get(*name).map_or(Power::Gone, |instance| instance.power);
        if power != Power::Stopped {
            return Err(Error::new(
                Kind::PreparationUnproven,
                format!("{name} is {power:?}, not stopped: its volumes are not touched").to_lowercase(),
                "nothing by hand: the cluster is brought back",
            ));
        }
    }
    let ids = places
        .iter()
        .flat_map(|one| [one.old.clone(), one.new.clone()])
        .collect();
    aws.volumes("volume-id", ids).await
}

fn need(place: &Attachment, instance: &str, seen: &BTreeMap<String, Volume>, back: bool, part: Part) -> Result<Need> {
    let (goes, comes) = if back {
        (&place.new, &place.old)
    } else {
        (&place.old, &place.new)
    };
    let at = |volume: &str| seen.get(volume).and_then(|one| one.attached.as_ref());
    for volume in [goes, comes] {
        if let Some(other) = at(volume).filter(|at| at.instance != instance || at.device != place.device) {
            return Err(Error::new(
                Kind::AttachmentUnexpected,
                format!("{volume} is attached to {} at {}", other.instance, other.device),
                "somebody moved it: detach it, then start recover",
            ));
        }
    }
    if let Some(there) = at(comes) {
        return Ok(match (part, there.state.as_str()) {
            (Part::Detach, _) | (_, "attached") => Need::Nothing,
            (_, state) => Need::Wait(format!("{comes} is {state}")),
        });
    }
    if let Some(there) = at(goes) {
        return Ok(match there.state.as_str() {
            "attached" => Need::Detach(goes.clone()),
            state => Need::Wait(format!("{goes} is {state}")),
        });
    }
    if part == Part::Detach {
        return Ok(Need::Nothing);
    }
    match seen.get(comes).map(|one| one.state.as_str()) {
        Some("available") => Ok(Need::Attach(comes.clone())),
        Some("creating" | "in-use") => Ok(Need::Wait(format!("{comes} becomes available"))),
        other => Err(Error::new(
            Kind::VolumeNotFound,
            format!(
                "{comes} for {} {} is {}",
                place.node,
                place.device,
                other.unwrap_or("not there")
            ),
            "look at the volume in EC2",
        )),
    }
}

/// AttachVolume's default is to keep the volume at the instance's end: changed only where it was otherwise.
async fn carry_over(aws: &Aws, input: &Input, config: &Config, places: &[&Attachment]) -> Result<()> {
    for place in places.iter().filter(|place| place.delete_on_termination) {
        let volume = if input.back { &place.old } else { &place.new };
        let ebs = EbsInstanceBlockDeviceSpecification::builder()
            .volume_id(volume)
            .delete_on_termination(true)
            .build();
        let mapping = InstanceBlockDeviceMappingSpecification::builder()
            .device_name(&place.device)
            .ebs(ebs)
            .build();
        aws.fence(&input.cluster, &input.lock).await?;
        aws.ec2
            .modify_instance_attribute()
            .instance_id(&config.node(&place.node)?.instance_id)
            .block_device_mappings(mapping)
            .send()
            .await
            .map_err(|error| failed("ec2:ModifyInstanceAttribute", &error))?;
    }
    Ok(())
}
