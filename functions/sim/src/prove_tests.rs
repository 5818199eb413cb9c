//! The proof of a backup by its own bytes, whatever a call of it ends in (safety.md, rule 24).

use crate::driver::{Driver, Failure, once};
use crate::faults::{Fault, Faults, Kind};
use crate::operations::{Ended, backup_with, restore_with};
use crate::proofs;
use crate::sim::Sim;
use crate::world::{CLUSTER, Disks, SECOND, World};
use mirrorsnap_domain::catalogue::{Tier, tag};
use serde_json::{Value, json};

const LIMIT: u64 = 300 * SECOND;

/// A cluster with a valid backup, and that backup's id.
fn backed_up(disks: Disks) -> (Sim, String) {
    let sim = Sim::new(World::new(disks), Faults::default(), 1);
    sim.world.borrow_mut().pass(5 * SECOND);
    let id = another(&sim, "first");
    (sim, id)
}

fn another(sim: &Sim, name: &str) -> String {
    let known: Vec<String> = ids(sim);
    assert_eq!(backup_with(&Driver::new(sim, name)), Ended::Succeeded);
    let id = ids(sim).into_iter().find(|id| !known.contains(id)).unwrap();
    forget(sim);
    id
}

/// As if nothing had been proved yet.
fn forget(sim: &Sim) {
    for one in sim.world.borrow_mut().ec2.shown.snapshots.values_mut() {
        one.tags
            .retain(|key, _| ![tag::PROVED, tag::PROVED_AT, tag::PROOF_TOOK].contains(&key.as_str()));
    }
}

fn ids(sim: &Sim) -> Vec<String> {
    let world = sim.world.borrow();
    let mut all: Vec<String> = world
        .ec2
        .shown
        .snapshots
        .values()
        .map(|one| one.tags[tag::BACKUP_ID].clone())
        .collect();
    all.sort();
    all.dedup();
    all
}

fn input(sim: &Sim, backup: &str) -> Value {
    let now = sim.world.borrow().moment();
    json!({"fleet": "mirrorsnap", "cluster": CLUSTER, "backup": backup, "now": now})
}

fn prove(sim: &Sim, backup: &str) -> Result<Value, Failure> {
    once(sim, "prove", LIMIT, input(sim, backup))
}

fn verdicts(sim: &Sim, id: &str) -> Vec<Option<String>> {
    let world = sim.world.borrow();
    let of = world
        .ec2
        .shown
        .snapshots
        .values()
        .filter(|one| one.tags[tag::BACKUP_ID] == id);
    of.map(|one| one.tags.get(tag::PROVED).cloned()).collect()
}

/// As if a volume had held something else when the snapshot was taken.
fn spoil(sim: &Sim, id: &str) {
    let mut world = sim.world.borrow_mut();
    let found = world
        .ec2
        .shown
        .snapshots
        .values_mut()
        .find(|one| one.tags[tag::BACKUP_ID] == id);
    found.unwrap().content += 1000;
}

/// What may befall one call of a proof.
const FAULTS: [Fault; 7] = [
    Fault::Refused,
    Fault::Throttled(20 * SECOND),
    Fault::LostCall,
    Fault::LostReply,
    Fault::CrashAfter,
    Fault::Empty,
    Fault::Lag(30 * SECOND),
];

#[test]
fn a_backup_is_proved_by_what_its_own_run_recorded() {
    for (disks, count) in [(Disks::One, 1), (Disks::Two, 2)] {
        let (sim, id) = backed_up(disks);
        let said = prove(&sim, &id).unwrap();
        assert_eq!(said["verdict"], json!("clean"), "{said:#}");
        assert_eq!(said["message"], Value::Null);
        assert_eq!(said["disks"].as_array().unwrap().len(), count);
        assert_eq!(verdicts(&sim, &id), vec![Some("clean".to_owned()); count]);
        assert_eq!(said["requests"], json!(count * 5), "two pages and three blocks of each");
    }
}

#[test]
fn nothing_but_tags_is_written_and_no_lock_is_looked_at() {
    let (sim, id) = backed_up(Disks::Two);
    let before = sim.faults.borrow().calls.len();
    prove(&sim, &id).unwrap();
    let faults = sim.faults.borrow();
    let calls = &faults.calls[before..];
    let changes = calls.iter().filter(|call| call.kind == Kind::Change);
    assert!(
        changes.clone().count() == 2 && changes.clone().all(|call| call.name == "ec2:CreateTags"),
        "{calls:?}"
    );
    assert!(
        !calls
            .iter()
            .any(|call| call.name == "ssm:SendCommand" || call.kind == Kind::Fence)
    );
}

#[test]
fn an_image_of_another_moment_is_told_with_the_backup_to_restore_instead() {
    let (sim, first) = backed_up(Disks::Two);
    sim.pass(60 * SECOND);
    let second = another(&sim, "second");
    spoil(&sim, &second);
    let said = prove(&sim, &second).unwrap();
    assert_eq!(
        (&said["verdict"], &said["before"]),
        (&json!("fingerprint-differs"), &json!(first))
    );
    let text = said["message"]["text"].as_str().unwrap();
    assert!(text.contains(&first) && text.contains("fingerprint-differs"), "{text}");
    assert!(said["message"]["subject"].as_str().unwrap().len() <= 100);
    // A restore of the latest takes the one before, and says so.
    let now = sim.world.borrow().moment();
    let asked = json!({"mode": "plan", "cluster": CLUSTER, "now": now, "backup": "latest", "dry_run": true});
    let plan = once(&sim, "plan-restore", LIMIT, asked).unwrap();
    assert_eq!(plan["plan"]["backup"], json!(first));
    let words = plan["plan"]["words"].to_string();
    assert!(
        words.contains(&format!("backup {second} is newer and is not taken")),
        "{words}"
    );
    assert_eq!(restore_with(&Driver::new(&sim, "restore"), "none"), Ended::Succeeded);
}

#[test]
fn a_backup_from_before_fingerprints_is_not_judged() {
    let (sim, id) = backed_up(Disks::One);
    for one in sim.world.borrow_mut().ec2.shown.snapshots.values_mut() {
        one.tags.retain(|key, _| !key.starts_with(tag::DISK));
    }
    let said = prove(&sim, &id).unwrap();
    assert_eq!(said["verdict"], json!("not-judged"));
    assert!(
        said["disks"][0]["sentence"]
            .as_str()
            .unwrap()
            .contains("no-fingerprint"),
        "{said}"
    );
}

#[test]
fn tokens_that_expire_are_asked_for_again() {
    let (sim, id) = backed_up(Disks::One);
    // One call takes less, two take more.
    sim.world.borrow_mut().tokens = Some(150);
    assert_eq!(prove(&sim, &id).unwrap()["verdict"], json!("clean"));
    sim.world.borrow_mut().tokens = Some(0);
    let failure = prove(&sim, &id).unwrap_err();
    assert_eq!(failure.error, "AwsUnavailable", "{failure:?}");
}

/// Each call of a proof × each fault: the verdict of a retry is right, and nobody is told of anything that is not so.
#[test]
fn each_call_may_fail() {
    let (sim, id) = backed_up(Disks::Two);
    let before = sim.faults.borrow().calls.len();
    prove(&sim, &id).unwrap();
    let calls: Vec<Kind> = sim.faults.borrow().calls[before..]
        .iter()
        .map(|call| call.kind)
        .collect();
    for (number, kind) in calls.iter().enumerate() {
        for fault in FAULTS {
            if !fault.suits(*kind) {
                continue;
            }
            let (sim, id) = backed_up(Disks::Two);
            let begun = sim.faults.borrow().calls.len();
            sim.faults.borrow_mut().planned.push((begun + number, fault));
            let first = prove(&sim, &id);
            let what = format!("{fault:?} at call {number}: {first:?}");
            match &first {
                Ok(said) => assert_eq!(said["verdict"], json!("clean"), "{what}"),
                Err(failure) => {
                    let name = failure.error.as_str();
                    let expected = if fault.passes() {
                        ["AwsUnavailable", "Runtime.ExitError"]
                    } else {
                        ["AwsRefused"; 2]
                    };
                    assert!(expected.contains(&name), "{what}");
                }
            }
            sim.pass(60 * SECOND);
            assert_eq!(prove(&sim, &id).unwrap()["verdict"], json!("clean"), "{what}");
        }
    }
}

#[test]
fn ec2_may_show_the_backup_as_it_was_before_it_was_valid() {
    let (sim, id) = backed_up(Disks::One);
    let begun = sim.faults.borrow().calls.len();
    sim.faults
        .borrow_mut()
        .planned
        .extend([(begun + 1, Fault::Empty), (begun + 2, Fault::Empty)]);
    assert_eq!(prove(&sim, &id).unwrap()["verdict"], json!("clean"));
}

#[test]
fn a_proof_ends_in_time_however_long_aws_is_throttled() {
    let (sim, id) = backed_up(Disks::One);
    let begun = sim.faults.borrow().calls.len();
    sim.faults
        .borrow_mut()
        .planned
        .push((begun + 2, Fault::Throttled(3600 * SECOND)));
    let from = sim.now();
    let failure = prove(&sim, &id).unwrap_err();
    assert_eq!(failure.error, "AwsUnavailable");
    assert!(sim.now() - from < 240 * SECOND);
    assert_eq!(verdicts(&sim, &id), [None]);
}

#[test]
fn random_is_an_older_one() {
    let (sim, first) = backed_up(Disks::One);
    assert_eq!(prove(&sim, "random").unwrap()["id"], json!(first), "there is no other");
    sim.pass(60 * SECOND);
    let second = another(&sim, "second");
    sim.pass(60 * SECOND);
    let third = another(&sim, "third");
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..20 {
        drawn.insert(prove(&sim, "random").unwrap()["id"].as_str().unwrap().to_owned());
        sim.pass(7 * SECOND);
    }
    assert_eq!(drawn, [first, second].into(), "and not {third}");
    for (backup, error) in [
        ("latest", "InputInvalid"),
        ("orders-20200101T000000Z", "BackupNotFound"),
    ] {
        assert_eq!(prove(&sim, backup).unwrap_err().error, error);
    }
}

#[test]
fn an_archived_image_is_not_judged_and_what_was_found_before_still_holds() {
    let archive = |sim: &Sim, tier: Tier| {
        for one in sim.world.borrow_mut().ec2.shown.snapshots.values_mut() {
            one.tier = tier;
        }
    };
    let (sim, id) = backed_up(Disks::One);
    archive(&sim, Tier::Archive);
    let said = prove(&sim, &id).unwrap();
    assert_eq!((&said["verdict"], &said["requests"]), (&json!("not-judged"), &json!(0)));
    let sentence = said["disks"][0]["sentence"].as_str().unwrap();
    assert!(sentence.contains("(archived)") && said["message"].is_null(), "{said}");
    assert_eq!(verdicts(&sim, &id), [Some("not-judged".to_owned())]);
    // Once it is back it is judged.
    archive(&sim, Tier::Standard);
    spoil(&sim, &id);
    assert_eq!(prove(&sim, &id).unwrap()["verdict"], json!("fingerprint-differs"));
    archive(&sim, Tier::Archive);
    assert_eq!(prove(&sim, &id).unwrap()["verdict"], json!("not-judged"));
    assert_eq!(verdicts(&sim, &id), [Some("fingerprint-differs".to_owned())]);
}

/// Each call of the proof that a backup starts × each fault, with and without somebody's write to the volumes before the snapshots: the
/// backup succeeds, nothing untrue is written of it, and once all is well it is proved as it is.
#[test]
fn whatever_happens_to_the_proof_of_a_backup_the_backup_is_the_same() {
    let world = |stray: bool| {
        let mut world = World::new(Disks::Two);
        world.pass(5 * SECOND);
        world.ec2.stray = stray;
        world
    };
    let whole = Sim::new(world(false), Faults::default(), 1);
    assert_eq!(backup_with(&Driver::new(&whole, "backup")), Ended::Succeeded);
    let calls: Vec<(usize, Kind)> = {
        let faults = whole.faults.borrow();
        let first = faults
            .calls
            .iter()
            .position(|call| call.name.starts_with("ebs:"))
            .unwrap();
        let last = faults
            .calls
            .iter()
            .rposition(|call| call.name.starts_with("ebs:"))
            .unwrap();
        // Its configuration, the snapshots and the description before; its last tag behind.
        (first - 3..=last + 1).map(|at| (at, faults.calls[at].kind)).collect()
    };
    assert!(calls.len() > 12, "{calls:?}");
    let mut runs = 0;
    for (at, kind) in calls {
        for fault in FAULTS.into_iter().chain([Fault::Unsteady(60 * SECOND)]) {
            for stray in [false, true].into_iter().filter(|_| fault.suits(kind)) {
                let sim = Sim::new(world(stray), Faults::plan(vec![(at, fault)]), 1);
                let what = format!("{fault:?} at call {at}, stray: {stray}");
                assert_eq!(backup_with(&Driver::new(&sim, "backup")), Ended::Succeeded, "{what}");
                assert_eq!(proofs::verdicts(&sim.world.borrow()), Vec::<String>::new(), "{what}");
                assert_eq!(proofs::later(&sim), Vec::<String>::new(), "{what}");
                runs += 1;
            }
        }
    }
    assert!(runs > 100, "{runs}");
}
