//! ext4's journal: its own superblock says whether it holds changes that are not in the file system yet. Source: Linux,
//! include/linux/jbd2.h (`struct journal_superblock_s`), Documentation/filesystems/ext4/ifork.rst (extents) and super.rst
//! (`s_jnl_blocks`, the journal's inode kept in the superblock).

use super::Superblock;
use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::{be32, byte, le16, le32};
use crate::checksum;
use crate::verdict::{NotJudged, Quiet, Stop, Unclean};

const MAGIC: u32 = 0xc03b_3998;
/// A journal's superblock, of the first and of the second version.
const SUPERBLOCKS: [u32; 2] = [3, 4];
/// Checksums of version 2 or 3, in the incompatible features.
const CHECKSUMS: u32 = 0x8 | 0x10;
const EXTENTS: u16 = 0xf30a;
/// A tree of extents is at most this deep (`EXT4_MAX_EXTENT_DEPTH`).
const DEEPEST: usize = 5;

fn damaged(found: impl Into<String>) -> Stop {
    Unclean::LogDamaged.because(found)
}

/// A node's first entry: where it leads, and whether that is a block of the file and no further node.
fn first_entry(node: &[u8]) -> Option<(u64, bool)> {
    let (entries, depth) = (le16(node, 2)?, le16(node, 6)?);
    if le16(node, 0)? != EXTENTS || entries == 0 || le32(node, 12)? != 0 {
        return None;
    }
    if depth == 0 {
        return Some((u64::from(le16(node, 18)?) << 32 | u64::from(le32(node, 20)?), true));
    }
    Some((u64::from(le16(node, 20)?) << 32 | u64::from(le32(node, 16)?), false))
}

/// The first block of the journal, from the copy of its inode's pointers in the superblock.
fn first_block(disk: &mut Disk<'_>, area: &Area, of: &Superblock<'_>) -> Result<u64, Stop> {
    let mut node = of.bytes.get(0x10c..0x10c + 60).unwrap_or_default().to_vec();
    if le16(&node, 0) != Some(EXTENTS) {
        return Ok(u64::from(le32(&node, 0).unwrap_or(0)));
    }
    for _ in 0..=DEEPEST {
        match first_entry(&node) {
            Some((block, true)) => return Ok(block),
            Some((block, false)) if block > 0 && block < of.blocks => {
                node = area.read(disk, block.saturating_mul(of.block_size), 1024)?;
            }
            _ => break,
        }
    }
    Err(damaged("the extents of ext4's journal are damaged"))
}

/// Judges the journal: it has to be empty.
pub(super) fn judge(disk: &mut Disk<'_>, area: &Area, of: &Superblock<'_>, quiet: Quiet) -> Result<(), Stop> {
    if of.le32(0xe0) == 0 {
        return Err(NotJudged::Feature.because("ext4 whose journal is on another device"));
    }
    // mke2fs and the kernel keep the pointers there since 2005.
    if byte(of.bytes, 0xfd) != Some(1) {
        return Err(NotJudged::Feature.because("ext4 that does not tell in its superblock where its journal is"));
    }
    let block = first_block(disk, area, of)?;
    if block == 0 || block >= of.blocks {
        return Err(damaged("ext4's journal lies outside of the file system"));
    }
    let found = area.read(disk, block.saturating_mul(of.block_size), 1024)?;
    let number = |at| be32(&found, at).unwrap_or(0);
    let whole = number(0) == MAGIC
        && SUPERBLOCKS.contains(&number(4))
        && u64::from(number(12)) == of.block_size
        && number(16) > 0
        && u64::from(number(16)) <= of.blocks;
    if !whole {
        return Err(damaged("the superblock of ext4's journal is damaged"));
    }
    // The sum is kept without the last inversion, as ext4's own.
    if number(40) & CHECKSUMS != 0 && checksum::castagnoli_around(&found, 0xfc).map(|sum| !sum) != be32(&found, 0xfc) {
        return Err(damaged("the checksum of ext4's journal does not fit"));
    }
    if number(32) != 0 {
        return Err(Unclean::ErrorsNoted.because(format!("ext4's journal notes the error {}", number(32))));
    }
    if number(28) != 0 {
        return Err(quiet.missed("ext4's journal holds changes that are not in the file system"));
    }
    Ok(())
}
