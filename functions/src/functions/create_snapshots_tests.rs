use super::*;
use crate::ports::Outcome;
use crate::ports::Volume;
use crate::testing::{Twin, claim, instance, lost, parsed, volume};
use mirrorsnap_domain::ec2::{Power, SnapshotId, SnapshotState, VolumeState};
use mirrorsnap_domain::time::Moment;
use serde_json::json;

fn twin() -> Twin {
    let twin = Twin::new(json!({
        "operation": "backup", "id": "orders-20260501T020304Z", "phase": "Snapshot", "started": "2026-05-01T02:03:04Z",
        "active": "server1", "standby": "server2", "boots": {}, "quiet_after_seconds": 100, "disturbances": [],
    }));
    twin.put(volume("vol-01d", VolumeState::InUse, Some("i-0ccc")));
    twin
}

fn input(retry_count: u32) -> Input {
    serde_json::from_value(json!({
        "cluster": "orders", "lock": claim(), "retry_count": retry_count,
        "section": {"epoch": 7, "consistent_at": "2026-05-01T02:04:00Z", "outage_seconds": 3.0},
        "stopped": {
            "instance": "i-0ccc", "reason": "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
            "launched": "1970-01-01T00:16:40Z", "volumes": {"md1": "vol-01d"},
        },
    }))
    .unwrap()
}

fn limited(times: usize) -> Vec<Option<Outcome>> {
    vec![Some(Outcome::NotYet("SnapshotCreationPerVolumeRateExceeded".into())); times]
}

#[tokio::test]
async fn a_rate_limit_that_passes_costs_no_backup() {
    let twin = twin();
    twin.answer("create_snapshots", limited(4));
    let image = handle(&twin, input(0)).await.unwrap();
    assert_eq!(image.snapshots.len(), 1);
    assert!(
        twin.time.get() >= Duration::from_secs(15),
        "the limit of EC2 is one snapshot in 15 s"
    );
}

/// The state machine repeats the function then.
#[tokio::test]
async fn a_rate_limit_that_lasts_is_an_error_that_is_retried() {
    let twin = twin();
    twin.answer("create_snapshots", limited(100));
    assert_eq!(handle(&twin, input(0)).await.unwrap_err().kind(), Kind::AwsUnavailable);
    assert!(twin.time.get() < Duration::from_secs(100), "the function's own timeout");
}

#[tokio::test]
async fn a_reply_that_is_lost_makes_no_second_snapshot() {
    let twin = twin();
    twin.answer("create_snapshots", [None]);
    assert_eq!(handle(&twin, input(0)).await.unwrap_err(), lost());
    assert_eq!(twin.called("create_snapshots"), 1);
}

#[tokio::test]
async fn a_describe_from_before_the_stop_is_not_believed_at_once() {
    let twin = twin();
    for power in [Power::Running, Power::Stopping] {
        let mut old = twin.instances.borrow().clone();
        old.insert(parsed("i-0ccc"), instance("i-0ccc", power));
        twin.old_instances.borrow_mut().extend(vec![old; 5]);
    }
    twin.old_instances.borrow_mut().push_front(BTreeMap::new());
    assert!(handle(&twin, input(0)).await.is_ok());
}

#[tokio::test]
async fn a_standby_that_was_started_gives_no_snapshot() {
    let twin = twin();
    let up = instance("i-0ccc", Power::Running);
    twin.instances.borrow_mut().insert(parsed("i-0ccc"), up);
    let error = handle(&twin, input(0)).await.unwrap_err();
    assert_eq!(error.kind(), Kind::PreparationUnproven);
    assert_eq!(twin.called("create_snapshots"), 0);
}

/// Two mirror disks on two volumes: their snapshots are tagged one by one.
fn of_two_volumes() -> (Twin, Input) {
    let twin = twin();
    twin.put(volume("vol-2dd", VolumeState::InUse, Some("i-0ccc")));
    let mut both = instance("i-0ccc", Power::Stopped);
    both.volumes.insert("/dev/sdc".into(), parsed("vol-2dd"));
    twin.instances.borrow_mut().insert(parsed("i-0ccc"), both);
    let mut input = input(0);
    input.stopped.volumes.insert("md2".into(), parsed("vol-2dd"));
    twin.more_disks.set(true);
    (twin, input)
}

fn denied() -> Outcome {
    let error = Error::new(
        Kind::AwsRefused,
        "ec2:CreateTags answered UnauthorizedOperation",
        "read the message",
    );
    Outcome::Refused(error)
}

#[tokio::test]
async fn a_permission_that_hangs_on_a_tag_of_a_second_ago_costs_no_backup() {
    let (twin, input) = of_two_volumes();
    twin.answer(
        "tag",
        [Some(denied()), Some(Outcome::NotYet("InvalidSnapshot.NotFound".into()))],
    );
    let image = handle(&twin, input).await.unwrap();
    assert_eq!((image.snapshots.len(), twin.called("tag")), (2, 4));
}

#[tokio::test]
async fn a_permission_that_lacks_is_an_error_soon() {
    let (twin, input) = of_two_volumes();
    twin.answer("tag", vec![Some(denied()); 9]);
    assert_eq!(handle(&twin, input).await.unwrap_err().kind(), Kind::AwsRefused);
    assert_eq!(twin.called("tag"), 1 + TAG_LAGS as usize);
}

/// A snapshot as EC2 shows it.
fn shown(id: &str, volume: &str, backup: &str) -> Snapshot {
    Snapshot {
        id: parsed(id),
        volume: parsed(volume),
        state: SnapshotState::Pending,
        progress: "1%".to_owned(),
        started: Moment::from_unix(2000),
        gib: 20,
        kms_key: None,
        copied_from: None,
        tier: mirrorsnap_domain::catalogue::Tier::Standard,
        tags: BTreeMap::from([(tag::BACKUP_ID.to_owned(), backup.to_owned())]),
    }
}

fn owned(mut volume: Volume, tags: &[(&str, &str)]) -> Volume {
    let tags = tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    volume.shape.tags = tags.collect();
    volume
}

#[tokio::test]
async fn the_one_call_asks_for_the_volume_with_its_owners_tags_and_ours() {
    let twin = twin();
    let one = volume("vol-01d", VolumeState::InUse, Some("i-0ccc"));
    twin.put(owned(
        one,
        &[("cost-center", "42"), ("Name", "theirs"), ("mirrorsnap:x", "y")],
    ));
    let image = handle(&twin, input(0)).await.unwrap();
    assert_eq!(
        image.snapshots,
        [Taken {
            snapshot: parsed("snap-01d"),
            volume: parsed("vol-01d")
        }]
    );
    let sets = twin.sets.borrow();
    let [set] = sets.as_slice() else { panic!("{sets:?}") };
    assert_eq!(
        (set.instance.as_str(), set.description.as_str()),
        ("i-0ccc", "mirrorsnap orders")
    );
    assert_eq!(
        (&set.volumes, set.excluded.as_slice()),
        (&BTreeSet::from([parsed("vol-01d")]), [].as_slice())
    );
    let tag = |key: &str| set.tags.get(key).map(String::as_str);
    assert_eq!(tag("cost-center"), Some("42"));
    assert_eq!(tag("Name"), Some("orders-20260501T020304Z"));
    assert_eq!(tag("mirrorsnap:x"), None);
    assert_eq!(tag(tag::MIRROR_DISKS), Some("md1"));
    assert_eq!(
        (tag(tag::SET_SIZE), tag(tag::SOURCE_NODE)),
        (Some("1"), Some("server2"))
    );
    assert_eq!(twin.called("tag"), 0, "the call has written all tags");
}

#[tokio::test]
async fn a_set_of_two_leaves_out_the_root_and_what_is_not_ours() {
    let (twin, input) = of_two_volumes();
    let mut both = twin.instances.borrow()[&parsed("i-0ccc")].clone();
    for (device, id) in [("/dev/xvda", "vol-0a0"), ("/dev/sdx", "vol-0b0")] {
        both.volumes.insert(device.into(), parsed(id));
    }
    both.moving.insert("/dev/sdy".into(), parsed("vol-0c0"));
    twin.instances.borrow_mut().insert(parsed("i-0ccc"), both);
    for (id, tags) in [
        ("vol-01d", [("both", "1"), ("mine", "1")]),
        ("vol-2dd", [("both", "1"), ("mine", "2")]),
    ] {
        twin.put(owned(volume(id, VolumeState::InUse, Some("i-0ccc")), &tags));
    }
    let image = handle(&twin, input).await.unwrap();
    assert_eq!(image.snapshots.len(), 2);
    let sets = twin.sets.borrow();
    assert_eq!(sets[0].excluded, [parsed("vol-0b0"), parsed("vol-0c0")]);
    assert_eq!(sets[0].tags.get("both").map(String::as_str), Some("1"));
    assert_eq!(sets[0].tags.get("mine"), None, "it differs from volume to volume");
    assert_eq!(
        sets[0].tags.get(tag::MIRROR_DISKS),
        None,
        "one call gives one set of tags to all"
    );
    let calls = twin.calls.borrow();
    let tagged: Vec<&String> = calls.iter().filter(|call| call.starts_with("tag ")).collect();
    assert_eq!(tagged.len(), 2, "{calls:?}");
    let of: Vec<(SnapshotId, String)> = twin.snapshot_tags.borrow().clone();
    assert_eq!(
        of,
        [
            (parsed("snap-01d"), "md1".to_owned()),
            (parsed("snap-2dd"), "md2".to_owned())
        ]
    );
}

/// Rule 6: a retry looks for the set of the call before, for as long as EC2 may hide it.
#[tokio::test]
async fn a_retry_takes_the_set_that_was_made() {
    let twin = twin();
    twin.snapshots
        .borrow_mut()
        .push(shown("snap-abc", "vol-01d", "orders-20260501T020304Z"));
    let image = handle(&twin, input(1)).await.unwrap();
    assert_eq!(
        image.snapshots,
        [Taken {
            snapshot: parsed("snap-abc"),
            volume: parsed("vol-01d")
        }]
    );
    assert_eq!(twin.called("create_snapshots"), 0);
}

#[tokio::test]
async fn a_retry_looks_for_a_minute_and_then_makes_its_own() {
    for (retry_count, least, most) in [(0, 0, 2), (1, 60, 70)] {
        let twin = twin();
        // Of another volume, which is not asked for.
        twin.snapshots
            .borrow_mut()
            .push(shown("snap-abc", "vol-0ff", "orders-20260501T020304Z"));
        handle(&twin, input(retry_count)).await.unwrap();
        assert_eq!(twin.called("create_snapshots"), 1);
        let passed = twin.time.get().as_secs();
        assert!((least..=most).contains(&passed), "{retry_count}: {passed} s");
    }
}

#[tokio::test]
async fn half_a_set_is_none() {
    let (twin, mut input) = of_two_volumes();
    twin.snapshots
        .borrow_mut()
        .push(shown("snap-abc", "vol-01d", "orders-20260501T020304Z"));
    input.retry_count = 1;
    handle(&twin, input).await.unwrap();
    assert_eq!(twin.called("create_snapshots"), 1);
}

#[tokio::test]
async fn an_answer_that_names_another_number_of_snapshots_is_repeated_by_the_state() {
    for names in [
        vec![],
        vec!["vol-01d", "vol-01d"],
        vec!["vol-01d"],
        vec!["vol-01d", "vol-2dd", "vol-0ff"],
    ] {
        let (twin, input) = of_two_volumes();
        let taken = names.iter().map(|id| Taken {
            snapshot: parsed("snap-abc"),
            volume: parsed(id),
        });
        twin.named.replace(Some(taken.collect()));
        let error = handle(&twin, input).await.unwrap_err();
        assert_eq!(error.kind(), Kind::AwsUnavailable, "{names:?}");
        assert_eq!(twin.called("tag"), 0, "{names:?}");
    }
}

#[tokio::test]
async fn without_a_volume_nothing_is_asked_for() {
    let twin = twin();
    let mut input = input(0);
    input.stopped.volumes.clear();
    assert_eq!(handle(&twin, input).await.unwrap_err().kind(), Kind::InputInvalid);
}

#[tokio::test]
async fn a_standby_whose_volumes_were_changed_gives_no_snapshot() {
    let twin = twin();
    let mut changed = instance("i-0ccc", Power::Stopped);
    changed.volumes.insert("/dev/sdb".into(), parsed("vol-0ee"));
    twin.instances.borrow_mut().insert(parsed("i-0ccc"), changed);
    assert_eq!(
        handle(&twin, input(0)).await.unwrap_err().kind(),
        Kind::PreparationUnproven
    );
    assert_eq!(twin.called("create_snapshots"), 0);
}
