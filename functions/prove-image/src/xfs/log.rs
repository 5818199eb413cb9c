//! The end of XFS's log: the last record has to be that of an unmount. Source: Linux, fs/xfs/libxfs/xfs_log_format.h (`struct
//! xlog_rec_header`, `struct xlog_op_header`) and fs/xfs/xfs_log_recover.c (`xlog_rseek_logrec_hdr`, `xlog_check_unmount_rec`,
//! `xlog_cksum` of xfs_log.c).

use super::superblock::Superblock;
use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::{array, be32, be64, byte, le32};
use crate::checksum;
use crate::verdict::{Stop, Unclean};

pub(super) const RECORD_MAGIC: u32 = 0xfeed_babe;
/// `XLOG_HEADER_CYCLE_SIZE`: bytes of data for which one sector of header holds the words that the cycles stand in for.
const PER_HEADER: u64 = 32_768;
/// The longest record (`XLOG_MAX_RECORD_BSIZE`), in bytes.
const LONGEST: u64 = 256 * 1024;
/// The header's sizes: of 64-bit and of 32-bit kernels, which pad it differently.
const HEADER_SIZES: [usize; 2] = [328, 324];
/// `struct xlog_rec_ext_header`.
const FURTHER_HEADER: usize = 260;
/// `XFS_LOG` and `XLOG_UNMOUNT_TRANS`.
const OF_THE_LOG: u8 = 0xaa;
const UNMOUNT: u8 = 0x20;

/// A position in the log, as its records count them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub(super) cycle: u32,
    pub(super) block: u32,
}

impl Position {
    pub(super) fn of(number: u64) -> Self {
        Self {
            cycle: u32::try_from(number >> 32).unwrap_or(u32::MAX),
            block: u32::try_from(number & 0xffff_ffff).unwrap_or(0),
        }
    }
}

/// The log while it is read.
pub(super) struct Log<'a, 'b> {
    disk: &'a mut Disk<'b>,
    area: &'a Area,
    of: &'a Superblock,
}

impl Log<'_, '_> {
    /// In sectors of 512 bytes.
    pub(super) fn length(&self) -> u64 {
        self.of.log.blocks
    }

    /// `count` sectors from sector `at`.
    pub(super) fn read(&mut self, at: u64, count: u64) -> Result<Vec<u8>, Stop> {
        let from = self.of.log.at.saturating_add(at.saturating_mul(512));
        self.area.read(
            self.disk,
            from,
            usize::try_from(count.saturating_mul(512)).unwrap_or(usize::MAX),
        )
    }

    /// `count` sectors from sector `at`, round the log's end.
    fn read_round(&mut self, at: u64, count: u64) -> Result<Vec<u8>, Stop> {
        let at = at % self.length();
        let before = count.min(self.length() - at);
        let mut bytes = self.read(at, before)?;
        if before < count {
            bytes.extend(self.read(0, (count - before).min(self.length()))?);
        }
        Ok(bytes)
    }

    /// The last record before `head`: how many sectors it begins before it, and its first sector.
    fn last_record(&mut self, head: u64) -> Result<(u64, Vec<u8>), Stop> {
        let most = (LONGEST + LONGEST / PER_HEADER * 512) / 512;
        let most = most.min(self.length());
        let sectors = self.read_round(head + self.length() - most, most)?;
        let found = sectors
            .chunks_exact(512)
            .rposition(|each| be32(each, 0) == Some(RECORD_MAGIC));
        match found.and_then(|index| Some((index, sectors.get(index * 512..index * 512 + 512)?))) {
            Some((index, sector)) => Ok((most - index as u64, sector.to_vec())),
            None => Err(Unclean::LogDamaged.because("XFS's log has no record before its head")),
        }
    }
}

/// Whether the record's checksum fits. mkfs.xfs writes none, which is zero.
fn sum_fits(record: &[u8], header: u64, data: &[u8]) -> bool {
    let Some(sum) = le32(record, 32) else { return false };
    let further: Vec<&[u8]> = (1..header)
        .filter_map(|index| {
            let at = usize::try_from(index).ok()?.checked_mul(512)?;
            record.get(at..at + FURTHER_HEADER)
        })
        .collect();
    sum == 0
        || HEADER_SIZES.iter().any(|size| {
            let (Some(before), Some(behind)) = (record.get(..32), record.get(36..*size)) else {
                return false;
            };
            let mut pieces = vec![before, &[0; 4], behind];
            pieces.extend(&further);
            pieces.push(data);
            checksum::castagnoli(&pieces) == sum
        })
}

/// Judges the log of the file system in `area`. Its end, if it was unmounted.
pub(super) fn judge(disk: &mut Disk<'_>, area: &Area, of: &Superblock) -> Result<Position, Stop> {
    let damaged = |found: &str| Unclean::LogDamaged.because(found);
    let mut log = Log { disk, area, of };
    if log.length() < 8 {
        return Err(damaged("XFS's log is too short"));
    }
    let head = log.head()?;
    let (distance, header) = log.last_record(head)?;
    let at = (head + log.length() - distance) % log.length();
    let (Some(version), Some(length), Some(size), Some(operations), Some(sequence), Some(uuid)) = (
        be32(&header, 8),
        be32(&header, 12).map(u64::from),
        be32(&header, 320),
        be32(&header, 40),
        be64(&header, 16),
        array::<16>(&header, 304),
    ) else {
        return Err(damaged("the last record of XFS's log is cut off"));
    };
    if !(1..=3).contains(&version) || length == 0 || length > LONGEST {
        return Err(damaged("the header of the last record of XFS's log is damaged"));
    }
    if uuid != of.uuid && uuid != [0; 16] {
        return Err(damaged("XFS's log belongs to another file system"));
    }
    // A header of more sectors, for records that are longer than 32 KiB.
    let many = of.log.version_2 && version & 2 != 0;
    let headers = if many {
        u64::from(size).clamp(1, LONGEST).div_ceil(PER_HEADER)
    } else {
        1
    };
    let sectors = length.div_ceil(512);
    if headers + sectors != distance {
        return Err(
            Unclean::NotUnmounted.because("XFS's log ends in a part of a record: something was being written to it")
        );
    }
    let place = Position::of(sequence);
    if u64::from(place.block) != at || Some(place.cycle) != be32(&header, 4) {
        return Err(damaged("the last record of XFS's log was written for another place"));
    }
    let record = log.read_round(at, headers)?;
    let data = log.read_round(at + headers, sectors)?;
    let data = data.get(..usize::try_from(length).unwrap_or(0)).unwrap_or_default();
    let unmounts =
        operations == 1 && byte(data, 8) == Some(OF_THE_LOG) && byte(data, 9).is_some_and(|flags| flags & UNMOUNT != 0);
    if !sum_fits(&record, headers, data) {
        return Err(damaged("the checksum of the last record of XFS's log does not fit"));
    }
    if !unmounts {
        return Err(Unclean::NotUnmounted
            .because("XFS's log ends without an unmount record: the file system was in use, or frozen"));
    }
    // The next record would begin here.
    let (cycle, block) = if head >= log.length() {
        (place.cycle.saturating_add(1), 0)
    } else {
        (place.cycle, head)
    };
    Ok(Position {
        cycle,
        block: u32::try_from(block).unwrap_or(u32::MAX),
    })
}
