//! What a restore's plan says of what is set back, whatever the comparison ends in.

use crate::driver::{Driver, once};
use crate::faults::{Fault, Faults};
use crate::operations::{Ended, backup_with};
use crate::sim::Sim;
use crate::world::{CLUSTER, Disks, SECOND, World};
use mirrorsnap_domain::catalogue::tag;
use serde_json::json;

const LIMIT: u64 = 150 * SECOND;

/// A cluster with two valid backups, and the older one's id.
fn backed_up_twice() -> (Sim, String) {
    let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
    sim.world.borrow_mut().pass(5 * SECOND);
    for name in ["first", "second"] {
        assert_eq!(backup_with(&Driver::new(&sim, name)), Ended::Succeeded);
        sim.pass(60 * SECOND);
    }
    let world = sim.world.borrow();
    let ids = world.ec2.shown.snapshots.values().map(|one| &one.tags[tag::BACKUP_ID]);
    let older = ids.min().unwrap().clone();
    drop(world);
    (sim, older)
}

/// The words of the plan about what is set back.
fn said(sim: &Sim, backup: &str) -> Vec<String> {
    let now = sim.world.borrow().moment();
    let asked = json!({"mode": "plan", "cluster": CLUSTER, "now": now, "backup": backup, "dry_run": true});
    let plan = once(sim, "plan-restore", LIMIT, asked).unwrap();
    let words = plan["plan"]["words"].as_array().unwrap().iter();
    let words = words.map(|one| one.as_str().unwrap().to_owned());
    words.filter(|text| text.contains("set back")).collect()
}

#[test]
fn a_plan_says_how_much_changed_since_the_backup() {
    let (sim, older) = backed_up_twice();
    let words = said(&sim, &older);
    assert!(
        words.len() == 1 && words[0].starts_with("at most 512 KiB of the 20 GiB of md1 (less than 0.1%) changed"),
        "{words:?}"
    );
    // Nothing is newer than the latest.
    assert!(said(&sim, "latest").is_empty());
}

#[test]
fn a_comparison_that_fails_fails_no_plan() {
    let (trial, older) = backed_up_twice();
    said(&trial, &older);
    let at = |sim: &Sim| {
        let faults = sim.faults.borrow();
        faults
            .calls
            .iter()
            .position(|call| call.name == "ebs:ListChangedBlocks")
            .unwrap()
    };
    for fault in [Fault::Refused, Fault::Throttled(3600 * SECOND)] {
        let (sim, older) = backed_up_twice();
        sim.faults.borrow_mut().planned.push((at(&trial), fault));
        let words = said(&sim, &older);
        assert!(
            words.len() == 1 && words[0].starts_with("how much is set back is not known"),
            "{fault:?}: {words:?}"
        );
    }
}

#[test]
fn snapshots_of_other_volumes_and_tokens_that_expire_are_said() {
    let (sim, older) = backed_up_twice();
    sim.world.borrow_mut().tokens = Some(0);
    assert!(said(&sim, &older)[0].contains("is not known"));
    sim.world.borrow_mut().tokens = None;
    for one in sim.world.borrow_mut().ec2.shown.snapshots.values_mut() {
        if one.tags[tag::BACKUP_ID] == older {
            one.volume = "vol-0001".to_owned();
        }
    }
    let words = said(&sim, &older);
    assert!(
        words[0].contains("EBS compares snapshots of one volume only"),
        "{words:?}"
    );
}
