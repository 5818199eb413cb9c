//! The table of ext4's block groups, right behind the superblock. Source: Linux, Documentation/filesystems/ext4/group_descr.rst and
//! fs/ext4/super.c (`ext4_group_desc_csum`).
//!
//! Only checksums are judged. The counts of the groups and of the superblock are equal after most unmounts, but e2fsck mends a
//! difference without a question, so it proves nothing.

use super::{CHECKSUMS, GROUP_SUMS, META_GROUPS, SEED, Superblock, WIDE};
use crate::area::Area;
use crate::blocks::Disk;
use crate::bytes::le16;
use crate::checksum;
use crate::verdict::{Stop, Unclean};

/// Bytes of the table that are read at most: it is larger only from 1 TiB on.
const MOST: u64 = 512 * 1024;
/// Where a descriptor has its checksum.
const SUM: usize = 0x1e;

/// The checksum of one group's descriptor.
fn sum(of: &Superblock<'_>, number: u32, descriptor: &[u8]) -> Option<u16> {
    let (before, behind) = (descriptor.get(..SUM)?, descriptor.get(SUM + 2..)?);
    if of.read_only & CHECKSUMS != 0 {
        let seed = if of.incompatible & SEED != 0 {
            of.le32(0x270)
        } else {
            !checksum::castagnoli(&[of.bytes.get(0x68..0x78)?])
        };
        let sum = checksum::castagnoli_from(seed, &[&number.to_le_bytes(), before, &[0, 0], behind]);
        return u16::try_from(sum & 0xffff).ok();
    }
    Some(checksum::group(&[
        of.bytes.get(0x68..0x78)?,
        &number.to_le_bytes(),
        before,
        behind,
    ]))
}

/// Judges the descriptors' checksums, where the file system has such.
pub(super) fn judge(disk: &mut Disk<'_>, area: &Area, of: &Superblock<'_>) -> Result<(), Stop> {
    if of.read_only & (CHECKSUMS | GROUP_SUMS) == 0 || of.incompatible & META_GROUPS != 0 {
        return Ok(());
    }
    let size = if of.incompatible & WIDE != 0 {
        usize::from(of.le16(0xfe))
    } else {
        32
    };
    if !(32..=1024).contains(&size) || !size.is_power_of_two() {
        return Err(super::damaged(format!(
            "ext4's superblock gives its groups descriptors of {size} bytes"
        )));
    }
    let first_block = u64::from(of.le32(0x14));
    let groups = (of.blocks - first_block.min(of.blocks)).div_ceil(u64::from(of.le32(0x20)).max(1));
    let bytes = groups.saturating_mul(size as u64).min(MOST);
    // The table begins in the block behind the superblock's, which the first block of group 0 need not be (bigalloc).
    let at = (super::AT as u64 / of.block_size)
        .saturating_add(1)
        .saturating_mul(of.block_size);
    let table = area.read(disk, at, usize::try_from(bytes).unwrap_or(0))?;
    for (number, descriptor) in (0..).zip(table.chunks_exact(size)) {
        if sum(of, number, descriptor) != le16(descriptor, SUM) {
            return Err(Unclean::GroupsDamaged.because(format!("the descriptor of ext4's group {number} is damaged")));
        }
    }
    Ok(())
}
