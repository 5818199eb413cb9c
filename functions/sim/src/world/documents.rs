//! The command documents as infra/documents has them: the guard first, then what each does to its node.

use super::ec2::Side;
use super::guest::{Daemon, Root, Script};
use super::prints::unfinished;
use super::section::{Role, Then};
use super::{Ms, NAMES, SECOND, World};
use mirrorsnap_domain::consistency::Consistency;
use mirrorsnap_domain::reply::{Head, Outcome, Pack, Reply, Section};
use mirrorsnap_domain::steps::Step;
use std::collections::BTreeMap;

/// What a document waits for before it answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Waits {
    /// It has answered.
    For(Box<Reply>, Ms),
    /// One of these records of its run.
    Record(Vec<&'static str>),
    /// The groups are online here.
    Online,
    /// They are offline.
    Offline,
}

/// A document that reads answers in this time.
const READ: Ms = 500;
/// One that acts at once.
const ACT: Ms = SECOND;

fn parameter(step: &Step, name: &str) -> String {
    step.parameters().0.remove(name).unwrap_or_default()
}

fn number(step: &Step, name: &str) -> u64 {
    parameter(step, name).parse().unwrap_or(0)
}

impl World {
    fn reply(&self, at: usize, step: &Step, result: Outcome, reason: Option<&str>) -> Reply {
        Reply {
            head: self.head(at, step, result, reason),
            sections: BTreeMap::new(),
            size: 0,
        }
    }

    fn answers(&self, at: usize, step: &Step, result: Outcome, reason: Option<&str>) -> Waits {
        Waits::For(Box::new(self.reply(at, step, result, reason)), self.now + ACT)
    }

    /// A document begins on a node that is up.
    pub(crate) fn begin_document(&mut self, at: usize, step: &Step) -> Waits {
        let run = parameter(step, "Run");
        match step.document.name() {
            "observe" => {
                let mut reply = self.reply(at, step, Outcome::Ok, None);
                reply.sections = self.prints(at, &run);
                return Waits::For(Box::new(reply), self.now + READ);
            }
            "read-records" => {
                let reply = self.reply(at, step, Outcome::Ok, None);
                return Waits::For(Box::new(reply), self.now + READ);
            }
            "describe" => {
                // `gzip -n` of `--- kernel rc=0` and one line.
                const PACKED: &str = "H4sIAAAAAAAAA9PV1VXITi3KS81RKEq2NeAy1TM04QIAbtKAvRUAAAA=";
                let mut reply = self.reply(at, step, Outcome::Ok, None);
                reply.head.pack = Some(Pack {
                    part: 1,
                    parts: 1,
                    characters: PACKED.len(),
                    digest: "d".to_owned(),
                });
                let text = PACKED.to_owned();
                reply.sections.insert("part".to_owned(), Section { rc: 0, text });
                return Waits::For(Box::new(reply), self.now + READ);
            }
            _ => {}
        }
        self.acted += 1;
        if let Some((node, from)) = self.fills
            && self.acted >= from
        {
            self.guests[node].root = Root::Full;
        }
        if step.document.name() == "fence" {
            return self.fence(at, step);
        }
        let key = (run, format!("{}.{}", step.document.name(), parameter(step, "Attempt")));
        if let Err(waits) = self.guard(at, step, &key) {
            return waits;
        }
        let waits = self.act(at, step, &key.1);
        if let Waits::For(reply, _) = &waits {
            self.guests[at].markers.insert(key, Some(reply.head.clone()));
        }
        waits
    }

    /// lib/guard.sh.
    fn guard(&mut self, at: usize, step: &Step, key: &(String, String)) -> Result<(), Waits> {
        let epoch = number(step, "Epoch");
        let refuse = |world: &mut Self, reason: &str, marked: bool| {
            let waits = world.answers(at, step, Outcome::Refused, Some(reason));
            if let (true, Waits::For(reply, _)) = (marked, &waits) {
                world.guests[at].markers.insert(key.clone(), Some(reply.head.clone()));
            }
            Err(waits)
        };
        if parameter(step, "ExpectedBootId") != self.guests[at].boot_id() {
            return refuse(self, "other_boot", false);
        }
        match self.guests[at].markers.get(key).cloned() {
            Some(Some(head)) => {
                let head = Head { replay: true, ..head };
                let reply = Box::new(Reply {
                    head,
                    sections: BTreeMap::new(),
                    size: 0,
                });
                return Err(Waits::For(reply, self.now + ACT));
            }
            Some(None) => return Err(self.answers(at, step, Outcome::Unknown, None)),
            None => {}
        }
        self.guests[at].markers.insert(key.clone(), None);
        if self.guests[at].epoch > epoch {
            return refuse(self, "fenced", true);
        }
        #[allow(clippy::cast_precision_loss)]
        if self.guests[at].uptime(self.now) > number(step, "NotAfterUptime") as f64 {
            return refuse(self, "late", true);
        }
        self.guests[at].store(epoch);
        self.fenced_acts(at, step, epoch);
        Ok(())
    }

    fn fence(&mut self, at: usize, step: &Step) -> Waits {
        let epoch = number(step, "Epoch");
        if parameter(step, "ExpectedBootId") != self.guests[at].boot_id() {
            return self.answers(at, step, Outcome::Refused, Some("other_boot"));
        }
        if self.guests[at].epoch > epoch {
            return self.answers(at, step, Outcome::Refused, Some("fenced"));
        }
        self.guests[at].store(epoch);
        self.fence_units(at, epoch);
        self.answers(at, step, Outcome::Ok, None)
    }

    fn state(&self, at: usize, step: &Step, holds: bool) -> Option<Waits> {
        (!holds).then(|| self.answers(at, step, Outcome::Refused, Some("state")))
    }

    pub(crate) fn monitors_of_are_suspended(&self, at: usize) -> bool {
        let mut disks = self.config.mirror_disks.iter();
        disks.all(|disk| self.guests[at].suspended.contains(&disk.monitor))
    }

    /// What it does behind the guard.
    fn act(&mut self, at: usize, step: &Step, key: &str) -> Waits {
        let run = parameter(step, "Run");
        let epoch = number(step, "Epoch");
        let consistency = Consistency::read(&parameter(step, "Consistency")).unwrap_or_default();
        let unit = |role: Role| Self::unit(&run, epoch, role, consistency, |name| number(step, name));
        match step.document.name() {
            "suspend-monitors" | "resume-monitors" => return self.monitors_document(at, step),
            "break-unit" => {
                let green = (0..2).all(|side| self.all(side, Side::Green));
                if let Some(no) = self.state(at, step, self.both_online() && self.online_on(1 - at) && green) {
                    return no;
                }
                if !self.monitors_of_are_suspended(at) || !self.guests[1 - at].suspended.is_empty() {
                    return self.answers(at, step, Outcome::Refused, Some("monitors"));
                }
                let until = self.now + number(step, "WaitSeconds") * SECOND;
                self.note(at, &run, epoch, "waiting");
                self.guests[at].units.push(unit(Role::Break { until }));
            }
            "quiesce" | "quiesce-restore" => {
                if !unfinished(&self.guests[at]).is_empty() {
                    return self.answers(at, step, Outcome::Refused, Some("other_run"));
                }
                let restore = step.document.name() != "quiesce";
                let then = if restore { Then::Down } else { Then::Break };
                self.guests[at].units.push(unit(Role::Begin { then }));
                let records = if restore {
                    vec!["refused", "stopped", "done"]
                } else {
                    vec!["refused", "armed"]
                };
                return Waits::Record(records);
            }
            "start-group" => {
                self.spares_the_groups("started");
                self.start_groups(at);
                return Waits::Online;
            }
            "stop-group" => {
                self.stop_groups();
                return Waits::Offline;
            }
            "start-cluster" => {
                if self.guests[at].daemon == Daemon::Down {
                    self.guests[at].daemon = Daemon::Coming(self.now);
                }
            }
            "recover-mirror" => self.recover_mirrors(),
            "enter-backup-mode" => {
                let frozen = self.all(at, Side::Red) && self.all(1 - at, Side::Green);
                let holds = self.both_online()
                    && self.online_on(1 - at)
                    && frozen
                    && (0..2).all(|side| self.monitors_of_are_suspended(side));
                return match self.state(at, step, holds) {
                    Some(no) => no,
                    None => self.detaches(at, step, key, Script::BackupPre),
                };
            }
            "leave-backup-mode" => return self.detaches(at, step, key, Script::BackupPost),
            "enter-restore-mode" => return self.enter_restore_mode(at, step, key),
            "post-process-restore" => {
                let skip_copy = parameter(step, "SkipCopy") == "yes";
                return self.detaches(at, step, key, Script::RestorePost { skip_copy });
            }
            "enable-services" => {
                self.guests[at].auto = true;
                return self.detaches(at, step, key, Script::Reboot);
            }
            other => panic!("no document {other}"),
        }
        self.answers(at, step, Outcome::Ok, None)
    }

    fn monitors_document(&mut self, at: usize, step: &Step) -> Waits {
        if !self.guests[at].is_online() {
            return self.answers(at, step, Outcome::Failed, Some("command"));
        }
        let mut worst = Outcome::Ok;
        for node in parameter(step, "Nodes").split(' ') {
            let of = usize::from(node == NAMES[1]);
            if !self.guests[of].is_online() {
                worst = Outcome::Failed;
                continue;
            }
            for monitor in parameter(step, "Monitors").split(' ') {
                let suspended = &mut self.guests[of].suspended;
                if step.document.name() == "suspend-monitors" {
                    suspended.insert(monitor.to_owned());
                } else {
                    suspended.remove(monitor);
                }
            }
        }
        self.answers(at, step, worst, None)
    }

    fn enter_restore_mode(&mut self, at: usize, step: &Step, key: &str) -> Waits {
        let run = parameter(step, "Run");
        let guest = &self.guests[at];
        let has = |record: &str| guest.has(&run, record);
        let mut armed = has("arming");
        if parameter(step, "Anew") == "yes" && has("done") {
            armed = false;
        } else if has("void") || has("done") {
            return self.answers(at, step, Outcome::Refused, Some("overtaken"));
        }
        if let Some(no) = self.state(at, step, self.guests[at].is_online() && self.offline()) {
            return no;
        }
        self.detaches(at, step, key, if armed { Script::Leave } else { Script::RestorePre })
    }

    fn detaches(&mut self, at: usize, step: &Step, key: &str, script: Script) -> Waits {
        let run = &parameter(step, "Run");
        if self.guests[at].jobs.get(run).is_some_and(|all| all.contains_key(key)) {
            return self.answers(at, step, Outcome::Refused, Some("done_before"));
        }
        // lib/detached.sh: what is evidence beyond the boot is not made without its record.
        let evidence = match script {
            Script::BackupPre => true,
            Script::RestorePre | Script::Leave => parameter(step, "Recorded") == "yes",
            Script::BackupPost | Script::RestorePost { .. } | Script::Reboot => false,
        };
        if evidence && self.guests[at].is_full() {
            return self.answers(at, step, Outcome::Failed, Some("disk"));
        }
        self.detach(at, run, key, script);
        self.answers(at, step, Outcome::Ok, None)
    }

    /// Whether a document that waits has what it waits for.
    pub(crate) fn document_ends(&mut self, at: usize, step: &Step, waits: &Waits) -> Option<Reply> {
        let run = parameter(step, "Run");
        let (result, reason) = match waits {
            Waits::For(reply, until) => return (self.now >= *until).then(|| (**reply).clone()),
            Waits::Record(names) => {
                let found = names.iter().find(|name| self.guests[at].has(&run, name))?;
                match *found {
                    "refused" if step.document.name() == "quiesce-restore" => (Outcome::Refused, Some("state")),
                    "done" => (Outcome::Failed, Some("stop")),
                    _ => (Outcome::Ok, None),
                }
            }
            Waits::Online | Waits::Offline => {
                if self.cluster.groups.iter().any(|(_, group)| group.moving.is_some()) {
                    return None;
                }
                let there = if *waits == Waits::Online {
                    self.online_on(at)
                } else {
                    self.offline()
                };
                if there {
                    (Outcome::Ok, None)
                } else {
                    (Outcome::Failed, Some("state"))
                }
            }
        };
        let reply = self.reply(at, step, result, reason);
        let key = (run, format!("{}.{}", step.document.name(), parameter(step, "Attempt")));
        self.guests[at].markers.insert(key, Some(reply.head.clone()));
        Some(reply)
    }
}
