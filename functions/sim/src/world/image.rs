//! The bytes of a mirror disk's volume: a partition table, a cluster partition, and an ext2 that was unmounted. Its superblock has the
//! number of the content, so that the bytes of two moments differ.

use sha2::{Digest, Sha256};
use std::fmt::Write;

/// A block of the EBS direct APIs.
pub(crate) const BLOCK: usize = 512 * 1024;
const SECTOR: usize = 512;
const MIB: usize = 1024 * 1024;
/// Where the data partition begins, behind a cluster partition of 1 MiB.
const DATA: usize = 2 * MIB;
const DATA_SECTORS: u32 = 16 * 1024 * 1024;

/// The blocks that are not all zeros.
pub(crate) const HELD: [u64; 3] = [0, 2, 4];

fn put(block: &mut [u8], at: usize, bytes: &[u8]) {
    block[at..at + bytes.len()].copy_from_slice(bytes);
}

fn entry(block: &mut [u8], number: usize, first: usize, sectors: u32) {
    let at = 446 + 16 * number;
    block[at + 4] = 0x83;
    put(block, at + 8, &u32::try_from(first / SECTOR).unwrap().to_le_bytes());
    put(block, at + 12, &sectors.to_le_bytes());
}

/// The first bytes of the data partition.
fn data(content: u32) -> Vec<u8> {
    let mut block = vec![0; BLOCK];
    // ext2, revision 0, of 8,192 blocks of 1 KiB in one group; valid.
    for (at, value) in [
        (0x00, 2048_u32),
        (0x04, 8193),
        (0x14, 1),
        (0x20, 8192),
        (0x24, 8192),
        (0x28, 2048),
    ] {
        put(&mut block, 1024 + at, &value.to_le_bytes());
    }
    put(&mut block, 1024 + 0x38, &[0x53, 0xef, 1, 0]);
    // The moment of the last write.
    put(&mut block, 1024 + 0x30, &content.to_le_bytes());
    block
}

/// Block `number`, one of [`HELD`].
pub(crate) fn block(content: u32, number: u64) -> Vec<u8> {
    if number == (DATA / BLOCK) as u64 {
        return data(content);
    }
    let mut block = vec![0; BLOCK];
    if number == 0 {
        entry(&mut block, 0, MIB, u32::try_from(MIB / SECTOR).unwrap());
        entry(&mut block, 1, DATA, DATA_SECTORS);
        put(&mut block, 510, &[0x55, 0xaa]);
    } else {
        put(&mut block, 0, b"a cluster partition");
    }
    block
}

/// What the active records of it at the quiet moment.
pub(crate) fn fingerprint(content: u32) -> String {
    let digest = Sha256::digest(&data(content)[..64 * 1024]);
    digest.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
