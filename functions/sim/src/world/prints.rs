//! What CLUSTERPRO's commands, systemctl and lsblk print on a node, in the forms that docs/documents.md shows.

use super::cluster::Color;
use super::guest::{Daemon, Guest};
use super::{NAMES, World};
use mirrorsnap_domain::reply::{Head, Outcome, Section, Took};
use mirrorsnap_domain::steps::Step;
use std::collections::BTreeMap;
use std::fmt::Write;

fn section(rc: i32, text: impl Into<String>) -> Section {
    let text = text.into();
    Section { rc, text }
}

fn word(guest: &Guest) -> &'static str {
    if guest.is_online() { "Online" } else { "Offline" }
}

impl World {
    /// The first line of a document.
    pub(crate) fn head(&self, at: usize, step: &Step, result: Outcome, reason: Option<&str>) -> Head {
        let guest = &self.guests[at];
        let run = step.run.clone();
        Head {
            document: step.document.name().to_owned(),
            epoch: step.epoch,
            boot_id: guest.boot_id(),
            uptime: guest.uptime(self.now),
            result,
            reason: reason.map(str::to_owned),
            detail: None,
            replay: false,
            hold: false,
            stored_epoch: Some(guest.epoch),
            records: guest.records.get(&run).cloned().unwrap_or_default(),
            units: BTreeMap::new(),
            unfinished: unfinished(guest),
            jobs: guest
                .jobs
                .get(&run)
                .into_iter()
                .flatten()
                .map(|(key, files)| (key.clone(), files.job.clone()))
                .collect(),
            missing: vec![],
            took_ms: Took::default(),
            entries: vec![],
            left_out: 0,
            pack: None,
            run,
        }
    }

    /// The sections of `observe`.
    pub(crate) fn prints(&self, at: usize, run: &str) -> BTreeMap<String, Section> {
        let guest = &self.guests[at];
        let mut all = BTreeMap::new();
        let down = || section(1, "Command failed.\n");
        let (stat, monitors) = if guest.daemon == Daemon::Online {
            (section(0, self.clpstat(at)), section(0, self.monitors()))
        } else {
            (down(), down())
        };
        all.insert("clpstat".to_owned(), stat);
        all.insert("clpstat-monitors".to_owned(), monitors);
        let mut mounts = String::new();
        for (number, disk) in self.config.mirror_disks.iter().enumerate() {
            let shown = if guest.daemon == Daemon::Online {
                section(0, self.clpmdstat(number))
            } else {
                down()
            };
            all.insert(format!("clpmdstat {}", disk.name), shown);
            let paths = format!(
                "cppath 0 {}\nown-cppath 1\ndppath 0 {}\nown-dppath 1\n",
                disk.cluster_partition.on(NAMES[at]),
                disk.data_partition.on(NAMES[at])
            );
            let defaults = "sync 1\nsyncmode 1\ndeact 1\numount-seconds 1\numount-retries 1\n";
            all.insert(
                format!("settings {}", disk.name),
                section(0, format!("{paths}fullcopy 0 0\n{defaults}")),
            );
            let driver = format!("/dev/NMP{}", number + 1);
            let mount = if self.online_on(at) {
                format!("{} {driver} ok\n", disk.name)
            } else {
                format!("{} {driver} not_mounted - -\n", disk.name)
            };
            mounts.push_str(&mount);
            all.insert(
                format!("monitor {}", disk.monitor),
                section(0, format!("object 0 {}\n", disk.name)),
            );
            let device = disk.device.on(NAMES[at]);
            let letter = device.trim_start_matches("/dev/sd");
            if self.ec2.at(&guest.instance, device).is_some() {
                for (part, path) in [(1, &disk.cluster_partition), (2, &disk.data_partition)] {
                    let text = format!(
                        "NAME=\"xvd{letter}{part}\" TYPE=\"part\" SERIAL=\"\"\nNAME=\"xvd{letter}\" TYPE=\"disk\" SERIAL=\"\"\n"
                    );
                    all.insert(format!("device {}", path.on(NAMES[at])), section(0, text));
                }
            }
        }
        all.insert("mounts".to_owned(), section(0, mounts));
        let enabled = if guest.auto {
            "enabled\nenabled\n"
        } else {
            "disabled\ndisabled\n"
        };
        all.insert("is-enabled".to_owned(), section(0, enabled));
        all.insert("systemd".to_owned(), section(0, "systemd 252 (252-18.el9)\n"));
        all.insert("sync".to_owned(), section(0, "sync (GNU coreutils) 8.32\n"));
        let disks: Vec<&str> = self.config.mirror_disks.iter().map(|disk| disk.name.as_str()).collect();
        all.insert(
            "cluster".to_owned(),
            section(0, format!("md 0 {}\nhd 1\nhaltp 1\nstall 1\n", disks.join(" "))),
        );
        let room = "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/xvda2 10475520 3000 700000 1% /\n";
        all.insert("space".to_owned(), section(0, room));
        for (key, files) in guest
            .jobs
            .get(run)
            .into_iter()
            .flatten()
            .filter(|(_, files)| !files.out.is_empty())
        {
            all.insert(format!("out {key}"), section(0, files.out.clone()));
        }
        all
    }

    fn clpstat(&self, at: usize) -> String {
        let mut text = "  Cluster : cluster\n  <server>\n".to_owned();
        for (number, guest) in self.guests.iter().enumerate() {
            let star = if number == at { '*' } else { ' ' };
            writeln!(text, "   {star}{} ........: {}", guest.name, word(guest)).unwrap();
        }
        text.push_str("  <group>\n");
        for (name, group) in &self.cluster.groups {
            let state = match (group.moving, group.on) {
                (Some((Some(_), _)), _) => "Online Pending",
                (Some((None, _)), _) => "Offline Pending",
                (None, Some(_)) => "Online",
                (None, None) => "Offline",
            };
            let current = group.on.filter(|_| group.moving.is_none()).map_or("-", |on| NAMES[on]);
            writeln!(text, "    {name} ......: {state}\n      current       : {current}").unwrap();
            for disk in &self.config.mirror_disks {
                writeln!(text, "      {}           : {state}", disk.name).unwrap();
            }
        }
        text.push_str("  <monitor>\n");
        for disk in &self.config.mirror_disks {
            writeln!(text, "    {}           : Normal", disk.monitor).unwrap();
        }
        text
    }

    fn monitors(&self) -> String {
        let mut text = "  Cluster : cluster\n".to_owned();
        for (number, disk) in self.config.mirror_disks.iter().enumerate() {
            writeln!(text, "  Monitor{number} [{} : Normal]", disk.monitor).unwrap();
            for guest in &self.guests {
                let state = match (guest.is_online(), guest.suspended.contains(&disk.monitor)) {
                    (false, _) => "Offline",
                    (true, true) => "Suspend",
                    (true, false) => "Online",
                };
                writeln!(text, "    {} [o|o] : {state}", guest.name).unwrap();
            }
        }
        text
    }

    fn clpmdstat(&self, disk: usize) -> String {
        let colors = [self.color(0, disk), self.color(1, disk)];
        let status = match colors {
            [Color::Green, Color::Green] => "Normal",
            [Color::Yellow, _] => "Recovering",
            _ => "Abnormal",
        };
        let name = &self.config.mirror_disks[disk].name;
        format!(
            "Mirror Status: {status}\n{name} {} {}\n-----\nMirror Color {} {}\n",
            NAMES[0],
            NAMES[1],
            colors[0].word(),
            colors[1].word()
        )
    }
}

/// Runs of this boot whose timer was armed and that are not done; a restore that takes the node down is none.
pub(crate) fn unfinished(guest: &Guest) -> Vec<String> {
    let open = |run: &&String| {
        let has = |record: &str| guest.has(run, record);
        has("arming") && !has("done") && (has("void") || !has("leaving"))
    };
    guest.records.keys().filter(open).cloned().collect()
}
