//! EC2's volumes, and the tags of volumes and snapshots.

use super::Aws;
use super::client::{ended, failed, incomplete, is_absent, pages, refused};
use super::convert::{PAGE, as_tags, by, id, tags_of, texts};
use crate::ports::{Attached, Outcome, Tags, Volume, Volumes};
use aws_sdk_ec2::operation::describe_volumes::DescribeVolumesOutput;
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification, VolumeType};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::ec2::{InstanceId, Tagged, VolumeId};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::restore::volumes::{NewVolume, OldVolume};
use std::collections::BTreeMap;

fn read(volume: &aws_sdk_ec2::types::Volume) -> Result<Volume> {
    let attachment = volume.attachments().first();
    let attached = attachment
        .and_then(|one| Some((one, one.device()?)))
        .map(|(one, device)| {
            Ok(Attached {
                instance: id(one.instance_id())?,
                device: device.to_owned(),
                state: one.state().map_or("", |state| state.as_str()).into(),
            })
        });
    let snapshot = volume.snapshot_id().filter(|id| !id.is_empty());
    Ok(Volume {
        shape: OldVolume {
            id: id(volume.volume_id())?,
            gib: volume.size().unwrap_or(0),
            kind: volume.volume_type().map_or("gp3", |kind| kind.as_str()).to_owned(),
            iops: volume.iops(),
            throughput: volume.throughput(),
            kms_key: volume.kms_key_id().map(str::to_owned),
            tags: tags_of(volume.tags()),
            delete_on_termination: attachment
                .and_then(aws_sdk_ec2::types::VolumeAttachment::delete_on_termination)
                .unwrap_or(false),
            multi_attach: volume.multi_attach_enabled().unwrap_or(false),
        },
        state: volume.state().map_or("", |state| state.as_str()).into(),
        snapshot: snapshot.map(str::parse).transpose()?,
        fast: volume.fast_restored().unwrap_or(false),
        attached: attached.transpose()?,
    })
}

const CALL: &str = "ec2:DescribeVolumes";

fn by_id<'a>(volumes: impl IntoIterator<Item = &'a aws_sdk_ec2::types::Volume>) -> Result<BTreeMap<VolumeId, Volume>> {
    volumes
        .into_iter()
        .map(|one| read(one).map(|one| (one.shape.id.clone(), one)))
        .collect()
}

impl Aws {
    pub(super) async fn volumes_by(&self, filter: Filter) -> Result<BTreeMap<VolumeId, Volume>> {
        let mut stream = self
            .ec2
            .describe_volumes()
            .filters(filter)
            .into_paginator()
            .page_size(PAGE)
            .send();
        let pages = pages(CALL, async || stream.next().await).await?;
        by_id(pages.iter().flat_map(DescribeVolumesOutput::volumes))
    }
}

impl Volumes for Aws {
    async fn volumes(&self, ids: &[VolumeId]) -> Result<BTreeMap<VolumeId, Volume>> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let call = self.ec2.describe_volumes().set_volume_ids(Some(texts(ids)));
        match call.send().await {
            Ok(reply) => by_id(reply.volumes()),
            // One that EC2 does not know fails the call for all.
            Err(error) if is_absent(CALL, &error) => self.volumes_by(by("volume-id", ids)).await,
            Err(error) => Err(failed(CALL, &error)),
        }
    }

    async fn volumes_of(&self, restore: &str) -> Result<BTreeMap<VolumeId, Volume>> {
        let name = format!("tag:{}", tag::RESTORE_ID);
        self.volumes_by(by(&name, [restore])).await
    }

    async fn create_volume(&self, volume: &NewVolume) -> Outcome<VolumeId> {
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::Volume)
            .set_tags(Some(as_tags(&volume.tags)))
            .build();
        let reply = self
            .ec2
            .create_volume()
            .availability_zone(&volume.zone)
            .snapshot_id(volume.snapshot.as_str())
            .size(volume.gib)
            .volume_type(VolumeType::from(volume.kind.as_str()))
            .set_iops(volume.iops)
            .set_throughput(volume.throughput)
            .set_encrypted(volume.kms_key.as_ref().map(|_| true))
            .set_kms_key_id(volume.kms_key.clone())
            .set_volume_initialization_rate(volume.rate)
            .client_token(&volume.token)
            .tag_specifications(tags)
            .send()
            .await;
        match reply {
            Ok(made) => match id(made.volume_id()) {
                Ok(id) => Outcome::Accepted(id),
                Err(_) => incomplete("ec2:CreateVolume", "the volume's id"),
            },
            Err(error) => refused("ec2:CreateVolume", &error),
        }
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Outcome {
        let reply = self.ec2.delete_volume().volume_id(volume.as_str()).send().await;
        ended("ec2:DeleteVolume", reply)
    }

    async fn attach(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Outcome {
        let call = self.ec2_once.attach_volume().volume_id(volume.as_str());
        let reply = call.instance_id(instance.as_str()).device(device).send().await;
        ended("ec2:AttachVolume", reply)
    }

    async fn detach(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Outcome {
        let call = self.ec2_once.detach_volume().volume_id(volume.as_str());
        let reply = call.instance_id(instance.as_str()).device(device).send().await;
        ended("ec2:DetachVolume", reply)
    }
}

impl Tags for Aws {
    async fn tag<I: Tagged>(&self, resources: &[I], tags: &BTreeMap<String, String>) -> Outcome {
        let call = self.ec2.create_tags().set_resources(Some(texts(resources)));
        ended("ec2:CreateTags", call.set_tags(Some(as_tags(tags))).send().await)
    }

    async fn untag<I: Tagged>(&self, resources: &[I], keys: &[&str]) -> Outcome {
        let keys = keys.iter().map(|key| Tag::builder().key(*key).build()).collect();
        let call = self.ec2.delete_tags().set_resources(Some(texts(resources)));
        ended("ec2:DeleteTags", call.set_tags(Some(keys)).send().await)
    }
}
