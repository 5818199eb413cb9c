//! A volume group's metadata: from a logical volume's name to its extents.

use super::text::{Section, Value};
use crate::area::Area;
use crate::table::SECTOR;
use crate::verdict::{NotJudged, Stop, Unclean};

/// Segments of one logical volume that are read at most.
const SEGMENTS: u64 = 4096;

fn without_hyphens(id: &str) -> String {
    id.replace('-', "")
}

fn incomplete(found: String) -> Stop {
    Unclean::LvmIncomplete.because(found)
}

/// This volume in the group's list of physical volumes: its name there, where its extents begin, and how many they are.
fn this_one<'a>(group: &'a Section, id: &str) -> Option<(&'a str, u64, u64)> {
    group.section("physical_volumes")?.0.iter().find_map(|(name, value)| {
        let Value::Section(physical) = value else { return None };
        let same = without_hyphens(physical.text("id")?) == id;
        same.then_some((
            name.as_str(),
            physical.number("pe_start")?,
            physical.number("pe_count")?,
        ))
    })
}

/// The extents of `volume` of the group `name`, on the physical volume `id` that `area` is.
pub(super) fn logical_volume(group: &Section, name: &str, volume: &str, id: &str, area: &Area) -> Result<Area, Stop> {
    let damaged = || super::damaged(format!("the metadata of {name}/{volume} cannot be understood"));
    let extent = group
        .number("extent_size")
        .filter(|size| *size > 0)
        .ok_or_else(damaged)?
        .saturating_mul(SECTOR);
    let (this, start, extents) = this_one(group, id).ok_or_else(|| {
        super::damaged(format!(
            "the volume group {name} does not list the volume that it lies on"
        ))
    })?;
    let Some(found) = group.section("logical_volumes").and_then(|all| all.section(volume)) else {
        return Err(
            Unclean::PartitionMissing.because(format!("the volume group {name} has no logical volume {volume}"))
        );
    };
    let segments = found
        .number("segment_count")
        .filter(|count| *count > 0)
        .ok_or_else(damaged)?;
    if segments > SEGMENTS {
        return Err(NotJudged::LogicalVolume.because(format!("{name}/{volume} has {segments} segments")));
    }
    let (mut pieces, mut next) = (Vec::new(), 0_u64);
    for number in 1..=segments {
        let Some(segment) = found.section(&format!("segment{number}")) else {
            return Err(incomplete(format!(
                "{name}/{volume} lacks its segment {number} of {segments}"
            )));
        };
        let (Some(first), Some(count), Some(kind)) = (
            segment.number("start_extent"),
            segment.number("extent_count"),
            segment.text("type"),
        ) else {
            return Err(damaged());
        };
        let Some([Value::Text(physical), Value::Number(at)]) = segment
            .list("stripes")
            .filter(|_| kind == "striped" && segment.number("stripe_count") == Some(1))
        else {
            return Err(NotJudged::LogicalVolume.because(format!("{name}/{volume} is of the type {kind}, or striped")));
        };
        if physical != this {
            return Err(NotJudged::LogicalVolume.because(format!("{name}/{volume} lies on other volumes too")));
        }
        if first != next || count == 0 {
            return Err(incomplete(format!(
                "extents {next} to {first} of {name}/{volume} are missing"
            )));
        }
        let length = count.saturating_mul(extent);
        let from = start.saturating_mul(SECTOR).saturating_add(at.saturating_mul(extent));
        if at.saturating_add(count) > extents || from.saturating_add(length) > area.size() {
            return Err(incomplete(format!(
                "extents {at} to {} of {name}/{volume} lie behind the end of its physical volume",
                at.saturating_add(count)
            )));
        }
        let Some(piece) = area.within(from, length) else {
            return Err(damaged());
        };
        pieces.extend(piece);
        next = next.saturating_add(count);
    }
    Ok(Area::new(pieces))
}
