//! What a proof took, and what that costs.

use crate::catalogue::{Snapshot, tag};
use serde::Serialize;
use std::fmt;

/// What 1,000 requests cost, in USD: ListSnapshotBlocks and GetSnapshotBlock in us-east-1.
const USD_OF_LISTS: f64 = 0.0006;
const USD_OF_READS: f64 = 0.003;

/// What a proof took of one snapshot, or of several together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Effort {
    /// Blocks that were looked at, sparse ones with them.
    pub blocks: u32,
    /// Calls of ListSnapshotBlocks.
    pub lists: u32,
    /// Calls of GetSnapshotBlock.
    pub reads: u32,
    /// How long it took.
    pub milliseconds: u32,
}

/// As its tag has it.
impl fmt::Display for Effort {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            blocks,
            lists,
            reads,
            milliseconds,
        } = self;
        write!(to, "blocks={blocks} lists={lists} reads={reads} ms={milliseconds}")
    }
}

impl Effort {
    fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut next = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=')?.parse().ok();
        let found = Self {
            blocks: next("blocks")?,
            lists: next("lists")?,
            reads: next("reads")?,
            milliseconds: next("ms")?,
        };
        words.next().is_none().then_some(found)
    }

    /// Of these snapshots, which are all of a backup; `None`: one of them has no verdict yet, or one of an older version.
    pub fn of(snapshots: &[Snapshot]) -> Option<Self> {
        let each = |one: &Snapshot| one.tags.get(tag::PROOF_TOOK).and_then(|text| Self::parse(text));
        let all: Option<Vec<Self>> = snapshots.iter().map(each).collect();
        all?.into_iter().reduce(Self::and)
    }

    /// Both together.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            blocks: self.blocks.saturating_add(other.blocks),
            lists: self.lists.saturating_add(other.lists),
            reads: self.reads.saturating_add(other.reads),
            milliseconds: self.milliseconds.saturating_add(other.milliseconds),
        }
    }

    /// Requests that AWS bills.
    pub const fn requests(self) -> u32 {
        self.lists.saturating_add(self.reads)
    }

    /// How long it took.
    pub fn seconds(self) -> f64 {
        f64::from(self.milliseconds) / 1000.0
    }

    /// What its requests cost.
    pub fn cost_usd(self) -> f64 {
        (f64::from(self.lists) * USD_OF_LISTS + f64::from(self.reads) * USD_OF_READS) / 1000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_read_as_it_was_written_and_nothing_else_is() {
        let effort = Effort {
            blocks: 17,
            lists: 2,
            reads: 7,
            milliseconds: 1250,
        };
        assert_eq!(effort.to_string(), "blocks=17 lists=2 reads=7 ms=1250");
        assert_eq!(Effort::parse(&effort.to_string()), Some(effort));
        for text in [
            "",
            "17",
            "blocks=17 lists=2 reads=7",
            "blocks=17 lists=2 reads=7 ms=1250 more=1",
            "blocks=-1 lists=2 reads=7 ms=1250",
            "lists=2 blocks=17 reads=7 ms=1250",
        ] {
            assert_eq!(Effort::parse(text), None, "{text}");
        }
        assert_eq!((effort.requests(), effort.seconds()), (9, 1.25));
        assert!((effort.cost_usd() - 0.000_022_2).abs() < 1e-9);
    }
}
