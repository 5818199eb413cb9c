//! What converge does not do: each test takes away one condition of a rule, and the action must not come.

use super::verdict as judged;
use super::*;
use crate::intent::{Course, Intent};
use crate::observation::Observation;

/// The document and the node of a verdict that runs one.
fn runs(verdict: &Verdict) -> Option<(&'static str, String)> {
    match verdict {
        Verdict::Act {
            action: Action::Step { step },
            ..
        } => Some((step.document.name(), step.node.clone())),
        _ => None,
    }
}

/// The verdict once every wait that comes first has lasted for its whole deadline.
fn in_the_end(mut seen: Observation) -> Verdict {
    seen.at = seen.at.plus(i64::from(intent().quiet_after_seconds));
    let mut memory = Memory::default();
    for _ in 0..10 {
        let verdict = judged(&seen, &memory);
        let Verdict::Wait { .. } = verdict else {
            return verdict;
        };
        memory = memory.after(&verdict, &seen);
        seen.at = seen.at.plus(patience::RESYNC);
    }
    panic!("it waits for ever: {:?}", judged(&seen, &memory))
}

fn groups_on(seen: &mut Observation, viewer: &str, at: Option<&str>) {
    let stat = seen.nodes.get_mut(viewer).unwrap().stat.as_mut().unwrap();
    let state = if at.is_some() { State::Online } else { State::Offline };
    for group in &mut stat.groups {
        (group.state, group.current) = (state, at.map(str::to_owned));
    }
}

/// A state that EC2 did not have when this was written: the instance may run, so what was sent to it is waited out; it is not
/// started, stopped or given up at once, and it is not healthy.
#[test]
fn an_instance_in_a_state_that_is_not_known_is_waited_for() {
    for answers in [true, false] {
        let mut seen = testing::healthy();
        seen.instances.get_mut("server2").unwrap().power = Power::Other("hibernated".to_owned());
        if !answers {
            seen.nodes.remove("server2");
            assert!(matches!(judged(&seen, &Memory::default()), Verdict::Wait { key, .. } if key == "quiet server2"));
        }
        seen.at = seen.at.plus(i64::from(intent().quiet_after_seconds));
        let verdict = judged(&seen, &Memory::default());
        assert!(
            matches!(&verdict, Verdict::Wait { key, .. } if key == "state server2"),
            "{verdict:?}"
        );
        let end = in_the_end(seen);
        assert!(
            matches!(&end, Verdict::Stuck(why) if why.to_string().contains("hibernated")),
            "{end:?}"
        );
    }
}

/// Rule 14 stops a node that hangs in a shutdown of ours, and no other.
#[test]
fn a_silent_node_that_was_never_prepared_is_not_stopped() {
    let mut seen = testing::healthy();
    seen.nodes.remove("server1");
    groups_on(&mut seen, "server2", Some("server2"));
    let verdict = in_the_end(seen);
    assert!(
        matches!(&verdict, Verdict::Stuck(why) if why.to_string().contains("server1")),
        "{verdict:?}"
    );
}

/// Rule 14 asks the cluster, and a cluster whose daemon is not online on the node that is asked shows nothing.
#[test]
fn a_hanging_node_is_not_stopped_on_the_word_of_a_daemon_that_is_not_online() {
    let hanging = |daemon: State, at: Option<&str>| {
        let mut seen = testing::healthy();
        seen.nodes.remove("server2");
        groups_on(&mut seen, "server1", at);
        let stat = seen.nodes.get_mut("server1").unwrap().stat.as_mut().unwrap();
        stat.servers.insert("server1".into(), daemon);
        in_the_end(seen)
    };
    let stop = Action::Stop { node: "server2".into() };
    assert!(matches!(hanging(State::Online, Some("server1")), Verdict::Act { action, .. } if action == stop));
    for daemon in [
        State::Offline,
        State::Pending,
        State::Failed,
        State::Suspended,
        State::Unknown,
    ] {
        for at in [Some("server1"), None] {
            let verdict = hanging(daemon, at);
            assert!(matches!(verdict, Verdict::Stuck(_)), "{daemon:?} {at:?}: {verdict:?}");
        }
    }
}

/// Rule 15: the records of the break lie in /run, so only those of the boot of the inspection say that there was none.
#[test]
fn a_standby_of_another_boot_does_not_take_over() {
    let dead = |change: fn(&mut Node)| {
        let mut seen = testing::healthy();
        seen.instances.get_mut("server1").unwrap().power = Power::Stopped;
        seen.nodes.remove("server1");
        groups_on(&mut seen, "server2", None);
        change(seen.nodes.get_mut("server2").unwrap());
        judged(&seen, &Memory::default())
    };
    let taken_over = Some(("start-group", "server2".to_owned()));
    assert_eq!(runs(&dead(|_| ())), taken_over);
    let start = Action::Start { node: "server1".into() };
    let others: [fn(&mut Node); 5] = [
        |node| node.boot_id = "later".into(),
        |node| node.records.breaking = Some(Record::default()),
        |node| node.records.broke = Some(Record::default()),
        |node| node.records.tainted = Some(Record::default()),
        |node| node.mirrors.clear(),
    ];
    for change in others {
        let verdict = dead(change);
        assert!(
            matches!(&verdict, Verdict::Act { action, .. } if *action == start),
            "{verdict:?}"
        );
    }
}

#[test]
fn a_monitor_that_one_node_alone_shows_suspended_is_resumed() {
    for viewer in NAMES {
        for of in NAMES {
            let mut seen = testing::healthy();
            seen.nodes.get_mut("server1").unwrap().records.baton = Some(Record::default());
            let monitors = seen.nodes.get_mut(viewer).unwrap().monitors.as_mut().unwrap();
            monitors.get_mut("mdw1").unwrap().insert(of.into(), State::Suspended);
            let verdict = judged(&seen, &Memory::default());
            let Verdict::Act {
                action: Action::Step { step },
                ..
            } = &verdict
            else {
                panic!("{viewer} shows {of}: {verdict:?}")
            };
            assert_eq!(
                (step.document.name(), step.parameters().0["Nodes"].as_str()),
                ("resume-monitors", of)
            );
        }
    }
}

/// Rule 11: before the active's record `baton` a suspension on it is somebody else's. Where no record can be read it counts as ours.
#[test]
fn the_active_s_monitors_are_ours_from_its_baton_on() {
    let mut seen = testing::healthy();
    for node in seen.nodes.values_mut() {
        let monitors = node.monitors.as_mut().unwrap();
        monitors
            .get_mut("mdw1")
            .unwrap()
            .insert("server1".into(), State::Suspended);
    }
    let mut memory = Memory::default();
    assert_eq!(judged(&seen, &memory), Verdict::Healthy);
    let resumes = |seen: &Observation, memory: &Memory| {
        let verdict = judged(seen, memory);
        matches!(&verdict, Verdict::Act { key: Try::ResumeMonitors(at), .. } if at == "server1")
    };
    seen.nodes.get_mut("server1").unwrap().boot_id = "another".into();
    assert!(resumes(&seen, &memory));
    seen.nodes.get_mut("server1").unwrap().boot_id = "boot-server1".into();
    seen.nodes.get_mut("server1").unwrap().records.baton = Some(Record::default());
    assert!(resumes(&seen, &memory));

    // After a fence: a suspension may arrive once they were seen online, so they are looked at again after five seconds.
    let healthy = testing::healthy();
    memory.tries.insert(Try::Fence("server1".into()), 1);
    let first = judged(&healthy, &memory);
    assert!(matches!(first, Verdict::Wait { .. }), "{first:?}");
    memory = memory.after(&first, &healthy);
    let mut later = healthy.clone();
    later.at = healthy.at.plus(4);
    assert!(matches!(judged(&later, &memory), Verdict::Wait { .. }));
    later.at = healthy.at.plus(5);
    assert_eq!(judged(&later, &memory), Verdict::Healthy);
    seen.at = later.at;
    assert!(resumes(&seen, &memory));
    let act = judged(&seen, &memory);
    memory = memory.after(&act, &seen);
    assert!(matches!(judged(&later, &memory), Verdict::Wait { .. }));
}

/// Asserts that a fresh converge waits for `seconds` from its first look on, for this reason; and its memory then.
fn waited(
    seen: &mut Observation,
    seconds: i64,
    reason: &str,
    verdict: impl Fn(&Observation, &Memory) -> Verdict,
) -> Memory {
    let begun = seen.at;
    let mut memory = Memory::default();
    for second in 0..seconds {
        seen.at = begun.plus(second);
        let waits = verdict(seen, &memory);
        assert!(
            matches!(&waits, Verdict::Wait { key, .. } if key == reason),
            "{second}: {waits:?}"
        );
        memory = memory.after(&waits, seen);
    }
    seen.at = begun.plus(seconds);
    memory
}

/// Rule 18: EC2 may show as stopped a node that runs.
#[test]
fn old_volumes_go_back_once_no_describe_can_be_from_before_the_last_start() {
    let config = testing::config();
    let (mut seen, healthy) = (testing::healthy(), testing::healthy());
    let id = Id::new(IdKind::Restore, "orders", seen.at).unwrap();
    let planned = crate::restore::intent_for_tests(&config, &id, Some("server1"), &healthy);
    let made = NAMES.map(|node| crate::intent::Attachment {
        node: node.into(),
        device: "/dev/sdb".into(),
        old: healthy.instances[node].volumes["/dev/sdb"].clone(),
        new: format!("vol-fee{}", &node[6..]).into(),
        snapshot: "snap-001".into(),
        delete_on_termination: false,
    });
    let intent = crate::restore::disturbing(&config, &planned, &healthy, &made);
    seen.nodes.clear();
    for one in &made {
        let instance = seen.instances.get_mut(&one.node).unwrap();
        instance.power = Power::Stopped;
        instance.volumes.insert(one.device.clone(), one.new.clone());
    }
    let verdict = |seen: &Observation, memory: &Memory| {
        next(&Case {
            config: &config,
            seen,
            epoch: 7,
            intent: &intent,
            memory,
        })
    };
    let swaps = |verdict: &Verdict, name: &str| matches!(verdict, Verdict::Act { action: Action::Swap { node }, .. } if node == name);
    let swaps_both = |verdict: &Verdict| {
        matches!(
            verdict,
            Verdict::ActOnBoth {
                action: OnBoth::Swap,
                ..
            }
        )
    };
    // No start was ever ordered.
    let never = Memory {
        started: Called::Never,
        ..Memory::default()
    };
    assert!(swaps_both(&verdict(&seen, &never)));
    // It is counted once for both nodes, from the first look on.
    let mut memory = waited(&mut seen, patience::LAST_START, "last start", verdict);
    let first = verdict(&seen, &memory);
    assert!(swaps_both(&first), "{first:?}");
    memory = memory.after(&first, &seen);
    let back = seen.instances.get_mut("server1").unwrap();
    back.volumes.clone_from(&healthy.instances["server1"].volumes);
    // Each is counted for itself: the other one is tried again once EC2 would show it.
    let waits = verdict(&seen, &memory);
    assert!(
        matches!(&waits, Verdict::Wait { key, .. } if key == "settle swap server2"),
        "{waits:?}"
    );
    memory = memory.after(&waits, &seen);
    seen.at = seen.at.plus(patience::SETTLE);
    assert!(swaps(&verdict(&seen, &memory), "server2"));
    // A start of our own begins it anew.
    let start = Verdict::Act {
        key: Try::Start("server1".into()),
        action: Action::Start { node: "server1".into() },
    };
    let memory = memory.after(&start, &seen);
    assert_eq!(memory.started, Called::Before);
    seen.at = seen.at.plus(100);
    assert!(matches!(verdict(&seen, &memory), Verdict::Wait { key, .. } if key == "last start"));
}

/// Rule 18: EC2 may show a node with its old volumes while they are exchanged.
#[test]
fn a_node_starts_once_no_describe_can_be_from_before_the_exchange() {
    let config = testing::config();
    let mut seen = testing::healthy();
    let id = Id::new(IdKind::Restore, "orders", seen.at).unwrap();
    let planned = crate::restore::intent_for_tests(&config, &id, Some("server1"), &seen);
    let intent = crate::restore::disturbing(&config, &planned, &seen, &[]);
    seen.nodes.clear();
    for instance in seen.instances.values_mut() {
        instance.power = Power::Stopped;
    }
    let verdict = |seen: &Observation, memory: &Memory| {
        next(&Case {
            config: &config,
            seen,
            epoch: 7,
            intent: &intent,
            memory,
        })
    };
    let starts = |verdict: &Verdict| matches!(verdict, Verdict::Act { key: Try::Start(_), .. });
    // The restore has not come as far as the exchange.
    let never = Memory {
        exchanged: Called::Never,
        ..Memory::default()
    };
    assert!(starts(&verdict(&seen, &never)));
    let memory = waited(&mut seen, patience::SETTLE, "last exchange", verdict);
    assert!(starts(&verdict(&seen, &memory)));
}

/// A node answers an attempt that it has seen with its recorded result, so those of the way forward are not used again.
#[test]
fn a_restore_that_has_turned_back_uses_no_attempt_of_its_way_forward() {
    let (config, seen, memory) = (testing::config(), testing::healthy(), Memory::default());
    let id = Id::new(IdKind::Restore, "orders", seen.at).unwrap();
    let mut intent = crate::restore::intent_for_tests(&config, &id, Some("server1"), &seen);
    let attempts = |intent: &Intent| {
        let case = Case {
            config: &config,
            seen: &seen,
            epoch: 8,
            intent,
            memory: &memory,
        };
        (0..TRIES)
            .map(|tried| case.attempt(tried))
            .collect::<std::collections::BTreeSet<_>>()
    };
    intent.restore.as_mut().unwrap().course = Course::Forward;
    let forward = attempts(&intent);
    intent.restore.as_mut().unwrap().course = Course::RollBack;
    assert!(forward.is_disjoint(&attempts(&intent)), "{forward:?}");
}
