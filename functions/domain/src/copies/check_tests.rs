use super::*;
use crate::catalogue::{self, tag};
use crate::copies::KeyArn;
use crate::ec2::SnapshotState;
use crate::error::{Error, Kind};
use crate::ids::{Id, IdKind};
use crate::time::Moment;
use serde_json::json;

const THERE: &str = "arn:aws:kms:ap-northeast-3:111122223333:key/1";
const HERE: &str = "arn:aws:kms:ap-northeast-1:111122223333:key/2";

fn there() -> Region {
    "ap-northeast-3".parse().unwrap()
}

fn roles() -> BTreeMap<String, String> {
    let role = "arn:aws:iam::111122223333:role/copy-snapshots".to_owned();
    BTreeMap::from([("copy-snapshots".to_owned(), role)])
}

fn refused() -> Error {
    Error::new(Kind::AwsRefused, "AccessDeniedException", "read the message")
}

fn customer(state: &str, policy: &serde_json::Value) -> Key {
    Key {
        manager: Manager::Customer(Ok(policy.to_string())),
        state: state.to_owned(),
    }
}

fn allowing(actions: &serde_json::Value) -> serde_json::Value {
    json!({"Statement": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": actions, "Resource": "*"}})
}

#[test]
fn a_region_that_refuses_is_bad_with_aws_s_own_words() {
    assert_eq!(region(&there(), Ok(())).verdict(), Verdict::Good);
    let found = region::<()>(&there(), Err(refused()));
    assert_eq!(found.verdict(), Verdict::Bad);
    let json = serde_json::to_value(&found).unwrap();
    let wanted = json!({"finding": "region-closed", "region": "ap-northeast-3", "why": "AccessDeniedException"});
    assert_eq!(json, wanted);
}

#[test]
fn a_key_is_there_is_enabled_and_lets_copy_snapshots_do_all_that_ec2_does_in_its_name() {
    let all = allowing(&json!("kms:*"));
    let usable = key(THERE, Ok(Some(customer("Enabled", &all))), &roles());
    assert_eq!(usable, Finding::KeyUsable { key: THERE.to_owned() });
    let (key_of, none) = (|found| key(THERE, found, &roles()), BTreeMap::new());
    assert_eq!(key_of(Ok(None)).verdict(), Verdict::Bad);
    for state in ["Disabled", "PendingDeletion"] {
        let found = key_of(Ok(Some(customer(state, &all))));
        assert!(
            matches!(&found, Finding::KeyNotEnabled { state: is, .. } if is == state),
            "{found:?}"
        );
        assert_eq!(found.verdict(), Verdict::Bad);
    }
    let Finding::KeyDenied { actions, .. } = key_of(Ok(Some(customer("Enabled", &allowing(&json!(["kms:Decrypt"]))))))
    else {
        panic!("a policy without kms:CreateGrant")
    };
    assert!(
        actions.contains(&"copy-snapshots kms:CreateGrant".to_owned()),
        "{actions:?}"
    );
    assert!(
        !actions.contains(&"copy-snapshots kms:Decrypt".to_owned()),
        "{actions:?}"
    );
    // Whose role it is, or what the policy says, is not known: nothing is said against the key.
    assert_eq!(
        key(THERE, Ok(Some(customer("Enabled", &all))), &none).verdict(),
        Verdict::Open
    );
    assert_eq!(key_of(Err(refused())).verdict(), Verdict::Open);
    let hidden = Key {
        manager: Manager::Customer(Err("denied".to_owned())),
        state: "Enabled".to_owned(),
    };
    assert_eq!(key_of(Ok(Some(hidden))).verdict(), Verdict::Open);
    let aws = Key {
        manager: Manager::Aws,
        state: "Enabled".to_owned(),
    };
    assert_eq!(key_of(Ok(Some(aws))).verdict(), Verdict::Good);
}

#[test]
fn a_region_that_makes_as_many_copies_as_it_can_lets_the_next_one_wait() {
    let of = |running, most| quota(&there(), running, most);
    assert!(matches!(
        of(Ok(19), Ok(Some(20))),
        Finding::Room {
            running: 19,
            most: 20,
            ..
        }
    ));
    let full = of(Ok(20), Ok(Some(20)));
    assert!(matches!(full, Finding::NoRoom { .. }) && full.verdict() == Verdict::Open);
    for unknown in [
        of(Ok(1), Ok(None)),
        of(Err(refused()), Ok(Some(20))),
        of(Ok(1), Err(refused())),
    ] {
        assert!(matches!(unknown, Finding::QuotaNotKnown { .. }), "{unknown:?}");
        assert_eq!(unknown.verdict(), Verdict::Open);
    }
}

#[test]
fn the_keys_are_those_of_the_newest_valid_backup_and_that_of_the_copies() {
    let at = Moment::parse("2026-05-01T02:03:04Z").unwrap();
    let id = Id::new(IdKind::Backup, "orders", at).unwrap();
    let mut tags = catalogue::tags(&id, at, "server2", &["md1".to_owned()], 1);
    tags.insert(tag::VALID.to_owned(), "true".to_owned());
    let snapshot = catalogue::Snapshot {
        id: "snap-001".parse().unwrap(),
        volume: "vol-001".parse().unwrap(),
        state: SnapshotState::Completed,
        progress: "100%".to_owned(),
        started: at,
        gib: 20,
        kms_key: Some(HERE.to_owned()),
        copied_from: None,
        tier: catalogue::Tier::Standard,
        tags,
    };
    let backups = catalogue::backups("orders", vec![snapshot]);
    let mut to = CopyTo {
        region: there(),
        kms_key: Some(THERE.parse::<KeyArn>().unwrap()),
        keep: serde_json::from_value(json!({"keep_last": 1})).unwrap(),
        lock: None,
    };
    assert_eq!(keys(&to, &backups), BTreeSet::from([HERE, THERE]));
    to.kms_key = None;
    assert_eq!(keys(&to, &backups), BTreeSet::from([HERE]));
    assert_eq!(keys(&to, &[]), BTreeSet::new());
}
