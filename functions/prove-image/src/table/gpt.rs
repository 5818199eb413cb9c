//! The GUID partition table. Source: UEFI Specification 2.10, sections 5.3.2 (header, its CRC and that of the entries) and 5.3.3
//! (entries). Both copies must be whole and say the same.
//!
//! Own code: the crates `gpt` and `gptman` repair or take the copy that is whole, and want a device that can be written or sought in.

use super::{Partition, SECTOR, Table, TableKind, damaged};
use crate::blocks::Disk;
use crate::bytes::{empty, hex, le32, le64};
use crate::checksum;
use crate::verdict::Stop;

const SIGNATURE: &[u8] = b"EFI PART";
/// Bytes of entries that are read at most: 128 entries of 128 bytes are 16 KiB, and nobody makes more.
const MOST: u64 = 512 * 1024;

struct Copy {
    other: u64,
    usable: (u64, u64),
    disk: Vec<u8>,
    entry_size: usize,
    entries: Vec<u8>,
}

pub(super) fn is_there(disk: &mut Disk<'_>) -> Result<bool, Stop> {
    Ok(disk.size() >= 2 * SECTOR && disk.read(SECTOR, SIGNATURE.len())? == SIGNATURE)
}

/// What a header says, if it is whole.
struct Header {
    other: u64,
    usable: (u64, u64),
    disk: Vec<u8>,
    entries_at: u64,
    entries: u32,
    entry_size: u32,
    sum: u32,
}

fn header(sector: &[u8], at: u64) -> Option<Header> {
    let size = usize::try_from(le32(sector, 12)?)
        .ok()
        .filter(|size| (92..=512).contains(size))?;
    let sum = checksum::ethernet(&[sector.get(..16)?, &[0; 4], sector.get(20..size)?]);
    let whole = sector.starts_with(SIGNATURE) && le32(sector, 16)? == sum && le64(sector, 24)? == at;
    whole.then_some(Header {
        other: le64(sector, 32)?,
        usable: (le64(sector, 40)?, le64(sector, 48)?),
        disk: sector.get(56..72)?.to_vec(),
        entries_at: le64(sector, 72)?,
        entries: le32(sector, 80)?,
        entry_size: le32(sector, 84)?,
        sum: le32(sector, 88)?,
    })
}

/// The copy whose header is at sector `at`.
fn copy(disk: &mut Disk<'_>, at: u64, which: &str) -> Result<Copy, Stop> {
    let sector = disk.read(at.saturating_mul(SECTOR), 512)?;
    let Some(found) = header(&sector, at) else {
        return Err(damaged(format!("the {which} GPT header at sector {at} is damaged")));
    };
    let bytes = u64::from(found.entries).saturating_mul(found.entry_size.into());
    if found.entry_size < 128 || !found.entry_size.is_multiple_of(128) || bytes > MOST {
        return Err(damaged(format!("the {which} GPT has impossible entries")));
    }
    let entries = disk.read(
        found.entries_at.saturating_mul(SECTOR),
        usize::try_from(bytes).unwrap_or(0),
    )?;
    if checksum::ethernet(&[&entries]) != found.sum {
        return Err(damaged(format!(
            "the entries of the {which} GPT at sector {} are damaged",
            found.entries_at
        )));
    }
    let entry_size = usize::try_from(found.entry_size).unwrap_or(128);
    Ok(Copy {
        other: found.other,
        usable: found.usable,
        disk: found.disk,
        entry_size,
        entries,
    })
}

pub(super) fn read(disk: &mut Disk<'_>) -> Result<Table, Stop> {
    let primary = copy(disk, 1, "primary")?;
    // The other copy lies where the primary says: a volume that has grown since has it before its end.
    let backup = copy(disk, primary.other, "backup")?;
    if backup.other != 1 || backup.disk != primary.disk || backup.entries != primary.entries {
        return Err(damaged("the two copies of the GPT differ"));
    }
    let mut partitions = Vec::new();
    for (entry, number) in primary.entries.chunks_exact(primary.entry_size).zip(1..) {
        let (kind, id) = (
            entry.get(..16).unwrap_or_default(),
            entry.get(16..32).unwrap_or_default(),
        );
        if empty(kind) {
            continue;
        }
        let (Some(first), Some(last)) = (le64(entry, 32), le64(entry, 40)) else {
            continue;
        };
        if first > last || first < primary.usable.0 || last > primary.usable.1 {
            return Err(damaged(format!("partition {number} lies where the GPT allows none")));
        }
        partitions.push(Partition {
            number,
            first,
            sectors: last - first + 1,
            kind: hex(kind),
            id: hex(id),
        });
    }
    Ok(Table {
        kind: TableKind::Gpt,
        id: Some(hex(&primary.disk)),
        partitions,
    })
}
