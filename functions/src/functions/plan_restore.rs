//! `plan-restore`: what a restore or a rollback will do. Changes nothing; the state machine writes the intents.

use crate::deadline::Deadline;
use crate::functions::changes::changed as changed_blocks;
use crate::functions::describe::describe;
use crate::functions::fence::intent;
use crate::functions::keys;
use crate::functions::observe::{Purpose, observe};
use crate::ports::{
    Changes, Clock, Configs, Descriptions, FastRestores, Instances, Keys, Ledger, Nodes, Quotas, Snapshots, Volumes,
};
use mirrorsnap_domain::catalogue::{self, Backup};
use mirrorsnap_domain::changes;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::description;
use mirrorsnap_domain::ec2::{VolumeId, VolumeState};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::inspect;
use mirrorsnap_domain::intent::{Attachment, Intent};
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::observation::Observation;
use mirrorsnap_domain::restore::fast_snapshot_restore::FastRestore;
use mirrorsnap_domain::restore::initialization::Initialization;
use mirrorsnap_domain::restore::quotas;
use mirrorsnap_domain::restore::volumes::OldVolume;
use mirrorsnap_domain::restore::{self, Asked, Facts, Record};
use mirrorsnap_domain::sentence::{Said, Sentence};
use mirrorsnap_domain::time::Moment;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// docs/functions.md, plan-restore.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Input {
    /// Which backup, which volumes, and what refuses it.
    Plan {
        cluster: String,
        now: Moment,
        #[serde(default)]
        lock: Option<Claim>,
        backup: Asked,
        #[serde(default)]
        initialization: Initialization,
        #[serde(default)]
        confirm: Option<String>,
        #[serde(default)]
        dry_run: bool,
    },
    /// The volumes are made: checks again, and returns the intent that lists every disturbance, the record, and the steps.
    Disturb {
        cluster: String,
        now: Moment,
        lock: Claim,
        backup: Id,
        made: Vec<Attachment>,
    },
    /// A rollback to the replaced volumes of a restore.
    Rollback {
        cluster: String,
        now: Moment,
        #[serde(default)]
        lock: Option<Claim>,
        restore: String,
        #[serde(default)]
        confirm: Option<String>,
        #[serde(default)]
        dry_run: bool,
    },
}

/// What the function needs.
pub trait Ports:
    Configs
    + Ledger
    + Descriptions
    + Instances
    + Volumes
    + Snapshots
    + Changes
    + FastRestores
    + Quotas
    + Keys
    + Nodes
    + Clock
{
}
impl<
    T: Configs
        + Ledger
        + Descriptions
        + Instances
        + Volumes
        + Snapshots
        + Changes
        + FastRestores
        + Quotas
        + Keys
        + Nodes
        + Clock,
> Ports for T
{
}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Value> {
    match input {
        Input::Plan {
            cluster,
            now,
            lock,
            backup,
            initialization,
            confirm,
            dry_run,
        } => {
            let config = begin(ports, &cluster, lock.as_ref(), confirm.as_deref(), dry_run).await?;
            plan(ports, &config, now, &backup, initialization).await
        }
        Input::Disturb {
            cluster,
            now,
            lock,
            backup,
            made,
        } => disturb(ports, &cluster, now, &lock, backup, made).await,
        Input::Rollback {
            cluster,
            now,
            lock,
            restore,
            confirm,
            dry_run,
        } => {
            let config = begin(ports, &cluster, lock.as_ref(), confirm.as_deref(), dry_run).await?;
            rollback(ports, &config, now, &restore).await
        }
    }
}

/// Refuses before anything is read.
async fn begin(
    ports: &(impl Configs + Ledger),
    cluster: &str,
    claim: Option<&Claim>,
    confirm: Option<&str>,
    dry_run: bool,
) -> Result<Config> {
    if !dry_run {
        restore::confirmed(cluster, confirm)?;
    }
    let config = ports.config(cluster).await?;
    let lock = ports.lock(cluster).await?;
    lock.not_on_hold(cluster)?;
    if let Some(claim) = claim {
        lock.admit(cluster, claim)?;
    }
    match &lock.intent {
        None => Ok(config),
        Some(unfinished) => Err(Error::new(
            Kind::OperationInProgress,
            format!("{} on {cluster} is not brought to its end", unfinished.id),
            "run `mirrorsnap recover CLUSTER`, or wait for the operation that holds the cluster",
        )),
    }
}

fn as_json(value: &impl serde::Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))
}

async fn present(ports: &impl Ports, seen: &Observation) -> Result<BTreeMap<VolumeId, OldVolume>> {
    let ids: Vec<VolumeId> = seen
        .instances
        .values()
        .flat_map(|instance| instance.volumes.values().cloned())
        .collect();
    if ids.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = ports.volumes(&ids).await?;
    Ok(found.into_iter().map(|(id, one)| (id, one.shape)).collect())
}

async fn plan(
    ports: &impl Ports,
    config: &Config,
    now: Moment,
    backup: &Asked,
    asked: Initialization,
) -> Result<Value> {
    let id = Id::new(IdKind::Restore, &config.name, now)?;
    let snapshots = ports.snapshots_of_cluster(&config.name).await?;
    let seen = observe(ports, config, &id.to_string(), now, Purpose::Inspection).await?;
    let volumes = present(ports, &seen).await?;
    let fast = ports.all_fast_restores().await?;
    let counted = fast.iter().map(|one| one.snapshot.clone()).collect();
    let kinds = volumes.values().map(|one| one.kind.clone()).collect();
    let quotas = quotas::Quotas::new(counted, ports.ebs_quotas().await, ports.provisioned_gib(&kinds).await);
    let on: Vec<_> = fast
        .into_iter()
        .filter(FastRestore::is_on)
        .map(|one| (one.snapshot, one.zone))
        .collect();
    let backups = catalogue::backups(&config.name, snapshots.clone());
    let facts = Facts {
        snapshots,
        volumes: &volumes,
        fast: &on,
        quotas: &quotas,
    };
    let mut plan = restore::plan(config, &id, backup, asked, &seen, facts)?;
    let keys = volumes.iter().map(|(id, one)| (id, one.kms_key.as_ref()));
    plan.words.0.extend(keys::judged(ports, keys).await?);
    plan.words.0.extend(inspect::capacity_words(config, &seen));
    if let Some(source) = plan
        .intent
        .restore
        .as_ref()
        .and_then(|restoring| restoring.source.as_deref())
    {
        plan.words.0.extend(inspect::settings_words(config, &seen, source));
    }
    plan.words.0.extend(set_back(ports, &backups, &plan.backup).await);
    plan.words
        .0
        .extend(changed(ports, config, &plan.backup, &id, now).await);
    Ok(json!({"id": id, "intent_json": as_json(&plan.intent)?, "plan": plan}))
}

/// How long EBS is asked what changed since the backup, and in how many pages at most: of all of a volume of 100 GiB.
const COMPARE_SECONDS: u32 = 10;
const MOST_PAGES: u32 = 20;

fn compared(newest: &Backup) -> Sentence {
    Sentence::ComparedWith {
        newest: newest.id.to_string(),
    }
}

/// How much of the volumes changed until the newest valid backup. A plan does not depend on it: what fails is said.
async fn set_back(ports: &(impl Changes + Clock), backups: &[Backup], chosen: &Id) -> Vec<Sentence> {
    let Some(newest) = backups.iter().find(|one| one.valid) else {
        return vec![];
    };
    let chosen = match backups.iter().find(|one| one.id == *chosen) {
        Some(chosen) if chosen.id == newest.id => return vec![],
        Some(chosen) => chosen,
        None => return vec![changes::not_known(compared(newest), Sentence::BackupIsCopy)],
    };
    let pairs = match changes::pairs(chosen, newest) {
        Ok(pairs) => pairs,
        Err(error) => return vec![changes::not_known(compared(newest), Sentence::verbatim(error.found()))],
    };
    let deadline = Deadline::after(ports, COMPARE_SECONDS);
    let mut left = MOST_PAGES;
    let mut words = Vec::new();
    for pair in &pairs {
        let may_ask = || {
            let may = left > 0 && !deadline.has_passed(ports);
            left = left.saturating_sub(1);
            may
        };
        let found = changed_blocks(ports, pair, may_ask).await;
        words.push(changes::set_back(newest, pair, &found));
    }
    words
}

/// What has changed on the nodes since the backup. A plan does not depend on it: what fails is said.
async fn changed(ports: &impl Ports, config: &Config, backup: &Id, id: &Id, now: Moment) -> Vec<Sentence> {
    let then = match ports.description(backup).await {
        Ok(Some(then)) => then,
        Ok(None) => return description::not_known(Sentence::NoDescription),
        Err(error) => return description::not_known(Sentence::verbatim(error.to_string())),
    };
    match Box::pin(describe(ports, config, id, now)).await {
        Ok(now) => description::since(&then, &now),
        Err(error) => description::not_known(Sentence::verbatim(error.to_string())),
    }
}

async fn disturb(
    ports: &impl Ports,
    cluster: &str,
    now: Moment,
    claim: &Claim,
    backup: Id,
    made: Vec<Attachment>,
) -> Result<Value> {
    let config = ports.config(cluster).await?;
    let (lock, planned) = intent(ports, cluster, claim).await?;
    lock.not_on_hold(cluster)?;
    let seen = observe(ports, &config, &planned.id, now, Purpose::Inspection).await?;
    let source = inspect::refuse_restore(&config, &seen)?;
    let planned_source = planned.restore.as_ref().and_then(|restoring| restoring.source.clone());
    if source != planned_source {
        let found = format!(
            "the groups of {cluster} run on {} now, and on {} when the restore was planned",
            source.as_deref().unwrap_or("no node"),
            planned_source.as_deref().unwrap_or("no node")
        );
        return Err(Error::new(
            Kind::GroupNotOnline,
            found,
            "nothing was touched; run `mirrorsnap restore CLUSTER` again",
        ));
    }
    for one in &made {
        let attached = seen
            .instances
            .get(&one.node)
            .and_then(|instance| instance.volumes.get(&one.device));
        if attached != Some(&one.old) {
            let found = format!("{} of {} no longer holds {}", one.device, one.node, one.old);
            return Err(Error::new(
                Kind::AttachmentUnexpected,
                found,
                "nothing was touched; run `mirrorsnap restore CLUSTER` again",
            ));
        }
    }
    let intent: Intent = restore::disturbing(&config, &planned, &seen, &made);
    let record = Record {
        id: Id::parse(&intent.id)?,
        backup,
        started: now,
        source,
        attachments: made,
    };
    Ok(json!({
        "intent_json": as_json(&intent)?,
        "record_json": as_json(&record)?,
        "steps": restore::steps(&config, &intent, &seen)?,
        "stops_groups": intent.groups().next().is_some(),
        "deadline": intent.restore.as_ref().and_then(|restoring| restoring.forward_until),
    }))
}

async fn rollback(ports: &impl Ports, config: &Config, now: Moment, name: &str) -> Result<Value> {
    let restored = Id::parse(name)?;
    if restored.kind() != IdKind::Restore || restored.cluster() != config.name {
        let found = format!("{restored} is no restore of {}", config.name);
        return Err(Error::new(
            Kind::RestoreNotFound,
            found,
            "name a restore of this cluster",
        ));
    }
    let record = ports.record(&restored).await?;
    let id = Id::new(IdKind::Restore, &config.name, now)?;
    let seen = observe(ports, config, &id.to_string(), now, Purpose::Inspection).await?;
    let intent = restore::rollback(config, &id, &record, &seen)?;
    let old: Vec<VolumeId> = record.attachments.iter().map(|one| one.old.clone()).collect();
    let there = ports.volumes(&old).await?;
    for one in &record.attachments {
        if there
            .get(&one.old)
            .is_none_or(|volume| volume.state != VolumeState::Available)
        {
            let found = format!(
                "the old volume {} of {} {} is not available",
                one.old, one.node, one.device
            );
            return Err(Error::new(
                Kind::VolumeNotFound,
                found,
                "detach it from where it is, or restore a backup",
            ));
        }
    }
    let volumes = record
        .attachments
        .iter()
        .map(|one| format!("{} ({} {})", one.new, one.node, one.device));
    let said = Said(vec![
        Sentence::RollbackStops {
            restore: restored.to_string(),
        },
        Sentence::RollbackCopies {
            source: intent.active.clone(),
        },
        Sentence::RollbackLeaves {
            volumes: volumes.collect::<Vec<_>>().join(", "),
        },
    ]);
    Ok(
        json!({"id": id, "intent_json": as_json(&intent)?, "words": said.words(), "sentences": said.0, "record": record}),
    )
}
