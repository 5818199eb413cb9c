//! How the new volumes become fast. A volume made from a snapshot reads each block from S3 the first time, which after a
//! restore is when the service needs it most. Two remedies cost money, and one of them time before the outage.

use super::quotas::{FAST_BY_DEFAULT, Quotas};
use super::volumes::NewVolume;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
    pub why: String,
    /// What the choice costs, as in [`Offer`].
    pub cost_usd: f64,
    /// How long before the outage the choice takes at most, in seconds.
    pub wait_seconds: i64,
    /// After so many seconds fast snapshot restore is given up for the rate; 0 if it was not chosen.
    pub give_up_seconds: i64,
    /// The rate of each volume in MiB/s, where it is used: as the choice, or when fast snapshot restore is given up.
    pub mib_per_second: i32,
    /// What the rate costs.
    pub rate: Offer,
    /// What fast snapshot restore costs.
    pub fsr: Offer,
}

/// A snapshot in a zone, for whose volumes fast restore is needed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pair {
    /// The snapshot.
    pub snapshot: String,
    /// The zone.
    pub zone: String,
    /// The snapshot's size: credits follow it, not the volume's.
    pub gib: i32,
    /// How many volumes are made of it there, each for one credit.
    pub volumes: i64,
}

impl Pair {
    /// Most credits that it collects. EBS user guide, "Volume creation credits": MAX(1, MIN(10, 1024 / GiB)), of which
    /// only whole ones make a volume fast.
    fn holds(&self) -> i64 {
        (1024 / i64::from(self.gib.max(1))).clamp(1, 10)
    }

    /// Whether every volume can be fast, if one after another takes its credit at once.
    fn serves_all(&self) -> bool {
        self.gib <= FAST_MOST_GIB && self.volumes <= self.holds()
    }

    /// Seconds from `enabled` until it has as many credits as it needs, or can hold. It begins with none, and fills by
    /// MIN(10, 1024 / GiB) an hour.
    pub fn credits_seconds(&self) -> i64 {
        let one = (i64::from(self.gib) * 3600 / 1024).max(360);
        self.volumes.min(self.holds()) * one
    }

    /// Seconds from the order to switch on. Optimizing takes 60 minutes a TiB (EBS user guide, fast snapshot restore states).
    fn seconds(&self) -> i64 {
        i64::from(self.gib) * 3600 / 1024 + 1 + self.credits_seconds()
    }
}

/// The fastest and the slowest rate that CreateVolume takes, in MiB/s, and the quota of all that are created at once in a
/// region: beyond it CreateVolume fails (EBS user guide, "Initialize Amazon EBS volumes").
const FASTEST: i32 = 300;
const SLOWEST: i32 = 100;
const ALL_AT_ONCE: i32 = 5000;
/// A GiB of the snapshot's data at one MiB/s: 0.0036 USD at 300 MiB/s in us-east-1 (Amazon EBS pricing; the user guide has
/// the formula). Data, not the volume's size, is billed; its amount is not known here, so this makes a bound.
const RATE_USD: f64 = 0.000_012;
/// One snapshot's hour of fast restore in one zone in us-east-1 (Amazon EBS pricing: a DSU-hour). Billed by the minute, an
/// hour at least.
const FSR_USD: f64 = 0.75;
/// Larger snapshots have no fast restore.
const FAST_MOST_GIB: i32 = 16 * 1024;
/// Smaller volumes are read from S3 in seconds to minutes, whatever is paid.
const SMALL_GIB: i32 = 1;
/// Fast snapshot restore may take twice its time and ten minutes, before it is given up: AWS promises none.
const PATIENCE: i64 = 2;
const PATIENCE_SECONDS: i64 = 600;

/// Snapshot and zone of every fast restore that these volumes would need.
pub fn pairs(volumes: &[NewVolume]) -> Vec<Pair> {
    let mut found: BTreeMap<(&str, &str), Pair> = BTreeMap::new();
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

/// The volumes with what the choice asks of CreateVolume.
pub fn applied(choice: &Choice, volumes: Vec<NewVolume>) -> Vec<NewVolume> {
    let rate = (choice.initialization == Initialization::Rate).then_some(choice.mib_per_second);
    volumes.into_iter().map(|one| NewVolume { rate, ..one }).collect()
}

/// What the choice depends on besides the volumes.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Fast snapshot restores that are on, or on their way: snapshot and zone.
    pub on: &'a [(String, String)],
    /// The account's quotas.
    pub quotas: &'a Quotas,
    /// No group is online: every minute of waiting is outage.
    pub down: bool,
}

/// Decides, and says why. What is asked for by name is not replaced by something else here: fast snapshot restore beyond the
/// account's quota is refused (`QuotaExceeded`), since nothing has been waited for yet.
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
    let hindrance = hindrance(&needed, &off, known);
    if asked == Initialization::Fsr {
        room(&off, known.quotas)?;
    }
    let largest = volumes.iter().map(|one| one.gib).max().unwrap_or(0);
    let minutes = (wait + 59) / 60;
    let slowly = if needed.iter().all(Pair::serves_all) {
        ""
    } else {
        ", and not every volume will be fast: a snapshot of that size has too few credits for the volumes in one zone"
    };
    let by_rate = format!(
        "{mib_per_second} MiB/s for each volume, at most {:.2} USD",
        rate.cost_usd
    );
    let by_fsr = format!(
        "fast snapshot restore, about {:.2} USD and up to {minutes} min before the outage",
        fsr.cost_usd
    );
    let (initialization, why) = match asked {
        Initialization::None => (
            Initialization::None,
            "none, as asked: blocks are read from the snapshot when they are first used".to_owned(),
        ),
        Initialization::Rate => (Initialization::Rate, format!("{by_rate}, as asked")),
        Initialization::Fsr => (Initialization::Fsr, format!("{by_fsr}, as asked{slowly}")),
        Initialization::Auto if largest <= SMALL_GIB => (
            Initialization::None,
            "none, since the volumes are small enough to be read in no time".to_owned(),
        ),
        Initialization::Auto => match hindrance {
            Some(hindrance) => (Initialization::Rate, format!("{by_rate}, since {hindrance}")),
            None if rate.cost_usd <= fsr.cost_usd => (
                Initialization::Rate,
                format!("{by_rate} and no wait, rather than {by_fsr}"),
            ),
            None => (Initialization::Fsr, format!("{by_fsr}, rather than {by_rate}")),
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
        why: format!("initialization: {why}"),
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

fn is_on(on: &[(String, String)], pair: &Pair) -> bool {
    on.iter()
        .any(|(snapshot, zone)| (snapshot, zone) == (&pair.snapshot, &pair.zone))
}

/// Why `auto` does not take fast snapshot restore, whatever it costs.
fn hindrance(needed: &[Pair], off: &[&Pair], known: Known<'_>) -> Option<String> {
    if !needed.iter().all(Pair::serves_all) {
        return Some("fast snapshot restore could not make every volume fast".to_owned());
    }
    if known.down && !off.is_empty() {
        return Some("no group is online, and fast snapshot restore would be waited for".to_owned());
    }
    // Not read, it is most likely what every account begins with.
    let limit = known.quotas.fast_limit.unwrap_or(FAST_BY_DEFAULT);
    let after = after(off, known.quotas);
    (after > limit).then(|| format!("fast snapshot restore would be on for {after} snapshots, and {limit} may have it"))
}

/// How many snapshots would have fast restore; one counts once, in however many zones.
fn after(off: &[&Pair], quotas: &Quotas) -> u32 {
    let mut all: BTreeSet<&str> = quotas.fast.iter().map(String::as_str).collect();
    all.extend(off.iter().map(|pair| pair.snapshot.as_str()));
    u32::try_from(all.len()).unwrap_or(u32::MAX)
}

/// Refuses what the account's quota is known not to allow.
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

/// To whole cents.
fn cents(usd: f64) -> f64 {
    (usd * 100.0).round() / 100.0
}

#[cfg(test)]
#[path = "initialization_tests.rs"]
mod tests;
