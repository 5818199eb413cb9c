//! The copies of a backup, whatever happens to one call or two: each snapshot has one copy in the end, and the backup is as it was.
//!
//! Each of these changes of the code was seen to make a check here red: no look-up before CopySnapshot; a look-up of 20 seconds; an
//! answer of CopySnapshot that is not remembered; no removal of a second copy; a locked copy that is deleted all the same.

use crate::driver::{Driver, Failure, attempts};
use crate::faults::{Call, Fault, Faults, Kind};
use crate::operations::backup_with;
use crate::sim::Sim;
use crate::world::{CLUSTER, Disks, Ms, SECOND, World};
use mirrorsnap_domain::config::Config;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const FAULTS: [Fault; 12] = [
    Fault::Refused,
    Fault::Throttled(SECOND),
    Fault::Throttled(12 * SECOND),
    Fault::LostCall,
    Fault::LostReply,
    Fault::CrashAfter,
    Fault::Lag(SECOND),
    Fault::Lag(30 * SECOND),
    Fault::Unsteady(40 * SECOND),
    Fault::Empty,
    Fault::Newborn(10 * SECOND),
    QUOTA,
];
const QUOTA: Fault = Fault::Answers("ResourceLimitExceeded");
/// The function's own time limit and the margin.
const LIMIT: Ms = 200 * SECOND;

/// A world with a valid backup of two volumes and a configuration that asks for copies of it, and the backup's id.
fn backed_up(more: &Value) -> (World, String) {
    let sim = Sim::new(World::new(Disks::Two), Faults::default(), 1);
    sim.world.borrow_mut().pass(5 * SECOND);
    drop(backup_with(&Driver::new(&sim, "backup")));
    sim.pass(120 * SECOND);
    let mut world = sim.world.borrow().clone();
    let mut json = json!(world.config);
    json["copy"] = json!({"region": "ap-northeast-3", "keep": {"keep_last": 1}});
    json["copy"]
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    world.config = Config::parse(CLUSTER, &json.to_string()).unwrap();
    let id = world.ec2.shown.snapshots.values().next().unwrap().tags["mirrorsnap:backup-id"].clone();
    (world, id)
}

fn call(sim: &Sim, mode: &str, id: &str, asked: Option<&Value>) -> Result<Value, Failure> {
    let now = sim.world.borrow().moment();
    let mut payload = json!({"mode": mode, "cluster": CLUSTER, "backup": id, "now": now});
    if let Some(asked) = asked {
        payload["asked"] = asked.clone();
    }
    attempts(sim, "copy-snapshots", LIMIT, &payload)
}

/// The state machine `copy`.
fn copy(sim: &Sim, id: &str) -> Result<Value, Failure> {
    let mut asked = json!({});
    for _ in 0..60 {
        let seen = call(sim, "copy", id, Some(&asked))?;
        if seen["complete"] == true {
            return Ok(seen);
        }
        asked = seen["asked"].clone();
        sim.pass(15 * SECOND);
    }
    Err(Failure::new("CopyFailed", "not complete"))
}

/// What is wrong after a success.
fn wrong(sim: &Sim, before: &World) -> Vec<String> {
    let world = sim.world.borrow();
    let mut wrong = world.violations();
    let mut counts: BTreeMap<&str, usize> = before.ec2.shown.snapshots.keys().map(|id| (id.as_str(), 0)).collect();
    for (id, one) in &world.ec2.shown.copies {
        *counts.entry(&one.source).or_default() += 1;
        if !one.tags.contains_key("mirrorsnap:valid") || one.tags.contains_key("mirrorsnap:backup-id") {
            wrong.push(format!("{id} has the tags {:?}", one.tags));
        }
    }
    if counts.values().any(|count| *count != 1) {
        wrong.push(format!("not one copy of each: {counts:?}"));
    }
    if world.ec2.shown.snapshots != before.ec2.shown.snapshots {
        wrong.push("the backup was changed".to_owned());
    }
    wrong
}

fn calls(world: &World, id: &str) -> Vec<Call> {
    let sim = Sim::new(world.clone(), Faults::default(), 1);
    copy(&sim, id).unwrap();
    assert!(wrong(&sim, world).is_empty(), "{:?}", wrong(&sim, world));
    sim.faults.borrow().calls.clone()
}

#[test]
fn one_copy_of_each_whatever_happens_to_one_call() {
    let (world, id) = backed_up(&json!({"lock": {"mode": "governance", "days": 1}}));
    let mut all = Vec::new();
    for (number, at) in calls(&world, &id).iter().enumerate() {
        let suits = |fault: &Fault| fault.suits(at.kind) && (*fault != QUOTA || at.name == "ec2:CopySnapshot");
        for fault in FAULTS.into_iter().filter(suits) {
            let plan = Faults::plan(vec![(number, fault)]);
            let sim = Sim::new(world.clone(), plan, u64::try_from(number).unwrap());
            let first = copy(&sim, &id);
            let text = format!("{fault:?} at {number} ({} {})", at.name, at.what);
            if fault != Fault::Refused && first.is_err() {
                all.push(format!("{text}: {first:?}"));
            }
            // A person starts it again after a failure; after a success that changes nothing.
            if let Err(failure) = copy(&sim, &id) {
                all.push(format!("{text}: again {failure:?}"));
            }
            all.extend(wrong(&sim, &world).iter().map(|what| format!("{text}: {what}")));
        }
    }
    assert!(all.is_empty(), "{} are wrong, as {}", all.len(), all[0]);
}

/// The reply is lost, or the function dies, and EC2 shows the past for as long as it may.
#[test]
fn one_copy_of_each_though_a_reply_is_lost_and_the_describes_lag() {
    let (world, id) = backed_up(&json!({}));
    let all = calls(&world, &id);
    let made = all
        .iter()
        .enumerate()
        .filter(|(_, call)| call.name == "ec2:CopySnapshot");
    for (number, _) in made {
        for lost in [Fault::LostReply, Fault::CrashAfter] {
            for late in [Fault::Lag(30 * SECOND), Fault::Unsteady(40 * SECOND), Fault::Empty] {
                // Every look after it, for a minute.
                let faults = (number + 1..number + 12).map(|look| (look, late));
                let plan: Vec<_> = std::iter::once((number, lost)).chain(faults).collect();
                let sim = Sim::new(world.clone(), Faults::plan(plan), 7);
                let end = copy(&sim, &id);
                assert!(end.is_ok(), "{lost:?} {late:?} at {number}: {end:?}");
                assert_eq!(
                    wrong(&sim, &world),
                    Vec::<String>::new(),
                    "{lost:?} {late:?} at {number}"
                );
                let asked = sim
                    .faults
                    .borrow()
                    .calls
                    .iter()
                    .filter(|call| call.name == "ec2:CopySnapshot")
                    .count();
                // The quota of one at once refuses now and then.
                assert!(asked < 40, "{asked}");
            }
        }
    }
}

#[test]
fn of_two_copies_the_later_one_is_removed_and_a_proved_one_never() {
    let (world, id) = backed_up(&json!({}));
    let sim = Sim::new(world.clone(), Faults::default(), 1);
    let source = world.ec2.shown.snapshots.keys().next().unwrap().clone();
    copy(&sim, &id).unwrap();
    let kept = sim.world.borrow().ec2.shown.copies.clone();
    let mut second = kept.values().find(|one| one.source == source).unwrap().clone();
    second.tags.remove("mirrorsnap:valid");
    // It even began earlier.
    second.started -= 1;
    sim.world
        .borrow_mut()
        .ec2
        .change(|shown| shown.copies.insert("snap-0fff".to_owned(), second));
    copy(&sim, &id).unwrap();
    assert_eq!(sim.world.borrow().ec2.shown.copies, kept);
}

#[test]
fn a_key_that_cannot_be_used_ends_it_and_is_named_and_the_next_try_makes_another() {
    let key = "arn:aws:kms:ap-northeast-3:123456789012:key/abc";
    let (mut world, id) = backed_up(&json!({"kms_key": key}));
    world.ec2.copies_fail = true;
    let sim = Sim::new(world.clone(), Faults::default(), 1);
    let failure = copy(&sim, &id).unwrap_err();
    assert_eq!(failure.error, "CopyFailed");
    assert!(
        failure.cause.contains(key) && failure.cause.contains("not accessible"),
        "{failure:?}"
    );
    sim.world.borrow_mut().ec2.copies_fail = false;
    sim.pass(60 * SECOND);
    copy(&sim, &id).unwrap();
    assert_eq!(wrong(&sim, &world), Vec::<String>::new());
}

#[test]
fn a_refusal_says_what_is_missing_and_where() {
    let (world, id) = backed_up(&json!({}));
    let at = calls(&world, &id)
        .iter()
        .position(|call| call.name == "ec2:CopySnapshot")
        .unwrap();
    let sim = Sim::new(world, Faults::plan(vec![(at, Fault::Refused)]), 1);
    let failure = copy(&sim, &id).unwrap_err();
    assert_eq!(failure.error, "CopyFailed");
    for word in [
        "UnauthorizedOperation",
        "ec2:CopySnapshot in ap-northeast-3",
        "role of copy-snapshots",
    ] {
        assert!(failure.cause.contains(word), "{failure:?}");
    }
}

#[test]
fn retention_leaves_a_locked_copy_and_says_so() {
    let (world, id) = backed_up(&json!({"lock": {"mode": "governance", "days": 1}}));
    let sim = Sim::new(world, Faults::default(), 1);
    copy(&sim, &id).unwrap();
    // A copy of an older backup that `keep` no longer keeps, and one of somebody else's.
    let (mut old, mut foreign) = {
        let world = sim.world.borrow();
        let one = world.ec2.shown.copies.values().next().unwrap();
        (one.clone(), one.clone())
    };
    for (key, value) in [
        ("mirrorsnap:copy-of", "orders-20200101T000000Z"),
        ("mirrorsnap:consistent-at", "2020-01-01T00:00:00Z"),
        ("mirrorsnap:set-size", "1"),
    ] {
        old.tags.insert(key.to_owned(), value.to_owned());
    }
    foreign.tags.remove("mirrorsnap:copy-of");
    sim.world.borrow_mut().ec2.change(|shown| {
        shown.copies.insert("snap-0fff".to_owned(), old);
        shown.copies.insert("snap-0ffe".to_owned(), foreign);
    });
    let said = call(&sim, "expire", &id, None).unwrap();
    assert_eq!(said["deleted"], json!([]));
    assert_eq!(
        said["kept"],
        json!([{"copy": "snap-0fff", "backup": "orders-20200101T000000Z", "why": "locked until tomorrow"}])
    );
    sim.world
        .borrow_mut()
        .ec2
        .change(|shown| shown.copies.get_mut("snap-0fff").unwrap().locked = false);
    let said = call(&sim, "expire", &id, None).unwrap();
    assert_eq!(
        (&said["deleted"], &said["valid_copies"]),
        (&json!(["snap-0fff"]), &json!(2))
    );
    assert_eq!(sim.world.borrow().ec2.shown.copies.len(), 3);
}

#[test]
fn without_the_setting_nothing_is_asked_for() {
    let (mut world, id) = backed_up(&json!({}));
    world.config.copy = None;
    let sim = Sim::new(world, Faults::default(), 1);
    assert_eq!(copy(&sim, &id).unwrap()["wanted"], json!(false));
    let calls = sim.faults.borrow().calls.clone();
    assert!(calls.iter().all(|call| call.kind == Kind::Read), "{calls:?}");
}

/// What the patrol finds.
fn findings(sim: &Sim) -> Value {
    let now = sim.world.borrow().moment();
    let input = json!({"mode": "fleet", "fleet": "mirrorsnap", "now": now});
    attempts(sim, "patrol", LIMIT, &input).unwrap()["findings"].clone()
}

#[test]
fn the_patrol_names_a_backup_of_more_than_a_day_that_has_no_copy() {
    let (world, id) = backed_up(&json!({}));
    let sim = Sim::new(world, Faults::default(), 1);
    assert_eq!(findings(&sim), json!([]), "it may still be copied");
    sim.pass(25 * 3600 * SECOND);
    let missing = json!([{"what": "copy-missing", "cluster": CLUSTER, "backup": id, "region": "ap-northeast-3"}]);
    assert_eq!(findings(&sim), missing);
    let calls = sim.faults.borrow().calls.clone();
    let asked = calls.iter().rposition(|call| call.what.contains("in ap-northeast-3"));
    let begun = calls.iter().rposition(|call| call.name == "dynamodb:Scan").unwrap();
    let next = calls.len() + asked.unwrap() - begun;
    sim.faults.borrow_mut().planned.push((next, Fault::Refused));
    assert_eq!(findings(&sim)[0]["what"], json!("copies-unreadable"));
    copy(&sim, &id).unwrap();
    assert_eq!(findings(&sim), json!([]));
}
