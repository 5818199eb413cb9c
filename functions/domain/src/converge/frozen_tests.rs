//! Converge after a frozen backup: it waits for the thaw, mends the mirror, and leaves the groups alone.

use super::*;
use crate::consistency::Consistency;
use crate::document::{Cluster, Document};

fn frozen() -> Intent {
    let mut seen = testing::healthy();
    for node in seen.nodes.values_mut() {
        node.took = crate::reply::Took::default();
    }
    let id = Id::new(IdKind::Backup, "orders", seen.at).unwrap();
    crate::inspect::backup(&testing::config(), &id, Consistency::Frozen, &seen)
        .unwrap()
        .intent
}

fn judged(change: impl FnOnce(&mut Observation)) -> Verdict {
    let mut seen = testing::healthy();
    for node in seen.nodes.values_mut() {
        node.epoch = Some(8);
    }
    change(&mut seen);
    next(&Case {
        config: &testing::config(),
        seen: &seen,
        epoch: 8,
        intent: &frozen(),
        memory: &Memory::default(),
    })
}

#[test]
fn a_node_that_may_still_be_frozen_is_waited_for_in_its_own_words() {
    let verdict = judged(|seen| {
        seen.nodes.get_mut("server1").unwrap().unfinished = vec![frozen().id];
    });
    let Verdict::Wait { why, .. } = verdict else {
        panic!("{verdict:?}")
    };
    assert!(why.contains("thaws the file systems"), "{why}");
}

/// Whoever stopped it meanwhile was not us.
#[test]
fn a_group_that_somebody_stopped_is_not_started() {
    let verdict = judged(|seen| {
        for node in seen.nodes.values_mut() {
            for group in &mut node.stat.as_mut().unwrap().groups {
                (group.state, group.current) = (State::Offline, None);
            }
        }
    });
    assert_eq!(verdict, Verdict::Healthy);
    assert_eq!(judged(|_| ()), Verdict::Healthy);
}

/// The guarantee behind it, whatever a branch decides.
#[test]
fn no_step_that_touches_a_group_is_listed() {
    let cluster = || Cluster {
        peer: "server2".into(),
        groups: vec!["failover1".into()],
    };
    for document in [Document::StartGroup(cluster()), Document::StopGroup(cluster())] {
        let step = Step::new(document, "server1", "run");
        assert!(!is_listed(&frozen(), &Action::Step { step: step.clone() }));
        assert!(is_listed(&intent(), &Action::Step { step }));
    }
}
