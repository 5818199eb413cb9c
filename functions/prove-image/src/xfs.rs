//! XFS: whether it was unmounted cleanly or frozen, and whether its parts are from one moment.
//!
//! Own code: the crates that read XFS (`xfs-fuse`) read files, and neither the log nor a checksum.

mod groups;
mod head;
mod log;
mod replay;
mod superblock;

use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::be32;
use crate::verdict::{Quiet, Stop};

const MAGIC: u32 = 0x5846_5342;

/// Whether the first bytes of a partition are those of XFS.
pub(crate) fn is_there(first: &[u8]) -> bool {
    be32(first, 0) == Some(MAGIC)
}

/// Judges the file system in `area`, whose first bytes are `first`. What was seen, if nothing is wrong.
pub(crate) fn judge(disk: &mut Disk<'_>, area: &Area, first: &[u8], quiet: Quiet) -> Result<String, Stop> {
    let found = superblock::read(first, area.size())?;
    let end = log::judge(disk, area, &found, quiet)?;
    groups::judge(disk, area, &found, end, quiet)?;
    let ends = match quiet {
        Quiet::Unmounted => "an unmount record at its head",
        Quiet::Frozen => "nothing to be replayed but the superblock",
    };
    Ok(format!(
        "XFS of {} blocks of {} bytes, log of {} blocks with {ends} (cycle {})",
        found.blocks, found.block_size, found.log.blocks, end.cycle
    ))
}
