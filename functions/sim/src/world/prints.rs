//! What CLUSTERPRO's commands, systemctl and lsblk print on a node, in the forms that docs/documents.md shows.

use super::guest::{Daemon, Guest};
use super::manner::{Services, Stopped, Unusable, Values};
use super::{NAMES, World};
use mirrorsnap_domain::reply::{Full, Head, Outcome, Section, Took};
use mirrorsnap_domain::steps::Step;
use std::collections::BTreeMap;

pub(super) fn section(rc: i32, text: impl Into<String>) -> Section {
    let text = text.into();
    Section { rc, text }
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
            full: [Full::Root].into_iter().filter(|_| guest.is_full()).collect(),
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
        let (stat, monitors) = match (guest.daemon, self.manner.stopped) {
            (Daemon::Online, _) => (section(0, self.clpstat(at)), section(0, self.monitors())),
            (_, Stopped::Table) => (section(0, self.stopped_table(at)), down()),
            (_, Stopped::Error) => (down(), down()),
        };
        all.insert("clpstat".to_owned(), stat);
        all.insert("clpstat-monitors".to_owned(), monitors);
        let mut mounts = String::new();
        for (number, disk) in self.config.mirror_disks.iter().enumerate() {
            let shown = if guest.daemon == Daemon::Online {
                self.clpmdstat(at, number)
            } else {
                down()
            };
            all.insert(format!("clpmdstat {}", disk.name), shown);
            let (cluster, data) = (disk.cluster_partition.on(NAMES[at]), disk.data_partition.on(NAMES[at]));
            let paths = match self.manner.values {
                Values::AtTheCommonPath => format!("cppath 0 {cluster}\nown-cppath 1\ndppath 0 {data}\nown-dppath 1\n"),
                // The common ones are those of the first server.
                Values::BelowTheServer => format!(
                    "cppath 0 {}\nown-cppath 0 {cluster}\ndppath 0 {}\nown-dppath 0 {data}\n",
                    disk.cluster_partition.on(NAMES[0]),
                    disk.data_partition.on(NAMES[0])
                ),
            };
            let defaults = "sync 1\nsyncmode 1\ndeact 1\numount-seconds 1\numount-retries 1\n";
            let settings = self.settings(&format!("{paths}fullcopy 0 0\n{defaults}"));
            all.insert(format!("settings {}", disk.name), settings);
            let driver = format!("/dev/NMP{}", number + 1);
            let mount = if self.online_on(at) {
                format!("{} {driver} ok\n", disk.name)
            } else {
                format!("{} {driver} not_mounted - -\n", disk.name)
            };
            mounts.push_str(&mount);
            let watched = self.settings(&format!("object 0 {}\n", disk.name));
            all.insert(format!("monitor {}", disk.monitor), watched);
            if let Some(volume) = self.ec2.at(&guest.instance, disk.device.on(NAMES[at])) {
                for (part, path) in [(1, &disk.cluster_partition), (2, &disk.data_partition)] {
                    let text = self.manner.under(number, part, at, volume);
                    all.insert(format!("device {}", path.on(NAMES[at])), section(0, text));
                }
            }
        }
        all.insert("mounts".to_owned(), section(0, mounts));
        let word = if guest.auto { "enabled" } else { "disabled" };
        let enabled = ["clusterpro", "clusterpro_md"].map(|service| match self.manner.services {
            Services::Native => format!("{word}\n"),
            Services::Scripts => format!(
                "{service}.service is not a native service, redirecting to systemd-sysv-install.\n\
                 Executing: /usr/lib/systemd/systemd-sysv-install is-enabled {service}\n{word}\n"
            ),
        });
        all.insert("is-enabled".to_owned(), section(0, enabled.concat()));
        let systemd = match self.unusable {
            Some(Unusable::Systemd219) => "systemd 219\n+PAM +AUDIT +SELINUX +IMA\n",
            _ => self.manner.systemd.version(),
        };
        all.insert("systemd".to_owned(), section(0, systemd));
        all.insert("sync".to_owned(), section(0, "sync (GNU coreutils) 8.32\n"));
        let disks: Vec<&str> = self.config.mirror_disks.iter().map(|disk| disk.name.as_str()).collect();
        let whole = self.settings(&format!("md 0 {}\nhd 1\nhaltp 1\nstall 1\n", disks.join(" ")));
        all.insert("cluster".to_owned(), whole);
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

    /// What `clpcfget` said, by its keys, exit codes and values.
    fn settings(&self, text: &str) -> Section {
        let missing = |line: &str| format!("{} 127 \n", line.split(' ').next().unwrap_or_default());
        match self.unusable {
            Some(Unusable::NoClpcfget) => section(0, text.lines().map(missing).collect::<String>()),
            _ => section(0, text),
        }
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
