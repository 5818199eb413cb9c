//! The critical section's units (infra/documents/section.sh) at the grain of their records. How they interleave is proved
//! on the scripts themselves, by tests/interleaving; here they take time, leave records, and can be fenced.

use super::cluster::Color;
use super::ec2::Side;
use super::{Ms, SECOND, World, image};
use mirrorsnap_domain::consistency::{Consistency, PREPARATION_SECONDS, THAW_SECONDS};
use mirrorsnap_domain::reply::Record;

/// What follows the stop of the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    Break,
    Down,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The standby waits until then.
    Break { until: Ms },
    /// The active begins.
    Begin { then: Then },
    /// What is dirty is written; the file systems are frozen then.
    Preparing { until: Ms },
    /// The groups stop, until then at the latest.
    Stopping { then: Then, until: Ms },
    /// The break is waited for, until then.
    Await { until: Ms },
    /// The groups start again.
    Bringing,
    /// The timer fires then.
    Timer { fires: Ms },
    /// The timer's part, once it has fired.
    Fired,
}

#[derive(Debug, Clone)]
pub(crate) struct Unit {
    pub(crate) run: String,
    pub(crate) epoch: u64,
    pub(crate) role: Role,
    pub(crate) consistency: Consistency,
    /// Of the outage, in seconds.
    pub(crate) stop: Ms,
    pub(crate) wait: Ms,
    pub(crate) start: Ms,
    pub(crate) most: Ms,
}

impl Unit {
    const fn is_timer(&self) -> bool {
        matches!(self.role, Role::Timer { .. } | Role::Fired)
    }
}

impl World {
    /// Writes a record of a run.
    pub(crate) fn note(&mut self, at: usize, run: &str, epoch: u64, name: &str) {
        let record = self.record(at, epoch);
        self.put(at, run, name, record);
    }

    fn record(&self, at: usize, epoch: u64) -> Record {
        let guest = &self.guests[at];
        Record {
            epoch,
            boot_id: guest.boot_id(),
            uptime: guest.uptime(self.now),
            ..Record::default()
        }
    }

    fn put(&mut self, at: usize, run: &str, name: &str, record: Record) {
        let all = self.guests[at].records.entry(run.to_owned()).or_default();
        *all.place(name).expect("a record that nobody reads") = Some(record);
    }

    fn note_why(&mut self, at: usize, unit: &Unit, name: &str, by: &str, reason: &str) {
        let record = Record {
            by: Some(by.to_owned()),
            reason: Some(reason.to_owned()),
            ..self.record(at, unit.epoch)
        };
        self.put(at, &unit.run, name, record);
    }

    pub(crate) fn tick_units(&mut self) {
        for at in [0, 1] {
            let units = std::mem::take(&mut self.guests[at].units);
            let mut left = Vec::new();
            for unit in units {
                left.extend(self.step_unit(at, unit));
            }
            // What a unit started meanwhile comes behind.
            left.append(&mut self.guests[at].units);
            self.guests[at].units = left;
        }
    }

    fn overruled(&self, at: usize, unit: &Unit) -> bool {
        self.guests[at].epoch != unit.epoch
    }

    fn has(&self, at: usize, unit: &Unit, record: &str) -> bool {
        self.guests[at].has(&unit.run, record)
    }

    fn colors(&self, of: usize) -> Vec<Color> {
        (0..self.config.mirror_disks.len())
            .map(|disk| self.color(of, disk))
            .collect()
    }

    pub(crate) fn both_online(&self) -> bool {
        self.guests.iter().all(super::guest::Guest::is_online)
    }

    fn all_green(&self) -> bool {
        [0, 1]
            .iter()
            .all(|at| self.colors(*at).iter().all(|color| *color == Color::Green))
    }

    /// What is left of the unit after this moment.
    fn step_unit(&mut self, at: usize, unit: Unit) -> Option<Unit> {
        let now = self.now;
        // The timer has ended a frozen section, and stopped this unit.
        if unit.consistency == Consistency::Frozen && !unit.is_timer() && self.has(at, &unit, "done") {
            return None;
        }
        match unit.role {
            Role::Preparing { until } if now >= until => return Some(self.freezes(at, unit)),
            Role::Break { until } => return self.step_break(at, unit, until),
            Role::Begin { then } => return self.arm(at, unit, then),
            Role::Stopping { then, until } => return self.stopping(at, unit, then, until),
            Role::Await { until } => {
                // The baton: its record first, then the monitors of this node.
                let monitors: Vec<String> = self
                    .config
                    .mirror_disks
                    .iter()
                    .map(|disk| disk.monitor.clone())
                    .collect();
                if !self.has(at, &unit, "baton") {
                    // Its copy on the root disk comes first: without it nobody would know later whose the suspension is.
                    if self.guests[at].is_full() {
                        return Some(self.judge(at, unit, false, "record"));
                    }
                    let fingerprint = image::fingerprint(self.content(at).unwrap());
                    let prints = self
                        .config
                        .mirror_disks
                        .iter()
                        .map(|disk| (disk.name.clone(), fingerprint.clone()));
                    let record = Record {
                        fingerprints: prints.collect(),
                        ..self.record(at, unit.epoch)
                    };
                    self.put(at, &unit.run, "baton", record);
                    self.guests[at].suspended.extend(monitors);
                    return Some(unit);
                }
                let broken = self.both_online() && self.quiet(at, &unit) && self.all(1 - at, Side::Red);
                let wanted = broken && !self.overruled(at, &unit);
                if wanted || now >= until {
                    return Some(self.judge(at, unit, wanted, "deadline"));
                }
            }
            Role::Bringing => {
                if unit.consistency == Consistency::Frozen {
                    self.thaws(at);
                }
                if unit.consistency == Consistency::Frozen || self.online_on(at) {
                    self.note_why(at, &unit, "done", "active", "online");
                    self.guests[at]
                        .units
                        .retain(|one| !(one.run == unit.run && one.is_timer()));
                    self.drop_timer = Some((at, unit.run.clone()));
                    return None;
                }
                self.start_groups(at);
            }
            Role::Timer { fires } if now >= fires => return self.fire(at, unit),
            Role::Timer { .. } | Role::Preparing { .. } => {}
            Role::Fired => {
                if unit.consistency == Consistency::Frozen || self.online() {
                    self.note_why(at, &unit, "done", "timer", "online");
                    return None;
                }
                self.start_groups(at);
            }
        }
        let dropped = self.drop_timer == Some((at, unit.run.clone())) && unit.is_timer();
        (!dropped).then_some(unit)
    }

    fn step_break(&mut self, at: usize, unit: Unit, until: Ms) -> Option<Unit> {
        if self.now >= until {
            self.note_why(at, &unit, "gave_up", "break", "deadline");
            return None;
        }
        let baton = self.monitors_of_are_suspended(1 - at);
        let quiet = match unit.consistency {
            Consistency::Stopped => self.offline(),
            // The standby cannot see a freeze.
            Consistency::Frozen => self.online_on(1 - at),
        };
        if !(baton && self.both_online() && quiet && self.all_green()) {
            return Some(unit);
        }
        if self.overruled(at, &unit) {
            self.note_why(at, &unit, "gave_up", "break", "overruled");
            return None;
        }
        self.note(at, &unit.run, unit.epoch, "breaking");
        if self.no_break_while_online && self.online() {
            self.note_why(at, &unit, "tainted", "break", "state");
            return None;
        }
        self.break_mirrors(at);
        let when = self.guests[at].uptime(self.now);
        let record = Record {
            t1: Some(when),
            t2: Some(when + 0.1),
            ..self.record(at, unit.epoch)
        };
        self.put(at, &unit.run, "broke", record);
        None
    }

    fn arm(&mut self, at: usize, mut unit: Unit, then: Then) -> Option<Unit> {
        if then == Then::Break && !self.guests[at].suspended.is_empty() {
            self.note_why(at, &unit, "refused", "active", "monitors");
            return None;
        }
        let whole = self.both_online() && self.online_on(at) && (then == Then::Down || self.all_green());
        if !whole || self.overruled(at, &unit) {
            self.note_why(at, &unit, "refused", "active", "groups");
            return None;
        }
        // The run's directory on the root disk, for the baton's copy.
        if then == Then::Break && self.guests[at].is_full() {
            self.note_why(at, &unit, "refused", "active", "disk");
            return None;
        }
        self.note(at, &unit.run, unit.epoch, "arming");
        self.note(at, &unit.run, unit.epoch, "armed");
        let fires = self.now + unit.most - unit.start;
        let timer = Unit {
            role: Role::Timer { fires },
            ..unit.clone()
        };
        self.guests[at].units.push(timer);
        if unit.consistency == Consistency::Frozen {
            let until = self.now + unit.stop;
            unit.role = Role::Preparing { until };
            return Some(unit);
        }
        self.note(at, &unit.run, unit.epoch, "stopping");
        self.stop_groups();
        let until = self.now + unit.stop;
        unit.role = Role::Stopping { then, until };
        Some(unit)
    }

    /// Whether the active's own way of being quiet holds.
    fn quiet(&self, at: usize, unit: &Unit) -> bool {
        match unit.consistency {
            Consistency::Stopped => self.offline(),
            Consistency::Frozen => self.online_on(at) && self.pause.as_ref().is_some_and(|(node, ..)| *node == at),
        }
    }

    fn freezes(&mut self, at: usize, mut unit: Unit) -> Unit {
        let over = self.has(at, &unit, "void") || self.has(at, &unit, "done");
        if over || self.overruled(at, &unit) || !self.online_on(at) {
            return self.judge(at, unit, false, "overruled");
        }
        self.note(at, &unit.run, unit.epoch, "freezing");
        self.pause = Some((at, self.now));
        self.cluster.stopped = self.content(at).map(|content| (self.now, content));
        unit.role = Role::Await {
            until: self.now + unit.wait,
        };
        unit
    }

    pub(crate) fn thaws(&mut self, at: usize) {
        self.pause = self.pause.take().filter(|(node, _)| *node != at);
    }

    fn stopping(&mut self, at: usize, mut unit: Unit, then: Then, until: Ms) -> Option<Unit> {
        if self.offline() {
            if then == Then::Down {
                self.note(at, &unit.run, unit.epoch, "stopped");
                return None;
            }
            unit.role = Role::Await {
                until: self.now + unit.wait,
            };
            return Some(unit);
        }
        if self.now >= until {
            return Some(self.judge(at, unit, false, "stop_failed"));
        }
        Some(unit)
    }

    fn judge(&mut self, at: usize, mut unit: Unit, wanted: bool, reason: &str) -> Unit {
        if !self.has(at, &unit, "void") && !self.has(at, &unit, "sealed") {
            if wanted {
                self.note(at, &unit.run, unit.epoch, "sealed");
                let frozen = self.cluster.stopped.unwrap();
                self.frozen.insert(unit.run.clone(), frozen);
            } else {
                self.note_why(at, &unit, "void", "active", reason);
            }
        }
        unit.role = Role::Bringing;
        unit
    }

    /// The timer's part: the groups come back, unless a shutdown of this node is being ordered.
    fn fire(&mut self, at: usize, mut unit: Unit) -> Option<Unit> {
        if self.has(at, &unit, "done") {
            return None;
        }
        let leaves = |one: &super::guest::Detached| one.run == unit.run && one.script == super::guest::Script::Leave;
        if self.has(at, &unit, "leaving")
            && (self.guests[at].going.is_some() || self.guests[at].detached.iter().any(leaves))
        {
            return Some(unit);
        }
        if !self.has(at, &unit, "sealed") && !self.has(at, &unit, "void") {
            self.note_why(at, &unit, "void", "timer", "deadline");
        }
        if unit.consistency == Consistency::Frozen {
            self.thaws(at);
        }
        unit.role = Role::Fired;
        Some(unit)
    }

    /// The timer of a run fires now.
    pub(crate) fn timer_now(&mut self, at: usize, run: &str) {
        let now = self.now;
        for unit in &mut self.guests[at].units {
            if unit.run == run && matches!(unit.role, Role::Timer { .. }) {
                unit.role = Role::Timer { fires: now };
            }
        }
    }

    /// Under the timer's lock: `leaving`, unless the timer, a fence or a start came first.
    pub(crate) fn leaves(&mut self, at: usize, run: &str) -> bool {
        let guest = &self.guests[at];
        let epoch = guest.epoch;
        let over = guest.has(run, "void") || guest.has(run, "done");
        let armed = guest
            .records
            .get(run)
            .and_then(|all| all.armed.as_ref())
            .map(|armed| armed.epoch);
        if over || armed != Some(epoch) || !guest.is_online() || !self.offline() {
            return false;
        }
        self.note(at, run, epoch, "leaving");
        true
    }

    /// What a fence does with the units of lower epochs.
    pub(crate) fn fence_units(&mut self, at: usize, epoch: u64) {
        let (older, own): (Vec<Unit>, Vec<Unit>) = std::mem::take(&mut self.guests[at].units)
            .into_iter()
            .partition(|unit| unit.epoch < epoch);
        self.guests[at].units = own;
        for mut unit in older.into_iter().filter(Unit::is_timer) {
            if unit.role != Role::Fired {
                if !self.has(at, &unit, "leaving") && !self.has(at, &unit, "void") {
                    self.note_why(at, &unit, "void", "fence", "fenced");
                }
                unit.role = Role::Timer { fires: self.now };
            }
            self.guests[at].units.push(unit);
        }
    }

    /// A unit of a document, from its parameters in seconds.
    pub(crate) fn unit(
        run: &str,
        epoch: u64,
        role: Role,
        consistency: Consistency,
        parameter: impl Fn(&str) -> u64,
    ) -> Unit {
        // These nodes have no hooks. The document's own times take the place of the stop's (infra/documents/quiesce.sh).
        let (stop, start, most) = match consistency {
            Consistency::Stopped => (
                parameter("StopSeconds"),
                parameter("StartSeconds"),
                parameter("MaxOutageSeconds"),
            ),
            Consistency::Frozen => {
                let stop = u64::from(PREPARATION_SECONDS);
                (stop, u64::from(THAW_SECONDS), stop + parameter("MaxPauseSeconds"))
            }
        };
        Unit {
            run: run.to_owned(),
            epoch,
            role,
            consistency,
            stop: stop * SECOND,
            wait: parameter("BreakSeconds") * SECOND,
            start: start * SECOND,
            most: most * SECOND,
        }
    }
}
