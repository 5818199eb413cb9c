//! A restore's way on and back against a small model of two nodes with real volumes: from every point at which it can die,
//! and whatever is lost on the way, both sides end with the same data, and no volume is changed under a running mirror.

use crate::clusterpro::mdstat::{Color, Status};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::State;
use crate::converge::{Action, Case, Memory, Verdict, is_listed, next};
use crate::document::SkipCopy;
use crate::ids::{Id, IdKind};
use crate::intent::{Attachment, Course, Intent};
use crate::observation::{Node, Observation, Power};
use crate::reply::{Job, Record};
use crate::restore;
use crate::testing;
use crate::time::Moment;
use proptest::prelude::*;
use std::collections::BTreeMap;

const NAMES: [&str; 2] = ["server1", "server2"];
const OLD: [&str; 2] = ["vol-0aaa1", "vol-0ccc1"];
const NEW: [&str; 2] = ["vol-0aaa9", "vol-0ccc9"];

/// What a volume's bytes are of, and what its cluster partition says.
#[derive(Debug, Clone, PartialEq)]
struct Volume {
    data: &'static str,
    mirror: Color,
}

#[derive(Debug, Clone)]
struct Guest {
    power: Power,
    boot: u32,
    services: Services,
    /// The daemon is online since the boot.
    daemon: bool,
    waited: u32,
    attached: Option<&'static str>,
    jobs: BTreeMap<String, Job>,
    /// What happens at the end of the tick: halt or reboot.
    going: Option<bool>,
    /// Of its own timer, in this boot.
    records: Vec<&'static str>,
    /// Ticks until the timer starts the groups again.
    timer: Option<u32>,
}

#[derive(Debug, Clone)]
struct World {
    now: Moment,
    guests: [Guest; 2],
    volumes: BTreeMap<&'static str, Volume>,
    group: Option<usize>,
    copying: Option<(usize, u32)>,
    lose: Vec<bool>,
    count: usize,
    fail_posts: [u32; 2],
    /// The group starts by itself once a usable side is there.
    auto_start: bool,
    /// Its application does not come up on what the backup holds.
    bad_backup: bool,
    /// The node whose preparation never comes to its shutdown, and how many ticks are left until it is killed.
    hangs: Option<(usize, Option<u32>)>,
    /// It was stopped by command, and no node has come up since.
    ordered: bool,
    /// Ticks from a stop of the groups until a node's timer starts them again.
    fires_after: u32,
    /// How often they were stopped without one.
    stopped_plainly: u32,
    /// Since when the group has been online.
    served: Option<Moment>,
}

fn intent() -> Intent {
    let seen = testing::healthy();
    let config = testing::config();
    let id = Id::new(IdKind::Restore, "orders", seen.at).unwrap();
    let made: Vec<Attachment> = [0, 1]
        .map(|at| Attachment {
            node: NAMES[at].into(),
            device: "/dev/sdb".into(),
            old: OLD[at].into(),
            new: NEW[at].into(),
            snapshot: "snap-001".into(),
            delete_on_termination: false,
        })
        .into();
    let plan = restore::intent_for_tests(&config, &id, Some("server1"), &seen);
    restore::disturbing(&config, &plan, &seen, &made)
}

impl World {
    fn new() -> Self {
        let volume = |data, mirror| Volume { data, mirror };
        Self {
            now: testing::healthy().at,
            guests: OLD.map(|old| Guest {
                power: Power::Running,
                boot: 1,
                services: Services::Auto,
                daemon: true,
                waited: 0,
                attached: Some(old),
                jobs: BTreeMap::new(),
                going: None,
                records: vec![],
                timer: None,
            }),
            volumes: BTreeMap::from([
                (OLD[0], volume("today", Color::Green)),
                (OLD[1], volume("today", Color::Green)),
                (NEW[0], volume("backup", Color::Red)),
                (NEW[1], volume("backup", Color::Red)),
            ]),
            group: Some(0),
            copying: None,
            lose: vec![],
            count: 0,
            fail_posts: [0, 0],
            auto_start: true,
            bad_backup: false,
            hangs: None,
            ordered: false,
            fires_after: 6,
            stopped_plainly: 0,
            served: None,
        }
    }

    /// The peer of `at` is down already, while the preparation of `at` does not come to its shutdown.
    fn hanging(at: usize, killed_after: Option<u32>, services: Services) -> (Self, Intent) {
        let (mut world, intent) = (Self::new(), intent());
        world.group = None;
        world.prepare(1 - at);
        world.tick();
        world.prepare(at);
        (world.guests[at].services, world.guests[at].going) = (services, None);
        world.guests[at].jobs.get_mut("enter-restore-mode.1").unwrap().ended = None;
        world.hangs = Some((at, killed_after));
        (world, intent)
    }

    /// As far as a restore had come when it died.
    fn at(point: usize) -> (Self, Intent) {
        let (mut world, mut intent) = (Self::new(), intent());
        if point >= 1 {
            world.group = None;
        }
        if point >= 2 {
            world.prepare(0);
        }
        if point >= 3 {
            world.prepare(1);
        }
        if point >= 4 {
            (0..3).for_each(|_| world.tick());
        }
        if point >= 5 {
            world.guests[0].attached = None;
        }
        if point >= 6 {
            (world.guests[0].attached, world.guests[1].attached) = (Some(NEW[0]), None);
        }
        if point >= 7 {
            world.guests[1].attached = Some(NEW[1]);
        }
        if point >= 8 {
            world.boot(0);
        }
        if point >= 9 {
            world.boot(1);
        }
        if point >= 10 {
            intent = restore::processing(&intent);
        }
        if point >= 11 {
            world.post(0, true, "1");
        }
        if point >= 12 {
            world.post(1, true, "1");
        }
        (world, intent)
    }

    fn boot_id(&self, at: usize) -> String {
        match self.guests[at].boot {
            1 => format!("boot-{}", NAMES[at]),
            boot => format!("boot-{}-{boot}", NAMES[at]),
        }
    }

    fn job(&mut self, at: usize, key: String, rc: i32) {
        let job = testing::job(&self.boot_id(at), Some(rc));
        self.guests[at].jobs.insert(key, job);
    }

    fn prepare(&mut self, at: usize) {
        if self.guests[at].timer.take().is_some() {
            self.guests[at].records.push("leaving");
        }
        self.job(at, "enter-restore-mode.1".into(), 0);
        (self.guests[at].services, self.guests[at].going) = (Services::Manual, Some(false));
    }

    fn post(&mut self, at: usize, skip_copy: bool, attempt: &str) {
        let volume = self.guests[at].attached.expect("a post-processing needs a volume");
        assert!(!self.guests[at].daemon, "a post-processing while the daemon runs");
        if self.fail_posts[at] > 0 {
            self.fail_posts[at] -= 1;
            return self.job(at, format!("post-process-restore.{attempt}"), 5);
        }
        if skip_copy {
            let both = self
                .guests
                .iter()
                .all(|guest| NEW.contains(&guest.attached.unwrap_or("")));
            assert!(both, "--skip-copy without both new volumes: {self:?}");
            assert!(
                self.guests.iter().all(|guest| !guest.daemon),
                "--skip-copy after a mirror ran"
            );
        }
        let mirror = if skip_copy { Color::Green } else { Color::Gray };
        self.volumes.get_mut(volume).unwrap().mirror = mirror;
        self.job(at, format!("post-process-restore.{attempt}"), 0);
        (self.guests[at].services, self.guests[at].going) = (Services::Auto, Some(true));
    }

    fn boot(&mut self, at: usize) {
        let guest = &mut self.guests[at];
        (guest.power, guest.daemon, guest.waited, guest.going) = (Power::Running, false, 0, None);
        (guest.timer, guest.records) = (None, vec![]);
        self.ordered = false;
        guest.boot += 1;
    }

    fn mirror(&self, at: usize) -> Color {
        self.guests[at]
            .attached
            .map_or(Color::Gray, |volume| self.volumes[volume].mirror)
    }

    fn set(&mut self, at: usize, data: &'static str, mirror: Color) {
        if let Some(volume) = self.guests[at].attached {
            *self.volumes.get_mut(volume).unwrap() = Volume { data, mirror };
        }
    }

    fn set_volume(&mut self, volume: &'static str, data: &'static str) {
        self.volumes.get_mut(volume).unwrap().data = data;
    }

    fn tick(&mut self) {
        self.now = self.now.plus(20);
        if let Some((at, Some(left))) = self.hangs {
            if left == 0 {
                self.job(at, "enter-restore-mode.1".into(), 137);
            }
            self.hangs = (left > 0).then(|| (at, Some(left - 1)));
        }
        for at in [0, 1] {
            match self.guests[at].timer {
                Some(0) => {
                    assert!(
                        self.guests[at].daemon && self.group.is_none(),
                        "the timer of a node without service"
                    );
                    (self.group, self.guests[at].timer) = (Some(at), None);
                    self.guests[at].records.extend(["void", "done"]);
                }
                left => self.guests[at].timer = left.map(|left| left - 1),
            }
            match self.guests[at].going.take() {
                Some(true) => {
                    self.lose_group(at);
                    self.boot(at);
                }
                Some(false) => {
                    self.lose_group(at);
                    (self.guests[at].power, self.guests[at].daemon) = (Power::Stopped, false);
                }
                None if self.guests[at].power == Power::Running && self.guests[at].services == Services::Auto => {
                    self.guests[at].waited += 1;
                    let peer = &self.guests[1 - at];
                    let peer_comes = peer.power == Power::Running && peer.services == Services::Auto;
                    if peer_comes || self.guests[at].waited > 15 {
                        self.guests[at].daemon = true;
                    }
                }
                None => {}
            }
        }
        self.groups();
    }

    fn lose_group(&mut self, at: usize) {
        if self.group == Some(at) {
            self.group = None;
        }
        self.copying = None;
    }

    /// CLUSTERPRO by itself: the group starts on a usable side, the other side is copied.
    fn groups(&mut self) {
        if self.group.is_none() {
            let usable = |world: &Self, at: usize| {
                world.guests[at].daemon
                    && (world.mirror(at) == Color::Green || (world.mirror(at) == Color::Gray && world.alone(at)))
            };
            // Whatever order the cluster prefers: the second node first is the harder case.
            let booted = self.guests.iter().all(|guest| guest.boot > 1 || !guest.daemon);
            if booted && self.auto_start && !self.ordered {
                self.group = [1, 0].into_iter().find(|at| usable(self, *at) && !self.refuses(*at));
            }
        }
        let (Some(at), true) = (self.group, self.guests.iter().all(|guest| guest.daemon)) else {
            return;
        };
        if self.mirror(at) == Color::Gray {
            let data = self.volumes[self.guests[at].attached.unwrap()].data;
            self.set(at, data, Color::Green);
        }
        if self.mirror(1 - at) != Color::Green {
            let left = self.copying.map_or(3, |(_, left)| left);
            self.copying = (left > 0).then_some((at, left.saturating_sub(1)));
            if left == 0 {
                let data = self.volumes[self.guests[at].attached.unwrap()].data;
                self.set(1 - at, data, Color::Green);
            }
        }
    }

    /// A just initialised side may start if its peer is away, or just initialised as well.
    fn alone(&self, at: usize) -> bool {
        !self.guests[1 - at].daemon || self.mirror(1 - at) == Color::Gray
    }

    fn refuses(&self, at: usize) -> bool {
        self.bad_backup && self.guests[at].attached == Some(NEW[at])
    }

    fn observe(&self) -> Observation {
        let mut seen = testing::healthy();
        seen.at = self.now;
        for (at, name) in NAMES.into_iter().enumerate() {
            let guest = &self.guests[at];
            let instance = seen.instances.get_mut(name).unwrap();
            instance.power = guest.power.clone();
            instance.volumes.remove("/dev/sdb");
            if let Some(volume) = guest.attached {
                instance.volumes.insert("/dev/sdb".into(), volume.into());
            }
            if guest.power == Power::Running {
                let node = self.node(at);
                seen.nodes.insert(name.into(), node);
            } else {
                seen.nodes.remove(name);
            }
        }
        seen
    }

    fn node(&self, at: usize) -> Node {
        let guest = &self.guests[at];
        let mut node = testing::node(NAMES[at]);
        node.epoch = Some(8);
        node.boot_id = self.boot_id(at);
        node.services = guest.services;
        node.jobs.clone_from(&guest.jobs);
        for name in &guest.records {
            *node.records.place(name).unwrap() = Some(Record::default());
        }
        if guest.timer.is_some() {
            node.unfinished = vec![intent().id];
        }
        let color = |side: usize| {
            if self.copying.is_some() {
                Color::Yellow
            } else {
                self.mirror(side)
            }
        };
        let colors = [color(0), color(1)];
        let status = match colors {
            [Color::Green, Color::Green] => Status::Normal,
            [Color::Yellow, _] => Status::Recovering,
            _ => Status::Abnormal,
        };
        node.mirrors = BTreeMap::from([("md1".to_owned(), testing::mirror(status, colors[0], colors[1]))]);
        if !guest.daemon {
            (node.stat, node.monitors) = (None, None);
            return node;
        }
        let stat = node.stat.as_mut().unwrap();
        for (peer, name) in NAMES.into_iter().enumerate() {
            let state = if self.guests[peer].daemon {
                State::Online
            } else {
                State::Offline
            };
            stat.servers.insert(name.into(), state);
        }
        for group in &mut stat.groups {
            group.state = if self.group.is_some() {
                State::Online
            } else {
                State::Offline
            };
            group.current = self.group.map(|on| NAMES[on].to_owned());
        }
        node
    }

    fn act(&mut self, action: &Action) {
        self.count += 1;
        if self.lose.get(self.count - 1).copied().unwrap_or(false) {
            return;
        }
        let index = |name: &str| usize::from(name == NAMES[1]);
        match action {
            Action::Start { node } => self.boot(index(node)),
            Action::Stop { node } => {
                let at = index(node);
                let hangs = self.hangs.is_some_and(|(hanging, _)| hanging == at);
                assert!(
                    !self.guests[at].daemon || hangs,
                    "a plain stop of a node with a running daemon"
                );
                assert_ne!(self.group, Some(at), "a plain stop under the group");
                self.guests[at].going = Some(false);
                self.hangs = self.hangs.filter(|_| !hangs);
            }
            Action::Swap { node } => {
                let at = index(node);
                assert_eq!(
                    self.guests[at].power,
                    Power::Stopped,
                    "volumes changed under a running node"
                );
                assert!(!self.guests[1 - at].daemon, "volumes changed under a running mirror");
                self.guests[at].attached = Some(OLD[at]);
            }
            Action::Step { step } => {
                let at = index(&step.node);
                let attempt = step.parameters().0.get("Attempt").cloned().unwrap_or_default();
                match step.document.name() {
                    "stop-group" => {
                        (self.group, self.ordered) = (None, true);
                        self.stopped_plainly += 1;
                    }
                    "quiesce-restore" if self.guests[at].records.is_empty() => {
                        assert_eq!(self.group, Some(at), "a timer where the groups are not");
                        (self.group, self.ordered) = (None, true);
                        self.guests[at].records = vec!["arming", "armed", "stopping", "stopped"];
                        self.guests[at].timer = Some(self.fires_after);
                    }
                    "start-group" if self.guests[at].daemon && !self.refuses(at) => {
                        assert_ne!(self.mirror(at), Color::Red, "started on a side that is RED");
                        self.group = Some(at);
                    }
                    "enter-restore-mode" if self.group.is_none() && self.guests[at].daemon => {
                        let over = self.guests[at].records.contains(&"done");
                        if !over || step.parameters().0["Anew"] == "yes" {
                            self.prepare(at);
                        }
                    }
                    "enable-services" => {
                        assert_eq!(
                            self.guests[at].attached,
                            Some(OLD[at]),
                            "services enabled on a new volume"
                        );
                        self.job(at, format!("enable-services.{attempt}"), 0);
                        (self.guests[at].services, self.guests[at].going) = (Services::Auto, Some(true));
                    }
                    "post-process-restore" => self.post(at, step.parameters().0["SkipCopy"] == "yes", &attempt),
                    _ => {}
                }
            }
        }
    }

    fn run(&mut self, mut intent: Intent, forget: bool) -> (Verdict, Intent) {
        let config = testing::config();
        let mut memory = Memory::default();
        for round in 0..400 {
            self.served = self.group.and(self.served.or(Some(self.now)));
            let seen = self.observe();
            let case = Case {
                config: &config,
                seen: &seen,
                epoch: 8,
                intent: &intent,
                memory: &memory,
            };
            let verdict = next(&case);
            memory = memory.after(&verdict, &seen);
            match &verdict {
                Verdict::Healthy | Verdict::Stuck(_) => return (verdict, intent),
                Verdict::Turn { course, why } => intent = intent.turned(*course, why),
                Verdict::Act { action, .. } => {
                    assert!(is_listed(&intent, action), "not in the intent: {action:?}");
                    self.act(action);
                }
                Verdict::Wait { .. } => self.tick(),
            }
            // Not every action takes the world's time, but some of it passes.
            if round % 3 == 0 {
                self.tick();
            }
            if forget && round % 40 == 39 {
                memory = Memory::default();
            }
        }
        panic!("no end: {self:?}")
    }

    /// The data on both sides, if the cluster is normal.
    fn data(&self) -> Option<&'static str> {
        let side = |at: usize| self.guests[at].attached.map(|volume| self.volumes[volume].clone());
        let up = self
            .guests
            .iter()
            .all(|guest| guest.daemon && guest.services == Services::Auto);
        let (a, b) = (side(0)?, side(1)?);
        let same = a.data == b.data && a.mirror == Color::Green && b.mirror == Color::Green;
        (up && self.group.is_some() && same).then_some(a.data)
    }
}

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
            key: "recovery md1".into(),
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
