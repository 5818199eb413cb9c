//! A small model of the two nodes, with a backup that died at any of its points.

use super::*;
use crate::clusterpro::mdstat::{Color, Status};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::State;
use crate::observation::Node;
use crate::observation::Observation;
use crate::reply::{Job, Record};
use crate::testing;
use crate::time::Moment;
use std::collections::BTreeMap;

/// One simulated node. server1 (index 0) is the active, server2 (index 1) the standby.
#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) power: Power,
    /// Seconds until the present transition of power or boot ends.
    pub(super) left: i64,
    pub(super) boot: u32,
    pub(super) up: bool,
    pub(super) services: Services,
    pub(super) daemon: bool,
    /// Seconds until the daemon is online.
    pub(super) daemon_left: i64,
    pub(super) suspended: bool,
    pub(super) epoch: Option<u64>,
    pub(super) jobs: BTreeMap<String, Job>,
    pub(super) shutdown_left: Option<(i64, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum GroupAt {
    On(usize),
    Off,
}

#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools)] // facts of a world
pub(super) struct World {
    pub(super) now: Moment,
    pub(super) guests: [Guest; 2],
    pub(super) group: GroupAt,
    pub(super) broken: bool,
    pub(super) copy_left: Option<i64>,
    pub(super) auto_recovery: bool,
    pub(super) armed: bool,
    pub(super) records: Vec<&'static str>,
    /// The active's record of that name.
    pub(super) baton: bool,
    /// Actions that are lost, by number.
    pub(super) lose: Vec<bool>,
    pub(super) count: usize,
    pub(super) posts_to_fail: u32,
    /// What `clpbackup.sh --pre` printed.
    pub(super) said: &'static str,
    pub(super) started_on: Vec<(usize, bool)>,
}

pub(super) const NAMES: [&str; 2] = ["server1", "server2"];

pub(super) fn guest() -> Guest {
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

pub(super) const BEGUN: &str = "clpbackup.sh : Beginning backup-mode.\nAll backup flags have set to <ON>.\n";

/// The points at which a backup can die.
pub(super) const POINTS: usize = 13;

impl World {
    pub(super) fn at(point: usize, auto_recovery: bool, lose: Vec<bool>, posts_to_fail: u32) -> Self {
        let mut world = Self {
            now: testing::healthy().at,
            guests: [guest(), guest()],
            group: GroupAt::On(0),
            broken: false,
            copy_left: None,
            auto_recovery,
            armed: false,
            records: vec![],
            baton: false,
            lose,
            count: 0,
            posts_to_fail,
            said: BEGUN,
            started_on: vec![],
        };
        if point >= 1 {
            world.guests[1].suspended = true;
        }
        if point >= 3 {
            (world.baton, world.guests[0].suspended) = (true, true);
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

    pub(super) fn boot_id(&self, index: usize) -> String {
        let boot = self.guests[index].boot;
        if boot == 1 {
            format!("boot-{}", NAMES[index])
        } else {
            format!("boot-{}-{boot}", NAMES[index])
        }
    }

    pub(super) fn enter(&mut self, ended: bool) {
        let job = testing::job(&self.boot_id(1), ended.then_some(0));
        let standby = &mut self.guests[1];
        standby.jobs.insert("enter-backup-mode.1".into(), job);
        standby.services = Services::Manual;
        standby.shutdown_left = Some((60, false));
    }

    pub(super) fn leave(&mut self, key: &str, rc: Option<i32>) {
        let job = testing::job(&self.boot_id(1), rc);
        let standby = &mut self.guests[1];
        standby.jobs.insert(key.into(), job);
        if rc == Some(0) {
            standby.services = Services::Auto;
            standby.shutdown_left = Some((20, true));
        }
    }

    /// A boot: /run and with it the records are gone; services start if they may; the monitor is online again.
    pub(super) fn reboot(&mut self, index: usize) {
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

    pub(super) fn power_off(&mut self, index: usize) {
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

    pub(super) fn tick(&mut self, seconds: i64) {
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

    pub(super) fn node(&self, index: usize) -> Node {
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
        } else {
            if self.armed {
                node.unfinished = vec![intent().id];
            }
            node.records.baton = self.baton.then(Record::default);
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

    pub(super) fn observe(&self) -> Observation {
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

    pub(super) fn act(&mut self, action: &Action) {
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

    pub(super) fn is_normal(&self) -> bool {
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
