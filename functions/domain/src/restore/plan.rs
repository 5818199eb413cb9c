//! The plan of a restore: pure, and decided before anything is touched.

use super::forecast::{self, Later, Outage, Service, Stage};
use super::initialization::{self, Choice, Initialization, Known, Pair};
use super::quotas::Quotas;
use super::volumes::{self, NewVolume, OldVolume};
use super::{Asked, intent, steps};
use crate::catalogue::{self, Backup, Snapshot};
use crate::config::Config;
use crate::consistency::Consistency;
use crate::copies;
use crate::ec2::{SnapshotId, VolumeId};
use crate::error::Result;
use crate::ids::Id;
use crate::inspect;
use crate::intent::Intent;
use crate::observation::Observation;
use crate::sentence::{Said, Sentence};
use crate::steps::Step;
use crate::time::Moment;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a restore will do, with everything that its states need.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plan {
    /// The backup.
    pub backup: Id,
    /// The data will be as of this moment.
    pub consistent_at: Moment,
    /// Where the groups run; `None`: nowhere.
    pub source: Option<String>,
    /// The volumes to make.
    pub volumes: Vec<NewVolume>,
    /// How they become fast, and why.
    pub initialization: Choice,
    /// Fast snapshot restores that the choice needs, also those that somebody else enabled.
    pub fast_needed: Vec<Pair>,
    /// Fast snapshot restores to enable: those of the choice that are not enabled already.
    pub fast_restores: Vec<(SnapshotId, String)>,
    /// Written before the first volume is made. It lists no disturbance yet, except fast snapshot restore.
    pub intent: Intent,
    /// The steps that stop both nodes, by the state that runs them.
    pub steps: BTreeMap<&'static str, Step>,
    /// The phases in their order.
    pub phases: Vec<Stage>,
    /// The same as [`Outage::expected_seconds`].
    pub expected_outage_seconds: u32,
    /// The outage to expect, its parts and its bound.
    pub outage: Outage,
    /// What can still end the restore.
    pub may_still_end: Vec<Later>,
    /// The plan in words.
    #[serde(flatten)]
    pub words: Said,
}

/// What is known before the plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts<'a> {
    /// The snapshots of the cluster's backups, and copies of such.
    pub snapshots: Vec<Snapshot>,
    /// The nodes' present volumes, by id.
    pub volumes: &'a BTreeMap<VolumeId, OldVolume>,
    /// Fast snapshot restores that are enabled or being enabled: snapshot and zone.
    pub fast: &'a [(SnapshotId, String)],
    /// The account's quotas.
    pub quotas: &'a Quotas,
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
    let copies = copies::sets(&config.name, facts.snapshots.clone());
    let backups = catalogue::backups(&config.name, facts.snapshots);
    let wanted = asked.wanted(&config.name, config.restore_from)?;
    let backup = copies::find(&config.name, &backups, &copies, &wanted)?;
    let source = inspect::refuse_restore(config, seen)?;
    let planned = volumes::plan(config, id, backup, seen, facts.volumes)?;
    let quotas = facts.quotas.storage(&planned)?;
    let known = Known {
        on: facts.fast,
        quotas: facts.quotas,
        down: source.is_none(),
    };
    let choice = initialization::choose(initialization, &planned, known)?;
    let fast_needed = match choice.initialization {
        Initialization::Fsr => initialization::pairs(&planned),
        _ => vec![],
    };
    let fast_restores: Vec<_> = fast_needed
        .iter()
        .map(|pair| (pair.snapshot.clone(), pair.zone.clone()))
        .filter(|pair| !facts.fast.contains(pair))
        .collect();
    let volumes = initialization::applied(&choice, planned);
    let intent = intent(config, id, source.as_deref(), seen, &fast_restores)?;
    let steps = steps(config, &intent, seen)?;
    let service = match source {
        Some(_) => Service::Online,
        None => Service::Down,
    };
    let outage = forecast::outage(config, service, volumes.len());
    let phases = forecast::stages(config, source.as_deref(), volumes.len());
    let may_still_end = forecast::later();
    let mut words = data(backup, &volumes);
    let passed = catalogue::passed_over(&backups, &wanted).into_iter();
    words.extend(passed.map(|(one, why)| Sentence::NewerNotTaken {
        backup: one.id.to_string(),
        why: Box::new(why),
    }));
    words.extend(crash_consistent(backup));
    words.push(backup.proof.words());
    words.extend(quotas);
    words.extend(money(&choice));
    words.extend(outage.words());
    words.extend(phases.iter().map(|one| Sentence::InPhase {
        phase: format!("{:?}", one.phase),
        what: Box::new(one.what.clone()),
    }));
    words.extend(afterwards(source.as_deref(), &may_still_end));
    Ok(Plan {
        backup: backup.id.clone(),
        consistent_at: backup.consistent_at,
        source,
        volumes,
        initialization: choice,
        fast_needed,
        fast_restores,
        intent,
        steps,
        phases,
        expected_outage_seconds: outage.expected_seconds,
        outage,
        may_still_end,
        words: Said(words),
    })
}

/// Which volume goes where.
fn data(backup: &Backup, volumes: &[NewVolume]) -> Vec<Sentence> {
    let mut words = vec![Sentence::DataOf {
        at: backup.consistent_at.to_string(),
        backup: backup.id.to_string(),
    }];
    words.extend(backup.copied_from().map(|region| Sentence::DataIsCopy {
        backup: backup.id.to_string(),
        region: region.to_owned(),
    }));
    words.extend(volumes.iter().map(|one| Sentence::VolumeTakesPlace {
        node: one.node.clone(),
        kind: one.kind.clone(),
        gib: one.gib,
        snapshot: one.snapshot.to_string(),
        zone: one.zone.clone(),
        old: one.old.to_string(),
        device: one.device.clone(),
    }));
    words.extend(volumes::encryption(volumes, backup));
    words
}

/// What the applications do at their start, after a backup that did not stop them.
fn crash_consistent(backup: &Backup) -> Option<Sentence> {
    (backup.consistency == Consistency::Frozen).then(|| Sentence::CrashConsistent {
        backup: backup.id.to_string(),
    })
}

/// How the volumes become fast, and the cost of each way.
fn money(choice: &Choice) -> Vec<Sentence> {
    let costs = Sentence::Costs {
        rate: choice.mib_per_second,
        by_rate: initialization::usd(choice.rate.cost_usd),
        by_fsr: initialization::usd(choice.fsr.cost_usd),
        seconds: choice.fsr.wait_seconds,
    };
    vec![choice.why.clone(), costs]
}

/// What holds afterwards, and what can still end the restore.
fn afterwards(source: Option<&str>, later: &[Later]) -> Vec<Sentence> {
    let mut words = vec![Sentence::SkipCopy, Sentence::ReplacedStay];
    if source.is_none() {
        words.push(Sentence::NoSource);
    }
    words.extend(later.iter().map(|one| {
        let then = if one.disturbed {
            Sentence::OldVolumesPutBack
        } else {
            Sentence::NothingDisturbedYet
        };
        Sentence::MayStillEnd {
            phase: format!("{:?}", one.phase),
            error: one.error.to_owned(),
            when: Box::new(one.when.clone()),
            then: Box::new(then),
        }
    }));
    words
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
