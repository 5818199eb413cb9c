//! A snapshot as EC2 describes it.

use super::tag;
use crate::ec2::{SnapshotId, SnapshotState, VolumeId};
use crate::time::Moment;
use serde::Serialize;
use std::collections::BTreeMap;

/// Whether a snapshot can be read and made into a volume as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tier {
    /// It can.
    Standard,
    /// Somebody has archived it: it has to be restored from the archive first.
    Archive,
}

/// A snapshot as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Snapshot {
    /// Its id.
    pub id: SnapshotId,
    /// The volume that it was taken from.
    pub volume: VolumeId,
    /// Its state.
    pub state: SnapshotState,
    /// As EC2 prints it, such as `37%`.
    pub progress: String,
    /// When it was taken.
    pub started: Moment,
    /// The volume's size.
    pub gib: i32,
    /// Its key, if it is encrypted.
    pub kms_key: Option<String>,
    /// The snapshot that it was copied from, if its description says so ([`source_of_copy`]).
    pub copied_from: Option<SnapshotId>,
    /// Whether it is in the archive.
    pub tier: Tier,
    /// All its tags.
    pub tags: BTreeMap<String, String>,
}

/// The volume that EC2 shows for most copies.
pub const VOLUME_OF_COPIES: &str = "vol-ffffffff";

/// The source in the description that EC2 gives to a copy: `[Copied snap-0123 from us-east-1]`.
pub fn source_of_copy(description: &str) -> Option<SnapshotId> {
    let mut words = description.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    words.find_map(|word| word.parse().ok())
}

impl Snapshot {
    /// Whether somebody else made it by CopySnapshot: we make none, so we delete none.
    pub(super) fn is_copy(&self) -> bool {
        self.volume.as_str() == VOLUME_OF_COPIES || self.copied_from.is_some()
    }

    pub(crate) fn says_valid(&self) -> bool {
        self.tag(tag::VALID) == Some("true")
    }

    /// What it is the snapshot of: the mirror disks, or the volume while the disks are not written yet.
    pub(crate) fn place(&self) -> &str {
        self.tag(tag::MIRROR_DISKS).unwrap_or(self.volume.as_str())
    }

    pub(super) fn tag(&self, name: &str) -> Option<&str> {
        self.tags.get(name).map(String::as_str)
    }
}
