//! Where XFS's log ends. The log is a ring of sectors of 512 bytes, each of which begins with the number of the round (cycle) that wrote
//! it; the head is where the round changes. Source: Linux, fs/xfs/xfs_log_recover.c (`xlog_find_zeroed`, `xlog_find_cycle_start`,
//! `xlog_find_verify_cycle`, `xlog_find_head`).
//!
//! Like the kernel it looks for the change by halves, then looks through what may have been in flight before it.

use super::log::{Log, RECORD_MAGIC};
use crate::bytes::be32;
use crate::verdict::{Stop, Unclean};

/// What may be in flight: eight buffers of 256 KiB (`XLOG_TOTAL_REC_SHIFT`), in sectors.
const IN_FLIGHT: u64 = 4096;

/// The round that wrote this sector (`xlog_get_cycle`).
pub(super) fn cycle_of(sector: &[u8]) -> u32 {
    match be32(sector, 0) {
        Some(RECORD_MAGIC) => be32(sector, 4).unwrap_or(0),
        Some(cycle) => cycle,
        None => 0,
    }
}

impl Log<'_, '_> {
    fn cycle(&mut self, at: u64) -> Result<u32, Stop> {
        Ok(cycle_of(&self.read(at, 1)?))
    }

    /// The first sector in `from..to` whose round is `wanted`, or `to`; all behind it have that round too, if the log is in order.
    fn change(&mut self, from: u64, to: u64, wanted: u32) -> Result<u64, Stop> {
        let (mut first, mut end) = (from, to);
        while end - first > 1 {
            let middle = u64::midpoint(first, end);
            if self.cycle(middle)? == wanted {
                end = middle;
            } else {
                first = middle;
            }
        }
        Ok(end)
    }

    /// The first sector in `from..to` that has the round `wanted`.
    fn first_of(&mut self, from: u64, to: u64, wanted: u32) -> Result<Option<u64>, Stop> {
        let mut at = from;
        while at < to {
            let count = (to - at).min(1024);
            let sectors = self.read(at, count)?;
            if let Some(found) = sectors.chunks_exact(512).position(|each| cycle_of(each) == wanted) {
                return Ok(Some(at + found as u64));
            }
            at += count;
        }
        Ok(None)
    }

    /// The log's head: the sector behind its last record. It is the log's length where that record ends with the log.
    pub(super) fn head(&mut self) -> Result<u64, Stop> {
        let length = self.length();
        let (first, last) = (self.cycle(0)?, self.cycle(length - 1)?);
        if first == 0 {
            return Err(Unclean::LogDamaged.because("the first sector of XFS's log is empty"));
        }
        let (head, stop) = if last == 0 {
            if first != 1 {
                return Err(Unclean::LogDamaged.because(format!("XFS's log begins in cycle {first} and ends in zeros")));
            }
            (self.change(0, length, 0)?, 0)
        } else if first == last {
            (length, last.wrapping_sub(1))
        } else {
            (self.change(0, length - 1, last)?, last)
        };
        // What was in flight may have left a hole of the round before: the head is where the first one begins.
        let scan = IN_FLIGHT.min(length);
        if head < scan && last != 0 {
            let from = length - (scan - head);
            if let Some(hole) = self.first_of(from, length, stop.wrapping_sub(1))? {
                return Ok(hole);
            }
        }
        Ok(self.first_of(head.saturating_sub(scan), head, stop)?.unwrap_or(head))
    }
}
