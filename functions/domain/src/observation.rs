//! What was seen of a cluster at one moment, in EC2 and on both nodes. No conclusion is drawn here.

use crate::clusterpro::mdstat::{self, Mirror};
use crate::clusterpro::monitors::{self, Monitors};
use crate::clusterpro::outputs::{self, Services};
use crate::clusterpro::settings::Settings;
use crate::clusterpro::stat::{self, Stat};
use crate::config::Config;
use crate::devices::{self, Under};
use crate::document::Attempt;
pub use crate::ec2::Power;
use crate::ec2::{AttachmentState, InstanceId, VolumeId};
use crate::lvm_devices::LvmDevices;
use crate::mounts::{self, Mount};
use crate::reply::{Full, Job, Records, Reply, Took};
use crate::time::Moment;
use serde::Serialize;
use std::collections::BTreeMap;

/// An instance as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Instance {
    /// Its id.
    pub id: InstanceId,
    /// Its state.
    pub power: Power,
    /// Why it is in that state: a code such as `Client.InstanceInitiatedShutdown`.
    pub reason: Option<String>,
    /// The reason in EC2's words.
    pub reason_text: Option<String>,
    /// When it was last started.
    pub launched: Option<Moment>,
    /// `stop` or `terminate`; `None` if it was not asked for.
    pub shutdown_behavior: Option<String>,
    /// A Spot instance.
    pub spot: bool,
    /// It runs in a capacity reservation.
    pub reserved: bool,
    /// The Auto Scaling group that it belongs to.
    pub auto_scaling_group: Option<String>,
    /// The value of its tag `mirrorsnap:cluster`, which allows us to act on it.
    pub tagged_for: Option<String>,
    /// Its zone.
    pub zone: String,
    /// Attached volumes by device.
    pub volumes: BTreeMap<String, VolumeId>,
    /// Volumes on their way to or from a device, by device: none of them is in its place.
    pub moving: BTreeMap<String, VolumeId>,
    /// The root volume's device.
    pub root_device: Option<String>,
    /// What its root device is.
    pub root: Root,
}

/// What an instance's root device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Root {
    /// A volume: it outlives a stop.
    Volume,
    /// The host's own disk: such an instance cannot be stopped.
    InstanceStore,
}

/// Volumes by device: those that are attached, and those on their way. From device, volume and status as EC2 maps them.
pub fn mapped(
    mappings: impl IntoIterator<Item = (String, VolumeId, AttachmentState)>,
) -> (BTreeMap<String, VolumeId>, BTreeMap<String, VolumeId>) {
    let (mut attached, mut moving) = (BTreeMap::new(), BTreeMap::new());
    for (device, volume, status) in mappings {
        let side = if status == AttachmentState::Attached {
            &mut attached
        } else {
            &mut moving
        };
        side.insert(device, volume);
    }
    (attached, moving)
}

/// A node as its own `observe` describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The boot.
    pub boot_id: String,
    /// Whole seconds since the boot, rounded down.
    pub uptime: u64,
    /// Whether it is on hold.
    pub hold: bool,
    /// The highest epoch that it has seen; `None` if it has seen none, or cannot read it.
    pub epoch: Option<u64>,
    /// Records of the critical section of the run that was asked about.
    pub records: Records,
    /// Runs that are armed and not done.
    pub unfinished: Vec<String>,
    /// Detached commands of the run.
    pub jobs: BTreeMap<String, Job>,
    /// What they printed, by the same key.
    pub outs: BTreeMap<String, String>,
    /// The cluster as its daemon sees it; `None`: the daemon is stopped (`stat::of_running_daemon`), or the text is not readable.
    pub stat: Option<Stat>,
    /// The monitors on each node; `None` likewise.
    pub monitors: Option<Monitors>,
    /// The mirror disks that could be read.
    pub mirrors: BTreeMap<String, Mirror>,
    /// What its clp.conf says.
    pub settings: Settings,
    /// The name by which its own clpstat calls it, if that can be read.
    pub called: Option<String>,
    /// How services start.
    pub services: Services,
    /// The version of its systemd; absent if it could not be read, or was not asked for.
    pub systemd: Option<u32>,
    /// Whether its `sync` takes the names of files; absent likewise.
    pub syncs_files: Option<bool>,
    /// Commands that it lacks.
    pub missing: Vec<String>,
    /// The directories in which it can keep no record now.
    pub full: Vec<Full>,
    /// The least free space of the directories that we write to, in MiB; absent likewise.
    pub free_mib: Option<u64>,
    /// The devices that LVM may use.
    pub lvm_devices: LvmDevices,
    /// How long CLUSTERPRO's commands took.
    pub took: Took,
    /// What lies under each configured path.
    pub devices: BTreeMap<String, Under>,
    /// The mounts of the mirror driver's devices; only an observation with settings has them.
    pub mounts: BTreeMap<String, Mount>,
    /// The length of its answer in characters.
    pub answer_size: usize,
}

impl Node {
    /// Reads the reply of `observe` on the node `name`. What is missing or unreadable is absent, and judged where it is needed.
    pub fn read(config: &Config, name: &str, reply: &Reply) -> Self {
        let head = &reply.head;
        let text = |name: &str| reply.section(name).map(|section| section.text.as_str());
        let mut node = Self {
            boot_id: head.boot_id.clone(),
            uptime: whole_seconds(head.uptime),
            hold: head.hold,
            epoch: head.stored_epoch,
            records: head.records.clone(),
            unfinished: head.unfinished.clone(),
            jobs: head.jobs.clone(),
            outs: BTreeMap::new(),
            stat: text("clpstat").and_then(|text| stat::of_running_daemon(text, name, config)),
            monitors: text("clpstat-monitors")
                .and_then(|text| monitors::parse_monitors(text).ok())
                .map(|monitors| monitors::monitors_with_names(monitors, config)),
            mirrors: BTreeMap::new(),
            settings: Settings::read(reply),
            called: text("clpstat").and_then(stat::here).map(str::to_owned),
            services: text("is-enabled").map_or(Services::Mixed, outputs::services),
            systemd: text("systemd").and_then(outputs::systemd_version),
            syncs_files: text("sync").and_then(outputs::syncs_files),
            missing: head.missing.clone(),
            full: head.full.clone(),
            free_mib: text("space").and_then(outputs::least_free_mib),
            lvm_devices: reply.section("lvmdevices").map_or(LvmDevices::All, LvmDevices::read),
            took: head.took_ms,
            devices: BTreeMap::new(),
            mounts: mounts::read(reply),
            answer_size: reply.size,
        };
        for disk in &config.mirror_disks {
            if let Some(mirror) =
                text(&format!("clpmdstat {}", disk.name)).and_then(|t| mdstat::parse(&disk.name, t).ok())
            {
                node.mirrors.insert(disk.name.clone(), mirror);
            }
        }
        for (name, section) in &reply.sections {
            if let Some(path) = name.strip_prefix("device ") {
                if let Some(under) = devices::under(&section.text).filter(|_| section.rc == 0) {
                    node.devices.insert(path.to_owned(), under);
                }
            } else if let Some(job) = name.strip_prefix("out ") {
                node.outs.insert(job.to_owned(), section.text.clone());
            }
        }
        node
    }

    /// The newest attempt of a detached document of this run: its number, its files, what it printed.
    pub fn job(&self, document: &str) -> Option<(Attempt, &Job, &str)> {
        let attempt = |key: &str| Attempt::parse(key.strip_prefix(document)?.strip_prefix('.')?);
        let (number, key, job) = self
            .jobs
            .iter()
            .filter_map(|(key, job)| Some((attempt(key)?, key, job)))
            .max_by_key(|(number, ..)| *number)?;
        Some((number, job, self.outs.get(key).map_or("", String::as_str)))
    }

    /// Whether the newest attempt of a detached document began in this boot.
    pub fn begun_here(&self, document: &str) -> bool {
        let started = self.job(document).and_then(|(_, job, _)| job.started.as_ref());
        started.is_some_and(|started| started.boot_id == self.boot_id)
    }

    /// The exit code and the output of the newest attempt of a detached document, if that ended in this boot and failed.
    pub fn failed_here(&self, document: &str) -> Option<(i32, &str)> {
        let (_, job, out) = self.job(document)?;
        let ended = job.ended.as_ref()?;
        (ended.boot_id == self.boot_id && ended.rc != 0).then_some((ended.rc, out))
    }
}

/// Whole seconds, rounded down. A value that no running machine can have counts as 0.
fn whole_seconds(uptime: f64) -> u64 {
    std::time::Duration::try_from_secs_f64(uptime).map_or(0, |elapsed| elapsed.as_secs())
}

/// Everything that was seen at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// When.
    pub at: Moment,
    /// Instances by node name; absent if EC2 does not show one.
    pub instances: BTreeMap<String, Instance>,
    /// Nodes that answered.
    pub nodes: BTreeMap<String, Node>,
    /// Why the others did not.
    pub silent: BTreeMap<String, String>,
}

impl Observation {
    /// The state of a node's instance.
    pub fn power(&self, node: &str) -> Power {
        self.instances
            .get(node)
            .map_or(Power::Gone, |instance| instance.power.clone())
    }

    /// The node, if it answered.
    pub fn node(&self, node: &str) -> Option<&Node> {
        self.nodes.get(node)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_volume_that_is_attached_is_in_its_place() {
        let one = |device: &str, status: &str| (device.to_owned(), format!("vol-00{device}").into(), status.into());
        let (attached, moving) = mapped([
            one("b", "attached"),
            one("c", "detaching"),
            one("d", "attaching"),
            one("e", "new"),
        ]);
        assert_eq!(attached.into_values().collect::<Vec<_>>(), ["vol-00b"]);
        assert_eq!(moving.into_keys().collect::<Vec<_>>(), ["c", "d", "e"]);
    }
}
