//! What else may be on a data partition: named, never judged. The signatures are those of util-linux, libblkid/src/superblocks.

use crate::bytes::{empty, hex};

/// A signature: where, which bytes, of what.
const SIGNATURES: [(usize, &[u8], &str); 12] = [
    (0, b"LUKS\xba\xbe", "LUKS (encrypted)"),
    (0x1_0040, b"_BHRfS_M", "btrfs"),
    (0, b"BTRFS", "btrfs"),
    (0x1018, b"LABELONE", "LVM"),
    (0x200, b"LABELONE", "LVM: name the logical volume in the configuration"),
    (0x1000, b"\xfc\x4e\x2b\xa9", "Linux software RAID"),
    (0xff6, b"SWAPSPACE2", "swap space"),
    (0x400, b"\x10\x20\xf5\xf2", "F2FS"),
    (3, b"NTFS    ", "NTFS"),
    (3, b"EXFAT   ", "exFAT"),
    (0x1_0000, b"\x01\x16\x19\x70", "GFS2"),
    (0x8000, b"JFS1", "JFS"),
];
/// What is read to recognise it.
pub(crate) const LOOK: usize = 0x1_0080;

/// What is there, in words.
pub(crate) fn name(first: &[u8]) -> String {
    for (at, signature, name) in SIGNATURES {
        if first.get(at..at + signature.len()) == Some(signature) {
            return format!("the data partition holds {name}");
        }
    }
    if empty(first) {
        return "the data partition begins with zeros".to_owned();
    }
    let front = hex(first.get(..16).unwrap_or_default());
    format!("the data partition holds nothing that is known here; it begins with {front}")
}
