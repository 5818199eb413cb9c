//! ext2, ext3 and ext4: whether the file system was unmounted cleanly or frozen. A freeze (fs/ext4/super.c, `ext4_freeze`) empties the
//! journal and clears `needs_recovery`. The file system stays mounted: files that were deleted while they are open stay on the list of
//! orphans, which a mount works off without a journal, and the guard against two mounts says that it is mounted. Source: Linux, Documentation/filesystems/ext4/super.rst (the
//! superblock), fs/ext4/ext4.h (features, states) and fs/ext4/super.c (`ext4_superblock_csum`).
//!
//! Own code: the crate `ext4-view` reads files out of an image, replays the journal in memory, and shows neither the state nor a checksum.

mod groups;
mod journal;

use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::{byte, le16, le32, le64};
use crate::checksum;
use crate::verdict::{NotJudged, Quiet, Stop, Unclean};

/// The superblock lies behind room for a boot loader.
const AT: usize = 1024;
const SIZE: usize = 1024;
const MAGIC: u16 = 0xef53;

const VALID: u16 = 1;
const ERRORS: u16 = 2;
const ORPHANS: u16 = 4;

const HAS_JOURNAL: u32 = 0x4;
const NEEDS_RECOVERY: u32 = 0x4;
const JOURNAL_DEVICE: u32 = 0x8;
const META_GROUPS: u32 = 0x10;
const WIDE: u32 = 0x80;
const MULTIPLE_MOUNT: u32 = 0x100;
const SEED: u32 = 0x2000;
/// COMPRESSION is missing: no kernel has it.
const KNOWN: u32 = 0x3f7de;
const GROUP_SUMS: u32 = 0x10;
const CHECKSUMS: u32 = 0x400;
const ORPHAN_PRESENT: u32 = 0x1_0000;
/// `EXT4_MMP_SEQ_CLEAN`: no node has it mounted.
const MOUNTED_NOWHERE: u32 = 0xff4d_4d50;
/// `EXT4_MMP_SEQ_FSCK`: e2fsck works on it.
const UNDER_REPAIR: u32 = 0xe24d_4d50;

/// What the superblock says, as far as the other parts need it.
struct Superblock<'a> {
    bytes: &'a [u8],
    block_size: u64,
    blocks: u64,
    compatible: u32,
    incompatible: u32,
    read_only: u32,
}

impl Superblock<'_> {
    fn le32(&self, at: usize) -> u32 {
        le32(self.bytes, at).unwrap_or(0)
    }

    fn le16(&self, at: usize) -> u16 {
        le16(self.bytes, at).unwrap_or(0)
    }
}

fn damaged(found: impl Into<String>) -> Stop {
    Unclean::SuperblockDamaged.because(found)
}

/// Whether the first bytes of a partition are those of ext2, ext3 or ext4.
pub(crate) fn is_there(first: &[u8]) -> bool {
    le16(first, AT + 0x38) == Some(MAGIC)
}

fn superblock(first: &[u8], size: u64) -> Result<Superblock<'_>, Stop> {
    let bytes = first
        .get(AT..AT + SIZE)
        .ok_or_else(|| damaged("the superblock of ext4 is cut off"))?;
    let number = |at| le32(bytes, at).unwrap_or(0);
    let (shift, revision) = (number(0x18), number(0x4c));
    let features = |at| if revision == 0 { 0 } else { number(at) };
    let (compatible, incompatible, read_only) = (features(0x5c), features(0x60), features(0x64));
    if read_only & CHECKSUMS != 0 {
        // Linux keeps the sum without the last inversion.
        let sum = bytes.get(..0x3fc).map(|front| !checksum::castagnoli(&[front]));
        if sum != le32(bytes, 0x3fc) || byte(bytes, 0x175) != Some(1) {
            return Err(damaged("the checksum of ext4's superblock does not fit"));
        }
    }
    if incompatible & JOURNAL_DEVICE != 0 {
        return Err(NotJudged::Contents.because("the partition holds the journal of an ext4 on another device"));
    }
    if incompatible & !KNOWN != 0 {
        return Err(NotJudged::Feature.because(format!("ext4 with the unknown features {incompatible:#x}")));
    }
    let high = if incompatible & WIDE != 0 {
        u64::from(number(0x150)) << 32
    } else {
        0
    };
    let blocks = high | u64::from(number(0x4));
    let block_size = 1024_u64 << shift.min(6);
    let (per_group, inodes_per_group, first_block) = (number(0x20), number(0x28), number(0x14));
    let sound = shift <= 6
        && revision <= 1
        && blocks > 0
        && per_group > 0
        && inodes_per_group > 0
        && first_block == u32::from(shift == 0 && number(0x1c) == 0)
        && (revision == 0 || le16(bytes, 0x58).is_some_and(|inode| inode >= 128 && inode.is_power_of_two()));
    if !sound {
        return Err(damaged("ext4's superblock contradicts itself"));
    }
    let needed = blocks.saturating_mul(block_size);
    if needed > size {
        return Err(
            Unclean::LargerThanItsPartition.because(format!("ext4 has {needed} bytes and its partition {size}"))
        );
    }
    Ok(Superblock {
        bytes,
        block_size,
        blocks,
        compatible,
        incompatible,
        read_only,
    })
}

fn state(found: &Superblock<'_>, quiet: Quiet) -> Result<(), Stop> {
    let state = found.le16(0x3a);
    if found.incompatible & NEEDS_RECOVERY != 0 {
        return Err(quiet.missed("ext4's journal needs recovery: the file system was in use"));
    }
    if state & ERRORS != 0 {
        return Err(Unclean::ErrorsNoted.because("ext4 notes in its superblock that it has errors"));
    }
    if state & VALID == 0 {
        let found = match quiet {
            Quiet::Frozen if found.compatible & HAS_JOURNAL == 0 => {
                return Err(NotJudged::Feature
                    .because("ext4 without a journal says the same while it is frozen and while it is in use"));
            }
            Quiet::Frozen => "ext4's superblock says that it was not left in order",
            Quiet::Unmounted => "ext4's superblock does not say that it was unmounted",
        };
        return Err(quiet.missed(found));
    }
    let orphans = found.read_only & ORPHAN_PRESENT != 0 || found.le32(0xe8) != 0;
    if state & ORPHANS != 0 || (orphans && quiet == Quiet::Unmounted) {
        return Err(quiet.missed("ext4 has files that were deleted while they were open"));
    }
    Ok(())
}

/// ext4's guard against two nodes: its block says whether a node has the file system mounted (Documentation/filesystems/ext4/mmp.rst).
fn guard(disk: &mut Disk<'_>, area: &Area, found: &Superblock<'_>, quiet: Quiet) -> Result<(), Stop> {
    if found.incompatible & MULTIPLE_MOUNT == 0 {
        return Ok(());
    }
    let at = le64(found.bytes, 0x168).unwrap_or(0);
    if at == 0 || at >= found.blocks {
        return Err(damaged(
            "the block of ext4's guard against two mounts lies outside of the file system",
        ));
    }
    let block = area.read(disk, at.saturating_mul(found.block_size), 512)?;
    if le32(&block, 0) != Some(0x004d_4d50) {
        return Err(damaged("the block of ext4's guard against two mounts is damaged"));
    }
    match (quiet, le32(&block, 4)) {
        (_, Some(MOUNTED_NOWHERE)) => Ok(()),
        (Quiet::Unmounted, _) => Err(quiet.missed("ext4's guard against two mounts says that a node has it mounted")),
        (Quiet::Frozen, Some(UNDER_REPAIR)) => {
            Err(quiet.missed("ext4's guard against two mounts says that e2fsck works on it"))
        }
        (Quiet::Frozen, _) => Ok(()),
    }
}

/// Judges the file system in `area`, whose first bytes are `first`. What was seen, if nothing is wrong.
pub(crate) fn judge(disk: &mut Disk<'_>, area: &Area, first: &[u8], quiet: Quiet) -> Result<String, Stop> {
    let found = superblock(first, area.size())?;
    state(&found, quiet)?;
    guard(disk, area, &found, quiet)?;
    groups::judge(disk, area, &found)?;
    let journal = if found.compatible & HAS_JOURNAL == 0 {
        "no journal"
    } else {
        journal::judge(disk, area, &found, quiet)?;
        "an empty journal"
    };
    let how = match quiet {
        Quiet::Unmounted => "unmounted",
        Quiet::Frozen => "frozen",
    };
    Ok(format!(
        "ext4 of {} blocks of {} bytes, {how}, {journal}",
        found.blocks, found.block_size
    ))
}
