//! restore and rollback.

use super::{Ended, begin, converge, converge_from};
use crate::driver::{Driver, Failure};
use crate::invoke::invoke;
use crate::sim::Sim;
use crate::world::{CLUSTER, SECOND};
use mirrorsnap_domain::restore::Record;
use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};

pub(crate) fn restore(sim: &Sim, initialization: &str) -> Ended {
    restore_with(&Driver::new(sim, "restore"), initialization)
}

pub(crate) fn restore_with(driver: &Driver<'_>, initialization: &str) -> Ended {
    if let Err(failure) = begin(driver) {
        return Ended::Clean(failure);
    }
    // Plan
    let payload = json!({"mode": "plan", "now": driver.now(), "backup": "latest", "initialization": initialization,
                         "confirm": CLUSTER, "lock": driver.claim()});
    let planned = match driver.task("plan-restore", payload) {
        Ok(planned) => planned,
        Err(failure) => return refused(driver, failure),
    };
    // PrepareVolumes: write the intent
    if let Err(failure) = driver.write_intent(&planned["intent_json"]) {
        return Ended::Clean(failure);
    }
    let id = planned["id"].as_str().unwrap();
    if let Err(failure) = forward(driver, &planned) {
        return back(driver, id, failure);
    }
    // Verify
    let healthy = match converge(driver) {
        Ok(healthy) => healthy,
        Err(stuck) => return is_stuck(driver, stuck),
    };
    let turned = &healthy["turned"];
    if turned.is_object() {
        let failure = Failure::new(turned["error"].as_str().unwrap(), turned["why"].as_str().unwrap());
        return cleaned(driver, id, Some(failure));
    }
    cleaned(driver, id, None)
}

fn refused(driver: &Driver<'_>, failure: Failure) -> Ended {
    if failure.error == "ABORTED" {
        return Ended::Dirty(failure);
    }
    // Release the refused lock
    driver.release();
    Ended::Clean(failure)
}

/// From PrepareVolumes to PostProcess.
fn forward(driver: &Driver<'_>, planned: &Value) -> Result<(), Failure> {
    let plan = &planned["plan"];
    fast(driver, plan)?;
    // PrepareVolumes: create
    let made = driver.task(
        "create-volumes",
        json!({"mode": "create", "lock": driver.claim(), "volumes": plan["volumes"]}),
    )?;
    let made = &made["made"];
    // PrepareVolumes: are they there
    let mut looks = 0;
    loop {
        let payload = json!({"mode": "check", "volumes": plan["volumes"], "made": made});
        if driver.task("create-volumes", payload)?["ready"] == true {
            break;
        }
        looks += 1;
        if looks >= 180 {
            return Err(Failure::new("VolumeFailed", "the volumes are not there"));
        }
        driver.wait(10 * SECOND);
    }
    // PrepareVolumes: switch fast restore off
    match driver.task("fast-restore", json!({"mode": "disable", "lock": driver.claim()})) {
        Err(failure) if failure.error == "Fenced" || failure.error == "ABORTED" => return Err(failure),
        _ => {}
    }
    // Quiesce
    let payload =
        json!({"mode": "disturb", "now": driver.now(), "lock": driver.claim(), "backup": plan["backup"], "made": made});
    let disturbing = driver.task("plan-restore", payload)?;
    // Quiesce: write the record, and the intent
    let record: Record = serde_json::from_str(disturbing["record_json"].as_str().unwrap()).unwrap();
    driver
        .sim
        .world
        .borrow_mut()
        .ledger
        .records
        .insert(record.id.to_string(), record);
    driver.write_intent(&disturbing["intent_json"])?;
    let deadline = Moment::parse(disturbing["deadline"].as_str().unwrap()).unwrap();
    disturb(driver, &disturbing, deadline)
}

fn fast(driver: &Driver<'_>, plan: &Value) -> Result<(), Failure> {
    if plan["fast_needed"].as_array().is_none_or(Vec::is_empty) {
        return Ok(());
    }
    let since = driver.now();
    let mut answer = Ok(json!({}));
    if plan["fast_restores"].as_array().is_some_and(|all| !all.is_empty()) {
        // PrepareVolumes: enable fast restore
        answer = driver.task("fast-restore", json!({"mode": "enable", "lock": driver.claim()}));
    }
    while answer.as_ref().is_ok_and(|seen| seen["ready"] != true) {
        // PrepareVolumes: is it fast
        let payload = json!({"mode": "check", "lock": driver.claim(), "now": driver.now(), "needed": plan["fast_needed"],
                             "since": since, "give_up_seconds": plan["initialization"]["give_up_seconds"]});
        answer = driver.task("fast-restore", payload);
        if answer.as_ref().is_ok_and(|seen| seen["ready"] != true) {
            driver.wait(60 * SECOND);
        }
    }
    match answer {
        Ok(_) => Ok(()),
        Err(failure) if failure.error == "FastRestoreFailed" => {
            // PrepareVolumes: give fast restore up
            let _ = driver.task("fast-restore", json!({"mode": "disable", "lock": driver.claim()}));
            Ok(())
        }
        Err(failure) => Err(failure),
    }
}

fn disturb(driver: &Driver<'_>, disturbing: &Value, deadline: Moment) -> Result<(), Failure> {
    let steps = &disturbing["steps"];
    let step = |step: &Value| {
        let payload = json!({"lock": driver.claim(), "step": step, "retry_count": 0, "wait_seconds": 80});
        driver.task("run-node-step", payload)
    };
    if disturbing["stops_groups"] == true {
        // Quiesce: stop the groups
        step(&steps["quiesce"])?;
    }
    // StopBoth: both are ordered, whatever becomes of the other.
    let orders = [step(&steps["prepare_active"]), step(&steps["prepare_standby"])];
    for order in orders {
        order?;
    }
    // StopBoth: wait for stopped
    until(
        driver,
        deadline,
        "assess",
        || json!({"mode": "down", "lock": driver.claim(), "now": driver.now(), "patience_seconds": 60}),
    )?;
    driver.exchanges.set(true);
    for part in ["detach", "attach"] {
        // Detach, Attach
        until(
            driver,
            deadline,
            "swap-volumes",
            || json!({"lock": driver.claim(), "part": part, "patience_seconds": 45}),
        )?;
    }
    driver.may_run.set(true);
    // CheckDevices
    let mut memory = json!({});
    let ready = loop {
        let starts = start_both(driver)?;
        if let Some(ready) = check(driver, deadline, &mut memory, starts)? {
            break ready;
        }
    };
    // PostProcess: write the intent
    driver.write_intent(&ready["intent_json"])?;
    for one in ready["steps"].as_array().unwrap() {
        // PostProcess: one node. Verify judges what became of it.
        if let Err(failure) = step(one)
            && failure.error == "ABORTED"
        {
            return Err(failure);
        }
    }
    Ok(())
}

fn is_late(driver: &Driver<'_>, deadline: Moment) -> bool {
    driver.sim.world.borrow().moment() >= deadline
}

fn until(
    driver: &Driver<'_>,
    deadline: Moment,
    function: &'static str,
    payload: impl Fn() -> Value,
) -> Result<(), Failure> {
    while driver.task(function, payload())?["over"] != true {
        if is_late(driver, deadline) {
            return Err(Failure::new("RestoreOverdue", "the restore ran into its bound"));
        }
    }
    Ok(())
}

/// StartBoth
fn start_both(driver: &Driver<'_>) -> Result<Vec<Value>, Failure> {
    let intent = driver.sim.world.borrow().ledger.lock.intent.clone();
    let Some(intent) = intent else {
        return Err(Failure::new("Fenced", "the intent is gone"));
    };
    let nodes = [&intent.active, &intent.standby];
    if let Some(refused) = driver.gives_starts_up.get() {
        let now = driver.sim.now();
        let mut faults = driver.sim.faults.borrow_mut();
        faults.no_start_until = now + refused;
        faults.late_since = Some(now);
        for node in nodes {
            let (sim, payload) = (driver.sim.clone(), set_power(driver, node));
            driver
                .sim
                .give_up(async move { drop(invoke(&sim, "set-power", payload).await) });
        }
        return Err(Failure::new("States.Runtime", "a state of a branch failed"));
    }
    nodes.into_iter().map(|node| start(driver, node)).collect()
}

fn set_power(driver: &Driver<'_>, node: &str) -> Value {
    json!({"cluster": CLUSTER, "lock": driver.claim(), "node": node, "power": "start"})
}

/// What became of a start, as `assess` is told. One branch's refusal does not keep the other from its own.
pub(super) fn start(driver: &Driver<'_>, node: &str) -> Result<Value, Failure> {
    match driver.task("set-power", set_power(driver, node)) {
        Err(failure) if matches!(failure.error.as_str(), "Fenced" | "OperatorHold" | "ABORTED") => Err(failure),
        Err(failure) => Ok(json!({"node": node, "error": failure.error, "cause": failure.cause})),
        Ok(_) => Ok(json!({"node": node})),
    }
}

/// `None`: a node is off again.
fn check(
    driver: &Driver<'_>,
    deadline: Moment,
    memory: &mut Value,
    mut starts: Vec<Value>,
) -> Result<Option<Value>, Failure> {
    loop {
        let payload = json!({"mode": "ready", "lock": driver.claim(), "now": driver.now(), "patience_seconds": 60,
                             "memory": memory, "starts": starts});
        let seen = driver.task_within("assess", 180 * SECOND, payload)?;
        (*memory, starts) = (seen["memory"].clone(), vec![]);
        driver.starts.borrow_mut().clone_from(&memory["starts"]);
        if seen["over"] == true {
            return Ok(Some(seen));
        }
        if is_late(driver, deadline) {
            return Err(Failure::new("RestoreOverdue", "the restore ran into its bound"));
        }
        if seen["off"] == true {
            return Ok(None);
        }
    }
}

/// Bring the cluster back
fn back(driver: &Driver<'_>, id: &str, failure: Failure) -> Ended {
    if failure.error == "ABORTED" {
        return Ended::Dirty(failure);
    }
    let called = |before: bool| if before { "before" } else { "never" };
    let (started, exchanged) = (called(driver.may_run.get()), called(driver.exchanges.get()));
    let starts = driver.starts.borrow().clone();
    match converge_from(
        driver,
        json!({"started": started, "exchanged": exchanged, "turned": starts}),
    ) {
        Ok(_) => cleaned(driver, id, Some(failure)),
        Err(stuck) => is_stuck(driver, stuck),
    }
}

fn is_stuck(driver: &Driver<'_>, stuck: Failure) -> Ended {
    // Clean up: fast restore, while stuck
    if stuck.error != "ABORTED" {
        let _ = driver.task("fast-restore", json!({"mode": "disable", "lock": driver.claim()}));
    }
    Ended::Dirty(stuck)
}

/// Clean up, Forget the restore, Release, Report
fn cleaned(driver: &Driver<'_>, id: &str, failure: Option<Failure>) -> Ended {
    let disabled = driver.task("fast-restore", json!({"mode": "disable", "lock": driver.claim()}));
    let volumes = driver.task("create-volumes", json!({"mode": "clean", "lock": driver.claim()}));
    for answer in [&disabled, &volumes] {
        if let Err(aborted) = answer
            && aborted.error == "ABORTED"
        {
            return Ended::Dirty(aborted.clone());
        }
    }
    if failure.is_some()
        && let Ok(seen) = &volumes
    {
        forget(driver, id, seen);
    }
    driver.release();
    let (status, error, cause) = match &failure {
        None => ("SUCCEEDED", Value::Null, Value::Null),
        Some(failure) => ("FAILED", json!(failure.error), json!(failure.cause)),
    };
    let payload = json!({"operation": "restore", "status": status, "started": driver.now(), "now": driver.now(), "id": id,
                         "error": error, "cause": cause});
    let _ = driver.task("report", payload);
    failure.map_or(Ended::Succeeded, Ended::Clean)
}

fn forget(driver: &Driver<'_>, id: &str, cleaned: &Value) {
    let none = |name: &str| cleaned[name].as_array().is_none_or(Vec::is_empty);
    if none("kept") && none("in_place") {
        driver.sim.world.borrow_mut().ledger.records.remove(id);
    }
}

/// The same in recover, where a failure keeps the intent.
pub(super) fn clean_up_after(driver: &Driver<'_>, id: &str) -> Result<(), Failure> {
    driver.task("fast-restore", json!({"mode": "disable", "lock": driver.claim()}))?;
    let seen = driver.task("create-volumes", json!({"mode": "clean", "lock": driver.claim()}))?;
    forget(driver, id, &seen);
    Ok(())
}

/// Takes the lock. The newest restore that is recorded then.
fn begin_after_restore(driver: &Driver<'_>) -> Result<String, Failure> {
    begin(driver)?;
    let restored = driver.sim.world.borrow().ledger.records.keys().next_back().cloned();
    Ok(restored.expect("a restore"))
}

/// The rollback of the newest restore.
pub(crate) fn rollback(sim: &Sim) -> Ended {
    rollback_with(&Driver::new(sim, "rollback"))
}

pub(crate) fn rollback_with(driver: &Driver<'_>) -> Ended {
    let restored = match begin_after_restore(driver) {
        Ok(restored) => restored,
        Err(failure) => return Ended::Clean(failure),
    };
    // Rollback: plan
    let payload = json!({"mode": "rollback", "now": driver.now(), "restore": restored, "confirm": CLUSTER, "lock": driver.claim()});
    let planned = match driver.task("plan-restore", payload) {
        Ok(planned) => planned,
        Err(failure) => return refused(driver, failure),
    };
    // Rollback: write the intent
    if let Err(failure) = driver.write_intent(&planned["intent_json"]) {
        return Ended::Clean(failure);
    }
    // Rollback
    match converge(driver) {
        Ok(_) => cleaned(driver, planned["id"].as_str().unwrap(), None),
        Err(stuck) => is_stuck(driver, stuck),
    }
}

/// The release of the newest restore.
pub(crate) fn release(sim: &Sim) -> Ended {
    release_with(&Driver::new(sim, "release"))
}

pub(crate) fn release_with(driver: &Driver<'_>) -> Ended {
    let restored = match begin_after_restore(driver) {
        Ok(restored) => restored,
        Err(failure) => return Ended::Clean(failure),
    };
    driver.sim.world.borrow_mut().ec2.released = Some(restored.clone());
    // Release the volumes
    let payload = json!({"lock": driver.claim(), "restore": restored, "confirm": CLUSTER});
    let answer = driver.task("release-volumes", payload);
    if answer.is_ok() {
        // Forget the released restore
        driver.sim.world.borrow_mut().ledger.records.remove(&restored);
    }
    driver.release();
    answer.map_or_else(Ended::Clean, |_| Ended::Succeeded)
}
