//! The clusters' parameters, and the tag of their instances.

use super::Stack;
use crate::ports::Registry;
use aws_sdk_ec2::types::{Filter, Reservation, Tag};
use aws_sdk_ssm::types::{ParameterTier, ParameterType};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_functions::aws::failed;
use mirrorsnap_functions::ports::Instances;
use std::collections::BTreeMap;

/// What a standard parameter holds.
const STANDARD_BYTES: usize = 4096;

/// All states of an instance but the last ones.
const STATES: [&str; 4] = ["pending", "running", "stopping", "stopped"];

fn texts(ids: &[InstanceId]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

impl Stack {
    fn parameter(&self, cluster: &str) -> String {
        format!("/{}/clusters/{cluster}", self.name)
    }
}

impl Registry for Stack {
    async fn tagged_for(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Option<String>>> {
        let seen = self.aws.instances(ids).await?;
        Ok(seen.into_iter().map(|(id, one)| (id, one.tagged_for)).collect())
    }

    async fn tagged(&self, key: &str, value: &str) -> Result<Vec<InstanceId>> {
        const CALL: &str = "ec2:DescribeInstances";
        // A terminated instance is shown for an hour, and no tag of it matters.
        let filters = [
            (format!("tag:{key}"), vec![value.to_owned()]),
            ("instance-state-name".to_owned(), STATES.map(str::to_owned).to_vec()),
        ];
        let filters = filters.map(|(name, values)| Filter::builder().name(name).set_values(Some(values)).build());
        let mut stream = self
            .ec2
            .describe_instances()
            .set_filters(Some(filters.to_vec()))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = stream.next().await {
            let page = page.map_err(|error| failed(CALL, &error))?;
            let all = page.reservations().iter().flat_map(Reservation::instances);
            found.extend(all.filter_map(|one| one.instance_id()?.parse().ok()));
        }
        Ok(found)
    }

    async fn tag(&self, ids: &[InstanceId], cluster: &str) -> Result<()> {
        let call = self.ec2.create_tags().set_resources(Some(texts(ids)));
        let reply = call
            .tags(Tag::builder().key(tag::CLUSTER).value(cluster).build())
            .send()
            .await;
        reply.map(drop).map_err(|error| failed("ec2:CreateTags", &error))
    }

    async fn untag(&self, ids: &[InstanceId], cluster: &str) -> Result<()> {
        let call = self.ec2.delete_tags().set_resources(Some(texts(ids)));
        // With the value: a tag that names another cluster stays.
        let reply = call
            .tags(Tag::builder().key(tag::CLUSTER).value(cluster).build())
            .send()
            .await;
        reply.map(drop).map_err(|error| failed("ec2:DeleteTags", &error))
    }

    async fn describe(&self, cluster: &str, json: &str) -> Result<()> {
        let tier = if json.len() > STANDARD_BYTES {
            ParameterTier::Advanced
        } else {
            ParameterTier::Standard
        };
        let call = self
            .ssm
            .put_parameter()
            .name(self.parameter(cluster))
            .value(json)
            .tier(tier);
        let reply = call.r#type(ParameterType::String).overwrite(true).send().await;
        reply.map(drop).map_err(|error| failed("ssm:PutParameter", &error))
    }

    async fn forget(&self, cluster: &str) -> Result<()> {
        let reply = self.ssm.delete_parameter().name(self.parameter(cluster)).send().await;
        reply.map(drop).map_err(|error| failed("ssm:DeleteParameter", &error))
    }
}
