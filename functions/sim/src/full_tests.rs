//! The root disk of either node is full from each document of an operation on. It ends within a bound, with the cluster back or with an error
//! that names the node, what to free and what to run then; and the service is back wherever it can be.

use crate::driver::Driver;
use crate::faults::Faults;
use crate::operations::{Ended, backup_with, recover, restore_with, rollback_with};
use crate::schedule::{Operation, before};
use crate::sim::Sim;
use crate::world::{Disks, NAMES, Root, SECOND, World};
use mirrorsnap_domain::consistency::Consistency;

/// Longer than any way to the end takes here: two waits of a daemon for its peer among them.
const BOUND: u64 = 2400 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scripts {
    Run,
    /// The vendor's scripts want room as well.
    NeedRoom,
}

struct Case {
    operation: Operation,
    consistency: Consistency,
    scripts: Scripts,
    /// The operation dies before so many tasks of it, and the disk fills up in recover.
    dies: Option<usize>,
}

impl Case {
    fn world(&self, node: usize, from: u32) -> World {
        let mut world = before(self.operation, Disks::One);
        world.config.consistency = self.consistency;
        world.scripts_need_room = self.scripts == Scripts::NeedRoom;
        if self.dies.is_none() {
            (world.acted, world.fills) = (0, Some((node, from)));
        }
        world
    }

    fn run(&self, node: usize, from: u32) -> (Sim, Ended) {
        let sim = Sim::new(self.world(node, from), Faults::default(), 1);
        let driver = Driver::new(&sim, "operation");
        driver.aborted_after.set(self.dies);
        let ended = match self.operation {
            Operation::Backup => backup_with(&driver),
            Operation::Restore => restore_with(&driver, "none"),
            Operation::Rollback => rollback_with(&driver),
        };
        let unfinished = sim.world.borrow().ledger.lock.intent.is_some();
        if self.dies.is_none() || !unfinished {
            return (sim, ended);
        }
        {
            let mut world = sim.world.borrow_mut();
            (world.acted, world.fills) = (0, Some((node, from)));
        }
        let ended = recover(&sim);
        (sim, ended)
    }

    /// What is wrong with the end. `None`: the operation has fewer documents.
    fn judge(&self, node: usize, from: u32) -> Option<Vec<String>> {
        let (sim, ended) = self.run(node, from);
        let began = before(self.operation, Disks::One).now;
        let mut wrong = sim.world.borrow().violations();
        if sim.now() > began + BOUND {
            wrong.push(format!("it took {} s", (sim.now() - began) / SECOND));
        }
        if sim.world.borrow().acted < from {
            return None;
        }
        let state = |what: &str| format!("{what}: {}", sim.world.borrow().line());
        match &ended {
            Ended::Succeeded | Ended::Clean(_) if !sim.world.borrow().is_normal() => wrong.push(state("not normal")),
            Ended::Succeeded | Ended::Clean(_) => {}
            Ended::Dirty(failure) => {
                if failure.error != "DiskSpaceLow"
                    || !failure
                        .cause
                        .contains(&format!("make room in /var/lib of {}", NAMES[node]))
                    || !failure.cause.contains("`mirrorsnap recover CLUSTER`")
                {
                    wrong.push(format!("{}: {}", failure.error, failure.cause));
                }
                // The source of a rollback has the newest old data. Its peer never starts in its place (rule 16).
                let only_there = node == 0
                    && self.operation == Operation::Rollback
                    && self.scripts == Scripts::NeedRoom
                    && failure.cause.contains("post-process-old server1");
                if !only_there && !sim.world.borrow().online() {
                    wrong.push(state("no service"));
                }
                {
                    let mut world = sim.world.borrow_mut();
                    world.fills = None;
                    world.guests[node].root = Root::HasRoom;
                }
                let again = recover(&sim);
                if again != Ended::Succeeded || !sim.world.borrow().is_normal() {
                    wrong.push(state(&format!("with room again, {again:?}")));
                }
            }
        }
        Some(wrong)
    }

    fn whole(&self) -> usize {
        let mut all = vec![];
        let mut count = 0;
        for node in [0, 1] {
            for from in 1.. {
                let Some(wrong) = self.judge(node, from) else { break };
                count += 1;
                all.extend(
                    wrong
                        .into_iter()
                        .map(|what| format!("{} from {from} on: {what}", NAMES[node])),
                );
            }
        }
        assert!(all.is_empty(), "{}", all.join("\n"));
        count
    }
}

fn case(operation: Operation) -> Case {
    Case {
        operation,
        consistency: Consistency::Stopped,
        scripts: Scripts::Run,
        dies: None,
    }
}

#[test]
fn a_full_disk_keeps_no_operation_from_its_end() {
    for operation in [Operation::Backup, Operation::Restore, Operation::Rollback] {
        assert!(case(operation).whole() >= 8);
    }
    let consistency = Consistency::Frozen;
    assert!(
        Case {
            consistency,
            ..case(Operation::Backup)
        }
        .whole()
            >= 8
    );
}

#[test]
fn scripts_that_fail_on_a_full_disk_leave_the_service_and_an_error_that_names_it() {
    let scripts = Scripts::NeedRoom;
    for operation in [Operation::Backup, Operation::Restore, Operation::Rollback] {
        assert!(
            Case {
                scripts,
                ..case(operation)
            }
            .whole()
                >= 8
        );
    }
}

/// Every operation dies at one of its calls, and recover ends it.
fn recovers(scripts: Scripts) {
    for operation in [Operation::Backup, Operation::Restore, Operation::Rollback] {
        for dies in (4..40).step_by(4) {
            let dies = Some(dies);
            Case {
                scripts,
                dies,
                ..case(operation)
            }
            .whole();
        }
    }
}

#[test]
fn a_recover_of_scripts_that_need_room_too() {
    recovers(Scripts::NeedRoom);
}

#[test]
fn a_full_disk_keeps_no_recover_from_its_end() {
    recovers(Scripts::Run);
}
