//! Converge against a small model of the two nodes, from every point at which a backup can die.

use super::*;
use crate::clusterpro::mdstat::{Color, Status};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::State;
use crate::document::Attempt;
use crate::ids::{Id, IdKind};
use crate::intent::{Disturbance, Intent};
use crate::observation::Node;
use crate::observation::Observation;
use crate::reply::{Job, Record};
use crate::testing;
use crate::time::Moment;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[path = "converge/limits_tests.rs"]
mod limits;

fn intent() -> Intent {
    let seen = testing::healthy();
    let id = Id::new(IdKind::Backup, "orders", seen.at).unwrap();
    crate::inspect::backup(&testing::config(), &id, &seen).unwrap().intent
}

/// One simulated node. server1 (index 0) is the active, server2 (index 1) the standby.
#[derive(Debug, Clone)]
struct Guest {
    power: Power,
    /// Seconds until the present transition of power or boot ends.
    left: i64,
    boot: u32,
    up: bool,
    services: Services,
    daemon: bool,
    /// Seconds until the daemon is online.
    daemon_left: i64,
    suspended: bool,
    epoch: Option<u64>,
    jobs: BTreeMap<String, Job>,
    shutdown_left: Option<(i64, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum GroupAt {
    On(usize),
    Off,
}

#[derive(Debug, Clone)]
struct World {
    now: Moment,
    guests: [Guest; 2],
    group: GroupAt,
    broken: bool,
    copy_left: Option<i64>,
    auto_recovery: bool,
    armed: bool,
    records: Vec<&'static str>,
    /// Actions that are lost, by number.
    lose: Vec<bool>,
    count: usize,
    posts_to_fail: u32,
    /// What `clpbackup.sh --pre` printed.
    said: &'static str,
    started_on: Vec<(usize, bool)>,
}

const NAMES: [&str; 2] = ["server1", "server2"];

fn guest() -> Guest {
    Guest {
        power: Power::Running,
        left: 0,
        boot: 1,
        up: true,
        services: Services::Auto,
        daemon: true,
        daemon_left: 0,
        suspended: false,
        epoch: Some(7),
        jobs: BTreeMap::new(),
        shutdown_left: None,
    }
}

const BEGUN: &str = "clpbackup.sh : Beginning backup-mode.\nAll backup flags have set to <ON>.\n";

/// The points at which a backup can die.
const POINTS: usize = 13;

impl World {
    fn at(point: usize, auto_recovery: bool, lose: Vec<bool>, posts_to_fail: u32) -> Self {
        let mut world = Self {
            now: testing::healthy().at,
            guests: [guest(), guest()],
            group: GroupAt::On(0),
            broken: false,
            copy_left: None,
            auto_recovery,
            armed: false,
            records: vec![],
            lose,
            count: 0,
            posts_to_fail,
            said: BEGUN,
            started_on: vec![],
        };
        if point >= 1 {
            world.guests.iter_mut().for_each(|guest| guest.suspended = true);
        }
        if point == 3 || point == 4 {
            (world.group, world.armed) = (GroupAt::Off, true);
        }
        if point >= 4 {
            world.broken = true;
            world.records = vec!["breaking", "broke"];
        }
        if point >= 6 {
            world.enter(point >= 7);
        }
        let standby = &mut world.guests[1];
        match point {
            7 => (standby.power, standby.up, standby.left) = (Power::Stopping, false, 20),
            8 => (standby.power, standby.up) = (Power::Stopped, false),
            9..=12 => standby.boot = 2,
            _ => {}
        }
        if point >= 7 {
            standby.shutdown_left = None;
            standby.daemon = false;
        }
        if point == 10 {
            world.leave("leave-backup-mode.1", None);
        }
        if point >= 11 {
            world.leave("leave-backup-mode.1", Some(0));
        }
        if point == 12 {
            world.reboot(1);
        }
        world
    }

    fn boot_id(&self, index: usize) -> String {
        let boot = self.guests[index].boot;
        if boot == 1 {
            format!("boot-{}", NAMES[index])
        } else {
            format!("boot-{}-{boot}", NAMES[index])
        }
    }

    fn enter(&mut self, ended: bool) {
        let job = testing::job(&self.boot_id(1), ended.then_some(0));
        let standby = &mut self.guests[1];
        standby.jobs.insert("enter-backup-mode.1".into(), job);
        standby.services = Services::Manual;
        standby.shutdown_left = Some((60, false));
    }

    fn leave(&mut self, key: &str, rc: Option<i32>) {
        let job = testing::job(&self.boot_id(1), rc);
        let standby = &mut self.guests[1];
        standby.jobs.insert(key.into(), job);
        if rc == Some(0) {
            standby.services = Services::Auto;
            standby.shutdown_left = Some((20, true));
        }
    }

    /// A boot: /run and with it the records are gone; services start if they may; the monitor is online again.
    fn reboot(&mut self, index: usize) {
        let guest = &mut self.guests[index];
        guest.boot += 1;
        (guest.up, guest.left, guest.shutdown_left) = (false, 40, None);
        (guest.daemon, guest.daemon_left, guest.suspended) = (false, 60, false);
        if index == 1 {
            self.records.clear();
        } else {
            self.armed = false;
        }
    }

    fn power_off(&mut self, index: usize) {
        let guest = &mut self.guests[index];
        (guest.power, guest.up, guest.daemon, guest.shutdown_left) = (Power::Stopped, false, false, None);
        if self.group == GroupAt::On(index) {
            self.group = GroupAt::Off;
            // Failover, if the other side is GREEN and in the cluster.
            let other = 1 - index;
            if self.guests[other].daemon && !(other == 1 && self.broken) {
                self.group = GroupAt::On(other);
            }
        }
    }

    fn tick(&mut self, seconds: i64) {
        self.now = self.now.plus(seconds);
        for index in 0..2 {
            let guest = &mut self.guests[index];
            guest.left -= seconds;
            match guest.power {
                Power::Stopping if guest.left <= 0 => self.power_off(index),
                Power::Running if !guest.up && guest.left <= 0 => guest.up = true,
                Power::Running if guest.up => {
                    if let Some((left, reboots)) = guest.shutdown_left.as_mut() {
                        *left -= seconds;
                        let (over, reboots) = (*left <= 0, *reboots);
                        if over && reboots {
                            self.reboot(index);
                        } else if over {
                            self.power_off(index);
                        }
                    } else if guest.services == Services::Auto && !guest.daemon {
                        guest.daemon_left -= seconds;
                        guest.daemon = guest.daemon_left <= 0;
                    }
                }
                _ => {}
            }
        }
        let both = self.guests.iter().all(|guest| guest.daemon);
        if self.armed && self.guests[0].up {
            (self.group, self.armed) = (GroupAt::On(0), false);
        }
        // A `--post` that was running when converge came ends too.
        let running = self.guests[1]
            .jobs
            .iter()
            .find(|(key, job)| key.starts_with("leave") && job.ended.is_none());
        let running = running.map(|(key, _)| key.clone());
        if let Some(key) = running.filter(|_| self.guests[1].up && self.guests[1].services == Services::Manual) {
            self.leave(&key, Some(0));
        }
        if let Some(left) = self.copy_left.as_mut() {
            *left -= seconds;
            if *left <= 0 && both {
                (self.broken, self.copy_left) = (false, None);
            }
        } else if self.broken && both && self.auto_recovery && self.guests.iter().any(|guest| !guest.suspended) {
            self.copy_left = Some(120);
        }
    }

    fn node(&self, index: usize) -> Node {
        let guest = &self.guests[index];
        let mut node = testing::node(NAMES[index]);
        node.boot_id = self.boot_id(index);
        node.epoch = guest.epoch;
        node.services = guest.services;
        node.jobs = guest.jobs.clone();
        let said = self.said.to_owned();
        node.outs = guest
            .jobs
            .keys()
            .filter(|key| key.starts_with("enter"))
            .map(|key| (key.clone(), said.clone()))
            .collect();
        if index == 1 {
            let record = Record {
                epoch: 7,
                boot_id: node.boot_id.clone(),
                ..Record::default()
            };
            for name in &self.records {
                *node.records.place(name).unwrap() = Some(record.clone());
            }
        } else if self.armed {
            node.unfinished = vec![intent().id];
        }
        let colors = match (self.broken, self.copy_left) {
            (false, _) => (Status::Normal, Color::Green, Color::Green),
            (true, Some(_)) => (Status::Recovering, Color::Yellow, Color::Yellow),
            (true, None) => (Status::Abnormal, Color::Green, Color::Red),
        };
        let seen = |color: Color, at: usize| if self.guests[at].daemon { color } else { Color::Gray };
        let mirror = testing::mirror(colors.0, seen(colors.1, 0), seen(colors.2, 1));
        node.mirrors.insert("md1".into(), mirror);
        if !guest.daemon {
            (node.stat, node.monitors) = (None, None);
            return node;
        }
        let stat = node.stat.as_mut().unwrap();
        for (at, name) in NAMES.into_iter().enumerate() {
            let state = if self.guests[at].daemon {
                State::Online
            } else {
                State::Offline
            };
            stat.servers.insert(name.into(), state);
            let monitor = match (self.guests[at].daemon, self.guests[at].suspended) {
                (false, _) => State::Offline,
                (true, true) => State::Suspended,
                (true, false) => State::Online,
            };
            node.monitors
                .as_mut()
                .unwrap()
                .get_mut("mdw1")
                .unwrap()
                .insert(name.into(), monitor);
        }
        (stat.groups[0].state, stat.groups[0].current) = match self.group {
            GroupAt::On(at) => (State::Online, Some(NAMES[at].to_owned())),
            GroupAt::Off => (State::Offline, None),
        };
        node
    }

    fn observe(&self) -> Observation {
        let mut seen = testing::healthy();
        seen.at = self.now;
        for (index, name) in NAMES.into_iter().enumerate() {
            seen.instances.get_mut(name).unwrap().power = self.guests[index].power.clone();
            if self.guests[index].power == Power::Running && self.guests[index].up {
                seen.nodes.insert(name.into(), self.node(index));
            } else {
                seen.nodes.remove(name);
            }
        }
        seen
    }

    fn act(&mut self, action: &Action) {
        self.count += 1;
        if self.lose.get(self.count - 1).copied().unwrap_or(false) {
            return;
        }
        let index = |name: &str| usize::from(name == NAMES[1]);
        match action {
            Action::Start { node } => {
                let at = index(node);
                self.guests[at].power = Power::Running;
                self.reboot(at);
            }
            Action::Stop { node } => {
                let guest = &mut self.guests[index(node)];
                (guest.power, guest.up, guest.left) = (Power::Stopping, false, 30);
            }
            Action::Swap { .. } => panic!("a backup replaces no volume"),
            Action::Step { step } => {
                let at = index(&step.node);
                match step.document.name() {
                    "fence" => self.guests[at].epoch = Some(8),
                    "start-group" => {
                        self.started_on.push((at, self.broken));
                        if self.guests[at].daemon && !(at == 1 && self.broken) {
                            self.group = GroupAt::On(at);
                        }
                    }
                    "resume-monitors" => self.guests[index(&step.parameters().0["Nodes"])].suspended = false,
                    "recover-mirror" if self.guests.iter().all(|guest| guest.daemon) => self.copy_left = Some(120),
                    "start-cluster" => self.guests[at].daemon_left = 0,
                    "leave-backup-mode" => {
                        let key = format!("leave-backup-mode.{}", step.parameters().0["Attempt"]);
                        let fails = self.posts_to_fail > 0;
                        self.posts_to_fail = self.posts_to_fail.saturating_sub(1);
                        self.leave(&key, Some(i32::from(fails)));
                    }
                    _ => {}
                }
            }
        }
    }

    fn is_normal(&self) -> bool {
        !self.broken
            && matches!(self.group, GroupAt::On(_))
            && self.guests.iter().all(|guest| {
                guest.power == Power::Running
                    && guest.up
                    && guest.daemon
                    && !guest.suspended
                    && guest.services == Services::Auto
            })
    }
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
            Verdict::Turn { .. } => panic!("a backup has one course"),
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
    let mut seen = World::at(1, true, vec![], 0).observe();
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
