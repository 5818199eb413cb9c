//! Converge against a small model of the two nodes, from every point at which a backup can die.

use super::*;
use crate::clusterpro::mdstat::{Color, Status};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::State;
use crate::ids::{Id, IdKind};
use crate::intent::{Disturbance, Intent};
use crate::observation::Node;
use crate::observation::Observation;
use crate::reply::Record;
use crate::testing;
use proptest::prelude::*;

#[path = "converge/frozen_tests.rs"]
mod frozen;
#[path = "converge/limits_tests.rs"]
mod limits;
#[path = "converge/tries_tests.rs"]
mod tries;
#[path = "converge/waits_tests.rs"]
mod waits;
#[path = "converge/backup_world_tests.rs"]
mod world;

use world::{BEGUN, GroupAt, NAMES, POINTS, World};

fn intent() -> Intent {
    let seen = testing::healthy();
    let id = Id::new(IdKind::Backup, "orders", seen.at).unwrap();
    crate::inspect::backup(&testing::config(), &id, crate::consistency::Consistency::Stopped, &seen)
        .unwrap()
        .intent
}

/// Runs converge at epoch 8, as recover does after a take-over. The last verdict.
fn run(world: &mut World, dies: Option<(usize, usize)>) -> Verdict {
    let (config, intent) = (testing::config(), intent());
    let mut memory = Memory::default();
    for round in 0..400 {
        if dies.is_some_and(|(at, _)| at == round) {
            let index = dies.unwrap().1;
            world.power_off(index);
        }
        let seen = world.observe();
        let verdict = next(&Case {
            config: &config,
            seen: &seen,
            epoch: 8,
            intent: &intent,
            memory: &memory,
        });
        memory = memory.after(&verdict, &seen);
        match &verdict {
            Verdict::Healthy | Verdict::Stuck(_) => return verdict,
            Verdict::Turn { .. } | Verdict::ActOnBoth { .. } => {
                panic!("no part of the way back from a backup: {verdict:?}")
            }
            Verdict::Act { action, .. } => {
                assert!(is_listed(&intent, action), "not in the intent: {action:?}");
                world.act(action);
                world.tick(5);
            }
            Verdict::Wait { .. } => world.tick(20),
        }
        // A recover that died and was started again remembers nothing.
        if round == 150 {
            memory = Memory::default();
        }
    }
    panic!("no end: {world:?}")
}

#[test]
fn every_point_of_a_backup_converges() {
    for point in 0..POINTS {
        for auto_recovery in [true, false] {
            let mut world = World::at(point, auto_recovery, vec![], 0);
            assert_eq!(run(&mut world, None), Verdict::Healthy, "point {point}");
            assert!(world.is_normal(), "point {point}: {world:?}");
        }
    }
}

#[test]
fn a_preparation_that_failed_is_made_good_without_a_wait() {
    let failed = |said: &'static str, services: Services| {
        let mut world = World::at(6, true, vec![], 0);
        let job = testing::job("boot-server2", Some(137));
        world.guests[1].jobs.insert("enter-backup-mode.1".into(), job);
        (world.said, world.guests[1].services, world.guests[1].shutdown_left) = (said, services, None);
        let began = world.now;
        let verdict = run(&mut world, None);
        let normal = world.is_normal() && world.now.seconds_since(began) < 900;
        (verdict, normal)
    };
    assert_eq!(failed("Killed\n", Services::Auto), (Verdict::Healthy, true));
    for services in [Services::Manual, Services::Mixed] {
        assert_eq!(failed(BEGUN, services), (Verdict::Healthy, true));
        assert_eq!(failed("Killed\n", services), (Verdict::Healthy, true));
    }
    // It set the flags and no more: only `--post` takes them back, and that wants the mirror agent down.
    let (verdict, _) = failed(BEGUN, Services::Auto);
    assert!(matches!(verdict, Verdict::Stuck(why) if why.to_string().contains("flags may still be ON")));
    // It succeeded in words that we do not know, and somebody has enabled the services since: the flags are ON.
    let mut world = World::at(6, true, vec![], 0);
    let job = testing::job("boot-server2", Some(0));
    world.guests[1].jobs.insert("enter-backup-mode.1".into(), job);
    (world.said, world.guests[1].services, world.guests[1].shutdown_left) = ("Done.\n", Services::Auto, None);
    let verdict = run(&mut world, None);
    assert!(matches!(verdict, Verdict::Stuck(why) if why.to_string().contains("flags may still be ON")));
    // While the active cannot be asked whether this node holds a group, nothing is stopped, and nobody is called yet.
    let mut world = World::at(6, true, vec![], 0);
    let job = testing::job("boot-server2", Some(9));
    world.guests[1].jobs.insert("enter-backup-mode.1".into(), job);
    world.guests[0].daemon = false;
    assert!(matches!(verdict_of(&world), Verdict::Wait { .. }));
    // Without an end nobody knows how far it came.
    let mut world = World::at(6, true, vec![], 0);
    world.guests[1].jobs.get_mut("enter-backup-mode.1").unwrap().ended = None;
    (world.said, world.guests[1].services) = ("", Services::Auto);
    assert!(matches!(verdict_of(&world), Verdict::Stuck(_)));
}

fn verdict_of(world: &World) -> Verdict {
    let mut seen = world.observe();
    for node in seen.nodes.values_mut() {
        node.epoch = Some(7);
    }
    verdict(&seen, &Memory::default())
}

#[test]
fn a_failing_post_is_tried_three_times() {
    let mut world = World::at(9, true, vec![], 2);
    assert_eq!(run(&mut world, None), Verdict::Healthy);
    let mut world = World::at(9, true, vec![], 3);
    assert!(matches!(run(&mut world, None), Verdict::Stuck(_)));
}

fn verdict(seen: &Observation, memory: &Memory) -> Verdict {
    next(&Case {
        config: &testing::config(),
        seen,
        epoch: 7,
        intent: &intent(),
        memory,
    })
}

#[test]
fn the_operator_s_hold_comes_first() {
    let mut seen = World::at(8, true, vec![], 0).observe();
    seen.nodes.get_mut("server1").unwrap().hold = true;
    let Verdict::Stuck(error) = verdict(&seen, &Memory::default()) else {
        panic!()
    };
    assert_eq!(error.kind(), Kind::OperatorHold);
}

#[test]
fn an_older_epoch_is_fenced_before_anything_else() {
    let mut seen = World::at(4, true, vec![], 0).observe();
    for epoch in [None, Some(6)] {
        seen.nodes.get_mut("server2").unwrap().epoch = epoch;
        seen.nodes.get_mut("server1").unwrap().unfinished.clear();
        let Verdict::Act {
            action: Action::Step { step },
            ..
        } = verdict(&seen, &Memory::default())
        else {
            panic!()
        };
        assert_eq!((step.document.name(), step.node.as_str()), ("fence", "server2"));
    }
}

#[test]
fn a_silent_node_is_waited_out_before_anybody_acts() {
    let mut seen = World::at(8, true, vec![], 0).observe();
    seen.instances.get_mut("server2").unwrap().power = Power::Running;
    assert!(matches!(verdict(&seen, &Memory::default()), Verdict::Wait { key, .. } if key == "quiet server2"));
    seen.at = seen.at.plus(i64::from(intent().quiet_after_seconds));
    assert!(matches!(verdict(&seen, &Memory::default()), Verdict::Wait { key, .. } if key == "answer server2"));
}

#[test]
fn wrong_devices_never_reach_the_post_processing() {
    let mut seen = World::at(9, true, vec![], 0).observe();
    let node = seen.nodes.get_mut("server2").unwrap();
    node.devices.get_mut("/dev/xvdb2").unwrap().disks = [crate::devices::Disk {
        name: "xvdc".into(),
        volume: None,
    }]
    .into();
    let first = verdict(&seen, &Memory::default());
    assert!(matches!(&first, Verdict::Wait { key, .. } if key == "devices server2"));
    let memory = Memory::default().after(&first, &seen);
    seen.at = seen.at.plus(60);
    let Verdict::Stuck(error) = verdict(&seen, &memory) else {
        panic!()
    };
    assert_eq!(error.kind(), Kind::DeviceMismatch);
}

#[test]
fn before_the_break_a_dead_active_s_groups_start_on_the_standby() {
    let mut world = World::at(3, true, vec![], 0);
    (world.armed, world.group) = (false, GroupAt::Off);
    world.power_off(0);
    let Verdict::Act {
        action: Action::Step { step },
        ..
    } = verdict(&world.observe(), &Memory::default())
    else {
        panic!()
    };
    assert_eq!((step.document.name(), step.node.as_str()), ("start-group", "server2"));
    // A dead active is known by its power, never by its silence.
    let mut seen = world.observe();
    seen.instances.get_mut("server1").unwrap().power = Power::Running;
    seen.at = seen.at.plus(i64::from(intent().quiet_after_seconds));
    assert!(matches!(verdict(&seen, &Memory::default()), Verdict::Wait { key, .. } if key == "answer server1"));
}

#[test]
fn nothing_starts_on_a_side_that_is_not_green() {
    let mut world = World::at(4, true, vec![], 0);
    world.armed = false;
    let mut seen = world.observe();
    for color in [Color::Red, Color::Gray, Color::Blue, Color::Yellow] {
        for node in seen.nodes.values_mut() {
            node.mirrors
                .insert("md1".into(), testing::mirror(Status::Abnormal, color, Color::Green));
        }
        assert!(matches!(verdict(&seen, &Memory::default()), Verdict::Wait { key, .. } if key == "green active"));
    }
}

#[test]
fn after_the_break_the_active_comes_back_first() {
    let mut world = World::at(4, true, vec![], 0);
    world.power_off(0);
    let expected = Action::Start { node: "server1".into() };
    assert!(matches!(verdict(&world.observe(), &Memory::default()), Verdict::Act { action, .. } if action == expected));
}

#[test]
fn a_standby_that_hangs_in_its_shutdown_is_stopped_only_without_groups() {
    let mut seen = World::at(6, true, vec![], 0).observe();
    let first = verdict(&seen, &Memory::default());
    assert!(matches!(&first, Verdict::Wait { key, .. } if key == "shutdown server2"));
    let memory = Memory::default().after(&first, &seen);
    seen.at = seen.at.plus(patience::SHUTDOWN);
    let stop = Action::Stop { node: "server2".into() };
    assert!(matches!(verdict(&seen, &memory), Verdict::Act { action, .. } if action == stop));
    for node in seen.nodes.values_mut() {
        node.stat.as_mut().unwrap().groups[0].current = Some("server2".into());
    }
    assert!(matches!(verdict(&seen, &memory), Verdict::Stuck(_)));
}

#[test]
fn what_somebody_else_did_stays() {
    // A monitor that we never suspended, and a mirror that we never broke.
    let mut intent = intent();
    intent
        .disturbances
        .retain(|one| matches!(one, Disturbance::Group { .. }));
    let mut seen = World::at(1, true, vec![], 0).observe();
    let judge = |seen: &Observation| {
        next(&Case {
            config: &testing::config(),
            seen,
            epoch: 7,
            intent: &intent,
            memory: &Memory::default(),
        })
    };
    assert_eq!(judge(&seen), Verdict::Healthy);
    for node in seen.nodes.values_mut() {
        node.mirrors.insert(
            "md1".into(),
            testing::mirror(Status::Abnormal, Color::Green, Color::Red),
        );
    }
    assert_eq!(judge(&seen), Verdict::Healthy);
}

#[test]
fn the_copy_never_goes_the_wrong_way() {
    let mut seen = World::at(5, false, vec![], 0).observe();
    for node in seen.nodes.values_mut() {
        node.monitors
            .as_mut()
            .unwrap()
            .get_mut("mdw1")
            .unwrap()
            .values_mut()
            .for_each(|state| *state = State::Online);
        node.mirrors.insert(
            "md1".into(),
            testing::mirror(Status::Abnormal, Color::Red, Color::Green),
        );
    }
    assert!(matches!(verdict(&seen, &Memory::default()), Verdict::Stuck(_)));
}

/// Nobody who answers is no news, and no news is not good news: whatever the rest shows.
#[test]
fn a_missing_node_is_never_read_as_healthy() {
    for point in 0..POINTS {
        for missing in [&["server1"][..], &["server2"], &["server1", "server2"]] {
            let mut seen = World::at(point, true, vec![], 0).observe();
            seen.at = intent().started.plus(100_000);
            for node in seen.nodes.values_mut() {
                node.epoch = Some(8);
            }
            seen.nodes.retain(|name, _| !missing.contains(&name.as_str()));
            for instance in seen.instances.values_mut() {
                instance.power = Power::Running;
            }
            let (config, intent, memory) = (testing::config(), intent(), Memory::default());
            let case = Case {
                config: &config,
                seen: &seen,
                epoch: 8,
                intent: &intent,
                memory: &memory,
            };
            // A verdict, and not that all is well.
            let notices = |next: Next| matches!(next, ControlFlow::Break(verdict) if verdict != Verdict::Healthy);
            let what = format!("point {point}, without {missing:?}");
            assert!(notices(nodes::daemons(&case)) && notices(backup(&case)), "{what}");
            // One view does not make a mirror normal, and none shows no monitor online.
            assert!(notices(mirror::mirrors(&case)), "{what}");
            assert!(missing.len() < 2 || notices(mirror::monitors(&case)), "{what}");
            for name in missing {
                assert!(
                    case.answer(name).is_break() && notices(outage::start(&case, name, &["failover1"])),
                    "{what}"
                );
            }
            assert_ne!(verdict(&seen, &Memory::default()), Verdict::Healthy);
        }
    }
}

prop_compose! {
    fn faults()(
        point in 0..POINTS,
        auto_recovery: bool,
        lose in proptest::collection::vec(proptest::bool::weighted(0.2), 0..12),
        posts_to_fail in 0_u32..3,
        dies in proptest::option::of((0_usize..20, 0_usize..2)),
    ) -> (World, Option<(usize, usize)>) {
        (World::at(point, auto_recovery, lose, posts_to_fail), dies)
    }
}

/// From any point, with lost actions, a node that dies and a script that fails: converge ends, acts only on what the
/// intent lists (asserted in `run`), never starts a group on the stale side, and `Healthy` is true. Stuck is right only
/// where the faults can use up the tries of one action: with fewer of them, whichever node died, it must end healthy.
#[test]
fn converge_ends_and_never_starts_the_stale_side() {
    crate::edits::hold(20, &faults(), |(mut world, dies)| {
        let lost = world.lose.iter().filter(|lost| **lost).count();
        let few = lost + (world.posts_to_fail as usize) < TRIES as usize;
        let end = run(&mut world, dies);
        prop_assert!(
            world.started_on.iter().all(|(at, broken)| !(*at == 1 && *broken)),
            "{:?}",
            world.started_on
        );
        if few || end == Verdict::Healthy {
            prop_assert_eq!(end, Verdict::Healthy);
            prop_assert!(world.is_normal(), "{:?}", world);
        }
        Ok(few)
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Few lost actions and no other fault: it always ends healthy.
    #[test]
    fn lost_actions_alone_are_repeated(point in 0..POINTS, auto_recovery: bool, first in 0_usize..6) {
        let lose = (0..6).map(|number| number == first).collect();
        let mut world = World::at(point, auto_recovery, lose, 0);
        prop_assert_eq!(run(&mut world, None), Verdict::Healthy);
        prop_assert!(world.is_normal());
    }
}
