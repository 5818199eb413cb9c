use super::*;
use crate::ids::{Id, IdKind};
use crate::reply::{Outcome, Records};
use crate::testing::{config, healthy};
use proptest::prelude::*;

fn intent() -> Intent {
    let id = Id::new(IdKind::Backup, "orders", healthy().at).unwrap();
    crate::inspect::backup(&config(), &id, crate::consistency::Consistency::Stopped, &healthy())
        .unwrap()
        .intent
}

fn record(node: &str, uptime: f64) -> Record {
    Record {
        epoch: 7,
        boot_id: format!("boot-{node}"),
        uptime,
        ..Record::default()
    }
}

fn head(node: &str, records: &[(&str, f64)]) -> Head {
    Head {
        document: "read-records".into(),
        run: intent().id,
        epoch: None,
        boot_id: format!("boot-{node}"),
        uptime: 6000.0,
        result: Outcome::Ok,
        reason: None,
        detail: None,
        replay: false,
        hold: false,
        stored_epoch: Some(7),
        records: {
            let mut all = Records::default();
            for (name, uptime) in records {
                *all.place(name).unwrap() = Some(record(node, *uptime));
            }
            if let Some(baton) = &mut all.baton {
                baton.fingerprints = BTreeMap::from([("md1".to_owned(), "9f".repeat(32))]);
            }
            all
        },
        units: BTreeMap::new(),
        unfinished: vec![],
        jobs: BTreeMap::new(),
        missing: vec![],
        full: vec![],
        took_ms: crate::reply::Took::default(),
        entries: vec![],
        left_out: 0,
        pack: None,
    }
}

const ACTIVE: &[(&str, f64)] = &[
    ("arming", 5900.0),
    ("armed", 5900.1),
    ("stopping", 5900.2),
    ("baton", 5901.0),
    ("sealed", 5903.0),
    ("done", 5905.2),
];
const FROZEN: &[(&str, f64)] = &[
    ("arming", 5890.0),
    ("armed", 5890.1),
    ("freezing", 5900.2),
    ("baton", 5900.5),
    ("sealed", 5902.6),
    ("done", 5902.9),
];
const STANDBY: &[(&str, f64)] = &[("waiting", 5890.0), ("breaking", 5901.0), ("broke", 5902.0)];

fn judge(active: &Head, standby: &Head) -> SectionState {
    section(&intent(), 7, active, standby, healthy().at.plus(1000))
}

fn is_good(active: &Head, standby: &Head) -> bool {
    matches!(judge(active, standby), SectionState::Good(_))
}

#[test]
fn sealed_and_broke_is_good() {
    let SectionState::Good(section) = judge(&head("server1", ACTIVE), &head("server2", STANDBY)) else {
        panic!()
    };
    assert!((section.outage_seconds - 5.0).abs() < 1e-6);
    // 97 s of the active's clock after the seal.
    assert_eq!(section.consistent_at, healthy().at.plus(1000 - 97));
}

fn frozen() -> Intent {
    let mut intent = intent();
    intent.consistency = Consistency::Frozen;
    intent
}

fn judge_frozen(active: &Head, standby: &Head) -> SectionState {
    section(&frozen(), 7, active, standby, healthy().at.plus(1000))
}

#[test]
fn a_frozen_section_has_a_pause_and_no_outage() {
    let SectionState::Good(section) = judge_frozen(&head("server1", FROZEN), &head("server2", STANDBY)) else {
        panic!()
    };
    assert_eq!(section.consistency, Consistency::Frozen);
    assert!((section.pause_seconds - 2.7).abs() < 1e-6 && section.outage_seconds == 0.0);
    for missing in ["freezing", "sealed", "done"] {
        let left: Vec<_> = FROZEN.iter().copied().filter(|(name, _)| *name != missing).collect();
        let state = judge_frozen(&head("server1", &left), &head("server2", STANDBY));
        assert!(matches!(state, SectionState::Running(_)), "{missing}");
    }
    // A section of an earlier version, in the state of a machine.
    let old = r#"{"epoch": 7, "consistent_at": "2026-05-01T02:05:04Z", "outage_seconds": 3.5}"#;
    let old: Section = serde_json::from_str(old).unwrap();
    assert_eq!((old.consistency, old.pause_seconds), (Consistency::Stopped, 0.0));
}

/// What the hook `after` takes is no part of what the service missed.
#[test]
fn hooks_make_neither_the_pause_nor_the_outage_longer() {
    let late = |records: &[(&'static str, f64)], resumed: f64| {
        let kept = records.iter().copied().filter(|(name, _)| *name != "done");
        kept.chain([("before", 5890.2), ("resumed", resumed), ("done", 5990.0)])
            .collect::<Vec<_>>()
    };
    let standby = head("server2", STANDBY);
    let SectionState::Good(frozen) = judge_frozen(&head("server1", &late(FROZEN, 5902.9)), &standby) else {
        panic!()
    };
    assert!((frozen.pause_seconds - 2.7).abs() < 1e-6, "{}", frozen.pause_seconds);
    let SectionState::Good(stopped) = judge(&head("server1", &late(ACTIVE, 5905.2)), &standby) else {
        panic!()
    };
    assert!(
        (stopped.outage_seconds - 5.0).abs() < 1e-6,
        "{}",
        stopped.outage_seconds
    );
}

/// A way of being quiet that was not asked for is no evidence, whatever else is there.
#[test]
fn each_way_needs_its_own_record_and_none_of_the_other() {
    let with = |records: &[(&'static str, f64)], more: &'static str| [records, &[(more, 5900.3)]].concat();
    let standby = head("server2", STANDBY);
    let both = judge(&head("server1", &with(ACTIVE, "freezing")), &standby);
    assert!(matches!(both, SectionState::Void(_)), "{both:?}");
    let SectionState::Void(error) = judge_frozen(&head("server1", &with(FROZEN, "stopping")), &standby) else {
        panic!()
    };
    assert!(error.to_string().contains("stopping"), "{error}");
    assert!(!is_good(&head("server1", FROZEN), &standby));
    assert!(!matches!(
        judge_frozen(&head("server1", ACTIVE), &standby),
        SectionState::Good(_)
    ));
}

/// Whoever reads it at night must see that nothing was stopped.
#[test]
fn a_void_frozen_section_says_that_nothing_was_stopped() {
    let mut active = head("server1", FROZEN);
    active.records.sealed = None;
    active.records.void = Some(Record {
        by: Some("active".into()),
        reason: Some("frozen_already".into()),
        ..record("server1", 5901.0)
    });
    let SectionState::Void(error) = judge_frozen(&active, &head("server2", STANDBY)) else {
        panic!()
    };
    let text = error.to_string();
    assert!(
        text.contains("no group was stopped") && text.contains("somebody else"),
        "{text}"
    );
    assert_eq!(error.kind(), Kind::SectionVoid);
    let SectionState::Void(error) = judge(&active, &head("server2", STANDBY)) else {
        panic!()
    };
    assert!(!error.to_string().contains("no group was stopped"), "{error}");
}

#[test]
fn every_missing_record_is_waited_for() {
    for missing in ["stopping", "sealed", "done"] {
        let left: Vec<_> = ACTIVE.iter().copied().filter(|(name, _)| *name != missing).collect();
        let state = judge(&head("server1", &left), &head("server2", STANDBY));
        assert!(matches!(state, SectionState::Running(_)), "{missing}");
    }
    let state = judge(&head("server1", ACTIVE), &head("server2", &STANDBY[..2]));
    assert!(matches!(state, SectionState::Running(_)));
}

#[test]
fn void_tainted_gave_up_and_refused_end_it() {
    for name in ["void", "refused"] {
        let mut active = head("server1", ACTIVE);
        *active.records.place(name).unwrap() = Some(record("server1", 5904.0));
        assert!(
            matches!(judge(&active, &head("server2", STANDBY)), SectionState::Void(_)),
            "{name}"
        );
    }
    for name in ["tainted", "gave_up"] {
        let mut standby = head("server2", STANDBY);
        *standby.records.place(name).unwrap() = Some(record("server2", 5904.0));
        assert!(
            matches!(judge(&head("server1", ACTIVE), &standby), SectionState::Void(_)),
            "{name}"
        );
    }
}

/// The active keeps whose its monitors' suspension is on the root disk. Without room nothing is stopped, and the error says where to make it.
#[test]
fn a_section_that_was_refused_for_want_of_room_says_where() {
    let mut active = head("server1", &[]);
    let reason = Some("disk".to_owned());
    active.records.refused = Some(Record {
        reason,
        ..record("server1", 5904.0)
    });
    let SectionState::Void(error) = judge(&active, &head("server2", &STANDBY[..1])) else {
        panic!("it goes on")
    };
    assert_eq!(error.name(), "DiskSpaceLow");
    assert!(error.to_string().contains("/var/lib of server1"), "{error}");
}

#[test]
fn another_boot_or_epoch_is_never_good() {
    let (good_a, good_s) = (head("server1", ACTIVE), head("server2", STANDBY));
    let mut rebooted = good_a.clone();
    rebooted.boot_id = "later".into();
    assert!(!is_good(&rebooted, &good_s));
    for name in ["sealed", "done", "stopping"] {
        let mut old = good_a.clone();
        old.records.place(name).unwrap().as_mut().unwrap().epoch = 6;
        assert!(!is_good(&old, &good_s));
        let mut other = good_a.clone();
        other.records.place(name).unwrap().as_mut().unwrap().boot_id = "earlier".into();
        assert!(!is_good(&other, &good_s));
    }
    let mut old = good_s.clone();
    old.records.place("broke").unwrap().as_mut().unwrap().epoch = 6;
    assert!(!is_good(&good_a, &old));
}

fn down(reason: Option<&str>, power: Power) -> Instance {
    Instance {
        power,
        reason: reason.map(str::to_owned),
        reason_text: None,
        ..crate::testing::instance("server2")
    }
}

fn volumes() -> BTreeMap<String, VolumeId> {
    BTreeMap::from([("md1".into(), "vol-0ccc1".into())])
}

#[test]
fn only_the_guest_s_own_shutdown_counts_as_stopped() {
    let proof = |instance: &Instance| stopped("server2", instance, &volumes());
    assert!(proof(&down(Some(GUEST_SHUTDOWN), Power::Stopped)).unwrap().is_some());
    assert_eq!(proof(&down(Some(GUEST_SHUTDOWN), Power::Stopping)).unwrap(), None);
    assert_eq!(proof(&down(None, Power::Running)).unwrap(), None);
    for reason in [
        None,
        Some("Client.UserInitiatedShutdown"),
        Some("Server.InternalError"),
        Some(""),
    ] {
        assert_eq!(
            proof(&down(reason, Power::Stopped)).unwrap_err().kind(),
            Kind::PreparationUnproven
        );
    }
    assert!(proof(&down(Some(GUEST_SHUTDOWN), Power::Gone)).is_err());
}

const PRE: &str = "clpbackup.sh : Beginning backup-mode.\nAll backup flags have set to <ON>.\n\
    clpbackup.sh : Changing the setting of cluster services to Manual Startup.\nclpbackup.sh : Shutting down...\n\
    Command succeeded.\nclpbackup.sh : Command succeeded.\n";

fn after_boot(rc: i32, out: &str, started: &str, ended: Option<&str>) -> Node {
    let mut node = crate::testing::node("server2");
    node.boot_id = "boot-after".into();
    let mut job = crate::testing::job(started, ended.map(|_| rc));
    if let (Some(end), Some(boot)) = (&mut job.ended, ended) {
        end.boot_id = boot.into();
    }
    node.jobs.insert("enter-backup-mode.1".into(), job);
    node.outs.insert("enter-backup-mode.1".into(), out.into());
    node.jobs.insert(
        "leave-backup-mode.1".into(),
        crate::testing::job("boot-between", Some(0)),
    );
    node
}

#[test]
fn a_preparation_that_failed_is_not_waited_for() {
    let boot = "boot-server2";
    let judged = |rc: Option<i32>, out: &str| {
        let mut node = crate::testing::node("server2");
        node.jobs
            .insert("enter-backup-mode.1".into(), crate::testing::job(boot, rc));
        node.outs.insert("enter-backup-mode.1".into(), out.into());
        departing("server2", &node).err()
    };
    assert_eq!((judged(None, ""), judged(Some(0), PRE)), (None, None));
    for (rc, out, says) in [
        (
            9,
            "Failover group failover1 is active.",
            "ended with 9 and printed \"Failover",
        ),
        (reply::KILLED, "", "was killed"),
    ] {
        let error = judged(Some(rc), out).unwrap();
        assert_eq!(error.kind(), Kind::StepFailed);
        assert!(error.to_string().contains(says), "{error}");
    }
    // What an earlier boot failed at says nothing of this one.
    assert!(departing("server2", &after_boot(9, "", boot, Some(boot))).is_ok());
}

#[test]
fn the_preparation_is_proved_by_its_own_record() {
    let boot = "boot-server2";
    assert!(prepared(&intent(), &after_boot(0, PRE, boot, Some(boot))).is_ok());
    let bad = vec![
        after_boot(1, PRE, boot, Some(boot)),
        after_boot(0, "", boot, Some(boot)),
        after_boot(0, &PRE.replace("<ON>", "<OFF>"), boot, Some(boot)),
        after_boot(0, PRE, "boot-earlier", Some(boot)),
        after_boot(0, PRE, boot, Some("boot-after")),
        after_boot(0, PRE, boot, None),
        crate::testing::node("server2"),
        Node {
            boot_id: boot.into(),
            ..after_boot(0, PRE, boot, Some(boot))
        },
    ];
    for node in bad {
        assert_eq!(
            prepared(&intent(), &node).unwrap_err().kind(),
            Kind::PreparationUnproven
        );
    }
}

/// Rule 1: no command of CLUSTERPRO's shows the flag. What its first boot showed is what remains: backup mode was still on, and this run ended it.
#[test]
fn a_backup_mode_that_somebody_else_ended_proves_nothing() {
    let boot = "boot-server2";
    let ended_by = |job: Option<crate::reply::Job>| {
        let mut node = after_boot(0, PRE, boot, Some(boot));
        node.jobs.remove("leave-backup-mode.1");
        if let Some(job) = job {
            node.jobs.insert("leave-backup-mode.1".into(), job);
        }
        prepared(&intent(), &node).map_err(|error| error.kind())
    };
    assert!(ended_by(Some(crate::testing::job("boot-between", Some(0)))).is_ok());
    let never_begun = crate::reply::Job {
        started: None,
        ended: None,
    };
    // The last: before the shutdown, so `--pre` may have been undone before the image was taken.
    for job in [None, Some(never_begun), Some(crate::testing::job(boot, Some(0)))] {
        assert_eq!(ended_by(job.clone()), Err(Kind::PreparationUnproven), "{job:?}");
    }
}

fn evidence() -> Evidence {
    let stopped = stopped("server2", &down(Some(GUEST_SHUTDOWN), Power::Stopped), &volumes())
        .unwrap()
        .unwrap();
    let SectionState::Good(section) = judge(&head("server1", ACTIVE), &head("server2", STANDBY)) else {
        panic!()
    };
    Evidence {
        section,
        prepared: Prepared {
            boot_id: "boot-server2".into(),
        },
        image: Image {
            snapshots: vec![Taken {
                snapshot: "snap-001".into(),
                volume: "vol-0ccc1".into(),
            }],
            after: stopped.clone(),
        },
        stopped,
    }
}

#[test]
fn a_backup_is_valid_only_with_every_proof() {
    assert!(valid(&intent(), 7, &evidence()).is_ok());
    let changes: [fn(&mut Evidence); 7] = [
        |e| e.section.epoch = 6,
        |e| e.prepared.boot_id = "other".into(),
        |e| e.image.after.launched = Some(Moment::from_unix(1)),
        |e| e.image.after.volumes.clear(),
        |e| e.image.snapshots.clear(),
        |e| e.image.snapshots[0].volume = "vol-0aaa1".into(),
        |e| {
            e.image.snapshots.push(Taken {
                snapshot: "snap-002".into(),
                volume: "vol-0ccc1".into(),
            });
        },
    ];
    for (number, change) in changes.iter().enumerate() {
        let mut evidence = evidence();
        change(&mut evidence);
        assert_eq!(
            valid(&intent(), 7, &evidence).unwrap_err().kind(),
            Kind::BackupInvalid,
            "{number}"
        );
    }
    assert!(valid(&intent(), 8, &evidence()).is_err());
}

proptest! {
    /// Whatever records there are: good only if the seal and the break are there, and nothing speaks against them.
    #[test]
    fn good_needs_seal_and_break(
        active in proptest::collection::btree_set(proptest::sample::select(vec!["stopping", "baton", "sealed", "done", "void", "refused"]), 0..6),
        standby in proptest::collection::btree_set(proptest::sample::select(vec!["waiting", "breaking", "broke", "tainted", "gave_up"]), 0..5),
    ) {
        let records = |names: &std::collections::BTreeSet<&'static str>| names.iter().map(|name| (*name, 5900.0)).collect::<Vec<_>>();
        let good = is_good(&head("server1", &records(&active)), &head("server2", &records(&standby)));
        let expected = ["stopping", "baton", "sealed", "done"].iter().all(|name| active.contains(name))
            && !active.contains("void") && !active.contains("refused")
            && standby.contains("broke") && !standby.contains("tainted") && !standby.contains("gave_up");
        prop_assert_eq!(good, expected);
    }
}
