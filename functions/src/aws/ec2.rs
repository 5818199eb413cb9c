//! EC2 as the domain sees it.

use super::{Aws, failed};
use aws_sdk_ec2::types::{Filter, InstanceAttributeName, Tag};
use mirrorsnap_domain::catalogue::{Snapshot, source_of_copy, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::observation::{Instance, Power};
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;

pub(crate) fn moment(at: Option<&aws_sdk_ec2::primitives::DateTime>) -> Option<Moment> {
    at.map(|at| Moment::from_unix(at.secs()))
}

pub(crate) fn by(name: &str, values: impl IntoIterator<Item = String>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.into_iter().collect()))
        .build()
}

pub(crate) fn tags_of(tags: &[Tag]) -> BTreeMap<String, String> {
    tags.iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect()
}

fn read(instance: &aws_sdk_ec2::types::Instance) -> Option<Instance> {
    let tags = tags_of(instance.tags());
    let state = instance
        .state()
        .and_then(|state| state.name())
        .map_or("", |name| name.as_str());
    let volumes = instance.block_device_mappings().iter().filter_map(|mapping| {
        Some((
            mapping.device_name()?.to_owned(),
            mapping.ebs()?.volume_id()?.to_owned(),
        ))
    });
    Some(Instance {
        id: instance.instance_id()?.to_owned(),
        power: Power::read(state),
        reason: instance
            .state_reason()
            .and_then(|reason| reason.code())
            .map(str::to_owned),
        launched: moment(instance.launch_time()),
        shutdown_behavior: None,
        spot: instance
            .instance_lifecycle()
            .is_some_and(|lifecycle| lifecycle.as_str() == "spot"),
        auto_scaling_group: tags.get("aws:autoscaling:groupName").cloned(),
        tagged_for: tags.get(tag::CLUSTER).cloned(),
        zone: instance
            .placement()
            .and_then(|placement| placement.availability_zone())
            .unwrap_or_default()
            .to_owned(),
        volumes: volumes.collect(),
        root_device: instance.root_device_name().map(str::to_owned),
    })
}

impl Aws {
    /// The cluster's instances by node name. One that EC2 does not know is absent. `for_inspection` also asks for the
    /// shutdown behaviour, which takes a call for each.
    pub(crate) async fn instances(&self, config: &Config, for_inspection: bool) -> Result<BTreeMap<String, Instance>> {
        // By filter: naming an unknown id would fail the call for both.
        let reply = self
            .ec2
            .describe_instances()
            .filters(by(
                "instance-id",
                config.nodes.iter().map(|node| node.instance_id.clone()),
            ))
            .send()
            .await
            .map_err(|error| failed("ec2:DescribeInstances", &error))?;
        let mut found = BTreeMap::new();
        for instance in reply
            .reservations()
            .iter()
            .flat_map(aws_sdk_ec2::types::Reservation::instances)
            .filter_map(read)
        {
            if let Some(node) = config.nodes.iter().find(|node| node.instance_id == instance.id) {
                found.insert(node.name.clone(), instance);
            }
        }
        if for_inspection {
            for instance in found.values_mut() {
                let reply = self
                    .ec2
                    .describe_instance_attribute()
                    .instance_id(&instance.id)
                    .attribute(InstanceAttributeName::InstanceInitiatedShutdownBehavior)
                    .send()
                    .await
                    .map_err(|error| failed("ec2:DescribeInstanceAttribute", &error))?;
                let value = reply
                    .instance_initiated_shutdown_behavior()
                    .and_then(|value| value.value());
                instance.shutdown_behavior = value.map(str::to_owned);
            }
        }
        Ok(found)
    }

    /// Our own snapshots with a tag of that value.
    pub(crate) async fn snapshots(&self, tag: &str, value: &str) -> Result<Vec<Snapshot>> {
        let mut pages = self
            .ec2
            .describe_snapshots()
            .owner_ids("self")
            .filters(by(&format!("tag:{tag}"), [value.to_owned()]))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("ec2:DescribeSnapshots", &error))?;
            found.extend(page.snapshots().iter().filter_map(|one| {
                Some(Snapshot {
                    id: one.snapshot_id()?.to_owned(),
                    volume: one.volume_id()?.to_owned(),
                    state: one.state().map_or("", |state| state.as_str()).to_owned(),
                    progress: one.progress().unwrap_or_default().to_owned(),
                    started: moment(one.start_time())?,
                    gib: one.volume_size().unwrap_or(0),
                    kms_key: one.kms_key_id().map(str::to_owned),
                    copied_from: one.description().and_then(source_of_copy),
                    tags: tags_of(one.tags()),
                })
            }));
        }
        Ok(found)
    }

    /// Writes tags; a repeat is harmless.
    pub(crate) async fn tag(&self, resources: &[String], tags: &BTreeMap<String, String>) -> Result<()> {
        self.ec2
            .create_tags()
            .set_resources(Some(resources.to_vec()))
            .set_tags(Some(as_tags(tags)))
            .send()
            .await
            .map_err(|error| failed("ec2:CreateTags", &error))?;
        Ok(())
    }
}

pub(crate) fn as_tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter()
        .map(|(key, value)| Tag::builder().key(key).value(value).build())
        .collect()
}
