//! Starts that come to nothing: what is remembered, when the next one is due, and what a person is told.

use super::*;
use crate::converge::{Action, Case, Memory, Try, Verdict, next};
use crate::ids::{Id, IdKind};
use crate::inspect;
use crate::intent::{Course, Intent};
use crate::testing;
use std::sync::LazyLock;

const KEY: &str = "Client.InternalError";
const CAPACITY: &str = "Server.InsufficientInstanceCapacity";

/// The cluster, and a backup's intent: server2 is stopped.
static CLUSTER: LazyLock<(Config, Intent)> = LazyLock::new(|| {
    let (config, seen) = (testing::config(), testing::healthy());
    let id = Id::new(IdKind::Backup, "orders", seen.at).unwrap();
    let intent = inspect::backup(&config, &id, crate::consistency::Consistency::Stopped, &seen)
        .unwrap()
        .intent;
    (config, intent)
});

/// The cluster while server2 is stopped, so many seconds after the backup's begin.
fn stopped(seconds: i64) -> Observation {
    let mut seen = testing::healthy();
    let node = seen.instances.get_mut("server2").unwrap();
    (node.power, node.reason) = (Power::Stopped, Some("Client.InstanceInitiatedShutdown".to_owned()));
    seen.nodes.remove("server2");
    for node in seen.nodes.values_mut() {
        node.epoch = Some(7);
    }
    seen.at = seen.at.plus(seconds);
    seen
}

/// The same after a start that EC2 accepted: the instance fell back with this reason.
fn fell_back(seconds: i64, code: &str) -> Observation {
    let mut seen = stopped(seconds);
    let node = seen.instances.get_mut("server2").unwrap();
    node.launched = node.launched.map(|launched| launched.plus(1));
    (node.reason, node.reason_text) = (Some(code.to_owned()), Some(format!("{code}: Client error on launch")));
    seen
}

/// One look of converge: the verdict, and what a person is told.
fn look_at(memory: &mut Memory, seen: &Observation) -> (Verdict, Option<String>) {
    look(&mut memory.starts, seen);
    let (config, intent) = &*CLUSTER;
    let verdict = next(&Case {
        config,
        seen,
        epoch: 7,
        intent,
        memory,
    });
    *memory = std::mem::take(memory).after(&verdict, seen);
    let waits = matches!(verdict, Verdict::Wait { .. });
    let told = waits.then(|| tell(&mut memory.starts, config, seen.at)).flatten();
    (verdict, told)
}

fn is_start(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Act { action: Action::Start { node }, .. } if node == "server2")
}

fn refusal(error: &str) -> [Ordered; 1] {
    [Ordered {
        node: "server2".to_owned(),
        error: Some(error.to_owned()),
        cause: Some("ec2:StartInstances answered VcpuLimitExceeded".to_owned()),
    }]
}

#[test]
fn a_start_that_falls_back_is_told_at_once_with_ec2_s_words_and_tried_again_after_a_minute() {
    let mut memory = Memory::default();
    assert!(is_start(&look_at(&mut memory, &stopped(100)).0));
    let (verdict, told) = look_at(&mut memory, &fell_back(103, KEY));
    assert!(
        matches!(&verdict, Verdict::Wait { key, why } if key == "start server2" && why.contains(KEY)),
        "{verdict:?}"
    );
    let told = told.unwrap();
    for words in [
        "server2",
        "i-0ccc",
        "Client error on launch",
        "kms:CreateGrant",
        "1 try",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!is_start(&look_at(&mut memory, &fell_back(159, KEY)).0));
    assert!(is_start(&look_at(&mut memory, &fell_back(160, KEY)).0));
}

#[test]
fn a_describe_from_before_the_start_is_no_refusal() {
    let mut memory = Memory::default();
    let mut old = stopped(100);
    // As after a loss of power: its reason is one that a start may end with.
    old.instances.get_mut("server2").unwrap().reason = Some("Server.InternalError".to_owned());
    assert!(is_start(&look_at(&mut memory, &old).0));
    for seconds in [101, 120, 134] {
        old.at = stopped(seconds).at;
        let (verdict, told) = look_at(&mut memory, &old);
        assert!(matches!(verdict, Verdict::Wait { .. }) && told.is_none(), "{seconds}");
    }
    // Whatever the reason: once a describe can no longer be older than the start, the start came to nothing.
    let (_, told) = look_at(&mut memory, &stopped(135));
    assert!(told.unwrap().contains("Client.InstanceInitiatedShutdown"));
}

#[test]
fn a_node_that_runs_or_that_we_stop_has_no_start_behind_it() {
    let mut memory = Memory::default();
    assert!(is_start(&look_at(&mut memory, &stopped(100)).0));
    _ = look_at(&mut memory, &fell_back(103, KEY));
    let mut boots = testing::healthy();
    boots.nodes.remove("server2");
    look(&mut memory.starts, &boots);
    assert!(memory.starts.is_empty());
    // It loses its power while it boots: it is started again at once, and nobody is told.
    let mut off = fell_back(110, "Server.InternalError");
    off.at = off.at.plus(1);
    let (verdict, told) = look_at(&mut memory, &off);
    assert!(is_start(&verdict) && told.is_none());

    let mut memory = Memory::default();
    memory.start("server2", &stopped(1));
    let action = Action::Stop {
        node: "server2".to_owned(),
    };
    let key = Try::StopHung("server2".to_owned());
    assert!(
        memory
            .after(&Verdict::Act { key, action }, &stopped(2))
            .starts
            .is_empty()
    );
}

#[test]
fn what_set_power_was_refused_counts_like_a_fall_back() {
    for (error, lack) in [("CapacityLacking", Lack::Capacity), ("AwsRefused", Lack::Other)] {
        let mut memory = Memory::default();
        assert!(is_start(&look_at(&mut memory, &stopped(100)).0));
        note(&mut memory.starts, &refusal(error), stopped(102).at);
        let (verdict, told) = look_at(&mut memory, &stopped(102));
        assert!(matches!(verdict, Verdict::Wait { .. }), "{error}: {verdict:?}");
        assert!(told.unwrap().contains("VcpuLimitExceeded"));
        let refusals = memory.starts["server2"].refusals.clone().unwrap();
        assert_eq!((refusals.lack, refusals.times), (lack, 1));
        assert!(is_start(&look_at(&mut memory, &stopped(160)).0));
    }
    // The state machine's own order, of which no memory knows: accepted, and refused.
    let mut starts = Starts::new();
    let accepted = Ordered {
        node: "server1".to_owned(),
        error: None,
        cause: None,
    };
    note(
        &mut starts,
        &[accepted, refusal("AwsRefused")[0].clone()],
        stopped(0).at,
    );
    assert_eq!(starts["server1"].refusals, None);
    assert_eq!(starts["server2"].refusals.as_ref().unwrap().told, 0);
}

/// Two days of a quota that is too small: the seconds of each start and of each message.
fn two_days() -> (Vec<i64>, Vec<i64>) {
    let mut memory = Memory::default();
    let (mut starts, mut told) = (vec![], vec![]);
    for seconds in (0..7200).step_by(15).chain((7200..172_800).step_by(60)) {
        let (verdict, message) = look_at(&mut memory, &stopped(seconds));
        if is_start(&verdict) {
            starts.push(seconds);
            note(&mut memory.starts, &refusal("CapacityLacking"), stopped(seconds).at);
        }
        if message.is_some() {
            told.push(seconds);
        }
    }
    (starts, told)
}

#[test]
fn a_person_is_told_at_once_after_15_and_60_minutes_and_then_each_hour() {
    let (starts, told) = two_days();
    // The first look after the refusal tells it.
    let minutes: Vec<i64> = told.iter().map(|seconds| seconds / 60).collect();
    assert_eq!(minutes[..5], [0, 15, 60, 120, 180]);
    assert_eq!(told.len(), 2 + 47);
    assert_eq!(starts[..4], [0, 60, 360, 660]);
    for pair in starts.windows(2) {
        assert!(pair[1] - pair[0] <= 300.max(pair[0] / 10 + 60), "{pair:?}");
    }
    // A restore's machine counts its starts up to 60.
    assert!(starts.len() < 60, "{}", starts.len());
}

#[test]
fn a_node_that_lacks_capacity_keeps_its_peer_from_nothing() {
    let mut seen = stopped(100);
    let node = seen.instances.get_mut("server1").unwrap();
    (node.power, node.reason) = (Power::Stopped, Some("Server.InternalError".to_owned()));
    seen.nodes.clear();
    let mut memory = Memory::default();
    let started: Vec<String> = (0..3)
        .filter_map(|_| match look_at(&mut memory, &seen).0 {
            Verdict::Act {
                action: Action::Start { node },
                ..
            } => {
                let mut refused = refusal("CapacityLacking");
                refused[0].node.clone_from(&node);
                note(&mut memory.starts, &refused, seen.at);
                Some(node)
            }
            _ => None,
        })
        .collect();
    assert_eq!(started, ["server1", "server2"]);
}

#[test]
fn each_state_reason_is_what_it_is() {
    for (code, lack) in [
        (KEY, Some(Lack::Other)),
        (CAPACITY, Some(Lack::Capacity)),
        ("Client.VolumeLimitExceeded", Some(Lack::Capacity)),
        ("Server.InternalError", Some(Lack::Other)),
        ("Client.InvalidSnapshot.NotFound", Some(Lack::Other)),
        ("Client.UserInitiatedShutdown", None),
        ("Client.InstanceInitiatedShutdown", None),
        ("pending", None),
    ] {
        assert_eq!(launch_failure(code).map(|(lack, _)| lack), lack, "{code}");
    }
}

/// Rule 20: the mails of one start that does not succeed come at 0, 15 and 60 minutes, whichever way the restore goes.
#[test]
fn a_restore_that_turns_back_starts_its_nodes_at_once_and_repeats_no_mail() {
    // By its own verdict, and handed over by the restore's execution as JSON.
    for handed_over in [false, true] {
        let mut memory = Memory::default();
        assert!(is_start(&look_at(&mut memory, &stopped(100)).0));
        assert!(look_at(&mut memory, &fell_back(103, KEY)).1.is_some());
        let mut memory = if handed_over {
            let json = serde_json::json!({"started": "before", "turned": memory.starts});
            serde_json::from_value::<Memory>(json).unwrap().begun()
        } else {
            let turn = Verdict::Turn {
                course: Course::PutBack,
                why: crate::error::Error::new(Kind::PreparationUnproven, "they were not prepared", "nothing"),
            };
            memory.after(&turn, &stopped(110))
        };
        assert!(memory.turned.is_empty());
        // With the old volumes it may start now, so it does not wait for the minute that the new ones had to.
        let (verdict, told) = look_at(&mut memory, &fell_back(110, KEY));
        assert!(is_start(&verdict) && told.is_none(), "{handed_over}: {verdict:?}");
        let mut again = fell_back(113, KEY);
        again.instances.get_mut("server2").unwrap().launched = Some(stopped(111).at);
        let (verdict, told) = look_at(&mut memory, &again);
        assert!(
            matches!(verdict, Verdict::Wait { .. }) && told.is_none(),
            "{handed_over}: {told:?}"
        );
        // The next one is due 15 minutes after the first, and counts from the turn on.
        let mut told = vec![];
        for seconds in (115..1200).step_by(15) {
            let mut seen = fell_back(seconds, KEY);
            seen.instances.get_mut("server2").unwrap().launched = Some(stopped(111).at);
            told.extend(look_at(&mut memory, &seen).1.map(|_| seconds));
        }
        assert_eq!(told.len(), 1, "{handed_over}: {told:?}");
        assert!((1003..1018).contains(&told[0]), "{handed_over}: {told:?}");
    }
}

#[test]
fn a_change_of_course_forgets_what_was_tried_and_keeps_what_ec2_said_of_starts() {
    let mut memory = Memory::default();
    look_at(&mut memory, &stopped(100));
    look_at(&mut memory, &fell_back(103, KEY));
    let before = memory.clone();
    assert!(!before.starts.is_empty() && before.tried(&Try::Start("server2".to_owned())) == 1);
    let turn = Verdict::Turn {
        course: Course::PutBack,
        why: crate::error::Error::new(Kind::PreparationUnproven, "the nodes were not prepared", "nothing"),
    };
    let after = memory.after(&turn, &stopped(110));
    let words = |memory: &Memory| memory.starts["server2"].refusals.clone().unwrap();
    assert_eq!(words(&after).why, words(&before).why);
    assert_eq!(
        (words(&after).since, words(&after).told),
        (words(&before).since, words(&before).told)
    );
    assert_eq!(after.tried(&Try::Start("server2".to_owned())), 0);
}
