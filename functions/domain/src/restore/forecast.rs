//! What the operator reads before confirming a restore: the phases, the expected outage, and the errors that can still end it.

use crate::config::Config;
use crate::error::Kind;
use crate::intent::Phase;
use serde::Serialize;

/// One phase of the restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name, as states and reports have it.
    pub phase: Phase,
    /// What is done.
    pub what: String,
}

/// The expected outage. It is an estimate, no promise; the limit is `bound_seconds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outage {
    /// From the stop of the groups until they are online again.
    pub expected_seconds: u32,
    /// Its parts.
    pub parts: Vec<Part>,
    /// After so many seconds the restore puts the old volumes back, which takes about as long again.
    pub bound_seconds: u32,
    /// False if no group is online anyway: then the restore adds no outage.
    pub adds: bool,
}

/// A part of the outage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The phase.
    pub phase: Phase,
    /// What happens in it.
    pub what: String,
    /// Its usual duration in seconds.
    pub seconds: u32,
}

/// What can still end the restore after the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Later {
    /// Where.
    pub phase: Phase,
    /// The name of the error that it ends with.
    pub error: &'static str,
    /// When that is.
    pub when: &'static str,
    /// Whether the groups are stopped by then, so that the old volumes are put back. If not, nothing is disturbed.
    pub disturbed: bool,
}

// The usual durations on nodes of middling size, rounded up. A group's stop and start depend on its scripts; the cluster's own limit
// counts if it is lower.
const GROUP_STOP_SECONDS: u32 = 30;
const SHUTDOWN_SECONDS: u32 = 60;
const SWAP_SECONDS: u32 = 20;
const SWAP_SECONDS_PER_VOLUME: u32 = 5;
const START_SECONDS: u32 = 90;
const POST_SECONDS: u32 = 20;
const REBOOT_SECONDS: u32 = 90;
const GROUP_START_SECONDS: u32 = 40;

/// Whether the groups run when a restore begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// They are online: the restore stops them.
    Online,
    /// No group is online: the outage has begun already.
    Down,
}

/// The expected outage of a restore of so many volumes.
pub fn outage(config: &Config, service: Service, volumes: usize) -> Outage {
    let bounds = config.deadlines();
    let count = u32::try_from(volumes).unwrap_or(u32::MAX);
    let part = |phase, what: &str, seconds| Part {
        phase,
        what: what.to_owned(),
        seconds,
    };
    let mut parts = vec![
        part(Phase::StopBoth, "both nodes shut down", SHUTDOWN_SECONDS),
        part(
            Phase::Detach,
            "the old volumes are taken off and the new ones attached",
            SWAP_SECONDS.saturating_add(SWAP_SECONDS_PER_VOLUME.saturating_mul(count)),
        ),
        part(Phase::StartBoth, "both nodes boot", START_SECONDS),
        part(Phase::PostProcess, "both nodes are post-processed", POST_SECONDS),
        part(Phase::Verify, "both nodes boot again", REBOOT_SECONDS),
        part(
            Phase::Verify,
            "the groups start",
            GROUP_START_SECONDS.min(bounds.group_start_seconds),
        ),
    ];
    let adds = service == Service::Online;
    if adds {
        let seconds = GROUP_STOP_SECONDS.min(bounds.group_stop_seconds);
        parts.insert(0, part(Phase::Quiesce, "the groups stop", seconds));
    }
    Outage {
        expected_seconds: parts.iter().map(|one| one.seconds).sum(),
        parts,
        bound_seconds: config.max_restore_outage_seconds,
        adds,
    }
}

impl Outage {
    /// In words.
    pub fn words(&self) -> Vec<String> {
        let parts: Vec<String> = self
            .parts
            .iter()
            .map(|one| format!("{} {} s", one.what, one.seconds))
            .collect();
        let begins = if self.adds {
            "expected outage"
        } else {
            "no group is online, so the restore makes no outage of its own; expected until they are"
        };
        let mut words = vec![format!(
            "{begins}: about {} s, an estimate ({}); after {} s it goes back to the old volumes",
            self.expected_seconds,
            parts.join(", "),
            self.bound_seconds
        )];
        if self.expected_seconds > self.bound_seconds {
            words.push(format!(
                "max_restore_outage_seconds is {}, less than what is expected: it will likely go back; raise it first",
                self.bound_seconds
            ));
        }
        words
    }
}

/// The phases in their order.
pub fn stages(config: &Config, source: Option<&str>, volumes: usize) -> Vec<Stage> {
    let groups = config.failover_groups.join(", ");
    let stage = |phase, what: String| Stage { phase, what };
    vec![
        stage(
            Phase::PrepareVolumes,
            format!(
                "{volumes} volumes are made of the backup's snapshots; nothing is disturbed until all are available"
            ),
        ),
        stage(
            Phase::Quiesce,
            match source {
                Some(node) => format!("everything is looked at once more, and {groups} stopped on {node}"),
                None => "everything is looked at once more; no group is online, so none is stopped".to_owned(),
            },
        ),
        stage(
            Phase::StopBoth,
            "both nodes go into restore mode and shut themselves down".to_owned(),
        ),
        stage(
            Phase::Detach,
            "the old volumes are taken off the stopped nodes, tagged, and kept".to_owned(),
        ),
        stage(
            Phase::Attach,
            "the new volumes are attached at the same device names".to_owned(),
        ),
        stage(Phase::StartBoth, "both nodes boot together".to_owned()),
        stage(
            Phase::CheckDevices,
            "every partition is seen on its new volume, or nothing is post-processed".to_owned(),
        ),
        stage(
            Phase::PostProcess,
            "clprestore.sh --post --skip-copy on both nodes, which boot again".to_owned(),
        ),
        stage(
            Phase::Verify,
            format!("both sides of every mirror disk are GREEN, and {groups} online"),
        ),
    ]
}

/// What can still end it, in the order of the phases.
pub fn later() -> Vec<Later> {
    let one = |phase, error: Kind, when| Later {
        phase,
        error: error.name(),
        when,
        disturbed: !matches!(phase, Phase::PrepareVolumes | Phase::Quiesce),
    };
    vec![
        one(
            Phase::PrepareVolumes,
            Kind::AwsRefused,
            "EC2 makes no such volume: a quota, a key that may not be used, or no capacity for the initialization rate",
        ),
        one(
            Phase::PrepareVolumes,
            Kind::VolumeFailed,
            "a new volume does not become available",
        ),
        one(
            Phase::Quiesce,
            Kind::GroupNotOnline,
            "the groups have moved, started or stopped since the plan",
        ),
        one(
            Phase::Quiesce,
            Kind::AttachmentUnexpected,
            "somebody exchanged a volume since the plan",
        ),
        one(
            Phase::Quiesce,
            Kind::NodeUnreachable,
            "a node or its cluster daemon does not answer any more",
        ),
        one(
            Phase::Quiesce,
            Kind::InitialMirrorConstructionOn,
            "initial mirror construction was switched on since the plan",
        ),
        one(Phase::Quiesce, Kind::OperatorHold, "an operator holds the cluster"),
        one(
            Phase::StopBoth,
            Kind::RestoreOvertaken,
            "the active node's timer starts the groups again before the nodes are down",
        ),
        one(
            Phase::StopBoth,
            Kind::PreparationUnproven,
            "a node stops, but not by its own shutdown",
        ),
        one(
            Phase::StopBoth,
            Kind::RestoreOverdue,
            "max_restore_outage_seconds have passed, here or later",
        ),
        one(
            Phase::CheckDevices,
            Kind::DeviceMismatch,
            "a partition is not on its new volume after the boot",
        ),
        one(
            Phase::PostProcess,
            Kind::PostProcessFailed,
            "the post-processing fails on a node three times",
        ),
    ]
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
