//! The port through which an image is read, and what reads through it: few blocks, each counted, never more than `BOUND`.

use crate::verdict::{NotJudged, Stop, Unclean};
use std::collections::VecDeque;
use std::fmt;

/// The unit of a read in bytes, which is that of the EBS direct APIs (`BlockSize` of ListSnapshotBlocks).
pub const BLOCK: usize = 512 * 1024;
/// The most blocks that one image's judgement reads: 1 GiB.
pub const BOUND: u32 = 2048;
/// The blocks that are kept: the structures of one file system lie in a few of them. 16 MiB.
const KEPT: usize = 32;

/// One block of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// Its bytes: `BLOCK` of them, less only at the end of the image.
    Bytes(Vec<u8>),
    /// The image does not hold it: it was never written, and reads as zeros.
    Sparse,
}

/// A block could not be read. This says nothing of the image: the caller tries again, or gives up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadError {
    /// Which block, counted from 0.
    pub index: u64,
    /// What the source said.
    pub found: String,
}

impl fmt::Display for ReadError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "block {} could not be read: {}", self.index, self.found)
    }
}

/// An image that can be read block by block.
pub trait Blocks {
    /// The image's size in bytes.
    fn size(&self) -> u64;
    /// Block `index`, which begins at byte `index` · `BLOCK`. Errors: the source does not answer; no verdict comes of it.
    fn read(&mut self, index: u64) -> Result<Block, ReadError>;
}

/// An image while it is judged.
pub(crate) struct Disk<'a> {
    source: &'a mut dyn Blocks,
    kept: VecDeque<(u64, Block)>,
    read: u32,
    sparse: u32,
}

impl<'a> Disk<'a> {
    pub(crate) fn new(source: &'a mut dyn Blocks) -> Self {
        Self {
            source,
            kept: VecDeque::new(),
            read: 0,
            sparse: 0,
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.source.size()
    }

    /// The blocks that were read so far, and how many of them were sparse.
    pub(crate) fn counts(&self) -> (u32, u32) {
        (self.read, self.sparse)
    }

    fn block(&mut self, index: u64) -> Result<&Block, Stop> {
        if let Some(at) = self.kept.iter().position(|(kept, _)| *kept == index) {
            // The one that was used last goes to the end, the first one leaves.
            if let Some(found) = self.kept.remove(at) {
                self.kept.push_back(found);
            }
        } else {
            if self.read >= BOUND {
                return Err(NotJudged::TooManyBlocks.because(format!("{BOUND} blocks were read without a verdict")));
            }
            let block = self.source.read(index)?;
            self.read = self.read.saturating_add(1);
            if block == Block::Sparse {
                self.sparse = self.sparse.saturating_add(1);
            }
            if self.kept.len() >= KEPT {
                self.kept.pop_front();
            }
            self.kept.push_back((index, block));
        }
        match self.kept.back() {
            Some((_, block)) => Ok(block),
            None => Err(Stop::Read(ReadError {
                index,
                found: "it was not kept".to_owned(),
            })),
        }
    }

    /// `length` bytes from byte `at`. What lies behind the end of the image is a fault of what pointed there.
    pub(crate) fn read(&mut self, at: u64, length: usize) -> Result<Vec<u8>, Stop> {
        let end = at.checked_add(length as u64).filter(|end| *end <= self.size());
        let Some(end) = end else {
            return Err(Unclean::BeyondTheVolume.because(format!(
                "{length} bytes at byte {at} lie behind the end of the volume, which has {} bytes",
                self.size()
            )));
        };
        let mut bytes = Vec::with_capacity(length);
        let mut next = at;
        while next < end {
            let index = next / BLOCK as u64;
            let first = usize::try_from(next % BLOCK as u64).unwrap_or(BLOCK);
            let take = usize::try_from(end - next).unwrap_or(BLOCK).min(BLOCK - first);
            match self.block(index)? {
                Block::Sparse => bytes.resize(bytes.len() + take, 0),
                Block::Bytes(found) => {
                    let Some(part) = found.get(first..first + take) else {
                        let found = format!("it has {} bytes only", found.len());
                        return Err(Stop::Read(ReadError { index, found }));
                    };
                    bytes.extend_from_slice(part);
                }
            }
            next += take as u64;
        }
        Ok(bytes)
    }
}
