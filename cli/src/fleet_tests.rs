use super::*;
use mirrorsnap_domain::error::{Error, Kind};
use mirrorsnap_domain::ids::Id;
use serde_json::json;

const HOLDER: &str = "arn:aws:states:eu-west-1:1:execution:mirrorsnap-backup:e";

fn now() -> Moment {
    Moment::parse("2026-05-02T02:03:04Z").unwrap()
}

fn config(objective: Option<u32>) -> Config {
    let json = json!({
        "name": "orders",
        "nodes": [{"name": "server1", "instance_id": "i-0123456789abcdef0"}, {"name": "server2", "instance_id": "i-0123456789abcdef1"}],
        "failover_groups": ["failover1"],
        "mirror_disks": [{"name": "md1", "monitor": "mdw1", "device": "/dev/sdb", "cluster_partition": "/dev/xvdb1",
                          "data_partition": "/dev/xvdb2"}],
        "objective_hours": objective, "retention": {"keep_last": 7}});
    Config::parse("orders", &json.to_string()).unwrap()
}

fn snapshot(at: &str) -> Snapshot {
    let at = Moment::parse(at).unwrap();
    let id = Id::parse(&format!("orders-{}", at.compact())).unwrap();
    let mut tags = catalogue::tags(&id, at, "server2", &["md1".to_owned()], 1);
    tags.insert(tag::VALID.to_owned(), "true".to_owned());
    Snapshot {
        id: "snap-0123456789abcdef0".parse().unwrap(),
        volume: "vol-0123456789abcdef0".parse().unwrap(),
        state: "completed".into(),
        progress: "100%".to_owned(),
        started: at,
        gib: 20,
        kms_key: None,
        copied_from: None,
        tier: mirrorsnap_domain::catalogue::Tier::Standard,
        tags,
    }
}

fn item(lock: Lock) -> Item {
    Item {
        holder: lock.holder.clone(),
        lock: Ok(lock),
        held_since: None,
        back_at: None,
    }
}

fn lock(holder: Option<&str>, is_unfinished: bool) -> Lock {
    let intent = json!({
        "operation": "backup", "id": "orders-20260502T020000Z", "phase": "Quiesce", "started": "2026-05-02T02:00:00Z",
        "active": "server2", "standby": "server1", "boots": {}, "quiet_after_seconds": 300, "disturbances": []});
    Lock {
        holder: holder.map(str::to_owned),
        epoch: 3,
        since: Some(Moment::parse("2026-05-02T02:00:00Z").unwrap()),
        hold: None,
        intent: is_unfinished.then(|| serde_json::from_value(intent).unwrap()),
    }
}

fn seen(lock: Lock, snapshots: Vec<Snapshot>) -> Seen {
    Seen {
        clusters: BTreeMap::from([("orders".to_owned(), Ok(config(Some(26))))]),
        items: BTreeMap::from([("orders".to_owned(), item(lock))]),
        snapshots,
        holders: BTreeMap::new(),
    }
}

fn one(seen: &Seen) -> Row {
    let mut rows = seen.rows(now());
    assert_eq!(rows.len(), 1);
    rows.remove(0)
}

#[test]
fn a_protected_cluster_has_nothing_wrong() {
    let row = one(&seen(lock(None, false), vec![snapshot("2026-05-01T03:03:04Z")]));
    assert_eq!(row.wrong, []);
    assert_eq!(
        row.active.as_deref(),
        Some("server1"),
        "the backup's volumes were the standby's"
    );
    assert_eq!(row.newest.unwrap().age_seconds, 23 * 3600);
    assert_eq!(row.runs, None);
}

#[test]
fn an_old_backup_and_none_at_all() {
    let row = one(&seen(lock(None, false), vec![snapshot("2026-04-30T03:03:04Z")]));
    assert_eq!(row.wrong, [Wrong::Overdue { objective_hours: 26 }]);
    let row = one(&seen(lock(None, false), vec![]));
    assert_eq!((row.wrong, row.active), (vec![Wrong::NoBackup], None));
    // Without an objective its age is nobody's concern.
    let mut calm = seen(lock(None, false), vec![snapshot("2026-04-30T03:03:04Z")]);
    calm.clusters = BTreeMap::from([("orders".to_owned(), Ok(config(None)))]);
    assert_eq!(one(&calm).wrong, []);
}

#[test]
fn a_running_operation_is_shown_and_a_dead_one_is_not_back() {
    let mut fleet = seen(lock(Some(HOLDER), true), vec![snapshot("2026-05-01T03:03:04Z")]);
    fleet.holders.insert(HOLDER.to_owned(), Status::Running);
    let row = one(&fleet);
    assert_eq!(row.wrong, []);
    assert_eq!(
        row.active.as_deref(),
        Some("server2"),
        "the operation's inspection is newer"
    );
    let runs = row.runs.unwrap();
    assert_eq!((runs.what.as_str(), runs.seconds), ("backup", Some(184)));
    for ended in [Status::Failed, Status::Aborted, Status::TimedOut] {
        fleet.holders.insert(HOLDER.to_owned(), ended);
        assert_eq!(one(&fleet).wrong, [Wrong::NotBack]);
    }
    fleet.holders.clear();
    assert_eq!(one(&fleet).wrong, [Wrong::NotBack], "there is no such execution");
}

#[test]
fn a_hold_and_what_cannot_be_read_are_told() {
    let mut held = lock(None, false);
    held.hold = Some("disks".to_owned());
    let mut fleet = seen(held, vec![snapshot("2026-05-01T03:03:04Z")]);
    assert_eq!(
        one(&fleet).wrong,
        [Wrong::Hold {
            why: "disks".to_owned()
        }]
    );
    fleet.clusters = BTreeMap::from([("orders".to_owned(), Err(Error::new(Kind::ConfigInvalid, "bad", "mend")))]);
    fleet.items.clear();
    assert!(matches!(one(&fleet).wrong.as_slice(), [Wrong::ConfigUnreadable { .. }]));
}

#[test]
fn a_lock_that_is_in_use_without_a_parameter_is_shown_and_an_unused_one_is_not() {
    let mut fleet = seen(lock(None, true), vec![]);
    fleet.clusters.clear();
    assert!(matches!(
        one(&fleet).wrong.as_slice(),
        [Wrong::ConfigUnreadable { .. }, Wrong::NotBack]
    ));
    fleet.items = BTreeMap::from([("orders".to_owned(), item(lock(None, false)))]);
    assert_eq!(fleet.rows(now()), []);
}
