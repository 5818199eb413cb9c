//! EC2's instances.

use super::Aws;
use super::client::{ended, failed, is_absent, pages};
use super::convert::{PAGE, by, id, moment, tags_of, texts};
use crate::ports::{Instances, Outcome};
use aws_sdk_ec2::operation::describe_instances::DescribeInstancesOutput;
use aws_sdk_ec2::types::{
    DeviceType, EbsInstanceBlockDeviceSpecification, Filter, InstanceAttributeName,
    InstanceBlockDeviceMappingSpecification, Reservation,
};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::description::Facts;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::observation::{Instance, Root, mapped};
use std::collections::BTreeMap;

fn read(instance: &aws_sdk_ec2::types::Instance) -> Result<Instance> {
    let tags = tags_of(instance.tags());
    let state = instance
        .state()
        .and_then(|state| state.name())
        .map_or("", |name| name.as_str());
    let mappings = instance.block_device_mappings().iter().filter_map(|mapping| {
        let (device, ebs) = (mapping.device_name()?.to_owned(), mapping.ebs()?);
        let status = ebs.status().map_or("", |status| status.as_str());
        Some(id(ebs.volume_id()).map(|volume| (device, volume, status.into())))
    });
    let (volumes, moving) = mapped(mappings.collect::<Result<Vec<_>>>()?);
    Ok(Instance {
        id: id(instance.instance_id())?,
        power: state.into(),
        reason: instance
            .state_reason()
            .and_then(|reason| reason.code())
            .map(str::to_owned),
        reason_text: instance
            .state_reason()
            .and_then(|reason| reason.message())
            .map(str::to_owned),
        launched: moment(instance.launch_time()),
        shutdown_behavior: None,
        spot: instance
            .instance_lifecycle()
            .is_some_and(|lifecycle| lifecycle.as_str() == "spot"),
        reserved: instance.capacity_reservation_id().is_some(),
        auto_scaling_group: tags.get("aws:autoscaling:groupName").cloned(),
        tagged_for: tags.get(tag::CLUSTER).cloned(),
        zone: instance
            .placement()
            .and_then(|placement| placement.availability_zone())
            .unwrap_or_default()
            .to_owned(),
        volumes,
        moving,
        root_device: instance.root_device_name().map(str::to_owned),
        root: match instance.root_device_type() {
            Some(DeviceType::InstanceStore) => Root::InstanceStore,
            _ => Root::Volume,
        },
    })
}

/// Neither its user data nor its tags, which may hold secrets, nor its volumes, which every restore replaces.
fn facts(instance: &aws_sdk_ec2::types::Instance) -> Facts {
    let list = |texts: Vec<&str>| (!texts.is_empty()).then(|| texts.join(" "));
    let placement = instance.placement();
    let interfaces = instance.network_interfaces().iter().map(|one| {
        let addresses = one.private_ip_addresses().iter();
        let addresses = addresses.filter_map(|one| one.private_ip_address()).collect::<Vec<_>>();
        format!("{}: {}", one.subnet_id().unwrap_or_default(), addresses.join(" "))
    });
    let tokens = instance.metadata_options().and_then(|options| options.http_tokens());
    let all = [
        ("type", instance.instance_type().map(|kind| kind.as_str().to_owned())),
        ("image", instance.image_id().map(str::to_owned)),
        (
            "architecture",
            instance.architecture().map(|kind| kind.as_str().to_owned()),
        ),
        (
            "zone",
            placement.and_then(|place| place.availability_zone()).map(str::to_owned),
        ),
        (
            "tenancy",
            placement
                .and_then(|place| place.tenancy())
                .map(|kind| kind.as_str().to_owned()),
        ),
        (
            "placement group",
            placement.and_then(|place| place.group_name()).map(str::to_owned),
        ),
        ("VPC", instance.vpc_id().map(str::to_owned)),
        ("subnet", instance.subnet_id().map(str::to_owned)),
        ("private address", instance.private_ip_address().map(str::to_owned)),
        ("interfaces", Some(interfaces.collect::<Vec<_>>().join("; "))),
        (
            "security groups",
            list(
                instance
                    .security_groups()
                    .iter()
                    .filter_map(|group| group.group_id())
                    .collect(),
            ),
        ),
        (
            "instance profile",
            instance
                .iam_instance_profile()
                .and_then(|profile| profile.arn())
                .map(str::to_owned),
        ),
        ("key pair", instance.key_name().map(str::to_owned)),
        ("root device", instance.root_device_name().map(str::to_owned)),
        ("EBS-optimised", instance.ebs_optimized().map(|is| is.to_string())),
        (
            "source/destination check",
            instance.source_dest_check().map(|is| is.to_string()),
        ),
        ("metadata tokens", tokens.map(|kind| kind.as_str().to_owned())),
    ];
    let told = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
    told.filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| (name.to_owned(), value.chars().take(500).collect()))
        .collect()
}

const CALL: &str = "ec2:DescribeInstances";

fn by_id<'a>(reservations: impl IntoIterator<Item = &'a Reservation>) -> Result<BTreeMap<InstanceId, Instance>> {
    let all = reservations.into_iter().flat_map(Reservation::instances);
    all.map(|one| read(one).map(|one| (one.id.clone(), one))).collect()
}

impl Aws {
    async fn instances_by(&self, filter: Filter) -> Result<BTreeMap<InstanceId, Instance>> {
        let mut stream = self
            .ec2
            .describe_instances()
            .filters(filter)
            .into_paginator()
            .page_size(PAGE)
            .send();
        let pages = pages(CALL, async || stream.next().await).await?;
        by_id(pages.iter().flat_map(DescribeInstancesOutput::reservations))
    }
}

impl Instances for Aws {
    async fn instances(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>> {
        let call = self.ec2.describe_instances().set_instance_ids(Some(texts(ids)));
        match call.send().await {
            Ok(reply) => by_id(reply.reservations()),
            // One that EC2 does not know fails the call for all.
            Err(error) if is_absent(CALL, &error) => self.instances_by(by("instance-id", ids)).await,
            Err(error) => Err(failed(CALL, &error)),
        }
    }

    async fn facts(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Facts>> {
        let call = self.ec2.describe_instances().set_instance_ids(Some(texts(ids)));
        let reply = call.send().await.map_err(|error| failed(CALL, &error))?;
        let all = reply.reservations().iter().flat_map(Reservation::instances);
        all.map(|one| Ok((id(one.instance_id())?, facts(one)))).collect()
    }

    async fn shutdown_behavior(&self, instance: &InstanceId) -> Result<Option<String>> {
        let reply = self
            .ec2
            .describe_instance_attribute()
            .instance_id(instance.as_str())
            .attribute(InstanceAttributeName::InstanceInitiatedShutdownBehavior)
            .send()
            .await
            .map_err(|error| failed("ec2:DescribeInstanceAttribute", &error))?;
        let value = reply
            .instance_initiated_shutdown_behavior()
            .and_then(|value| value.value());
        Ok(value.map(str::to_owned))
    }

    async fn start(&self, instance: &InstanceId) -> Outcome {
        let reply = self.ec2.start_instances().instance_ids(instance.as_str()).send().await;
        ended("ec2:StartInstances", reply)
    }

    async fn stop(&self, instance: &InstanceId) -> Outcome {
        let reply = self.ec2.stop_instances().instance_ids(instance.as_str()).send().await;
        ended("ec2:StopInstances", reply)
    }

    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str) -> Outcome {
        let ebs = EbsInstanceBlockDeviceSpecification::builder()
            .delete_on_termination(true)
            .build();
        let mapping = InstanceBlockDeviceMappingSpecification::builder()
            .device_name(device)
            .ebs(ebs)
            .build();
        let reply = self
            .ec2
            .modify_instance_attribute()
            .instance_id(instance.as_str())
            .block_device_mappings(mapping)
            .send()
            .await;
        ended("ec2:ModifyInstanceAttribute", reply)
    }
}
