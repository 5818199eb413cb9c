//! The operations as the state machines run them, by the names of their states in the comments. What is no function (the lock's
//! states, waits, choices) is the driver's.

mod backup;
mod prove;
mod restore;

use crate::driver::{Driver, Failure};
use crate::sim::Sim;
use crate::world::SECOND;
use serde_json::{Value, json};

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    Succeeded,
    /// It failed, and the lock was given up: the cluster is back.
    Clean(Failure),
    /// It failed, and the lock and the intent stay.
    Dirty(Failure),
}

/// Looks of one execution of converge.
const LOOKS: u32 = 1500;

/// converge. What it answers when healthy.
pub(crate) fn converge(driver: &Driver<'_>) -> Result<Value, Failure> {
    converge_from(driver, json!({}))
}

/// The same with what its caller knows.
fn converge_from(driver: &Driver<'_>, memory: Value) -> Result<Value, Failure> {
    driver.note("converge");
    driver.child.set(true);
    let end = looks(driver, memory);
    driver.child.set(false);
    end
}

fn looks(driver: &Driver<'_>, mut memory: Value) -> Result<Value, Failure> {
    let mut starts = vec![];
    for _ in 0..LOOKS {
        // Assess
        let payload = json!({"mode": "converge", "lock": driver.claim(), "now": driver.now(), "patience_seconds": 45,
                             "memory": memory, "starts": starts});
        let began = driver.sim.now();
        let seen = assess(driver, &payload)?;
        (memory, starts) = (seen["memory"].clone(), vec![]);
        let text = |name: &str| seen[name].as_str().unwrap_or_default().to_owned();
        match (text("verdict").as_str(), text("action").as_str()) {
            ("healthy", _) => {
                driver.sim.world.borrow_mut().healthy = began;
                return Ok(seen);
            }
            ("stuck", _) => return Err(Failure::new(&text("error"), text("why"))),
            ("wait", _) => driver.wait(15 * SECOND),
            // Rollback: write the intent
            ("turn", _) => driver.write_intent(&seen["intent_json"])?,
            (_, action) => {
                let mut input = seen["input"].clone();
                if action == "steps" {
                    // Both are ordered, whatever becomes of the other. The next look shows what they did.
                    for one in seen["inputs"].as_array().expect("two steps") {
                        let mut input = one.clone();
                        input["retry_count"] = json!(0);
                        if let Err(failure) = driver.task("run-node-step", input)
                            && failure.error == "ABORTED"
                        {
                            return Err(failure);
                        }
                    }
                    continue;
                }
                if action == "start" {
                    let node = input["node"].as_str().unwrap_or_default().to_owned();
                    starts.push(restore::start(driver, &node)?);
                    continue;
                }
                let function = match action {
                    "step" => {
                        input["retry_count"] = json!(0);
                        "run-node-step"
                    }
                    "stop" => "set-power",
                    "swap" => "swap-volumes",
                    other => panic!("no action {other}"),
                };
                match driver.task(function, input) {
                    Err(failure) if matches!(failure.error.as_str(), "Fenced" | "OperatorHold" | "ABORTED") => {
                        return Err(failure);
                    }
                    // The next look shows what it did.
                    _ => {}
                }
            }
        }
    }
    Err(Failure::new("Stuck", "1500 looks"))
}

/// Converge's look, which is retried for any error that can pass.
fn assess(driver: &Driver<'_>, payload: &Value) -> Result<Value, Failure> {
    let mut tries = 0;
    loop {
        match driver.task_within("assess", 180 * SECOND, payload.clone()) {
            Err(failure)
                if tries < 4
                    && !matches!(
                        failure.error.as_str(),
                        "Fenced" | "ConfigInvalid" | "ClusterNotFound" | "InputInvalid" | "ABORTED"
                    ) =>
            {
                tries += 1;
                driver.wait(5 * SECOND);
            }
            answer => return answer,
        }
    }
}

/// Take the lock. An unfinished intent is converged first.
fn begin(driver: &Driver<'_>) -> Result<(), Failure> {
    if driver.take().is_some() {
        return Ok(());
    }
    if driver.sim.world.borrow().ledger.lock.intent.is_none() {
        return Err(Failure::new("OperationInProgress", "the lock is held"));
    }
    match recover(driver.sim) {
        Ended::Succeeded => {}
        Ended::Clean(failure) | Ended::Dirty(failure) => return Err(failure),
    }
    driver
        .take()
        .ok_or_else(|| Failure::new("OperationInProgress", "the lock is held"))
}

/// recover: the unfinished intent of a holder that is dead.
pub(crate) fn recover(sim: &Sim) -> Ended {
    let driver = Driver::new(sim, "recover");
    recover_with(&driver)
}

pub(crate) fn recover_with(driver: &Driver<'_>) -> Ended {
    let Some(intent) = driver.sim.world.borrow().ledger.lock.intent.clone() else {
        return Ended::Succeeded;
    };
    driver.take_over();
    // Cancel what the dead holder has sent. If that fails, converge waits for it.
    let cancelling = driver.task("assess", json!({"mode": "cancel", "lock": driver.claim()}));
    if let Err(failure) = cancelling
        && failure.error == "ABORTED"
    {
        return Ended::Dirty(failure);
    }
    // Converge
    if let Err(failure) = converge(driver) {
        if intent.restore.is_some() {
            let disable = json!({"mode": "disable", "lock": driver.claim()});
            let _ = driver.task("fast-restore", disable);
        }
        return Ended::Dirty(failure);
    }
    if intent.restore.is_some()
        && let Err(failure) = restore::clean_up_after(driver, &intent.id)
    {
        return Ended::Dirty(failure);
    }
    driver.release();
    Ended::Succeeded
}

pub(crate) use backup::{backup, backup_with};
pub(crate) use prove::prove;
pub(crate) use restore::{release, release_with, restore, restore_with, rollback, rollback_with};
