//! The account's quotas and what is used of them. They are read before a restore is planned, so that a restore without room fails
//! before anything is touched. A quota that could not be read is named and stops no restore: EC2 itself refuses a volume beyond a
//! quota, which is before the outage too.

use super::volumes::NewVolume;
use crate::ec2::SnapshotId;
use crate::error::{Error, Kind, Result};
use crate::sentence::Sentence;
use std::collections::{BTreeMap, BTreeSet};

/// The service that Service Quotas lists these under.
pub const SERVICE: &str = "ebs";
/// How many snapshots of a region may have fast snapshot restore.
pub const FAST: &str = "L-631ECBD3";
/// The default of every account.
pub const FAST_BY_DEFAULT: u32 = 5;
/// Storage of all volumes of a type in a region, in TiB: the type, and the quota's code.
const STORAGE: [(&str, &str); 7] = [
    ("gp2", "L-D18FCD1D"),
    ("gp3", "L-7A658B76"),
    ("io1", "L-FD252861"),
    ("io2", "L-09BD8365"),
    ("st1", "L-82ACEF56"),
    ("sc1", "L-17AF77E8"),
    ("standard", "L-9CF3C2EB"),
];

/// The code of a type's storage quota.
pub fn code(kind: &str) -> Option<&'static str> {
    STORAGE.iter().find(|(name, _)| *name == kind).map(|(_, code)| *code)
}

/// Quotas and what is used of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Quotas {
    /// The region's snapshots that have fast snapshot restore in some zone, ours or not, including those that are being disabled.
    pub fast: BTreeSet<SnapshotId>,
    /// The quota of such snapshots; `None`: could not be read.
    pub fast_limit: Option<u32>,
    /// The quota of GiB for all volumes of a type. A type whose quota could not be read is absent.
    pub storage_limit: BTreeMap<String, i64>,
    /// GiB that all volumes of a type have.
    pub storage_used: BTreeMap<String, i64>,
    /// Why something was not read.
    pub unread: Option<String>,
}

impl Quotas {
    /// From the quotas that Service Quotas lists, by code, and the use that EC2 shows. Either call may have failed.
    pub fn new(
        fast: BTreeSet<SnapshotId>,
        listed: Result<BTreeMap<String, f64>>,
        used: Result<BTreeMap<String, i64>>,
    ) -> Self {
        let mut quotas = Self {
            fast,
            ..Self::default()
        };
        match listed {
            Ok(listed) => {
                quotas.fast_limit = listed
                    .get(FAST)
                    .map(|value| whole(*value))
                    .and_then(|n| u32::try_from(n).ok());
                let gib = |(kind, code): (&str, &str)| Some((kind.to_owned(), whole(listed.get(code)? * 1024.0)));
                quotas.storage_limit = STORAGE.into_iter().filter_map(gib).collect();
            }
            Err(error) => quotas.unread = Some(error.to_string()),
        }
        match used {
            Ok(used) => quotas.storage_used = used,
            Err(error) => quotas.unread = Some(error.to_string()),
        }
        quotas
    }

    /// How much room the new volumes leave, in words. Error: `QuotaExceeded`.
    pub fn storage(&self, volumes: &[NewVolume]) -> Result<Vec<Sentence>> {
        let mut wanted: BTreeMap<&str, i64> = BTreeMap::new();
        for one in volumes {
            *wanted.entry(&one.kind).or_default() += i64::from(one.gib);
        }
        let mut words = Vec::new();
        for (kind, gib) in wanted {
            let (Some(limit), Some(used)) = (self.storage_limit.get(kind), self.storage_used.get(kind)) else {
                words.push(self.unknown(kind));
                continue;
            };
            let after = used + gib;
            if after > *limit {
                return Err(Error::new(
                    Kind::QuotaExceeded,
                    format!(
                        "the new volumes need {gib} GiB of {kind}, and {used} GiB of the region's quota of {limit} GiB are used"
                    ),
                    format!(
                        "raise the quota {} in Service Quotas, or delete volumes that earlier restores replaced",
                        code(kind).unwrap_or(kind)
                    ),
                ));
            }
            words.push(Sentence::QuotaAfter {
                kind: kind.to_owned(),
                after,
                limit: *limit,
            });
        }
        Ok(words)
    }

    fn unknown(&self, kind: &str) -> Sentence {
        let why = self.unread.as_ref().map_or(Sentence::NotListed, Sentence::verbatim);
        Sentence::QuotaUnknown {
            kind: kind.to_owned(),
            why: Box::new(why),
        }
    }
}

/// Service Quotas sends a floating-point number. No quota here is beyond an i64.
#[allow(clippy::cast_possible_truncation)]
fn whole(value: f64) -> i64 {
    value as i64
}

#[cfg(test)]
#[path = "quotas_tests.rs"]
mod tests;
