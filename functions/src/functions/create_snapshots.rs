//! `create-snapshots`: the snapshots of a backup, taken at most once. CreateSnapshot has no idempotency token, so what a
//! lost call may have made is looked for by its intent tag before anything is made again (safety.md, rules 3 and 6).

use crate::aws::ec2::as_tags;
use crate::aws::{Aws, failed};
use aws_sdk_ec2::types::{InstanceSpecification, ResourceType, TagSpecification};
use mirrorsnap_domain::catalogue::{self, Snapshot, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{self, Image, Section, Stopped, Taken};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::inspect;
use mirrorsnap_domain::intent::{Claim, Intent};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How long an earlier call's snapshots are looked for before a repeat makes others (rule 6).
const LOOK_UP_SECONDS: u32 = 60;
/// Most tags that a snapshot may have.
const MOST_TAGS: usize = 50;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    cluster: String,
    lock: Claim,
    /// From `assess` in mode `section`.
    section: Section,
    /// From `assess` in mode `stopped`.
    stopped: Stopped,
    /// The state's RetryCount.
    #[serde(default)]
    retry_count: u32,
}

/// The standby as it is now; an error unless it is still stopped by its own shutdown.
async fn still_stopped(aws: &Aws, config: &Config, intent: &Intent) -> Result<Stopped> {
    let unproven = |why: &str| {
        let found = format!("{} is not stopped any more: {why}", intent.standby);
        Error::new(
            Kind::PreparationUnproven,
            found,
            "nothing by hand: the cluster is brought back; run the backup again",
        )
    };
    let seen = aws.instances(config, false).await?;
    let instance = seen
        .get(&intent.standby)
        .ok_or_else(|| unproven("EC2 does not show it"))?;
    let volumes = inspect::volumes(config, &intent.standby, instance)?;
    evidence::stopped(&intent.standby, instance, &volumes)?.ok_or_else(|| unproven("its instance runs"))
}

/// The set that counts, if there is a whole one: one snapshot for each volume.
async fn find(aws: &Aws, id: &Id, wanted: &BTreeSet<&String>) -> Result<Option<Vec<Snapshot>>> {
    let (kept, _) = catalogue::choose(aws.snapshots(tag::BACKUP_ID, &id.to_string()).await?);
    let ours: Vec<Snapshot> = kept.into_iter().filter(|one| wanted.contains(&one.volume)).collect();
    Ok((ours.len() == wanted.len()).then_some(ours))
}

async fn found_after_retry(
    aws: &Aws,
    id: &Id,
    wanted: &BTreeSet<&String>,
    retry_count: u32,
) -> Result<Option<Vec<Snapshot>>> {
    let deadline = aws.pace.deadline(if retry_count == 0 { 0 } else { LOOK_UP_SECONDS });
    loop {
        if let Some(set) = find(aws, id, wanted).await? {
            return Ok(Some(set));
        }
        if deadline.has_passed() {
            return Ok(None);
        }
        aws.pace.tenths(20).await;
    }
}

/// Tags that all volumes carry, without AWS's own and ours: they follow the data into its snapshots.
async fn carried(aws: &Aws, volumes: &BTreeSet<&String>) -> Result<BTreeMap<String, String>> {
    let reply = aws
        .ec2
        .describe_volumes()
        .set_volume_ids(Some(volumes.iter().map(|id| (*id).clone()).collect()))
        .send()
        .await
        .map_err(|error| failed("ec2:DescribeVolumes", &error))?;
    let mut common: Option<BTreeMap<String, String>> = None;
    for volume in reply.volumes() {
        let tags = crate::aws::ec2::tags_of(volume.tags());
        common = Some(match common {
            None => tags,
            Some(common) => common
                .into_iter()
                .filter(|(key, value)| tags.get(key) == Some(value))
                .collect(),
        });
    }
    let mut tags = common.unwrap_or_default();
    tags.retain(|key, _| !key.starts_with("aws:") && !key.starts_with("mirrorsnap:"));
    Ok(tags)
}

fn disks_on<'a>(stopped: &'a Stopped, volume: &'a str) -> Vec<String> {
    stopped
        .volumes
        .iter()
        .filter(|(_, on)| on.as_str() == volume)
        .map(|(disk, _)| disk.clone())
        .collect()
}

/// The first and only call that makes snapshots; all get the intent tag in the same call.
async fn create(
    aws: &Aws,
    config: &Config,
    stopped: &Stopped,
    tags: &BTreeMap<String, String>,
    wanted: &BTreeSet<&String>,
) -> Result<Vec<Taken>> {
    let tags = TagSpecification::builder()
        .resource_type(ResourceType::Snapshot)
        .set_tags(Some(as_tags(tags)))
        .build();
    let description = format!("mirrorsnap {}", config.name);
    let mut only = wanted.iter();
    if let (Some(volume), None) = (only.next(), only.next()) {
        let call = aws
            .ec2_once
            .create_snapshot()
            .volume_id(*volume)
            .description(description)
            .tag_specifications(tags);
        let made = call
            .send()
            .await
            .map_err(|error| failed("ec2:CreateSnapshot", &error))?;
        let snapshot = made.snapshot_id().unwrap_or_default().to_owned();
        return Ok(vec![Taken {
            snapshot,
            volume: (*volume).clone(),
        }]);
    }
    // One crash-consistent set of the mirror volumes, without the root and without volumes that are not ours.
    let seen = aws.instances(config, false).await?;
    let instance = seen.values().find(|instance| instance.id == stopped.instance);
    let attached = instance.map(|instance| instance.volumes.clone()).unwrap_or_default();
    let root = instance.and_then(|instance| instance.root_device.clone());
    let others = attached
        .iter()
        .filter(|(device, volume)| Some(*device) != root.as_ref() && !wanted.contains(volume));
    let which = InstanceSpecification::builder()
        .instance_id(&stopped.instance)
        .exclude_boot_volume(true)
        .set_exclude_data_volume_ids(
            Some(others.map(|(_, volume)| volume.clone()).collect()).filter(|ids: &Vec<String>| !ids.is_empty()),
        )
        .build();
    let call = aws
        .ec2_once
        .create_snapshots()
        .instance_specification(which)
        .description(description)
        .tag_specifications(tags);
    let made = call
        .send()
        .await
        .map_err(|error| failed("ec2:CreateSnapshots", &error))?;
    let taken = made.snapshots().iter().filter_map(|one| {
        Some(Taken {
            snapshot: one.snapshot_id()?.to_owned(),
            volume: one.volume_id()?.to_owned(),
        })
    });
    Ok(taken.collect())
}

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Image> {
    let config = aws.config(&input.cluster).await?;
    let (_, intent) = aws.intent(&input.cluster, &input.lock).await?;
    let id = Id::parse(&intent.id)?;
    let wanted: BTreeSet<&String> = input.stopped.volumes.values().collect();
    if wanted.is_empty() {
        return Err(Error::new(
            Kind::InputInvalid,
            "no volume is named",
            "pass what assess answered in mode stopped",
        ));
    }
    if still_stopped(&aws, &config, &intent).await? != input.stopped {
        let found = format!(
            "{} was started, or its volumes were changed, since it stopped",
            intent.standby
        );
        return Err(Error::new(
            Kind::PreparationUnproven,
            found,
            "nothing by hand; run the backup again",
        ));
    }
    let snapshots = if let Some(set) = found_after_retry(&aws, &id, &wanted, input.retry_count).await? {
        set.into_iter()
            .map(|one| Taken {
                snapshot: one.id,
                volume: one.volume,
            })
            .collect()
    } else {
        let mut tags = carried(&aws, &wanted).await?;
        // One call gives one set of tags to all: of several, which disks are on which volume is written afterwards.
        let disks = match wanted.first() {
            Some(only) if wanted.len() == 1 => disks_on(&input.stopped, only),
            _ => Vec::new(),
        };
        let ours = catalogue::tags(&id, input.section.consistent_at, &intent.standby, &disks, wanted.len());
        while tags.len() + ours.len() >= MOST_TAGS {
            tags.pop_last();
        }
        tags.extend(ours);
        aws.fence(&input.cluster, &input.lock).await?;
        create(&aws, &config, &input.stopped, &tags, &wanted).await?
    };
    if wanted.len() > 1 {
        for one in &snapshots {
            aws.fence(&input.cluster, &input.lock).await?;
            let disks = disks_on(&input.stopped, &one.volume).join(" ");
            aws.tag(
                std::slice::from_ref(&one.snapshot),
                &BTreeMap::from([(tag::MIRROR_DISKS.to_owned(), disks)]),
            )
            .await?;
        }
    }
    let after = still_stopped(&aws, &config, &intent).await?;
    Ok(Image { snapshots, after })
}
