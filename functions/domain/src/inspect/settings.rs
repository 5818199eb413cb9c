//! What refuses an operation by CLUSTERPRO's own configuration (safety.md, rules 3, 4 and 17), and what of it a plan tells.

use super::answered;
use crate::clusterpro::settings::{DiskSettings, Setting};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::observation::{Node, Observation};
use crate::sentence::Sentence;

/// Refuses mirror disks that the JSON does not name, and hybrid disks. This is the one place where it is asked which disks there are:
/// they may have any name, so clpstat's table does not tell them from other resources.
pub(super) fn refuse_other_disks(config: &Config, name: &str, node: &Node) -> Result<()> {
    let cluster = &node.settings.cluster;
    let unread = || {
        Error::new(
            Kind::OutputUnreadable,
            format!(
                "{name} does not tell its mirror disks: clpcfget -e /root/resource/md does not name those of the cluster's JSON"
            ),
            "check the mirror disks' names, and run the command on the node by hand",
        )
    };
    let shown = cluster.mirror_disks.names().ok_or_else(unread)?;
    if let Some(other) = shown.iter().find(|shown| config.disk(shown).is_none()) {
        return Err(Error::new(
            Kind::ConfigIncomplete,
            format!("the cluster has the mirror disk {other}, which the configuration does not name"),
            "name every mirror disk in the cluster's configuration",
        ));
    }
    if config
        .mirror_disks
        .iter()
        .any(|disk| !shown.contains(&disk.name.as_str()))
    {
        return Err(unread());
    }
    let hybrid = cluster.hybrid_disks.names().ok_or_else(unread)?;
    match hybrid.first() {
        None => Ok(()),
        Some(disk) => Err(Error::new(
            Kind::HybridDiskUnsupported,
            format!("the cluster has the hybrid disk {disk}"),
            "mirrorsnap is for mirror disks of two nodes; back up this cluster by another way",
        )),
    }
}

/// Refuses what a backup cannot be proved for: a mirror whose standby may be behind, and a monitor that is not the disk's own.
pub(super) fn refuse_settings(config: &Config, name: &str, node: &Node) -> Result<()> {
    for disk in &config.mirror_disks {
        let settings = node.settings.disk(&disk.name);
        for (what, setting) in [
            ("mddriver/syncmode", &settings.syncmode),
            ("mddriver/sync", &settings.sync),
        ] {
            if !setting.is("1", "1") {
                return Err(Error::new(
                    Kind::MirrorAsynchronous,
                    format!(
                        "{} is not known to be replicated synchronously on {name}: its {what} is {}",
                        disk.name,
                        setting.value().unwrap_or("not readable")
                    ),
                    "use the synchronous mode: GREEN on both sides does not prove that a queue between them is empty",
                ));
            }
        }
        let watched = node.settings.monitors.get(&disk.monitor).unwrap_or(&Setting::Unread);
        if watched.value() != Some(disk.name.as_str()) {
            return Err(Error::new(
                Kind::MonitorMismatch,
                format!(
                    "the monitor {} is no mirror disk monitor (mdw) of {}: it watches {}",
                    disk.monitor,
                    disk.name,
                    watched.value().unwrap_or("no mirror disk")
                ),
                "name the disk's own mirror disk monitor: another one that is suspended does not keep the mirror from being recovered",
            ));
        }
    }
    Ok(())
}

/// CLUSTERPRO's defaults (EXPRESSCLUSTER/clpcfset, doc/linux/md.md; EXPRESSCLUSTER/CreateClusterOnLinux, doc/jp).
const DEACT: u32 = 4;
const UMOUNT_SECONDS: u32 = 300;
const UMOUNT_RETRIES: u32 = 3;
const DEPENDENCY_SECONDS: u32 = 1800;

/// What a plan says of CLUSTERPRO's own reactions to a stop of the groups. They are the vendor's defaults or the operator's choice, so none
/// of them refuses.
pub fn words(config: &Config, seen: &Observation, active: &str) -> Vec<Sentence> {
    let Ok(node) = answered(seen, active) else {
        return vec![];
    };
    let mut words = vec![];
    words.extend(stop_words(config, node, active));
    words.extend(umount_words(config, node));
    words.extend(dependency_words(config, node));
    words.push(shutdown_words(node));
    words
}

/// What it says of the standby's shutdown.
pub(super) fn shutdown_words(node: &Node) -> Sentence {
    let action = match &node.settings.cluster.haltp {
        Setting::Set(action) => Sentence::verbatim(action.clone()),
        Setting::Absent => Sentence::ResetByDefault,
        Setting::Unread => Sentence::NotReadable,
    };
    Sentence::ShutdownMonitored {
        action: Box::new(action),
    }
}

/// What happens if a disk cannot be stopped.
fn stop_words(config: &Config, node: &Node, active: &str) -> Option<Sentence> {
    let harsh = |disk: &DiskSettings| disk.deact.number(DEACT).is_none_or(|action| action > 1);
    let mut disks = config
        .mirror_disks
        .iter()
        .map(|disk| (disk.name.as_str(), node.settings.disk(&disk.name)));
    let (name, disk) = disks.find(|(_, disk)| harsh(disk))?;
    let action = match disk.deact.number(DEACT) {
        Some(4) => Sentence::StopsAndShutsDown,
        Some(5) => Sentence::StopsAndReboots,
        Some(number) => Sentence::FinalAction { number },
        None => Sentence::FinalActionUnread,
    };
    Some(Sentence::StopAction {
        disk: name.to_owned(),
        action: Box::new(action),
        node: active.to_owned(),
    })
}

/// What CLUSTERPRO itself grants to an unmount.
fn umount_words(config: &Config, node: &Node) -> Option<Sentence> {
    let limit = config.deadlines().group_stop_seconds;
    let longest = |disk: DiskSettings| {
        let tries = disk.umount_retries.number(UMOUNT_RETRIES)?.saturating_add(1);
        Some(disk.umount_seconds.number(UMOUNT_SECONDS)?.saturating_mul(tries))
    };
    let disks = config
        .mirror_disks
        .iter()
        .filter_map(|disk| Some((longest(node.settings.disk(&disk.name))?, &disk.name)));
    let (seconds, name) = disks
        .max_by_key(|(seconds, _)| *seconds)
        .filter(|(seconds, _)| *seconds > limit)?;
    Some(Sentence::SlowUnmount {
        seconds,
        disk: name.clone(),
        limit,
    })
}

/// Which groups wait for others when they stop.
fn dependency_words(config: &Config, node: &Node) -> Vec<Sentence> {
    let limit = config.deadlines().group_stop_seconds;
    let waits = |group: &String| {
        let settings = node.settings.groups.get(group)?;
        let others = settings
            .stops_after
            .names()
            .filter(|others| !others.is_empty())?
            .join(", ");
        let seconds = settings.stop_seconds.number(DEPENDENCY_SECONDS);
        let time = seconds.map_or(Sentence::UnknownTime, |seconds| Sentence::UpTo { seconds });
        Some(Sentence::GroupWaits {
            group: group.clone(),
            others,
            time: Box::new(time),
            limit,
        })
    };
    config.failover_groups.iter().filter_map(waits).collect()
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
