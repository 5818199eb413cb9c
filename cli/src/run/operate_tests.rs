use super::*;
use crate::args::{Command, Output};
use crate::ports::Status;
use crate::request::Machine;
use crate::run;
use crate::testing::{Fake, block};
use clap::Parser;
use serde_json::Value;

fn ended(ports: &Fake, line: &str) -> Ended {
    let command = Command::try_parse_from(line.split(' ')).unwrap();
    block(run::run(ports, &mut Out::new(Output::Text), &command))
}

fn inputs(ports: &Fake) -> Vec<(Machine, Value)> {
    let started = ports.started.borrow();
    started
        .iter()
        .map(|(machine, _, input)| (*machine, input.clone()))
        .collect()
}

#[test]
fn a_backup_is_started_once_and_followed_to_its_end() {
    let ports = Fake::new(Status::Succeeded, &["Inspect", "Quiesce"]);
    assert_eq!(ended(&ports, "mirrorsnap backup orders"), Ok(Exit::Done));
    assert_eq!(inputs(&ports), [(Machine::Backup, json!({"cluster": "orders"}))]);
    assert_eq!(ports.pauses.get(), 2, "it is looked at until it is over");
}

#[test]
fn exit_codes_say_whether_the_cluster_is_back() {
    let failed = Fake::new(Status::Failed, &["Quiesce", "Failed"]);
    assert_eq!(ended(&failed, "mirrorsnap backup orders"), Ok(Exit::Refused));
    let stuck = Fake::new(Status::Failed, &["Quiesce", "Failed, and the cluster is not back"]);
    assert_eq!(ended(&stuck, "mirrorsnap recover orders"), Ok(Exit::NotBack));
}

#[test]
fn a_detached_operation_is_not_followed() {
    let ports = Fake::new(Status::Failed, &[]);
    assert_eq!(ended(&ports, "mirrorsnap backup orders --detach"), Ok(Exit::Done));
    assert_eq!((inputs(&ports).len(), ports.pauses.get()), (1, 0));
}

#[test]
fn the_typed_name_goes_into_the_input_and_a_wrong_one_starts_nothing() {
    let ports = Fake::new(Status::Succeeded, &[]);
    assert_eq!(
        ended(&ports, "mirrorsnap restore orders --yes --confirm orders"),
        Ok(Exit::Done)
    );
    let wanted = json!({"cluster": "orders", "backup": "latest", "confirm": "orders"});
    assert_eq!(inputs(&ports), [(Machine::Restore, wanted)]);
    let ports = Fake::new(Status::Succeeded, &[]);
    let trouble = ended(&ports, "mirrorsnap restore orders --yes --confirm order").unwrap_err();
    assert_eq!((trouble.exit(), inputs(&ports)), (Exit::Refused, Vec::new()));
}

#[test]
fn ctrl_c_ends_the_watching_with_a_code_of_its_own() {
    let mut ports = Fake::new(Status::Succeeded, &[]);
    ports.stopped = true;
    assert_eq!(ended(&ports, "mirrorsnap backup orders"), Ok(Exit::Stopped));
    assert_eq!(inputs(&ports).len(), 1, "it was started, and goes on");
}

#[test]
fn a_network_that_fails_for_a_while_ends_nothing() {
    let ports = Fake::new(Status::Succeeded, &[]);
    ports.fails.set(30);
    assert_eq!(ended(&ports, "mirrorsnap backup orders"), Ok(Exit::Done));
    ports.fails.set(1000);
    assert_eq!(ended(&ports, "mirrorsnap backup orders").unwrap_err().exit(), Exit::Aws);
}
