//! Tries: their numbers and their limit, and that nothing is done that the intent does not list.

use super::*;
use crate::clusterpro::stat::State;
use crate::document::Attempt;
use crate::observation::Observation;
use crate::testing;

#[test]
fn another_try_and_another_holder_have_other_attempts() {
    let (config, seen, intent) = (testing::config(), testing::healthy(), intent());
    let memory = Memory::default();
    let case = |epoch| Case {
        config: &config,
        seen: &seen,
        epoch,
        intent: &intent,
        memory: &memory,
    };
    let attempts = (1..300).flat_map(|epoch| (0..TRIES).map(move |tried| (epoch, tried)));
    let attempts: Vec<_> = attempts.map(|(epoch, tried)| case(epoch).attempt(tried)).collect();
    assert!(attempts.is_sorted_by(|a, b| a < b), "a later try is the newer one");
    assert!(Attempt::FIRST < attempts[0], "an operation's own step is older");
}

#[test]
fn a_try_that_runs_is_not_run_a_second_time_when_the_epoch_has_three_figures() {
    for (failed, epoch) in [("98.1", 99), ("99.1", 100), ("9801", 99)] {
        let mut seen = World::at(9, true, vec![], 0).observe();
        let node = seen.nodes.get_mut("server2").unwrap();
        let boot_id = node.boot_id.clone();
        for (attempt, rc) in [(failed.to_owned(), Some(1)), (format!("{epoch}.1"), None)] {
            let key = format!("leave-backup-mode.{attempt}");
            node.jobs.insert(key, testing::job(&boot_id, rc));
        }
        for node in seen.nodes.values_mut() {
            node.epoch = Some(epoch);
        }
        let verdict = next(&Case {
            config: &testing::config(),
            seen: &seen,
            epoch,
            intent: &intent(),
            memory: &Memory::default(),
        });
        assert!(
            matches!(&verdict, Verdict::Wait { key, .. } if key == "post server2"),
            "{verdict:?}"
        );
    }
}

/// Each node's monitors have three tries of their own, and no two tries one number: both run on the active.
#[test]
fn the_monitors_of_each_node_have_their_own_tries() {
    let mut world = World::at(1, true, vec![], 0);
    (world.baton, world.guests[0].suspended) = (true, true);
    let mut seen = world.observe();
    for node in seen.nodes.values_mut() {
        node.epoch = Some(8);
    }
    let (mut memory, mut attempts) = (Memory::default(), std::collections::BTreeSet::new());
    // server1's fails twice, then works; then server2's likewise.
    for round in 0..6 {
        let monitors = |seen: &mut Observation, at: &str| {
            for node in seen.nodes.values_mut() {
                let states = node.monitors.as_mut().unwrap().get_mut("mdw1").unwrap();
                states.insert(at.to_owned(), State::Online);
            }
        };
        if round == 3 {
            monitors(&mut seen, "server1");
        }
        let verdict = verdict(&seen, &memory);
        let Verdict::Act {
            action: Action::Step { step },
            ..
        } = &verdict
        else {
            panic!("round {round}: {verdict:?}")
        };
        assert_eq!(
            (step.document.name(), step.node.as_str()),
            ("resume-monitors", "server1")
        );
        assert!(attempts.insert(step.guard.as_ref().unwrap().attempt), "round {round}");
        memory = memory.after(&verdict, &seen);
    }
    assert!(matches!(verdict(&seen, &memory), Verdict::Stuck(_)));
}

#[test]
fn what_the_intent_does_not_list_is_not_done() {
    let intent = intent();
    let cluster = |group: &str| crate::document::Cluster {
        peer: "server2".into(),
        groups: vec!["failover1".into(), group.into()],
    };
    let judged = |document: Document, node: &str| {
        let step = Step::new(document, node, &intent.id);
        listed::only_listed(
            &intent,
            Verdict::Act {
                key: Try::Fence(node.to_owned()),
                action: Action::Step { step },
            },
        )
    };
    let strangers = [
        Document::StartGroup(cluster("billing")),
        Document::StopGroup(cluster("billing")),
        Document::ResumeMonitors {
            nodes: vec!["server1".into()],
            monitors: vec!["mdw1".into(), "userw".into()],
        },
        Document::RecoverMirror {
            disks: vec!["md1".into(), "md2".into()],
        },
        Document::EnableServices {
            reboot: crate::document::Reboot::Yes,
        },
        Document::SuspendMonitors {
            nodes: vec!["server1".into()],
            monitors: vec!["mdw1".into()],
        },
    ];
    for document in strangers {
        let name = document.name();
        assert!(matches!(judged(document, "server1"), Verdict::Stuck(_)), "{name}");
    }
    assert!(matches!(
        judged(Document::LeaveBackupMode, "server1"),
        Verdict::Stuck(_)
    ));
    assert!(matches!(
        judged(Document::LeaveBackupMode, "server2"),
        Verdict::Act { .. }
    ));
    assert!(matches!(
        judged(Document::StartGroup(cluster("failover1")), "server1"),
        Verdict::Act { .. }
    ));
    // Of two acts both are asked about.
    let on_both = |first: Document, second: Document| {
        let keys = ["server1", "server2"].map(|node| Try::Fence(node.to_owned()));
        let steps = [first, second].map(|document| Step::new(document, "server2", &intent.id));
        let action = OnBoth::Steps(Box::new(steps));
        listed::only_listed(&intent, Verdict::ActOnBoth { keys, action })
    };
    let strange = || Document::RecoverMirror {
        disks: vec!["md2".into()],
    };
    let ours = || Document::LeaveBackupMode;
    assert!(matches!(on_both(ours(), ours()), Verdict::ActOnBoth { .. }));
    assert!(matches!(on_both(strange(), ours()), Verdict::Stuck(_)));
    assert!(matches!(on_both(ours(), strange()), Verdict::Stuck(_)));
    let keys = ["server1", "server2"].map(|node| Try::Swap(node.to_owned()));
    let swap = Verdict::ActOnBoth {
        keys,
        action: OnBoth::Swap,
    };
    assert!(matches!(listed::only_listed(&intent, swap), Verdict::Stuck(_)));
    for action in [
        Action::Swap { node: "server1".into() },
        Action::Start { node: "server3".into() },
        Action::Stop { node: "server3".into() },
    ] {
        assert!(!is_listed(&intent, &action), "{action:?}");
    }
    // Only on the nodes that the intent touches.
    let start = |node: &str| Action::Step {
        step: Step::new(Document::StartCluster, node, &intent.id),
    };
    assert!(is_listed(&intent, &start("server2")) && !is_listed(&intent, &start("server3")));
}
