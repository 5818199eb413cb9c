//! A random schedule: one operation, two faults, and at times an abort of the execution, a power failure or a script that fails.
//! The same seed makes the same schedule.

use crate::driver::Driver;
use crate::faults::{Fault, Faults};
use crate::operations::{Ended, backup, backup_with, recover, restore, restore_with, rollback_with};
use crate::proofs;
use crate::sim::Sim;
use crate::world::ec2::LONGEST_LAG;
use crate::world::manner::Manner;
use crate::world::{Disks, Ms, NAMES, SECOND, World, moment};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::consistency::Consistency;
use std::collections::BTreeMap;
use std::sync::OnceLock;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Backup,
    Restore,
    Rollback,
}

/// Calls and tasks of each operation without a fault, at least.
const CALLS: [usize; 3] = [400, 600, 500];
const TASKS: [usize; 3] = [30, 40, 30];

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Schedule {
    pub(crate) operation: Operation,
    pub(crate) disks: Disks,
    pub(crate) initialization: &'static str,
    pub(crate) faults: Vec<(usize, Fault)>,
    pub(crate) aborted_after: Option<usize>,
    /// A node loses its power so long after the operation's begin.
    pub(crate) power: Option<(usize, Ms)>,
    pub(crate) script: Option<(&'static str, u32)>,
    /// From power-on to a node's first answer.
    pub(crate) boot: Ms,
    /// The lock's epoch before.
    pub(crate) epoch: u64,
    /// Of a backup.
    pub(crate) consistency: Consistency,
    /// CLUSTERPRO refuses a break while a group is online.
    pub(crate) no_break_while_online: bool,
    /// Somebody writes to the standby's volumes between the break and a backup's snapshots: only its proof sees that.
    pub(crate) stray: bool,
    /// How CLUSTERPRO prints.
    pub(crate) manner: Manner,
    seed: u64,
}

const SCRIPTS: [&str; 5] = [
    "enter-backup-mode",
    "leave-backup-mode",
    "enter-restore-mode",
    "post-process-restore",
    "enable-services",
];

fn fault(rng: &mut fastrand::Rng) -> Fault {
    let lag = [300, SECOND, 5 * SECOND, 30 * SECOND];
    match rng.u8(0..12) {
        0 => Fault::Refused,
        1 => Fault::Throttled(rng.u64(1..=30) * SECOND),
        2 | 3 => Fault::LostCall,
        4 | 5 => Fault::LostReply,
        6 | 7 => Fault::CrashAfter,
        8 => Fault::Lag(*rng.choice(&lag).unwrap()),
        _ => Fault::Unsteady(rng.u64(1..=120) * SECOND),
    }
}

impl Schedule {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let number = rng.usize(0..3);
        let operation = [Operation::Backup, Operation::Restore, Operation::Rollback][number];
        let faults = (0..2).map(|_| (rng.usize(0..CALLS[number]), fault(&mut rng))).collect();
        Self {
            operation,
            disks: if rng.bool() { Disks::One } else { Disks::Two },
            initialization: if rng.u8(0..4) == 0 { "fsr" } else { "none" },
            faults,
            aborted_after: (rng.u8(0..3) == 0).then(|| rng.usize(0..TASKS[number])),
            power: (rng.u8(0..5) == 0).then(|| (rng.usize(0..2), rng.u64(0..300) * SECOND)),
            script: (rng.u8(0..6) == 0).then(|| (*rng.choice(&SCRIPTS).unwrap(), rng.u32(1..=2))),
            boot: rng.u64(2..=40) * SECOND,
            epoch: *rng.choice(&[5, 96, 97, 98, 99, 100_000]).unwrap(),
            consistency: [Consistency::Stopped, Consistency::Frozen][rng.usize(0..2)],
            no_break_while_online: rng.u8(0..6) == 0,
            stray: rng.u8(0..4) == 0 && operation == Operation::Backup,
            manner: Manner::drawn(seed),
            seed,
        }
    }

    /// Whether nothing happens that could leave the cluster with a person to be called.
    fn passes(&self) -> bool {
        let refused = self.operation == Operation::Backup
            && self.consistency == Consistency::Frozen
            && self.no_break_while_online;
        !refused && self.power.is_none() && self.script.is_none() && self.faults.iter().all(|(_, fault)| fault.passes())
    }

    /// Runs it. What is wrong with the end.
    pub(crate) fn run(&self) -> Vec<String> {
        let mut world = before(self.operation, self.disks);
        world.shows(self.manner);
        world.power_fails = self.power.map(|(at, after)| (at, world.now + after));
        if self.operation == Operation::Backup {
            world.config.consistency = self.consistency;
            world.no_break_while_online = self.no_break_while_online;
        }
        world.ec2.stray = self.stray;
        world.boot = self.boot;
        world.ledger.lock.epoch = self.epoch;
        world.fail_scripts = self
            .script
            .map(|(name, times)| (name.to_owned(), times))
            .into_iter()
            .collect();
        let then = Before::of(&world);
        let sim = Sim::new(world, Faults::plan(self.faults.clone()), self.seed);
        let driver = Driver::new(&sim, "operation");
        driver.aborted_after.set(self.aborted_after);
        let mut ended = match self.operation {
            Operation::Backup => backup_with(&driver),
            Operation::Restore => restore_with(&driver, self.initialization),
            Operation::Rollback => rollback_with(&driver),
        };
        let first = ended.clone();
        // What fails after the operation's end is not its affair.
        if sim.world.borrow().ledger.lock.intent.is_none() {
            sim.world.borrow_mut().power_fails = None;
        }
        // The rule, and then the patrol: whoever finds the intent of a dead holder converges it.
        for _ in 0..4 {
            sim.world.borrow_mut().pass(60 * SECOND);
            if sim.world.borrow().ledger.lock.intent.is_none() {
                break;
            }
            ended = recover(&sim);
        }
        let mut wrong = self.judge(&sim, &then, &first, &ended);
        if wrong.is_empty() && self.operation == Operation::Backup {
            wrong.extend(proofs::later(&sim));
        }
        wrong
    }

    fn judge(&self, sim: &Sim, then: &Before, first: &Ended, ended: &Ended) -> Vec<String> {
        sim.world.borrow_mut().pass(120 * SECOND);
        let world = sim.world.borrow();
        let mut wrong = world.violations();
        if world.ledger.lock.intent.is_some() {
            match ended {
                Ended::Dirty(failure) if !failure.cause.is_empty() && !self.passes() => {}
                _ => wrong.push(format!("the intent is left, after {ended:?}")),
            }
        } else if !world.is_normal() {
            if !self.power_is_foreign(&world, then) {
                wrong.push(format!(
                    "the lock is free, and the cluster is not normal, after {ended:?}"
                ));
            }
        } else {
            wrong.extend(self.bytes(&world, then, first));
        }
        wrong.extend(sets(&world));
        wrong.extend(proofs::verdicts(&world));
        if self.passes() && self.aborted_after.is_none() && *first != Ended::Succeeded {
            wrong.push(format!("all faults pass, and yet: {first:?}"));
        }
        if self.passes() && world.ledger.lock.intent.is_none() {
            wrong.extend(left_behind(&world));
        }
        if *first == Ended::Succeeded && self.operation == Operation::Backup && !self.stray {
            wrong.extend(image(&world, then));
        }
        wrong
    }

    /// A power failure that is nobody's to make good: nothing on the node was disturbed yet, or the last look began before it,
    /// or may have shown what was before it.
    fn power_is_foreign(&self, world: &World, then: &Before) -> bool {
        let looked = world.healthy.saturating_sub(LONGEST_LAG);
        self.power
            .is_some_and(|(_, after)| then.at + after >= looked || !world.power_was_ours)
    }

    /// The data of the right time is on both nodes.
    fn bytes(&self, world: &World, then: &Before, first: &Ended) -> Option<String> {
        let now = world.content(0).unwrap();
        let wanted = match (self.operation, first) {
            (Operation::Restore, Ended::Succeeded) => vec![then.backup],
            (Operation::Rollback, Ended::Succeeded) => vec![then.replaced],
            (Operation::Backup, _) => vec![then.content],
            // One that did not succeed ends in either.
            (Operation::Restore, _) => vec![then.content, then.backup],
            (Operation::Rollback, _) => vec![then.content, then.replaced],
        };
        let good = wanted.iter().any(|old| world.cluster.descends(now, *old));
        (!good).then(|| format!("{now} is on the nodes, which comes from none of {wanted:?}"))
    }
}

/// What was where before the operation.
struct Before {
    at: Ms,
    content: u32,
    /// What the newest backup holds.
    backup: u32,
    /// What the newest restore replaced.
    replaced: u32,
    backups: usize,
}

impl Before {
    fn of(world: &World) -> Self {
        let snapshots = &world.ec2.shown.snapshots;
        let newest = snapshots.values().max_by_key(|one| one.started);
        let replaced = world.ledger.records.values().next_back();
        let replaced = replaced.map(|record| world.ec2.shown.volumes[record.attachments[0].old.as_str()].content);
        Self {
            at: world.now,
            content: world.content(0).unwrap(),
            backup: newest.map_or(0, |one| one.content),
            replaced: replaced.unwrap_or(0),
            backups: snapshots.len(),
        }
    }
}

/// What costs money and serves nobody: volumes that were made and never attached, and fast snapshot restore.
fn left_behind(world: &World) -> Vec<String> {
    let unused = |(id, one): &(&String, &crate::world::ec2::Volume)| {
        !one.token.is_empty() && one.attached.is_none() && !world.ec2.ever_attached.contains(*id)
    };
    let volumes = world.ec2.shown.volumes.iter().filter(unused);
    let mut left: Vec<String> = volumes
        .map(|(id, _)| format!("{id} was made for nothing, and is left"))
        .collect();
    let fast = world.ec2.shown.fast.iter().filter(|(_, one)| one.on);
    left.extend(fast.map(|((id, zone), _)| format!("fast snapshot restore of {id} in {zone} is left on")));
    left
}

/// Of two sets of one backup all but one are tagged.
fn sets(world: &World) -> Vec<String> {
    let mut seen: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    let proved = |id: &str| {
        let of = |one: &crate::world::ec2::Snapshot| one.tags.get(tag::BACKUP_ID).is_some_and(|is| is == id);
        let mut all = world.ec2.shown.snapshots.values().filter(|one| of(one));
        all.any(|one| one.tags.contains_key(tag::VALID))
    };
    for one in world.ec2.shown.snapshots.values() {
        let id = one.tags[tag::BACKUP_ID].as_str();
        if proved(id) && !one.tags.contains_key(tag::DUPLICATE) {
            *seen.entry((id, &one.volume)).or_default() += 1;
        }
    }
    let twice = seen.iter().filter(|(_, count)| **count > 1);
    twice
        .map(|((id, volume), _)| format!("two sets of {id} hold {volume}, and neither is tagged"))
        .collect()
}

/// A backup that succeeded is of the frozen image.
fn image(world: &World, then: &Before) -> Vec<String> {
    let mut wrong = Vec::new();
    let proved: Vec<_> = world
        .ec2
        .shown
        .snapshots
        .values()
        .filter(|one| one.tags.contains_key(tag::VALID) && world.frozen.contains_key(&one.tags[tag::BACKUP_ID]))
        .collect();
    if proved.len() <= then.backups && then.backups > 0 {
        wrong.push("it succeeded without a new backup".to_owned());
    }
    for one in proved {
        let (stopped, content) = world.frozen[&one.tags[tag::BACKUP_ID]];
        if one.content != content {
            wrong.push(format!(
                "a proved snapshot holds {}, and the groups were stopped at {content}",
                one.content
            ));
        }
        let at = one.tags[tag::CONSISTENT_AT].as_str();
        if at < moment(stopped).to_string().as_str() {
            wrong.push(format!("consistent-at {at} lies before the stop {}", moment(stopped)));
        }
    }
    wrong
}

/// The world before an operation: a backup there is always, and before a rollback its restore.
pub(crate) fn before(operation: Operation, disks: Disks) -> World {
    static WORLDS: OnceLock<BTreeMap<(u8, bool), World>> = OnceLock::new();
    let worlds = WORLDS.get_or_init(|| {
        let mut worlds = BTreeMap::new();
        for disks in [Disks::One, Disks::Two] {
            let sim = Sim::new(World::new(disks), Faults::default(), 0);
            let mut keep = |number: u8| {
                sim.world.borrow_mut().pass(60 * SECOND);
                worlds.insert((number, disks == Disks::One), sim.world.borrow().clone());
            };
            keep(0);
            assert_eq!(backup(&sim), Ended::Succeeded);
            keep(1);
            assert_eq!(restore(&sim, "none"), Ended::Succeeded);
            keep(2);
        }
        worlds
    });
    let number = match operation {
        Operation::Backup => 0,
        Operation::Restore => 1,
        Operation::Rollback => 2,
    };
    worlds[&(number, disks == Disks::One)].clone()
}

/// One schedule in words.
pub(crate) fn text(schedule: &Schedule) -> String {
    let power = schedule
        .power
        .map(|(at, after)| format!("{} loses its power after {after} ms", NAMES[at]));
    format!("{schedule:?} {}", power.unwrap_or_default())
}
