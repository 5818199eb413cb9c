//! A node's guest: its boots, its services, and what lies on its root disk and in its /run.

use super::manner::Unusable;
use super::section::Unit;
use super::{Ms, SECOND, World};
use mirrorsnap_domain::reply::{Ended, Head, Job, Records, Started};
use std::collections::{BTreeMap, BTreeSet};

/// A detached script, from its start to its end.
const SCRIPT: Ms = 3 * SECOND;
/// From the end of a script that orders it to the shutdown or reboot.
const GOING: Ms = 4 * SECOND;
/// A daemon whose peer does not come.
const ALONE: Ms = 300 * SECOND;
/// A daemon whose peer comes too.
const TOGETHER: Ms = 10 * SECOND;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Daemon {
    Down,
    Coming(Ms),
    Online,
}

/// What a detached script does at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Script {
    BackupPre,
    BackupPost,
    RestorePre,
    /// Behind the timer of the node: it may be too late.
    Leave,
    RestorePost {
        skip_copy: bool,
    },
    Reboot,
}

#[derive(Debug, Clone)]
pub(crate) struct Detached {
    pub(crate) run: String,
    pub(crate) key: String,
    pub(crate) script: Script,
    pub(crate) ends: Ms,
}

/// A job's files.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JobFiles {
    pub(crate) job: Job,
    pub(crate) out: String,
    /// What of it a boot leaves.
    pub(crate) left: Left,
}

/// What a boot leaves of a job's files: what the root disk had no room for is in /run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    All,
    /// The disk filled up before its end.
    Start,
    /// It was full at its start: an empty file.
    Trace,
}

/// A root disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    HasRoom,
    /// No record can be kept on it.
    Full,
}

#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) name: String,
    pub(crate) instance: String,
    pub(crate) powered: bool,
    pub(crate) boot: u32,
    pub(crate) booted: Ms,
    /// It answers.
    pub(crate) up: bool,
    /// When it goes down, and whether it comes up again by itself.
    pub(crate) going: Option<(Ms, Comes)>,
    /// The cluster's services start at a boot.
    pub(crate) auto: bool,
    pub(crate) daemon: Daemon,
    /// Its own monitors that are suspended.
    pub(crate) suspended: BTreeSet<String>,
    pub(crate) detached: Vec<Detached>,
    pub(crate) root: Root,
    // The root disk.
    pub(crate) stored: u64,
    pub(crate) jobs: BTreeMap<String, BTreeMap<String, JobFiles>>,
    // /run
    pub(crate) epoch: u64,
    pub(crate) markers: BTreeMap<(String, String), Option<Head>>,
    pub(crate) records: BTreeMap<String, Records>,
    pub(crate) units: Vec<Unit>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comes {
    Again,
    Not,
}

impl Guest {
    pub(crate) fn new(name: &str, instance: &str) -> Self {
        Self {
            name: name.to_owned(),
            instance: instance.to_owned(),
            powered: true,
            boot: 1,
            booted: 0,
            up: true,
            going: None,
            auto: true,
            daemon: Daemon::Online,
            suspended: BTreeSet::new(),
            detached: vec![],
            root: Root::HasRoom,
            stored: 0,
            epoch: 0,
            jobs: BTreeMap::new(),
            markers: BTreeMap::new(),
            records: BTreeMap::new(),
            units: vec![],
        }
    }

    pub(crate) fn boot_id(&self) -> String {
        format!("boot-{}-{}", self.name, self.boot)
    }

    #[allow(clippy::cast_precision_loss)]
    pub(crate) fn uptime(&self, now: Ms) -> f64 {
        now.saturating_sub(self.booted) as f64 / 1000.0
    }

    pub(crate) fn has(&self, run: &str, record: &str) -> bool {
        self.records
            .get(run)
            .is_some_and(|all| all.iter().any(|(name, _)| name == record))
    }

    pub(crate) fn is_online(&self) -> bool {
        self.up && self.daemon == Daemon::Online
    }

    pub(crate) fn is_full(&self) -> bool {
        self.root == Root::Full
    }

    /// Keeps an epoch: on the root disk if there is room, else until the next boot.
    pub(crate) fn store(&mut self, epoch: u64) {
        self.epoch = epoch;
        if !self.is_full() {
            self.stored = epoch;
        }
    }

    /// All that does not survive the power.
    pub(crate) fn goes_dark(&mut self) {
        self.epoch = self.stored;
        for files in self.jobs.values_mut().flat_map(BTreeMap::values_mut) {
            if files.left == Left::Trace {
                files.job.started = None;
            }
            if files.left != Left::All {
                (files.job.ended, files.out) = (None, String::new());
            }
        }
        (self.up, self.daemon, self.going) = (false, Daemon::Down, None);
        self.detached.clear();
        self.units.clear();
        self.markers.clear();
        self.records.clear();
        self.suspended.clear();
    }

    pub(crate) fn boots(&mut self, now: Ms) {
        self.goes_dark();
        (self.powered, self.booted) = (true, now);
        self.boot += 1;
    }
}

const BEGUN: &str = "clpbackup.sh : Beginning backup-mode.\nAll backup flags have set to <ON>.\n";
const BACKUP_POST: &str = "clpbackup.sh : Ending backup-mode.\nAll backup flags have set to <OFF>.\n\
    clpbackup.sh : Changing the setting of cluster services to Auto Startup.\nclpbackup.sh : Rebooting...\n";
const RESTORE_POST: &str = "Initializing mirror disk complete.\n\
    clprestore.sh : Changing the setting of cluster services to Auto Startup.\nclprestore.sh : Rebooting...\n";

fn pre(script: &str) -> String {
    format!(
        "{script} : Changing the setting of cluster services to Manual Startup.\n{script} : Shutting down...\nCommand succeeded.\n"
    )
}

impl World {
    /// The guests follow their instances' power, and their own orders.
    pub(crate) fn tick_guests(&mut self) {
        let now = self.now;
        for at in [0, 1] {
            let on = self.ec2.instance(&self.guests[at].instance).unwrap().power == super::ec2::Power::Running;
            let guest = &mut self.guests[at];
            if on && !guest.powered {
                guest.boots(now);
            } else if !on && guest.powered {
                guest.goes_dark();
                guest.powered = false;
            }
            if guest.powered && !guest.up && now >= guest.booted + self.boot {
                guest.up = true;
                self.replay(at);
            }
            let guest = &mut self.guests[at];
            if let Some((_, comes)) = guest.going.filter(|(when, _)| now >= *when) {
                guest.going = None;
                if comes == Comes::Again {
                    guest.boots(now);
                } else {
                    let instance = guest.instance.clone();
                    guest.goes_dark();
                    let reason = "Client.InstanceInitiatedShutdown: Instance initiated shutdown";
                    self.ec2.stop(&instance, reason).unwrap();
                    self.guests[at].powered = false;
                }
            }
            self.tick_scripts(at);
        }
        self.tick_daemons();
    }

    /// The daemons wait for each other: two that come, come together.
    fn tick_daemons(&mut self) {
        let now = self.now;
        for guest in &mut self.guests {
            if guest.up && guest.auto && guest.daemon == Daemon::Down && guest.going.is_none() {
                guest.daemon = Daemon::Coming(now);
            }
        }
        let waited = |guest: &Guest, time: Ms| matches!(guest.daemon, Daemon::Coming(since) if now >= since + time);
        let ready = |guest: &Guest| waited(guest, TOGETHER) || guest.is_online();
        let both = self.guests.iter().all(ready);
        let arrived: Vec<usize> = [0, 1]
            .into_iter()
            .filter(|at| waited(&self.guests[*at], if both { TOGETHER } else { ALONE }))
            .collect();
        for at in &arrived {
            self.guests[*at].daemon = Daemon::Online;
        }
        if !arrived.is_empty() {
            self.joined();
        }
    }

    /// A detached script begins: its files are written first.
    pub(crate) fn detach(&mut self, at: usize, run: &str, key: &str, script: Script) {
        let lacks_room = self.scripts_need_room && self.guests[at].is_full() && script != Script::Reboot;
        let (now, fails) = (self.now, self.script_fails(key) || lacks_room);
        let guest = &mut self.guests[at];
        let started = Some(Started {
            boot_id: guest.boot_id(),
            uptime: guest.uptime(now),
        });
        let files = JobFiles {
            job: Job { started, ended: None },
            out: String::new(),
            left: if guest.is_full() { Left::Trace } else { Left::All },
        };
        guest
            .jobs
            .entry(run.to_owned())
            .or_default()
            .insert(key.to_owned(), files);
        let ends = now + SCRIPT;
        let (run, key) = (run.to_owned(), key.to_owned());
        guest.detached.push(Detached {
            run,
            key: key.clone(),
            script,
            ends,
        });
        if fails {
            self.failing.insert((at, key));
        }
    }

    /// Whether the script of this document is to fail this time.
    fn script_fails(&mut self, key: &str) -> bool {
        let document = key
            .rsplit_once('.')
            .map_or(key, |(front, _)| front.split('.').next().unwrap());
        let left = self.fail_scripts.get_mut(document);
        left.is_some_and(|left| {
            let fails = *left > 0;
            *left = left.saturating_sub(1);
            fails
        })
    }

    fn tick_scripts(&mut self, at: usize) {
        let now = self.now;
        let over: Vec<Detached> = self.guests[at]
            .detached
            .iter()
            .filter(|one| now >= one.ends)
            .cloned()
            .collect();
        self.guests[at].detached.retain(|one| now < one.ends);
        for one in over {
            let (rc, out) = if self.failing.remove(&(at, one.key.clone())) {
                (5, "it failed\n".to_owned())
            } else {
                let (rc, out) = self.script(at, &one);
                (rc, self.said(out))
            };
            let guest = &mut self.guests[at];
            let ended = Some(Ended {
                rc,
                boot_id: guest.boot_id(),
                uptime: guest.uptime(now),
            });
            let full = guest.is_full();
            let files = guest.jobs.get_mut(&one.run).unwrap().get_mut(&one.key).unwrap();
            (files.job.ended, files.out) = (ended, out);
            if full && files.left == Left::All {
                files.left = Left::Start;
            }
            if rc != 0 && one.script == Script::Leave {
                self.timer_now(at, &one.run);
            }
        }
    }

    /// What a script says of what it has done: in words that we know, or in others.
    fn said(&self, out: String) -> String {
        match self.unusable {
            Some(Unusable::OtherWords) => out
                .replace("Changing the setting of", "New values for")
                .replace("have set to", "are"),
            _ => out,
        }
    }

    fn script(&mut self, at: usize, one: &Detached) -> (i32, String) {
        let going = self.now + GOING;
        match one.script {
            Script::BackupPre => {
                let guest = &mut self.guests[at];
                (guest.auto, guest.going) = (false, Some((going, Comes::Not)));
                (0, format!("{BEGUN}{}", pre("clpbackup.sh")))
            }
            Script::RestorePre => {
                let guest = &mut self.guests[at];
                (guest.auto, guest.going) = (false, Some((going, Comes::Not)));
                (0, pre("clprestore.sh"))
            }
            Script::Leave => {
                if !self.leaves(at, &one.run) {
                    return (75, "overtaken\n".to_owned());
                }
                let guest = &mut self.guests[at];
                (guest.auto, guest.going) = (false, Some((going, Comes::Not)));
                (0, pre("clprestore.sh"))
            }
            Script::BackupPost => {
                let guest = &mut self.guests[at];
                if guest.daemon != Daemon::Down {
                    return (1, "the cluster is running\n".to_owned());
                }
                (guest.auto, guest.going) = (true, Some((going, Comes::Again)));
                (0, BACKUP_POST.to_owned())
            }
            Script::RestorePost { skip_copy } => {
                if self.guests[at].daemon != Daemon::Down {
                    return (1, "the cluster is running\n".to_owned());
                }
                self.initialize(at, skip_copy);
                let guest = &mut self.guests[at];
                (guest.auto, guest.going) = (true, Some((going, Comes::Again)));
                (0, RESTORE_POST.to_owned())
            }
            Script::Reboot => {
                self.guests[at].going = Some((going, Comes::Again));
                (0, String::new())
            }
        }
    }
}
