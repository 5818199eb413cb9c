//! XFS's superblock. Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_dsb`, the versions and features) and xfs_sb.c
//! (`xfs_validate_sb_common`).

use crate::bytes::{array, be16, be32, be64, byte, le32};
use crate::checksum;
use crate::verdict::{NotJudged, Stop, Unclean};

/// `XFS_SB_VERSION_LOGV2BIT`, in versionnum of version 4; version 5 always has it.
const LOG_V2: u16 = 0x0400;
/// `XFS_SB_VERSION_SECTORBIT`: the log's sectors may be larger than 512 bytes.
const SECTOR: u16 = 0x0800;
/// `XFS_SB_VERSION_MOREBITSBIT`, and in features2 `XFS_SB_VERSION2_LAZYSBCOUNTBIT`.
const MORE: u16 = 0x8000;
const LAZY_COUNTS: u32 = 0x2;
/// `XFS_SB_FEAT_INCOMPAT_…`: FTYPE, SPINODES, META_UUID, BIGTIME, NREXT64, EXCHRANGE, PARENT.
const KNOWN: u32 = 0xef;
/// `XFS_SB_FEAT_INCOMPAT_NEEDSREPAIR`.
const NEEDS_REPAIR: u32 = 0x10;
const META_UUID: u32 = 0x4;

/// Where the log lies.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogPlace {
    /// In bytes from the partition's begin.
    pub(super) at: u64,
    /// In sectors of 512 bytes.
    pub(super) blocks: u64,
    pub(super) version_2: bool,
}

/// What the superblock says.
#[derive(Debug)]
pub(super) struct Superblock {
    pub(super) version_5: bool,
    pub(super) block_size: u64,
    pub(super) sector_size: usize,
    pub(super) blocks: u64,
    pub(super) group_blocks: u64,
    pub(super) groups: u64,
    pub(super) uuid: [u8; 16],
    /// What the metadata carry: another one than `uuid` once an operator has changed that.
    pub(super) metadata_uuid: [u8; 16],
    pub(super) log: LogPlace,
    /// Inodes, free inodes, free blocks; nothing where the counts are kept another way.
    pub(super) counts: Option<(u64, u64, u64)>,
    /// The log's position at which the superblock was last changed; version 5.
    pub(super) sequence: u64,
}

fn damaged(found: impl Into<String>) -> Stop {
    Unclean::SuperblockDamaged.because(found)
}

/// Reads and judges the superblock at the begin of `first`, of a partition with `size` bytes.
pub(super) fn read(first: &[u8], size: u64) -> Result<Superblock, Stop> {
    let cut_off = || damaged("the superblock of XFS is cut off");
    let version = be16(first, 100).ok_or_else(cut_off)?;
    let sector_size = usize::from(be16(first, 102).ok_or_else(cut_off)?);
    let whole = (512..=32_768).contains(&sector_size) && sector_size.is_power_of_two();
    let sector = first.get(..sector_size).filter(|_| whole);
    let Some(sector) = sector else {
        return Err(damaged(format!(
            "the superblock of XFS has sectors of {sector_size} bytes"
        )));
    };
    let version_5 = version & 0xf == 5;
    if version_5 && checksum::castagnoli_around(sector, 224) != le32(sector, 224) {
        return Err(damaged("the checksum of XFS's superblock does not fit"));
    }
    if !version_5 && version & 0xf != 4 {
        return Err(NotJudged::Feature.because(format!("XFS of version {}", version & 0xf)));
    }
    fields(sector, version, version_5)
        .ok_or_else(cut_off)?
        .and_then(|found| fits(found, size))
}

fn fits(found: Superblock, size: u64) -> Result<Superblock, Stop> {
    let needed = found.blocks.saturating_mul(found.block_size);
    if needed > size {
        return Err(Unclean::LargerThanItsPartition.because(format!("XFS has {needed} bytes and its partition {size}")));
    }
    Ok(found)
}

fn fields(sector: &[u8], version: u16, version_5: bool) -> Option<Result<Superblock, Stop>> {
    let block_log = byte(sector, 120)?;
    let block_size = u64::from(be32(sector, 4)?);
    let (blocks, groups) = (be64(sector, 8)?, u64::from(be32(sector, 88)?));
    let (group_blocks, group_log) = (u64::from(be32(sector, 84)?), byte(sector, 124)?);
    let log_blocks = u64::from(be32(sector, 96)?);
    let incompatible = if version_5 { be32(sector, 216)? } else { 0 };
    let sound = (9..=16).contains(&block_log)
        && block_size == 1 << block_log
        && groups > 0
        && group_blocks > 0
        && group_log < 32
        && group_blocks <= 1 << group_log
        && blocks > group_blocks.saturating_mul(groups - 1)
        && blocks <= group_blocks.saturating_mul(groups)
        && log_blocks > 0
        && byte(sector, 126)? == 0;
    if !sound {
        return Some(Err(damaged("XFS's superblock contradicts itself")));
    }
    if incompatible & NEEDS_REPAIR != 0 {
        return Some(Err(
            Unclean::ErrorsNoted.because("XFS notes in its superblock that it needs xfs_repair")
        ));
    }
    if incompatible & !KNOWN != 0 {
        return Some(Err(
            NotJudged::Feature.because(format!("XFS with the unknown features {incompatible:#x}"))
        ));
    }
    let log_start = be64(sector, 48)?;
    if log_start == 0 {
        return Some(Err(NotJudged::Feature.because("XFS whose log is on another device")));
    }
    if be64(sector, 16)? != 0 {
        return Some(Err(
            NotJudged::Feature.because("XFS with a realtime section on another device")
        ));
    }
    // A block's number has its group above `group_log` bits.
    let (group, block) = (log_start >> group_log, log_start & ((1 << group_log) - 1));
    let first_block = group.checked_mul(group_blocks).and_then(|at| at.checked_add(block));
    let Some(first_block) = first_block.filter(|at| at.saturating_add(log_blocks) <= blocks) else {
        return Some(Err(damaged("XFS's log lies outside of the file system")));
    };
    // Log sectors: of 512 bytes, unless the superblock says otherwise; they only round, so nothing else depends on them.
    if version & SECTOR != 0 && !matches!(byte(sector, 193)?, 0 | 9..=15) {
        return Some(Err(damaged("XFS's superblock gives its log impossible sectors")));
    }
    let lazy = version_5 || (version & MORE != 0 && be32(sector, 200)? & LAZY_COUNTS != 0);
    let uuid = array(sector, 32)?;
    Some(Ok(Superblock {
        version_5,
        block_size,
        sector_size: sector.len(),
        blocks,
        group_blocks,
        groups,
        uuid,
        metadata_uuid: if incompatible & META_UUID != 0 {
            array(sector, 248)?
        } else {
            uuid
        },
        log: LogPlace {
            at: first_block.saturating_mul(block_size),
            blocks: log_blocks.saturating_mul(block_size) / 512,
            version_2: version_5 || version & LOG_V2 != 0,
        },
        counts: lazy.then_some((be64(sector, 128)?, be64(sector, 136)?, be64(sector, 144)?)),
        sequence: if version_5 { be64(sector, 240)? } else { 0 },
    }))
}
