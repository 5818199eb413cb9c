//! The end of XFS's log: the last record has to be that of an unmount, or what a freeze leaves (replay.rs). Source: Linux, fs/xfs/libxfs/xfs_log_format.h (`struct
//! xlog_rec_header`, `struct xlog_op_header`) and fs/xfs/xfs_log_recover.c (`xlog_rseek_logrec_hdr`, `xlog_check_unmount_rec`,
//! `xlog_cksum` of xfs_log.c).

use super::replay;
use super::superblock::Superblock;
use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::{array, be32, be64, byte, le32};
use crate::checksum;
use crate::verdict::{NotJudged, Quiet, Stop, Unclean};

pub(super) const RECORD_MAGIC: u32 = 0xfeed_babe;
/// `XLOG_HEADER_CYCLE_SIZE`: bytes of data for which one sector of header holds the words that the cycles stand in for.
const PER_HEADER: u64 = 32_768;
/// The longest record (`XLOG_MAX_RECORD_BSIZE`), in bytes.
const LONGEST: u64 = 256 * 1024;
/// The header's sizes: of 64-bit and of 32-bit kernels, which pad it differently.
const HEADER_SIZES: [usize; 2] = [328, 324];
/// `struct xlog_rec_ext_header`.
const FURTHER_HEADER: usize = 260;
/// Sectors whose first words one sector of header holds (`XLOG_CYCLE_DATA_SIZE`), and where they lie in the first and in a further one.
const WORDS: usize = 64;
const FIRST_WORDS: usize = 44;
const FURTHER_WORDS: usize = 4;
/// `XLOG_FMT_LINUX_LE`: what a record's items are written in.
const LITTLE_ENDIAN: u32 = 1;
/// `XFS_LOG` and `XLOG_UNMOUNT_TRANS`.
pub(super) const OF_THE_LOG: u8 = 0xaa;
pub(super) const UNMOUNT: u8 = 0x20;

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

/// A whole record of the log.
pub(super) struct Record {
    pub(super) place: Position,
    /// Where a recovery would begin, as it was when this record was written.
    pub(super) tail: Position,
    pub(super) operations: u32,
    /// Whether its items are written as little-endian processors write them.
    little_endian: bool,
    /// Its sectors, with the headers'.
    sectors: u64,
    /// Its data, in which each sector's first word is again what it was before the cycle took its place.
    pub(super) data: Vec<u8>,
}

impl Record {
    /// Whether it is that of an unmount.
    fn unmounts(&self) -> bool {
        self.operations == 1
            && byte(&self.data, 8) == Some(OF_THE_LOG)
            && byte(&self.data, 9).is_some_and(|flags| flags & UNMOUNT != 0)
    }

    /// An error if its items cannot be read here.
    pub(super) fn readable(&self) -> Result<(), Stop> {
        if self.little_endian {
            return Ok(());
        }
        Err(NotJudged::Feature.because("XFS whose log was written by a big-endian processor"))
    }

    /// Where the next record begins.
    pub(super) fn next(&self, length: u64) -> Position {
        let end = u64::from(self.place.block).saturating_add(self.sectors);
        let round = u32::from(end >= length);
        Position {
            cycle: self.place.cycle.saturating_add(round),
            block: u32::try_from(end % length.max(1)).unwrap_or(u32::MAX),
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

    /// How many sectors before `head` the last record begins.
    fn last_record(&mut self, head: u64) -> Result<u64, Stop> {
        let most = (LONGEST + LONGEST / PER_HEADER * 512) / 512;
        let most = most.min(self.length());
        let sectors = self.read_round(head + self.length() - most, most)?;
        let found = sectors
            .chunks_exact(512)
            .rposition(|each| be32(each, 0) == Some(RECORD_MAGIC));
        match found {
            Some(index) => Ok(most - index as u64),
            None => Err(Unclean::LogDamaged.because("XFS's log has no record before its head")),
        }
    }

    /// The record that begins in sector `at`. `ends`: how many sectors it must have, if that is known.
    pub(super) fn record(&mut self, at: u64, ends: Option<u64>, quiet: Quiet) -> Result<Record, Stop> {
        let damaged = |found: &str| Unclean::LogDamaged.because(found);
        let header = self.read(at % self.length(), 1)?;
        let (Some(version), Some(length), Some(size), Some(operations), Some(sequence), Some(tail), Some(uuid)) = (
            be32(&header, 8),
            be32(&header, 12).map(u64::from),
            be32(&header, 320),
            be32(&header, 40),
            be64(&header, 16),
            be64(&header, 24),
            array::<16>(&header, 304),
        ) else {
            return Err(damaged("a record of XFS's log is cut off"));
        };
        if be32(&header, 0) != Some(RECORD_MAGIC) || !(1..=3).contains(&version) || length == 0 || length > LONGEST {
            return Err(damaged("the header of the last record of XFS's log is damaged"));
        }
        if uuid != self.of.uuid && uuid != [0; 16] {
            return Err(damaged("XFS's log belongs to another file system"));
        }
        // A header of more sectors, for records that are longer than 32 KiB.
        let many = self.of.log.version_2 && version & 2 != 0;
        let headers = if many {
            u64::from(size).clamp(1, LONGEST).div_ceil(PER_HEADER)
        } else {
            1
        };
        let sectors = length.div_ceil(512);
        if ends.is_some_and(|ends| headers + sectors != ends) {
            return Err(quiet.missed("XFS's log ends in a part of a record: something was being written to it"));
        }
        let place = Position::of(sequence);
        if u64::from(place.block) != at || Some(place.cycle) != be32(&header, 4) {
            return Err(damaged("the last record of XFS's log was written for another place"));
        }
        let record = self.read_round(at, headers)?;
        let mut data = self.read_round(at + headers, sectors)?;
        data.truncate(usize::try_from(length).unwrap_or(0));
        if !sum_fits(&record, headers, &data) {
            return Err(damaged("the checksum of the last record of XFS's log does not fit"));
        }
        put_back(&mut data, &record);
        Ok(Record {
            place,
            tail: Position::of(tail),
            operations,
            little_endian: be32(&header, 300) == Some(LITTLE_ENDIAN),
            sectors: headers + sectors,
            data,
        })
    }
}

/// Puts each sector's first word back, in whose place its cycle was written (`xlog_unpack_data`).
fn put_back(data: &mut [u8], headers: &[u8]) {
    for (number, sector) in data.chunks_mut(512).enumerate() {
        let (which, word) = (number / WORDS, number % WORDS);
        let from = if which == 0 { FIRST_WORDS } else { FURTHER_WORDS } + 4 * word;
        if let (Some(place), Some(kept)) = (
            sector.get_mut(..4),
            headers.get(which * 512 + from..which * 512 + from + 4),
        ) {
            place.copy_from_slice(kept);
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

/// Judges the log of the file system in `area`. Its end, if it is what the file system leaves that became quiet in this way.
pub(super) fn judge(disk: &mut Disk<'_>, area: &Area, of: &Superblock, quiet: Quiet) -> Result<Position, Stop> {
    let mut log = Log { disk, area, of };
    if log.length() < 8 {
        return Err(Unclean::LogDamaged.because("XFS's log is too short"));
    }
    let head = log.head()?;
    let distance = log.last_record(head)?;
    let at = (head + log.length() - distance) % log.length();
    let last = log.record(at, Some(distance), quiet)?;
    match quiet {
        Quiet::Unmounted if !last.unmounts() => {
            return Err(quiet.missed("XFS's log ends without an unmount record: the file system was in use, or frozen"));
        }
        Quiet::Frozen if last.unmounts() => {
            return Err(quiet.missed("XFS's log ends with an unmount record, and a freeze writes a record behind it"));
        }
        Quiet::Unmounted => {}
        Quiet::Frozen => replay::superblock_only(&mut log, &last)?,
    }
    // The next record would begin here.
    Ok(last.next(log.length()))
}
