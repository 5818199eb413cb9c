use crate::catalogue::tag;
use crate::config::Config;
use crate::error::{Error, Kind};
use crate::ids::{Id, IdKind};
use crate::patrol::tests::{ago, now, snapshot_of};
use crate::patrol::{DAY_SECONDS, Finding, Fleet};
use serde_json::json;
use std::collections::BTreeMap;

const HOUR: i64 = 3600;

/// A cluster that asks for copies, with valid backups of these ages, and copies of some of them.
fn copying(ages: &[i64], with_copy: &[i64]) -> Fleet {
    let mut json = crate::testing::orders();
    json["copy"] = json!({"region": "ap-northeast-3", "keep": {"keep_last": 1}});
    let mut fleet = Fleet::default();
    let config = Config::parse("orders", &json.to_string()).unwrap();
    fleet.clusters.insert("orders".to_owned(), Ok(config));
    let named = |age: &i64| snapshot_of("orders", &format!("snap-{age:08x}"), *age, true);
    fleet.snapshots = ages.iter().map(named).collect();
    let copy = |age: &i64| {
        let mut copy = named(age);
        let id = copy.tags.remove(tag::BACKUP_ID).unwrap();
        copy.tags.insert(tag::COPY_OF.to_owned(), id);
        copy
    };
    let copies = with_copy.iter().map(copy).collect();
    fleet.copies = BTreeMap::from([("orders".to_owned(), Ok(copies))]);
    fleet
}

#[test]
fn a_backup_of_more_than_a_day_without_a_copy_is_named_where_copies_are_asked_for() {
    let (young, old, older) = (HOUR, DAY_SECONDS + HOUR, 2 * DAY_SECONDS + HOUR);
    let found = |fleet: &Fleet| fleet.report(now()).findings;
    for (ages, copied) in [
        (vec![young], vec![]),
        (vec![young, old], vec![old]),
        // A newer one is copied: the older one's copy has expired, or was never asked for.
        (vec![young, old], vec![young]),
        (vec![old, older], vec![old]),
    ] {
        assert_eq!(found(&copying(&ages, &copied)), [], "{ages:?} {copied:?}");
    }
    for copied in [vec![], vec![older]] {
        let missing = Finding::CopyMissing {
            cluster: "orders".into(),
            backup: Id::new(IdKind::Backup, "orders", ago(old)).unwrap().to_string(),
            region: "ap-northeast-3".parse().unwrap(),
        };
        assert_eq!(found(&copying(&[young, old, older], &copied)), [missing], "{copied:?}");
    }
    // A copy that was never proved is none.
    let mut fleet = copying(&[old], &[old]);
    for copy in fleet.copies.get_mut("orders").unwrap().as_mut().unwrap() {
        copy.tags.remove(tag::VALID);
    }
    assert_eq!(found(&fleet).len(), 1);
    // Nobody asks for copies.
    let plain = Config::parse("orders", &crate::testing::orders().to_string()).unwrap();
    fleet.clusters.insert("orders".to_owned(), Ok(plain));
    assert_eq!(found(&fleet), []);
}

#[test]
fn a_region_whose_copies_cannot_be_read_is_named() {
    let mut fleet = copying(&[HOUR], &[]);
    let error = Error::new(Kind::AwsRefused, "the region is closed", "open it");
    fleet.copies.insert("orders".to_owned(), Err(error));
    let findings = fleet.report(now()).findings;
    assert!(
        matches!(findings.as_slice(), [Finding::CopiesUnreadable { why, .. }] if why.contains("is closed")),
        "{findings:?}"
    );
}
