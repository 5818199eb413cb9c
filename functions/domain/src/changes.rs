//! What changed between two backups of a cluster, by the blocks of their snapshots. No decision depends on it: it is said to a person.

use crate::catalogue::{Backup, Snapshot, Tier};
use crate::ec2::{SnapshotId, VolumeId};
use crate::error::{Error, Kind, Result};
use crate::sentence::Sentence;
use serde::Serialize;
use std::collections::BTreeMap;

/// Into so many parts a volume is divided by the map.
pub const CELLS: usize = 64;

/// Two snapshots of one place: the mirror disks on a volume, in an older and in a newer backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    /// The mirror disks on the volume.
    pub disks: String,
    /// The volume's size.
    pub gib: u64,
    /// The older snapshot.
    pub older: Member,
    /// The newer one.
    pub newer: Member,
}

/// One of the two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The snapshot.
    pub snapshot: SnapshotId,
    /// The volume that it was taken from.
    pub volume: VolumeId,
    /// The node that had it.
    pub node: String,
}

impl Member {
    fn of(backup: &Backup, snapshot: &Snapshot) -> Self {
        Self {
            snapshot: snapshot.id.clone(),
            volume: snapshot.volume.clone(),
            node: backup.source_node.clone(),
        }
    }
}

fn refused(found: impl Into<String>) -> Error {
    let next = "compare two backups of the same node that have the same disks: `mirrorsnap backups CLUSTER` lists them";
    Error::new(Kind::NotComparable, found, next)
}

fn by_place(backup: &Backup) -> BTreeMap<&str, &Snapshot> {
    backup.snapshots.iter().map(|one| (one.place(), one)).collect()
}

/// The two backups, the older one first.
pub fn in_order<'a>(one: &'a Backup, other: &'a Backup) -> (&'a Backup, &'a Backup) {
    if one.consistent_at <= other.consistent_at {
        (one, other)
    } else {
        (other, one)
    }
}

/// The snapshots of two backups, place by place. Error: `NotComparable`.
pub fn pairs(older: &Backup, newer: &Backup) -> Result<Vec<Pair>> {
    if older.id == newer.id {
        return Err(refused(format!("{} is compared with itself", older.id)));
    }
    let (then, now) = (by_place(older), by_place(newer));
    if !then.keys().eq(now.keys()) {
        let named = |all: &BTreeMap<&str, &Snapshot>| all.keys().copied().collect::<Vec<_>>().join(" and of ");
        return Err(refused(format!(
            "{} has snapshots of {}, and {} of {}",
            older.id,
            named(&then),
            newer.id,
            named(&now)
        )));
    }
    let pair = |(place, first): (&&str, &&Snapshot)| {
        let second = now.get(place).copied().unwrap_or(first);
        if first.gib != second.gib {
            return Err(refused(format!(
                "the volume of {place} had {} GiB in {}, and has {} GiB in {}",
                first.gib, older.id, second.gib, newer.id
            )));
        }
        if let Some(archived) = [first, &second].into_iter().find(|one| one.tier == Tier::Archive) {
            return Err(refused(format!(
                "{} is in the archive, of which EBS reads nothing",
                archived.id
            )));
        }
        Ok(Pair {
            disks: (*place).to_owned(),
            gib: u64::try_from(first.gib).unwrap_or(0),
            older: Member::of(older, first),
            newer: Member::of(newer, second),
        })
    };
    then.iter().map(pair).collect()
}

impl Pair {
    /// EBS compares snapshots of one volume only, and does not compare these.
    pub fn unrelated(&self) -> Error {
        let (older, newer) = (&self.older, &self.newer);
        refused(format!(
            "EBS compares snapshots of one volume only. Of {}, {} was taken of {} of {}, and {} of {} of {}: after a failover it is the \
             other node's volume, after a restore a new one",
            self.disks, older.snapshot, older.volume, older.node, newer.snapshot, newer.volume, newer.node
        ))
    }
}

/// A part of the list of the blocks that differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The size of a block.
    pub block_bytes: u64,
    /// The numbers of blocks that differ, each greater than the one before. A page may have none, and others behind it.
    pub blocks: Vec<u64>,
    /// By which the next page is asked for; `None`: this is the last one.
    pub next: Option<String>,
}

/// How much of the volume was compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Extent {
    /// All of it.
    Whole,
    /// The list was given up before its end.
    Part,
}

/// What changed on a volume.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    volume_bytes: u64,
    block_bytes: u64,
    blocks: u64,
    cells: [u64; CELLS],
    next: u64,
    extent: Extent,
}

impl Changed {
    /// Nothing yet, of a volume of this size.
    pub const fn nothing(gib: u64) -> Self {
        Self {
            volume_bytes: gib << 30,
            block_bytes: 512 * 1024,
            blocks: 0,
            cells: [0; CELLS],
            next: 0,
            extent: Extent::Part,
        }
    }

    fn total(&self) -> u64 {
        (self.volume_bytes / self.block_bytes.max(1)).max(1)
    }

    /// Adds a page. A block that was there already does not count again.
    pub fn add(&mut self, page: &Page) {
        self.block_bytes = page.block_bytes;
        for block in page.blocks.iter().copied() {
            if block < self.next {
                continue;
            }
            let cell = usize::try_from(block * CELLS as u64 / self.total()).unwrap_or(CELLS);
            if let Some(cell) = self.cells.get_mut(cell) {
                *cell += 1;
            }
            self.blocks += 1;
            self.next = block + 1;
        }
        if page.next.is_none() {
            self.extent = Extent::Whole;
        }
    }

    /// The block behind the last one that is known to differ.
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// How much was compared.
    pub const fn extent(&self) -> Extent {
        self.extent
    }

    /// The size of a block.
    pub const fn block_bytes(&self) -> u64 {
        self.block_bytes
    }

    /// The blocks that differ.
    pub const fn blocks(&self) -> u64 {
        self.blocks
    }

    /// What they hold: a block differs as soon as one byte does.
    pub const fn bytes(&self) -> u64 {
        self.blocks * self.block_bytes
    }

    /// The volume's size in bytes.
    pub const fn volume_bytes(&self) -> u64 {
        self.volume_bytes
    }

    /// The part of the volume that differs, from 0 to 1.
    pub fn share(&self) -> f64 {
        share(self.blocks, self.total())
    }

    /// The same of each cell.
    pub fn cells(&self) -> Vec<f64> {
        let begins = |cell: usize| (cell as u64 * self.total()).div_ceil(CELLS as u64);
        let of = |(cell, changed): (usize, &u64)| share(*changed, (begins(cell + 1) - begins(cell)).max(1));
        self.cells.iter().enumerate().map(of).collect()
    }

    /// One sign for each cell.
    pub fn map(&self) -> String {
        self.cells().into_iter().map(sign).collect()
    }
}

/// To six places, upwards: what is not nothing does not look like it.
#[allow(clippy::cast_precision_loss)] // fewer blocks than 2^52
fn share(part: u64, whole: u64) -> f64 {
    (part as f64 / whole as f64 * 1e6).ceil() / 1e6
}

fn sign(share: f64) -> char {
    match share {
        none if none <= 0.0 => '.',
        little if little < 0.1 => ':',
        some if some < 0.5 => '+',
        _ => '#',
    }
}

/// Bytes for a person.
#[allow(clippy::cast_precision_loss)]
pub fn size(bytes: u64) -> String {
    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;
    match bytes {
        0 => "nothing".to_owned(),
        small if small < MIB => format!("{} KiB", small / 1024),
        middling if middling < GIB => format!("{:.1} MiB", middling as f64 / MIB as f64),
        large => format!("{:.1} GiB", large as f64 / GIB as f64),
    }
}

/// A share for a person.
pub fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.001 {
        return "less than 0.1%".to_owned();
    }
    format!("{:.1}%", share * 100.0)
}

/// What a restore's plan says of a volume: how much of it was changed by the time of `newest`, the newest valid backup.
pub fn set_back(newest: &Backup, pair: &Pair, changed: &Result<Changed>) -> Sentence {
    let (disks, newest) = (pair.disks.clone(), newest.id.to_string());
    match changed {
        Ok(changed) => {
            let extent = match changed.extent() {
                Extent::Whole => Sentence::AtMost,
                Extent::Part => Sentence::SoFar,
            };
            Sentence::SetBack {
                extent: Box::new(extent),
                bytes: size(changed.bytes()),
                gib: pair.gib,
                disks,
                share: percent(changed.share()),
                newest,
            }
        }
        Err(error) => not_known(
            Sentence::DisksComparedWith { disks, newest },
            Sentence::verbatim(error.found()),
        ),
    }
}

/// The same where it is not known.
pub fn not_known(what: Sentence, why: Sentence) -> Sentence {
    let why = match why {
        Sentence::Verbatim { text } => Sentence::verbatim(text.trim_end_matches('.')),
        other => other,
    };
    let (what, why) = (Box::new(what), Box::new(why));
    Sentence::SetBackUnknown { what, why }
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
