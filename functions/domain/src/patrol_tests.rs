use super::*;
use crate::error::{Error, Kind};
use crate::ids::IdKind;
use crate::intent::Intent;
use serde_json::json;

const HOUR: i64 = 3600;
const RECOVER: &str = "arn:aws:states:eu-west-1:1:stateMachine:mirrorsnap-recover";
const RESTORE: &str = "orders-r-20260101T000000Z";

pub(super) fn now() -> Moment {
    Moment::from_unix(1_780_000_000)
}

pub(super) fn ago(seconds: i64) -> Moment {
    now().plus(-seconds)
}

fn config(objective: Option<u32>) -> Config {
    let mut json = crate::testing::orders();
    if let Some(hours) = objective {
        json["objective_hours"] = json!(hours);
    }
    Config::parse("orders", &json.to_string()).unwrap()
}

fn intent(disturbances: &serde_json::Value) -> Intent {
    serde_json::from_value(
        json!({"operation": "backup", "id": "orders-20260503T020304Z", "phase": "Quiesce",
        "started": "2026-05-03T02:03:04Z", "active": "server1", "standby": "server2", "boots": {},
        "quiet_after_seconds": 300, "disturbances": disturbances}),
    )
    .unwrap()
}

fn lock(holder: Option<&str>, unfinished: bool) -> Lock {
    Lock {
        holder: holder.map(str::to_owned),
        epoch: 7,
        since: Some(ago(10)),
        hold: None,
        intent: unfinished.then(|| intent(&json!([]))),
    }
}

fn snapshot(name: &str, age: i64, valid: bool) -> Snapshot {
    snapshot_of("orders", name, age, valid)
}

pub(super) fn snapshot_of(cluster: &str, name: &str, age: i64, valid: bool) -> Snapshot {
    let id = Id::new(IdKind::Backup, cluster, ago(age)).unwrap();
    let mut tags = catalogue::tags(&id, ago(age), "server2", &["md1".to_owned()], 1);
    tags.extend(valid.then(|| (tag::VALID.to_owned(), "true".to_owned())));
    Snapshot {
        id: name.into(),
        volume: "vol-001".into(),
        state: "completed".into(),
        progress: "100%".to_owned(),
        started: ago(age),
        gib: 20,
        kms_key: None,
        copied_from: None,
        tier: crate::catalogue::Tier::Standard,
        tags,
    }
}

/// A healthy cluster with a backup of an hour ago.
fn healthy() -> Fleet {
    let mut fleet = Fleet::default();
    fleet.clusters.insert("orders".to_owned(), Ok(config(Some(26))));
    hold(&mut fleet, lock(None, false));
    fleet.snapshots = vec![snapshot("snap-001", HOUR, true)];
    fleet
}

fn hold(fleet: &mut Fleet, lock: Lock) {
    let item = Item {
        holder: lock.holder.clone(),
        lock: Ok(lock),
        held_since: None,
        back_at: None,
    };
    fleet.items.insert("orders".to_owned(), item);
}

#[test]
fn a_healthy_fleet_needs_nothing() {
    let report = healthy().report(now());
    assert_eq!((report.stranded, report.findings), (vec![], vec![]));
    let age = Age {
        cluster: "orders".into(),
        seconds: Some(HOUR),
        overdue: false,
    };
    assert_eq!(report.ages, [age]);
}

#[test]
fn an_unfinished_intent_is_stranded_unless_the_cluster_is_on_hold() {
    let mut fleet = healthy();
    for holder in [None, Some("b")] {
        hold(&mut fleet, lock(holder, true));
        let stranded = Stranded {
            cluster: "orders".into(),
            holder: holder.map(str::to_owned),
        };
        assert_eq!(fleet.report(now()).stranded, [stranded]);
        let on_hold = Lock {
            hold: Some("disk change".into()),
            ..lock(holder, true)
        };
        hold(&mut fleet, on_hold);
        assert_eq!(fleet.report(now()).stranded, []);
    }
    // An operation at its beginning has no intent, and needs nobody.
    hold(&mut fleet, lock(Some("b"), false));
    assert_eq!(fleet.report(now()).stranded, []);
}

#[test]
fn recover_is_due_once_the_holder_is_dead() {
    let due = |lock: &Lock, status: &str, machine: &str, seconds: i64| {
        let holder = format!("arn:aws:states:eu-west-1:1:execution:{machine}:x");
        let lock = Lock {
            holder: Some(holder.clone()),
            ..lock.clone()
        };
        let kind = Holder::of(&holder, RECOVER);
        let status = status.to_owned();
        super::due(&lock, &Described::As { holder, status }, kind, ago(10).plus(seconds)) == Due::Start
    };
    let held = lock(None, true);
    for status in ["FAILED", "ABORTED", "TIMED_OUT", "SUCCEEDED"] {
        assert!(due(&held, status, "mirrorsnap-backup", 0), "{status}");
        assert_eq!(
            due(&held, status, "mirrorsnap-recover", 0),
            status != "FAILED",
            "{status}"
        );
        assert_eq!(
            due(&held, status, "mirrorsnap-recover", HOUR - 1),
            status != "FAILED",
            "{status}"
        );
        assert!(due(&held, status, "mirrorsnap-recover", HOUR), "{status}");
    }
    for status in ["RUNNING", "PENDING_REDRIVE", "whatever"] {
        assert!(!due(&held, status, "mirrorsnap-backup", 100 * HOUR), "{status}");
    }
    assert!(!due(&held, "NOT_FOUND", "mirrorsnap-backup", 899));
    assert!(due(&held, "NOT_FOUND", "mirrorsnap-backup", 900));
    let no_time = Lock {
        since: None,
        ..held.clone()
    };
    assert!(due(&no_time, "NOT_FOUND", "mirrorsnap-backup", 0));
    assert!(due(&no_time, "FAILED", "mirrorsnap-recover", 0));
    assert!(!due(&lock(None, false), "ABORTED", "mirrorsnap-backup", HOUR));
    let on_hold = Lock {
        hold: Some("disk change".into()),
        ..held.clone()
    };
    assert!(!due(&on_hold, "ABORTED", "mirrorsnap-backup", HOUR));
}

#[test]
fn a_cluster_is_stuck_while_something_is_unfinished_and_nobody_works_on_it() {
    let stuck = |lock: &Lock, holder: &str, status: &str, kind| {
        let (holder, status) = (holder.to_owned(), status.to_owned());
        super::due(lock, &Described::As { holder, status }, kind, now()).is_stuck()
    };
    let held = lock(Some("b"), true);
    assert!(stuck(&held, "b", "ABORTED", Holder::Operation));
    // Its recover has failed: no other is started within the hour, and nobody works on it all the same.
    assert!(stuck(&held, "b", "FAILED", Holder::Recover));
    assert!(super::due(&lock(None, true), &Described::Nobody, Holder::Operation, now()).is_stuck());
    assert!(!stuck(&held, "b", "RUNNING", Holder::Operation));
    assert!(!stuck(&held, "b", "NOT_FOUND", Holder::Operation));
    assert!(!stuck(&held, "c", "ABORTED", Holder::Operation));
    assert!(!stuck(&lock(Some("b"), false), "b", "ABORTED", Holder::Operation));
    let on_hold = Lock {
        hold: Some("disk change".into()),
        ..held
    };
    assert!(!stuck(&on_hold, "b", "ABORTED", Holder::Operation));
}

#[test]
fn recover_is_due_only_for_the_holder_that_was_looked_at() {
    let described = Described::As {
        holder: "b".into(),
        status: "ABORTED".into(),
    };
    let due = |lock: Lock, described: &Described| super::due(&lock, described, Holder::Operation, now()) == Due::Start;
    assert!(due(lock(Some("b"), true), &described));
    assert!(!due(lock(Some("c"), true), &described));
    assert!(!due(lock(None, true), &described));
    assert!(due(lock(None, true), &Described::Nobody));
    assert!(!due(lock(Some("b"), true), &Described::Nobody));
    assert!(!due(lock(None, false), &Described::Nobody));
}

#[test]
fn a_recover_is_told_by_its_state_machine() {
    let execution = |machine: &str| format!("arn:aws:states:eu-west-1:1:execution:{machine}:x");
    assert_eq!(Holder::of(&execution("mirrorsnap-recover"), RECOVER), Holder::Recover);
    assert_eq!(
        Holder::of(&execution("mirrorsnap-recover-2"), RECOVER),
        Holder::Operation
    );
    assert_eq!(Holder::of("b", RECOVER), Holder::Operation);
    assert_eq!(Holder::of("b", ""), Holder::Operation);
}

#[test]
fn a_backup_is_overdue_when_the_newest_valid_one_is_older_than_the_objective() {
    let overdue = |objective, snapshots: Vec<Snapshot>| {
        let mut fleet = healthy();
        fleet.clusters.insert("orders".to_owned(), Ok(config(objective)));
        fleet.snapshots = snapshots;
        let [age] = &fleet.report(now()).ages[..] else {
            panic!("one cluster")
        };
        (age.seconds, age.overdue)
    };
    let old = || {
        vec![
            snapshot("snap-001", 26 * HOUR, true),
            snapshot("snap-002", 30 * HOUR, true),
        ]
    };
    assert_eq!(overdue(Some(26), old()), (Some(26 * HOUR), false));
    assert_eq!(overdue(Some(25), old()), (Some(26 * HOUR), true));
    assert_eq!(overdue(None, old()), (Some(26 * HOUR), false));
    // A newer one that is not valid does not count.
    let unproved = vec![snapshot("snap-000", HOUR, false), snapshot("snap-001", 30 * HOUR, true)];
    assert_eq!(overdue(Some(26), unproved), (Some(30 * HOUR), true));
    assert_eq!(overdue(Some(26), vec![]), (None, true));
    assert_eq!(overdue(None, vec![]), (None, false));
    // Another cluster's does not count.
    let mut others = snapshot("snap-001", HOUR, true);
    others.tags.insert(tag::CLUSTER.to_owned(), "accounts".to_owned());
    assert_eq!(overdue(Some(26), vec![others]), (None, true));
}

fn figures(fleet: &Fleet) -> Figures {
    let [one] = &fleet.report(now()).figures[..] else {
        panic!("one cluster")
    };
    one.clone()
}

#[test]
fn a_cluster_s_size_and_cost_are_those_of_its_snapshots() {
    let mut fleet = healthy();
    fleet.snapshots = vec![snapshot("snap-001", HOUR, true), snapshot("snap-002", 30 * HOUR, true)];
    fleet.snapshots[0].gib = 30;
    // What is not proved costs money too, and is no backup's size.
    fleet.snapshots.push(snapshot("snap-003", 60, false));
    let seen = figures(&fleet);
    assert_eq!((seen.age_seconds, seen.gib), (Some(HOUR), Some(30)));
    assert!((seen.usd_per_month_at_most - 3.5).abs() < 1e-9, "{seen:?}");
    // Without a configuration that can be read it has its backups all the same.
    fleet
        .clusters
        .insert("orders".to_owned(), Err(Error::new(Kind::ConfigInvalid, "a", "b")));
    assert_eq!(figures(&fleet), seen);
    fleet.snapshots.clear();
    let none = figures(&fleet);
    assert_eq!((none.age_seconds, none.gib, none.degraded_seconds), (None, None, 0));
    assert!(none.usd_per_month_at_most.abs() < 1e-9);
}

#[test]
fn a_cluster_is_degraded_from_its_inspection_until_it_was_seen_normal() {
    let started = Moment::parse("2026-05-03T02:03:04Z").unwrap();
    let degraded = |disturbances: &serde_json::Value, back_at: Option<Moment>| {
        let mut fleet = healthy();
        let lock = Lock {
            intent: Some(intent(disturbances)),
            ..lock(Some("b"), false)
        };
        hold(&mut fleet, lock);
        fleet.items.get_mut("orders").unwrap().back_at = back_at;
        let [one] = &fleet.report(started.plus(500)).figures[..] else {
            panic!("one cluster")
        };
        one.degraded_seconds
    };
    let broken = json!([{"kind": "mirror", "node": "server2", "disk": "md1"}]);
    assert_eq!(degraded(&broken, None), 500);
    // A backup whose snapshots take hours.
    assert_eq!(degraded(&broken, Some(started.plus(400))), 0);
    for one in [
        json!({"kind": "group", "node": "server1", "group": "failover1"}),
        json!({"kind": "backup-mode", "node": "server2"}),
        json!({"kind": "restore-mode", "node": "server2"}),
    ] {
        assert_eq!(degraded(&json!([one]), None), 500, "{one}");
    }
    // A restore that prepares its volumes.
    let fast = json!([{"kind": "fast-restore", "snapshot": "snap-001", "zone": "a"},
                      {"kind": "monitor", "node": "server2", "monitor": "mdw1"}]);
    assert_eq!(degraded(&fast, None), 0);
    assert_eq!(figures(&healthy()).degraded_seconds, 0);
}

#[test]
fn a_snapshot_that_is_pending_beyond_a_day_is_named() {
    let pending = |age| {
        let mut fleet = healthy();
        fleet.snapshots[0].state = "pending".into();
        fleet.snapshots[0].started = ago(age);
        fleet.report(now()).findings
    };
    assert_eq!(pending(DAY_SECONDS), []);
    let found = Finding::SnapshotPending {
        cluster: "orders".into(),
        snapshot: "snap-001".into(),
    };
    assert_eq!(pending(DAY_SECONDS + 1), [found]);
}

#[test]
fn fast_restore_of_our_snapshots_that_no_operation_needs_is_named() {
    let fast = |snapshot: &str, state: &str, age: Option<i64>| FastRestore {
        snapshot: snapshot.into(),
        zone: "a".to_owned(),
        state: state.into(),
        reason: String::new(),
        enabled: age.map(ago),
    };
    let mut fleet = healthy();
    fleet.fast_restores = vec![
        fast("snap-001", "enabled", Some(DAY_SECONDS)),
        fast("snap-001", "disabling", Some(DAY_SECONDS + 1)),
        fast("snap-001", "enabling", None),
        fast("snap-009", "enabled", Some(DAY_SECONDS + 1)),
    ];
    assert_eq!(fleet.report(now()).findings, []);
    fleet.fast_restores = vec![fast("snap-001", "enabled", Some(DAY_SECONDS + 1))];
    let left = Finding::FastRestoreLeft {
        snapshot: "snap-001".into(),
        zone: "a".into(),
    };
    assert_eq!(fleet.report(now()).findings, [left]);
    for (zone, named) in [("a", 0), ("b", 1)] {
        let listed = intent(&json!([{"kind": "fast-restore", "snapshot": "snap-001", "zone": zone}]));
        let lock = Lock {
            intent: Some(listed),
            ..lock(Some("r"), false)
        };
        hold(&mut fleet, lock);
        assert_eq!(fleet.report(now()).findings.len(), named);
    }
}

fn record() -> Record {
    serde_json::from_value(
        json!({"id": RESTORE, "backup": "orders-20251231T000000Z", "started": "2026-01-01T00:00:00Z",
        "source": "server1", "attachments": []}),
    )
    .unwrap()
}

#[test]
fn volumes_and_records_that_nobody_needs_are_named() {
    let tagged = |restore: &str, is_free| Tagged {
        restore: restore.to_owned(),
        is_free,
    };
    let mut fleet = healthy();
    fleet.volumes.insert("vol-001".into(), tagged(RESTORE, true));
    let left = Finding::VolumeLeft {
        volume: "vol-001".into(),
        restore: RESTORE.into(),
    };
    assert_eq!(fleet.report(now()).findings, [left]);
    // A restore of today, one that is attached, and one of an operation that is not finished.
    let young = format!("orders-r-{}", ago(HOUR).compact());
    for one in [tagged(&young, true), tagged(RESTORE, false), tagged("somebody's", true)] {
        fleet.volumes.insert("vol-001".into(), one);
        assert_eq!(fleet.report(now()).findings, []);
    }
    fleet.volumes.insert("vol-001".into(), tagged(RESTORE, true));
    hold(&mut fleet, lock(Some("r"), true));
    assert_eq!(fleet.report(now()).findings, []);
    // With a record it can be rolled back to.
    hold(&mut fleet, lock(None, false));
    fleet.records.insert(RESTORE.into(), Ok(record()));
    assert_eq!(fleet.report(now()).findings, []);
    fleet.volumes.clear();
    let no_volume = Finding::RecordLeft {
        restore: RESTORE.into(),
    };
    assert_eq!(fleet.report(now()).findings, [no_volume]);
    hold(&mut fleet, lock(Some("r"), true));
    assert_eq!(fleet.report(now()).findings, []);
    fleet.items.clear();
    assert_eq!(
        fleet.report(Moment::parse("2026-01-02T00:00:00Z").unwrap()).findings,
        []
    );
    assert_eq!(
        fleet
            .report(Moment::parse("2026-01-02T00:00:01Z").unwrap())
            .findings
            .len(),
        1
    );
}

#[test]
fn a_hold_beyond_a_day_is_named() {
    let held = |since: Option<i64>| {
        let mut fleet = healthy();
        let lock = Lock {
            hold: Some("disk change".into()),
            ..lock(None, false)
        };
        hold(&mut fleet, lock);
        fleet.items.get_mut("orders").unwrap().held_since = since.map(ago);
        fleet.report(now()).findings
    };
    assert_eq!(held(Some(DAY_SECONDS)), []);
    let left = || Finding::HoldLeft {
        cluster: "orders".into(),
        why: "disk change".into(),
    };
    assert_eq!(held(Some(DAY_SECONDS + 1)), [left()]);
    assert_eq!(held(None), [left()]);
}

#[test]
fn what_cannot_be_read_is_named_and_hides_nothing_else() {
    let error = || Error::new(Kind::ConfigInvalid, "it is damaged", "mend it");
    let mut fleet = healthy();
    fleet.clusters.insert("accounts".to_owned(), Err(error()));
    let item = Item {
        lock: Err(error()),
        holder: Some("b".into()),
        held_since: None,
        back_at: None,
    };
    fleet.items.insert("accounts".to_owned(), item);
    fleet.records.insert("accounts-r-20260101T000000Z".into(), Err(error()));
    let report = fleet.report(now());
    let named: Vec<String> = report
        .findings
        .iter()
        .map(|one| serde_json::to_value(one).unwrap()["what"].to_string())
        .collect();
    // Which operation needs the record cannot be read either.
    assert_eq!(
        named,
        ["\"config-unreadable\"", "\"lock-unreadable\"", "\"record-unreadable\""]
    );
    assert_eq!(report.ages.len(), 1);
}
