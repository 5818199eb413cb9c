//! CLUSTERPRO by itself: groups that run, stop and start, mirrors that break and are copied, and the service's writes.

use super::ec2::Side;
use super::{Ms, NAMES, SECOND, World};
use mirrorsnap_domain::consistency::Consistency;

/// An application's stop, and its start.
pub(crate) const GROUP_STOP: Ms = 2 * SECOND;
pub(crate) const GROUP_START: Ms = 2 * SECOND;
/// A copy of the difference, or of all.
const COPY: Ms = 15 * SECOND;
/// Between two writes of the service.
const WRITE: Ms = SECOND;
/// From a possible copy to its begin by itself.
const AUTO_RECOVERY: Ms = 5 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Color {
    Green,
    Red,
    Yellow,
    Gray,
}

impl Color {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Green => "GREEN",
            Self::Red => "RED",
            Self::Yellow => "YELLOW",
            Self::Gray => "GRAY",
        }
    }

    /// Its part of `clpmdstat`'s exit code, where that is coded.
    pub(crate) const fn code(self) -> i32 {
        match self {
            Self::Gray => 4,
            Self::Green => 1,
            Self::Yellow => 2,
            Self::Red => 3,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Group {
    /// The node on which it is online.
    pub(crate) on: Option<usize>,
    /// Where it is on its way to, and when it is there.
    pub(crate) moving: Option<(Option<usize>, Ms)>,
    /// It was stopped by command, and no node has joined since.
    pub(crate) ordered: bool,
}

#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) groups: Vec<(String, Group)>,
    /// The node from which the other side is copied, and until when.
    pub(crate) copying: Option<(usize, Ms)>,
    /// Since when a copy could begin by itself.
    waiting: Option<Ms>,
    pub(crate) auto_recovery: bool,
    last_write: Ms,
    /// By write, the one before it on the same volume.
    pub(crate) parents: Vec<u32>,
    /// When a group was last seen to be offline by command, and what was on the volumes then.
    pub(crate) stopped: Option<(Ms, u32)>,
    /// Since when no group is online.
    pub(crate) down_since: Option<Ms>,
}

impl Cluster {
    pub(crate) fn new(groups: &[&str]) -> Self {
        let online = Group {
            on: Some(0),
            ..Group::default()
        };
        Self {
            groups: groups.iter().map(|name| ((*name).to_owned(), online.clone())).collect(),
            copying: None,
            waiting: None,
            auto_recovery: true,
            last_write: 0,
            parents: vec![0],
            stopped: None,
            down_since: None,
        }
    }

    /// Whether `old` is on the way to `new`.
    pub(crate) fn descends(&self, new: u32, old: u32) -> bool {
        let mut at = new;
        while at > old {
            at = self.parents[at as usize];
        }
        at == old
    }
}

impl World {
    /// The volumes of the mirror disks on a node, as they are attached.
    pub(crate) fn volumes_of(&self, at: usize) -> Vec<Option<String>> {
        let instance = &self.guests[at].instance;
        let devices = self.config.mirror_disks.iter().map(|disk| disk.device.on(NAMES[at]));
        devices.map(|device| self.ec2.at(instance, device).cloned()).collect()
    }

    pub(crate) fn side(&self, at: usize, disk: usize) -> Option<Side> {
        let volume = self.volumes_of(at).swap_remove(disk)?;
        Some(self.ec2.shown.volumes[&volume].side)
    }

    fn sides(&self, at: usize) -> Vec<Option<Side>> {
        (0..self.config.mirror_disks.len())
            .map(|disk| self.side(at, disk))
            .collect()
    }

    pub(crate) fn all(&self, at: usize, side: Side) -> bool {
        self.sides(at).into_iter().all(|one| one == Some(side))
    }

    /// The write that is on all volumes of a node, if it is one.
    pub(crate) fn content(&self, at: usize) -> Option<u32> {
        let of = |id: Option<String>| id.map(|id| self.ec2.shown.volumes[&id].content);
        let mut all = self.volumes_of(at).into_iter().map(of);
        let first = all.next()??;
        all.all(|one| one == Some(first)).then_some(first)
    }

    /// A mirror's state is written by its node, and no describe of EC2 shows it: no view from before is kept.
    fn set(&mut self, at: usize, set: impl Fn(&mut super::ec2::Volume)) {
        for id in self.volumes_of(at).into_iter().flatten() {
            set(self.ec2.shown.volumes.get_mut(&id).unwrap());
        }
    }

    pub(crate) fn color(&self, at: usize, disk: usize) -> Color {
        if !self.guests[at].is_online() {
            return Color::Gray;
        }
        match self.side(at, disk) {
            _ if self.cluster.copying.is_some() => Color::Yellow,
            Some(Side::Green) => Color::Green,
            Some(Side::Red) => Color::Red,
            Some(Side::Blank) | None => Color::Gray,
        }
    }

    pub(crate) fn online(&self) -> bool {
        self.cluster
            .groups
            .iter()
            .all(|(_, group)| group.on.is_some() && group.moving.is_none())
    }

    pub(crate) fn offline(&self) -> bool {
        self.cluster
            .groups
            .iter()
            .all(|(_, group)| group.on.is_none() && group.moving.is_none())
    }

    pub(crate) fn online_on(&self, at: usize) -> bool {
        self.online() && self.cluster.groups.iter().all(|(_, group)| group.on == Some(at))
    }

    // ── orders ──────────────────────────────────────────────────────────────────────────────────────────────────────

    /// A frozen backup leaves the groups alone, from its begin to its end.
    pub(crate) fn spares_the_groups(&mut self, what: &str) {
        let intent = self.ledger.lock.intent.as_ref();
        if intent.is_some_and(|intent| intent.consistency == Consistency::Frozen) {
            self.wrong(format!("the groups are {what} for a frozen backup"));
        }
    }

    pub(crate) fn stop_groups(&mut self) {
        self.spares_the_groups("stopped");
        let until = self.now + GROUP_STOP;
        for (_, group) in &mut self.cluster.groups {
            if group.on.is_some() && group.moving.is_none() {
                group.moving = Some((None, until));
            }
            group.ordered = true;
        }
    }

    pub(crate) fn start_groups(&mut self, at: usize) {
        if !self.usable(at) {
            return;
        }
        let until = self.now + GROUP_START;
        for (_, group) in &mut self.cluster.groups {
            if group.on.is_none() && group.moving.is_none() {
                group.moving = Some((Some(at), until));
            }
        }
    }

    /// `clpmdctrl --break` of every disk, at the node whose side grows old.
    pub(crate) fn break_mirrors(&mut self, at: usize) {
        self.set(at, |volume| volume.side = Side::Red);
        self.set(1 - at, |volume| volume.ahead = true);
    }

    /// `clpmdctrl --recovery`.
    pub(crate) fn recover_mirrors(&mut self) {
        if let (None, Some(from)) = (self.cluster.copying, self.can_copy()) {
            self.cluster.copying = Some((from, self.now + COPY));
        }
    }

    /// `clprestore.sh --post`.
    pub(crate) fn initialize(&mut self, at: usize, skip_copy: bool) {
        if skip_copy {
            if self.guests.iter().any(super::guest::Guest::is_online) {
                self.wrong(format!("--skip-copy on {} while a mirror runs (rule 16)", NAMES[at]));
            }
            if self.content(0).is_none() || self.content(0) != self.content(1) {
                self.wrong(format!(
                    "--skip-copy on {} with different bytes on both sides (rule 16)",
                    NAMES[at]
                ));
            }
        }
        let side = if skip_copy { Side::Green } else { Side::Blank };
        self.set(at, |volume| (volume.side, volume.ahead) = (side, false));
    }

    // ── by itself ───────────────────────────────────────────────────────────────────────────────────────────────────

    /// Whether a group may run on a node.
    fn usable(&self, at: usize) -> bool {
        let peer = 1 - at;
        let alone = !self.guests[peer].is_online() || self.all(peer, Side::Blank);
        self.guests[at].is_online()
            && self.guests[at].going.is_none()
            && (self.all(at, Side::Green) || (self.all(at, Side::Blank) && alone))
    }

    /// A daemon has come online. With both there, the side that did not get the last writes is known.
    pub(crate) fn joined(&mut self) {
        for (_, group) in &mut self.cluster.groups {
            group.ordered = false;
        }
        if !self.both_online() {
            return;
        }
        let ahead = |world: &Self, at: usize| {
            let of = |id: &String| world.ec2.shown.volumes[id].ahead;
            world.volumes_of(at).iter().flatten().any(of)
        };
        match (ahead(self, 0), ahead(self, 1)) {
            (true, true) => self.wrong("both sides have written without the other".to_owned()),
            (true, false) => self.falls_behind(1),
            (false, true) => self.falls_behind(0),
            (false, false) => {}
        }
    }

    fn falls_behind(&mut self, at: usize) {
        self.set(at, |volume| volume.side = Side::Red);
    }

    /// The node from which the other side can be copied.
    fn can_copy(&self) -> Option<usize> {
        let both = self.guests.iter().all(super::guest::Guest::is_online);
        let from = self.cluster.groups.first()?.1.on?;
        let behind = self
            .sides(1 - from)
            .into_iter()
            .all(|side| side.is_some_and(|side| side != Side::Green));
        (both && self.online_on(from) && self.all(from, Side::Green) && behind).then_some(from)
    }

    pub(crate) fn tick_cluster(&mut self) {
        self.lose_groups();
        self.move_groups();
        self.copy();
        self.write();
        let now = self.now;
        if self.online() {
            self.cluster.down_since = None;
        } else {
            self.cluster.down_since.get_or_insert(now);
        }
    }

    /// A group goes down with its node; its peer takes it over if it may.
    fn lose_groups(&mut self) {
        let online = [0, 1].map(|at| self.guests[at].is_online());
        if online.iter().any(|online| !online) {
            self.cluster.copying = None;
        }
        for (_, group) in &mut self.cluster.groups {
            if group.on.is_some_and(|at| !online[at]) {
                (group.on, group.moving) = (None, None);
            }
            if matches!(group.moving, Some((Some(to), _)) if !online[to]) {
                group.moving = None;
            }
        }
        let waits = |group: &Group| group.on.is_none() && group.moving.is_none() && !group.ordered;
        if !self.cluster.groups.iter().all(|(_, group)| waits(group)) {
            return;
        }
        // A side that was just initialised starts by itself only with both there. The second node first: the harder case.
        let both = online.iter().all(|online| *online);
        let at = [1, 0]
            .into_iter()
            .find(|at| self.usable(*at) && (both || self.all(*at, Side::Green)));
        if let Some(at) = at {
            self.start_groups(at);
        }
    }

    fn move_groups(&mut self) {
        let now = self.now;
        let mut arrived = Vec::new();
        for (_, group) in &mut self.cluster.groups {
            let Some((to, _)) = group.moving.filter(|(_, until)| now >= *until) else {
                continue;
            };
            (group.on, group.moving) = (to, None);
            arrived.push(to);
        }
        for to in arrived {
            match to {
                Some(at) => {
                    if self.all(at, Side::Red) {
                        self.wrong(format!("the groups started on {}, whose side is RED", NAMES[at]));
                    }
                    self.set(at, |volume| volume.side = Side::Green);
                }
                None => self.cluster.stopped = self.content(0).or(self.content(1)).map(|content| (now, content)),
            }
        }
    }

    fn copy(&mut self) {
        if let Some((from, until)) = self.cluster.copying {
            if self.now >= until {
                self.cluster.copying = None;
                let content = self.content(from).unwrap();
                self.set(1 - from, |volume| {
                    (volume.content, volume.side) = (content, Side::Green);
                });
                self.set(from, |volume| volume.ahead = false);
            }
            return;
        }
        if !self.now.is_multiple_of(SECOND) {
            return;
        }
        let monitored = self.guests.iter().any(|guest| guest.suspended.is_empty());
        let now = self.now;
        match self.can_copy().filter(|_| self.cluster.auto_recovery && monitored) {
            None => self.cluster.waiting = None,
            Some(from) => {
                if now >= *self.cluster.waiting.get_or_insert(now) + AUTO_RECOVERY {
                    self.cluster.waiting = None;
                    self.cluster.copying = Some((from, now + COPY));
                }
            }
        }
    }

    fn write(&mut self) {
        if self.now < self.cluster.last_write + WRITE {
            return;
        }
        let Some(at) = [0, 1].into_iter().find(|at| self.online_on(*at)) else {
            return;
        };
        // A write waits for the thaw, and does not fail.
        if self.pause.is_some_and(|(node, _)| node == at) {
            return;
        }
        self.cluster.last_write = self.now;
        let Some(before) = self.content(at) else {
            self.wrong(format!(
                "the service runs on {} without one state of its volumes",
                NAMES[at]
            ));
            return;
        };
        self.cluster.parents.push(before);
        let content = u32::try_from(self.cluster.parents.len() - 1).unwrap();
        self.set(at, |volume| volume.content = content);
        let peer = 1 - at;
        if self.guests[peer].is_online() && self.all(peer, Side::Green) {
            self.set(peer, |volume| volume.content = content);
        } else {
            self.set(at, |volume| volume.ahead = true);
        }
    }
}
