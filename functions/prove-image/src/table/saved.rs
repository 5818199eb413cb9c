//! A partition table as `sfdisk -d` dumped it. Source: util-linux, libfdisk/src/script.c; before its version 2.26, disk-utils/sfdisk.c (RHEL 7).

use super::mbr::{EXTENDED, PROTECTIVE};
use super::{Partition, Table, TableKind};
use crate::bytes::hex;

/// A GUID as text, in hexadecimal digits in the order of the disk: its first three groups are numbers, low bytes first.
fn guid(text: &str) -> Option<String> {
    let groups: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = groups.iter().map(|each| each.len()).collect();
    if lengths != [8, 4, 4, 4, 12]
        || !groups
            .iter()
            .all(|each| each.bytes().all(|one| one.is_ascii_hexdigit()))
    {
        return None;
    }
    let turned = |each: &str| {
        each.as_bytes()
            .rchunks(2)
            .flatten()
            .map(|one| char::from(*one))
            .collect::<String>()
    };
    let (numbers, rest) = groups.split_at(3);
    let mut text: String = numbers.iter().map(|each| turned(each)).collect();
    text.extend(rest.iter().copied());
    Some(text.to_ascii_lowercase())
}

/// The signature of an MBR: `0x1a2b3c4d`.
fn signature(text: &str) -> Option<String> {
    let number = u32::from_str_radix(text.strip_prefix("0x")?, 16).ok()?;
    Some(hex(&number.to_le_bytes()))
}

/// `key=value` of a partition's line; a name, which may have anything in it, is the last one.
fn field<'a>(fields: &'a str, keys: &[&str]) -> Option<&'a str> {
    let before_name = fields.split("name=").next().unwrap_or_default();
    before_name.split(',').find_map(|each| {
        let (key, value) = each.trim().split_once('=')?;
        keys.contains(&key.trim()).then(|| value.trim())
    })
}

fn partition(kind: TableKind, device: &str, fields: &str) -> Option<Partition> {
    let device = device.trim();
    let digits = device.len() - device.trim_end_matches(|last: char| last.is_ascii_digit()).len();
    let number = device.get(device.len() - digits..)?.parse().ok()?;
    let of_type = field(fields, &["type", "Id"])?;
    let (type_, id) = match kind {
        TableKind::Gpt => (guid(of_type)?, guid(field(fields, &["uuid"])?)?),
        TableKind::Mbr => (format!("{:02x}", u8::from_str_radix(of_type, 16).ok()?), String::new()),
        TableKind::Absent => return None,
    };
    Some(Partition {
        number,
        first: field(fields, &["start"])?.parse().ok()?,
        sectors: field(fields, &["size"])?.parse().ok()?,
        kind: type_,
        id,
    })
}

impl Table {
    /// Reads a dump of `sfdisk -d`. `None`: it is not one table that is known here, in sectors of 512 bytes.
    pub fn dumped(text: &str) -> Option<Self> {
        let heads = |name: &str| -> Vec<&str> {
            let after = text
                .lines()
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
            after.map(str::trim).collect()
        };
        if heads("unit") != ["sectors"] || heads("sector-size").iter().any(|size| *size != "512") {
            return None;
        }
        let kind = match heads("label").as_slice() {
            ["gpt"] => TableKind::Gpt,
            // The older ones tell no label, and know the MBR only.
            ["dos"] | [] => TableKind::Mbr,
            _ => return None,
        };
        let id = match (kind, heads("label-id").as_slice()) {
            (TableKind::Gpt, [id]) => Some(guid(id)?),
            (TableKind::Mbr, [id]) => Some(signature(id)?),
            _ => None,
        };
        let rows = text.lines().filter_map(|line| line.split_once(" : "));
        let mut partitions = Vec::new();
        for (device, fields) in rows.filter(|(_, fields)| fields.trim_start().starts_with("start=")) {
            let found = partition(kind, device, fields)?;
            let byte = match kind {
                TableKind::Mbr => u8::from_str_radix(&found.kind, 16).ok()?,
                _ => 0,
            };
            if byte == PROTECTIVE {
                return None;
            }
            // The older ones list empty entries too.
            if found.sectors > 0 && !EXTENDED.contains(&byte) {
                partitions.push(found);
            }
        }
        Some(Self { kind, id, partitions })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GPT: &str = "label: gpt\nlabel-id: 1B4F28BA-2FA1-11D2-883F-B9A761BDE3FB\ndevice: DISK\nunit: sectors\nfirst-lba: 34\n\
        last-lba: 41943006\nsector-size: 512\n\n\
        DISKp1 : start=        2048, size=     2097152, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, \
        uuid=6B0A0F4C-0001-4A11-9B5E-000102030405, name=\"cluster, type=1, uuid=2\"\n\
        DISKp12 : start=     2099200, size=    39843807, type=E6D6D379-F507-44C2-A23C-238F2A3DF928, \
        uuid=6B0A0F4C-0002-4A11-9B5E-000102030405, attrs=\"RequiredPartition\"\n";
    const DOS: &str = "label: dos\nlabel-id: 0x5a2d0b3c\ndevice: DISK\nunit: sectors\nsector-size: 512\n\n\
        DISK1 : start=        2048, size=        2048, type=83\nDISK2 : start=        4096, size=       20480, type=f\n\
        DISK5 : start=        6144, size=        4096, type=8e, bootable\n";
    const OLD: &str = "# partition table of DISK\nunit: sectors\n\nDISK1 : start=     2048, size=    2048, Id=83, bootable\n\
        DISK2 : start=     4096, size=    8192, Id= 5\nDISK3 : start=        0, size=        0, Id= 0\n";

    #[test]
    fn a_gpt_is_read_with_its_identities_in_the_order_of_the_disk() {
        let table = Table::dumped(GPT).unwrap();
        assert_eq!(
            (table.kind, table.id.as_deref()),
            (TableKind::Gpt, Some("ba284f1ba12fd211883fb9a761bde3fb"))
        );
        let [first, second] = table.partitions.as_slice() else {
            panic!("{table:?}");
        };
        assert_eq!((first.number, first.first, first.sectors), (1, 2048, 2_097_152));
        assert_eq!(first.kind, "af3dc60f838472478e793d69d8477de4");
        assert_eq!(
            (second.number, second.id.as_str()),
            (12, "4c0f0a6b0200114a9b5e000102030405")
        );
    }

    #[test]
    fn an_mbr_is_read_without_its_extended_and_empty_entries() {
        let numbers = |text: &str| -> Vec<(u32, String)> {
            let table = Table::dumped(text).unwrap();
            assert_eq!(table.kind, TableKind::Mbr);
            table.partitions.into_iter().map(|one| (one.number, one.kind)).collect()
        };
        assert_eq!(numbers(DOS), [(1, "83".to_owned()), (5, "8e".to_owned())]);
        assert_eq!(Table::dumped(DOS).unwrap().id.as_deref(), Some("3c0b2d5a"));
        assert_eq!(numbers(OLD), [(1, "83".to_owned())]);
        assert_eq!(Table::dumped(OLD).unwrap().id, None);
    }

    #[test]
    fn what_is_no_table_that_is_known_is_none() {
        for text in [
            String::new(),
            "label: gpt\n".to_owned(),
            GPT.replace("unit: sectors", "unit: cylinders"),
            GPT.replace("sector-size: 512", "sector-size: 4096"),
            GPT.replace("label: gpt", "label: sun"),
            GPT.replace("uuid=6B0A0F4C-0002", "uuid=6B0A0F4C0002"),
            GPT.replace("type=E6D6D379", "kind=E6D6D379"),
            // Two disks under one path.
            format!("{GPT}{GPT}"),
            format!("{OLD}{OLD}"),
            // A GPT, as an old sfdisk shows it.
            OLD.replace("Id=83", "Id=ee"),
            DOS.replace("type=83", "type=zz"),
        ] {
            assert_eq!(Table::dumped(&text), None, "{text}");
        }
    }
}
