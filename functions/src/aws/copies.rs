//! Copies of snapshots in another region. Its clients are made from the same configuration when they are first needed.

use super::Aws;
use super::client::{ended, failed, incomplete, refused};
use super::convert::{PAGE, as_tags, by, id, moment, texts};
use super::presigned;
use super::snapshots::{all_by, read, tagged};
use crate::ports::{Copies, NewCopy, Outcome};
use aws_config::retry::RetryConfig;
use aws_config::{Region as SdkRegion, SdkConfig};
use aws_sdk_ec2::types::{LockMode, LockState, ResourceType, TagSpecification};
use mirrorsnap_domain::catalogue::{VOLUME_OF_COPIES, tag};
use mirrorsnap_domain::copies::{Lock, Mode, Region, Seen};
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use std::collections::BTreeMap;

impl Aws {
    /// EC2 of another region.
    fn ec2_in(&self, region: &Region) -> aws_sdk_ec2::Client {
        aws_sdk_ec2::Client::new(&self.config_of(region))
    }

    /// Without the SDK's own retries.
    fn ec2_once_in(&self, region: &Region) -> aws_sdk_ec2::Client {
        let once = self
            .config_of(region)
            .to_builder()
            .retry_config(RetryConfig::disabled());
        aws_sdk_ec2::Client::new(&once.build())
    }

    fn config_of(&self, region: &Region) -> SdkConfig {
        let region = SdkRegion::new(region.to_string());
        self.config.to_builder().region(region).build()
    }

    /// The same in another region. No call is made.
    #[must_use]
    pub fn elsewhere(&self, region: &Region) -> Self {
        Self::of(&self.config_of(region), self.table.clone(), self.parameters.clone())
    }

    /// How many copies are on their way into this region, whosever.
    pub async fn copies_running(&self) -> Result<usize> {
        let pending = all_by(&self.ec2, by("status", ["pending"])).await?;
        let copies = pending.iter().filter(|one| one.volume_id() == Some(VOLUME_OF_COPIES));
        Ok(copies.count())
    }
}

impl Copies for Aws {
    fn region(&self) -> Result<Region> {
        let own = self.config.region().map_or("", SdkRegion::as_ref);
        own.parse().map_err(|_| {
            Error::new(
                Kind::AwsRefused,
                format!("the function's own region is {own:?}"),
                "set AWS_REGION, as Lambda does",
            )
        })
    }

    async fn copies_of_cluster(&self, region: &Region, cluster: &str) -> Result<Vec<Seen>> {
        let shown = all_by(&self.ec2_in(region), tagged(tag::CLUSTER, cluster.to_owned())).await?;
        let seen = |one: &aws_sdk_ec2::types::Snapshot| -> Result<Option<Seen>> {
            let message = one.state_message().map(str::to_owned);
            Ok(read(one)?.map(|snapshot| Seen { snapshot, message }))
        };
        let all: Result<Vec<Seen>> = shown.iter().filter_map(|one| seen(one).transpose()).collect();
        Ok(all?
            .into_iter()
            .filter(|one| one.snapshot.tags.contains_key(tag::COPY_OF))
            .collect())
    }

    async fn copy_snapshot(&self, region: &Region, new: &NewCopy) -> Outcome<SnapshotId> {
        let name = "ec2:CopySnapshot";
        let specification = TagSpecification::builder()
            .resource_type(ResourceType::Snapshot)
            .set_tags(Some(as_tags(&new.tags)))
            .build();
        let call = self.ec2_once_in(region).copy_snapshot();
        let mut call = call
            .source_region(new.from.as_str())
            .source_snapshot_id(new.source.as_str())
            .description(&new.description)
            .tag_specifications(specification);
        if let Some(key) = &new.kms_key {
            call = call.encrypted(true).kms_key_id(key.as_str());
        }
        if new.encrypted && &new.from != region {
            match presigned::url(&self.config, new, region).await {
                Ok(url) => call = call.presigned_url(url),
                Err(error) => return Outcome::Refused(error),
            }
        }
        match call.send().await {
            Ok(made) => match id(made.snapshot_id()) {
                Ok(copy) => Outcome::Accepted(copy),
                Err(_) => incomplete(name, "the copy's id"),
            },
            Err(error) => refused(name, &error),
        }
    }

    async fn tag_copies(&self, region: &Region, copies: &[SnapshotId], tags: &BTreeMap<String, String>) -> Outcome {
        let call = self.ec2_in(region).create_tags().set_resources(Some(texts(copies)));
        ended("ec2:CreateTags", call.set_tags(Some(as_tags(tags))).send().await)
    }

    async fn delete_copy(&self, region: &Region, copy: &SnapshotId) -> Outcome {
        let call = self.ec2_in(region).delete_snapshot().snapshot_id(copy.as_str());
        ended("ec2:DeleteSnapshot", call.send().await)
    }

    async fn lock_copy(&self, region: &Region, copy: &SnapshotId, lock: &Lock) -> Outcome {
        let mode = match lock.mode {
            Mode::Governance => LockMode::Governance,
        };
        let days = i32::try_from(lock.days).unwrap_or(i32::MAX);
        let call = self.ec2_in(region).lock_snapshot().snapshot_id(copy.as_str());
        ended(
            "ec2:LockSnapshot",
            call.lock_mode(mode).lock_duration(days).send().await,
        )
    }

    async fn locked_copies(&self, region: &Region) -> Result<BTreeMap<SnapshotId, String>> {
        let ec2 = self.ec2_in(region);
        // The SDK has no paginator for it.
        let (mut all, mut next) = (Vec::new(), None);
        loop {
            let call = ec2.describe_locked_snapshots().max_results(PAGE).set_next_token(next);
            let page = call
                .send()
                .await
                .map_err(|error| failed("ec2:DescribeLockedSnapshots", &error))?;
            all.extend(page.snapshots().iter().cloned());
            next = page.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if next.is_none() {
                break;
            }
        }
        let locked = all.iter().filter(|one| one.lock_state() != Some(&LockState::Expired));
        let until = |one: &aws_sdk_ec2::types::LockedSnapshotsInfo| {
            moment(one.lock_expires_on()).map_or_else(|| "a time that EC2 does not say".to_owned(), |at| at.to_string())
        };
        locked.map(|one| Ok((id(one.snapshot_id())?, until(one)))).collect()
    }
}
