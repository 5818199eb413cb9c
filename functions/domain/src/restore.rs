//! A restore: what is asked for, what it will do, and what is remembered of it (safety.md, Restore).
//!
//! The plan decides everything before anything is touched: which backup, which volumes, how they become fast, what the
//! intent lists. A rollback is planned from the record of its restore.

pub mod initialization;
mod ready;
mod rollback;
pub mod volumes;

use crate::catalogue::{self, Backup, Snapshot, Wanted};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::ids::{Id, Of};
use crate::inspect;
use crate::intent::{Attachment, Course, Disturbance, Intent, Operation, Phase, Restoring};
use crate::observation::Observation;
use crate::steps::Step;
use crate::time::Moment;
use initialization::{Choice, Initialization};
pub use ready::{Ready, ready};
pub use rollback::rollback;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use volumes::{NewVolume, OldVolume};

/// Which backup, as it is written in the input of a restore.
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
    /// What the catalogue is asked. An id of another cluster, or of a restore, is refused here.
    pub fn wanted(&self, cluster: &str) -> Result<Wanted> {
        let name = match self {
            Self::Before(Before { before }) => return Ok(Wanted::Before(*before)),
            Self::Named(name) if name == "latest" => return Ok(Wanted::Latest),
            Self::Named(name) => name,
        };
        let id = Id::parse(name)?;
        if id.of() != Of::Backup || id.cluster() != cluster {
            return Err(Error::new(
                Kind::BackupNotFound,
                format!("{id} is no backup of {cluster}"),
                "list the backups with `status`, and name one of this cluster's",
            ));
        }
        Ok(Wanted::Exactly(id))
    }
}

/// Nothing is touched without the cluster's name, typed once more.
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

/// What a restore will do, with everything that its states need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The backup.
    pub backup: Id,
    /// The moment that the data will be of.
    pub consistent_at: Moment,
    /// Where the groups run; `None`: nowhere.
    pub source: Option<String>,
    /// The volumes to make.
    pub volumes: Vec<NewVolume>,
    /// How they become fast, and why so.
    pub initialization: Choice,
    /// Fast snapshot restores to switch on: those of the choice that are not on already.
    pub fast_restores: Vec<(String, String)>,
    /// To be written before the first volume is made; it disturbs nothing yet but fast snapshot restore.
    pub intent: Intent,
    /// The steps before the nodes go down, by the state that runs them.
    pub steps: BTreeMap<&'static str, Step>,
    /// The plan in words.
    pub words: Vec<String>,
}

/// What is known before the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// The cluster's backups' snapshots.
    pub snapshots: Vec<Snapshot>,
    /// The nodes' present volumes, by id.
    pub volumes: &'a BTreeMap<String, OldVolume>,
    /// Fast snapshot restores that are on, or on their way: snapshot and zone.
    pub fast: &'a [(String, String)],
}

/// Plans a restore, or refuses.
pub fn plan(
    config: &Config,
    id: &Id,
    asked: &Asked,
    initialization: Initialization,
    seen: &Observation,
    facts: Facts<'_>,
) -> Result<Plan> {
    let backups = catalogue::backups(&config.name, facts.snapshots);
    let backup = catalogue::find(&config.name, &backups, &asked.wanted(&config.name)?)?;
    let source = inspect::refuse_restore(config, seen)?;
    let planned = volumes::plan(config, id, backup, seen, facts.volumes)?;
    let choice = initialization::choose(initialization, &planned);
    let fast_restores: Vec<_> = initialization::pairs(&choice, &planned)
        .into_iter()
        .filter(|pair| !facts.fast.contains(pair))
        .collect();
    let volumes = initialization::applied(&choice, planned);
    let intent = intent(config, id, source.as_deref(), seen, &fast_restores)?;
    let steps = steps(config, &intent, seen)?;
    let words = words(config, backup, source.as_deref(), &volumes, &choice);
    Ok(Plan {
        backup: backup.id.clone(),
        consistent_at: backup.consistent_at,
        source,
        volumes,
        initialization: choice,
        fast_restores,
        intent,
        steps,
        words,
    })
}

/// The intent as it is written before the volumes are made.
fn intent(
    config: &Config,
    id: &Id,
    source: Option<&str>,
    seen: &Observation,
    fast_restores: &[(String, String)],
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
            course: Course::Swap,
            source: source.map(str::to_owned),
            forward_until: None,
            turned: None,
        }),
    })
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

/// What the nodes' part of a restore disturbs, whatever its volumes.
fn disturbances(config: &Config, active: &str, source: Option<&str>) -> Vec<Disturbance> {
    let groups = config
        .failover_groups
        .iter()
        .filter(|_| source.is_some())
        .map(|group| Disturbance::Group {
            node: active.to_owned(),
            group: group.clone(),
        });
    let modes = config
        .node_names()
        .map(|node| Disturbance::RestoreMode { node: node.to_owned() });
    // A full copy overwrites the other side, if it comes to that.
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
    next.boots = boots(seen);
    next.disturbances
        .extend(disturbances(config, &plan.active, source.as_deref()));
    next.disturbances
        .extend(made.iter().cloned().map(Disturbance::Attachment));
    if let Some(restoring) = &mut next.restore {
        restoring.forward_until = Some(seen.at.plus(i64::from(config.max_restore_outage_seconds)));
    }
    next
}

/// The intent from the moment on at which post-processing may have been ordered.
#[must_use]
pub fn processing(intent: &Intent) -> Intent {
    let mut next = intent.clone();
    next.phase = Phase::PostProcess;
    if let Some(restoring) = &mut next.restore {
        restoring.course = Course::Post;
    }
    next
}

/// The steps that take both nodes down.
pub fn steps(config: &Config, intent: &Intent, seen: &Observation) -> Result<BTreeMap<&'static str, Step>> {
    let groups = || config.failover_groups.iter().map(String::as_str);
    let (active, standby) = (intent.active.as_str(), intent.standby.as_str());
    // The groups' scripts may take long, and the orders to go down are sent after them.
    let late = 2 * crate::steps::NOT_AFTER_SECONDS;
    let step = |document: &str, node: &str, peer: &str, seconds: u64| -> Result<Step> {
        Ok(Step::new(document, node, &intent.id)
            .with("Self", node)
            .with("Peer", peer)
            .list("Groups", groups())
            .guarded(inspect::answered(seen, node)?, seconds, 1))
    };
    let not_after = u64::from(config.deadlines().not_after_seconds);
    Ok(BTreeMap::from([
        ("stop_group", step("stop-group", active, standby, not_after)?),
        ("prepare_active", step("enter-restore-mode", active, standby, late)?),
        ("prepare_standby", step("enter-restore-mode", standby, active, late)?),
    ]))
}

/// What is remembered of a restore until it is released, under a key of its own (rule 7).
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

fn words(
    config: &Config,
    backup: &Backup,
    source: Option<&str>,
    volumes: &[NewVolume],
    choice: &Choice,
) -> Vec<String> {
    let mut words = vec![format!(
        "data of {} (backup {}), on both nodes; what was written since is only on the replaced volumes",
        backup.consistent_at, backup.id
    )];
    words.extend(volumes.iter().map(|one| {
        format!(
            "{}: {} {} GiB from {} in {} takes the place of {} at {}",
            one.node, one.kind, one.gib, one.snapshot, one.zone, one.old, one.device
        )
    }));
    words.push(choice.why.clone());
    words.push(match source {
        Some(node) => format!(
            "outage: {} stops on {node}, both nodes shut down, boot, are post-processed and boot again, and the groups start; \
             no byte is copied in it, and after {} s it rolls back",
            config.failover_groups.join(", "),
            config.max_restore_outage_seconds
        ),
        None => "no group is online now, so the restore adds no outage; without a source node it cannot be rolled back by \
                 copy once it was post-processed"
            .to_owned(),
    });
    words.push(
        "--skip-copy: for each mirror disk both volumes come from one snapshot, and no mirror runs in between"
            .to_owned(),
    );
    words.push(
        "the replaced volumes stay, tagged, until the restore is released; they cost storage until then".to_owned(),
    );
    words
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
