//! `create-volumes`: the new volumes of a restore. Made before anything is disturbed, each at most once by its ClientToken;
//! those that were never attached to a node are deleted again (safety.md, rule 19).

use crate::aws::ec2::as_tags;
use crate::aws::{Aws, failed};
use aws_sdk_ec2::error::ProvideErrorMetadata;
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification, VolumeType};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::intent::{Attachment, Claim};
use mirrorsnap_domain::restore::leftover_volumes::Cleaned;
use mirrorsnap_domain::restore::{self, volumes::NewVolume};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Input {
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
    /// The operator needs the volumes beside the nodes no more: they lose our tags, and stay.
    Release {
        cluster: String,
        restore: String,
        confirm: Option<String>,
    },
}

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Value> {
    match input {
        Input::Create { cluster, lock, volumes } => {
            let mut made = Vec::new();
            let (_, intent) = aws.intent(&cluster, &lock).await?;
            for one in &volumes {
                if one.tags.get(tag::RESTORE_ID) != Some(&intent.id) {
                    let found = format!("the volume for {} {} is not of {}", one.node, one.device, intent.id);
                    return Err(Error::new(Kind::InputInvalid, found, "pass what plan-restore answered"));
                }
                aws.fence(&cluster, &lock).await?;
                made.push(one.attachment(&create(&aws, one).await?));
            }
            Ok(json!({"made": made}))
        }
        Input::Check { cluster, volumes, made } => {
            let _ = aws.config(&cluster).await?;
            check(&aws, &volumes, &made).await
        }
        Input::Clean { cluster, lock } => clean(&aws, &cluster, &lock).await,
        Input::Release {
            cluster,
            restore,
            confirm,
        } => release(&aws, &cluster, &restore, confirm.as_deref()).await,
    }
}

async fn create(aws: &Aws, one: &NewVolume) -> Result<String> {
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::Volume)
        .set_tags(Some(as_tags(&one.tags)))
        .build();
    let made = aws
        .ec2
        .create_volume()
        .availability_zone(&one.zone)
        .snapshot_id(&one.snapshot)
        .size(one.gib)
        .volume_type(VolumeType::from(one.kind.as_str()))
        .set_iops(one.iops)
        .set_throughput(one.throughput)
        .set_encrypted(one.kms_key.as_ref().map(|_| true))
        .set_kms_key_id(one.kms_key.clone())
        .set_volume_initialization_rate(one.rate)
        .client_token(&one.token)
        .tag_specifications(tags)
        .send()
        .await
        .map_err(|error| failed("ec2:CreateVolume", &error))?;
    Ok(made.volume_id().unwrap_or_default().to_owned())
}

/// `ready` once all are available. One that failed, vanished or is of another snapshot is an error.
async fn check(aws: &Aws, volumes: &[NewVolume], made: &[Attachment]) -> Result<Value> {
    let found = aws
        .volumes("volume-id", made.iter().map(|one| one.new.clone()).collect())
        .await?;
    let bad = |found: String| {
        let next = "nothing was disturbed, and what was made is deleted again; restore again";
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
                if !volume.snapshot.is_empty() && volume.snapshot != one.snapshot {
                    return bad(format!(
                        "{} was made from {}, not from {}",
                        one.new, volume.snapshot, one.snapshot
                    ));
                }
                if !volume.fast {
                    slow.push(one.new.clone());
                }
                match volume.state.as_str() {
                    "available" | "in-use" => {}
                    "creating" => ready = false,
                    state => return bad(format!("{} for {} {} is {state}", one.new, one.node, one.device)),
                }
            }
        }
    }
    Ok(json!({"ready": ready, "fast_restored": ready && slow.is_empty(), "slow": slow}))
}

/// How long a volume that is still being made is waited for, to be deleted.
const CLEAN_SECONDS: u32 = 60;

/// Deletes what the operation made and no node ever had; looks twice, since describes lag behind the last CreateVolume.
async fn clean(aws: &Aws, cluster: &str, claim: &Claim) -> Result<Value> {
    let (_, intent) = aws.intent(cluster, claim).await?;
    let filter = format!("tag:{}", tag::RESTORE_ID);
    let deadline = aws.pace.deadline(CLEAN_SECONDS);
    let mut cleaned = Cleaned::default();
    let mut looks = 0;
    loop {
        let found = aws.volumes(&filter, vec![intent.id.clone()]).await?;
        (cleaned.kept, cleaned.in_place) = (Vec::new(), Vec::new());
        let (mut more, mut unmade) = (false, Vec::new());
        for (id, volume) in found {
            if cleaned.deleted.contains(&id) || volume.state == "deleting" {
                continue;
            }
            if volume.attached.is_some() {
                cleaned.in_place.push(id);
            } else if !is_ours(cluster, &volume.shape.tags) {
                cleaned.kept.push(id);
            } else if volume.state == "creating" {
                unmade.push(id);
            } else {
                aws.fence(cluster, claim).await?;
                delete(aws, &id).await?;
                cleaned.deleted.push(id);
                more = true;
            }
        }
        looks += 1;
        if unmade.is_empty() && !more && looks >= LOOKS {
            return Ok(json!(cleaned));
        }
        if !unmade.is_empty() && deadline.has_passed() {
            return Err(Error::new(
                Kind::AwsUnavailable,
                format!("{} is still being made, and cannot be deleted", unmade.join(", ")),
                "it is repeated; if it lasts, delete the volume by hand: no node ever had it",
            ));
        }
        aws.pace.tenths(30).await;
    }
}

/// So many looks must have found nothing more to delete.
const LOOKS: u32 = 2;

/// Made by the operation, and never attached to a node.
fn is_ours(cluster: &str, tags: &BTreeMap<String, String>) -> bool {
    tags.get(tag::CLUSTER).map(String::as_str) == Some(cluster)
        && !tags.contains_key(tag::ATTACHED)
        && !tags.contains_key(tag::REPLACED)
}

/// One that is gone already is deleted too.
async fn delete(aws: &Aws, id: &str) -> Result<()> {
    match aws.ec2.delete_volume().volume_id(id).send().await {
        Err(error) if error.code() != Some("InvalidVolume.NotFound") => Err(failed("ec2:DeleteVolume", &error)),
        _ => Ok(()),
    }
}

async fn release(aws: &Aws, cluster: &str, name: &str, confirm: Option<&str>) -> Result<Value> {
    restore::confirmed(cluster, confirm)?;
    let id = Id::parse(name)?;
    if id.cluster() != cluster {
        let found = format!("{id} is no restore of {cluster}");
        return Err(Error::new(
            Kind::RestoreNotFound,
            found,
            "name a restore of this cluster",
        ));
    }
    let record = aws.record(&id).await?;
    let ids = record
        .attachments
        .iter()
        .flat_map(|one| [one.old.clone(), one.new.clone()]);
    let there = aws.volumes("volume-id", ids.collect()).await?;
    // Beside the nodes, and this restore's: a later restore may have replaced its volumes again, and keeps them.
    let of_this = |tags: &BTreeMap<String, String>| tags.get(tag::RESTORE_ID).is_none_or(|of| of == name);
    let mut released = Vec::new();
    let mut in_place = Vec::new();
    for (volume, one) in there {
        if one.attached.is_some() {
            in_place.push(volume);
        } else if of_this(&one.shape.tags) {
            released.push(volume);
        }
    }
    if !released.is_empty() {
        let ours = [tag::REPLACED, tag::RESTORE_ID, tag::ATTACHED, tag::CLUSTER];
        let keys = ours.map(|key| Tag::builder().key(key).build());
        aws.ec2
            .delete_tags()
            .set_resources(Some(released.clone()))
            .set_tags(Some(keys.to_vec()))
            .send()
            .await
            .map_err(|error| failed("ec2:DeleteTags", &error))?;
    }
    Ok(json!({"released": released, "in_place": in_place}))
}
