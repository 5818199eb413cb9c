//! What a mount would replay of XFS's log. A freeze leaves nothing but the superblock there (fs/xfs/xfs_super.c, `xfs_fs_freeze`):
//! - since Linux 5.12 it covers the log (xfs_log.c, `xfs_log_quiesce`, `xfs_log_cover`): everything is written to its place, then the
//!   superblock is logged, at most twice, so that the last record's tail is the record of the superblock before it;
//! - before, it logs the superblock, writes an unmount record (`xfs_quiesce_attr`), and logs the superblock once more, so that the log is
//!   not clean and a mount looks for files that were deleted while they were open.
//!
//! Source of the format: fs/xfs/libxfs/xfs_log_format.h (`struct xlog_op_header`, `xfs_trans_header`, `xfs_buf_log_format`) and
//! xfs_log_recover.c (`xlog_recover_process_data`).

use super::log::{Log, OF_THE_LOG, Record, UNMOUNT};
use crate::bytes::{be32, byte, le16, le32, le64};
use crate::verdict::{Quiet, Stop, Unclean};

/// Records from the tail to the head of a frozen log: two, and three before Linux 5.12.
const MOST: u32 = 8;
/// `XFS_TRANSACTION`.
const TRANSACTION: u8 = 0x69;
/// `XLOG_START_TRANS` and `XLOG_COMMIT_TRANS`.
const START: u8 = 0x01;
const COMMIT: u8 = 0x02;
/// `XFS_TRANS_HEADER_MAGIC`.
const HEADER_MAGIC: u32 = 0x5452_414e;
/// `XFS_LI_BUF`: an item that is a buffer, which is a place on the disk.
const BUFFER: u16 = 0x123c;

/// How far a transaction was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Open {
    /// There is none.
    Nothing,
    /// It has begun, and its header follows.
    Begun,
    /// An item or its end follows.
    Items,
    /// So many regions of an item follow.
    Regions(u16),
}

/// One operation: of whom, its flags, its data.
type Operation<'a> = (u8, u8, &'a [u8]);

fn operations(record: &Record) -> Option<Vec<Operation<'_>>> {
    let (mut found, mut at) = (Vec::new(), 0_usize);
    for _ in 0..record.operations {
        let length = usize::try_from(be32(&record.data, at.checked_add(4)?)?).ok()?;
        let (of, flags) = (
            byte(&record.data, at.checked_add(8)?)?,
            byte(&record.data, at.checked_add(9)?)?,
        );
        let from = at.checked_add(12)?;
        at = from.checked_add(length)?;
        found.push((of, flags, record.data.get(from..at)?));
    }
    Some(found)
}

/// The next state, if this operation belongs to a transaction of the superblock alone, or is an unmount record.
fn step(open: Open, (of, flags, data): Operation<'_>) -> Option<Open> {
    match (open, of, flags) {
        (Open::Nothing, OF_THE_LOG, flags) if flags & UNMOUNT != 0 => Some(Open::Nothing),
        (Open::Nothing, TRANSACTION, START) => Some(Open::Begun),
        (Open::Begun, TRANSACTION, 0) if le32(data, 0) == Some(HEADER_MAGIC) => Some(Open::Items),
        // The superblock is at the first sector of the file system, and nothing else is.
        (Open::Items, TRANSACTION, 0) if le16(data, 0) == Some(BUFFER) && le64(data, 8) == Some(0) => {
            match le16(data, 2)?.checked_sub(1)? {
                0 => Some(Open::Items),
                regions => Some(Open::Regions(regions)),
            }
        }
        (Open::Items, TRANSACTION, COMMIT) => Some(Open::Nothing),
        (Open::Regions(left), TRANSACTION, 0) => Some(if left > 1 { Open::Regions(left - 1) } else { Open::Items }),
        _ => None,
    }
}

/// Judges what lies between the tail that the log's last record names and its head.
pub(super) fn superblock_only(log: &mut Log<'_, '_>, last: &Record) -> Result<(), Stop> {
    let missed = || {
        Quiet::Frozen.missed("XFS's log holds changes that are not in the file system: it was in use, and not frozen")
    };
    let (mut place, mut open) = (last.tail, Open::Nothing);
    if place > last.place || u64::from(place.block) >= log.length() {
        return Err(Unclean::LogDamaged.because("the last record of XFS's log begins a recovery behind itself"));
    }
    for _ in 0..MOST {
        let record = log.record(u64::from(place.block), None, Quiet::Frozen)?;
        record.readable()?;
        if record.place != place {
            return Err(Unclean::LogDamaged.because("XFS's log has another record where its recovery would go on"));
        }
        for operation in operations(&record).ok_or_else(missed)? {
            open = step(open, operation).ok_or_else(missed)?;
        }
        if record.place == last.place {
            return if open == Open::Nothing { Ok(()) } else { Err(missed()) };
        }
        place = record.next(log.length());
        if place > last.place {
            break;
        }
    }
    Err(missed())
}
