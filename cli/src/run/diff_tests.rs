use crate::args::{Command, Output};
use crate::catalogue::Language;
use crate::exit::{Ended, Exit, Trouble};
use crate::out::Out;
use crate::ports::Status;
use crate::run;
use crate::screen;
use crate::testing::{Fake, block, changed};
use clap::Parser;
use mirrorsnap_domain::catalogue::{self, Snapshot, tag, tags};
use mirrorsnap_domain::changes::{self, Changed, Page};
use mirrorsnap_domain::ec2::SnapshotState;
use mirrorsnap_domain::error::{Error, Kind};
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::time::Moment;
use mirrorsnap_functions::ports::Told;
use serde_json::json;

const OLD: &str = "orders-20260501T020304Z";
const NEW: &str = "orders-20260502T020304Z";

fn snapshot(name: &str, at: &str) -> Snapshot {
    let at = Moment::parse(at).unwrap();
    let id = Id::new(IdKind::Backup, "orders", at).unwrap();
    let mut tags = tags(&id, at, "server2", &["md1".to_owned()], 1);
    tags.insert(tag::VALID.to_owned(), "true".to_owned());
    Snapshot {
        id: name.parse().unwrap(),
        volume: "vol-001".parse().unwrap(),
        state: SnapshotState::Completed,
        progress: "100%".to_owned(),
        started: at,
        gib: 1,
        kms_key: None,
        copied_from: None,
        tier: mirrorsnap_domain::catalogue::Tier::Standard,
        tags,
    }
}

fn ports() -> Fake {
    let mut ports = Fake::new(Status::Succeeded, &[]);
    ports.snapshots = vec![
        snapshot("snap-001", "2026-05-01T02:03:04Z"),
        snapshot("snap-002", "2026-05-02T02:03:04Z"),
    ];
    ports
}

fn ended(ports: &Fake, words: &[&str]) -> Ended {
    let words = ["mirrorsnap", "diff"].into_iter().chain(words.iter().copied());
    let command = Command::try_parse_from(words).unwrap();
    block(run::run(ports, &mut Out::new(Output::Text), &command))
}

#[test]
fn the_older_one_is_compared_with_the_newer_one_however_they_are_named() {
    for words in [["orders", OLD, NEW], ["orders", NEW, OLD], ["orders", "latest", OLD]] {
        let ports = ports();
        ports.pages.borrow_mut().extend([
            Ok(changed(&[], Some("a"))),
            Ok(changed(&[1, 2], Some("b"))),
            Ok(changed(&[2000], None)),
        ]);
        assert_eq!(ended(&ports, &words), Ok(Exit::Done), "{words:?}");
        let asked = ["0", "a", "b"].map(|at| format!("compare snap-001 snap-002 {at}"));
        assert_eq!(*ports.wrote.borrow(), asked);
    }
}

#[test]
fn a_page_that_is_throttled_is_asked_for_again_and_a_token_that_expired_begins_the_list_anew() {
    let ports = ports();
    let busy = || Err(Error::new(Kind::AwsUnavailable, "throttled", "wait"));
    ports.pages.borrow_mut().extend([
        Ok(changed(&[7], Some("a"))),
        busy(),
        busy(),
        Ok(Told::TokenNotValid),
        Ok(changed(&[8], None)),
    ]);
    assert_eq!(ended(&ports, &["orders", OLD, NEW]), Ok(Exit::Done));
    assert_eq!(ports.pauses.get(), 2);
    assert_eq!(ports.wrote.borrow().last().unwrap(), "compare snap-001 snap-002 8");
    // Neither goes on for ever.
    ports
        .pages
        .borrow_mut()
        .extend((0..10).map(|_| Ok(Told::TokenNotValid)));
    assert_eq!(ended(&ports, &["orders", OLD, NEW]).unwrap_err().exit(), Exit::Aws);
    ports.pages.borrow_mut().clear();
    ports.pages.borrow_mut().extend((0..10).map(|_| busy()));
    assert_eq!(ended(&ports, &["orders", OLD, NEW]).unwrap_err().exit(), Exit::Aws);
}

fn kind(ended: Ended) -> Kind {
    match ended.unwrap_err() {
        Trouble::Error(error) => error.kind(),
        Trouble::Usage(text) => panic!("{text}"),
    }
}

#[test]
fn what_cannot_be_compared_is_refused_before_anything_is_asked() {
    let mut ports = ports();
    for (words, refusal) in [
        (["orders", OLD, OLD], Kind::NotComparable),
        (["orders", OLD, "billing-20260502T020304Z"], Kind::BackupNotFound),
        (["orders", OLD, "orders-20260503T020304Z"], Kind::BackupNotFound),
        (["orders", "orders-r-20260501T020304Z", NEW], Kind::BackupNotFound),
        (["orders", OLD, "x"], Kind::InputInvalid),
        (["Orders", OLD, NEW], Kind::ConfigInvalid),
    ] {
        assert_eq!(kind(ended(&ports, &words)), refusal, "{words:?}");
    }
    ports.snapshots[1].gib = 2;
    assert_eq!(kind(ended(&ports, &["orders", OLD, NEW])), Kind::NotComparable);
    assert!(ports.wrote.borrow().is_empty());
}

#[test]
fn snapshots_that_ebs_does_not_compare_are_told_with_their_volumes() {
    let ports = ports();
    let error = Error::new(Kind::NotComparable, "UNRELATED_SNAPSHOTS", "read");
    ports.pages.borrow_mut().push(Err(error));
    let Trouble::Error(error) = ended(&ports, &["orders", OLD, NEW]).unwrap_err() else {
        panic!("no error");
    };
    assert!(
        error.found().contains("snap-001 was taken of vol-001 of server2"),
        "{error}"
    );
}

#[test]
fn the_screen_has_the_number_and_the_map() {
    let ports = ports();
    let backups = catalogue::backups("orders", ports.snapshots);
    let (older, newer) = changes::in_order(&backups[0], &backups[1]);
    let pair = changes::pairs(older, newer).unwrap().remove(0);
    let mut found = Changed::nothing(1);
    found.add(&Page {
        block_bytes: 512 * 1024,
        blocks: (0..32).chain([40]).collect(),
        next: None,
    });
    let volumes = [(pair, found)];
    assert_eq!(
        screen::diff::text("orders", older, newer, &volumes, Language::English),
        format!(
            "orders, from {OLD} (2026-05-01T02:03:04Z) to {NEW} (2026-05-02T02:03:04Z): at most 16.5 MiB changed\n\n\
             md1: at most 16.5 MiB of 1 GiB (1.6%; 33 blocks of 512 KiB)\n  [#:{}]\n\n\
             Each sign is a 64th of the volume: . nothing changed, : less than a tenth, + less than half, # more",
            ".".repeat(62)
        )
    );
    let japanese = screen::diff::text("orders", older, newer, &volumes, Language::Japanese);
    assert!(japanese.contains("1 GiB のうち最大 16.5 MiB"), "{japanese}");
    let document = screen::diff::document("orders", older, newer, &volumes);
    assert_eq!(document["from"]["id"], json!(OLD));
    let volume = &document["volumes"][0];
    assert_eq!(
        (&volume["mirror_disks"], &volume["changed_bytes"]),
        (&json!(["md1"]), &json!(33 * 512 * 1024))
    );
    assert_eq!(volume["map"].as_array().unwrap().len(), 64);
    assert_eq!(volume["map"][0], json!(1.0));
}
