//! The schedules of fifty clusters, whatever happens to one call.

use crate::driver::{Failure, once};
use crate::faults::{Fault, Faults, Kind};
use crate::sim::Sim;
use crate::world::{CLUSTER, Disks, SECOND, World};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::schedule::{Enabled, Found};
use serde_json::{Value, json};

const CLUSTERS: usize = 50;

fn config(sim: &Sim, name: &str, expression: Option<&str>) -> Config {
    let mut json = json!(sim.world.borrow().config);
    json["name"] = json!(name);
    if let Some(expression) = expression {
        json["schedule"] = json!({"expression": expression});
    }
    Config::parse(name, &json.to_string()).unwrap()
}

/// A schedule that is gone, one that is another, and one of somebody's are there already.
fn fleet() -> Sim {
    let sim = Sim::new(World::new(Disks::One), Faults::default(), 1);
    let before: Vec<_> = ["gone", "c0", "c1"]
        .iter()
        .map(|name| ((*name).to_owned(), Ok(config(&sim, name, Some("rate(2 days)")))))
        .collect();
    sim.world.borrow_mut().others.extend(before);
    keep(&sim).unwrap();
    let foreign = Found {
        entry: None,
        description: "Somebody's".to_owned(),
        enabled: Enabled::Yes,
    };
    let wanted: Vec<_> = (0..CLUSTERS)
        .map(|number| format!("c{number}"))
        .map(|name| (name.clone(), Ok(config(&sim, &name, Some("cron(0 3 * * ? *)")))))
        .collect();
    let mut world = sim.world.borrow_mut();
    world.others.clear();
    world.others.extend(wanted);
    world.schedules.insert("c7".to_owned(), foreign);
    drop(world);
    sim
}

fn keep(sim: &Sim) -> Result<Value, Failure> {
    let now = sim.world.borrow().moment();
    let target = json!({"machine": "arn:m", "role": "arn:r", "dead_letters": "arn:q"});
    let input = json!({"fleet": "mirrorsnap", "group": "mirrorsnap", "target": target, "now": now});
    once(sim, "keep-schedules", 300 * SECOND, input)
}

fn is_equal(sim: &Sim) -> bool {
    let world = sim.world.borrow();
    let mine = |(name, found): (&String, &Found)| {
        let expression = found.entry.as_ref().map(|entry| entry.schedule.expression.as_str());
        name == "c7" && found.description == "Somebody's" || expression == Some("cron(0 3 * * ? *)")
    };
    world.schedules.len() == CLUSTERS && world.schedules.iter().all(mine)
}

#[test]
fn fifty_clusters_get_their_schedules_in_one_pass_and_the_next_changes_nothing() {
    let sim = fleet();
    let said = keep(&sim).unwrap();
    let counts = ["created", "updated", "deleted", "failed"].map(|key| said[key].as_array().unwrap().len());
    assert_eq!(counts, [CLUSTERS - 3, 2, 1, 1], "{said}");
    assert_eq!(said["failed"][0]["cluster"], json!("c7"));
    assert!(is_equal(&sim));
    let before = sim.faults.borrow().calls.len();
    let again = keep(&sim).unwrap();
    assert_eq!(again["created"], json!([]));
    assert!(
        sim.faults.borrow().calls[before..]
            .iter()
            .all(|call| call.kind == Kind::Read)
    );
}

/// One call that fails keeps none of the others from being made, and the next pass makes up for it.
#[test]
fn whatever_happens_to_a_call_the_next_pass_makes_the_group_equal() {
    let whole = fleet();
    let before = whole.faults.borrow().calls.len();
    keep(&whole).unwrap();
    let calls = whole.faults.borrow().calls[before..].to_vec();
    for (nth, call) in calls.iter().enumerate() {
        for fault in [Fault::Refused, Fault::LostCall, Fault::LostReply, Fault::CrashAfter] {
            if !fault.suits(call.kind) {
                continue;
            }
            let sim = fleet();
            let at = sim.faults.borrow().calls.len() + nth;
            sim.faults.borrow_mut().planned = vec![(at, fault)];
            let said = keep(&sim);
            let made = sim.world.borrow().schedules.len();
            if call.kind == Kind::Change && fault != Fault::CrashAfter {
                assert!(made >= CLUSTERS - 1, "{fault:?} of {}: {made} {said:?}", call.name);
            }
            keep(&sim).unwrap();
            assert!(is_equal(&sim), "{fault:?} of {} {}", call.name, call.what);
        }
    }
}

#[test]
fn a_cluster_whose_configuration_cannot_be_read_keeps_its_schedule_and_no_other_from_its_own() {
    let sim = fleet();
    keep(&sim).unwrap();
    sim.world
        .borrow_mut()
        .others
        .insert("c3".to_owned(), Config::parse("c3", "{"));
    let more = config(&sim, "more", Some("cron(0 3 * * ? *)"));
    sim.world.borrow_mut().others.insert("more".to_owned(), Ok(more));
    let said = keep(&sim).unwrap();
    assert_eq!((&said["created"], &said["deleted"]), (&json!(["more"]), &json!([])));
    assert!(sim.world.borrow().schedules.contains_key("c3"));
    assert!(!sim.world.borrow().schedules.contains_key(CLUSTER), "it wants none");
}
