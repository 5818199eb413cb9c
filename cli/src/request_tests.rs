use super::*;
use crate::args::Command;
use clap::Parser;

fn parsed(line: &str) -> std::result::Result<Command, clap::Error> {
    Command::try_parse_from(line.split(' '))
}

fn asked(line: &str) -> Request {
    Request::of(&parsed(line).unwrap().what).unwrap().unwrap()
}

fn input(line: &str) -> Value {
    Value::Object(asked(line).input)
}

#[test]
fn each_command_is_an_input_of_the_contract() {
    for (line, machine, wanted) in [
        (
            "mirrorsnap backup orders",
            Machine::Backup,
            json!({"cluster": "orders"}),
        ),
        (
            "mirrorsnap backup orders --dry-run",
            Machine::Backup,
            json!({"cluster": "orders", "dry_run": true}),
        ),
        (
            "mirrorsnap backup orders --consistency frozen",
            Machine::Backup,
            json!({"cluster": "orders", "consistency": "frozen"}),
        ),
        (
            "mirrorsnap restore orders",
            Machine::Restore,
            json!({"cluster": "orders", "backup": "latest"}),
        ),
        (
            "mirrorsnap restore orders --before 2026-05-01T11:03:04+09:00 --initialization rate --dry-run",
            Machine::Restore,
            json!({"cluster": "orders", "backup": {"before": "2026-05-01T02:03:04Z"}, "initialization": "rate", "dry_run": true}),
        ),
        (
            "mirrorsnap restore orders --backup orders-20260501T020304Z --on-device-mismatch wait",
            Machine::Restore,
            json!({"cluster": "orders", "backup": "orders-20260501T020304Z", "on_device_mismatch": "wait"}),
        ),
        (
            "mirrorsnap rollback orders orders-r-20260501T020304Z",
            Machine::Restore,
            json!({"cluster": "orders", "rollback": "orders-r-20260501T020304Z"}),
        ),
        (
            "mirrorsnap release orders orders-r-20260501T020304Z",
            Machine::Restore,
            json!({"cluster": "orders", "release": "orders-r-20260501T020304Z"}),
        ),
        (
            "mirrorsnap recover orders",
            Machine::Recover,
            json!({"cluster": "orders"}),
        ),
        (
            "mirrorsnap hold orders disks",
            Machine::Hold,
            json!({"cluster": "orders", "hold": "disks"}),
        ),
        (
            "mirrorsnap unhold orders",
            Machine::Hold,
            json!({"cluster": "orders", "unhold": true}),
        ),
        (
            "mirrorsnap backups orders --prove random",
            Machine::Prove,
            json!({"cluster": "orders", "backup": "random"}),
        ),
    ] {
        assert_eq!((asked(line).machine, input(line)), (machine, wanted), "{line}");
    }
}

#[test]
fn what_replaces_data_needs_the_typed_name() {
    let needs = |line| asked(line).effect == Effect::AfterConfirmation;
    assert!(needs("mirrorsnap restore orders"));
    assert!(needs("mirrorsnap rollback orders orders-r-20260501T020304Z"));
    assert!(needs("mirrorsnap release orders orders-r-20260501T020304Z"));
    assert!(!needs("mirrorsnap restore orders --dry-run"));
    assert!(!needs("mirrorsnap backup orders"));
    let typed = asked("mirrorsnap restore orders").confirmed("orders");
    assert_eq!(typed.input["confirm"], json!("orders"));
}

#[test]
fn yes_and_the_typed_name_go_only_together() {
    assert!(parsed("mirrorsnap restore orders --yes").is_err());
    assert!(parsed("mirrorsnap restore orders --confirm orders").is_err());
    assert!(parsed("mirrorsnap restore orders --yes --confirm orders").is_ok());
    assert!(parsed("mirrorsnap restore orders --yes --confirm orders --dry-run").is_err());
    assert!(parsed("mirrorsnap restore orders --backup x --before 2026-05-01T02:03:04Z").is_err());
}

#[test]
fn a_rehearsal_is_a_dry_run_of_the_same() {
    let dry = asked("mirrorsnap restore orders").rehearsal().unwrap();
    assert_eq!(dry.effect, Effect::Nothing);
    assert_eq!(
        Value::Object(dry.input),
        json!({"cluster": "orders", "backup": "latest", "dry_run": true})
    );
    assert_eq!(asked("mirrorsnap release orders x").rehearsal(), None);
    assert_eq!(asked("mirrorsnap backup orders").rehearsal(), None);
}

#[test]
fn bad_names_and_times_start_nothing() {
    for line in [
        "mirrorsnap backup Or;ders",
        "mirrorsnap restore orders --before yesterday",
    ] {
        let error = Request::of(&parsed(line).unwrap().what).unwrap_err();
        assert_eq!(error.kind(), Kind::InputInvalid, "{line}");
    }
}

#[test]
fn the_arguments_are_consistent() {
    use clap::CommandFactory;
    Command::command().debug_assert();
}
