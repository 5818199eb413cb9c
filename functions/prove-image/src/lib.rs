//! What the image of a mirror disk says of itself (safety.md, A2b and rule 3): its partitions are where they belong, its file system was
//! unmounted cleanly or frozen, as the backup has it, and its bytes are those that the active read at the quiet moment. This crate implements a part of the safety
//! argument and must not be "simplified" without changing that.
//!
//! Pure: it reads blocks through [`Blocks`], knows no SDK and no clock, and takes any bytes without a panic or an endless loop. What it
//! does not know it calls `not-judged`, never clean.

mod area;
mod blocks;
mod bytes;
mod checksum;
mod contents;
mod ext4;
#[cfg(test)]
mod hostile_tests;
mod lvm;
mod table;
mod verdict;
mod xfs;

pub use blocks::{BLOCK, BOUND, Block, Blocks, ReadError};
pub use table::{Partition, Table, TableKind};
pub use verdict::{NotJudged, Quiet, Unclean, Verdict};

use area::{Area, Piece};
use blocks::Disk;
use sha2::{Digest, Sha256};
use verdict::Stop;

/// The first bytes of a data partition of which the active keeps the SHA-256 (infra/documents/lib/partitions.sh).
pub const FINGERPRINTED: usize = 64 * 1024;
/// The first bytes of a cluster partition, in which CLUSTERPRO keeps what it knows of the mirror.
const CLUSTER_LOOK: u64 = 1024 * 1024;

/// Where a partition is, as the cluster's configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The partition of this number, from 1.
    Partition(u32),
    /// A logical volume of LVM.
    LogicalVolume {
        /// The volume group's name.
        group: String,
        /// The logical volume's name.
        volume: String,
    },
}

/// What is judged, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorDisk {
    /// Where the cluster partition is.
    pub cluster_partition: Place,
    /// Where the data partition is.
    pub data_partition: Place,
    /// SHA-256 of the data partition's first [`FINGERPRINTED`] bytes at the quiet moment, if it was recorded.
    pub fingerprint: Option<[u8; 32]>,
    /// The partition table as it was saved, if it was.
    pub table: Option<Table>,
    /// How the file system became quiet.
    pub quiet: Quiet,
}

/// The judgement and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The judgement.
    pub verdict: Verdict,
    /// What was found on the way, one sentence each.
    pub seen: Vec<String>,
    /// The partition table, if it could be read.
    pub table: Option<Table>,
    /// Blocks that were read, sparse ones with them.
    pub blocks: u32,
    /// Blocks of these that the image does not hold.
    pub sparse: u32,
}

/// Judges one mirror disk's image. Errors: a block could not be read, and nothing is known of the image.
pub fn judge(subject: &MirrorDisk, source: &mut dyn Blocks) -> Result<Report, ReadError> {
    let mut disk = Disk::new(source);
    let (mut seen, mut table) = (Vec::new(), None);
    let verdict = match look(subject, &mut disk, &mut seen, &mut table) {
        Ok(()) => Verdict::Clean(subject.quiet),
        Err(Stop::Verdict(verdict)) => verdict,
        Err(Stop::Read(error)) => return Err(error),
    };
    let (blocks, sparse) = disk.counts();
    Ok(Report {
        verdict,
        seen,
        table,
        blocks,
        sparse,
    })
}

fn place(disk: &mut Disk<'_>, table: &Table, place: &Place) -> Result<Area, Stop> {
    let missing = |found: String| Unclean::PartitionMissing.because(found);
    match place {
        Place::Partition(number) => match table.partition(*number) {
            Some(found) => Ok(found.area()),
            None => Err(missing(format!("the disk has no partition {number}"))),
        },
        Place::LogicalVolume { group, volume } => {
            let mut candidates: Vec<Area> = table.partitions.iter().map(Partition::area).collect();
            candidates.push(Area::new(vec![Piece {
                at: 0,
                length: disk.size(),
            }]));
            for candidate in candidates {
                if let Some(found) = lvm::find(disk, &candidate, group, volume)? {
                    return Ok(found);
                }
            }
            Err(missing(format!(
                "the disk has no physical volume of the volume group {group}"
            )))
        }
    }
}

fn look(
    subject: &MirrorDisk,
    disk: &mut Disk<'_>,
    seen: &mut Vec<String>,
    table: &mut Option<Table>,
) -> Result<(), Stop> {
    let found = &*table.insert(table::read(disk)?);
    seen.push(format!(
        "partition table {:?} with {} partitions",
        found.kind,
        found.partitions.len()
    ));
    if let Some(saved) = &subject.table {
        table::compare(found, saved)?;
        seen.push("the partition table is the one that was saved".to_owned());
    }
    let cluster = place(disk, found, &subject.cluster_partition)?;
    cluster_partition(disk, &cluster)?;
    let data = place(disk, found, &subject.data_partition)?;
    seen.push(format!("data partition of {} bytes", data.size()));
    let length = usize::try_from(data.size()).unwrap_or(usize::MAX).min(contents::LOOK);
    let first = data.read(disk, 0, length)?;
    let fingerprint = fingerprint(&first, subject.fingerprint.as_ref());
    if fingerprint.is_ok() {
        seen.push("the data partition begins with the bytes of the quiet moment".to_owned());
    }
    let state = if xfs::is_there(&first) {
        xfs::judge(disk, &data, &first, subject.quiet)
    } else if ext4::is_there(&first) {
        ext4::judge(disk, &data, &first, subject.quiet)
    } else {
        Err(NotJudged::Contents.because(contents::name(&first)))
    };
    // A reason against the image weighs more than one why it was not judged.
    match (state, fingerprint) {
        (Err(Stop::Verdict(Verdict::NotJudged(reason, found))), fingerprint) => {
            seen.push(found.clone());
            if let Err(stop @ Stop::Verdict(Verdict::Unclean(..))) = fingerprint {
                return Err(stop);
            }
            Err(reason.because(found))
        }
        (Err(stop), _) => Err(stop),
        (Ok(found), fingerprint) => {
            seen.push(found);
            fingerprint
        }
    }
}

fn cluster_partition(disk: &mut Disk<'_>, area: &Area) -> Result<(), Stop> {
    let length = area.size().min(CLUSTER_LOOK);
    let first = area.read(disk, 0, usize::try_from(length).unwrap_or(0))?;
    if bytes::empty(&first) {
        return Err(Unclean::ClusterPartitionEmpty
            .because(format!("the first {length} bytes of the cluster partition are zeros")));
    }
    Ok(())
}

fn fingerprint(first: &[u8], recorded: Option<&[u8; 32]>) -> Result<(), Stop> {
    let Some(recorded) = recorded else {
        return Err(NotJudged::NoFingerprint.because("the active recorded no fingerprint of this mirror disk"));
    };
    let bytes = first.get(..FINGERPRINTED).unwrap_or(first);
    if Sha256::digest(bytes).as_slice() == recorded {
        return Ok(());
    }
    Err(Unclean::FingerprintDiffers.because(format!(
        "the first {} bytes of the data partition are not those that the active recorded at the quiet moment",
        bytes.len()
    )))
}
