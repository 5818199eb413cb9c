//! How the new volumes become fast. A volume made from a snapshot reads each block from S3 the first time, which after a
//! restore is when the service needs it most. Two remedies cost money, and one of them time before the outage.

use super::volumes::NewVolume;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initialization {
    /// By size, cost and time.
    #[default]
    Auto,
    /// Nothing: blocks come when they are read.
    None,
    /// A provisioned initialization rate of each volume.
    Rate,
    /// Fast snapshot restore, switched off again afterwards.
    Fsr,
}

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// `none`, `rate` or `fsr`; never `auto`.
    pub initialization: Initialization,
    /// In words.
    pub why: String,
    /// What it costs, in US dollars at list prices of us-east-1.
    pub cost_usd: f64,
    /// How long before the outage it takes at most, in seconds.
    pub wait_seconds: i64,
}

/// The fastest rate that CreateVolume takes, in MiB/s.
const RATE: i32 = 300;
/// List prices that the choice between the two rests on; a bill may differ. A GiB initialized at [`RATE`].
const RATE_USD: f64 = 0.0036;
/// One snapshot's hour of fast restore in one zone; an hour is the least.
const FSR_USD: f64 = 0.75;
/// Smaller volumes are read from S3 in seconds to minutes, whatever is paid.
const SMALL_GIB: i32 = 1;
/// Optimizing takes 60 minutes a TiB.
const OPTIMIZE_SECONDS_PER_GIB: i64 = 3600 / 1024 + 1;

/// Seconds until the first credit of a snapshot: it fills at 1024/GiB an hour, at most ten an hour.
pub fn credit_seconds(gib: i32) -> i64 {
    (i64::from(gib) * 3600 / 1024).max(360)
}

/// Snapshot and zone of every fast restore that the choice needs.
pub fn pairs(choice: &Choice, volumes: &[NewVolume]) -> Vec<(String, String)> {
    if choice.initialization != Initialization::Fsr {
        return vec![];
    }
    let pairs: BTreeSet<_> = volumes
        .iter()
        .map(|one| (one.snapshot.clone(), one.zone.clone()))
        .collect();
    pairs.into_iter().collect()
}

/// The volumes with what the choice asks of CreateVolume.
pub fn applied(choice: &Choice, volumes: Vec<NewVolume>) -> Vec<NewVolume> {
    let rate = (choice.initialization == Initialization::Rate).then_some(RATE);
    volumes.into_iter().map(|one| NewVolume { rate, ..one }).collect()
}

/// Decides, and says why.
pub fn choose(asked: Initialization, volumes: &[NewVolume]) -> Choice {
    let rate_usd: f64 = volumes.iter().map(|one| f64::from(one.gib) * RATE_USD).sum();
    let largest = volumes.iter().map(|one| one.gib).max().unwrap_or(0);
    let fsr_seconds = i64::from(largest) * OPTIMIZE_SECONDS_PER_GIB + credit_seconds(largest);
    let pairs: BTreeSet<_> = volumes.iter().map(|one| (&one.snapshot, &one.zone)).collect();
    let count = u32::try_from(pairs.len()).unwrap_or(u32::MAX);
    let hours = u32::try_from((fsr_seconds + 3599) / 3600).unwrap_or(u32::MAX).max(1);
    let fsr_usd = f64::from(count) * f64::from(hours) * FSR_USD;
    let none = |why: &str| Choice {
        initialization: Initialization::None,
        why: why.to_owned(),
        cost_usd: 0.0,
        wait_seconds: 0,
    };
    let rate = |why: String| Choice {
        initialization: Initialization::Rate,
        why,
        cost_usd: cents(rate_usd),
        wait_seconds: 0,
    };
    let fsr = |why: String| Choice {
        initialization: Initialization::Fsr,
        why,
        cost_usd: cents(fsr_usd),
        wait_seconds: fsr_seconds,
    };
    let minutes = (fsr_seconds + 59) / 60;
    match asked {
        Initialization::None => {
            none("initialization: none, as asked: blocks are read from the snapshot when they are first used")
        }
        Initialization::Rate => rate(format!(
            "initialization: {RATE} MiB/s, as asked, about {rate_usd:.2} USD"
        )),
        Initialization::Fsr => fsr(format!(
            "initialization: fast snapshot restore, as asked, about {fsr_usd:.2} USD, up to {minutes} min before the outage"
        )),
        Initialization::Auto if largest <= SMALL_GIB => {
            none("initialization: none, since the volumes are small enough to be read in no time")
        }
        Initialization::Auto if rate_usd <= fsr_usd => rate(format!(
            "initialization: {RATE} MiB/s, about {rate_usd:.2} USD and no wait, where fast snapshot restore would cost about \
             {fsr_usd:.2} USD and up to {minutes} min"
        )),
        Initialization::Auto => fsr(format!(
            "initialization: fast snapshot restore, about {fsr_usd:.2} USD and up to {minutes} min before the outage, where {RATE} \
             MiB/s would cost about {rate_usd:.2} USD"
        )),
    }
}

/// To whole cents.
fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}
