use super::*;
use crate::config::Config;
use crate::consistency::{Consistency, RestoreFrom};
use crate::ec2::{SnapshotId, SnapshotState};
use crate::error::Kind;
use crate::ids::{Id, IdKind};
use crate::time::Moment;

pub(super) const DAY: i64 = 86_400;

pub(super) fn config(last: u32, daily: u32, weekly: u32, monthly: u32) -> Config {
    let mut json = crate::testing::orders();
    json["retention"] = serde_json::json!({"keep_last": last, "daily": daily, "weekly": weekly, "monthly": monthly});
    Config::parse("orders", &json.to_string()).unwrap()
}

pub(super) fn at(seconds: i64) -> Moment {
    Moment::from_unix(1_780_000_000 + seconds)
}

pub(super) fn snapshot(name: &str, when: Moment, volume: &str, valid: bool) -> Snapshot {
    let id = Id::new(IdKind::Backup, "orders", when).unwrap();
    let mut tags = tags(&id, when, "server2", &["md1".to_owned()], 1);
    if valid {
        tags.insert(tag::VALID.to_owned(), "true".to_owned());
    }
    let (state, progress) = (SnapshotState::Completed, "100%".to_owned());
    Snapshot {
        id: name.into(),
        volume: volume.into(),
        state,
        progress,
        started: when,
        gib: 20,
        kms_key: None,
        copied_from: None,
        tier: crate::catalogue::Tier::Standard,
        tags,
    }
}

fn series(count: i64, step: i64) -> Vec<Snapshot> {
    (0..count)
        .map(|n| snapshot(&format!("snap-00{n}"), at(-n * step), "vol-001", true))
        .collect()
}

pub(super) fn deleted(config: &Config, snapshots: Vec<Snapshot>) -> Vec<SnapshotId> {
    expired(config, &backups("orders", snapshots), None, at(0))
        .into_iter()
        .map(|(id, ..)| id)
        .collect()
}

#[test]
fn a_description_goes_with_the_last_snapshot_of_its_backup() {
    let day = |number: i64| at(number * DAY);
    let id = |number| Id::new(IdKind::Backup, "orders", day(number)).unwrap();
    let found = backups(
        "orders",
        vec![
            snapshot("snap-001", day(1), "vol-001", true),
            snapshot("snap-002", day(2), "vol-001", true),
        ],
    );
    let gone: SnapshotId = "snap-001".parse().unwrap();
    let unneeded = |described: &[i64], deleted: &[&SnapshotId], current: Option<&Id>, now: i64| {
        let described = described.iter().map(|number| id(*number)).collect();
        crate::description::unneeded(described, &found, &deleted.iter().copied().collect(), current, day(now))
    };
    assert_eq!(unneeded(&[1, 2], &[&gone], None, 2), [id(1)]);
    assert_eq!(unneeded(&[1, 2], &[], None, 9), []);
    // EC2 shows nothing of it: believed after a day, and never of the backup that is being made.
    assert_eq!(unneeded(&[3], &[], None, 3), []);
    assert_eq!(unneeded(&[3], &[], None, 4), [id(3)]);
    assert_eq!(unneeded(&[3], &[], Some(&id(3)), 9), []);
}

#[test]
fn the_newest_so_many_are_kept() {
    assert_eq!(deleted(&config(2, 0, 0, 0), series(4, DAY)), ["snap-002", "snap-003"]);
    assert!(deleted(&config(1, 0, 0, 0), series(1, DAY)).is_empty());
}

#[test]
fn the_newest_of_each_day_week_and_month() {
    // Four a day: the newest of each of three days stays, with the last one.
    let gone = deleted(&config(1, 3, 0, 0), series(16, DAY / 4));
    assert_eq!(16 - gone.len(), 3);
    assert!(!gone.contains(&"snap-000".into()));
    assert_eq!(40 - deleted(&config(1, 0, 4, 0), series(40, DAY)).len(), 4);
    assert_eq!(200 - deleted(&config(1, 0, 0, 5), series(200, DAY)).len(), 5);
}

#[test]
fn what_is_not_clearly_ours_is_never_touched() {
    let mut foreign = snapshot("snap-00f", at(-99 * DAY), "vol-001", true);
    foreign.tags.insert(tag::CLUSTER.to_owned(), "billing".to_owned());
    let mut odd = snapshot("snap-00d", at(-99 * DAY), "vol-001", true);
    odd.tags
        .insert(tag::BACKUP_ID.to_owned(), "orders-r-20260101T000000Z".to_owned());
    let mut bare = snapshot("snap-00b", at(-99 * DAY), "vol-001", true);
    bare.tags.remove(tag::CONSISTENT_AT);
    let mut all = series(3, DAY);
    all.extend([foreign, odd, bare]);
    assert_eq!(deleted(&config(1, 0, 0, 0), all), ["snap-001", "snap-002"]);
}

/// Whatever the tag says, and if only one snapshot of the set has it.
#[test]
fn what_is_kept_is_never_deleted() {
    for value in ["2026-05-01T02:03:04Z audit", "by hand", ""] {
        let mut all = series(3, DAY);
        let mut incomplete = snapshot("snap-00d", at(-9 * DAY), "vol-001", false);
        for one in [&mut all[2], &mut incomplete] {
            one.tags.insert(tag::KEPT.to_owned(), value.to_owned());
        }
        let mut second = all[2].clone();
        second.id = "snap-00e".into();
        second.tags.remove(tag::KEPT);
        all.extend([incomplete, second]);
        assert_eq!(deleted(&config(1, 0, 0, 0), all), ["snap-001"], "{value:?}");
    }
}

#[test]
fn incomplete_sets_go_after_a_day() {
    let young = snapshot("snap-00e", at(-DAY + 1), "vol-001", false);
    let old = snapshot("snap-00d", at(-DAY), "vol-001", false);
    assert_eq!(deleted(&config(1, 0, 0, 0), vec![young, old.clone()]), ["snap-00d"]);
    let current = Id::new(IdKind::Backup, "orders", at(-DAY)).unwrap();
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
    pending[0].state = SnapshotState::Pending;
    assert!(!good(pending));
}

#[test]
fn of_two_snapshots_of_a_volume_the_first_counts() {
    let first = snapshot("snap-00a", at(-10), "vol-001", true);
    let mut second = snapshot("snap-00b", at(-10), "vol-001", false);
    second.started = at(-9);
    let set = backups("orders", vec![second.clone(), first.clone()]);
    assert_eq!(
        (set[0].snapshots[0].id.as_str(), set[0].others[0].id.as_str()),
        ("snap-00a", "snap-00b")
    );
    assert_eq!(deleted(&config(1, 0, 0, 0), vec![second, first]), ["snap-00b"]);
}

/// EC2 gave it up: a later one of the same volume counts, and alone it proves nothing.
#[test]
fn a_snapshot_in_error_never_counts() {
    let mut failed = snapshot("snap-00a", at(-10), "vol-001", true);
    failed.state = SnapshotState::Error;
    let mut second = snapshot("snap-00b", at(-10), "vol-001", true);
    second.started = at(-9);
    let set = backups("orders", vec![failed.clone(), second]);
    assert!(set[0].valid);
    assert_eq!(
        set[0].snapshots.iter().map(|one| one.id.as_str()).collect::<Vec<_>>(),
        ["snap-00b"]
    );
    let set = backups("orders", vec![failed]);
    assert!(!set[0].valid && set[0].snapshots.is_empty());
}

#[test]
fn a_snapshot_that_ended_in_error_or_is_marked_never_counts() {
    let good = snapshot("snap-00b", at(-9), "vol-001", false);
    for change in [
        |one: &mut Snapshot| one.state = SnapshotState::Error,
        |one: &mut Snapshot| {
            one.tags.insert(tag::DUPLICATE.to_owned(), "true".to_owned());
        },
    ] {
        let mut bad = snapshot("snap-00a", at(-10), "vol-001", false);
        change(&mut bad);
        let (kept, others) = choose(vec![good.clone(), bad]);
        assert_eq!((kept[0].id.as_str(), others[0].id.as_str()), ("snap-00b", "snap-00a"));
    }
}

#[test]
fn a_restore_finds_valid_backups_only() {
    let mut all = series(3, DAY);
    all[0].tags.remove(tag::VALID);
    let all = backups("orders", all);
    assert_eq!(
        find("orders", &all, &Wanted::Latest(RestoreFrom::Any))
            .unwrap()
            .snapshots[0]
            .id,
        "snap-001"
    );
    assert_eq!(
        find("orders", &all, &Wanted::Before(at(-DAY), RestoreFrom::Any))
            .unwrap()
            .snapshots[0]
            .id,
        "snap-002"
    );
    assert_eq!(
        find("orders", &all, &Wanted::Before(at(-9 * DAY), RestoreFrom::Any))
            .unwrap_err()
            .kind(),
        Kind::BackupNotFound
    );
    let exact = Wanted::Exactly(all[0].id.clone());
    assert_eq!(find("orders", &all, &exact).unwrap_err().kind(), Kind::BackupInvalid);
    let unknown = Wanted::Exactly(Id::new(IdKind::Backup, "orders", at(5)).unwrap());
    assert_eq!(find("orders", &all, &unknown).unwrap_err().kind(), Kind::BackupNotFound);
}

/// A copy by CopySnapshot, with or without the source's tags, days later.
pub(super) fn copy_of(source: &Snapshot, name: &str, described: bool, after: i64) -> Snapshot {
    Snapshot {
        id: name.into(),
        volume: if described { "vol-0123" } else { "vol-ffffffff" }.into(),
        started: source.started.plus(after),
        copied_from: described.then(|| source.id.clone()),
        tier: crate::catalogue::Tier::Standard,
        ..source.clone()
    }
}

#[test]
fn a_copy_with_the_tags_of_its_source_changes_nothing() {
    for described in [true, false] {
        let original = snapshot("snap-00a", at(-30 * DAY), "vol-001", true);
        let copy = copy_of(&original, "snap-00b", described, DAY);
        let all = backups("orders", vec![copy.clone(), original.clone()]);
        assert!(all[0].valid && all[0].snapshots[0].id == "snap-00a");
        assert!(expired(&config(1, 0, 0, 0), &all, None, at(0)).is_empty());
        // Once the retention lets it go: neither the copy, nor what it was made of.
        let newer = snapshot("snap-00c", at(-DAY), "vol-001", true);
        assert!(deleted(&config(1, 0, 0, 0), vec![copy.clone(), original.clone(), newer.clone()]).is_empty());
        assert_eq!(deleted(&config(1, 0, 0, 0), vec![original, newer]), ["snap-00a"]);
        // The copy alone is as good as its source.
        assert!(backups("orders", vec![copy])[0].valid);
    }
}

/// The two snapshots of a backup of two volumes.
pub(super) fn pair(n: usize, when: i64, proved: bool) -> Vec<Snapshot> {
    ["md1", "md2"]
        .into_iter()
        .map(|disk| {
            let mut one = snapshot(
                &format!("snap-{n}d{}", &disk[2..]),
                at(when),
                &format!("vol-00{}", &disk[2..]),
                proved,
            );
            one.tags.insert(tag::SET_SIZE.to_owned(), "2".to_owned());
            one.tags.insert(tag::MIRROR_DISKS.to_owned(), disk.to_owned());
            one
        })
        .collect()
}

/// Of a set of two, one with a copy that does not name its source: only the snapshot of the copy's own disk is its source.
#[test]
fn the_source_of_a_copy_is_that_of_its_own_place() {
    let older = pair(1, -30 * DAY, true);
    let copy = copy_of(&older[0], "snap-00b", false, DAY);
    let newer = pair(2, -DAY, true);
    let all: Vec<Snapshot> = older.iter().chain(&newer).cloned().chain([copy]).collect();
    assert_eq!(deleted(&config(1, 0, 0, 0), all), [older[1].id.as_str()]);
}

#[test]
fn a_member_that_one_answer_lacks_is_no_reason_to_delete_the_others() {
    for missing in 0..2 {
        let mut set = pair(1, -30 * DAY, true);
        set.remove(missing);
        let all = backups("orders", set);
        assert!(all[0].proved && !all[0].valid);
        assert!(expired(&config(1, 0, 0, 0), &all, None, at(0)).is_empty());
    }
    // Nor to delete the last whole backup in its stead.
    let mut newest = pair(1, -DAY, true);
    newest.pop();
    newest.extend(pair(2, -2 * DAY, true));
    newest.extend(pair(3, -3 * DAY, true));
    assert_eq!(deleted(&config(1, 0, 0, 0), newest), ["snap-3d1", "snap-3d2"]);
}

#[test]
fn members_that_are_not_of_one_moment_and_node_make_no_backup() {
    for (name, value) in [
        (tag::CONSISTENT_AT, at(-31 * DAY).to_string()),
        (tag::SOURCE_NODE, "server1".to_owned()),
        (tag::DUPLICATE, "true".to_owned()),
    ] {
        let mut set = pair(1, -30 * DAY, true);
        set[1].tags.insert(name.to_owned(), value);
        let all = backups("orders", set);
        assert!(all[0].proved && !all[0].valid, "{name}");
        assert!(expired(&config(1, 0, 0, 0), &all, None, at(0)).is_empty());
    }
}

#[test]
fn what_never_was_proved_still_expires() {
    let mut half = pair(1, -2 * DAY, false);
    half.pop();
    assert_eq!(deleted(&config(1, 0, 0, 0), half), ["snap-1d1"]);
}

#[test]
fn the_source_of_a_copy_is_read_from_its_description() {
    for (text, source) in [
        (
            "[Copied snap-0123456789abcdef0 from us-east-1] mirrorsnap orders",
            Some("snap-0123456789abcdef0"),
        ),
        (
            "Copied for DestinationAmi ami-0a1 from SourceAmi ami-0b2 for SourceSnapshot snap-0c3. Task",
            Some("snap-0c3"),
        ),
        ("mirrorsnap orders", None),
        ("snapshot of snap-", None),
    ] {
        assert_eq!(source_of_copy(text).as_ref().map(SnapshotId::as_str), source, "{text}");
    }
}

fn of_frozen(mut snapshot: Snapshot) -> Snapshot {
    snapshot.tags.extend([consistency_tag(Consistency::Frozen)]);
    snapshot
}

#[test]
fn a_backup_says_how_its_service_was_quiet() {
    let of = |tag: Option<&str>| {
        let mut one = snapshot("snap-001", at(0), "vol-001", true);
        one.tags
            .extend(tag.map(|word| (tag::CONSISTENCY.to_owned(), word.to_owned())));
        backups("orders", vec![one]).first().map(|backup| backup.consistency)
    };
    assert_eq!(of(None), Some(Consistency::Stopped));
    assert_eq!(of(Some("stopped")), Some(Consistency::Stopped));
    assert_eq!(of(Some("frozen")), Some(Consistency::Frozen));
    // What nobody knows is neither restored nor deleted.
    assert_eq!(of(Some("paused")), None);
}

#[test]
fn the_newest_is_taken_however_it_was_made_unless_the_cluster_says_stopped() {
    let all = backups(
        "orders",
        vec![
            of_frozen(snapshot("snap-000", at(0), "vol-001", true)),
            of_frozen(snapshot("snap-001", at(-DAY), "vol-001", true)),
            snapshot("snap-002", at(-2 * DAY), "vol-001", true),
        ],
    );
    let taken = |wanted: &Wanted| find("orders", &all, wanted).unwrap().snapshots[0].id.to_string();
    let (any, stopped) = (RestoreFrom::Any, RestoreFrom::Stopped);
    assert_eq!(taken(&Wanted::Latest(any)), "snap-000");
    assert_eq!(taken(&Wanted::Latest(stopped)), "snap-002");
    assert_eq!(taken(&Wanted::Before(at(0), any)), "snap-001");
    assert_eq!(taken(&Wanted::Before(at(0), stopped)), "snap-002");
    assert_eq!(taken(&Wanted::Exactly(all[0].id.clone())), "snap-000");
    assert!(passed_over(&all, &Wanted::Latest(any)).is_empty());
    let passed = passed_over(&all, &Wanted::Latest(stopped));
    assert_eq!(passed.len(), 2);
    assert!(passed[0].1.to_string().contains("frozen"), "{}", passed[0].1);
    let none = find("orders", &all[..2], &Wanted::Latest(stopped)).unwrap_err();
    assert_eq!(none.kind(), Kind::BackupNotFound);
    assert!(none.to_string().contains("restore_from"), "{none}");
}

/// The retention treats both alike.
#[test]
fn a_frozen_backup_is_kept_and_expires_like_any_other() {
    let all = || series(4, DAY).into_iter();
    let plain = deleted(&config(2, 0, 0, 0), all().collect());
    assert_eq!(plain, deleted(&config(2, 0, 0, 0), all().map(of_frozen).collect()));
    assert_eq!(plain.len(), 2);
}
