//! One file per Lambda: each wires AWS to the domain, and decides nothing itself. docs/functions.md is their contract.

pub(crate) mod assess;
pub(crate) mod check_snapshots;
pub(crate) mod create_snapshots;
pub(crate) mod create_volumes;
pub(crate) mod expire_backups;
pub(crate) mod fast_restore;
pub(crate) mod observe;
pub(crate) mod plan_restore;
pub(crate) mod report;
pub(crate) mod run_node_step;
pub(crate) mod set_power;
pub(crate) mod swap_volumes;
