use super::*;
use crate::clusterpro::monitor_kinds::Waits;
use crate::consistency::Consistency;
use crate::ids::{Id, IdKind};
use crate::inspect::{Plan, backup};
use crate::mounts::Unfit;
use crate::observation::Node;
use crate::reply::Took;
use crate::testing::{config, healthy, orders};

fn planned(config: &Config, change: impl FnOnce(&mut Node)) -> Result<Plan> {
    let mut seen = healthy();
    seen.nodes.values_mut().for_each(quick);
    change(seen.nodes.get_mut("server1").unwrap());
    let id = Id::new(IdKind::Backup, "orders", seen.at).unwrap();
    backup(config, &id, Consistency::Frozen, &seen)
}

fn quick(node: &mut Node) {
    node.took = Took {
        clpstat: 100,
        clpmdstat: 100,
    };
}

fn plan() -> Plan {
    planned(&config(), |_| ()).unwrap()
}

#[test]
fn a_frozen_backup_lists_no_group_and_everything_else() {
    let plan = plan();
    assert_eq!(plan.intent.consistency, Consistency::Frozen);
    assert_eq!(plan.intent.groups().count(), 0);
    assert!(plan.intent.breaks("md1") && plan.intent.enters_backup_mode("server2"));
    assert!(
        ["server1", "server2"]
            .iter()
            .all(|node| plan.intent.monitors(node).eq(["mdw1"]))
    );
    let said = plan.words.words().join(" ");
    for words in ["no outage", "at most 10 s", "power cut", "XFS replays"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    assert!(!said.contains("outage: as long"), "{said}");
}

/// infra/documents/quiesce.sh and break-unit.sh refuse other times.
#[test]
fn the_steps_of_a_frozen_backup_carry_times_that_its_documents_take() {
    let plan = plan();
    let all = |step: &str| plan.steps[step].parameters().0;
    let number = |step: &str, name: &str| all(step)[name].parse::<u32>().unwrap();
    assert_eq!(all("quiesce")["Consistency"], "frozen");
    assert_eq!(all("split")["Consistency"], "frozen");
    assert_eq!(all("quiesce")["Devices"], "/dev/NMP1");
    assert!(
        number("quiesce", "BatonSeconds") + number("quiesce", "BreakSeconds") + 3
            <= number("quiesce", "MaxPauseSeconds")
    );
    // The preparation takes 8 s, and a hook its own time.
    let stop = number("split", "StopSeconds");
    assert!(stop >= 8 + number("quiesce", "HookSeconds"));
    assert_eq!(number("split", "BatonSeconds"), number("quiesce", "BatonSeconds"));
    let wait = number("split", "WaitSeconds");
    assert!(wait >= number("split", "ActiveWithinSeconds") + stop + number("split", "BatonSeconds") + 5);
    // Nothing can act after that: not even a timer that was armed in the last moment.
    let last = number("split", "ActiveWithinSeconds") + stop + number("quiesce", "MaxPauseSeconds");
    assert!(plan.intent.quiet_after_seconds >= last.max(number("split", "ActiveWithinSeconds") + wait));
}

#[test]
fn what_cannot_be_frozen_is_refused_with_its_reason() {
    for (why, said) in [
        (Unfit::NotMounted, "raw database"),
        (Unfit::Kind("ext3".into()), "ext3"),
        (Unfit::ReadOnly, "read-only"),
        (Unfit::Name, "mount point"),
        (Unfit::Needed("/var".into()), "/var"),
        (Unfit::Unknown("later".into()), "later"),
    ] {
        let error = planned(&config(), |node| {
            node.mounts.get_mut("md1").unwrap().unfit = Some(why);
        })
        .unwrap_err();
        assert_eq!(error.kind(), Kind::FreezeNotPossible);
        let text = error.to_string();
        assert!(
            text.contains(said) && text.contains("md1") && text.contains("server1"),
            "{text}"
        );
    }
    for change in [(|node: &mut Node| node.mounts.clear()) as fn(&mut Node), |node| {
        node.missing = vec!["fsfreeze".into()];
    }] {
        let error = planned(&config(), change);
        assert_eq!(error.unwrap_err().kind(), Kind::FreezeNotPossible);
    }
}

/// A stopped backup needs none of it.
#[test]
fn a_stopped_backup_is_refused_for_none_of_it() {
    let mut seen = healthy();
    for node in seen.nodes.values_mut() {
        node.mounts.clear();
        node.missing = vec!["fsfreeze".into()];
    }
    let id = Id::new(IdKind::Backup, "orders", seen.at).unwrap();
    assert!(backup(&config(), &id, Consistency::Stopped, &seen).is_ok());
}

#[test]
fn commands_that_do_not_fit_the_pause_are_refused() {
    let judged = |pause: u32, ms: u64| {
        let mut json = orders();
        json["max_pause_seconds"] = pause.into();
        let config = Config::parse("orders", &json.to_string()).unwrap();
        let mut seen = healthy();
        for node in seen.nodes.values_mut() {
            node.took = Took {
                clpstat: ms,
                clpmdstat: ms,
            };
        }
        let id = Id::new(IdKind::Backup, "orders", seen.at).unwrap();
        backup(&config, &id, Consistency::Frozen, &seen).map_err(|error| error.to_string())
    };
    assert!(judged(10, 800).is_ok());
    assert!(judged(10, 900).unwrap_err().contains("max_pause_seconds"));
    assert!(judged(12, 900).is_ok());
    assert!(judged(6, 300).is_ok());
    assert!(judged(6, 400).is_err());
}

#[test]
fn a_monitor_that_would_take_the_pause_for_a_failure_is_refused_and_an_unknown_one_is_told() {
    let limited = |seconds: Setting| watched("psqlw1", MonitorKind::PostgreSql, seconds);
    let error = limited(Setting::Set("10".into())).unwrap_err();
    assert_eq!(error.kind(), Kind::FreezeNotPossible);
    assert!(error.to_string().contains("psqlw1"), "{error}");
    let said = |plan: Plan| plan.words.words().join(" ");
    assert!(!said(limited(Setting::Set("11".into())).unwrap()).contains("psqlw1"));
    for unknown in [Setting::Absent, Setting::Unread, Setting::Set("soon".into())] {
        assert!(said(limited(unknown).unwrap()).contains("psqlw1"));
    }
    let unread = planned(&config(), |node| {
        node.settings.unread_limits = vec![MonitorKind::Custom];
    });
    assert!(said(unread.unwrap()).contains("type genw"));
}

fn watched(name: &str, kind: MonitorKind, seconds: Setting) -> Result<Plan> {
    planned(&config(), |node| {
        _ = node.settings.limits.insert(name.into(), Limit { kind, seconds });
    })
}

#[test]
fn each_kind_of_monitor_that_would_wait_is_refused_with_what_it_waits_for() {
    for kind in MonitorKind::limited() {
        let error = watched("w1", kind, Setting::Set("9".into())).unwrap_err();
        assert_eq!(error.kind(), Kind::FreezeNotPossible);
        let text = error.to_string();
        for said in ["w1", kind.word(), "9 s", kind.why()] {
            assert!(text.contains(said), "{said}: {text}");
        }
        assert_ne!(kind.waits(), Waits::ForNothing);
    }
}

#[test]
fn a_type_of_monitor_that_is_not_known_is_told_and_a_known_one_is_not() {
    let words = |types: Setting| {
        let plan = planned(&config(), |node| node.settings.monitor_types = types);
        plan.unwrap().words.words().join(" ")
    };
    assert!(words(Setting::Set("mdw newdbw genw".into())).contains("those of the unknown type newdbw"));
    for known in [
        Setting::Set("mdw mdnw volmgrw genw".into()),
        Setting::Absent,
        Setting::Unread,
    ] {
        assert!(!words(known).contains("unknown type"));
    }
}

#[test]
fn a_heartbeat_that_is_shorter_than_a_pause_is_refused_and_an_unknown_one_is_told() {
    let beats = |limit: Setting| planned(&config(), |node| node.settings.heartbeat = limit);
    let error = beats(Setting::Set("10000".into())).unwrap_err();
    assert_eq!(error.kind(), Kind::FreezeNotPossible);
    assert!(error.to_string().contains("10000 ms"), "{error}");
    let said = |plan: Plan| plan.words.words().join(" ");
    let told = |limit: Setting| said(beats(limit).unwrap()).contains("default: the heartbeat");
    assert!(!told(Setting::Set("10001".into())));
    for unknown in [Setting::Absent, Setting::Unread, Setting::Set("soon".into())] {
        assert!(told(unknown));
    }
}
