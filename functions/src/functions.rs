//! One file per Lambda. Each connects the ports to the domain and decides nothing itself. Their contract is docs/functions.md.

pub mod assess;
pub mod changes;
pub mod check_snapshots;
pub mod copy_snapshots;
pub mod create_snapshots;
pub mod create_volumes;
mod describe;
mod embedded_metrics;
pub mod expire_backups;
pub mod fast_restore;
mod fence;
pub mod keep_schedules;
mod keys;
mod observe;
pub mod patrol;
pub mod plan_restore;
pub mod prove;
pub mod release_volumes;
mod repeat;
pub mod report;
pub mod run_node_step;
pub mod set_power;
pub mod swap_volumes;

pub use observe::read as read_node;

use crate::ports::Ports;
use mirrorsnap_domain::error::{Error, Kind, Result};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A function, by its handler's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // docs/functions.md says what each does
pub enum Function {
    Assess,
    RunNodeStep,
    SetPower,
    CreateSnapshots,
    CheckSnapshots,
    ExpireBackups,
    Prove,
    PlanRestore,
    CreateVolumes,
    FastRestore,
    SwapVolumes,
    ReleaseVolumes,
    Report,
    Patrol,
    KeepSchedules,
    CopySnapshots,
}

impl Function {
    /// Every function.
    pub const ALL: [Self; 16] = [
        Self::Assess,
        Self::RunNodeStep,
        Self::SetPower,
        Self::CreateSnapshots,
        Self::CheckSnapshots,
        Self::ExpireBackups,
        Self::Prove,
        Self::PlanRestore,
        Self::CreateVolumes,
        Self::FastRestore,
        Self::SwapVolumes,
        Self::ReleaseVolumes,
        Self::Report,
        Self::Patrol,
        Self::KeepSchedules,
        Self::CopySnapshots,
    ];

    /// The handler's name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Assess => "assess",
            Self::RunNodeStep => "run-node-step",
            Self::SetPower => "set-power",
            Self::CreateSnapshots => "create-snapshots",
            Self::CheckSnapshots => "check-snapshots",
            Self::ExpireBackups => "expire-backups",
            Self::Prove => "prove",
            Self::PlanRestore => "plan-restore",
            Self::CreateVolumes => "create-volumes",
            Self::FastRestore => "fast-restore",
            Self::SwapVolumes => "swap-volumes",
            Self::ReleaseVolumes => "release-volumes",
            Self::Report => "report",
            Self::Patrol => "patrol",
            Self::KeepSchedules => "keep-schedules",
            Self::CopySnapshots => "copy-snapshots",
        }
    }

    /// The function of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|function| function.name() == name)
    }

    /// Reads an input without calling anything. Error: `InputInvalid`.
    pub fn parse(self, input: Value) -> Result<()> {
        match self {
            Self::Assess => read::<assess::Input>(input).map(drop),
            Self::RunNodeStep => read::<run_node_step::Input>(input).map(drop),
            Self::SetPower => read::<set_power::Input>(input).map(drop),
            Self::CreateSnapshots => read::<create_snapshots::Input>(input).map(drop),
            Self::CheckSnapshots => read::<check_snapshots::Input>(input).map(drop),
            Self::ExpireBackups => read::<expire_backups::Input>(input).map(drop),
            Self::Prove => read::<prove::Input>(input).map(drop),
            Self::PlanRestore => read::<plan_restore::Input>(input).map(drop),
            Self::CreateVolumes => read::<create_volumes::Input>(input).map(drop),
            Self::FastRestore => read::<fast_restore::Input>(input).map(drop),
            Self::SwapVolumes => read::<swap_volumes::Input>(input).map(drop),
            Self::ReleaseVolumes => read::<release_volumes::Input>(input).map(drop),
            Self::Report => read::<report::Input>(input).map(drop),
            Self::Patrol => read::<patrol::Input>(input).map(drop),
            Self::KeepSchedules => read::<keep_schedules::Input>(input).map(drop),
            Self::CopySnapshots => read::<copy_snapshots::Input>(input).map(drop),
        }
    }

    /// Calls the function, as Lambda does: JSON in, JSON out. An input that does not fit ends with `InputInvalid`.
    pub async fn call(self, ports: &impl Ports, input: Value) -> Result<Value> {
        // Boxed: the future of one call is as large as that of the largest function otherwise.
        match self {
            Self::Assess => write(&Box::pin(assess::handle(ports, read(input)?)).await?),
            Self::RunNodeStep => write(&Box::pin(run_node_step::handle(ports, read(input)?)).await?),
            Self::SetPower => write(&Box::pin(set_power::handle(ports, read(input)?)).await?),
            Self::CreateSnapshots => write(&Box::pin(create_snapshots::handle(ports, read(input)?)).await?),
            Self::CheckSnapshots => write(&Box::pin(check_snapshots::handle(ports, read(input)?)).await?),
            Self::ExpireBackups => write(&Box::pin(expire_backups::handle(ports, read(input)?)).await?),
            Self::Prove => write(&Box::pin(prove::handle(ports, read(input)?)).await?),
            Self::PlanRestore => Box::pin(plan_restore::handle(ports, read(input)?)).await,
            Self::CreateVolumes => Box::pin(create_volumes::handle(ports, read(input)?)).await,
            Self::FastRestore => Box::pin(fast_restore::handle(ports, read(input)?)).await,
            Self::SwapVolumes => write(&Box::pin(swap_volumes::handle(ports, read(input)?)).await?),
            Self::ReleaseVolumes => write(&Box::pin(release_volumes::handle(ports, read(input)?)).await?),
            Self::Report => write(&report::handle(ports, read(input)?)?),
            Self::Patrol => write(&Box::pin(patrol::handle(ports, read(input)?)).await?),
            Self::KeepSchedules => write(&Box::pin(keep_schedules::handle(ports, read(input)?)).await?),
            Self::CopySnapshots => Box::pin(copy_snapshots::handle(ports, read(input)?)).await,
        }
    }
}

fn read<T: DeserializeOwned>(input: Value) -> Result<T> {
    serde_json::from_value(input).map_err(|error| {
        Error::new(
            Kind::InputInvalid,
            format!("the input cannot be read: {error}"),
            "correct the input; docs/functions.md shows each function's",
        )
    })
}

fn write(output: &impl Serialize) -> Result<Value> {
    serde_json::to_value(output).map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))
}
