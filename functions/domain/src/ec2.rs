//! EC2's ids and states. Each kind of id is a type of its own, so that no volume is taken for a snapshot or an instance; it is made by
//! parsing only. A state that we do not know is `Other` with EC2's word: it is never taken for one that we know.

use crate::error::{Error, Kind, Result};
use crate::names;
use serde_with::{DeserializeFromStr, SerializeDisplay};
use std::fmt;
use std::str::FromStr;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident: $prefix:literal, $what:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay, DeserializeFromStr)]
        pub struct $name(String);

        impl $name {
            /// EC2's own text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// Error: `InputInvalid`.
            fn from_str(text: &str) -> Result<Self> {
                if names::is_id($prefix, text) {
                    return Ok(Self(text.to_owned()));
                }
                // The text is quoted and cut: it may be hostile or huge.
                let shown: String = text.chars().take(60).collect();
                Err(Error::new(
                    Kind::InputInvalid,
                    format!("{shown:?} is no id of {}", $what),
                    concat!("name it by its id in EC2, such as ", $prefix, "-0123456789abcdef0"),
                ))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        #[cfg(test)]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "pattern": concat!("^", $prefix, "-[0-9a-f]{3,17}$")})
            }
        }

        #[cfg(test)]
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                text.parse().unwrap()
            }
        }

        #[cfg(test)]
        impl From<String> for $name {
            fn from(text: String) -> Self {
                text.parse().unwrap()
            }
        }

        #[cfg(test)]
        impl PartialEq<&str> for $name {
            fn eq(&self, text: &&str) -> bool {
                self.0 == *text
            }
        }
    )*};
}

ids! {
    /// An instance's id, such as `i-0123456789abcdef0`.
    InstanceId: "i", "an instance";
    /// A volume's id, such as `vol-0123456789abcdef0`.
    VolumeId: "vol", "a volume";
    /// A snapshot's id, such as `snap-0123456789abcdef0`.
    SnapshotId: "snap", "a snapshot";
}

// Not strum: its parse can fail by its type, which reading a state never does.
macro_rules! states {
    ($($(#[$doc:meta])* $name:ident { $($(#[$of:meta])* $state:ident = $word:literal $(| $also:literal)*,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, SerializeDisplay)]
        #[allow(missing_docs)] // EC2's own words
        pub enum $name {
            $($(#[$of])* $state,)*
            /// A word that EC2 did not have when this was written.
            Other(String),
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word $(| $also)* => Self::$state,)*
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$state => $word,)*
                    Self::Other(word) if word.is_empty() => "in no state",
                    Self::Other(word) => word,
                })
            }
        }
    )*};
}

states! {
    /// The state of an instance.
    Power {
        Pending = "pending",
        /// The guest may still boot, or have halted a moment ago.
        Running = "running",
        Stopping = "stopping",
        Stopped = "stopped",
        /// Never to be started again, or not shown.
        Gone = "terminated" | "shutting-down",
    }
    /// The state of a volume.
    VolumeState {
        Creating = "creating",
        Available = "available",
        InUse = "in-use",
        Deleting = "deleting",
        Deleted = "deleted",
        Error = "error",
    }
    /// The state of an attachment.
    AttachmentState {
        Attaching = "attaching",
        Attached = "attached",
        Detaching = "detaching",
        Detached = "detached",
        Busy = "busy",
    }
    /// The state of a snapshot.
    SnapshotState {
        Pending = "pending",
        Completed = "completed",
        Error = "error",
        /// In the Recycle Bin.
        Recoverable = "recoverable",
        /// On its way out of it.
        Recovering = "recovering",
    }
    /// The state of fast snapshot restore of a snapshot in a zone.
    FastRestoreState {
        Enabling = "enabling",
        Optimizing = "optimizing",
        Enabled = "enabled",
        Disabling = "disabling",
        Disabled = "disabled",
    }
}

/// The id of what can be tagged by CreateTags.
pub trait Tagged: fmt::Display {}
impl Tagged for VolumeId {}
impl Tagged for SnapshotId {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_json_text_and_is_parsed_when_it_is_read() {
        let volume: VolumeId = serde_json::from_str(r#""vol-0aaa""#).unwrap();
        assert_eq!(serde_json::to_string(&volume).unwrap(), r#""vol-0aaa""#);
        for other in [
            "snap-0aaa",
            "i-0aaa",
            "vol-",
            "vol-0AAA",
            "vol-0aaa ",
            "vol-0aaa; reboot",
            "",
        ] {
            let error = other.parse::<VolumeId>().unwrap_err();
            assert_eq!(error.kind(), Kind::InputInvalid);
            assert!(serde_json::from_value::<VolumeId>(other.into()).is_err(), "{other}");
        }
        assert!("snap-0aaa".parse::<SnapshotId>().is_ok() && "i-0aaa".parse::<InstanceId>().is_ok());
    }

    #[test]
    fn a_word_that_is_not_known_is_kept_and_is_no_state_that_is() {
        let written = |word: &str| {
            [
                Power::from(word).to_string(),
                VolumeState::from(word).to_string(),
                AttachmentState::from(word).to_string(),
                SnapshotState::from(word).to_string(),
                FastRestoreState::from(word).to_string(),
            ]
        };
        for word in ["hibernated", "Available", "completed "] {
            assert_eq!(written(word), [word; 5].map(str::to_owned));
            assert!(
                matches!(Power::from(word), Power::Other(_))
                    && matches!(VolumeState::from(word), VolumeState::Other(_))
            );
        }
        assert_eq!(written("")[0], "in no state");
        assert_eq!(
            (Power::from("shutting-down"), VolumeState::from("in-use")),
            (Power::Gone, VolumeState::InUse)
        );
        assert_eq!(VolumeState::InUse.to_string(), "in-use");
    }
}
