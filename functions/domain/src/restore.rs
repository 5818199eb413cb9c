//! A restore: its input, its plan, and its record (safety.md, Restore).
//!
//! The plan decides everything before anything is touched: which backup, which volumes, how they become fast, what the
//! intent lists. A rollback is planned from the record of its restore.

pub mod fast_snapshot_restore;
pub mod forecast;
pub mod initialization;
pub mod leftover_volumes;
mod plan;
pub mod quotas;
mod ready;
mod rollback;
mod shutdown;
pub mod volumes;

use crate::catalogue::Wanted;
use crate::clusterpro::mdstat::Mirror;
use crate::clusterpro::stat::State;
use crate::config::Config;
use crate::consistency::{Consistency, RestoreFrom};
use crate::document::{Attempt, Recorded, TimerDone};
use crate::ec2::SnapshotId;
use crate::error::{Error, Kind, Result};
use crate::ids::{Id, IdKind};
use crate::inspect;
use crate::intent::{Attachment, Course, Disturbance, Intent, Operation, Phase, Restoring};
use crate::observation::Observation;
use crate::steps::Step;
use crate::time::Moment;
pub use plan::{Facts, Plan, plan};
pub use ready::{Ready, ready};
pub use rollback::rollback;
use serde::{Deserialize, Serialize};
pub use shutdown::departing;
use std::collections::BTreeMap;

/// Which backup the input of a restore names.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Asked {
    /// `latest`, or a backup's id.
    Named(String),
    /// The newest from before a time.
    Before(Before),
}

/// `{"before": "<time>"}`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Before {
    /// Compared with the moment at which the groups were stopped.
    pub before: Moment,
}

impl Asked {
    /// The question to the catalogue. An id of another cluster, or of a restore, is refused here.
    pub fn wanted(&self, cluster: &str, from: RestoreFrom) -> Result<Wanted> {
        let name = match self {
            Self::Before(Before { before }) => return Ok(Wanted::Before(*before, from)),
            Self::Named(name) if name == "latest" => return Ok(Wanted::Latest(from)),
            Self::Named(name) => name,
        };
        let id = Id::parse(name)?;
        if id.kind() != IdKind::Backup || id.cluster() != cluster {
            return Err(Error::new(
                Kind::BackupNotFound,
                format!("{id} is no backup of {cluster}"),
                "name a backup by its snapshots' tag mirrorsnap:backup-id, one of this cluster",
            ));
        }
        Ok(Wanted::Exactly(id))
    }
}

/// Refuses unless the operator has typed the cluster's name a second time.
pub fn confirmed(cluster: &str, confirm: Option<&str>) -> Result<()> {
    if confirm == Some(cluster) {
        return Ok(());
    }
    let shown: String = confirm.unwrap_or("nothing").chars().take(60).collect();
    Err(Error::new(
        Kind::ConfirmationMismatch,
        format!("a restore replaces the data of {cluster} on both nodes, and `confirm` says {shown:?}"),
        format!("repeat the call with \"confirm\": \"{cluster}\", or with \"dry_run\": true to see the plan"),
    ))
}

/// The intent that is written before the volumes are made.
fn intent(
    config: &Config,
    id: &Id,
    source: Option<&str>,
    seen: &Observation,
    fast_restores: &[(SnapshotId, String)],
) -> Result<Intent> {
    let first = config.node_names().next().unwrap_or_default();
    let active = source.unwrap_or(first).to_owned();
    let standby = config.peer(&active)?.name.clone();
    let fast = fast_restores.iter().map(|(snapshot, zone)| Disturbance::FastRestore {
        snapshot: snapshot.clone(),
        zone: zone.clone(),
    });
    Ok(Intent {
        operation: Operation::Restore,
        id: id.to_string(),
        phase: Phase::PrepareVolumes,
        started: seen.at,
        active,
        standby,
        boots: boots(seen),
        quiet_after_seconds: config.deadlines().not_after_seconds,
        disturbances: fast.collect(),
        restore: Some(Restoring {
            course: Course::PutBack,
            source: source.map(str::to_owned),
            forward_until: None,
            not_normal_before: not_normal(config, seen),
            turned: None,
        }),
        consistency: Consistency::Stopped,
        places: BTreeMap::new(),
    })
}

/// The mirror disks that not both nodes show as normal.
fn not_normal(config: &Config, seen: &Observation) -> Vec<String> {
    let is_normal = |disk: &str| {
        config.node_names().all(|name| {
            let mirror = seen.node(name).and_then(|node| node.mirrors.get(disk));
            mirror.is_some_and(Mirror::is_normal)
        })
    };
    let names = config.mirror_disks.iter().map(|disk| disk.name.clone());
    names.filter(|disk| !is_normal(disk)).collect()
}

/// The intent of a plan without fast restores.
#[cfg(test)]
pub(crate) fn intent_for_tests(config: &Config, id: &Id, source: Option<&str>, seen: &Observation) -> Intent {
    intent(config, id, source, seen, &[]).unwrap()
}

fn boots(seen: &Observation) -> BTreeMap<String, String> {
    seen.nodes
        .iter()
        .map(|(name, node)| (name.clone(), node.boot_id.clone()))
        .collect()
}

/// The disturbances of a restore on the nodes, without its volumes. Only groups that are online are listed, stopped and started again.
fn disturbances(config: &Config, active: &str, source: Option<&str>, seen: &Observation) -> Vec<Disturbance> {
    let online = |group: &&String| {
        let stat = source
            .and_then(|node| seen.node(node))
            .and_then(|node| node.stat.as_ref());
        stat.and_then(|stat| stat.group(group))
            .is_some_and(|group| group.state == State::Online)
    };
    let groups = config
        .failover_groups
        .iter()
        .filter(online)
        .map(|group| Disturbance::Group {
            node: active.to_owned(),
            group: group.clone(),
        });
    let modes = config
        .node_names()
        .map(|node| Disturbance::RestoreMode { node: node.to_owned() });
    // If a full copy is needed, it overwrites the other side.
    let others = config.node_names().filter(|node| *node != active);
    let mirrors = others.flat_map(|node| {
        config.mirror_disks.iter().map(|disk| Disturbance::Mirror {
            node: node.to_owned(),
            disk: disk.name.clone(),
        })
    });
    groups.chain(modes).chain(mirrors).collect()
}

/// The intent once the volumes are there, to be written before the groups are stopped (rule 11): `made` names the new
/// volume of each place. `now` begins the restore's own bound.
pub fn disturbing(config: &Config, plan: &Intent, seen: &Observation, made: &[Attachment]) -> Intent {
    let mut next = plan.clone();
    let source = plan.restore.as_ref().and_then(|restoring| restoring.source.clone());
    next.phase = Phase::StopBoth;
    next.started = seen.at;
    next.quiet_after_seconds = quiet_after_seconds(config);
    next.boots = boots(seen);
    next.disturbances
        .extend(disturbances(config, &plan.active, source.as_deref(), seen));
    next.disturbances
        .extend(made.iter().cloned().map(Disturbance::Attachment));
    if let Some(restoring) = &mut next.restore {
        restoring.forward_until = Some(seen.at.plus(i64::from(config.max_restore_outage_seconds)));
    }
    next
}

/// The latest moment, in seconds, at which a shutdown order or a timer of ours can still act.
fn quiet_after_seconds(config: &Config) -> u32 {
    let orders = u32::try_from(SHUTDOWN_NOT_AFTER_SECONDS).unwrap_or(u32::MAX);
    let timer = config
        .deadlines()
        .not_after_seconds
        .saturating_add(config.max_outage_seconds);
    orders.max(timer)
}

/// The intent from the moment on at which post-processing may have been ordered.
#[must_use]
pub fn processing(intent: &Intent) -> Intent {
    let mut next = intent.clone();
    next.phase = Phase::PostProcess;
    if let Some(restoring) = &mut next.restore {
        restoring.course = Course::Forward;
    }
    next
}

/// NotAfter of the shutdown orders. They are sent after the groups' stop scripts, which may take long.
const SHUTDOWN_NOT_AFTER_SECONDS: u64 = 2 * crate::steps::NOT_AFTER_SECONDS;

/// The steps that stop both nodes. The groups stop behind the active's timer, which starts them again unless that node's shutdown is
/// ordered in time (safety.md, rule 21).
pub fn steps(config: &Config, intent: &Intent, seen: &Observation) -> Result<BTreeMap<&'static str, Step>> {
    let (active, standby) = (intent.active.as_str(), intent.standby.as_str());
    let prepare = |node: &str, peer: &str| -> Result<Step> {
        let step = Step::enter_restore_mode(config, node, peer, &intent.id, TimerDone::No, Recorded::Yes);
        Ok(step.guarded(
            inspect::answered(seen, node)?,
            SHUTDOWN_NOT_AFTER_SECONDS,
            Attempt::FIRST,
        ))
    };
    let not_after = u64::from(config.deadlines().not_after_seconds);
    let quiesce = Step::quiesce_restore(config, active, standby, &intent.id, intent.groups()).guarded(
        inspect::answered(seen, active)?,
        not_after,
        Attempt::FIRST,
    );
    Ok(BTreeMap::from([
        ("quiesce", quiesce),
        ("prepare_active", prepare(active, standby)?),
        ("prepare_standby", prepare(standby, active)?),
    ]))
}

/// The record of a restore. It is kept under a key of its own until the restore is released (rule 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The restore.
    pub id: Id,
    /// The backup.
    pub backup: Id,
    /// When its intent was written.
    pub started: Moment,
    /// The node on which the groups ran; its old volumes are the newest.
    pub source: Option<String>,
    /// Which volumes went and came, at each place.
    pub attachments: Vec<Attachment>,
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
