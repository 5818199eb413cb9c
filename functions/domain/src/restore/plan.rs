//! The plan of a restore: pure, and decided before anything is touched.

use super::initialization::{self, Choice, Initialization};
use super::volumes::{self, NewVolume, OldVolume};
use super::{Asked, intent, steps};
use crate::catalogue::{self, Backup, Snapshot};
use crate::config::Config;
use crate::error::Result;
use crate::ids::Id;
use crate::inspect;
use crate::intent::Intent;
use crate::observation::Observation;
use crate::steps::Step;
use crate::time::Moment;
use serde::Serialize;
use std::collections::BTreeMap;

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
