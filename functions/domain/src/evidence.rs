//! Evidence, not appearance (safety.md, rules 1, 3, 5 and the critical section's V). This file implements a part of the
//! safety argument and must not be "simplified" without changing that.
//!
//! A backup is valid only if each of four proofs holds: the section was sealed, the standby stopped after its
//! preparation, the preparation was read back after its next boot, and the volumes are those that were planned.

// belief: clp-flag-place
use crate::clusterpro::{excerpt, outputs};
use crate::consistency::Consistency;
use crate::document::name::{ENTER_BACKUP_MODE, LEAVE_BACKUP_MODE};
use crate::ec2::{InstanceId, SnapshotId, VolumeId};
use crate::error::{Error, Kind, Result};
use crate::intent::Intent;
use crate::observation::{Instance, Node, Power};
use crate::reply::{self, Head, Record};
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod hooks;

/// What the critical section proved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Section {
    /// The epoch under which everything happened.
    pub epoch: u64,
    /// The moment at which the groups were stopped, or the file systems frozen.
    pub consistent_at: Moment,
    /// How the active was quiet.
    #[serde(default)]
    pub consistency: Consistency,
    /// From the stop's begin to the groups being online again, on the active's own clock, without the hooks. A frozen backup has none.
    pub outage_seconds: f64,
    /// From the freeze's begin until the file systems were thawed, without the hooks. A stopped backup has none.
    #[serde(default)]
    pub pause_seconds: f64,
    /// SHA-256 of the first 64 KiB of each data partition at that moment, by mirror disk: what a snapshot of the set must begin with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fingerprints: BTreeMap<String, String>,
    /// The end of what the hooks printed on the active, if they are there.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hooks: String,
}

/// How far the critical section has come.
#[derive(Debug, Clone, PartialEq)]
pub enum SectionState {
    /// Not over yet; what is waited for.
    Running(&'static str),
    /// Sealed, broken in time, and the groups are back.
    Good(Section),
    /// Over without a seal: why.
    Void(Error),
}

/// What the evidence is called in each way of being quiet.
struct Words {
    /// What the active does.
    act: &'static str,
    /// What the standby waits for.
    awaited: &'static str,
    /// What is waited for last.
    back: &'static str,
    /// What is added to the reason of a section without a seal.
    untouched: &'static str,
}

const STOPPED: Words = Words {
    act: "stop the groups",
    awaited: "the stop",
    back: "the groups' start on the active node",
    untouched: "",
};

const FROZEN: Words = Words {
    act: "freeze the file systems",
    awaited: "the freeze",
    back: "the thaw on the active node",
    untouched: "; no group was stopped, and the node thaws what it froze",
};

const fn words(consistency: Consistency) -> &'static Words {
    match consistency {
        Consistency::Stopped => &STOPPED,
        Consistency::Frozen => &FROZEN,
    }
}

fn void(intent: &Intent, found: impl Into<String>) -> SectionState {
    SectionState::Void(Error::new(
        Kind::SectionVoid,
        format!("{}{}", found.into(), words(intent.consistency).untouched),
        "nothing by hand: the cluster is brought back; look at the records in the report, then run `mirrorsnap backup CLUSTER` again",
    ))
}

/// What a reason of a frozen section means, where its word does not say it.
fn meaning(reason: &str) -> &'static str {
    match reason {
        "dirty" => " (there was too much to write; back up at a quieter time)",
        "before_hook" => " (/etc/mirrorsnap/before failed, or took longer than hook_seconds)",
        "frozen_already" => " (somebody else has frozen a file system)",
        "deadline" => " (max_pause_seconds were not enough, or CLUSTERPRO breaks no mirror whose group is online)",
        _ => "",
    }
}

fn reason(intent: &Intent, record: &Record) -> String {
    let reason = record.reason.as_deref().unwrap_or("no reason recorded");
    match intent.consistency {
        Consistency::Stopped if reason != "before_hook" => reason.to_owned(),
        Consistency::Stopped | Consistency::Frozen => format!("{reason}{}", meaning(reason)),
    }
}

/// Rule 4: a mirror monitor was suspended, and not by us.
pub fn monitors_suspended(found: &str) -> Error {
    Error::new(
        Kind::MonitorAlreadySuspended,
        format!("a mirror monitor was suspended or resumed by somebody just before the break: {found}"),
        "nothing was stopped; when the work on the cluster has ended and its monitors are online, run `mirrorsnap backup CLUSTER` again",
    )
}

/// Why the records can be nobody's but another boot's or run's.
fn foreign(intent: &Intent, epoch: u64, active: &Head, standby: &Head) -> Option<String> {
    for (name, head) in [(&intent.active, active), (&intent.standby, standby)] {
        if intent.boots.get(name) != Some(&head.boot_id) {
            return Some(format!("{name} has booted since the inspection"));
        }
        for (what, record) in head.records.iter() {
            if record.epoch != epoch || record.boot_id != head.boot_id {
                return Some(format!(
                    "{name} has a record `{what}` of epoch {} or of another boot",
                    record.epoch
                ));
            }
        }
    }
    // A backup becomes quiet in one way. A record of the other one is no evidence of anything.
    let other = match intent.consistency {
        Consistency::Stopped => active.records.freezing.as_ref().map(|_| "freezing"),
        Consistency::Frozen => active.records.stopping.as_ref().map(|_| "stopping"),
    };
    other.map(|other| {
        format!(
            "{} has a record `{other}`, and the backup was to be a {} one",
            intent.active, intent.consistency
        )
    })
}

/// Judges the records of both nodes (step V of the critical section). `now` is the caller's time when the active's records were read.
pub fn section(intent: &Intent, epoch: u64, active: &Head, standby: &Head, now: Moment) -> SectionState {
    let word = words(intent.consistency);
    if let Some(found) = foreign(intent, epoch, active, standby) {
        return void(intent, found);
    }
    let reason = |record: &Record| reason(intent, record);
    if let Some(record) = &active.records.refused {
        if record.reason.as_deref() == Some("disk") {
            let found = format!(
                "{} refused to {}: it can keep no record in /var/lib",
                intent.active, word.act
            );
            let next = format!(
                "make room in /var/lib of {}, then run `mirrorsnap backup CLUSTER` again: nothing was stopped",
                intent.active
            );
            return SectionState::Void(Error::new(Kind::DiskSpaceLow, found, next));
        }
        if record.reason.as_deref() == Some("monitors") {
            return SectionState::Void(monitors_suspended(&format!("on {}", intent.active)));
        }
        let found = format!("{} refused to {}: {}", intent.active, word.act, reason(record));
        return void(intent, found);
    }
    if let Some(record) = &active.records.void {
        // The groups may still be starting, the file systems be thawed. Converge waits for them.
        let by = record.by.as_deref().unwrap_or("somebody");
        let found = format!("{by} on {} ended the section: {}", intent.active, reason(record));
        return void(intent, found);
    }
    if let Some(record) = &standby.records.tainted {
        let found = format!("the break on {} cannot be trusted: {}", intent.standby, reason(record));
        return void(intent, found);
    }
    if let Some(record) = &standby.records.gave_up {
        let found = format!(
            "{} gave up waiting for {}: {}",
            intent.standby,
            word.awaited,
            reason(record)
        );
        return void(intent, found);
    }
    let begun = match intent.consistency {
        Consistency::Stopped => &active.records.stopping,
        Consistency::Frozen => &active.records.freezing,
    };
    let (Some(begun), Some(sealed)) = (begun, &active.records.sealed) else {
        return SectionState::Running("the seal on the active node");
    };
    if standby.records.broke.is_none() {
        return SectionState::Running("the record of the break on the standby");
    }
    let Some(done) = &active.records.done else {
        return SectionState::Running(word.back);
    };
    // Sealed without them is impossible; evidence of nothing is no evidence.
    let fingerprints = active.records.baton.as_ref().map(|baton| &baton.fingerprints);
    let disks: Vec<&str> = intent.broken_disks().collect();
    let Some(fingerprints) = fingerprints.filter(|all| disks.iter().all(|disk| all.contains_key(*disk))) else {
        return void(
            intent,
            format!("{} left no fingerprint of each mirror disk", intent.active),
        );
    };
    let since_seal = elapsed(sealed.uptime, active.uptime);
    // Bounded on both sides by moments of our own, since a node's clock is only its own.
    let consistent_at = now.plus(-since_seal).max(intent.started).min(now);
    // With hooks the record `resumed` lies before the hook `after`. The node's clock has two decimals.
    let over = active.records.resumed.as_ref().unwrap_or(done);
    let quiet = ((over.uptime - begun.uptime).max(0.0) * 100.0).round() / 100.0;
    let (outage_seconds, pause_seconds) = match intent.consistency {
        Consistency::Stopped => (quiet, 0.0),
        Consistency::Frozen => (0.0, quiet),
    };
    SectionState::Good(Section {
        epoch,
        consistent_at,
        consistency: intent.consistency,
        outage_seconds,
        pause_seconds,
        fingerprints: fingerprints.clone(),
        hooks: String::new(),
    })
}

/// Whole seconds between two readings of one uptime, at least 0.
fn elapsed(from: f64, to: f64) -> i64 {
    std::time::Duration::try_from_secs_f64(to - from).map_or(0, |time| i64::try_from(time.as_secs()).unwrap_or(0))
}

/// The standby stopped by its own shutdown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stopped {
    /// The instance.
    pub instance: InstanceId,
    /// EC2's reason.
    pub reason: String,
    /// When it had been started; the same before and after the snapshots.
    pub launched: Option<Moment>,
    /// The volumes by mirror disk.
    pub volumes: BTreeMap<String, VolumeId>,
}

/// EC2's StateReason of a shutdown by the guest itself.
pub const GUEST_SHUTDOWN: &str = "Client.InstanceInitiatedShutdown";

/// Rule 1, EC2's part. `None`: it is not stopped yet.
pub fn stopped(name: &str, instance: &Instance, volumes: &BTreeMap<String, VolumeId>) -> Result<Option<Stopped>> {
    match &instance.power {
        Power::Running | Power::Stopping | Power::Other(_) => return Ok(None),
        Power::Stopped => {}
        power @ (Power::Pending | Power::Gone) => return Err(unproven(name, &format!("its instance is {power}"))),
    }
    match instance.reason.as_deref() {
        Some(reason) if reason.starts_with(GUEST_SHUTDOWN) => Ok(Some(Stopped {
            instance: instance.id.clone(),
            reason: reason.to_owned(),
            launched: instance.launched,
            volumes: volumes.clone(),
        })),
        other => Err(unproven(
            name,
            &format!("it was stopped by {}", other.unwrap_or("an unknown hand")),
        )),
    }
}

/// An error if the standby, which still answers, will not shut down by itself: `clpbackup.sh --pre` failed, or hung and was killed
/// (`StepFailed`).
pub fn departing(name: &str, standby: &Node) -> Result<()> {
    let Some((rc, out)) = standby.failed_here(ENTER_BACKUP_MODE) else {
        return Ok(());
    };
    Err(Error::new(
        Kind::StepFailed,
        format!("clpbackup.sh --pre on {name} {}", reply::failure(rc, out)),
        "nothing by hand: the cluster is brought back; mend what the script complains about, then run `mirrorsnap backup CLUSTER` again",
    ))
}

fn unproven(name: &str, why: &str) -> Error {
    Error::new(
        Kind::PreparationUnproven,
        format!("{name} is not proved to have stopped by its preparation: {why}"),
        "nothing by hand: the cluster is brought back; then run the operation again",
    )
}

/// Rule 1, the node's part, read on the standby after its boot: the preparation of this run, in the boot of the section,
/// ended with exit code 0 and said what a success says; nothing but our own post-processing ended backup mode since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prepared {
    /// The boot in which it was prepared and stopped.
    pub boot_id: String,
}

/// Judges the standby's own records of its preparation.
pub fn prepared(intent: &Intent, standby: &Node) -> Result<Prepared> {
    let name = &intent.standby;
    let boot = intent.boots.get(name).cloned().unwrap_or_default();
    let (_, job, out) = standby
        .job(ENTER_BACKUP_MODE)
        .ok_or_else(|| unproven(name, "it has no record of --pre"))?;
    let started = job
        .started
        .as_ref()
        .ok_or_else(|| unproven(name, "--pre never began"))?;
    if started.boot_id != boot {
        return Err(unproven(name, "--pre began in another boot than the break"));
    }
    let ended = job
        .ended
        .as_ref()
        .ok_or_else(|| unproven(name, "--pre left no exit code"))?;
    if ended.boot_id != boot {
        return Err(unproven(name, "--pre ended in another boot than the break"));
    }
    if !outputs::backup_prepared(ended.rc, out) {
        let said = excerpt(out);
        return Err(unproven(
            name,
            &format!("--pre ended with {} and printed {said}", ended.rc),
        ));
    }
    if standby.boot_id == boot {
        return Err(unproven(name, "it has not booted since"));
    }
    // Converge begins it only where it sees the cluster services still disabled.
    let left = standby
        .job(LEAVE_BACKUP_MODE)
        .and_then(|(_, job, _)| job.started.as_ref());
    if left.is_none_or(|left| left.boot_id == boot) {
        return Err(unproven(
            name,
            "its backup mode was not ended by this run, in a boot after the shutdown; so somebody else has ended it, and the backup \
             flag may have been OFF",
        ));
    }
    Ok(Prepared { boot_id: boot })
}

/// A snapshot of the set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taken {
    /// Its id.
    pub snapshot: SnapshotId,
    /// The volume that it was taken from.
    pub volume: VolumeId,
}

/// The snapshots, and what EC2 showed of the instance right after they were taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Image {
    /// One for each volume.
    pub snapshots: Vec<Taken>,
    /// The instance's state, again.
    pub after: Stopped,
}

/// Everything that makes a backup valid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// The critical section.
    pub section: Section,
    /// The instance before the snapshots.
    pub stopped: Stopped,
    /// The preparation.
    pub prepared: Prepared,
    /// The snapshots.
    pub image: Image,
}

/// Rule 3 and V together: the evidence is of one epoch and boot, and the image is of the volumes that stood still.
pub fn valid(intent: &Intent, epoch: u64, evidence: &Evidence) -> Result<()> {
    let bad = |found: &str| {
        Err(Error::new(
            Kind::BackupInvalid,
            format!("backup {} is not proved: {found}", intent.id),
            "nothing by hand: it expires by itself; run `mirrorsnap backup CLUSTER` again",
        ))
    };
    if evidence.section.epoch != epoch {
        return bad("the section was sealed under another epoch");
    }
    if intent.boots.get(&intent.standby) != Some(&evidence.prepared.boot_id) {
        return bad("the preparation was made in another boot than the break");
    }
    if evidence.stopped != evidence.image.after {
        return bad("the instance, its start or its volumes changed while the snapshots were taken");
    }
    if evidence.stopped.launched.is_none() {
        return bad("EC2 did not say when the instance was started");
    }
    let mut wanted: Vec<&VolumeId> = evidence.stopped.volumes.values().collect();
    wanted.sort();
    wanted.dedup();
    let mut taken: Vec<&VolumeId> = evidence.image.snapshots.iter().map(|one| &one.volume).collect();
    taken.sort();
    if wanted.is_empty() || wanted != taken {
        return bad("the snapshots are not one for each of the mirror disks' volumes");
    }
    Ok(())
}

#[cfg(test)]
#[path = "evidence_tests.rs"]
mod tests;
