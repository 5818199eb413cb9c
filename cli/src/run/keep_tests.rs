use super::*;
use crate::args::{Command, Output};
use crate::catalogue::Language;
use crate::ports::Status;
use crate::run;
use crate::testing::{Fake, block};
use clap::Parser;
use mirrorsnap_domain::catalogue::{Snapshot, tag, tags};
use mirrorsnap_domain::ec2::SnapshotState;
use mirrorsnap_domain::ids::IdKind;

const ID: &str = "orders-20260501T020304Z";

/// Two snapshots of one backup; the second is of a volume of its own.
fn ports() -> Fake {
    let at = Moment::parse("2026-05-01T02:03:04Z").unwrap();
    let id = Id::new(IdKind::Backup, "orders", at).unwrap();
    let one = |name: &str, disk: &str| Snapshot {
        id: name.parse().unwrap(),
        volume: "vol-001".parse().unwrap(),
        state: SnapshotState::Completed,
        progress: "100%".to_owned(),
        started: at,
        gib: 20,
        kms_key: None,
        copied_from: None,
        tier: mirrorsnap_domain::catalogue::Tier::Standard,
        tags: tags(&id, at, "server2", &[disk.to_owned()], 2),
    };
    let mut ports = Fake::new(Status::Succeeded, &[]);
    ports.snapshots = vec![one("snap-001", "md1"), one("snap-002", "md2")];
    ports
}

fn ended(ports: &Fake, words: &[&str]) -> Ended {
    let words = ["mirrorsnap", "backups", "orders"]
        .into_iter()
        .chain(words.iter().copied());
    let command = Command::try_parse_from(words).unwrap();
    block(run::run(ports, &mut Out::new(Output::Text), &command))
}

#[test]
fn a_backup_is_kept_by_a_tag_on_each_of_its_snapshots_and_left_again() {
    let ports = ports();
    assert_eq!(ended(&ports, &["--keep", ID, "audit, Tanaka"]), Ok(Exit::Done));
    assert_eq!(ended(&ports, &["--unkeep", ID]), Ok(Exit::Done));
    let wrote = ports.wrote.borrow();
    assert_eq!(
        *wrote,
        [
            "keep snap-001 snap-002: 2026-05-01T01:46:40Z audit, Tanaka",
            "unkeep snap-001 snap-002"
        ]
    );
}

#[test]
fn what_is_not_there_and_a_reason_that_says_nothing_are_refused() {
    let ports = ports();
    for words in [
        ["--keep", "orders-20260501T020305Z", "audit"].as_slice(),
        &["--keep", ID, " "],
        &["--keep", "x", "audit"],
        &["--unkeep", "orders-20260501T020305Z"],
    ] {
        assert_eq!(ended(&ports, words).unwrap_err().exit(), Exit::Refused, "{words:?}");
    }
    assert!(ports.wrote.borrow().is_empty());
}

#[test]
fn a_reason_is_asked_for() {
    let parse =
        |words: &[&str]| Command::try_parse_from(["mirrorsnap", "backups", "orders"].iter().chain(words)).is_ok();
    assert!(parse(&["--keep", ID, "audit"]));
    for wrong in [
        ["--keep", ID].as_slice(),
        &["--keep", ID, "audit", "--show", ID],
        &["--unkeep", ID, "--show", ID],
    ] {
        assert!(!parse(wrong), "{wrong:?}");
    }
}

#[test]
fn the_list_and_the_backup_show_it() {
    let mut ports = ports();
    for one in &mut ports.snapshots {
        one.tags
            .insert(tag::KEPT.to_owned(), "2026-05-01T01:46:40Z audit".to_owned());
    }
    let backups = catalogue::backups("orders", ports.snapshots.clone());
    assert!(screen::backups::list("orders", &backups, Language::English).contains("audit"));
    assert!(screen::backups::one(&backups[0], Language::English).contains("kept since 2026-05-01T01:46:40Z: audit"));
    let japanese = screen::backups::one(&backups[0], Language::Japanese);
    assert!(japanese.contains("2026-05-01T01:46:40Z から保持: audit"), "{japanese}");
    let shown = screen::backups::document(&backups[0]);
    assert_eq!(shown["kept"], json!({"since": "2026-05-01T01:46:40Z", "why": "audit"}));
}

#[test]
fn a_backup_shows_what_its_proof_took() {
    let mut ports = ports();
    let took = |ports: &Fake| {
        let backups = catalogue::backups("orders", ports.snapshots.clone());
        (
            screen::backups::one(&backups[0], Language::English),
            screen::backups::document(&backups[0])["proof_took"].clone(),
        )
    };
    let (said, document) = took(&ports);
    assert!(!said.contains("looked at") && document.is_null(), "{said}");
    for one in &mut ports.snapshots {
        let text = "blocks=17 lists=2 reads=7 ms=1250".to_owned();
        one.tags.insert(tag::PROOF_TOOK.to_owned(), text);
    }
    let (said, document) = took(&ports);
    let words = "the image's proof looked at 34 blocks, by 18 requests, in 2.5 s, for 0.000044 USD";
    assert!(said.contains(words), "{said}");
    assert_eq!((&document["blocks"], &document["requests"]), (&json!(34), &json!(18)));
}
