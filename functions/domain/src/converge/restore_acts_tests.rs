//! What converge sees of the two nodes of a restore, and what its actions do to them.

use super::world::{NAMES, OLD, World, intent};
use crate::clusterpro::mdstat::{Color, Status};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::stat::State;
use crate::converge::{Action, Case, Memory, OnBoth, Verdict, is_listed, next};
use crate::intent::Intent;
use crate::observation::{Node, Observation, Power};
use crate::reply::{Full, Record};
use crate::testing;
use std::collections::BTreeMap;

impl World {
    pub(super) fn observe(&self) -> Observation {
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

    pub(super) fn node(&self, at: usize) -> Node {
        let guest = &self.guests[at];
        let mut node = testing::node(NAMES[at]);
        node.epoch = Some(8);
        node.boot_id = self.boot_id(at);
        node.services = guest.services;
        node.jobs.clone_from(&guest.jobs);
        node.full = [Full::Root].into_iter().filter(|_| self.full[at]).collect();
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

    pub(super) fn act(&mut self, action: &Action) {
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

    pub(super) fn run(&mut self, mut intent: Intent, forget: bool) -> (Verdict, Intent) {
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
                Verdict::ActOnBoth { keys, action } => {
                    self.together.push(keys.each_ref().map(ToString::to_string));
                    let each = match action {
                        OnBoth::Steps(steps) => (**steps).clone().map(|step| Action::Step { step }),
                        OnBoth::Swap => NAMES.map(|node| Action::Swap { node: node.into() }),
                    };
                    for action in each {
                        assert!(is_listed(&intent, &action), "not in the intent: {action:?}");
                        self.act(&action);
                    }
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
    pub(super) fn data(&self) -> Option<&'static str> {
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
