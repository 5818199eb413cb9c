//! What refuses a frozen backup before anything is touched, and what a plan says of one (safety.md, "Without an outage").

use super::answered;
use crate::clusterpro::monitor_kinds::MonitorKind;
use crate::clusterpro::settings::{Limit, Setting};
use crate::config::Config;
use crate::document::{FREEZING_TOOLS, Freeze};
use crate::error::{Error, Kind, Result};
use crate::observation::{Node, Observation};
use crate::sentence::Sentence;

fn not_possible(found: impl Into<String>, next: impl Into<String>) -> Error {
    Error::new(Kind::FreezeNotPossible, found, next)
}

/// What the document on `active` needs for a freeze. Error: `FreezeNotPossible`.
pub(super) fn freeze(config: &Config, active: &str, seen: &Observation) -> Result<Freeze> {
    let node = answered(seen, active)?;
    if let Some(tool) = node.missing.iter().find(|tool| FREEZING_TOOLS.contains(&tool.as_str())) {
        return Err(not_possible(
            format!("{active} has no command {tool}"),
            "install util-linux on both nodes, or back up with `--consistency stopped`",
        ));
    }
    let mut devices = Vec::new();
    for disk in &config.mirror_disks {
        let Some(mount) = node.mounts.get(&disk.name) else {
            return Err(not_possible(
                format!(
                    "{active} does not tell the mirror driver's device of {}: clpcfget -g /root/resource/md@{}/parameters/nmppath names none",
                    disk.name, disk.name
                ),
                "run the command on the node by hand, or back up with `--consistency stopped`",
            ));
        };
        if let Some(why) = &mount.unfit {
            let (found, next) = why.words();
            return Err(not_possible(
                format!("{} of {} {found} on {active}", mount.device, disk.name),
                next,
            ));
        }
        devices.push(mount.device.clone());
    }
    refuse_short_limits(config, active, node)?;
    Ok(Freeze {
        devices,
        pause: config.max_pause_seconds,
    })
}

/// Refuses a monitor that would take the longest pause for a failure, and start its recovery.
fn refuse_short_limits(config: &Config, active: &str, node: &Node) -> Result<()> {
    let short = node.settings.limits.iter().find_map(|(name, limit)| {
        known(limit)
            .filter(|seconds| *seconds <= config.max_pause_seconds)
            .map(|seconds| (name, limit.kind, seconds))
    });
    match short {
        None => refuse_short_heartbeat(config, active, node),
        Some((name, kind, seconds)) => Err(not_possible(
            format!(
                "the monitor {name} ({}) on {active} gives up after {seconds} s (polling/timeout), and a pause may last {} s: {}, and would take \
                 the pause for a failure",
                kind.word(),
                config.max_pause_seconds,
                kind.why()
            ),
            "raise the monitor's timeout, or lower max_pause_seconds in the cluster's JSON",
        )),
    }
}

/// In seconds, if it could be read.
fn known(limit: &Limit) -> Option<u32> {
    limit.seconds.value().and_then(|value| value.parse().ok())
}

/// In milliseconds, if it can be read.
fn heartbeat(node: &Node) -> Option<u64> {
    node.settings.heartbeat.value().and_then(|value| value.parse().ok())
}

/// The heartbeat itself touches no mirror disk. The monitor userw resets a node by the same limit, and may open files.
fn refuse_short_heartbeat(config: &Config, active: &str, node: &Node) -> Result<()> {
    match heartbeat(node).filter(|limit| *limit <= u64::from(config.max_pause_seconds) * 1000) {
        None => Ok(()),
        Some(limit) => Err(not_possible(
            format!(
                "the cluster gives {active} up after {limit} ms without a heartbeat (cluster/heartbeat/timeout), and a pause may last {} s",
                config.max_pause_seconds
            ),
            "raise the heartbeat's timeout, or lower max_pause_seconds in the cluster's JSON",
        )),
    }
}

/// Which limits a plan cannot vouch for.
fn unknown_limits(node: &Node) -> Option<Box<Sentence>> {
    let settings = &node.settings;
    let names = settings
        .limits
        .iter()
        .filter(|(_, limit)| known(limit).is_none())
        .map(|(name, _)| Sentence::verbatim(name.clone()));
    let kinds = settings.unread_limits.iter().map(|kind| Sentence::MonitorsOfType {
        kind: kind.word().to_owned(),
    });
    let strange = strange_types(&settings.monitor_types);
    let beat = heartbeat(node).is_none().then_some(Sentence::TheHeartbeat);
    let names: Vec<Sentence> = names.chain(kinds).chain(strange).chain(beat).collect();
    (!names.is_empty()).then(|| Box::new(Sentence::LimitsUnread { names }))
}

/// The types of monitors that are in use, and that this version does not know.
fn strange_types(types: &Setting) -> Vec<Sentence> {
    let names = types.names().unwrap_or_default();
    let strange = names.into_iter().filter(|word| MonitorKind::read(word).is_none());
    strange
        .map(|word| Sentence::MonitorsOfUnknownType { kind: word.to_owned() })
        .collect()
}

/// What a person must know before a frozen backup.
pub(super) fn words(config: &Config, node: &Node) -> Vec<Sentence> {
    vec![
        Sentence::NoOutage {
            disks: config.mirror_disks.len() as u64,
            seconds: config.max_pause_seconds,
        },
        Sentence::CrashConsistentBackup,
        Sentence::Hooks {
            seconds: config.hook_seconds,
        },
        Sentence::Watchers {
            seconds: config.max_pause_seconds,
            unread: unknown_limits(node),
        },
    ]
}

#[cfg(test)]
#[path = "frozen_tests.rs"]
mod tests;
