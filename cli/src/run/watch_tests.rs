use super::*;
use crate::args::{Command, Output};
use crate::ports::Status;
use crate::run as commands;
use crate::testing::{Fake, block, free};
use clap::Parser;
use mirrorsnap_domain::intent::Intent;

fn ended(ports: &Fake, line: &str) -> Ended {
    let command = Command::try_parse_from(line.split(' ')).unwrap();
    block(commands::run(ports, &mut Out::new(Output::Json), &command))
}

fn intent() -> Intent {
    serde_json::from_value(json!({
        "operation": "backup", "id": "orders-20260501T020304Z", "phase": "Quiesce", "started": "2026-05-01T02:03:04Z",
        "active": "server1", "standby": "server2", "boots": {}, "quiet_after_seconds": 300, "disturbances": []}))
    .unwrap()
}

#[test]
fn the_lock_says_who_is_watched() {
    let mut ports = Fake::new(Status::Failed, &["Failed, and the cluster is not back"]);
    ports.lock.holder = Some("arn:aws:states:x:1:execution:mirrorsnap-backup:y".to_owned());
    assert_eq!(ended(&ports, "mirrorsnap watch orders"), Ok(Exit::NotBack));
    assert_eq!(ports.pauses.get(), 2);
}

#[test]
fn a_cluster_that_nobody_works_on_is_done_or_not_back() {
    let (mut ports, nobody) = (Fake::new(Status::Succeeded, &[]), free());
    assert_eq!(ended(&ports, "mirrorsnap watch orders"), Ok(Exit::Done));
    ports.lock = Lock {
        intent: Some(intent()),
        ..nobody.clone()
    };
    assert_eq!(ended(&ports, "mirrorsnap watch orders"), Ok(Exit::NotBack));
    let (_, said) = idle("orders", &ports.lock, " --stack x", Language::English);
    assert!(said.ends_with("mirrorsnap recover orders --stack x"), "{said}");
    ports.lock.hold = Some("disks".to_owned());
    let (exit, said) = idle("orders", &ports.lock, "", Language::English);
    assert!(said.ends_with("mirrorsnap unhold orders"), "{said}");
    assert_eq!(exit, Exit::NotBack);
    let held = Lock {
        hold: Some("disks".to_owned()),
        ..nobody
    };
    assert_eq!(
        idle("orders", &held, "", Language::English),
        (Exit::Done, "nothing runs on orders; it is on hold (disks)".to_owned())
    );
}

#[test]
fn an_execution_that_was_stopped_is_judged_by_what_it_left() {
    let mut ports = Fake::new(Status::Aborted, &["Quiesce"]);
    assert_eq!(ended(&ports, "mirrorsnap watch --execution arn:a"), Ok(Exit::Refused));
    ports.lock.intent = Some(intent());
    assert_eq!(ended(&ports, "mirrorsnap watch --execution arn:a"), Ok(Exit::NotBack));
    let trouble = ended(&ports, "mirrorsnap watch --execution arn:unknown").unwrap_err();
    assert_eq!(trouble.exit(), Exit::Refused);
}

#[test]
fn in_japanese_it_names_the_same_commands() {
    let held = Lock {
        hold: Some("disks".to_owned()),
        ..free()
    };
    assert_eq!(
        idle("orders", &held, "", Language::Japanese).1,
        "orders では何も実行していません。hold 中です（disks）"
    );
    let unfinished = Lock {
        intent: Some(intent()),
        ..free()
    };
    let (_, said) = idle("orders", &unfinished, " --stack x", Language::Japanese);
    assert!(
        said.starts_with("orders の操作が終わっておらず") && said.ends_with("\n  mirrorsnap recover orders --stack x"),
        "{said}"
    );
}
