use super::*;
use serde_json::json;

const KEY: &str = "arn:aws:kms:eu-west-1:111122223333:key/1";

fn roles() -> BTreeMap<String, String> {
    let role = |function: &&str| {
        (
            (*function).to_owned(),
            format!("arn:aws:iam::111122223333:role/{function}"),
        )
    };
    ["set-power", "create-volumes", "swap-volumes"]
        .iter()
        .map(role)
        .collect()
}

fn volumes() -> BTreeSet<VolumeId> {
    BTreeSet::from(["vol-0a2".parse().unwrap(), "vol-0a1".parse().unwrap()])
}

fn judged(described: Result<Key>) -> Result<String> {
    judge_key(KEY, &volumes(), described, &roles()).map(|said| said.to_string())
}

fn customer(policy: &serde_json::Value) -> Key {
    Key {
        manager: Manager::Customer(Ok(policy.to_string())),
        state: "Enabled".to_owned(),
    }
}

fn allowing(action: &str) -> serde_json::Value {
    json!({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": action, "Resource": "*"}]})
}

fn refused(described: Result<Key>) -> String {
    let error = judged(described).unwrap_err();
    assert_eq!(error.kind(), Kind::KeyNotUsable);
    error.to_string()
}

#[test]
fn a_key_that_is_not_enabled_is_refused_whosever_it_is() {
    for state in ["Disabled", "PendingDeletion", "PendingImport", "Unavailable"] {
        for manager in [Manager::Aws, Manager::Customer(Ok(allowing("*").to_string()))] {
            let said = refused(Ok(Key {
                manager,
                state: state.to_owned(),
            }));
            assert!(said.contains(&format!("{KEY} (vol-0a1, vol-0a2) is {state}")), "{said}");
        }
    }
}

#[test]
fn a_key_that_kms_does_not_show_is_refused_and_a_throttled_look_is_not_a_refusal() {
    let said = refused(Err(Error::new(Kind::AwsRefused, "AccessDeniedException", "")));
    assert!(said.contains("KMS does not show the key"), "{said}");
    let late = judged(Err(Error::new(Kind::AwsUnavailable, "Throttled", "")));
    assert_eq!(late.unwrap_err().kind(), Kind::AwsUnavailable);
}

#[test]
fn the_policy_must_let_each_role_do_all_that_ec2_does_in_its_name() {
    assert!(
        judged(Ok(customer(&allowing("kms:*"))))
            .unwrap()
            .contains("lets the roles of set-power")
    );
    let said = refused(Ok(customer(&allowing("kms:CreateGrant"))));
    assert!(
        said.contains("create-volumes kms:Decrypt") && !said.contains("set-power"),
        "{said}"
    );
    for action in ALL {
        let others: Vec<_> = ALL.iter().filter(|one| one != &action).collect();
        let policy = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": others, "Resource": "*"}});
        assert!(refused(Ok(customer(&policy))).contains(&format!("swap-volumes {action}")));
    }
}

#[test]
fn what_cannot_be_judged_is_said_and_refuses_nothing() {
    let unread = Manager::Customer(Err("another account's".to_owned()));
    let said = judged(Ok(Key {
        manager: unread,
        state: "Enabled".to_owned(),
    }))
    .unwrap();
    assert!(said.contains("(another account's)"), "{said}");
    let mut policy = allowing("kms:*");
    policy["Statement"][0]["Condition"] = json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}});
    assert!(
        judged(Ok(customer(&policy)))
            .unwrap()
            .contains("look whether it allows create-volumes kms:CreateGrant")
    );
    let nameless = judge_key(KEY, &volumes(), Ok(customer(&allowing("*"))), &BTreeMap::new())
        .unwrap()
        .to_string();
    assert!(nameless.contains("set-power kms:CreateGrant"), "{nameless}");
    let ours = Key {
        manager: Manager::Aws,
        state: "Enabled".to_owned(),
    };
    assert!(judged(Ok(ours)).unwrap().contains("AWS's own and enabled"));
}

#[test]
fn the_keys_of_volumes_are_named_once_each() {
    let (a, b, c): (VolumeId, VolumeId, VolumeId) = (
        "vol-0a1".parse().unwrap(),
        "vol-0a2".parse().unwrap(),
        "vol-0a3".parse().unwrap(),
    );
    let key = KEY.to_owned();
    let found = keys_of([(&a, Some(&key)), (&b, None), (&c, Some(&key))]);
    assert_eq!(found, BTreeMap::from([(key, BTreeSet::from([a, c]))]));
}
