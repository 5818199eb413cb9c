//! What an image's judgement ends in. The names are stable: they stand in tags, metrics and reports.

use crate::blocks::ReadError;
use serde::Serialize;

/// How the file system became quiet for the backup, which its image has to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quiet {
    /// It was unmounted.
    Unmounted,
    /// It was frozen, and stayed mounted.
    Frozen,
}

impl Quiet {
    /// What an image is that does not show it.
    pub(crate) fn missed(self, found: impl Into<String>) -> Stop {
        match self {
            Self::Unmounted => Unclean::NotUnmounted.because(found),
            Self::Frozen => Unclean::NotAsFrozen.because(found),
        }
    }
}

/// The judgement of one mirror disk's image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that can be looked at is as a file system leaves it that became quiet in this way, and the bytes are those of the
    /// quiet moment.
    Clean(Quiet),
    /// Nothing was found against the image, but it cannot be called clean: why.
    NotJudged(NotJudged, String),
    /// The image is not what a backup has to be: why.
    Unclean(Unclean, String),
}

impl Verdict {
    /// The verdict's stable name: `clean`, `not-judged`, or the name of the reason why it is not clean.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Clean(_) => "clean",
            Self::NotJudged(..) => "not-judged",
            Self::Unclean(reason, _) => reason.name(),
        }
    }

    /// One sentence for the operator: what was found, and what that means or what to do.
    pub fn sentence(&self) -> String {
        match self {
            Self::Clean(quiet) => {
                let how = match quiet {
                    Quiet::Unmounted => "a cleanly unmounted file system",
                    Quiet::Frozen => "a file system as a freeze leaves it",
                };
                format!("the image holds {how}, and its first bytes are those of the quiet moment")
            }
            Self::NotJudged(reason, found) => format!(
                "the image was not judged ({}): {found}; {}",
                reason.name(),
                reason.next()
            ),
            Self::Unclean(reason, found) => {
                format!("the image is not clean ({}): {found}; {}", reason.name(), reason.next())
            }
        }
    }
}

/// Ends a judgement before its end.
#[derive(Debug)]
pub(crate) enum Stop {
    Verdict(Verdict),
    Read(ReadError),
}

impl From<ReadError> for Stop {
    fn from(error: ReadError) -> Self {
        Self::Read(error)
    }
}

/// Why an image is neither clean nor unclean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotJudged {
    /// The active's record has no fingerprint of this mirror disk: the backup is older than fingerprints.
    NoFingerprint,
    /// The data partition holds something whose state cannot be read: another file system, encryption, a raw database.
    Contents,
    /// A file system that keeps a part of itself on another device, or has a feature that is not known here.
    Feature,
    /// Neither the backup nor the configuration says where the partitions are.
    PlaceUnknown,
    /// A logical volume that is more than a row of extents on this one volume.
    LogicalVolume,
    /// The bound on the blocks was reached.
    TooManyBlocks,
    /// The snapshot is in the archive, from which nothing is read.
    Archived,
}

impl NotJudged {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::NoFingerprint,
        Self::Contents,
        Self::Feature,
        Self::PlaceUnknown,
        Self::LogicalVolume,
        Self::TooManyBlocks,
        Self::Archived,
    ];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoFingerprint => "no-fingerprint",
            Self::Contents => "contents",
            Self::Feature => "feature",
            Self::PlaceUnknown => "place-unknown",
            Self::LogicalVolume => "logical-volume",
            Self::TooManyBlocks => "too-many-blocks",
            Self::Archived => "archived",
        }
    }

    fn next(self) -> &'static str {
        match self {
            Self::NoFingerprint => "backups that are made from now on have one",
            Self::Archived => {
                "bring it back by `aws ec2 restore-snapshot-tier`, then run `mirrorsnap backups CLUSTER --prove ID`"
            }
            Self::Contents | Self::Feature | Self::PlaceUnknown | Self::LogicalVolume | Self::TooManyBlocks => {
                "only a restore or a volume made from the snapshot can prove this backup"
            }
        }
    }

    pub(crate) fn because(self, found: impl Into<String>) -> Stop {
        Stop::Verdict(Verdict::NotJudged(self, found.into()))
    }
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $reason:ident = $name:literal,)*) => {
        /// Why an image is not clean.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        pub enum Unclean {
            $($(#[$doc])* #[serde(rename = $name)] $reason,)*
        }

        impl Unclean {
            /// Each of them.
            pub const ALL: &[Self] = &[$(Self::$reason),*];

            /// Its stable name.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$reason => $name,)*
                }
            }
        }
    };
}

reasons! {
    /// The partition table, or one copy of it, is damaged.
    TableDamaged = "table-damaged",
    /// The partition table is not the one that was saved.
    TableDiffers = "table-differs",
    /// A configured partition or logical volume is not there.
    PartitionMissing = "partition-missing",
    /// A structure points behind the end of the volume.
    BeyondTheVolume = "beyond-the-volume",
    /// The cluster partition holds nothing but zeros.
    ClusterPartitionEmpty = "cluster-partition-empty",
    /// The data partition does not begin with the bytes that the active recorded at the quiet moment.
    FingerprintDiffers = "fingerprint-differs",
    /// LVM's label or metadata are damaged.
    LvmDamaged = "lvm-damaged",
    /// A logical volume lacks a part of its extents.
    LvmIncomplete = "lvm-incomplete",
    /// The file system's superblock is damaged.
    SuperblockDamaged = "superblock-damaged",
    /// The file system is larger than its partition.
    LargerThanItsPartition = "larger-than-its-partition",
    /// The file system's log (journal) is damaged.
    LogDamaged = "log-damaged",
    /// The file system's log (journal) has changes that are not in the file system yet: it was not unmounted.
    NotUnmounted = "not-unmounted",
    /// The file system was to be frozen, and its log (journal) is not as a freeze leaves it: it was in use, or unmounted.
    NotAsFrozen = "not-as-frozen",
    /// Parts of the file system are from different moments.
    Torn = "torn",
    /// The file system's own notes say that it has errors.
    ErrorsNoted = "errors-noted",
    /// What describes the file system's groups is damaged.
    GroupsDamaged = "groups-damaged",
}

impl Unclean {
    fn next(self) -> &'static str {
        match self {
            Self::FingerprintDiffers => {
                "these are not the bytes of the quiet moment: look for a mirror that copies asynchronously, for a write after the \
                 break, and for another volume at this device; use the backup before this one"
            }
            _ => "use the backup before this one, and look for what wrote to the volume",
        }
    }

    pub(crate) fn because(self, found: impl Into<String>) -> Stop {
        Stop::Verdict(Verdict::Unclean(self, found.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_those_of_tags_and_differ() {
        let names: Vec<&str> = Unclean::ALL
            .iter()
            .map(|each| each.name())
            .chain(NotJudged::ALL.iter().map(|each| each.name()))
            .collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        for name in names {
            assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{name}");
            assert!(!["clean", "not-judged"].contains(&name), "{name}");
        }
        for reason in Unclean::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
        for reason in NotJudged::ALL {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
    }
}
