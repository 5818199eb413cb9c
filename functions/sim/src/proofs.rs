//! What proofs say of backups, and whether it is so: the world knows what was on the volumes at the quiet moment.

use crate::driver::once;
use crate::faults::Faults;
use crate::operations::prove;
use crate::sim::Sim;
use crate::world::ec2::Snapshot;
use crate::world::{CLUSTER, SECOND, World};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::proof::CLEAN;
use serde_json::json;

/// What a snapshot's image says of itself, if the groups were quiet for it in this world.
fn truth(world: &World, one: &Snapshot) -> Option<&'static str> {
    let (_, content) = world.frozen.get(&one.tags[tag::BACKUP_ID])?;
    Some(if one.content == *content {
        CLEAN
    } else {
        "fingerprint-differs"
    })
}

/// What is written of an image is so, whatever happened to its proof.
pub(crate) fn verdicts(world: &World) -> Vec<String> {
    let all = world.ec2.shown.snapshots.iter();
    let told = all.filter_map(|(id, one)| Some((id, one.tags.get(tag::PROVED)?, truth(world, one)?)));
    told.filter(|(_, said, truth)| said != truth)
        .map(|(id, said, truth)| format!("{id} is said to be {said}, and is {truth}"))
        .collect()
}

/// Once nothing goes wrong any more, the newest valid backup is proved as it is, twice the same, and `latest` judges by that.
pub(crate) fn later(sim: &Sim) -> Vec<String> {
    *sim.faults.borrow_mut() = Faults::default();
    sim.pass(120 * SECOND);
    let (id, truth) = {
        let world = sim.world.borrow();
        let valid = |one: &&Snapshot| one.tags.contains_key(tag::VALID) && !one.tags.contains_key(tag::DUPLICATE);
        let all: Vec<_> = world.ec2.shown.snapshots.values().filter(valid).collect();
        let Some(newest) = all.iter().max_by_key(|one| one.started) else {
            return vec![];
        };
        let Some(truth) = truth(&world, newest) else {
            return vec![];
        };
        (newest.tags[tag::BACKUP_ID].clone(), truth)
    };
    let mut wrong = Vec::new();
    for _ in 0..2 {
        match prove(sim, &id) {
            Ok(said) if said["verdict"] == truth => {}
            other => wrong.push(format!("{id} is {truth}, and its proof said {other:?}")),
        }
    }
    wrong.extend(verdicts(&sim.world.borrow()));
    if sim.world.borrow().is_normal() && sim.world.borrow().ledger.lock.intent.is_none() {
        let now = sim.world.borrow().moment();
        let asked = json!({"mode": "plan", "cluster": CLUSTER, "now": now, "backup": "latest", "dry_run": true});
        let planned = once(sim, "plan-restore", 300 * SECOND, asked);
        let takes = matches!(&planned, Ok(plan) if plan["plan"]["backup"] == json!(id));
        if takes != (truth == CLEAN) {
            wrong.push(format!(
                "{id} is {truth}, and the latest backup is planned as {planned:?}"
            ));
        }
    }
    wrong.extend(sim.world.borrow().violations());
    wrong
}
