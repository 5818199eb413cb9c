use super::*;
use crate::catalogue::Snapshot;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::lock::Lock;
use crate::patrol::Item;
use crate::patrol::tests::snapshot_of;
use proptest::prelude::*;
use std::collections::BTreeSet;

const HOUR: i64 = 3600;

fn now() -> Moment {
    Moment::from_unix(1_780_000_000)
}

fn ago(seconds: i64) -> Moment {
    now().plus(-seconds)
}

fn snapshot(cluster: &str, number: usize, age: i64, valid: bool) -> Snapshot {
    snapshot_of(cluster, &format!("snap-{number:08x}"), age, valid)
}

fn fleet(clusters: &[&str]) -> Fleet {
    let mut fleet = Fleet::default();
    for name in clusters {
        let mut json = crate::testing::orders();
        json["name"] = (*name).into();
        fleet
            .clusters
            .insert((*name).to_owned(), Config::parse(name, &json.to_string()));
    }
    fleet
}

#[test]
fn a_backup_is_new_once() {
    let mut fleet = fleet(&["accounts", "orders"]);
    fleet.snapshots = vec![
        snapshot("accounts", 1, 6 * HOUR, true),
        snapshot("orders", 2, 5 * HOUR, true),
    ];
    let first = fleet.morning(&Newest::new(), now());
    let said = first.message.unwrap();
    assert_eq!(said.subject, "mirrorsnap: all 2 clusters have a new valid backup");
    assert_eq!(
        said.text,
        "New valid backup: 2 (accounts, orders)\nRun: mirrorsnap status\n\n\
         新しい有効なバックアップがあるクラスター: 2 (accounts、orders)\n実行: mirrorsnap status"
    );
    // The next day `accounts` has another one, and `orders` one that is not proved.
    fleet.snapshots.push(snapshot("accounts", 3, HOUR, true));
    fleet.snapshots.push(snapshot("orders", 4, HOUR, false));
    let second = fleet.morning(&first.newest, now());
    let said = second.message.unwrap();
    assert_eq!(said.subject, "mirrorsnap: 1 OF 2 CLUSTERS HAVE NO NEW VALID BACKUP");
    assert!(
        said.text.starts_with(
            "No new valid backup since the last message: 1\n- orders: newest valid backup 2026-05-28T15:26:40Z, 5 h old\n\
             New valid backup: 1 (accounts)\nRun: mirrorsnap status\n\n前回の通知以降"
        ),
        "{}",
        said.text
    );
    assert_eq!(second.newest["orders"], first.newest["orders"]);
    assert_ne!(second.newest["accounts"], first.newest["accounts"]);
}

/// It became valid after the last message, although its groups were stopped before it: its snapshots took hours.
#[test]
fn a_backup_that_became_valid_late_is_new_then() {
    let mut fleet = fleet(&["orders"]);
    fleet.snapshots = vec![
        snapshot("orders", 1, 30 * HOUR, true),
        snapshot("orders", 2, 25 * HOUR, false),
    ];
    let yesterday = fleet.morning(&Newest::new(), ago(24 * HOUR));
    fleet.snapshots[1] = snapshot("orders", 2, 25 * HOUR, true);
    let today = fleet.morning(&yesterday.newest, now()).message.unwrap();
    assert_eq!(today.subject, "mirrorsnap: the cluster has a new valid backup");
}

#[test]
fn an_answer_without_the_backup_does_not_make_it_new_the_next_day() {
    let mut fleet = fleet(&["orders"]);
    let one = snapshot("orders", 1, 30 * HOUR, true);
    fleet.snapshots = vec![one.clone()];
    let first = fleet.morning(&Newest::new(), ago(24 * HOUR));
    fleet.snapshots.clear();
    let second = fleet.morning(&first.newest, now());
    assert!(
        second
            .message
            .unwrap()
            .text
            .contains("- orders: no valid backup at all\n")
    );
    fleet.snapshots = vec![one];
    let third = fleet.morning(&second.newest, now()).message.unwrap();
    assert_eq!(third.subject, "mirrorsnap: THE CLUSTER HAS NO NEW VALID BACKUP");
}

#[test]
fn whoever_has_none_comes_first_and_the_reason_is_said() {
    let mut fleet = fleet(&["accounts", "broken", "held", "orders"]);
    let unreadable = Error::new(Kind::ConfigInvalid, "a", "b");
    fleet.clusters.insert("broken".to_owned(), Err(unreadable));
    fleet.snapshots = vec![
        snapshot("accounts", 1, 50 * HOUR, true),
        snapshot("held", 2, 90 * HOUR, true),
    ];
    let lock = Lock {
        holder: None,
        epoch: 1,
        since: None,
        hold: Some("disk\nchange".to_owned()),
        intent: None,
    };
    let item = Item {
        lock: Ok(lock),
        holder: None,
        held_since: None,
        back_at: None,
    };
    fleet.items.insert("held".to_owned(), item);
    let told = fleet.morning(&Newest::new(), now()).newest;
    let text = fleet.morning(&told, now()).message.unwrap().text;
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("- ")).collect();
    assert_eq!(
        lines
            .iter()
            .map(|line| line.split(':').next().unwrap())
            .collect::<Vec<_>>(),
        [
            "- broken",
            "- orders",
            "- held",
            "- accounts",
            "- broken",
            "- orders",
            "- held",
            "- accounts"
        ]
    );
    assert!(lines[0].ends_with("its configuration cannot be read"));
    assert!(lines[2].ends_with("90 h old; on hold: disk change"));
    assert!(lines[6].ends_with("hold 中: disk change"));
}

#[test]
fn a_fleet_without_clusters_gets_no_message() {
    let mut fleet = fleet(&[]);
    fleet.snapshots = vec![snapshot("orders", 1, HOUR, true)];
    let said = fleet.morning(&Newest::new(), now());
    assert_eq!((said.message, said.newest), (None, Newest::new()));
}

proptest! {
    /// Any number of clusters: SNS takes the message, each cluster is counted once, and the failing ones come first.
    #[test]
    fn the_message_fits_and_counts_everybody(ages in prop::collection::vec(prop::option::of(1_i64..400), 1..700), seen in 0_usize..700) {
        let names: Vec<String> = (0..ages.len()).map(|at| format!("cluster-with-quite-a-long-name-{at:08}")).collect();
        let mut fleet = Fleet::default();
        for (at, (name, age)) in names.iter().zip(&ages).enumerate() {
            let unreadable = Error::new(Kind::ConfigInvalid, "a", "b");
            fleet.clusters.insert(name.clone(), Err(unreadable));
            fleet.snapshots.extend(age.map(|hours| snapshot(name, at, hours * HOUR, true)));
        }
        let all = fleet.morning(&Newest::new(), now()).newest;
        let told: Newest = all.clone().into_iter().take(seen).collect();
        let said = fleet.morning(&told, now());
        let message = said.message.unwrap();
        prop_assert!(message.subject.is_ascii() && message.subject.len() < 100);
        prop_assert!(message.text.len() < 24 * 1024, "{}", message.text.len());
        let new: BTreeSet<&String> = all.keys().filter(|name| !told.contains_key(*name)).collect();
        let failing = names.len() - new.len();
        if failing > 0 {
            let head = format!("No new valid backup since the last message: {failing}\n");
            prop_assert!(message.text.starts_with(&head), "{}", message.text);
        }
        if !new.is_empty() {
            let head = format!("\nNew valid backup: {} (", new.len());
            prop_assert!(format!("\n{}", message.text).contains(&head), "{}", message.text);
        }
        let named = message.text.split("\n\n").next().unwrap().lines().filter(|line| line.starts_with("- cluster")).count();
        prop_assert_eq!(named, failing.min(MOST));
        prop_assert_eq!(said.newest, all);
    }
}
