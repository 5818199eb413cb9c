//! The patrol over a cluster: a lost event strands nothing, and a healthy cluster is left alone.

use crate::driver::{Driver, once};
use crate::faults::{Faults, Kind};
use crate::operations::{Ended, backup_with, recover, restore_with};
use crate::sim::Sim;
use crate::world::{CLUSTER, Disks, SECOND, World};
use serde_json::{Value, json};

fn patrol(sim: &Sim) -> Value {
    let now = sim.world.borrow().moment();
    let input = json!({"mode": "fleet", "fleet": "mirrorsnap", "now": now});
    once(sim, "patrol", 300 * SECOND, input).unwrap()
}

fn needs_recover(sim: &Sim, holder: &str, status: &str) -> bool {
    let now = sim.world.borrow().moment();
    let input = json!({"mode": "stranded", "fleet": "mirrorsnap", "cluster": CLUSTER, "recover": "arn:r", "now": now, "holder": holder,
                       "holder_status": status});
    once(sim, "patrol", 300 * SECOND, input).unwrap()["recover"] == json!(true)
}

fn new() -> Sim {
    let sim = Sim::new(World::new(Disks::Two), Faults::default(), 1);
    sim.world.borrow_mut().pass(5 * SECOND);
    sim
}

#[test]
fn a_healthy_cluster_is_read_and_nothing_more() {
    let sim = new();
    assert_eq!(backup_with(&Driver::new(&sim, "backup")), Ended::Succeeded);
    let before = sim.faults.borrow().calls.len();
    let said = patrol(&sim);
    let counts = json!({"clusters": 1, "stranded": 0, "overdue": 0, "findings": 0});
    assert_eq!(said["counts"], counts, "{said}");
    let faults = sim.faults.borrow();
    let calls = &faults.calls[before..];
    assert!(calls.len() >= 5);
    let reads = |kind| matches!(kind, Kind::Read | Kind::Shown | Kind::Fence);
    assert!(calls.iter().all(|call| reads(call.kind)), "{calls:?}");
    assert!(!calls.iter().any(|call| call.name == "ssm:SendCommand"));
}

/// However far the operation had come: no event is delivered, no operation follows, and the cluster is normal in the end.
#[test]
fn a_lost_event_strands_no_cluster() {
    for restore in [false, true] {
        for after in 1..30 {
            let sim = new();
            assert_eq!(backup_with(&Driver::new(&sim, "first")), Ended::Succeeded);
            let driver = Driver::new(&sim, "aborted");
            driver.aborted_after.set(Some(after));
            let ended = if restore {
                restore_with(&driver, "none")
            } else {
                backup_with(&driver)
            };
            let unfinished = sim.world.borrow().ledger.lock.intent.is_some();
            assert_eq!(
                patrol(&sim)["counts"]["stranded"],
                json!(usize::from(unfinished)),
                "{ended:?}"
            );
            assert!(!needs_recover(&sim, "arn:aborted", "RUNNING"));
            assert_eq!(needs_recover(&sim, "arn:aborted", "ABORTED"), unfinished);
            if unfinished {
                assert_eq!(recover(&sim), Ended::Succeeded);
            }
            assert_eq!(patrol(&sim)["counts"]["stranded"], json!(0));
            sim.world.borrow_mut().pass(400 * SECOND);
            assert!(sim.world.borrow().is_normal(), "{restore} {after}");
            assert_eq!(sim.world.borrow().violations(), Vec::<String>::new());
        }
    }
}

#[test]
fn an_operators_hold_is_not_touched() {
    let sim = new();
    let driver = Driver::new(&sim, "aborted");
    driver.aborted_after.set(Some(5));
    let _ = backup_with(&driver);
    assert!(sim.world.borrow().ledger.lock.intent.is_some());
    sim.world.borrow_mut().ledger.lock.hold = Some("at work".to_owned());
    let said = patrol(&sim);
    assert_eq!(said["stranded"], json!([]));
    assert_eq!(
        said["findings"][0]["what"],
        json!("hold-left"),
        "a hold without a time counts as old"
    );
    assert!(!needs_recover(&sim, "arn:aborted", "ABORTED"));
}
