//! Logical volumes of LVM2, as far as they are a row of extents on this one volume. Source: LVM2, lib/format_text/layout.h (label, PV
//! header, metadata area), lib/label/label.h, lib/format_text/import_vsn1.c (the metadata's text).

mod group;
mod text;

use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::{empty, le32, le64};
use crate::checksum;
use crate::table::SECTOR;
use crate::verdict::{NotJudged, Stop, Unclean};

/// A label lies in one of the first four sectors.
const LABEL_SECTORS: u64 = 4;
const MAGIC: &[u8] = b" LVM2 x[5A%r0N*>";
/// The metadata area begins with a header of this size, and its text goes round behind it.
const HEADER: u64 = 512;
/// Bytes of metadata text that are read at most; an area has 1 MiB unless somebody asked for more.
const MOST: u64 = 4 * 1024 * 1024;
/// Areas of each kind that are looked at: there are at most two of metadata.
const AREAS: usize = 8;

fn damaged(found: impl Into<String>) -> Stop {
    Unclean::LvmDamaged.because(found)
}

/// A physical volume: its UUID, and where its metadata lies.
struct Physical {
    id: String,
    metadata: Vec<(u64, u64)>,
}

/// The physical volume that `area` is, if it is one.
fn physical(disk: &mut Disk<'_>, area: &Area) -> Result<Option<Physical>, Stop> {
    for number in 0..LABEL_SECTORS {
        if area.size() < (number + 1) * SECTOR {
            break;
        }
        let sector = area.read(disk, number * SECTOR, 512)?;
        if !(sector.starts_with(b"LABELONE") && sector.get(24..32) == Some(b"LVM2 001".as_slice())) {
            continue;
        }
        let whole = le64(&sector, 8) == Some(number)
            && sector.get(20..).map(checksum::lvm) == le32(&sector, 16)
            && le32(&sector, 20).is_some_and(|header| (32..=256).contains(&header));
        if !whole {
            return Err(damaged(format!(
                "the label of the physical volume at sector {number} is damaged"
            )));
        }
        let header = usize::try_from(le32(&sector, 20).unwrap_or(32)).unwrap_or(32);
        let id = sector
            .get(header..header + 32)
            .map(|id| String::from_utf8_lossy(id).into_owned())
            .unwrap_or_default();
        // The UUID, the size, then the data areas up to an empty one, then the metadata areas up to an empty one.
        let mut at = header + 40;
        let mut list = || {
            let mut found = Vec::new();
            while let (Some(offset), Some(size)) = (le64(&sector, at), le64(&sector, at + 8)) {
                at += 16;
                if offset == 0 && size == 0 || found.len() >= AREAS {
                    break;
                }
                found.push((offset, size));
            }
            found
        };
        list();
        return Ok(Some(Physical { id, metadata: list() }));
    }
    Ok(None)
}

/// The text in the metadata area at `start`; none if the area is kept unused.
fn metadata(disk: &mut Disk<'_>, area: &Area, (start, size): (u64, u64)) -> Result<Option<Vec<u8>>, Stop> {
    let header = area.read(disk, start, 512)?;
    let whole = header.get(4..20) == Some(MAGIC)
        && header.get(4..).map(checksum::lvm) == le32(&header, 0)
        && le32(&header, 20) == Some(1)
        && le64(&header, 24) == Some(start)
        && le64(&header, 32) == Some(size);
    if !whole {
        return Err(damaged(format!(
            "the metadata area at byte {start} of the physical volume is damaged"
        )));
    }
    let (Some(offset), Some(length), Some(sum), Some(flags)) = (
        le64(&header, 40),
        le64(&header, 48),
        le32(&header, 56),
        le32(&header, 60),
    ) else {
        return Ok(None);
    };
    if flags & 1 != 0 || offset == 0 {
        return Ok(None);
    }
    if offset < HEADER || offset >= size || length == 0 || length > MOST || length > size.saturating_sub(HEADER) {
        return Err(damaged(format!(
            "the text of the metadata area at byte {start} lies outside of it"
        )));
    }
    let to_end = (size - offset).min(length);
    let mut text = area.read(disk, start + offset, usize::try_from(to_end).unwrap_or(0))?;
    if to_end < length {
        text.extend(area.read(disk, start + HEADER, usize::try_from(length - to_end).unwrap_or(0))?);
    }
    if checksum::lvm(&text) != sum {
        return Err(damaged(format!(
            "the text of the metadata area at byte {start} is damaged"
        )));
    }
    Ok(Some(text))
}

/// Where the logical volume `group`/`volume` lies, if `area` is a physical volume of that group.
pub(crate) fn find(disk: &mut Disk<'_>, area: &Area, group: &str, volume: &str) -> Result<Option<Area>, Stop> {
    let Some(physical) = physical(disk, area)? else {
        return Ok(None);
    };
    for place in &physical.metadata {
        let Some(mut text) = metadata(disk, area, *place)? else {
            continue;
        };
        // The text ends in a zero byte.
        while text.last() == Some(&0) {
            text.pop();
        }
        if empty(&text) {
            return Err(damaged("the metadata is empty"));
        }
        let Some(root) = text::parse(&String::from_utf8_lossy(&text)) else {
            return Err(damaged("the metadata's text cannot be read"));
        };
        let Some(found) = root.section(group) else { continue };
        return group::logical_volume(found, group, volume, &physical.id, area).map(Some);
    }
    if physical.metadata.is_empty() {
        return Err(NotJudged::LogicalVolume
            .because("a physical volume keeps no metadata of its own, so its logical volumes cannot be found"));
    }
    Ok(None)
}
