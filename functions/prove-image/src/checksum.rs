//! The checksums of the structures on a disk.

use crc::{Algorithm, CRC_16_ARC, CRC_32_ISCSI, CRC_32_ISO_HDLC, Crc, Digest, Table};

/// CRC-32C, as XFS and ext4 use it.
static CASTAGNOLI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
/// CRC-32, as GPT uses it (UEFI Specification 2.10, section 5.3.2).
static ETHERNET: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
/// CRC-16, for the groups of an ext4 without `metadata_csum` (Linux, lib/crc16.c).
static GROUP: Crc<u16> = Crc::<u16>::new(&CRC_16_ARC);
/// LVM2's: CRC-32 with a start value of its own and without the last inversion (lib/misc/crc.c, `INITIAL_CRC`).
static LVM: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&Algorithm {
    width: 32,
    poly: 0x04c1_1db7,
    init: 0xf597_a6cf_u32.reverse_bits(),
    refin: true,
    refout: true,
    xorout: 0,
    check: 0,
    residue: 0,
});

/// CRC-32C of several pieces, one after another.
pub(crate) fn castagnoli(pieces: &[&[u8]]) -> u32 {
    let mut digest: Digest<'_, u32, Table<16>> = CASTAGNOLI.digest();
    for piece in pieces {
        digest.update(piece);
    }
    digest.finalize()
}

/// CRC-32C of `bytes`, in which the four bytes of the checksum itself, at `at`, count as zeros.
pub(crate) fn castagnoli_around(bytes: &[u8], at: usize) -> Option<u32> {
    Some(castagnoli(&[
        bytes.get(..at)?,
        &[0; 4],
        bytes.get(at.checked_add(4)?..)?,
    ]))
}

/// As Linux goes on from `seed`: CRC-32C with that start value and without the last inversion.
pub(crate) fn castagnoli_from(seed: u32, pieces: &[&[u8]]) -> u32 {
    let mut digest: Digest<'_, u32, Table<16>> = CASTAGNOLI.digest_with_initial(seed.reverse_bits());
    for piece in pieces {
        digest.update(piece);
    }
    !digest.finalize()
}

/// ext4's CRC-16, which starts with all ones.
pub(crate) fn group(pieces: &[&[u8]]) -> u16 {
    let mut digest = GROUP.digest_with_initial(u16::MAX);
    for piece in pieces {
        digest.update(piece);
    }
    digest.finalize()
}

/// CRC-32 of several pieces, one after another.
pub(crate) fn ethernet(pieces: &[&[u8]]) -> u32 {
    let mut digest: Digest<'_, u32, Table<16>> = ETHERNET.digest();
    for piece in pieces {
        digest.update(piece);
    }
    digest.finalize()
}

/// LVM2's checksum.
pub(crate) fn lvm(bytes: &[u8]) -> u32 {
    LVM.checksum(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        assert_eq!(castagnoli(&[b"1234", b"56789"]), 0xe306_9283);
        assert_eq!(
            castagnoli_around(b"1234\x31\x32\x33\x34", 4),
            Some(castagnoli(&[b"1234\0\0\0\0"]))
        );
        assert_eq!(ethernet(&[b"123456789"]), 0xcbf4_3926);
        assert_eq!(castagnoli_around(b"123", 1), None);
        // Linux begins with all ones, goes on with what it has, and inverts last or never.
        assert_eq!(
            !castagnoli_from(castagnoli_from(u32::MAX, &[b"1234"]), &[b"56789"]),
            0xe306_9283
        );
        // CRC-16/MODBUS is the same with that start value.
        assert_eq!(group(&[b"1234", b"56789"]), 0x4b37);
        // Nothing at all leaves the start value.
        assert_eq!(lvm(b""), 0xf597_a6cf);
    }
}
