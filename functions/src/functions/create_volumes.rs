//! `create-volumes`: the new volumes of a restore. Made before anything is disturbed, each at most once by its ClientToken;
//! those that were never attached to a node are deleted again (safety.md, rule 19).

use crate::aws::ec2::as_tags;
use crate::aws::{Aws, failed};
use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification, VolumeType};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::intent::{Attachment, Claim};
use mirrorsnap_domain::restore::{self, volumes::NewVolume};
use serde::Deserialize;
use serde_json::{Value, json};
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
    /// The operator needs the replaced volumes no more: they lose our tags, and stay.
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
    let (mut ready, mut fast) = (true, true);
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
                fast &= volume.fast;
                match volume.state.as_str() {
                    "available" | "in-use" => {}
                    "creating" => ready = false,
                    state => return bad(format!("{} for {} {} is {state}", one.new, one.node, one.device)),
                }
            }
        }
    }
    Ok(json!({"ready": ready, "fast_restored": ready && fast}))
}

async fn clean(aws: &Aws, cluster: &str, claim: &Claim) -> Result<Value> {
    let (_, intent) = aws.intent(cluster, claim).await?;
    let filter = format!("tag:{}", tag::RESTORE_ID);
    let found = aws.volumes(&filter, vec![intent.id.clone()]).await?;
    let (mut deleted, mut kept) = (Vec::new(), Vec::new());
    for (id, volume) in found {
        let tags = &volume.shape.tags;
        let ours = tags.get(tag::CLUSTER).map(String::as_str) == Some(cluster)
            && !tags.contains_key(tag::ATTACHED)
            && !tags.contains_key(tag::REPLACED);
        if !ours || volume.attached.is_some() {
            kept.push(id);
            continue;
        }
        aws.fence(cluster, claim).await?;
        let call = aws.ec2.delete_volume().volume_id(&id).send().await;
        call.map_err(|error| failed("ec2:DeleteVolume", &error))?;
        deleted.push(id);
    }
    Ok(json!({"deleted": deleted, "kept": kept}))
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
    let mut released: Vec<String> = record.attachments.iter().map(|one| one.old.clone()).collect();
    let there = aws.volumes("volume-id", released.clone()).await?;
    released.retain(|one| there.contains_key(one));
    if !released.is_empty() {
        let keys = [tag::REPLACED, tag::RESTORE_ID].map(|key| Tag::builder().key(key).build());
        aws.ec2
            .delete_tags()
            .set_resources(Some(released.clone()))
            .set_tags(Some(keys.to_vec()))
            .send()
            .await
            .map_err(|error| failed("ec2:DeleteTags", &error))?;
    }
    Ok(json!({"released": released}))
}
