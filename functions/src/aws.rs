//! The ports on the SDK: clients built once per process, and AWS's answers under our names. `outcome` is the one table of
//! what each answer means; it needs no SDK.

#[cfg(feature = "aws")]
mod account;
#[cfg(feature = "aws")]
mod blocks;
#[cfg(feature = "aws")]
mod client;
#[cfg(feature = "aws")]
mod clock;
#[cfg(feature = "aws")]
mod commands;
#[cfg(feature = "aws")]
mod convert;
#[cfg(feature = "aws")]
mod copies;
#[cfg(feature = "aws")]
mod descriptions;
#[cfg(feature = "aws")]
mod fast_restores;
#[cfg(feature = "aws")]
mod fleet;
#[cfg(feature = "aws")]
mod instances;
#[cfg(feature = "aws")]
mod keys;
#[cfg(feature = "aws")]
mod lock;
pub mod outcome;
#[cfg(feature = "aws")]
mod presigned;
#[cfg(feature = "aws")]
mod schedules;
#[cfg(feature = "aws")]
mod snapshots;
#[cfg(feature = "aws")]
mod volumes;

#[cfg(feature = "aws")]
pub use client::{Aws, failed};
