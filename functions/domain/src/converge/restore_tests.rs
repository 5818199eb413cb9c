//! A restore's way on and back against a small model of two nodes with real volumes: from every point at which it can die,
//! and whatever is lost on the way, both sides end with the same data, and no volume is changed under a running mirror.

use crate::clusterpro::mdstat::Color;
use crate::clusterpro::outputs::Services;
use crate::converge::{Case, Memory, Verdict, next};
use crate::document::SkipCopy;
use crate::ids::{Id, IdKind};
use crate::intent::{Course, Intent};
use crate::observation::{Observation, Power};
use crate::reply::Record;
use crate::testing;
use proptest::prelude::*;

#[path = "restore_acts_tests.rs"]
mod acts;
#[path = "restore_world_tests.rs"]
mod world;

use world::{NEW, OLD, World, intent};

const POINTS: usize = 13;

#[test]
fn from_every_point_to_one_of_two_ends() {
    for point in 0..POINTS {
        let (mut world, intent) = World::at(point);
        let (verdict, intent) = world.run(intent, false);
        assert_eq!(verdict, Verdict::Healthy, "from {point}: {world:?}");
        let wanted = if point < 10 { "today" } else { "backup" };
        assert_eq!(world.data(), Some(wanted), "from {point}");
        let attached = if point < 10 { OLD } else { NEW };
        assert_eq!(world.guests.each_ref().map(|guest| guest.attached), attached.map(Some));
        assert!(intent.restore.unwrap().turned.is_none());
    }
}

#[test]
fn a_preparation_that_hangs_is_not_waited_for_by_its_peer() {
    for at in [0, 1] {
        for services in [Services::Auto, Services::Manual] {
            // Killed by its bound: this node goes on in the same boot.
            let (mut world, intent) = World::hanging(at, Some(10), services);
            let began = world.now;
            let (verdict, _) = world.run(intent, false);
            assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("today")), "{world:?}");
            let outage = world.served.unwrap().seconds_since(began);
            assert!(
                outage < 800,
                "server{} hung for 200 s, the service was away for {outage} s",
                at + 1
            );
            // Never killed: the peer comes back alone, shows that no group is there, and the node is stopped plainly (rule 14).
            for auto_start in [true, false] {
                let (mut world, intent) = World::hanging(at, None, services);
                world.auto_start = auto_start;
                let began = world.now;
                let (verdict, _) = world.run(intent, false);
                assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("today")), "{world:?}");
                // The standby takes over only where the active's power says that it is dead.
                let outage = world.served.unwrap().seconds_since(began);
                assert!(
                    at == 0 || outage < 800,
                    "the standby hung, the service was away for {outage} s"
                );
                assert_eq!(world.hangs, None);
            }
        }
    }
}

#[test]
fn a_post_processing_that_keeps_failing_turns_back_by_copy() {
    for at in [0, 1] {
        let (mut world, intent) = World::at(10);
        world.fail_posts[at] = 3;
        let (verdict, intent) = world.run(intent, false);
        assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("today")), "{world:?}");
        let restoring = intent.restore.unwrap();
        assert_eq!(restoring.course, Course::RollBack);
        assert_eq!(restoring.turned.unwrap().error, "PostProcessFailed");
    }
    for at in [0, 1] {
        let (mut world, intent) = World::at(10);
        world.fail_posts[at] = 2;
        let (verdict, _) = world.run(intent, false);
        assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("backup")));
    }
}

/// A full disk is no reason to take the restored data away again: the service comes up on the other node, and the error says what to free.
/// Once there is room, recover ends the restore.
#[test]
fn a_post_processing_that_fails_on_a_full_disk_leaves_the_service_on_the_other_node() {
    for (at, auto_start) in [(0, true), (1, true), (0, false), (1, false)] {
        let (mut world, intent) = World::at(10);
        (world.fail_posts[at], world.full[at], world.auto_start) = (99, true, auto_start);
        let began = world.now;
        let (verdict, intent) = world.run(intent, false);
        let Verdict::Stuck(error) = verdict else {
            panic!("{verdict:?}")
        };
        assert_eq!(error.name(), "DiskSpaceLow");
        let text = error.to_string();
        let node = format!("server{}", at + 1);
        assert!(text.contains(&format!("make room in /var/lib of {node}")), "{text}");
        assert!(text.contains("`mirrorsnap recover CLUSTER`"), "{text}");
        assert_eq!(world.group, Some(1 - at));
        assert_eq!(intent.restore.as_ref().unwrap().course, Course::Forward);
        assert!(
            world.now.seconds_since(began) < 900,
            "{}",
            world.now.seconds_since(began)
        );
        // Nobody has made room: the same again, and the service stays.
        let (verdict, intent) = world.run(intent, false);
        assert!(matches!(verdict, Verdict::Stuck(error) if error.name() == "DiskSpaceLow"));
        assert_eq!(world.group, Some(1 - at));
        (world.fail_posts[at], world.full[at]) = (0, false);
        let (verdict, _) = world.run(intent, false);
        assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("backup")));
    }
}

#[test]
fn two_full_disks_turn_a_restore_back_and_are_both_named() {
    let (mut world, intent) = World::at(10);
    (world.fail_posts, world.full) = ([3, 3], [true, true]);
    let (verdict, intent) = world.run(intent, false);
    assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("today")));
    let turned = intent.restore.unwrap().turned.unwrap();
    assert_eq!(turned.error, "DiskSpaceLow");
    assert!(
        turned.why.contains("/var/lib of server1 and /var/lib of server2"),
        "{}",
        turned.why
    );
}

#[test]
fn the_copy_goes_from_the_node_on_which_the_groups_ran() {
    for auto_start in [true, false] {
        let (mut world, mut intent) = World::at(12);
        (world.auto_start, intent.restore.as_mut().unwrap().course) = (auto_start, Course::RollBack);
        world.set_volume(OLD[1], "yesterday");
        let (verdict, _) = world.run(intent, false);
        assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("today")));
    }
}

#[test]
fn a_rollback_stops_the_groups_behind_a_timer_of_the_node() {
    let rollback = |fires_after: u32, lose: &[bool]| {
        let (mut world, mut intent) = World::at(12);
        (0..30).for_each(|_| world.tick());
        let on = world.group.unwrap();
        intent.restore.as_mut().unwrap().course = Course::RollBack;
        (world.fires_after, world.lose) = (fires_after, lose.to_vec());
        let (verdict, _) = world.run(intent, false);
        assert_eq!(
            (verdict, world.data()),
            (Verdict::Healthy, Some("today")),
            "{on}: {world:?}"
        );
        world.stopped_plainly
    };
    assert_eq!(rollback(6, &[]), 0);
    // The order to go down gets lost once, and is sent again before the timer fires.
    assert_eq!(rollback(6, &[false, true]), 0);
    // The timer comes first: the service is back meanwhile, and the rollback goes on without one.
    assert_eq!(rollback(0, &[]), 1);
    // The stop itself got lost.
    assert_eq!(rollback(6, &[true]), 1);
}

/// The service is down meanwhile, and neither node's order depends on the other's.
#[test]
fn both_nodes_are_ordered_down_and_up_again_at_once() {
    let both = |what: &str| ["server1", "server2"].map(|node| format!("{what} {node}"));
    let (mut world, mut intent) = World::at(12);
    (0..30).for_each(|_| world.tick());
    intent.restore.as_mut().unwrap().course = Course::RollBack;
    assert_eq!(world.run(intent, false).0, Verdict::Healthy);
    assert_eq!(world.together, [both("enter-restore-mode"), both("swap")]);
    // Before a post-processing: both are in restore mode, with the old volumes.
    let (mut world, intent) = World::at(5);
    assert_eq!(world.run(intent, false).0, Verdict::Healthy);
    assert_eq!(world.together, [both("enable-services")]);
}

/// A timer that its node's shutdown is to come before is left alone; one that has fired, or has begun to, is waited for.
#[test]
fn a_timer_that_has_fired_is_waited_for() {
    let (config, mut intent) = (testing::config(), intent());
    intent.restore.as_mut().unwrap().course = Course::RollBack;
    let judged = |records: &[&str]| {
        let mut seen = testing::healthy();
        let node = seen.nodes.get_mut("server1").unwrap();
        node.unfinished = vec![intent.id.clone()];
        for name in records {
            *node.records.place(name).unwrap() = Some(Record::default());
        }
        next(&Case {
            config: &config,
            seen: &seen,
            epoch: 7,
            intent: &intent,
            memory: &Memory::default(),
        })
    };
    let waits = |verdict: &Verdict| matches!(verdict, Verdict::Wait { key, .. } if key == "timer server1");
    assert!(!waits(&judged(&["armed", "stopped"])));
    for records in [
        &["armed"][..],
        &["armed", "stopped", "void"],
        &["armed", "stopped", "done"],
    ] {
        assert!(waits(&judged(records)), "{records:?}");
    }
}

#[test]
fn a_restore_that_is_overdue_turns_back_and_one_that_is_online_does_not() {
    let (mut world, mut intent) = World::at(10);
    intent.restore.as_mut().unwrap().forward_until = Some(world.now);
    let (verdict, intent) = world.run(intent, false);
    assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("today")));
    assert_eq!(intent.restore.unwrap().turned.unwrap().error, "RestoreOverdue");
    let (mut world, mut intent) = World::at(12);
    (0..30).for_each(|_| world.tick());
    intent.restore.as_mut().unwrap().forward_until = Some(world.now);
    assert_eq!(
        (world.run(intent, false).0, world.data()),
        (Verdict::Healthy, Some("backup"))
    );
}

#[test]
fn a_service_that_does_not_come_up_on_the_new_volumes_gets_the_old_ones_back() {
    for auto_start in [true, false] {
        let (mut world, intent) = World::at(10);
        (world.bad_backup, world.auto_start) = (true, auto_start);
        let (verdict, intent) = world.run(intent, false);
        assert_eq!((verdict, world.data()), (Verdict::Healthy, Some("today")), "{world:?}");
        let turned = intent.restore.unwrap().turned.unwrap();
        assert_eq!(turned.error, "GroupNotOnline");
        assert!(turned.why.contains("start-group server1"), "{}", turned.why);
    }
}

#[test]
fn silence_is_no_reason_to_turn_back() {
    let (world, mut intent) = World::at(12);
    intent.restore.as_mut().unwrap().forward_until = Some(world.now);
    let config = testing::config();
    let judged = |silent: &[&str], online: bool| {
        let mut world = world.clone();
        (world.guests[0].daemon, world.group) = (online, online.then_some(0));
        let mut seen = world.observe();
        // Long after anything that was sent can act.
        seen.at = intent.started.plus(10_000);
        seen.nodes.retain(|name, _| !silent.contains(&name.as_str()));
        next(&Case {
            config: &config,
            seen: &seen,
            epoch: 8,
            intent: &intent,
            memory: &Memory::default(),
        })
    };
    for silent in [&["server1", "server2"][..], &["server1"]] {
        let verdict = judged(silent, false);
        assert!(matches!(verdict, Verdict::Wait { .. }), "{silent:?}: {verdict:?}");
    }
    assert!(matches!(judged(&[], false), Verdict::Turn { .. }));
    assert!(matches!(judged(&["server2"], true), Verdict::Wait { .. }));
}

#[test]
fn without_the_proof_the_copy_is_not_skipped() {
    let config = testing::config();
    let (world, intent) = World::at(10);
    let proof = |intent: &Intent, world: &World| {
        super::skip_copy_proof(&config, intent, &world.observe(), "server2") == SkipCopy::Yes
    };
    assert!(proof(&intent, &world));
    let mut other = intent.clone();
    for one in &mut other.disturbances {
        match one {
            crate::intent::Disturbance::Attachment(one) if one.node == "server1" => one.snapshot = "snap-002".into(),
            _ => {}
        }
    }
    assert!(!proof(&other, &world), "two snapshots");
    let mut ran = world.clone();
    ran.guests[0].services = Services::Auto;
    assert!(!proof(&intent, &ran), "the peer booted with its mirror");
    let mut silent = world.clone();
    silent.guests[0].power = Power::Stopped;
    assert!(!proof(&intent, &silent), "the peer does not answer");
    let mut old = world.clone();
    old.guests[0].attached = Some(OLD[0]);
    assert!(!proof(&intent, &old), "the peer has its old volume");
    let mut none = intent.clone();
    none.disturbances
        .retain(|one| !matches!(one, crate::intent::Disturbance::Attachment(_)));
    assert!(!proof(&none, &world), "no volume is listed");
}

#[test]
fn what_an_operator_changed_is_left_alone() {
    let (mut world, intent) = World::at(5);
    world.guests[0].attached = Some("vol-0fff1");
    let Verdict::Stuck(error) = world.run(intent, false).0 else {
        panic!("not stuck")
    };
    assert_eq!(error.name(), "AttachmentUnexpected");
    assert_eq!(world.count, 0);
    let (mut world, intent) = World::at(10);
    world.guests[1].attached = Some(OLD[1]);
    assert!(matches!(world.run(intent, false).0, Verdict::Stuck(_)));
    let (mut world, mut intent) = World::at(10);
    let restoring = intent.restore.as_mut().unwrap();
    (restoring.course, restoring.source) = (Course::RollBack, None);
    assert!(matches!(world.run(intent, false).0, Verdict::Stuck(_)));
    assert_eq!(world.count, 0);
}

/// A restore that failed before it disturbed anything, on a cluster that was not normal before or is not any more.
#[test]
fn what_the_restore_never_touched_is_not_judged() {
    use crate::clusterpro::mdstat::Status;
    let (config, healthy) = (testing::config(), testing::healthy());
    let id = Id::new(IdKind::Restore, "orders", healthy.at).unwrap();
    let mut red = healthy.clone();
    for node in red.nodes.values_mut() {
        let mirror = testing::mirror(Status::Abnormal, Color::Green, Color::Red);
        node.mirrors.insert("md1".into(), mirror);
    }
    let source = crate::inspect::refuse_restore(&config, &red).unwrap();
    let intent = crate::restore::intent_for_tests(&config, &id, source.as_deref(), &red);
    let judged = |change: &dyn Fn(&mut Observation)| {
        let mut seen = red.clone();
        change(&mut seen);
        seen.at = seen.at.plus(i64::from(intent.quiet_after_seconds));
        next(&Case {
            config: &config,
            seen: &seen,
            epoch: 7,
            intent: &intent,
            memory: &Memory::default(),
        })
    };
    let changes: [&dyn Fn(&mut Observation); 7] = [
        &|_| (),
        &|seen| seen.nodes.get_mut("server2").unwrap().services = Services::Manual,
        &|seen| seen.nodes.get_mut("server2").unwrap().stat = None,
        &|seen| seen.nodes.retain(|name, _| name != "server2"),
        &|seen| seen.instances.get_mut("server2").unwrap().power = Power::Stopping,
        &|seen| seen.instances.get_mut("server2").unwrap().power = Power::Stopped,
        &|seen| seen.instances.retain(|name, _| name != "server2"),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        assert_eq!(judged(change), Verdict::Healthy, "change {n}");
    }
}

/// The old volumes go back on a cluster whose mirror had been broken before: its other side may be kept on purpose.
#[test]
fn a_mirror_that_was_broken_before_stays_so_when_the_old_volumes_go_back() {
    use crate::clusterpro::mdstat::Status;
    let (config, mut seen) = (testing::config(), testing::healthy());
    let id = Id::new(IdKind::Restore, "orders", seen.at).unwrap();
    for node in seen.nodes.values_mut() {
        let mirror = testing::mirror(Status::Abnormal, Color::Green, Color::Red);
        node.mirrors.insert("md1".into(), mirror);
    }
    let plan = crate::restore::intent_for_tests(&config, &id, Some("server1"), &seen);
    let mut intent = crate::restore::disturbing(&config, &plan, &seen, &[]);
    let mut memory = Memory::default();
    let mut judged = |intent: &Intent| {
        let case = |memory: &Memory| {
            next(&Case {
                config: &config,
                seen: &seen,
                epoch: 7,
                intent,
                memory,
            })
        };
        memory.waiting = Some(crate::converge::Waiting {
            key: "recovery md1".to_owned().into(),
            since: seen.at.plus(-super::patience::AUTO_RECOVERY),
        });
        case(&memory)
    };
    assert_eq!(judged(&intent), Verdict::Healthy);
    // Back by copy, the mirror is ours.
    intent.restore.as_mut().unwrap().course = Course::RollBack;
    let verdict = judged(&intent);
    assert!(
        matches!(&verdict, Verdict::Act { key, .. } if key.to_string() == "recover-mirror md1"),
        "{verdict:?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn whatever_is_lost_both_sides_end_alike(
        point in 0..POINTS, lose in prop::collection::vec(any::<bool>(), 0..4), fails in 0..4_u32, at in 0..2_usize, forget: bool, rollback: bool, fires_after in 0..8_u32
    ) {
        let (mut world, mut intent) = World::at(point);
        if point == 12 && rollback {
            (0..30).for_each(|_| world.tick());
            intent.restore.as_mut().unwrap().course = Course::RollBack;
        }
        world.fires_after = fires_after;
        world.lose = lose;
        world.fail_posts[at] = if point == 10 { fails } else { 0 };
        let (verdict, _) = world.run(intent, forget);
        if verdict == Verdict::Healthy {
            prop_assert!(world.data().is_some(), "{world:?}");
        }
        // Whatever happened: no side that calls itself GREEN beside a GREEN one holds other data.
        let side = |at: usize| world.guests[at].attached.map(|volume| world.volumes[volume].clone());
        if let (Some(a), Some(b)) = (side(0), side(1)) {
            prop_assert!(a.mirror != Color::Green || b.mirror != Color::Green || a.data == b.data, "{world:?}");
        }
    }
}
