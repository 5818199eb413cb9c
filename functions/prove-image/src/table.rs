//! The partition table: that of GPT in both copies, or that of the MBR.

mod gpt;
mod mbr;
mod saved;

use crate::area::{Area, Piece};
use crate::blocks::Disk;
use crate::bytes::le16;
use crate::verdict::{Stop, Unclean};
use serde::{Deserialize, Serialize};

/// A logical sector in bytes. EBS volumes have no other.
pub(crate) const SECTOR: u64 = 512;

/// Which table a disk has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TableKind {
    /// GUID partition table.
    Gpt,
    /// Master boot record.
    Mbr,
    /// None: the disk is used as a whole, say by LVM.
    Absent,
}

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partition {
    /// As in the device's name, from 1.
    pub number: u32,
    /// The first sector, of 512 bytes.
    pub first: u64,
    /// How many sectors it has.
    pub sectors: u64,
    /// The type: a byte (MBR) or a GUID (GPT) in hexadecimal digits, in the order of the disk.
    pub kind: String,
    /// GPT: the partition's own GUID in hexadecimal digits, in the order of the disk. MBR: empty.
    pub id: String,
}

/// A partition table, as it is read and as it may be saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Which table it is.
    pub kind: TableKind,
    /// Its own identity in hexadecimal digits, in the order of the disk: the GUID of a GPT, the signature of an MBR. `None`: it has none,
    /// or it was not saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Its partitions, by number.
    pub partitions: Vec<Partition>,
}

impl Table {
    pub(crate) fn partition(&self, number: u32) -> Option<&Partition> {
        self.partitions.iter().find(|each| each.number == number)
    }
}

impl Partition {
    pub(crate) fn area(&self) -> Area {
        Area::new(vec![Piece {
            at: self.first.saturating_mul(SECTOR),
            length: self.sectors.saturating_mul(SECTOR),
        }])
    }
}

fn damaged(found: impl Into<String>) -> Stop {
    Unclean::TableDamaged.because(found)
}

/// Reads the table, and refuses one that is damaged, or whose partitions overlap or leave the disk.
pub(crate) fn read(disk: &mut Disk<'_>) -> Result<Table, Stop> {
    let first = disk.read(0, usize::try_from(SECTOR).unwrap_or(512))?;
    let table = if le16(&first, 510) == Some(0xaa55) {
        if mbr::is_protective(&first) {
            gpt::read(disk)?
        } else {
            mbr::read(disk, &first)?
        }
    } else if gpt::is_there(disk)? {
        return Err(damaged("there is a GPT, and its protective MBR is not there"));
    } else {
        Table {
            kind: TableKind::Absent,
            id: None,
            partitions: Vec::new(),
        }
    };
    let mut last_end = 0;
    let mut in_order: Vec<&Partition> = table.partitions.iter().collect();
    in_order.sort_by_key(|each| each.first);
    for each in in_order {
        let end = each.first.saturating_add(each.sectors);
        if each.first == 0 || each.sectors == 0 || each.first < last_end {
            return Err(damaged(format!(
                "partition {} lies on another one or on the table",
                each.number
            )));
        }
        if end > disk.size() / SECTOR {
            return Err(Unclean::BeyondTheVolume.because(format!(
                "partition {} ends at sector {end}, the volume at {}",
                each.number,
                disk.size() / SECTOR
            )));
        }
        last_end = end;
    }
    Ok(table)
}

/// Compares with the table that was saved: another table, partitions that moved, grew, changed their type, identity or places.
pub(crate) fn compare(found: &Table, saved: &Table) -> Result<(), Stop> {
    if found.kind == saved.kind && found.partitions == saved.partitions {
        return match (&found.id, &saved.id) {
            (Some(is), Some(was)) if is != was => Err(Unclean::TableDiffers.because(format!(
                "the partitions are as they were saved, and the table is another one: {is}, not {was}"
            ))),
            _ => Ok(()),
        };
    }
    let differs = |number: u32| found.partition(number) != saved.partition(number);
    let mut numbers: Vec<u32> = found
        .partitions
        .iter()
        .chain(&saved.partitions)
        .map(|each| each.number)
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    let which: Vec<String> = numbers
        .into_iter()
        .filter(|each| differs(*each))
        .map(|each| each.to_string())
        .collect();
    Err(Unclean::TableDiffers.because(if which.is_empty() {
        format!(
            "the partition table is {:?} and was saved as {:?}",
            found.kind, saved.kind
        )
    } else {
        format!("not as they were saved: partition {}", which.join(", "))
    }))
}
