use super::*;
use crate::args::{Command, Output};
use crate::ports::Status;
use crate::run;
use crate::testing::{Fake, block};
use clap::Parser;

fn ended(ports: &Fake, line: &str) -> Ended {
    let command = Command::try_parse_from(line.split(' ')).unwrap();
    block(run::run(ports, &mut Out::new(Output::Text), &command))
}

#[test]
fn what_is_there_is_shown_and_what_is_not_is_refused() {
    let ports = Fake::new(Status::Succeeded, &[]);
    for line in ["status", "backups orders", "cluster list"] {
        assert_eq!(ended(&ports, &format!("mirrorsnap {line}")), Ok(Exit::Done), "{line}");
    }
    let missing = ended(&ports, "mirrorsnap backups orders --show orders-20260501T020304Z").unwrap_err();
    assert_eq!(missing.exit(), Exit::Refused);
    assert_eq!(
        ended(&ports, "mirrorsnap backups orders --show x").unwrap_err().exit(),
        Exit::Refused
    );
    assert_eq!(ports.started.borrow().len(), 0, "they start nothing");
}

#[test]
fn something_that_is_wrong_has_a_code_of_its_own() {
    let mut ports = Fake::new(Status::Succeeded, &[]);
    ports.described = Some(serde_json::json!({"name": "orders", "max_outage": 60}));
    assert_eq!(
        ended(&ports, "mirrorsnap status"),
        Ok(Exit::NeedsYou),
        "it cannot be read"
    );
}
