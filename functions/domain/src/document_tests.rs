use super::*;
use crate::steps::Step;
use crate::testing;
use serde_json::json;
use std::collections::BTreeSet;

/// One of each document.
pub(crate) fn all() -> Vec<Document> {
    let names = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let cluster = || Cluster {
        peer: "server2".into(),
        groups: names("failover1 failover2"),
    };
    let (disks, nodes, monitors) = (|| names("md1 md2"), || names("server1 server2"), || names("mdw1 mdw2"));
    let parts = || Parts {
        groups: names("failover1"),
        disks: disks(),
        monitors: monitors(),
        devices: names("/dev/xvdb1"),
    };
    vec![
        Document::Observe {
            parts: parts(),
            settings: AskedSettings::Yes,
        },
        Document::ReadRecords,
        Document::Doctor(parts()),
        Document::Describe {
            devices: parts().devices,
            part: 2,
        },
        Document::Fence { boot_id: "b".into() },
        Document::SuspendMonitors {
            nodes: nodes(),
            monitors: monitors(),
        },
        Document::ResumeMonitors {
            nodes: nodes(),
            monitors: monitors(),
        },
        Document::BreakUnit {
            cluster: cluster(),
            disks: disks(),
            monitors: monitors(),
            partitions: names("/dev/xvdb2"),
            wait: 1,
            span: 2,
            active_within: 3,
            stop: 4,
            baton: 5,
            consistency: Consistency::Frozen,
        },
        Document::Quiesce {
            cluster: cluster(),
            disks: disks(),
            monitors: monitors(),
            partitions: names("/dev/xvdb2"),
            stop: 1,
            baton: 5,
            split: 2,
            start: 3,
            max_outage: 4,
            hook: 30,
            quiet: Quiet::Frozen(Freeze {
                devices: names("/dev/NMP1 /dev/NMP2"),
                pause: 10,
            }),
        },
        Document::QuiesceRestore {
            cluster: cluster(),
            disks: disks(),
            stop: 1,
            start: 2,
            max_outage: 3,
        },
        Document::StartGroup(cluster()),
        Document::StopGroup(cluster()),
        Document::StartCluster,
        Document::RecoverMirror { disks: disks() },
        Document::EnterBackupMode {
            cluster: cluster(),
            disks: disks(),
            monitors: monitors(),
        },
        Document::LeaveBackupMode,
        Document::EnterRestoreMode {
            cluster: cluster(),
            prepare: 1,
            timer: TimerDone::Yes,
            recorded: Recorded::No,
        },
        Document::PostProcessRestore {
            skip_copy: SkipCopy::No,
            disks: disks(),
        },
        Document::EnableServices { reboot: Reboot::Yes },
    ]
}

fn guarded(document: Document) -> Step {
    let seen = testing::node("server1");
    Step::new(document, "server1", "run").guarded(&seen, 300, Attempt::new(98, 2))
}

#[test]
fn every_step_reads_back_and_no_other_is_read() {
    let mut names = BTreeSet::new();
    for document in all() {
        names.insert(document.name());
        // A fence carries the boot as its own parameter, and has no guard.
        let bare = matches!(document, Document::Fence { .. }) || document.only_reads();
        let step = if bare {
            Step::new(document, "server1", "run")
        } else {
            guarded(document)
        };
        let json = serde_json::to_value(&step).unwrap();
        assert_eq!(serde_json::from_value::<Step>(json.clone()).unwrap(), step);
        let mut more = json.clone();
        more["parameters"]["Command"] = "reboot".into();
        assert!(serde_json::from_value::<Step>(more).is_err());
        for name in json["parameters"].as_object().unwrap().keys() {
            // Without its deadline a step has no guard, and then two parameters too many.
            let mut less = json.clone();
            less["parameters"].as_object_mut().unwrap().remove(name);
            assert!(serde_json::from_value::<Step>(less).is_err(), "{name} of {json}");
        }
    }
    assert_eq!(names.len(), all().len());
    for bad in ["run-shell-script", "", "hold"] {
        let json = json!({"document": bad, "node": "server1", "parameters": {"Run": "run"}});
        assert!(serde_json::from_value::<Step>(json).is_err(), "{bad}");
    }
}

#[test]
fn a_step_leaves_as_the_state_machines_and_documents_know_it() {
    let step = guarded(Document::EnterRestoreMode {
        cluster: Cluster {
            peer: "server2".into(),
            groups: vec!["failover1".into(), "failover2".into()],
        },
        prepare: 300,
        timer: TimerDone::No,
        recorded: Recorded::Yes,
    });
    assert_eq!(
        serde_json::to_value(&step).unwrap(),
        json!({"document": "enter-restore-mode", "node": "server1", "parameters": {
            "Run": "run", "Self": "server1", "Peer": "server2", "Groups": "failover1 failover2", "PrepareSeconds": "300",
            "Anew": "no", "Recorded": "yes", "ExpectedBootId": "boot-server1", "NotAfterUptime": "5300", "Attempt": "98.2"}})
    );
    // The epoch is the sender's claim: it is sent, and never read from a step.
    let sent = step.under(98);
    assert_eq!(sent.parameters().0["Epoch"], "98");
    assert!(serde_json::from_value::<Step>(serde_json::to_value(&sent).unwrap()).is_err());
}

/// The scripts' own lists of parameters. The guard's five are the same for all guarded documents.
#[test]
fn the_parameters_are_those_of_the_scripts() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/documents");
    for document in all() {
        let path = format!("{folder}/{}.sh", document.name());
        let Ok(text) = std::fs::read_to_string(&path) else {
            panic!("no script {path}");
        };
        let guard = ["Run", "Epoch", "ExpectedBootId", "NotAfterUptime", "Attempt"];
        let declared: BTreeSet<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# @param ")?.split(' ').next())
            .filter(|name| !guard.contains(name))
            .collect();
        let parameters = document.parameters("server1");
        let ours: BTreeSet<&str> = parameters
            .0
            .keys()
            .map(String::as_str)
            .filter(|name| !guard.contains(name))
            .collect();
        assert_eq!(ours, declared, "{}", document.name());
    }
}

/// What a stopped backup sends is what it sent before there was another, and a word that says so.
#[test]
fn a_stopped_backup_sends_nothing_of_a_freeze() {
    let mut quiesce = all().into_iter().find(|one| one.name() == name::QUIESCE).unwrap();
    let frozen = quiesce.parameters("server1").0;
    assert_eq!(frozen["Devices"], "/dev/NMP1 /dev/NMP2");
    let Document::Quiesce { quiet, .. } = &mut quiesce else {
        panic!()
    };
    *quiet = Quiet::Stopped;
    let sent = quiesce.parameters("server1").0;
    let only_frozen: Vec<&String> = frozen.keys().filter(|name| !sent.contains_key(*name)).collect();
    assert_eq!(only_frozen, ["Devices", "MaxPauseSeconds"]);
    assert_eq!(sent["Consistency"], "stopped");
    let step = guarded(quiesce);
    let mut json = serde_json::to_value(&step).unwrap();
    assert_eq!(serde_json::from_value::<Step>(json.clone()).unwrap(), step);
    // A freeze without its devices is no step, nor are devices without a freeze.
    json["parameters"]["Consistency"] = "frozen".into();
    assert!(serde_json::from_value::<Step>(json.clone()).is_err());
    json["parameters"]["Consistency"] = "stopped".into();
    json["parameters"]["Devices"] = "/dev/NMP1".into();
    assert!(serde_json::from_value::<Step>(json).is_err());
}

#[test]
fn attempts_are_ordered_by_epoch_and_old_ones_come_first() {
    let read = |text: &str| Attempt::parse(text).unwrap();
    let ordered = ["1", "2", "9801", "1.1", "1.2", "1.10", "98.1", "99.1", "100.1", "198.3"];
    for (earlier, later) in ordered.iter().zip(ordered.iter().skip(1)) {
        assert!(read(earlier) < read(later), "{earlier} {later}");
    }
    for text in ordered {
        assert_eq!(read(text).to_string(), text);
    }
    for bad in ["", ".", "1.", ".1", "1.1.1", "x", "1.x", "-1"] {
        assert_eq!(Attempt::parse(bad), None, "{bad}");
    }
}
