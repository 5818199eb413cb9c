use super::*;
use crate::ports::Outcome;
use crate::testing::{Twin, claim, instance, lost, parsed, volume};
use mirrorsnap_domain::ec2::{Power, VolumeState};
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
