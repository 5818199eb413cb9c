//! Single faults that were found once, each with the world in which it shows.

use crate::driver::{Driver, once};
use crate::faults::{Fault, Faults, Kind};
use crate::operations::{Ended, backup, backup_with, recover, restore, restore_with};
use crate::sim::Sim;
use crate::tasks;
use crate::world::ec2::Snapshot;
use crate::world::{Disks, SECOND, State, World};
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

/// Rule 18: a branch that was given up repeats StartInstances for 30 s, and a describe may be 30 s old.
#[test]
fn no_volume_is_detached_while_a_start_that_was_given_up_may_still_be_unseen() {
    for refused in 0..=33 {
        let sim = backed_up();
        let driver = Driver::new(&sim, "restore");
        driver.gives_starts_up.set(Some(refused * SECOND));
        let ended = restore_with(&driver, "none");
        let world = sim.world.borrow();
        assert!(matches!(ended, Ended::Clean(_)), "{refused} s: {ended:?}");
        assert!(
            world.is_normal() && world.violations().is_empty(),
            "{refused} s: {:?}",
            world.violations()
        );
    }
}

#[test]
fn a_document_that_takes_long_is_looked_at_ever_more_seldom() {
    let step = tasks::all()
        .into_iter()
        .find(|task| task.name() == "run-node-step resume-monitors")
        .expect("a task that runs a step");
    let mut world = step.world;
    // No agent takes the command, which is given up after 30 s.
    world.boot = 100_000 * SECOND;
    for guest in &mut world.guests {
        (guest.up, guest.going) = (false, None);
    }
    let sim = Sim::new(world, Faults::default(), 1);
    let began = sim.now();
    let ended = once(&sim, step.function, step.limit, step.payload);
    assert!(
        ended.is_err() && sim.now() - began >= 29 * SECOND,
        "{ended:?} {}",
        sim.now() - began
    );
    let faults = sim.faults.borrow();
    let looks = faults
        .calls
        .iter()
        .filter(|call| call.name == "ssm:GetCommandInvocation")
        .count();
    assert!((20..60).contains(&looks), "{looks}");
}

/// Rule 8: a document that nobody has begun is not begun any more once the holder has been taken over.
#[test]
fn recover_cancels_what_the_dead_holder_has_sent() {
    let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
    let driver = Driver::new(&sim, "aborted");
    driver.aborted_after.set(Some(5));
    drop(backup_with(&driver));
    let mut world = sim.world.borrow_mut();
    let run = world.ledger.lock.intent.as_ref().expect("an intent").id.clone();
    world.boot = 100_000 * SECOND;
    let mut late = world.commands.last().expect("a command").clone();
    for (id, of) in [("late", run.clone()), ("foreign", "somebody-else".to_owned())] {
        (late.id, late.step.run, late.sent, late.state) = (id.to_owned(), of, world.now, State::Sent);
        world.commands.push(late.clone());
        let at = late.at;
        world.guests[at].up = false;
    }
    drop(world);
    let driver = Driver::new(&sim, "recover");
    driver.take_over();
    let payload = serde_json::json!({"mode": "cancel", "lock": driver.claim()});
    assert_eq!(
        driver.task("assess", payload).unwrap(),
        serde_json::json!({"cancelled": ["late"]})
    );
    let world = sim.world.borrow();
    let state = |id: &str| world.command(id).unwrap().state.clone();
    assert_eq!((state("late"), state("foreign")), (State::Undelivered, State::Sent));
}
