use super::*;
use crate::args::{Command, Output};
use crate::catalogue::Language;
use crate::exit::Exit;
use crate::out::Out;
use crate::ports::Status;
use crate::run;
use crate::screen::check_copies::{document, text, worst};
use crate::testing::{Fake, block};
use check::Verdict;
use clap::Parser;
use mirrorsnap_domain::catalogue::{Snapshot, Tier};
use mirrorsnap_domain::copies::Seen;
use mirrorsnap_domain::ec2::SnapshotState;
use mirrorsnap_domain::inspect::{Key, Manager};
use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};

const KEY: &str = "arn:aws:kms:ap-northeast-3:111122223333:key/1";

/// A cluster whose copies go to a region that answers, with a key that may be used.
fn cluster() -> Fake {
    let mut fake = Fake::new(Status::Succeeded, &[]);
    fake.runs.set(0);
    fake.described = Some(json!({
        "name": "orders",
        "nodes": [{"name": "server1", "instance_id": "i-0123456789abcdef0"}, {"name": "server2", "instance_id": "i-0123456789abcdef1"}],
        "failover_groups": ["failover1"],
        "mirror_disks": [{"name": "md1", "monitor": "mdw1", "device": "/dev/sdb", "cluster_partition": "/dev/xvdb1",
                          "data_partition": "/dev/xvdb2"}],
        "retention": {"keep_last": 7},
        "copy": {"region": "ap-northeast-3", "kms_key": KEY, "keep": {"keep_last": 1}}}));
    fake.copies = vec![Seen {
        snapshot: Snapshot {
            id: "snap-001".parse().unwrap(),
            volume: "vol-ffffffff".parse().unwrap(),
            state: SnapshotState::Completed,
            progress: "100%".to_owned(),
            started: Moment::from_unix(0),
            gib: 20,
            kms_key: None,
            copied_from: None,
            tier: Tier::Standard,
            tags: BTreeMap::new(),
        },
        message: None,
    }];
    fake.keys.insert(KEY.to_owned(), Ok(Some(customer("Enabled"))));
    fake.output = json!({"plan": ["Nothing."], "doctor": {"findings": [], "readings": []},
        "key_roles": {"copy-snapshots": "arn:aws:iam::111122223333:role/c"}});
    fake
}

fn customer(state: &str) -> Key {
    let policy = json!({"Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}});
    Key {
        manager: Manager::Customer(Ok(policy.to_string())),
        state: state.to_owned(),
    }
}

fn found(ports: &Fake) -> (CopyTo, Vec<Finding>) {
    let roles: BTreeMap<String, String> = serde_json::from_value(ports.output["key_roles"].clone()).unwrap();
    block(async {
        let to = asked_for(ports, "orders").await.unwrap().unwrap();
        let findings = findings(ports, "orders", &to, &roles).await.unwrap();
        (to, findings)
    })
}

fn exit(ports: &Fake) -> Exit {
    let command = Command::try_parse_from(["mirrorsnap", "cluster", "check", "orders"]).unwrap();
    block(run::run(ports, &mut Out::new(Output::Text), &command)).unwrap()
}

#[test]
fn copies_that_can_be_made_are_said_in_both_languages() {
    let ports = cluster();
    let (to, findings) = found(&ports);
    let said = text(&to.region, &findings, Language::English);
    assert_eq!(
        said,
        format!(
            "Copies into ap-northeast-3 are possible:\nEC2 of ap-northeast-3 answers\nthe KMS key {KEY} is enabled, and its policy lets \
             copy-snapshots use it\n0 of 20 copies that ap-northeast-3 makes at once are on their way"
        )
    );
    let japanese = text(&to.region, &findings, Language::Japanese);
    assert!(
        japanese.starts_with("ap-northeast-3 へのコピーは可能です:\n"),
        "{japanese}"
    );
    assert_eq!(exit(&ports), Exit::Done);
}

#[test]
fn what_stands_in_their_way_is_said_with_what_mends_it_and_refuses_the_check() {
    let mut ports = cluster();
    ports.keys.insert(KEY.to_owned(), Ok(Some(customer("Disabled"))));
    let (to, findings) = found(&ports);
    let said = text(&to.region, &findings, Language::English);
    assert!(
        said.starts_with("COPIES INTO ap-northeast-3 ARE NOT POSSIBLE:"),
        "{said}"
    );
    assert!(
        said.contains(&format!("{KEY} is Disabled\n  Enable the key (aws kms enable-key)")),
        "{said}"
    );
    let json = document(&to.region, &findings);
    assert_eq!(
        (&json["verdict"], &json["findings"][1]["finding"]),
        (&json!("bad"), &json!("key-not-enabled"))
    );
    assert!(
        json["findings"][1]["next"]
            .as_str()
            .unwrap()
            .starts_with("Enable the key")
    );
    assert_eq!(json["findings"][0]["next"], Value::Null);
    assert_eq!(exit(&ports), Exit::Refused);
    ports.keys.clear();
    assert!(matches!(found(&ports).1.as_slice(), [_, Finding::KeyMissing { .. }, _]));
    ports.copies.clear();
    let (_, closed) = found(&ports);
    assert!(
        matches!(closed.as_slice(), [Finding::RegionClosed { .. }]),
        "nothing else is asked there: {closed:?}"
    );
    assert_eq!(exit(&ports), Exit::Refused);
}

#[test]
fn what_is_not_known_is_said_and_refuses_nothing() {
    let mut ports = cluster();
    ports.room = (20, Some(20));
    ports.output["key_roles"] = json!({});
    let (to, findings) = found(&ports);
    assert_eq!(worst(&findings), Verdict::Open);
    let said = text(&to.region, &findings, Language::Japanese);
    for part in [
        "不明です: copy-snapshots kms:CreateGrant",
        "同時に作成できるコピーは 20 個で、20 個を作成中です",
    ] {
        assert!(said.contains(part), "{part}\n{said}");
    }
    assert_eq!(exit(&ports), Exit::Done);
}

#[test]
fn a_cluster_that_asks_for_no_copies_hears_nothing_of_them() {
    let mut ports = cluster();
    ports
        .described
        .as_mut()
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("copy");
    assert_eq!(block(asked_for(&ports, "orders")), Ok(None));
    ports.copies.clear();
    assert_eq!(exit(&ports), Exit::Done);
}
