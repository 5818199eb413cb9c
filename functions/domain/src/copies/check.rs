//! Whether copies into the region of a cluster's JSON can be made, as far as that can be asked before one is made: what its region, its
//! keys and its quota answer, each as a finding. Who asks is a person, so what that person may not see is no fault of the copies.

use super::{CopyTo, Region};
use crate::catalogue::Backup;
use crate::error::Result;
use crate::inspect::{Key, Manager, copiers};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The name of the quota of copies at once, as Service Quotas lists it.
pub const AT_ONCE: &str = "Concurrent snapshot copies per destination Region";

/// The state of a key that can be used.
const ENABLED: &str = "Enabled";

/// What a finding says of the copies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// This stands in the way of no copy.
    Good,
    /// It is not known.
    Open,
    /// No copy can be made until it is mended.
    Bad,
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "kebab-case")]
#[allow(missing_docs)] // the members of each are what its text fills in
pub enum Finding {
    /// EC2 of the region shows what copies there are.
    RegionAnswers { region: Region },
    /// It refuses, or there is no such region.
    RegionClosed { region: Region, why: String },
    /// The key is enabled, and its policy lets copy-snapshots use it.
    KeyUsable { key: String },
    /// The key is AWS's own, which everybody in the account may use through EC2.
    KeyOfAws { key: String },
    /// KMS knows no such key.
    KeyMissing { key: String },
    /// KMS does not show it to whoever asks.
    KeyNotShown { key: String, why: String },
    /// It is disabled, or about to be deleted.
    KeyNotEnabled { key: String, state: String },
    /// Its policy leaves out what EC2 does with it in the name of the role of copy-snapshots.
    KeyDenied { key: String, actions: Vec<String> },
    /// Its policy has conditions or principals that are not judged here, or is not shown.
    KeyNotJudged { key: String, why: String },
    /// Fewer copies are on their way than the region makes at once.
    Room { region: Region, running: usize, most: u32 },
    /// As many as it makes at once: the next one waits for one of them.
    NoRoom { region: Region, running: usize, most: u32 },
    /// Service Quotas or EC2 does not say.
    QuotaNotKnown { region: Region, why: String },
}

impl Finding {
    /// What it says of the copies.
    pub const fn verdict(&self) -> Verdict {
        match self {
            Self::RegionAnswers { .. } | Self::KeyUsable { .. } | Self::KeyOfAws { .. } | Self::Room { .. } => {
                Verdict::Good
            }
            Self::KeyNotShown { .. } | Self::KeyNotJudged { .. } | Self::NoRoom { .. } | Self::QuotaNotKnown { .. } => {
                Verdict::Open
            }
            Self::RegionClosed { .. }
            | Self::KeyMissing { .. }
            | Self::KeyNotEnabled { .. }
            | Self::KeyDenied { .. } => Verdict::Bad,
        }
    }
}

/// The keys that a copy uses: those of the newest valid backup's snapshots, and that of the copies.
pub fn keys<'a>(to: &'a CopyTo, backups: &'a [Backup]) -> BTreeSet<&'a str> {
    let newest = backups.iter().find(|one| one.valid);
    let sources = newest.into_iter().flat_map(|one| &one.snapshots);
    let of_sources = sources.filter_map(|one| one.kms_key.as_deref());
    of_sources
        .chain(to.kms_key.as_ref().map(super::KeyArn::as_str))
        .collect()
}

/// The region of a key, by its ARN. Error: `ConfigInvalid`.
pub fn region_of(key: &str) -> Result<Region> {
    key.split(':').nth(3).unwrap_or_default().parse()
}

/// What EC2 of the region answered.
pub fn region<T>(region: &Region, shown: Result<T>) -> Finding {
    let region = region.clone();
    match shown {
        Ok(_) => Finding::RegionAnswers { region },
        Err(error) => Finding::RegionClosed {
            region,
            why: error.found().to_owned(),
        },
    }
}

/// What KMS answered of a key; `None`: it knows no such key. `roles`: function to its role's ARN.
pub fn key(key: &str, described: Result<Option<Key>>, roles: &BTreeMap<String, String>) -> Finding {
    let name = key.to_owned();
    let found = match described {
        Ok(Some(found)) => found,
        Ok(None) => return Finding::KeyMissing { key: name },
        Err(error) => {
            let why = error.found().to_owned();
            return Finding::KeyNotShown { key: name, why };
        }
    };
    if found.state != ENABLED {
        let state = found.state;
        return Finding::KeyNotEnabled { key: name, state };
    }
    let policy = match found.manager {
        Manager::Aws => return Finding::KeyOfAws { key: name },
        Manager::Customer(Err(why)) => return Finding::KeyNotJudged { key: name, why },
        Manager::Customer(Ok(policy)) => policy,
    };
    let left_out = copiers(key, &policy, roles);
    match (left_out.denied.is_empty(), left_out.open.is_empty()) {
        (false, _) => Finding::KeyDenied {
            key: name,
            actions: left_out.denied.into_iter().collect(),
        },
        (true, false) => Finding::KeyNotJudged {
            key: name,
            why: left_out.open.into_iter().collect::<Vec<_>>().join(", "),
        },
        (true, true) => Finding::KeyUsable { key: name },
    }
}

/// How many copies are on their way, and how many the region makes at once; `None`: Service Quotas does not list it.
pub fn quota(region: &Region, running: Result<usize>, most: Result<Option<u32>>) -> Finding {
    let region = region.clone();
    let unknown = |region, why: &str| Finding::QuotaNotKnown {
        region,
        why: why.to_owned(),
    };
    match (running, most) {
        (Ok(running), Ok(Some(most))) if running >= most as usize => Finding::NoRoom { region, running, most },
        (Ok(running), Ok(Some(most))) => Finding::Room { region, running, most },
        (Ok(_), Ok(None)) => unknown(region, "Service Quotas does not list it"),
        (Err(error), _) | (_, Err(error)) => unknown(region, error.found()),
    }
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
