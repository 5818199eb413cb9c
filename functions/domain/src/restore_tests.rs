use super::initialization::Initialization;
use super::quotas::Quotas;
use super::volumes::OldVolume;
use super::*;
use crate::catalogue::{self, Snapshot, tag};
use crate::ec2::VolumeId;
use crate::testing;
use proptest::prelude::*;

pub(super) fn id() -> Id {
    Id::new(IdKind::Restore, "orders", Moment::from_unix(1_780_010_000)).unwrap()
}

pub(super) fn snapshot(name: &str, at: i64, disks: &str, size: usize, valid: bool) -> Snapshot {
    let at = Moment::from_unix(at);
    let backup = Id::new(IdKind::Backup, "orders", at).unwrap();
    let disks: Vec<String> = disks.split(' ').map(str::to_owned).collect();
    let mut tags = catalogue::tags(&backup, at, "server2", &disks, size);
    if valid {
        tags.insert(tag::VALID.to_owned(), "true".to_owned());
    }
    testing::completed(name, &format!("vol-{}", &name[5..]), at, tags)
}

fn old(id: &str) -> (VolumeId, OldVolume) {
    let volume = OldVolume {
        id: id.into(),
        gib: 20,
        kind: "gp3".to_owned(),
        iops: Some(4000),
        throughput: Some(200),
        kms_key: Some("arn:aws:kms:key/k".to_owned()),
        tags: BTreeMap::from([
            ("team".to_owned(), "db".to_owned()),
            ("aws:x".to_owned(), "y".to_owned()),
            ("mirrorsnap:cluster".to_owned(), "old".to_owned()),
        ]),
        delete_on_termination: true,
        multi_attach: false,
    };
    (id.into(), volume)
}

pub(super) fn present() -> BTreeMap<VolumeId, OldVolume> {
    ["vol-0aaa1", "vol-0ccc1", "vol-0aaa2", "vol-0ccc2"].map(old).into()
}

pub(super) fn planned(asked: &str, snapshots: Vec<Snapshot>, seen: &Observation) -> Result<Plan> {
    with(&testing::config(), asked, Initialization::Auto, snapshots, seen)
}

pub(super) fn with(
    config: &Config,
    asked: &str,
    initialization: Initialization,
    snapshots: Vec<Snapshot>,
    seen: &Observation,
) -> Result<Plan> {
    let asked: Asked = serde_json::from_str(asked).unwrap();
    let facts = Facts {
        snapshots,
        volumes: &present(),
        fast: &[],
        quotas: &Quotas::default(),
    };
    plan(config, &id(), &asked, initialization, seen, facts)
}

pub(super) const T: i64 = 1_780_000_000;

#[test]
fn a_copy_is_restored_only_by_the_id_of_its_backup_and_the_plan_says_so() {
    let original = snapshot("snap-001", T, "md1", 1, true);
    let id = original.tags[tag::BACKUP_ID].clone();
    let mut copy = snapshot("snap-00c", T, "md1", 1, true);
    copy.volume = "vol-ffffffff".into();
    copy.tags.remove(tag::BACKUP_ID);
    copy.tags.insert(tag::COPY_OF.to_owned(), id.clone());
    copy.tags
        .insert(tag::COPIED_FROM.to_owned(), "ap-northeast-3".to_owned());
    let exactly = format!("{id:?}");
    let of =
        |asked: &str, all: &[&Snapshot]| planned(asked, all.iter().copied().cloned().collect(), &testing::healthy());
    let plan = of(&exactly, &[&copy]).unwrap();
    assert!(plan.volumes.iter().all(|one| one.snapshot == "snap-00c"));
    let said = plan.words.words().join("\n");
    assert!(
        said.contains(&format!("a copy of backup {id}")) && said.contains("ap-northeast-3"),
        "{said}"
    );
    for asked in [r#""latest""#, r#"{"before": "2030-01-01T00:00:00Z"}"#] {
        assert_eq!(of(asked, &[&copy]).unwrap_err().kind(), Kind::BackupNotFound, "{asked}");
    }
    // The backup itself goes first, one that is not valid does not, and neither does a copy that is not.
    let plan = of(&exactly, &[&copy, &original]).unwrap();
    assert!(plan.volumes.iter().all(|one| one.snapshot == "snap-001"));
    assert!(!plan.words.words().join("\n").contains("copy of"));
    let unproved = snapshot("snap-001", T, "md1", 1, false);
    assert_eq!(
        of(&exactly, &[&copy, &unproved]).unwrap().volumes[0].snapshot,
        "snap-00c"
    );
    copy.tags.remove(tag::VALID);
    assert_eq!(of(&exactly, &[&copy]).unwrap_err().kind(), Kind::BackupNotFound);
}

#[test]
fn one_snapshot_for_both_nodes_and_all_that_the_old_volume_was() {
    let plan = planned(
        r#""latest""#,
        vec![snapshot("snap-001", T, "md1", 1, true)],
        &testing::healthy(),
    )
    .unwrap();
    let places: Vec<_> = plan
        .volumes
        .iter()
        .map(|v| (v.node.as_str(), v.old.as_str(), v.snapshot.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            ("server1", "vol-0aaa1", "snap-001"),
            ("server2", "vol-0ccc1", "snap-001")
        ]
    );
    let volume = &plan.volumes[0];
    assert_eq!(
        (volume.kind.as_str(), volume.iops, volume.throughput),
        ("gp3", Some(4000), Some(200))
    );
    assert_eq!(volume.kms_key.as_deref(), Some("arn:aws:kms:key/k"));
    assert!(volume.delete_on_termination && volume.zone == "ap-northeast-1a" && volume.gib == 20);
    assert_eq!(volume.tags["team"], "db");
    assert_eq!(volume.tags["mirrorsnap:cluster"], "orders");
    assert_eq!(volume.tags["mirrorsnap:restore-id"], id().to_string());
    assert!(!volume.tags.contains_key("aws:x"));
    assert_eq!(
        (plan.source.as_deref(), plan.initialization.initialization),
        (Some("server1"), Initialization::Rate)
    );
    assert_eq!(volume.rate, Some(300));
    // Nothing of the cluster is listed before the volumes are there.
    assert!(plan.intent.disturbances.is_empty() && !plan.intent.touches("server1"));
    let made: Vec<Attachment> = plan
        .volumes
        .iter()
        .map(|v| v.attachment(&format!("vol-fee{}", &v.node[6..]).into()))
        .collect();
    let seen = testing::healthy();
    let intent = disturbing(&testing::config(), &plan.intent, &seen, &made);
    assert!(intent.enters_restore_mode("server1") && intent.enters_restore_mode("server2"));
    assert_eq!(intent.groups().collect::<Vec<_>>(), ["failover1"]);
    assert_eq!(intent.attachments("server2").next().unwrap().old, "vol-0ccc1");
    assert!(intent.breaks("md1"));
    let restoring = intent.restore.clone().unwrap();
    assert_eq!(
        (restoring.course, restoring.forward_until),
        (Course::PutBack, Some(seen.at.plus(3600)))
    );
    assert_eq!(processing(&intent).restore.unwrap().course, Course::Forward);
    let text = serde_json::to_string(&intent).unwrap();
    assert_eq!(serde_json::from_str::<Intent>(&text).unwrap(), intent);
}

#[test]
fn which_backup() {
    let seen = testing::healthy();
    let all = || {
        vec![
            snapshot("snap-003", T, "md1", 1, false),
            snapshot("snap-002", T - 3600, "md1", 1, true),
            snapshot("snap-001", T - 7200, "md1", 1, true),
        ]
    };
    let from = |asked: &str| planned(asked, all(), &seen).map(|plan| plan.volumes[0].snapshot.clone());
    assert_eq!(from(r#""latest""#).unwrap(), "snap-002");
    let before = Moment::from_unix(T - 3600);
    assert_eq!(from(&format!(r#"{{"before": "{before}"}}"#)).unwrap(), "snap-001");
    let named = |at: i64| {
        format!(
            "\"{}\"",
            Id::new(IdKind::Backup, "orders", Moment::from_unix(at)).unwrap()
        )
    };
    assert_eq!(from(&named(T - 7200)).unwrap(), "snap-001");
    assert_eq!(from(&named(T)).unwrap_err().kind(), Kind::BackupInvalid);
    assert_eq!(from(&named(T - 1)).unwrap_err().kind(), Kind::BackupNotFound);
    assert_eq!(
        from("\"billing-20260501T020304Z\"").unwrap_err().kind(),
        Kind::BackupNotFound
    );
    assert_eq!(
        from("\"orders-r-20260501T020304Z\"").unwrap_err().kind(),
        Kind::BackupNotFound
    );
    assert_eq!(from("\"newest\"").unwrap_err().kind(), Kind::InputInvalid);
    assert_eq!(
        planned(r#""latest""#, vec![], &seen).unwrap_err().kind(),
        Kind::BackupNotFound
    );
    assert!(serde_json::from_str::<Asked>(r#"{"before": "2026-05-01T00:00:00Z", "after": 1}"#).is_err());
}

#[test]
fn what_refuses_a_restore() {
    let good = || vec![snapshot("snap-001", T, "md1", 1, true)];
    let refused = |change: fn(&mut Observation)| {
        let mut seen = testing::healthy();
        change(&mut seen);
        planned(r#""latest""#, good(), &seen).unwrap_err().kind()
    };
    let standby = |seen: &mut Observation, change: fn(&mut crate::observation::Node)| {
        change(seen.nodes.get_mut("server2").unwrap());
    };
    assert_eq!(
        refused(|seen| seen
            .nodes
            .get_mut("server2")
            .unwrap()
            .settings
            .disks
            .get_mut("md1")
            .unwrap()
            .construction_off = false),
        Kind::InitialMirrorConstructionOn
    );
    assert_eq!(
        refused(|seen| seen.nodes.get_mut("server1").unwrap().settings.disks.clear()),
        Kind::InitialMirrorConstructionOn
    );
    assert_eq!(refused(|seen| _ = seen.nodes.remove("server2")), Kind::NodeUnreachable);
    assert_eq!(
        refused(|seen| seen.instances.get_mut("server2").unwrap().power = crate::observation::Power::Stopped),
        Kind::NodeUnreachable
    );
    assert_eq!(
        refused(|seen| seen.instances.get_mut("server1").unwrap().shutdown_behavior = None),
        Kind::ShutdownBehaviorNotStop
    );
    assert_eq!(
        refused(|seen| seen.nodes.get_mut("server1").unwrap().devices.clear()),
        Kind::DeviceMismatch
    );
    let mut seen = testing::healthy();
    standby(&mut seen, |node| node.hold = true);
    assert_eq!(
        planned(r#""latest""#, good(), &seen).unwrap_err().kind(),
        Kind::OperatorHold
    );
    assert_eq!(
        planned(
            r#""latest""#,
            vec![snapshot("snap-001", T, "md1 md2", 1, true)],
            &testing::healthy()
        )
        .unwrap_err()
        .kind(),
        Kind::BackupInvalid
    );
}

#[test]
fn a_group_that_runs_nowhere_refuses_no_restore_but_its_rollback_by_copy() {
    let mut seen = testing::healthy();
    for node in seen.nodes.values_mut() {
        for group in &mut node.stat.as_mut().unwrap().groups {
            (group.state, group.current) = (crate::clusterpro::stat::State::Offline, None);
        }
    }
    let plan = planned(r#""latest""#, vec![snapshot("snap-001", T, "md1", 1, true)], &seen).unwrap();
    assert_eq!(plan.source, None);
    let record = Record {
        id: id(),
        backup: plan.backup.clone(),
        started: seen.at,
        source: None,
        attachments: vec![],
    };
    assert_eq!(
        rollback(&testing::config(), &id(), &record, &seen).unwrap_err().kind(),
        Kind::Stuck
    );
}

#[test]
fn a_rollback_needs_the_restore_s_own_volumes_in_their_places() {
    let seen = testing::healthy();
    let record = |new: &str| Record {
        id: id(),
        backup: Id::parse("orders-20260501T020304Z").unwrap(),
        started: seen.at,
        source: Some("server2".into()),
        attachments: vec![Attachment {
            node: "server1".into(),
            device: "/dev/sdb".into(),
            old: "vol-001".into(),
            new: new.into(),
            snapshot: "snap-001".into(),
            delete_on_termination: false,
        }],
    };
    let refused = rollback(&testing::config(), &id(), &record("vol-002"), &seen).unwrap_err();
    assert_eq!(refused.kind(), Kind::AttachmentUnexpected);
    let intent = rollback(&testing::config(), &id(), &record("vol-0aaa1"), &seen).unwrap();
    assert_eq!(
        (intent.operation, intent.active.as_str()),
        (Operation::Rollback, "server2")
    );
    assert_eq!(intent.restore.unwrap().course, Course::RollBack);
}

#[test]
fn several_volumes_and_one_that_holds_two_disks() {
    let mut json = testing::orders();
    let disk = |name: &str, device: &str, n: u8| {
        serde_json::json!({"name": name, "monitor": format!("{name}w"), "device": device,
            "cluster_partition": format!("/dev/xvdb{n}"), "data_partition": format!("/dev/xvdb{}", n + 1)})
    };
    json["mirror_disks"] = serde_json::json!([
        disk("md1", "/dev/sdb", 1),
        disk("md2", "/dev/sdb", 3),
        disk("md3", "/dev/sdc", 5)
    ]);
    let config = Config::parse("orders", &json.to_string()).unwrap();
    let mut seen = testing::healthy();
    for (name, volume) in [("server1", "vol-0aaa2"), ("server2", "vol-0ccc2")] {
        seen.instances
            .get_mut(name)
            .unwrap()
            .volumes
            .insert("/dev/sdc".into(), volume.into());
    }
    let backups = [
        snapshot("snap-001", T, "md1 md2", 2, true),
        snapshot("snap-002", T, "md3", 2, true),
    ];
    let found = catalogue::backups("orders", backups.to_vec());
    let volumes = volumes::plan(&config, &id(), &found[0], &seen, &present()).unwrap();
    let got: Vec<_> = volumes
        .iter()
        .map(|v| (v.old.as_str(), v.snapshot.as_str(), v.disks.len()))
        .collect();
    assert_eq!(
        got,
        [
            ("vol-0aaa1", "snap-001", 2),
            ("vol-0aaa2", "snap-002", 1),
            ("vol-0ccc1", "snap-001", 2),
            ("vol-0ccc2", "snap-002", 1)
        ]
    );
    let tokens: std::collections::BTreeSet<_> = volumes.iter().map(|v| v.token.clone()).collect();
    assert_eq!(tokens.len(), 4);
    // A snapshot of the set that no place wants would be silently lost data.
    let one = testing::config();
    assert_eq!(
        volumes::plan(&one, &id(), &found[0], &seen, &present())
            .unwrap_err()
            .kind(),
        Kind::BackupInvalid
    );
}

#[test]
fn nothing_without_the_typed_confirmation() {
    assert!(confirmed("orders", Some("orders")).is_ok());
    for wrong in [None, Some(""), Some("Orders"), Some("orders ")] {
        assert_eq!(
            confirmed("orders", wrong).unwrap_err().kind(),
            Kind::ConfirmationMismatch
        );
    }
}

proptest! {
    #[test]
    fn tokens_are_short_stable_and_of_their_place(cluster in "[a-z]{1,40}", seconds in 0_i64..4_000_000_000, disk in "[b-z]") {
        let id = Id::new(IdKind::Restore, &cluster, Moment::from_unix(seconds)).unwrap();
        let mut seen = testing::healthy();
        let mut json = testing::orders();
        json["mirror_disks"][0]["device"] = serde_json::json!(format!("/dev/sd{disk}"));
        let config = Config::parse("orders", &json.to_string()).unwrap();
        for (name, volume) in [("server1", "vol-0aaa1"), ("server2", "vol-0ccc1")] {
            seen.instances.get_mut(name).unwrap().volumes.insert(format!("/dev/sd{disk}"), volume.into());
        }
        let found = catalogue::backups("orders", vec![snapshot("snap-001", T, "md1", 1, true)]);
        let plan = || volumes::plan(&config, &id, &found[0], &seen, &present()).unwrap();
        let tokens: Vec<String> = plan().into_iter().map(|one| one.token).collect();
        prop_assert!(tokens.iter().all(|token| token.len() == 36 && token.is_ascii()));
        prop_assert_ne!(&tokens[0], &tokens[1]);
        prop_assert_eq!(tokens, plan().into_iter().map(|one| one.token).collect::<Vec<_>>());
    }
}
