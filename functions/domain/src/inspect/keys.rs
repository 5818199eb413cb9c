//! Whether the KMS keys of the nodes' volumes can be used, by those who need them. EC2 accepts a start without the key, and stops the
//! instance again: so it is asked before anything is touched (safety.md, rule 20).

use super::key_policy::{Question, Verdict};
use crate::ec2::VolumeId;
use crate::error::{Error, Kind, Result};
use crate::sentence::Sentence;
use std::collections::{BTreeMap, BTreeSet};

/// The state of a key that can be used.
const ENABLED: &str = "Enabled";

/// What EC2 does with a key in the name of which function's role. EBS User Guide, "Requirements for Amazon EBS encryption".
const NEEDS: &[(&str, &[&str])] = &[
    ("set-power", &["kms:CreateGrant"]),
    ("create-volumes", ALL),
    ("swap-volumes", ALL),
];

/// The same of the copies of snapshots, for the source's key in its region and the copies' key in theirs.
const COPIES: &[(&str, &[&str])] = &[("copy-snapshots", ALL)];

const ALL: &[&str] = &[
    "kms:CreateGrant",
    "kms:Decrypt",
    "kms:DescribeKey",
    "kms:GenerateDataKeyWithoutPlaintext",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
];

/// Who manages a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manager {
    /// AWS: `aws/ebs`, which everybody in the account may use through EC2.
    Aws,
    /// The customer, whose policy it has; the error: why it cannot be read, as that of another account's key.
    Customer(std::result::Result<String, String>),
}

/// A key as KMS describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Who manages it.
    pub manager: Manager,
    /// KMS's word for its state, such as `Enabled` or `PendingDeletion`.
    pub state: String,
}

/// The keys of these volumes: key to volumes.
pub fn keys_of<'a>(
    all: impl IntoIterator<Item = (&'a VolumeId, Option<&'a String>)>,
) -> BTreeMap<String, BTreeSet<VolumeId>> {
    let mut of: BTreeMap<String, BTreeSet<VolumeId>> = BTreeMap::new();
    for (volume, key) in all {
        if let Some(key) = key {
            of.entry(key.clone()).or_default().insert(volume.clone());
        }
    }
    of
}

fn named(key: &str, volumes: &BTreeSet<VolumeId>) -> String {
    let volumes: Vec<String> = volumes.iter().map(ToString::to_string).collect();
    format!("{key} ({})", volumes.join(", "))
}

fn unusable(found: String) -> Error {
    Error::new(
        Kind::KeyNotUsable,
        found,
        "without the key a stopped node does not start again; enable it, or let its policy give the roles what the README names",
    )
}

/// What a key's policy does not clearly allow: function and action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LeftOut {
    /// It does not allow it.
    pub(crate) denied: BTreeSet<String>,
    /// It is not judged here.
    pub(crate) open: BTreeSet<String>,
}

fn left_out(needs: &[(&str, &[&str])], key: &str, policy: &str, roles: &BTreeMap<String, String>) -> LeftOut {
    let mut found = LeftOut::default();
    for (function, actions) in needs {
        for action in *actions {
            let verdict = match roles.get(*function) {
                Some(role) => Question { role, action, key }.ask(policy),
                None => Verdict::Unknown,
            };
            match verdict {
                Verdict::Denied => found.denied.insert(format!("{function} {action}")),
                Verdict::Unknown => found.open.insert(format!("{function} {action}")),
                Verdict::Allowed => continue,
            };
        }
    }
    found
}

/// What a key's policy leaves out of what copies need.
pub(crate) fn copiers(key: &str, policy: &str, roles: &BTreeMap<String, String>) -> LeftOut {
    left_out(COPIES, key, policy, roles)
}

/// Refuses a key that cannot be used; else says what is known of it. `roles`: function to its role's ARN.
pub fn judge_key(
    key: &str,
    volumes: &BTreeSet<VolumeId>,
    described: Result<Key>,
    roles: &BTreeMap<String, String>,
) -> Result<Sentence> {
    let name = named(key, volumes);
    let described = described.map_err(|error| match error.kind() {
        Kind::AwsRefused => unusable(format!("KMS does not show the key {name}: {error}")),
        _ => error,
    })?;
    if described.state != ENABLED {
        return Err(unusable(format!("the key {name} is {}", described.state)));
    }
    let policy = match described.manager {
        Manager::Aws => return Ok(Sentence::KeyOfAws { key: name }),
        Manager::Customer(Err(why)) => return Ok(Sentence::KeyUnread { key: name, why }),
        Manager::Customer(Ok(policy)) => policy,
    };
    let LeftOut { denied, open } = left_out(NEEDS, key, &policy, roles);
    let list = |all: BTreeSet<String>| all.into_iter().collect::<Vec<_>>().join(", ");
    if !denied.is_empty() {
        return Err(unusable(format!(
            "the policy of the key {name} does not allow the roles of: {}",
            list(denied)
        )));
    }
    if open.is_empty() {
        return Ok(Sentence::KeyUsable { key: name });
    }
    let actions = list(open);
    Ok(Sentence::KeyNotJudged { key: name, actions })
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
