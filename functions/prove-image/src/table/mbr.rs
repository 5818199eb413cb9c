//! The MBR's table with the chain of its logical partitions. Source: UEFI Specification 2.10, section 5.2 (the primary entries), and
//! util-linux, libfdisk/src/dos.c (the chain of extended boot records).

use super::{Partition, Table, TableKind, damaged};
use crate::blocks::Disk;
use crate::bytes::{byte, empty, hex, le16, le32};
use crate::verdict::Stop;

/// The disk's signature, which libfdisk writes and UEFI knows.
const SIGNATURE: usize = 440;
const ENTRIES: usize = 446;
const ENTRY: usize = 16;
/// GPT's protective partition.
pub(super) const PROTECTIVE: u8 = 0xee;
pub(super) const EXTENDED: [u8; 3] = [0x05, 0x0f, 0x85];
/// What libfdisk reads of a chain at most (`MAXIMUM_PARTS`).
const LONGEST_CHAIN: u32 = 60;

struct Entry {
    kind: u8,
    first: u64,
    sectors: u64,
}

fn entry(sector: &[u8], index: usize) -> Option<Entry> {
    let at = ENTRIES + index * ENTRY;
    let (kind, first, sectors) = (byte(sector, at + 4)?, le32(sector, at + 8)?, le32(sector, at + 12)?);
    (kind != 0 && sectors != 0).then_some(Entry {
        kind,
        first: first.into(),
        sectors: sectors.into(),
    })
}

fn partition(number: u32, found: &Entry) -> Partition {
    Partition {
        number,
        first: found.first,
        sectors: found.sectors,
        kind: format!("{:02x}", found.kind),
        id: String::new(),
    }
}

pub(super) fn is_protective(sector: &[u8]) -> bool {
    (0..4)
        .filter_map(|index| entry(sector, index))
        .any(|each| each.kind == PROTECTIVE)
}

pub(super) fn read(disk: &mut Disk<'_>, sector: &[u8]) -> Result<Table, Stop> {
    let mut partitions = Vec::new();
    let mut chain = None;
    for (index, number) in (0..4).zip(1..) {
        match entry(sector, index) {
            Some(found) if EXTENDED.contains(&found.kind) => chain = chain.or(Some(found)),
            Some(found) => partitions.push(partition(number, &found)),
            None => {}
        }
    }
    if let Some(extended) = chain {
        let mut next = Some(extended.first);
        let mut number = 5;
        while let Some(at) = next {
            if number >= 5 + LONGEST_CHAIN {
                return Err(damaged("the chain of the logical partitions has no end"));
            }
            let record = disk.read(at.saturating_mul(super::SECTOR), 512)?;
            if le16(&record, 510) != Some(0xaa55) {
                return Err(damaged(format!("the extended boot record at sector {at} is not there")));
            }
            if let Some(mut found) = entry(&record, 0) {
                found.first = found.first.saturating_add(at);
                partitions.push(partition(number, &found));
                number += 1;
            }
            next = entry(&record, 1).map(|link| extended.first.saturating_add(link.first));
            if next.is_some_and(|next| next <= at) {
                return Err(damaged("the chain of the logical partitions turns back"));
            }
        }
    }
    let signature = sector.get(SIGNATURE..SIGNATURE + 4).unwrap_or_default();
    Ok(Table {
        kind: TableKind::Mbr,
        id: (!empty(signature)).then(|| hex(signature)),
        partitions,
    })
}
