use super::*;
use crate::testing::{Twin, claim, instance, of_restore, parsed, restoring, volume};
use serde_json::{Value, json};

fn twin() -> Twin {
    let twin = Twin::new(restoring());
    twin.put(volume("vol-01d", VolumeState::InUse, Some("i-0aaa")));
    twin.put(of_restore(volume("vol-fee", VolumeState::Available, None)));
    twin
}

fn input(part: &str, more: &Value) -> Input {
    let mut input = json!({"cluster": "orders", "lock": claim(), "part": part, "patience_seconds": 45});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(input).unwrap()
}

async fn swap(twin: &Twin, part: &str) -> Result<Output> {
    handle(twin, input(part, &json!({}))).await
}

fn refused() -> Outcome {
    Outcome::Refused(Error::new(Kind::AwsRefused, "UnauthorizedOperation", "read it"))
}

fn is_attached(twin: &Twin, id: &str) -> bool {
    twin.volumes.borrow()[&parsed(id)].attached.is_some()
}

#[tokio::test]
async fn the_volumes_are_exchanged() {
    let twin = twin();
    assert!(swap(&twin, "detach").await.unwrap().over);
    assert!(!is_attached(&twin, "vol-01d") && twin.tags_of("vol-01d").contains_key(tag::REPLACED));
    assert!(swap(&twin, "attach").await.unwrap().over);
    assert!(is_attached(&twin, "vol-fee") && twin.tags_of("vol-fee").contains_key(tag::ATTACHED));
}

/// EC2 goes on showing the volume as available: the second AttachVolume answers that it is in use.
#[tokio::test]
async fn a_describe_that_lags_behind_attach_ends_nothing_and_takes_no_mark_away() {
    let twin = twin();
    swap(&twin, "detach").await.unwrap();
    let before = twin.volumes.borrow().clone();
    twin.old_volumes.borrow_mut().extend(vec![before; 20]);
    assert!(swap(&twin, "attach").await.unwrap().over);
    assert!(twin.called("attach") > 1, "{:?}", twin.calls);
    assert!(twin.tags_of("vol-fee").contains_key(tag::ATTACHED));
}

/// Rule 19: whatever was answered, a volume that AttachVolume was called for keeps its mark.
#[tokio::test]
async fn the_mark_attached_stays_whatever_attach_answers() {
    let ends = [
        Some(refused()),
        Some(Outcome::NotYet("already in use".into())),
        Some(Outcome::AlreadySo),
        None,
    ];
    for first in &ends {
        for second in &ends {
            let twin = twin();
            swap(&twin, "detach").await.unwrap();
            twin.answer("attach", [first.clone(), second.clone()]);
            _ = swap(&twin, "attach").await;
            assert!(
                twin.tags_of("vol-fee").contains_key(tag::ATTACHED),
                "{first:?} {second:?}"
            );
            assert_eq!(twin.called("untag"), 0);
        }
    }
}

/// The mark is there before the call, so that it is there whatever becomes of the function.
#[tokio::test]
async fn the_mark_comes_before_the_call() {
    let twin = twin();
    swap(&twin, "detach").await.unwrap();
    twin.calls.borrow_mut().clear();
    twin.answer("tag", [Some(refused())]);
    assert_eq!(swap(&twin, "attach").await.unwrap_err().kind(), Kind::AwsRefused);
    assert_eq!(twin.called("attach"), 0, "{:?}", twin.calls);
}

#[tokio::test]
async fn an_attachment_point_that_is_still_in_use_is_waited_for() {
    let twin = twin();
    swap(&twin, "detach").await.unwrap();
    twin.answer("attach", vec![Some(Outcome::NotYet("already in use".into())); 10]);
    assert!(swap(&twin, "attach").await.unwrap().over);
}

fn shown(twin: &Twin, power: Power) -> BTreeMap<InstanceId, Instance> {
    let mut all = twin.instances.borrow().clone();
    all.insert(parsed("i-0ccc"), instance("i-0ccc", power));
    all
}

#[tokio::test]
async fn a_state_from_before_the_stop_is_not_believed_at_once() {
    for power in [
        Power::Running,
        Power::Stopping,
        Power::Pending,
        Power::Gone,
        Power::Other("hibernated".to_owned()),
    ] {
        let twin = twin();
        let old = shown(&twin, power.clone());
        twin.old_instances.borrow_mut().extend(vec![old; 10]);
        assert!(swap(&twin, "detach").await.unwrap().over, "{power:?}");
    }
}

#[tokio::test]
async fn a_node_that_runs_ends_it_and_one_on_its_way_is_waited_for() {
    let twin = twin();
    *twin.instances.borrow_mut() = shown(&twin, Power::Running);
    let error = swap(&twin, "detach").await.unwrap_err();
    assert_eq!(error.kind(), Kind::PreparationUnproven);
    assert_eq!(twin.called("detach"), 0);
    assert!(twin.time.get() >= Duration::from_secs(DOUBT_SECONDS.into()));
    for power in [Power::Stopping, Power::Other("hibernated".to_owned())] {
        *twin.instances.borrow_mut() = shown(&twin, power);
        assert!(!swap(&twin, "detach").await.unwrap().over);
        assert_eq!(twin.called("detach"), 0);
    }
}

#[tokio::test]
async fn an_instance_that_one_answer_lacks_is_looked_for_again() {
    let twin = twin();
    twin.old_instances.borrow_mut().push_back(BTreeMap::new());
    assert!(swap(&twin, "detach").await.unwrap().over);
}

/// Back: the restore's volume was attached and is kept; DeleteOnTermination is no reason to fail.
#[tokio::test]
async fn back_is_done_though_delete_on_termination_cannot_be_set() {
    let mut intent = restoring();
    intent["disturbances"][0]["delete_on_termination"] = true.into();
    let twin = Twin {
        intent: Some(serde_json::from_value(intent).unwrap()),
        ..twin()
    };
    swap(&twin, "detach").await.unwrap();
    swap(&twin, "attach").await.unwrap();
    twin.answer("set_delete_on_termination", [Some(refused())]);
    let back = handle(&twin, input("attach", &json!({"back": true}))).await.unwrap();
    assert!(back.over && is_attached(&twin, "vol-01d") && !is_attached(&twin, "vol-fee"));
    assert!(!twin.tags_of("vol-01d").contains_key(tag::REPLACED));
    assert!(twin.tags_of("vol-fee").contains_key(tag::REPLACED) && twin.tags_of("vol-fee").contains_key(tag::ATTACHED));
}
