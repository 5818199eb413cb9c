//! The driver calls the functions in the order in which the state machines name them.

use crate::driver::Driver;
use crate::faults::Faults;
use crate::operations::{Ended, backup_with, recover_with, restore_with, rollback_with};
use crate::sim::Sim;
use crate::world::{Disks, SECOND, World};

const BACKUP: &str = include_str!("../../../statemachine/backup.yaml");
const RESTORE: &str = include_str!("../../../statemachine/restore.yaml");
const ROLLBACK: &str = include_str!("../../../statemachine/rollback.yaml");
const RECOVER: &str = include_str!("../../../statemachine/recover.yaml");

/// What the states of a machine call, from the state `from` on. set-power stands in a fragment of its own.
fn named(machine: &str, from: &str) -> Vec<String> {
    let begin = machine.find(&format!("\n  {from}")).expect("the state to begin with");
    let rest = &machine[begin..];
    let verb = |line: &str| {
        let line = line.trim_start_matches(|c: char| c == '-' || c.is_whitespace());
        let line = line
            .split_once('{')
            .map_or(line, |(front, inner)| if front.ends_with(": ") { inner } else { line });
        let (verb, what) = line.split_once(": ")?;
        let what = what.split([',', '}']).next()?.trim();
        match verb {
            "call" | "poll" | "run" => Some(what.to_owned()),
            "node" => Some("run-node-step".to_owned()),
            _ => None,
        }
    };
    once(rest.lines().filter_map(verb).filter(|name| name != "set-power"))
}

/// Without immediate repetitions: a poll, and two steps behind each other.
fn once(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.dedup();
    names
}

fn follows(driver: &Driver<'_>, machine: &[String]) {
    let called = driver.called.borrow();
    let called = once(
        called
            .iter()
            .filter(|name| **name != "set-power")
            .map(|name| (*name).to_owned()),
    );
    let found = machine.get(..called.len());
    assert_eq!(found, Some(called.as_slice()), "the machine goes on as {machine:?}");
}

#[test]
fn the_driver_calls_what_the_machines_call() {
    let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
    let pass = || sim.world.borrow_mut().pass(60 * SECOND);
    pass();
    let driver = Driver::new(&sim, "backup");
    assert_eq!(backup_with(&driver), Ended::Succeeded);
    follows(&driver, &named(BACKUP, "Inspect:"));
    pass();
    let driver = Driver::new(&sim, "restore");
    assert_eq!(restore_with(&driver, "fsr"), Ended::Succeeded);
    follows(&driver, &named(RESTORE, "Plan:"));
    pass();
    let driver = Driver::new(&sim, "rollback");
    assert_eq!(rollback_with(&driver), Ended::Succeeded);
    let mut machine = named(ROLLBACK, "'Rollback: plan':");
    machine.extend(named(RESTORE, "'Clean up: fast restore':"));
    follows(&driver, &once(machine.into_iter()));
    pass();
    let driver = Driver::new(&sim, "restore");
    driver.aborted_after.set(Some(15));
    assert!(matches!(restore_with(&driver, "none"), Ended::Dirty(_)));
    let driver = Driver::new(&sim, "recover");
    assert_eq!(recover_with(&driver), Ended::Succeeded);
    let machine = named(RECOVER, "Cancel what the dead holder has sent:");
    let stuck = machine
        .iter()
        .position(|name| name == "create-volumes")
        .expect("the clean-up");
    follows(&driver, &machine[..=stuck]);
}
