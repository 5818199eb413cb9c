//! Ids of backups (`<cluster>-<UTC time>`) and restores (`<cluster>-r-<UTC time>`).

use crate::error::{Error, Kind, Result};
use crate::names;
use crate::time::Moment;
use serde_with::{DeserializeFromStr, SerializeDisplay};
use std::fmt;
use std::str::FromStr;

/// Which kind of operation an id names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdKind {
    /// A backup.
    Backup,
    /// A restore.
    Restore,
}

/// The id of a backup or restore.
#[derive(Debug, Clone, PartialEq, Eq, Hash, SerializeDisplay, DeserializeFromStr)]
pub struct Id {
    cluster: String,
    kind: IdKind,
    at: Moment,
}

impl Id {
    /// The id of an operation on `cluster` that began at `at`.
    pub fn new(kind: IdKind, cluster: &str, at: Moment) -> Result<Self> {
        names::cluster(cluster)?;
        Ok(Self {
            cluster: cluster.to_owned(),
            kind,
            at,
        })
    }

    /// Reads an id; anything that is not exactly what [`fmt::Display`] writes is refused.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = || {
            let shown: String = text.chars().take(80).collect();
            Error::new(
                Kind::InputInvalid,
                format!("{shown:?} is no id of a backup or restore"),
                "copy the id from the tag mirrorsnap:backup-id of a snapshot, or from the operation's report",
            )
        };
        let (front, time) = text.rsplit_once('-').ok_or_else(bad)?;
        let at = Moment::parse_compact(time).ok_or_else(bad)?;
        let (cluster, kind) = front
            .strip_suffix("-r")
            .map_or((front, IdKind::Backup), |cluster| (cluster, IdKind::Restore));
        Self::new(kind, cluster, at).map_err(|_| bad())
    }

    /// The cluster.
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// Backup or restore.
    pub const fn kind(&self) -> IdKind {
        self.kind
    }

    /// When the operation began.
    pub const fn at(&self) -> Moment {
        self.at
    }
}

impl FromStr for Id {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let middle = if self.kind == IdKind::Restore { "-r" } else { "" };
        write!(f, "{}{middle}-{}", self.cluster, self.at.compact())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ids_of_the_design() {
        let at = Moment::parse("2026-05-01T02:03:04Z").unwrap();
        assert_eq!(
            Id::new(IdKind::Backup, "orders", at).unwrap().to_string(),
            "orders-20260501T020304Z"
        );
        assert_eq!(
            Id::new(IdKind::Restore, "orders", at).unwrap().to_string(),
            "orders-r-20260501T020304Z"
        );
        for bad in [
            "",
            "orders",
            "orders-",
            "orders-20260501T020304",
            "-20260501T020304Z",
            "a b-20260501T020304Z",
            "-r-20260501T020304Z",
        ] {
            assert!(Id::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn ids_read_back(cluster in "[a-z][a-z0-9-]{0,20}", restore: bool, seconds in 0_i64..4_000_000_000) {
            let kind = if restore { IdKind::Restore } else { IdKind::Backup };
            if let Ok(id) = Id::new(kind, &cluster, Moment::from_unix(seconds)) {
                prop_assert_eq!(Id::parse(&id.to_string()).unwrap(), id);
            }
        }

        #[test]
        fn garbage_is_refused_or_canonical(text in "\\PC{0,60}") {
            if let Ok(id) = Id::parse(&text) { prop_assert_eq!(id.to_string(), text); }
        }
    }
}
