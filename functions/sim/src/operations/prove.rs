//! prove: an execution of its own, which takes no lock.

use crate::driver::{Failure, attempts};
use crate::sim::Sim;
use crate::world::ec2::Tags;
use crate::world::{CLUSTER, SECOND};
use mirrorsnap_domain::catalogue::tag;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What a proof may write.
const ITS_OWN: [&str; 3] = [tag::PROVED, tag::PROVED_AT, tag::PROOF_TOOK];

/// What every snapshot is, apart from what proofs say of it.
fn apart(sim: &Sim) -> BTreeMap<String, Tags> {
    let world = sim.world.borrow();
    let of = |(id, one): (&String, &crate::world::ec2::Snapshot)| {
        let mut tags = one.tags.clone();
        tags.retain(|key, _| !ITS_OWN.contains(&key.as_str()));
        (id.clone(), tags)
    };
    world.ec2.shown.snapshots.iter().map(of).collect()
}

/// Whatever it ends in, the backup is what it was before.
pub(crate) fn prove(sim: &Sim, backup: &str) -> Result<Value, Failure> {
    let before = apart(sim);
    let now = sim.world.borrow().moment();
    let payload = json!({"fleet": "mirrorsnap", "cluster": CLUSTER, "backup": backup, "now": now});
    let answer = attempts(sim, "prove", 300 * SECOND, &payload);
    if apart(sim) != before {
        let what = format!("the proof of {backup} changed more than its own tags");
        sim.world.borrow_mut().wrong(what);
    }
    answer
}
