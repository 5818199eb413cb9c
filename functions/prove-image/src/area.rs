//! A stretch of a disk as its user sees it: a partition is one piece, a logical volume may be many.

use crate::blocks::Disk;
use crate::verdict::{Stop, Unclean};

/// Consecutive bytes of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// The first byte on the disk.
    pub(crate) at: u64,
    /// In bytes.
    pub(crate) length: u64,
}

/// A partition or a logical volume: its pieces one after another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Area {
    pieces: Vec<Piece>,
}

impl Area {
    pub(crate) fn new(pieces: Vec<Piece>) -> Self {
        Self { pieces }
    }

    /// In bytes.
    pub(crate) fn size(&self) -> u64 {
        self.pieces
            .iter()
            .fold(0, |sum, piece| sum.saturating_add(piece.length))
    }

    /// The pieces of the disk that `length` bytes from byte `at` of the area lie on, if they lie in it.
    pub(crate) fn within(&self, at: u64, length: u64) -> Option<Vec<Piece>> {
        let (mut skip, mut left, mut found) = (at, length, Vec::new());
        for piece in &self.pieces {
            if skip >= piece.length {
                skip -= piece.length;
            } else if left > 0 {
                let take = left.min(piece.length - skip);
                found.push(Piece {
                    at: piece.at.checked_add(skip)?,
                    length: take,
                });
                (skip, left) = (0, left - take);
            }
        }
        (left == 0).then_some(found)
    }

    /// `length` bytes from byte `at` of the area. Bytes behind its end are a fault of what pointed there.
    pub(crate) fn read(&self, disk: &mut Disk<'_>, at: u64, length: usize) -> Result<Vec<u8>, Stop> {
        if let Some(pieces) = self.within(at, length as u64) {
            let mut bytes = Vec::with_capacity(length);
            for piece in pieces {
                bytes.extend(disk.read(piece.at, usize::try_from(piece.length).unwrap_or(usize::MAX))?);
            }
            return Ok(bytes);
        }
        Err(Unclean::LargerThanItsPartition.because(format!(
            "{length} bytes at byte {at} lie behind the end of the partition, which has {} bytes",
            self.size()
        )))
    }
}
