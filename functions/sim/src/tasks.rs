//! The calls of functions that the operations make, each with the world just before it: what the tests of single functions
//! begin with. A task that makes the same calls as another one of the same function and mode is left out.

use crate::driver::{Driver, Task, once};
use crate::faults::{Call, Faults, Kind};
use crate::operations::{backup_with, recover_with, release_with, restore_with, rollback_with};
use crate::sim::Sim;
use crate::world::{CLUSTER, Disks, SECOND, World};
use serde_json::json;
use std::cell::RefCell;
use std::collections::BTreeSet;

impl Task {
    /// The function, and its mode or what else tells its calls apart.
    pub(crate) fn name(&self) -> String {
        let text = |name: &str| {
            self.payload
                .get(name)
                .and_then(|value| value.as_str())
                .unwrap_or_default()
        };
        let document = self.payload["step"]["document"].as_str().unwrap_or_default();
        let parts = [self.function, text("mode"), text("part"), text("power"), document];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(" ")
    }
}

/// What calls a task makes without a fault.
fn signature(calls: &[Call]) -> BTreeSet<(&'static str, Kind)> {
    calls.iter().map(|call| (call.name, call.kind)).collect()
}

/// The calls of a task without a fault.
pub(crate) fn calls(task: &Task) -> Vec<Call> {
    let sim = Sim::new(task.world.clone(), Faults::default(), 0);
    let answer = once(&sim, task.function, task.limit, task.payload.clone());
    assert!(answer.is_ok(), "{} without a fault: {answer:?}", task.name());
    sim.faults.borrow().calls.clone()
}

/// Every kind of task of every operation.
pub(crate) fn all() -> Vec<Task> {
    let mut found = patrol();
    let mut known = BTreeSet::new();
    for disks in [Disks::One, Disks::Two] {
        for task in of_operations(disks) {
            if known.insert((task.name(), signature(&calls(&task)))) {
                found.push(task);
            }
        }
    }
    found
}

/// The patrol's calls while a restore is unfinished, whose holder is dead.
fn patrol() -> Vec<Task> {
    let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
    sim.world.borrow_mut().pass(5 * SECOND);
    drop(backup_with(&Driver::new(&sim, "backup")));
    let driver = Driver::new(&sim, "aborted");
    driver.aborted_after.set(Some(13));
    drop(restore_with(&driver, "none"));
    let (world, limit) = (sim.world.borrow().clone(), 120 * SECOND);
    let now = json!(world.moment());
    let event = json!({"source": "aws.states", "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": "arn:aborted", "stateMachineArn": "m", "status": "ABORTED", "input": "{}"}});
    let payloads = [
        json!({"mode": "fleet", "fleet": "mirrorsnap", "now": now}),
        json!({"mode": "stranded", "fleet": "mirrorsnap", "cluster": CLUSTER, "recover": "r", "now": now,
               "holder": "arn:aborted", "holder_status": "ABORTED"}),
        json!({"mode": "morning", "now": now}),
        json!({"mode": "find", "event": event, "recover": "r"}),
    ];
    let task = |payload| Task {
        function: "patrol",
        payload,
        world: world.clone(),
        limit,
    };
    payloads.map(task).into()
}

fn of_operations(disks: Disks) -> Vec<Task> {
    let sim = Sim::new(World::new(disks), Faults::default(), 1);
    sim.world.borrow_mut().pass(5 * SECOND);
    let mut tasks = Vec::new();
    let mut kept = |name: &str, run: &dyn Fn(&Driver<'_>)| {
        // What the operation before changed is no news to EC2 any more.
        sim.world.borrow_mut().pass(60 * SECOND);
        let mut driver = Driver::new(&sim, name);
        driver.tasks = Some(RefCell::new(vec![]));
        run(&driver);
        tasks.extend(driver.tasks.unwrap().into_inner());
    };
    kept("backup", &|driver| drop(backup_with(driver)));
    kept("restore", &|driver| drop(restore_with(driver, "fsr")));
    kept("rollback", &|driver| drop(rollback_with(driver)));
    kept("release", &|driver| drop(release_with(driver)));
    // A restore that dies with one volume attached, and one whose volumes were never attached.
    for after in [7, 13] {
        kept("aborted", &|driver| {
            driver.aborted_after.set(Some(after));
            drop(restore_with(driver, "none"));
        });
        kept("recover", &|driver| drop(recover_with(driver)));
    }
    // An incomplete set that expires the day after.
    kept("aborted", &|driver| {
        driver.aborted_after.set(Some(8));
        drop(backup_with(driver));
    });
    kept("recover", &|driver| drop(recover_with(driver)));
    tasks
}
