use super::*;
use proptest::prelude::*;

const DAY: i64 = 86_400;

fn config(last: u32, daily: u32, weekly: u32, monthly: u32) -> Config {
    let mut json = crate::testing::orders();
    json["retention"] = serde_json::json!({"keep_last": last, "daily": daily, "weekly": weekly, "monthly": monthly});
    Config::parse("orders", &json.to_string()).unwrap()
}

fn at(seconds: i64) -> Moment {
    Moment::from_unix(1_780_000_000 + seconds)
}

fn snapshot(name: &str, when: Moment, volume: &str, valid: bool) -> Snapshot {
    let id = Id::new(Of::Backup, "orders", when).unwrap();
    let mut tags = tags(&id, when, "server2", &["md1".to_owned()], 1);
    if valid {
        tags.insert(tag::VALID.to_owned(), "true".to_owned());
    }
    let (state, progress) = ("completed".to_owned(), "100%".to_owned());
    Snapshot {
        id: name.to_owned(),
        volume: volume.to_owned(),
        state,
        progress,
        started: when,
        gib: 20,
        kms_key: None,
        tags,
    }
}

fn series(count: i64, step: i64) -> Vec<Snapshot> {
    (0..count)
        .map(|n| snapshot(&format!("snap-{n}"), at(-n * step), "vol-1", true))
        .collect()
}

fn deleted(config: &Config, snapshots: Vec<Snapshot>) -> Vec<String> {
    expired(config, &backups("orders", snapshots), None, at(0))
        .into_iter()
        .map(|(id, ..)| id)
        .collect()
}

#[test]
fn the_newest_so_many_are_kept() {
    assert_eq!(deleted(&config(2, 0, 0, 0), series(4, DAY)), ["snap-2", "snap-3"]);
    assert!(deleted(&config(1, 0, 0, 0), series(1, DAY)).is_empty());
}

#[test]
fn the_newest_of_each_day_week_and_month() {
    // Four a day: the newest of each of three days stays, with the last one.
    let gone = deleted(&config(1, 3, 0, 0), series(16, DAY / 4));
    assert_eq!(16 - gone.len(), 3);
    assert!(!gone.contains(&"snap-0".to_owned()));
    assert_eq!(40 - deleted(&config(1, 0, 4, 0), series(40, DAY)).len(), 4);
    assert_eq!(200 - deleted(&config(1, 0, 0, 5), series(200, DAY)).len(), 5);
}

#[test]
fn what_is_not_clearly_ours_is_never_touched() {
    let mut foreign = snapshot("snap-f", at(-99 * DAY), "vol-1", true);
    foreign.tags.insert(tag::CLUSTER.to_owned(), "billing".to_owned());
    let mut odd = snapshot("snap-o", at(-99 * DAY), "vol-1", true);
    odd.tags
        .insert(tag::BACKUP_ID.to_owned(), "orders-r-20260101T000000Z".to_owned());
    let mut bare = snapshot("snap-b", at(-99 * DAY), "vol-1", true);
    bare.tags.remove(tag::CONSISTENT_AT);
    let mut all = series(3, DAY);
    all.extend([foreign, odd, bare]);
    assert_eq!(deleted(&config(1, 0, 0, 0), all), ["snap-1", "snap-2"]);
}

#[test]
fn incomplete_sets_go_after_a_day() {
    let young = snapshot("snap-y", at(-DAY + 1), "vol-1", false);
    let old = snapshot("snap-o", at(-DAY), "vol-1", false);
    assert_eq!(deleted(&config(1, 0, 0, 0), vec![young, old.clone()]), ["snap-o"]);
    let current = Id::new(Of::Backup, "orders", at(-DAY)).unwrap();
    assert!(
        expired(
            &config(1, 0, 0, 0),
            &backups("orders", vec![old]),
            Some(&current),
            at(0)
        )
        .is_empty()
    );
}

#[test]
fn a_backup_is_valid_only_if_every_part_is() {
    let good = |snapshots: Vec<Snapshot>| backups("orders", snapshots)[0].valid;
    assert!(good(series(1, DAY)));
    for (name, value) in [(tag::VALID, "yes"), (tag::SET_SIZE, "2"), (tag::SET_SIZE, "0")] {
        let mut one = series(1, DAY);
        one[0].tags.insert(name.to_owned(), value.to_owned());
        assert!(!good(one), "{name}");
    }
    let mut pending = series(1, DAY);
    pending[0].state = "pending".to_owned();
    assert!(!good(pending));
}

#[test]
fn of_two_snapshots_of_a_volume_the_first_counts() {
    let first = snapshot("snap-a", at(-10), "vol-1", true);
    let mut second = snapshot("snap-b", at(-10), "vol-1", true);
    second.started = at(-9);
    let set = backups("orders", vec![second.clone(), first.clone()]);
    assert_eq!(
        (set[0].snapshots[0].id.as_str(), set[0].duplicates[0].id.as_str()),
        ("snap-a", "snap-b")
    );
    assert_eq!(deleted(&config(1, 0, 0, 0), vec![second, first]), ["snap-b"]);
}

/// EC2 gave it up: a later one of the same volume counts, and alone it proves nothing.
#[test]
fn a_snapshot_in_error_never_counts() {
    let mut failed = snapshot("snap-a", at(-10), "vol-1", true);
    failed.state = "error".to_owned();
    let mut second = snapshot("snap-b", at(-10), "vol-1", true);
    second.started = at(-9);
    let set = backups("orders", vec![failed.clone(), second]);
    assert!(set[0].valid);
    assert_eq!(
        set[0].snapshots.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
        ["snap-b"]
    );
    let set = backups("orders", vec![failed]);
    assert!(!set[0].valid && set[0].snapshots.is_empty());
}

#[test]
fn a_restore_finds_valid_backups_only() {
    let mut all = series(3, DAY);
    all[0].tags.remove(tag::VALID);
    let all = backups("orders", all);
    assert_eq!(find("orders", &all, &Wanted::Latest).unwrap().snapshots[0].id, "snap-1");
    assert_eq!(
        find("orders", &all, &Wanted::Before(at(-DAY))).unwrap().snapshots[0].id,
        "snap-2"
    );
    assert_eq!(
        find("orders", &all, &Wanted::Before(at(-9 * DAY))).unwrap_err().kind(),
        Kind::BackupNotFound
    );
    let exact = Wanted::Exactly(all[0].id.clone());
    assert_eq!(find("orders", &all, &exact).unwrap_err().kind(), Kind::BackupInvalid);
    let unknown = Wanted::Exactly(Id::new(Of::Backup, "orders", at(5)).unwrap());
    assert_eq!(find("orders", &all, &unknown).unwrap_err().kind(), Kind::BackupNotFound);
}

proptest! {
    #[test]
    fn the_newest_valid_backup_is_never_deleted(
        ages in proptest::collection::vec((0_i64..400 * DAY, any::<bool>()), 1..40),
        last in 1_u32..4, daily in 0_u32..4, weekly in 0_u32..4, monthly in 0_u32..4,
    ) {
        let snapshots: Vec<Snapshot> = ages.iter().enumerate()
            .map(|(n, (age, valid))| snapshot(&format!("snap-{n}"), at(-age), &format!("vol-{n}"), *valid)).collect();
        let all = backups("orders", snapshots);
        let gone = expired(&config(last, daily, weekly, monthly), &all, None, at(0));
        if let Some(newest) = all.iter().find(|backup| backup.valid) {
            prop_assert!(gone.iter().all(|(_, id, _)| id != &newest.id));
        }
        let kept = all.iter().filter(|backup| backup.valid && gone.iter().all(|(_, id, _)| id != &backup.id)).count();
        let valid = all.iter().filter(|backup| backup.valid).count();
        prop_assert!(kept >= valid.min(last as usize));
        prop_assert!(kept <= (last + daily + weekly + monthly) as usize);
        // A second run deletes nothing more.
        let left: Vec<Snapshot> = all.iter().flat_map(|b| b.snapshots.iter().chain(&b.duplicates)).filter(|s| gone.iter().all(|(id, ..)| id != &s.id)).cloned().collect();
        prop_assert!(expired(&config(last, daily, weekly, monthly), &backups("orders", left), None, at(0)).is_empty());
    }
}
