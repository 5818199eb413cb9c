//! XFS's allocation groups: each one's free space and inodes are described by a header of their own, which was written at another time
//! than the superblock. So parts from different moments show here. Source: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_agf`,
//! `struct xfs_agi`), xfs_ag.c (`xfs_initialize_perag_data`: the sums), fs/xfs/xfs_log_priv.h (`xlog_valid_lsn`).

use super::log::Position;
use super::superblock::Superblock;
use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::{array, be32, be64, le32};
use crate::checksum;
use crate::verdict::{Quiet, Stop, Unclean};

/// Groups whose headers are read. A file system has four for each TiB, and more only where it has grown.
const MOST: u64 = 256;

/// A kind of header.
struct Kind {
    name: &'static str,
    sector: usize,
    magic: u32,
    uuid: usize,
    sequence: usize,
    sum: usize,
}

const FREE_SPACE: Kind = Kind {
    name: "free space",
    sector: 1,
    magic: 0x5841_4746,
    uuid: 64,
    sequence: 208,
    sum: 216,
};
const INODES: Kind = Kind {
    name: "inodes",
    sector: 2,
    magic: 0x5841_4749,
    uuid: 296,
    sequence: 320,
    sum: 312,
};

/// Whether something that was written at `sequence` can be there, while the log ends at `end`. `NULLCOMMITLSN`, all ones, and zero
/// stand for "never by a kernel".
fn is_past(sequence: u64, end: Position) -> bool {
    sequence == 0 || sequence == u64::MAX || Position::of(sequence) <= end
}

fn header(sector: &[u8], kind: &Kind, number: u64, of: &Superblock, end: Position) -> Result<(), Stop> {
    let damaged = || {
        Unclean::GroupsDamaged.because(format!(
            "the header for the {} of XFS's group {number} is damaged",
            kind.name
        ))
    };
    let whole = be32(sector, 0) == Some(kind.magic) && be32(sector, 8).map(u64::from) == Some(number);
    if !whole {
        return Err(damaged());
    }
    if !of.version_5 {
        return Ok(());
    }
    if checksum::castagnoli_around(sector, kind.sum) != le32(sector, kind.sum)
        || array(sector, kind.uuid) != Some(of.metadata_uuid)
    {
        return Err(damaged());
    }
    if !be64(sector, kind.sequence).is_some_and(|sequence| is_past(sequence, end)) {
        return Err(Unclean::Torn.because(format!(
            "the header for the {} of XFS's group {number} is newer than the end of the log",
            kind.name
        )));
    }
    Ok(())
}

/// Whether the superblock counts as many free blocks as its groups have. A mounted file system keeps some back in each group for what
/// may grow there, and gives them back at an unmount, not at a freeze (fs/xfs/libxfs/xfs_ag_resv.c, fs/xfs/xfs_super.c): of 1 KiB
/// blocks up to 8 %, of larger ones less. The mount that replays a frozen log counts anew.
const fn counts_free(counted: u64, free: u64, of: &Superblock, quiet: Quiet) -> bool {
    match quiet {
        Quiet::Unmounted => counted == free,
        Quiet::Frozen => counted <= free && free - counted <= of.blocks / 8,
    }
}

/// Judges the groups' headers and the sums of their counts. `end` is the log's.
pub(super) fn judge(
    disk: &mut Disk<'_>,
    area: &Area,
    of: &Superblock,
    end: Position,
    quiet: Quiet,
) -> Result<(), Stop> {
    if !is_past(of.sequence, end) {
        return Err(Unclean::Torn.because("XFS's superblock is newer than the end of the log"));
    }
    let (mut inodes, mut free_inodes, mut free) = (0_u64, 0_u64, 0_u64);
    for number in 0..of.groups.min(MOST) {
        let at = number.saturating_mul(of.group_blocks).saturating_mul(of.block_size);
        let sectors = area.read(disk, at, of.sector_size.saturating_mul(3))?;
        let sector = |kind: &Kind| {
            let from = kind.sector.saturating_mul(of.sector_size);
            sectors
                .get(from..from.saturating_add(of.sector_size))
                .unwrap_or_default()
        };
        let (space, nodes) = (sector(&FREE_SPACE), sector(&INODES));
        header(space, &FREE_SPACE, number, of, end)?;
        header(nodes, &INODES, number, of, end)?;
        // Free blocks: those that are listed as free, those kept for the lists, and the lists' own.
        let sum = |sum: u64, sector: &[u8], at: usize| sum.saturating_add(be32(sector, at).unwrap_or(0).into());
        free = [52, 48, 60].into_iter().fold(free, |free, at| sum(free, space, at));
        inodes = sum(inodes, nodes, 16);
        free_inodes = sum(free_inodes, nodes, 28);
    }
    let Some(counts) = of.counts.filter(|_| of.groups <= MOST) else {
        return Ok(());
    };
    if (counts.0, counts.1) == (inodes, free_inodes) && counts_free(counts.2, free, of, quiet) {
        return Ok(());
    }
    Err(Unclean::Torn.because(format!(
        "XFS's superblock counts {} inodes, {} free ones and {} free blocks, its groups {inodes}, {free_inodes} and {free}",
        counts.0, counts.1, counts.2
    )))
}
