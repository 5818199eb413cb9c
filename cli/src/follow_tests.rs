use super::*;
use crate::catalogue::Language;
use serde_json::json;

const MAIN: &str = "main";

fn events(states: &[(i64, &str)]) -> Vec<Event> {
    let event = |(id, (at, state)): (i64, &(i64, &str))| Event {
        id,
        at: *at,
        said: Said::Entered((*state).to_owned()),
    };
    (1..).zip(states).map(event).collect()
}

fn steps(told: &[Told]) -> Vec<String> {
    let name = |each: &Told| match each {
        Told::Step { step, .. } => Some(step.words().said(Language::English)),
        Told::Down { .. } | Told::Back { .. } => None,
    };
    told.iter().filter_map(name).collect()
}

#[test]
fn a_backup_is_told_by_its_phases_each_once() {
    let mut follow = Follow::new(MAIN);
    let told = follow.see(
        MAIN,
        &events(&[
            (0, "Check the input"),
            (1, "Take the lock"),
            (2, "Inspect"),
            (3, "Quiesce: write the intent"),
            (4, "Quiesce: suspend the monitors"),
            (5, "Split: the standby waits"),
            (6_000, "Resume: the active stops, is split, starts"),
            (7_000, "Resume: read the records"),
            (7_500, "Resume: is the service back?"),
            (9_200, "EnterBackupMode"),
        ]),
    );
    assert_eq!(
        steps(&told),
        ["Inspect", "Quiesce", "Split", "Resume", "EnterBackupMode"]
    );
    assert!(told.contains(&Told::Down { at: 6_000 }));
    assert!(told.contains(&Told::Back {
        at: 9_200,
        at_most: 3_200
    }));
    assert_eq!(
        (follow.outage, follow.step),
        (Outage::Over(3_200), Step::Phase(Phase::EnterBackupMode))
    );
    assert!(!follow.not_back);
}

#[test]
fn what_was_seen_is_not_seen_again() {
    let mut follow = Follow::new(MAIN);
    let seen = events(&[(0, "Inspect"), (1, "Quiesce: stop the groups")]);
    assert_eq!(follow.see(MAIN, &seen).len(), 3);
    assert_eq!(follow.see(MAIN, &seen), []);
    assert_eq!(follow.executions(), [(MAIN.to_owned(), 2)]);
}

#[test]
fn children_are_read_too_and_end_the_outage() {
    let mut follow = Follow::new(MAIN);
    follow.see(MAIN, &events(&[(10, "Quiesce: stop the groups"), (20, "Verify")]));
    let child = Event {
        id: 3,
        at: 30,
        said: Said::Child("child".to_owned()),
    };
    follow.see(MAIN, &[child]);
    assert_eq!(follow.executions(), [("child".to_owned(), 0), (MAIN.to_owned(), 3)]);
    assert_eq!(follow.outage, Outage::Since(10));
    let told = follow.see("child", &events(&[(40, "Assess"), (90, "Healthy")]));
    assert_eq!(told, [Told::Back { at: 90, at_most: 80 }]);
}

#[test]
fn a_rollback_after_a_restore_that_turned_is_one_more_outage() {
    let mut follow = Follow::new(MAIN);
    follow.see(
        MAIN,
        &events(&[
            (0, "Quiesce: stop the groups"),
            (50, "Healthy"),
            (60, "StopBoth: stop the groups"),
        ]),
    );
    assert_eq!(follow.outage, Outage::Since(60));
}

#[test]
fn only_the_operations_own_end_says_that_the_cluster_is_not_back() {
    let mut follow = Follow::new(MAIN);
    follow.see("child", &events(&[(1, NOT_BACK)]));
    assert!(!follow.not_back, "a child's end is judged by its parent");
    follow.see(MAIN, &events(&[(1, "Failed")]));
    assert!(!follow.not_back);
    follow.see(
        MAIN,
        &[Event {
            id: 2,
            at: 2,
            said: Said::Entered(NOT_BACK.to_owned()),
        }],
    );
    assert!(follow.not_back);
}

#[test]
fn progress_is_what_the_states_hand_on() {
    let mut follow = Follow::new(MAIN);
    let exit = |id, state: &str, output: Value| Event {
        id,
        at: id,
        said: Said::Exited {
            state: state.to_owned(),
            output,
        },
    };
    follow.see(
        MAIN,
        &[exit(1, SNAPSHOTS, json!({"complete": false, "progress": "37%"}))],
    );
    follow.see(
        "child",
        &[exit(1, LOOK, json!({"why": "md1 copies the difference, 62 %"}))],
    );
    assert_eq!((follow.snapshots, follow.mirror), (Some(37), Some(62)));
    follow.see("child", &[exit(2, LOOK, json!({"verdict": "healthy"}))]);
    assert_eq!((follow.mirror, follow.why), (None, None));
}

/// A state that is named here and nowhere else would never be seen.
#[test]
fn the_states_are_those_of_the_state_machines() {
    let machines = [
        include_str!("../../statemachine/backup.yaml"),
        include_str!("../../statemachine/restore.yaml"),
        include_str!("../../statemachine/converge.yaml"),
        include_str!("../../statemachine/recover.yaml"),
        include_str!("../../statemachine/hold.yaml"),
        include_str!("../../statemachine/lock.yaml"),
    ];
    let is_state = |name: &str, line: &str| {
        let line = line.trim_start().trim_start_matches("- ").trim_start_matches('\'');
        line.strip_prefix(name)
            .is_some_and(|rest| rest.starts_with(':') || rest.starts_with("':"))
    };
    let states = STOP
        .iter()
        .chain(&ONLINE)
        .chain(PARTS.iter().map(|(name, _)| name))
        .chain([&NOT_BACK, &SNAPSHOTS, &LOOK]);
    for state in states {
        let found = machines
            .iter()
            .flat_map(|text| text.lines())
            .any(|line| is_state(state, line));
        assert!(found, "{state}");
    }
}
