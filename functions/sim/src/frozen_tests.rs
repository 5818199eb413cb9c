//! A frozen backup in the world: the service is never without its groups, and whatever fails, nothing stays frozen.

use crate::driver::Driver;
use crate::faults::Faults;
use crate::operations::{Ended, backup, backup_with, recover, restore};
use crate::sim::Sim;
use crate::world::{Disks, SECOND, World};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::consistency::Consistency;

fn frozen(disks: Disks) -> Sim {
    let mut world = World::new(disks);
    world.config.consistency = Consistency::Frozen;
    let sim = Sim::new(world, Faults::default(), 1);
    sim.world.borrow_mut().pass(60 * SECOND);
    sim
}

fn whole(sim: &Sim) {
    let world = sim.world.borrow();
    assert_eq!(world.violations(), Vec::<String>::new());
    assert!(world.is_normal(), "{}", world.line());
}

#[test]
fn a_frozen_backup_is_proved_tagged_and_restored() {
    for disks in [Disks::One, Disks::Two] {
        let sim = frozen(disks);
        assert_eq!(backup(&sim), Ended::Succeeded);
        whole(&sim);
        {
            let world = sim.world.borrow();
            let tags = world.ec2.shown.snapshots.values().map(|one| &one.tags);
            let words: Vec<&str> = tags.map(|tags| tags[tag::CONSISTENCY].as_str()).collect();
            assert_eq!(words, vec!["frozen"; if disks == Disks::One { 1 } else { 2 }]);
            let holds = world.ec2.shown.snapshots.values().map(|one| one.content);
            let (_, quiet) = world.frozen.values().next().copied().unwrap();
            assert!(holds.into_iter().all(|content| content == quiet));
        }
        sim.world.borrow_mut().pass(60 * SECOND);
        assert_eq!(restore(&sim, "none"), Ended::Succeeded);
        whole(&sim);
    }
}

/// CLUSTERPRO may refuse to break a mirror whose group is online. Then the backup fails, and the service has not noticed.
#[test]
fn a_refused_break_fails_the_backup_and_stops_nothing() {
    let sim = frozen(Disks::One);
    sim.world.borrow_mut().no_break_while_online = true;
    let Ended::Clean(failure) = backup(&sim) else {
        panic!("it succeeded")
    };
    assert_eq!(failure.error, "SectionVoid");
    assert!(failure.cause.contains("no group was stopped"), "{}", failure.cause);
    whole(&sim);
    assert!(sim.world.borrow().ec2.shown.snapshots.is_empty());
    assert_eq!(sim.world.borrow().cluster.down_since, None);
}

/// After each of its tasks the execution is aborted, and recover comes.
#[test]
fn an_aborted_frozen_backup_is_brought_back_without_touching_a_group() {
    for after in 1..12 {
        let sim = frozen(Disks::Two);
        let driver = Driver::new(&sim, "backup");
        driver.aborted_after.set(Some(after));
        let ended = backup_with(&driver);
        if ended == Ended::Succeeded {
            break;
        }
        sim.world.borrow_mut().pass(60 * SECOND);
        assert_eq!(recover(&sim), Ended::Succeeded, "after {after}");
        sim.world.borrow_mut().pass(60 * SECOND);
        whole(&sim);
    }
}

/// The active dies while it is frozen: CLUSTERPRO decides where the groups run, and converge mends the mirror.
#[test]
fn a_power_failure_of_the_active_in_the_pause_ends_in_a_normal_cluster() {
    for after in 0..20 {
        let sim = frozen(Disks::One);
        {
            let mut world = sim.world.borrow_mut();
            let now = world.now;
            world.power_fails = Some((0, now + (12 + after) * SECOND));
        }
        let ended = backup(&sim);
        for _ in 0..3 {
            sim.world.borrow_mut().pass(60 * SECOND);
            if sim.world.borrow().ledger.lock.intent.is_none() {
                break;
            }
            recover(&sim);
        }
        sim.world.borrow_mut().pass(180 * SECOND);
        let world = sim.world.borrow();
        assert_eq!(world.violations(), Vec::<String>::new(), "{after} {ended:?}");
        assert!(
            world.pause.is_none() && world.online(),
            "{after} {ended:?} {}",
            world.line()
        );
    }
}

/// Both ways of being quiet are in one catalogue.
#[test]
fn a_stopped_and_a_frozen_backup_stand_side_by_side() {
    let sim = frozen(Disks::One);
    assert_eq!(backup(&sim), Ended::Succeeded);
    sim.world.borrow_mut().config.consistency = Consistency::Stopped;
    sim.world.borrow_mut().pass(120 * SECOND);
    assert_eq!(backup(&sim), Ended::Succeeded);
    whole(&sim);
    let world = sim.world.borrow();
    let tags = world.ec2.shown.snapshots.values().map(|one| &one.tags);
    let mut words: Vec<&str> = tags.map(|tags| tags[tag::CONSISTENCY].as_str()).collect();
    words.sort_unstable();
    assert_eq!(words, ["frozen", "stopped"]);
}
