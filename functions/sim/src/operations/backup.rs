//! backup.

use super::{Ended, begin, converge, prove};
use crate::driver::{Driver, Failure};
use crate::sim::Sim;
use crate::world::SECOND;
use serde_json::{Value, json};

pub(crate) fn backup(sim: &Sim) -> Ended {
    backup_with(&Driver::new(sim, "backup"))
}

pub(crate) fn backup_with(driver: &Driver<'_>) -> Ended {
    let began = driver.now();
    if let Err(failure) = begin(driver) {
        return Ended::Clean(failure);
    }
    // Inspect
    let inspected = driver.task(
        "assess",
        json!({"mode": "inspect", "now": driver.now(), "lock": driver.claim()}),
    );
    let inspected = match inspected {
        Ok(inspected) => inspected,
        Err(failure) if failure.error == "ABORTED" => return Ended::Dirty(failure),
        Err(failure) => {
            // Release the refused lock
            driver.release();
            return Ended::Clean(failure);
        }
    };
    // Quiesce: write the intent
    if let Err(failure) = driver.write_intent(&inspected["intent_json"]) {
        return Ended::Clean(failure);
    }
    match disturb(driver, &inspected) {
        Ok(proofs) => finish(driver, &inspected, &proofs, &began),
        Err(failure) => back(driver, failure),
    }
}

/// What the disturbed part of a backup proved.
struct Proofs {
    section: Value,
    stopped: Value,
    image: Value,
}

fn disturb(driver: &Driver<'_>, inspected: &Value) -> Result<Proofs, Failure> {
    let steps = &inspected["plan"]["steps"];
    let step = |name: &str| {
        let payload = json!({"lock": driver.claim(), "step": steps[name], "retry_count": 0});
        driver.task("run-node-step", payload)
    };
    // Quiesce: suspend the monitors; Split: the standby waits; Resume: the active stops, is split, starts
    step("suspend_monitors")?;
    step("split")?;
    step("quiesce")?;
    // Resume: read the records
    let section = looks(
        driver,
        120,
        0,
        |driver| json!({"mode": "section", "lock": driver.claim(), "now": driver.now(), "patience_seconds": 30}),
    )?["section"]
        .clone();
    step("enter_backup_mode")?;
    // StopStandby: wait for stopped
    let stopped = looks(
        driver,
        60,
        15,
        |driver| json!({"mode": "stopped", "lock": driver.claim(), "patience_seconds": 30}),
    )?["stopped"]
        .clone();
    // Snapshot
    let payload = json!({"lock": driver.claim(), "section": section, "stopped": stopped, "retry_count": 0});
    let image = driver.task_within("create-snapshots", 150 * SECOND, payload)?;
    Ok(Proofs {
        section,
        stopped,
        image,
    })
}

/// Assess until it is over.
fn looks(driver: &Driver<'_>, most: u32, pause: u64, payload: impl Fn(&Driver<'_>) -> Value) -> Result<Value, Failure> {
    for _ in 0..most {
        let seen = driver.task("assess", payload(driver))?;
        if seen["over"] == true {
            return Ok(seen);
        }
        driver.wait(pause * SECOND);
    }
    Err(Failure::new("StepTimedOut", "it was not over in time"))
}

fn finish(driver: &Driver<'_>, inspected: &Value, proofs: &Proofs, began: &Value) -> Ended {
    // StartStandby: converge, while the snapshots complete
    let back = match converge(driver) {
        Ok(back) => back,
        Err(failure) => return report_failure(driver, inspected, Ended::Dirty(failure)),
    };
    let healthy_at = driver.now();
    // StartStandby: describe the nodes. Nothing depends on the answer.
    let described = driver.task(
        "assess",
        json!({"mode": "describe", "id": inspected["id"], "now": driver.now()}),
    );
    if let Err(failure) = described
        && failure.error == "ABORTED"
    {
        return Ended::Dirty(failure);
    }
    let snapshots = &proofs.image["snapshots"];
    if let Err(failure) = progress(driver, inspected, snapshots) {
        return failed(driver, inspected, failure);
    }
    if !back["prepared"].is_object() {
        let why = back["unprepared"].as_str().unwrap_or("no record of the preparation");
        return failed(driver, inspected, Failure::new("PreparationUnproven", why));
    }
    // MarkValid
    let evidence = json!({"section": proofs.section, "stopped": proofs.stopped, "prepared": back["prepared"],
                          "image": proofs.image});
    let marked = driver.task(
        "check-snapshots",
        json!({"mode": "mark", "lock": driver.claim(), "evidence": evidence}),
    );
    if let Err(failure) = marked {
        return failed(driver, inspected, failure);
    }
    // Start the proof, which runs beside this: nothing here waits for it, or asks what it ended in.
    if let Some(id) = inspected["id"].as_str() {
        drop(prove(driver.sim, id));
    }
    // Expire old backups: what was not deleted is tried again by the next backup.
    let payload = json!({"lock": driver.claim(), "now": driver.now(), "current": inspected["id"]});
    if let Err(failure) = driver.task("expire-backups", payload)
        && failure.error == "ABORTED"
    {
        return Ended::Dirty(failure);
    }
    // MarkValid: the last look
    if let Err(failure) = converge(driver) {
        return report_failure(driver, inspected, Ended::Dirty(failure));
    }
    driver.release();
    let payload = json!({"operation": "backup", "status": "SUCCEEDED", "started": began, "now": driver.now(),
        "id": inspected["id"], "section": proofs.section, "snapshots": snapshots, "valid": true, "healthy_at": healthy_at});
    let _ = driver.task("report", payload);
    Ended::Succeeded
}

/// Snapshot: progress
fn progress(driver: &Driver<'_>, inspected: &Value, snapshots: &Value) -> Result<(), Failure> {
    let mut failures = 0;
    for _ in 0..1000 {
        let payload = json!({"mode": "progress", "id": inspected["id"], "snapshots": snapshots});
        match driver.task("check-snapshots", payload) {
            Ok(seen) if seen["complete"] == true => return Ok(()),
            Err(failure) if failure.error == "SnapshotFailed" || failure.error == "ABORTED" || failures >= 4 => {
                return Err(failure);
            }
            Err(_) => failures += 1,
            Ok(_) => {}
        }
        driver.wait(15 * SECOND);
    }
    Err(Failure::new("SnapshotFailed", "the snapshots did not complete"))
}

/// Raise the epoch, Bring the cluster back, Release after the failure
fn back(driver: &Driver<'_>, failure: Failure) -> Ended {
    if failure.error == "ABORTED" {
        return Ended::Dirty(failure);
    }
    if let Err(lost) = driver.raise() {
        return Ended::Dirty(lost);
    }
    match converge(driver) {
        Ok(_) => {
            driver.release();
            Ended::Clean(failure)
        }
        Err(stuck) => Ended::Dirty(stuck),
    }
}

/// The cluster is back: Release after the failure, Report the failure
fn failed(driver: &Driver<'_>, inspected: &Value, failure: Failure) -> Ended {
    if failure.error == "ABORTED" {
        return Ended::Dirty(failure);
    }
    driver.release();
    report_failure(driver, inspected, Ended::Clean(failure))
}

fn report_failure(driver: &Driver<'_>, inspected: &Value, ended: Ended) -> Ended {
    let (Ended::Clean(failure) | Ended::Dirty(failure)) = &ended else {
        return ended;
    };
    let payload = json!({"operation": "backup", "status": "FAILED", "started": driver.now(), "now": driver.now(),
        "id": inspected["id"], "error": failure.error, "cause": failure.cause});
    let _ = driver.task("report", payload);
    ended
}
