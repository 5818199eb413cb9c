//! What the operator reads before confirming a restore: the phases, the expected outage, and the errors that can still end it.

use crate::config::Config;
use crate::error::Kind;
use crate::intent::Phase;
use crate::sentence::{self, Sentence};
use serde::Serialize;

/// One phase of the restore.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// Its name, as states and reports have it.
    pub phase: Phase,
    /// What is done.
    #[serde(serialize_with = "sentence::as_text")]
    pub what: Sentence,
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
    #[serde(serialize_with = "sentence::as_text")]
    pub what: Sentence,
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
    #[serde(serialize_with = "sentence::as_text")]
    pub when: Sentence,
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
    let part = |phase, what, seconds| Part { phase, what, seconds };
    let mut parts = vec![
        part(Phase::StopBoth, Sentence::NodesShutDown, SHUTDOWN_SECONDS),
        part(
            Phase::Detach,
            Sentence::VolumesSwapped,
            SWAP_SECONDS.saturating_add(SWAP_SECONDS_PER_VOLUME.saturating_mul(count)),
        ),
        part(Phase::StartBoth, Sentence::NodesBoot, START_SECONDS),
        part(Phase::PostProcess, Sentence::NodesPostProcessed, POST_SECONDS),
        part(Phase::Verify, Sentence::NodesBootAgain, REBOOT_SECONDS),
        part(
            Phase::Verify,
            Sentence::GroupsStart,
            GROUP_START_SECONDS.min(bounds.group_start_seconds),
        ),
    ];
    let adds = service == Service::Online;
    if adds {
        let seconds = GROUP_STOP_SECONDS.min(bounds.group_stop_seconds);
        parts.insert(0, part(Phase::Quiesce, Sentence::GroupsStop, seconds));
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
    pub fn words(&self) -> Vec<Sentence> {
        let parts = self.parts.iter().map(|one| Sentence::PartTakes {
            what: Box::new(one.what.clone()),
            seconds: one.seconds,
        });
        let (parts, seconds, bound) = (parts.collect(), self.expected_seconds, self.bound_seconds);
        let mut words = vec![if self.adds {
            Sentence::ExpectedOutage { seconds, parts, bound }
        } else {
            Sentence::ExpectedUntilOnline { seconds, parts, bound }
        }];
        if seconds > bound {
            words.push(Sentence::BoundTooLow { bound });
        }
        words
    }
}

/// The phases in their order.
pub fn stages(config: &Config, source: Option<&str>, volumes: usize) -> Vec<Stage> {
    let groups = config.failover_groups.join(", ");
    let stage = |phase, what| Stage { phase, what };
    let quiesce = match source {
        Some(node) => Sentence::StageQuiesce {
            groups: groups.clone(),
            node: node.to_owned(),
        },
        None => Sentence::StageQuiesceDown,
    };
    let volumes = volumes as u64;
    vec![
        stage(Phase::PrepareVolumes, Sentence::StagePrepare { volumes }),
        stage(Phase::Quiesce, quiesce),
        stage(Phase::StopBoth, Sentence::StageStop),
        stage(Phase::Detach, Sentence::StageDetach),
        stage(Phase::Attach, Sentence::StageAttach),
        stage(Phase::StartBoth, Sentence::StageStart),
        stage(Phase::CheckDevices, Sentence::StageDevices),
        stage(Phase::PostProcess, Sentence::StagePost),
        stage(Phase::Verify, Sentence::StageVerify { groups }),
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
        one(Phase::PrepareVolumes, Kind::AwsRefused, Sentence::LaterNoVolume),
        one(Phase::PrepareVolumes, Kind::VolumeFailed, Sentence::LaterVolumeFails),
        one(Phase::Quiesce, Kind::GroupNotOnline, Sentence::LaterGroupsMoved),
        one(
            Phase::Quiesce,
            Kind::AttachmentUnexpected,
            Sentence::LaterVolumeExchanged,
        ),
        one(Phase::Quiesce, Kind::NodeUnreachable, Sentence::LaterNodeSilent),
        one(
            Phase::Quiesce,
            Kind::InitialMirrorConstructionOn,
            Sentence::LaterConstruction,
        ),
        one(Phase::Quiesce, Kind::OperatorHold, Sentence::LaterHold),
        one(Phase::StopBoth, Kind::RestoreOvertaken, Sentence::LaterOvertaken),
        one(Phase::StopBoth, Kind::PreparationUnproven, Sentence::LaterOtherStop),
        one(Phase::StopBoth, Kind::RestoreOverdue, Sentence::LaterOverdue),
        one(Phase::CheckDevices, Kind::DeviceMismatch, Sentence::LaterDevices),
        one(Phase::PostProcess, Kind::PostProcessFailed, Sentence::LaterPost),
    ]
}

#[cfg(test)]
#[path = "forecast_tests.rs"]
mod tests;
