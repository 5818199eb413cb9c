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
