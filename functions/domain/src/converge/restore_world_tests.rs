//! Two nodes with real volumes, in the middle of a restore: what they do by themselves.

use crate::clusterpro::mdstat::Color;
use crate::clusterpro::outputs::Services;
use crate::ids::{Id, IdKind};
use crate::intent::{Attachment, Intent};
use crate::observation::Power;
use crate::reply::Job;
use crate::restore;
use crate::testing;
use crate::time::Moment;
use std::collections::BTreeMap;

pub(super) const NAMES: [&str; 2] = ["server1", "server2"];
pub(super) const OLD: [&str; 2] = ["vol-0aaa1", "vol-0ccc1"];
pub(super) const NEW: [&str; 2] = ["vol-0aaa9", "vol-0ccc9"];

/// What a volume's bytes are of, and what its cluster partition says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Volume {
    pub(super) data: &'static str,
    pub(super) mirror: Color,
}

#[derive(Debug, Clone)]
pub(super) struct Guest {
    pub(super) power: Power,
    pub(super) boot: u32,
    pub(super) services: Services,
    /// The daemon is online since the boot.
    pub(super) daemon: bool,
    pub(super) waited: u32,
    pub(super) attached: Option<&'static str>,
    pub(super) jobs: BTreeMap<String, Job>,
    /// What happens at the end of the tick: halt or reboot.
    pub(super) going: Option<bool>,
    /// Of its own timer, in this boot.
    pub(super) records: Vec<&'static str>,
    /// Ticks until the timer starts the groups again.
    pub(super) timer: Option<u32>,
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: Moment,
    pub(super) guests: [Guest; 2],
    pub(super) volumes: BTreeMap<&'static str, Volume>,
    pub(super) group: Option<usize>,
    pub(super) copying: Option<(usize, u32)>,
    pub(super) lose: Vec<bool>,
    pub(super) count: usize,
    pub(super) fail_posts: [u32; 2],
    /// The nodes whose root disk is full.
    pub(super) full: [bool; 2],
    /// The group starts by itself once a usable side is there.
    pub(super) auto_start: bool,
    /// Its application does not come up on what the backup holds.
    pub(super) bad_backup: bool,
    /// The node whose preparation never comes to its shutdown, and how many ticks are left until it is killed.
    pub(super) hangs: Option<(usize, Option<u32>)>,
    /// It was stopped by command, and no node has come up since.
    pub(super) ordered: bool,
    /// Ticks from a stop of the groups until a node's timer starts them again.
    pub(super) fires_after: u32,
    /// How often they were stopped without one.
    pub(super) stopped_plainly: u32,
    /// Since when the group has been online.
    pub(super) served: Option<Moment>,
    /// What was ordered on both nodes at once.
    pub(super) together: Vec<[String; 2]>,
}

pub(super) fn intent() -> Intent {
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
    pub(super) fn new() -> Self {
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
            full: [false, false],
            auto_start: true,
            bad_backup: false,
            hangs: None,
            ordered: false,
            fires_after: 6,
            stopped_plainly: 0,
            served: None,
            together: vec![],
        }
    }

    /// The peer of `at` is down already, while the preparation of `at` does not come to its shutdown.
    pub(super) fn hanging(at: usize, killed_after: Option<u32>, services: Services) -> (Self, Intent) {
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
    pub(super) fn at(point: usize) -> (Self, Intent) {
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

    pub(super) fn boot_id(&self, at: usize) -> String {
        match self.guests[at].boot {
            1 => format!("boot-{}", NAMES[at]),
            boot => format!("boot-{}-{boot}", NAMES[at]),
        }
    }

    pub(super) fn job(&mut self, at: usize, key: String, rc: i32) {
        let job = testing::job(&self.boot_id(at), Some(rc));
        self.guests[at].jobs.insert(key, job);
    }

    pub(super) fn prepare(&mut self, at: usize) {
        if self.guests[at].timer.take().is_some() {
            self.guests[at].records.push("leaving");
        }
        self.job(at, "enter-restore-mode.1".into(), 0);
        (self.guests[at].services, self.guests[at].going) = (Services::Manual, Some(false));
    }

    pub(super) fn post(&mut self, at: usize, skip_copy: bool, attempt: &str) {
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

    pub(super) fn boot(&mut self, at: usize) {
        let guest = &mut self.guests[at];
        (guest.power, guest.daemon, guest.waited, guest.going) = (Power::Running, false, 0, None);
        (guest.timer, guest.records) = (None, vec![]);
        self.ordered = false;
        guest.boot += 1;
    }

    pub(super) fn mirror(&self, at: usize) -> Color {
        self.guests[at]
            .attached
            .map_or(Color::Gray, |volume| self.volumes[volume].mirror)
    }

    pub(super) fn set(&mut self, at: usize, data: &'static str, mirror: Color) {
        if let Some(volume) = self.guests[at].attached {
            *self.volumes.get_mut(volume).unwrap() = Volume { data, mirror };
        }
    }

    pub(super) fn set_volume(&mut self, volume: &'static str, data: &'static str) {
        self.volumes.get_mut(volume).unwrap().data = data;
    }

    pub(super) fn tick(&mut self) {
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

    pub(super) fn lose_group(&mut self, at: usize) {
        if self.group == Some(at) {
            self.group = None;
        }
        self.copying = None;
    }

    /// CLUSTERPRO by itself: the group starts on a usable side, the other side is copied.
    pub(super) fn groups(&mut self) {
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
    pub(super) fn alone(&self, at: usize) -> bool {
        !self.guests[1 - at].daemon || self.mirror(1 - at) == Color::Gray
    }

    pub(super) fn refuses(&self, at: usize) -> bool {
        self.bad_backup && self.guests[at].attached == Some(NEW[at])
    }
}
