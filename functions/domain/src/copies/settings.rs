//! Where a cluster's backups are copied to: `copy` of its configuration.

use crate::config::Retention;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use serde_with::{DeserializeFromStr, SerializeDisplay};
use std::fmt;
use std::str::FromStr;

/// The most days of a lock that EC2 takes.
const MOST_DAYS: u32 = 36_500;

fn invalid(found: String, next: &str) -> Error {
    Error::new(Kind::ConfigInvalid, found, next)
}

/// The text is quoted and cut: it may be hostile or huge.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(100).collect::<String>())
}

/// A region of AWS, such as `ap-northeast-3`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, SerializeDisplay, DeserializeFromStr)]
pub struct Region(String);

impl Region {
    /// AWS's own text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = Error;

    /// Error: `ConfigInvalid`.
    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let is_word = |part: &&str| (2..=12).contains(&part.len()) && part.chars().all(|c| c.is_ascii_lowercase());
        let ok = match parts.as_slice() {
            [words @ .., number] if (2..=4).contains(&words.len()) => {
                words.iter().all(is_word) && matches!(number.as_bytes(), [b'1'..=b'9'])
            }
            _ => false,
        };
        if ok {
            return Ok(Self(text.to_owned()));
        }
        Err(invalid(
            format!("copy.region {} is no region", shown(text)),
            "name a region of AWS, such as ap-northeast-3",
        ))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// The ARN of a KMS key, such as `arn:aws:kms:ap-northeast-3:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab`. An alias is none: it
/// can mean another key tomorrow.
#[derive(Debug, Clone, PartialEq, Eq, SerializeDisplay, DeserializeFromStr)]
pub struct KeyArn(String);

impl KeyArn {
    /// AWS's own text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }
}

impl FromStr for KeyArn {
    type Err = Error;

    /// Error: `ConfigInvalid`.
    fn from_str(text: &str) -> Result<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let ok = match parts.as_slice() {
            ["arn", partition, "kms", region, account, key] => {
                partition.starts_with("aws")
                    && partition.len() <= 16
                    && partition.chars().all(|c| c.is_ascii_lowercase() || c == '-')
                    && region.parse::<Region>().is_ok()
                    && account.len() == 12
                    && account.chars().all(|c| c.is_ascii_digit())
                    && key.strip_prefix("key/").is_some_and(|id| {
                        (1..=64).contains(&id.len()) && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
                    })
            }
            _ => false,
        };
        if ok {
            return Ok(Self(text.to_owned()));
        }
        Err(invalid(
            format!("copy.kms_key {} is no ARN of a key", shown(text)),
            "name the key by its ARN, arn:aws:kms:REGION:ACCOUNT:key/ID, not by an alias",
        ))
    }
}

impl fmt::Display for KeyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
macro_rules! schemas {
    ($($name:ident: $pattern:literal;)*) => {$(
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    )*};
}

#[cfg(test)]
schemas! {
    Region: "^[a-z]{2,12}(-[a-z]{2,12}){1,3}-[1-9]$";
    KeyArn: "^arn:aws[a-z-]*:kms:[a-z]{2,12}(-[a-z]{2,12}){1,3}-[1-9]:[0-9]{12}:key/[A-Za-z0-9-]{1,64}$";
}

/// The mode of a lock. Not `compliance`: nobody could end such a lock, whatever it costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Whoever has the permission can end the lock.
    Governance,
}

/// A lock of each copy, against deletion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Its mode.
    pub mode: Mode,
    /// How long it lasts.
    #[cfg_attr(test, schemars(range(min = 1, max = MOST_DAYS)))]
    pub days: u32,
}

/// Where backups are copied to, and how long their copies are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct CopyTo {
    /// The region. It may be the cluster's own.
    pub region: Region,
    /// The key there that the copies are encrypted with. Absent: what is encrypted gets that region's key for EBS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<KeyArn>,
    /// Which copies are kept.
    pub keep: Retention,
    /// Locks each copy once it is valid. Absent: none is locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock: Option<Lock>,
}

impl CopyTo {
    /// Error: `ConfigInvalid`.
    pub fn validate(&self) -> Result<()> {
        if let Some(key) = self.kms_key.as_ref().filter(|key| key.region() != self.region.as_str()) {
            return Err(invalid(
                format!(
                    "copy.kms_key is in {}, and copy.region is {}",
                    key.region(),
                    self.region
                ),
                "name a key of the region that the copies are made in",
            ));
        }
        if let Some(lock) = self.lock.filter(|lock| !(1..=MOST_DAYS).contains(&lock.days)) {
            return Err(invalid(
                format!("copy.lock.days is {}", lock.days),
                "choose 1 to 36500 days, or leave `lock` out",
            ));
        }
        self.keep.validate("copy.keep")
    }
}
