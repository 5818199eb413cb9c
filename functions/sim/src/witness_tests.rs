//! Single faults that were found once, each with the world in which it shows.

use crate::driver::{Driver, once};
use crate::faults::{Fault, Faults, Kind};
use crate::operations::{Ended, backup, recover, restore, restore_with};
use crate::sim::Sim;
use crate::tasks;
use crate::world::ec2::Snapshot;
use crate::world::{Disks, SECOND, World};
use mirrorsnap_domain::catalogue::tag;

/// A cluster with a proved backup.
fn backed_up() -> Sim {
    let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
    assert_eq!(backup(&sim), Ended::Succeeded);
    sim.world.borrow_mut().pass(60 * SECOND);
    sim
}

/// Gives the mirror disks' volumes so many tags of their owner's.
fn tagged(sim: &Sim, count: usize) {
    let mut world = sim.world.borrow_mut();
    for (id, volume) in &mut world.ec2.shown.volumes {
        if id.ends_with('2') {
            volume.tags = (0..count)
                .map(|number| (format!("owner-{number:02}"), "x".to_owned()))
                .collect();
        }
    }
}

#[test]
fn volumes_without_room_for_our_tags_are_refused_before_anything_is_touched() {
    for (count, fits) in [(45, true), (49, false), (50, false)] {
        let sim = backed_up();
        tagged(&sim, count);
        let ended = restore(&sim, "none");
        assert_eq!(ended == Ended::Succeeded, fits, "{count} tags: {ended:?}");
        if !fits {
            let changed =
                sim.faults.borrow().calls.iter().any(|call| {
                    call.kind == Kind::Change && ["ec2:DetachVolume", "ec2:CreateVolume"].contains(&call.name)
                });
            assert!(!changed, "{count} tags");
        }
        assert!(sim.world.borrow().is_normal());
    }
}

#[test]
fn a_backup_of_volumes_with_many_tags_succeeds() {
    for count in [44, 49, 50] {
        let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
        tagged(&sim, count);
        assert_eq!(backup(&sim), Ended::Succeeded, "{count} tags");
    }
}

#[test]
fn a_post_processing_that_fails_is_tried_anew_under_any_epoch() {
    for epoch in 95..102 {
        let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
        sim.world.borrow_mut().ledger.lock.epoch = epoch;
        sim.world
            .borrow_mut()
            .fail_scripts
            .insert("leave-backup-mode".to_owned(), 3);
        // Three tries of the first holder fail, and recover is another one.
        assert!(matches!(backup(&sim), Ended::Dirty(_)), "epoch {epoch}");
        assert_eq!(recover(&sim), Ended::Succeeded, "epoch {epoch}");
        assert!(sim.world.borrow().is_normal(), "epoch {epoch}");
    }
}

#[test]
fn the_second_set_of_a_backup_is_tagged_and_not_proved() {
    let all = tasks::all();
    let mark = all
        .iter()
        .find(|task| task.name() == "check-snapshots mark")
        .expect("a task that marks");
    let mut world = mark.world.clone();
    let id = world.ledger.lock.intent.as_ref().unwrap().id.clone();
    let of = |one: &Snapshot| one.tags.get(tag::BACKUP_ID) == Some(&id);
    let first: Vec<Snapshot> = world
        .ec2
        .shown
        .snapshots
        .values()
        .filter(|one| of(one))
        .cloned()
        .collect();
    for (number, one) in first.iter().enumerate() {
        let mut second = one.clone();
        second.started += SECOND;
        world.ec2.shown.snapshots.insert(format!("snap-0fff{number}"), second);
    }
    let sim = Sim::new(world, Faults::default(), 1);
    once(&sim, mark.function, mark.limit, mark.payload.clone()).expect("the mark");
    let world = sim.world.borrow();
    for (name, one) in world.ec2.shown.snapshots.iter().filter(|(_, one)| of(one)) {
        let (proved, second) = (one.tags.contains_key(tag::VALID), one.tags.contains_key(tag::DUPLICATE));
        assert_eq!(
            (proved, second),
            (!name.starts_with("snap-0fff"), name.starts_with("snap-0fff")),
            "{name}"
        );
    }
}

#[test]
fn a_restore_whose_describes_lag_at_each_moment_of_the_exchange_succeeds() {
    for lag in [300, SECOND, 5 * SECOND, 30 * SECOND] {
        let sim = backed_up();
        let before = sim.faults.borrow().calls.len();
        let driver = Driver::new(&sim, "restore");
        // All describes, for as long as the volumes are exchanged.
        sim.faults.borrow_mut().planned = (before + 60..before + 200)
            .map(|number| (number, Fault::Lag(lag)))
            .collect();
        assert_eq!(restore_with(&driver, "none"), Ended::Succeeded, "{lag} ms");
        let world = sim.world.borrow();
        assert!(
            world.is_normal() && world.violations().is_empty(),
            "{lag} ms: {:?}",
            world.violations()
        );
        assert!(!sim.faults.borrow().fired.is_empty());
    }
}

#[test]
fn a_throttling_that_passes_costs_no_backup() {
    let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
    assert_eq!(backup(&sim), Ended::Succeeded);
    let calls = sim.faults.borrow().calls.len();
    for number in (0..calls).step_by(13) {
        let plan = vec![(number, Fault::Throttled(25 * SECOND))];
        let sim = Sim::new(World::new(Disks::One), Faults::plan(plan), 1);
        assert_eq!(backup(&sim), Ended::Succeeded, "call {number}");
        assert!(sim.world.borrow().violations().is_empty());
    }
}
