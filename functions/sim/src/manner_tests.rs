//! Every operation under each value of what nobody has confirmed of CLUSTERPRO and systemd, and of what clusters differ in.

use crate::driver::Driver;
use crate::faults::Faults;
use crate::operations::{Ended, backup, backup_with, recover, release, restore, restore_with, rollback};
use crate::sim::Sim;
use crate::world::manner::{Manner, Unusable};
use crate::world::{Disks, SECOND, World};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::consistency::Consistency;

fn showing(manner: Manner) -> Sim {
    let sim = Sim::new(World::showing(Disks::Two, manner), Faults::default(), 1);
    sim.world.borrow_mut().pass(60 * SECOND);
    sim
}

fn whole(sim: &Sim, after: &str, manner: Manner) {
    sim.world.borrow_mut().pass(60 * SECOND);
    let world = sim.world.borrow();
    assert_eq!(world.violations(), Vec::<String>::new(), "{after} {manner:?}");
    assert!(world.is_normal(), "{after} {manner:?} {}", world.line());
    assert_eq!(world.ledger.lock.intent, None, "{after} {manner:?}");
}

fn each_operation(manner: Manner) {
    let sim = showing(manner);
    let done = |what: &str, ended: Ended| {
        assert_eq!(ended, Ended::Succeeded, "{what} {manner:?}");
        whole(&sim, what, manner);
    };
    let aborted = |what: &str, after: usize, operate: fn(&Driver<'_>) -> Ended| {
        let driver = Driver::new(&sim, what);
        driver.aborted_after.set(Some(after));
        assert!(matches!(operate(&driver), Ended::Dirty(_)), "{what} {manner:?}");
        sim.world.borrow_mut().pass(60 * SECOND);
        done(what, recover(&sim));
    };
    done("backup", backup(&sim));
    // The standby lies broken, and the nodes are in backup mode.
    aborted("aborted backup", 14, backup_with);
    sim.world.borrow_mut().config.consistency = Consistency::Frozen;
    done("frozen backup", backup(&sim));
    aborted("aborted frozen backup", 7, backup_with);
    done("restore", restore(&sim, "none"));
    done("rollback", rollback(&sim));
    // Between the two shutdowns and the two starts.
    aborted("aborted restore", 13, |driver| restore_with(driver, "none"));
    done("restore anew", restore(&sim, "none"));
    assert_eq!(release(&sim), Ended::Succeeded, "{manner:?}");
    done("recover of nothing", recover(&sim));
}

#[test]
fn every_operation_in_each_manner() {
    for manner in Manner::singles() {
        each_operation(manner);
    }
}

/// Several values at once, which the seed draws.
#[test]
fn every_operation_in_manners_that_are_drawn() {
    for seed in 0..8 {
        each_operation(Manner::drawn(seed));
    }
}

/// Nothing is touched.
#[test]
fn what_cannot_be_worked_with_is_refused() {
    for (unusable, error) in [
        (Unusable::NoClpcfget, "OutputUnreadable"),
        (Unusable::Systemd219, "NodeUnsupported"),
    ] {
        let manner = Manner::default();
        let sim = showing(manner);
        assert_eq!(backup(&sim), Ended::Succeeded);
        sim.world.borrow_mut().unusable = Some(unusable);
        for ended in [backup(&sim), restore(&sim, "none")] {
            let Ended::Clean(failure) = ended else {
                panic!("{ended:?}")
            };
            assert_eq!(failure.error, error, "{failure:?}");
            whole(&sim, error, manner);
        }
    }
}

/// Nothing proves what the scripts have done: the operation ends after its outage, with the cluster back.
#[test]
fn where_the_scripts_speak_in_other_words_the_cluster_is_back() {
    for disks in [Disks::One, Disks::Two] {
        let sim = Sim::new(World::new(disks), Faults::default(), 1);
        sim.world.borrow_mut().pass(60 * SECOND);
        assert_eq!(backup(&sim), Ended::Succeeded);
        sim.world.borrow_mut().unusable = Some(Unusable::OtherWords);
        sim.world.borrow_mut().pass(60 * SECOND);
        for ended in [backup(&sim), restore(&sim, "none")] {
            let Ended::Clean(failure) = ended else {
                panic!("{ended:?}")
            };
            assert_eq!(failure.error, "PreparationUnproven", "{failure:?}");
            whole(&sim, "other words", Manner::default());
        }
        let world = sim.world.borrow();
        let valid = world
            .ec2
            .shown
            .snapshots
            .values()
            .filter(|one| one.tags.contains_key(tag::VALID));
        assert_eq!(valid.count(), world.config.mirror_disks.len());
    }
}
