//! What refuses a frozen backup before anything is touched, and what a plan says of one (safety.md, "Without an outage").

use super::answered;
use crate::clusterpro::settings::Setting;
use crate::config::Config;
use crate::document::{FREEZING_TOOLS, Freeze};
use crate::error::{Error, Kind, Result};
use crate::mounts::Mount;
use crate::observation::Observation;

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
        let device = node.settings.mirror_devices.get(&disk.name).unwrap_or(&Setting::Unread);
        let Some(device) = device.value() else {
            return Err(not_possible(
                format!(
                    "{active} does not tell the mirror driver's device of {}: clpcfget -g /root/resource/md@{}/parameters/nmppath names none",
                    disk.name, disk.name
                ),
                "run the command on the node by hand, or back up with `--consistency stopped`",
            ));
        };
        match node.mounts.get(device) {
            Some(Mount::Freezable { .. }) => devices.push(device.to_owned()),
            Some(Mount::Unfit(why)) => {
                let (found, next) = why.words();
                return Err(not_possible(
                    format!("{device} of {} {found} on {active}", disk.name),
                    next,
                ));
            }
            None => {
                return Err(not_possible(
                    format!("{active} does not tell where {device} of {} is mounted", disk.name),
                    "look at /proc/mounts on the node, or back up with `--consistency stopped`",
                ));
            }
        }
    }
    Ok(Freeze {
        devices,
        pause: config.max_pause_seconds,
        hook: config.hook_seconds,
    })
}

/// What a person must know before a frozen backup.
pub(super) fn words(config: &Config) -> Vec<String> {
    vec![
        format!(
            "no outage: the groups stay online, and the file systems of {} mirror disk(s) are frozen while the mirror is broken; writes wait \
             for at most {} s, and none fails",
            config.mirror_disks.len(),
            config.max_pause_seconds
        ),
        "the backup is crash-consistent: after a restore the applications recover as after a power cut; ext4 is clean, and XFS replays the \
         freeze's own record"
            .to_owned(),
        format!(
            "/etc/mirrorsnap/before and after run around the pause where they exist, each for at most {} s; a backup that cannot be proved \
             ends FAILED with the service untouched, and never stops a group",
            config.hook_seconds
        ),
        format!(
            "what watches these file systems or the applications on them must bear a pause of {} s: the limits of CLUSTERPRO's monitors and \
             keepalives are not read",
            config.max_pause_seconds
        ),
    ]
}

#[cfg(test)]
#[path = "frozen_tests.rs"]
mod tests;
