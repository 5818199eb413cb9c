//! How the new volumes become fast. A volume made from a snapshot reads each block from S3 at its first use, so it is slow just after
//! a restore. Two remedies cost money; one of them also needs time before the outage.

use super::quotas::{FAST_BY_DEFAULT, Quotas};
use super::volumes::NewVolume;
use crate::ec2::SnapshotId;
use crate::error::{Error, Kind, Result};
use crate::sentence::{self, Sentence};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the operator asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Initialization {
    /// By size, cost and time.
    #[default]
    Auto,
    /// Nothing: each block is loaded when it is first read.
    None,
    /// A provisioned initialization rate of each volume.
    Rate,
    /// Fast snapshot restore, disabled again afterwards.
    Fsr,
}

/// What one of the two remedies would cost, chosen or not.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Offer {
    /// US dollars at list prices of us-east-1; a bill may differ.
    pub cost_usd: f64,
    /// How long before the outage it takes at most, in seconds.
    pub wait_seconds: i64,
}

/// What was chosen, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// `none`, `rate` or `fsr`; never `auto`.
    pub initialization: Initialization,
    /// In words.
    #[serde(serialize_with = "sentence::as_text")]
    pub why: Sentence,
    /// What the choice costs, as in [`Offer`].
    pub cost_usd: f64,
    /// How long before the outage the choice takes at most, in seconds.
    pub wait_seconds: i64,
    /// After so many seconds the restore goes on by rate instead of fast snapshot restore; 0 if that was not chosen.
    pub give_up_seconds: i64,
    /// The rate of each volume in MiB/s, if the rate is the choice or replaces fast snapshot restore.
    pub mib_per_second: i32,
    /// What the rate costs.
    pub rate: Offer,
    /// What fast snapshot restore costs.
    pub fsr: Offer,
}

/// A snapshot in a zone that needs fast snapshot restore for its volumes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The zone.
    pub zone: String,
    /// The snapshot's size: credits follow it, not the volume's.
    pub gib: i32,
    /// How many volumes are made from it there; each takes one credit.
    pub volumes: i64,
}

impl Pair {
    /// The most credits that it can hold. EBS user guide, "Volume creation credits": MAX(1, MIN(10, 1024 / GiB)). Only whole
    /// credits make a volume fast.
    fn holds(&self) -> i64 {
        (1024 / i64::from(self.gib.max(1))).clamp(1, 10)
    }

    /// Whether there is a credit for every volume.
    fn serves_all(&self) -> bool {
        self.gib <= FAST_MOST_GIB && self.volumes <= self.holds()
    }

    /// Seconds from `enabled` until it has as many credits as it needs or can hold. It begins with none and gets
    /// MIN(10, 1024 / GiB) per hour.
    pub fn credits_seconds(&self) -> i64 {
        let one = (i64::from(self.gib) * 3600 / 1024).max(360);
        self.volumes.min(self.holds()) * one
    }

    /// Seconds from the order to enable it. Optimizing takes 60 minutes per TiB (EBS user guide, fast snapshot restore states).
    fn seconds(&self) -> i64 {
        i64::from(self.gib) * 3600 / 1024 + 1 + self.credits_seconds()
    }
}

/// The fastest and the slowest rate that CreateVolume accepts, in MiB/s, and the region's quota for all volumes that initialize at
/// once. Beyond that quota CreateVolume fails (EBS user guide, "Initialize Amazon EBS volumes").
const FASTEST: i32 = 300;
const SLOWEST: i32 = 100;
const ALL_AT_ONCE: i32 = 5000;
/// US dollars for a GiB of the snapshot's data at one MiB/s: 0.0036 at 300 MiB/s in us-east-1 (Amazon EBS pricing; the user guide has
/// the formula). AWS bills the data, not the volume's size. The amount of data is not known here, so the result is an upper bound.
const RATE_USD: f64 = 0.000_012;
/// US dollars for one snapshot's hour of fast restore in one zone in us-east-1 (Amazon EBS pricing: a DSU-hour). AWS bills by the
/// minute, and at least an hour.
const FSR_USD: f64 = 0.75;
/// Larger snapshots have no fast restore.
const FAST_MOST_GIB: i32 = 16 * 1024;
/// In GiB. Smaller volumes are read from S3 in seconds to minutes without any remedy.
const SMALL_GIB: i32 = 1;
/// Fast snapshot restore may take PATIENCE times its expected time and PATIENCE_SECONDS; then the restore goes on by rate. AWS promises
/// no time.
const PATIENCE: i64 = 2;
const PATIENCE_SECONDS: i64 = 600;

/// Snapshot and zone of every fast restore that these volumes would need.
pub fn pairs(volumes: &[NewVolume]) -> Vec<Pair> {
    let mut found: BTreeMap<(&SnapshotId, &str), Pair> = BTreeMap::new();
    for one in volumes {
        let pair = found.entry((&one.snapshot, &one.zone)).or_insert_with(|| Pair {
            snapshot: one.snapshot.clone(),
            zone: one.zone.clone(),
            gib: one.snapshot_gib,
            volumes: 0,
        });
        pair.volumes += 1;
    }
    found.into_values().collect()
}

/// The volumes, with the parameters of CreateVolume that the choice needs.
pub fn applied(choice: &Choice, volumes: Vec<NewVolume>) -> Vec<NewVolume> {
    let rate = (choice.initialization == Initialization::Rate).then_some(choice.mib_per_second);
    volumes.into_iter().map(|one| NewVolume { rate, ..one }).collect()
}

/// What the choice depends on besides the volumes.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Fast snapshot restores that are enabled or being enabled: snapshot and zone.
    pub on: &'a [(SnapshotId, String)],
    /// The account's quotas.
    pub quotas: &'a Quotas,
    /// No group is online, so every minute of waiting is outage.
    pub down: bool,
}

/// Decides, and says why. It does not replace what the operator asked for by name: fast snapshot restore beyond the account's quota is
/// refused (`QuotaExceeded`), since no time has been spent yet.
pub fn choose(asked: Initialization, volumes: &[NewVolume], known: Known<'_>) -> Result<Choice> {
    let needed = pairs(volumes);
    let off: Vec<&Pair> = needed.iter().filter(|pair| !is_on(known.on, pair)).collect();
    let mib_per_second = per_volume(volumes.len());
    let rate = Offer {
        cost_usd: cents(volumes.iter().map(|one| rate_usd(one, mib_per_second)).sum()),
        wait_seconds: 0,
    };
    let wait = needed.iter().map(Pair::seconds).max().unwrap_or(0);
    let hours = (f64::from(u32::try_from(wait).unwrap_or(u32::MAX)) / 3600.0).max(1.0);
    let fsr = Offer {
        cost_usd: cents(f64::from(u32::try_from(off.len()).unwrap_or(u32::MAX)) * hours * FSR_USD),
        wait_seconds: wait,
    };
    let why_not_fsr = why_not_fsr(&needed, &off, known);
    if asked == Initialization::Fsr {
        room(&off, known.quotas)?;
    }
    let largest = volumes.iter().map(|one| one.gib).max().unwrap_or(0);
    let minutes = (wait + 59) / 60;
    let slowly = (!needed.iter().all(Pair::serves_all)).then(|| Box::new(Sentence::NotAllFast));
    let by_rate = Box::new(Sentence::ByRate {
        rate: mib_per_second,
        usd: usd(rate.cost_usd),
    });
    let by_fsr = Box::new(Sentence::ByFsr {
        usd: usd(fsr.cost_usd),
        minutes,
    });
    let (initialization, why) = match asked {
        Initialization::None => (Initialization::None, Sentence::NoneAsAsked),
        Initialization::Rate => {
            let (how, slowly) = (by_rate, None);
            (Initialization::Rate, Sentence::AsAsked { how, slowly })
        }
        Initialization::Fsr => (Initialization::Fsr, Sentence::AsAsked { how: by_fsr, slowly }),
        Initialization::Auto if largest <= SMALL_GIB => (Initialization::None, Sentence::SmallEnough),
        Initialization::Auto => match why_not_fsr {
            Some(why) => {
                let (how, why) = (by_rate, Box::new(why));
                (Initialization::Rate, Sentence::Since { how, why })
            }
            None if rate.cost_usd <= fsr.cost_usd => {
                let (how, other) = (by_rate, by_fsr);
                (Initialization::Rate, Sentence::NoWaitRatherThan { how, other })
            }
            None => {
                let (how, other) = (by_fsr, by_rate);
                (Initialization::Fsr, Sentence::RatherThan { how, other })
            }
        },
    };
    let chosen = match initialization {
        Initialization::Rate => rate.clone(),
        Initialization::Fsr => fsr.clone(),
        Initialization::Auto | Initialization::None => Offer {
            cost_usd: 0.0,
            wait_seconds: 0,
        },
    };
    let gives_up = initialization == Initialization::Fsr;
    Ok(Choice {
        initialization,
        why: Sentence::HowFast { why: Box::new(why) },
        cost_usd: chosen.cost_usd,
        wait_seconds: chosen.wait_seconds,
        give_up_seconds: if gives_up {
            PATIENCE * wait + PATIENCE_SECONDS
        } else {
            0
        },
        mib_per_second,
        rate,
        fsr,
    })
}

/// An amount of money as it is shown.
pub(super) fn usd(amount: f64) -> String {
    format!("{amount:.2}")
}

fn is_on(on: &[(SnapshotId, String)], pair: &Pair) -> bool {
    on.iter()
        .any(|(snapshot, zone)| (snapshot, zone) == (&pair.snapshot, &pair.zone))
}

/// Why `auto` cannot take fast snapshot restore, apart from its cost.
fn why_not_fsr(needed: &[Pair], off: &[&Pair], known: Known<'_>) -> Option<Sentence> {
    if !needed.iter().all(Pair::serves_all) {
        return Some(Sentence::FsrNotAll);
    }
    if known.down && !off.is_empty() {
        return Some(Sentence::FsrWouldWait);
    }
    // If the quota could not be read, assume the default of every account.
    let limit = known.quotas.fast_limit.unwrap_or(FAST_BY_DEFAULT);
    let after = after(off, known.quotas);
    (after > limit).then_some(Sentence::FsrQuota { after, limit })
}

/// How many snapshots would have fast restore. A snapshot counts once, in however many zones.
fn after(off: &[&Pair], quotas: &Quotas) -> u32 {
    let mut all: BTreeSet<&SnapshotId> = quotas.fast.iter().collect();
    all.extend(off.iter().map(|pair| &pair.snapshot));
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}

/// Refuses if the account's quota is known to be too small.
fn room(off: &[&Pair], quotas: &Quotas) -> Result<()> {
    let after = after(off, quotas);
    match quotas.fast_limit.filter(|limit| after > *limit && !off.is_empty()) {
        None => Ok(()),
        Some(limit) => Err(Error::new(
            Kind::QuotaExceeded,
            format!(
                "{} snapshot(s) of the region have fast snapshot restore on, this restore would make it {after}, and the quota \
                 is {limit}",
                quotas.fast.len()
            ),
            "restore with the initialization \"rate\", which needs none, or switch one of the others off",
        )),
    }
}

fn per_volume(volumes: usize) -> i32 {
    let count = i32::try_from(volumes).unwrap_or(i32::MAX).max(1);
    (ALL_AT_ONCE / count).clamp(SLOWEST, FASTEST)
}

fn rate_usd(one: &NewVolume, mib_per_second: i32) -> f64 {
    f64::from(one.snapshot_gib) * f64::from(mib_per_second) * RATE_USD
}

/// Rounds to whole cents.
fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

#[cfg(test)]
#[path = "initialization_tests.rs"]
mod tests;
