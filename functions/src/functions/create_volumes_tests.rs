use super::*;
use crate::ports::Volume;
use crate::testing::{Twin, claim, of_restore, parsed, restoring, volume};

fn marked(mut one: Volume) -> Volume {
    one.shape.tags.insert(tag::ATTACHED.to_owned(), "true".to_owned());
    one
}

fn fresh(id: &str) -> Volume {
    of_restore(volume(id, VolumeState::Available, None))
}

async fn clean(twin: &Twin) -> Result<Cleaned> {
    let input = json!({"mode": "clean", "cluster": "orders", "lock": claim()});
    let cleaned = handle(twin, serde_json::from_value(input).unwrap()).await?;
    Ok(serde_json::from_value(cleaned).unwrap())
}

#[tokio::test]
async fn a_volume_that_the_intent_does_not_list_is_deleted_at_once() {
    let mut intent = restoring();
    intent["disturbances"] = json!([]);
    let twin = Twin::new(intent);
    twin.put(fresh("vol-fee"));
    assert_eq!(clean(&twin).await.unwrap().deleted, [parsed("vol-fee")]);
    assert!(twin.time.get() < Duration::from_secs(10));
}

/// Rule 19: the describes show what was before the mark, or go back to it.
#[tokio::test]
async fn a_volume_that_was_attached_is_not_deleted_though_describes_lag() {
    for lag in 0..=10 {
        let twin = Twin::new(restoring());
        twin.put(marked(fresh("vol-fee")));
        let before = BTreeMap::from([(parsed("vol-fee"), fresh("vol-fee"))]);
        twin.old_volumes.borrow_mut().extend(vec![before.clone(); lag]);
        let kept = clean(&twin).await.unwrap();
        assert_eq!(
            (kept.kept.as_slice(), kept.deleted.len()),
            ([parsed("vol-fee")].as_slice(), 0),
            "{lag}"
        );
        // It was shown with the mark, and then as it was before.
        let now = twin.volumes.borrow().clone();
        twin.old_volumes.borrow_mut().push_back(now);
        twin.old_volumes.borrow_mut().extend(vec![before; 40]);
        assert!(clean(&twin).await.unwrap().deleted.is_empty());
        assert_eq!(twin.called("delete_volume"), 0, "{lag}");
    }
}

#[tokio::test]
async fn a_volume_that_the_intent_lists_and_nobody_attached_is_deleted() {
    let twin = Twin::new(restoring());
    twin.put(fresh("vol-fee"));
    assert_eq!(clean(&twin).await.unwrap().deleted, [parsed("vol-fee")]);
}

#[tokio::test]
async fn one_that_ec2_says_is_in_use_is_looked_at_again() {
    let twin = Twin::new(restoring());
    twin.put(fresh("vol-fee"));
    twin.answer(
        "delete_volume",
        [Some(Outcome::NotYet("VolumeInUse".into())), Some(Outcome::AlreadySo)],
    );
    assert_eq!(clean(&twin).await.unwrap().deleted, [parsed("vol-fee")]);
    let twin = Twin::new(restoring());
    twin.put(fresh("vol-fee"));
    twin.answer("delete_volume", vec![Some(Outcome::NotYet("VolumeInUse".into())); 100]);
    assert_eq!(clean(&twin).await.unwrap_err().kind(), Kind::AwsUnavailable);
}

/// Two volumes of the restore, for both nodes.
fn new(node: &str, restore: &str) -> NewVolume {
    serde_json::from_value(json!({
        "node": node, "device": "/dev/sdb", "disks": ["md1"], "zone": "a", "old": "vol-01d", "snapshot": "snap-001", "gib": 20,
        "kind": "gp3", "tags": {tag::RESTORE_ID: restore}, "token": node, "delete_on_termination": true,
    }))
    .unwrap()
}

const RESTORE: &str = "orders-r-20260501T020304Z";

#[tokio::test]
async fn only_volumes_of_the_present_restore_are_made() {
    let creating = async |twin: &Twin, volumes: &[NewVolume]| {
        let input = json!({"mode": "create", "cluster": "orders", "lock": claim(), "volumes": volumes});
        handle(twin, serde_json::from_value(input).unwrap()).await
    };
    let twin = Twin::new(restoring());
    let made = creating(&twin, &[new("server1", RESTORE), new("server2", RESTORE)])
        .await
        .unwrap();
    let made: Vec<Attachment> = serde_json::from_value(made["made"].clone()).unwrap();
    let of = |node: &str| new(node, RESTORE).attachment(&parsed("vol-fade"));
    assert_eq!(made, [of("server1"), of("server2")]);
    let twin = Twin::new(restoring());
    let error = creating(&twin, &[new("server1", "orders-r-20260601T020304Z")])
        .await
        .unwrap_err();
    assert_eq!((error.kind(), twin.called("create_volume")), (Kind::InputInvalid, 0));
}

/// What `check` says of the volumes that are shown. `vol-111` is for server1, `vol-222` for server2.
async fn check(volumes: &[(&str, &str)], shown: Vec<Volume>) -> Result<Value> {
    let twin = Twin::new(restoring());
    for one in shown {
        twin.put(one);
    }
    let wanted: Vec<NewVolume> = ["server1", "server2"].map(|node| new(node, RESTORE)).into();
    let made: Vec<Attachment> = volumes
        .iter()
        .map(|(node, id)| new(node, RESTORE).attachment(&parsed(id)))
        .collect();
    let input = json!({"mode": "check", "cluster": "orders", "volumes": wanted, "made": made});
    handle(&twin, serde_json::from_value(input).unwrap()).await
}

const BOTH: [(&str, &str); 2] = [("server1", "vol-111"), ("server2", "vol-222")];

fn fast(mut volume: Volume) -> Volume {
    volume.fast = true;
    volume
}

#[tokio::test]
async fn volumes_are_ready_once_all_can_be_attached() {
    let of = |state: VolumeState| volume("vol-222", state, None);
    let available = || fast(volume("vol-111", VolumeState::Available, None));
    for (shown, ready, fast_restored, slow) in [
        (vec![available()], false, false, json!([])),
        (
            vec![available(), of(VolumeState::Creating)],
            false,
            false,
            json!(["vol-222"]),
        ),
        (
            vec![available(), fast(of(VolumeState::Creating))],
            false,
            false,
            json!([]),
        ),
        (
            vec![available(), of(VolumeState::Available)],
            true,
            false,
            json!(["vol-222"]),
        ),
        (vec![available(), fast(of(VolumeState::InUse))], true, true, json!([])),
    ] {
        let said = check(&BOTH, shown).await.unwrap();
        assert_eq!(
            said,
            json!({"ready": ready, "fast_restored": fast_restored, "slow": slow})
        );
    }
}

#[tokio::test]
async fn a_volume_that_cannot_be_used_is_an_error() {
    let other = Volume {
        snapshot: Some(parsed("snap-002")),
        ..volume("vol-222", VolumeState::Available, None)
    };
    let mut wrong = vec![other];
    for state in ["deleting", "deleted", "error", "unheard-of"] {
        wrong.push(volume("vol-222", VolumeState::from(state), None));
    }
    for one in wrong {
        let first = volume("vol-111", VolumeState::Available, None);
        let error = check(&BOTH, vec![first, one.clone()]).await.unwrap_err();
        assert_eq!(error.kind(), Kind::VolumeFailed, "{one:?}");
    }
    // EC2 does not always show what a volume was made from.
    let unsaid = Volume {
        snapshot: None,
        ..volume("vol-222", VolumeState::Available, None)
    };
    let first = volume("vol-111", VolumeState::Available, None);
    assert_eq!(check(&BOTH, vec![first, unsaid]).await.unwrap()["ready"], true);
}

#[tokio::test]
async fn what_was_made_is_what_was_asked_for() {
    for made in [&BOTH[..0], &BOTH[..1]] {
        let shown = made
            .iter()
            .map(|(_, id)| volume(id, VolumeState::Available, None))
            .collect();
        assert_eq!(
            check(made, shown).await.unwrap_err().kind(),
            Kind::VolumeFailed,
            "{made:?}"
        );
    }
}
