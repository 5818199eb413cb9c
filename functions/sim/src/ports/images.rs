//! The EBS direct APIs on the model.

use crate::faults::Kind;
use crate::sim::Sim;
use crate::world::image::{BLOCK, HELD, block};
use crate::world::{SECOND, World};
use mirrorsnap_domain::catalogue::Tier;
use mirrorsnap_domain::changes::Page;
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind as ErrorKind, Result};
use mirrorsnap_functions::ports::{Changes, Fetched, Images, Listed, Position, Told};

/// How long a token is good.
const GOOD: u64 = 7 * 24 * 3600 * SECOND;
/// Blocks of one page: so few, that every judgement needs several.
const PAGE: usize = 2;

fn content(world: &World, snapshot: &SnapshotId) -> Result<u32> {
    let found = world.ec2.shown.snapshots.get(snapshot.as_str());
    let complete = found.filter(|one| one.completes <= world.now && one.tier == Tier::Standard);
    complete.map(|one| one.content).ok_or_else(|| {
        let found = format!("ebs:ListSnapshotBlocks answered ValidationException: {snapshot}");
        Error::new(ErrorKind::AwsRefused, found, "read the message")
    })
}

impl Images for Sim {
    async fn blocks(&self, snapshot: &SnapshotId, from: u64) -> Result<Listed> {
        let read = |world: &World| {
            content(world, snapshot)?;
            let left: Vec<u64> = HELD.into_iter().filter(|number| *number >= from).collect();
            let token = |number: &u64| {
                (
                    *number,
                    format!("{number} {}", world.now + world.tokens.unwrap_or(GOOD)),
                )
            };
            Ok(Listed {
                gib: 20,
                block_bytes: BLOCK,
                tokens: left.iter().take(PAGE).map(token).collect(),
                more: left.len() > PAGE,
            })
        };
        self.read("ebs:ListSnapshotBlocks", Kind::Read, format!("{snapshot} {from}"), read)
            .await
    }

    async fn block(&self, snapshot: &SnapshotId, number: u64, token: &str) -> Result<Fetched> {
        let read = |world: &World| {
            let content = content(world, snapshot)?;
            let until = token
                .strip_prefix(&format!("{number} "))
                .and_then(|text| text.parse().ok());
            Ok(match until {
                Some(until) if world.now < until => Fetched::Bytes(block(content, number)),
                _ => Fetched::TokenNotValid,
            })
        };
        self.read("ebs:GetSnapshotBlock", Kind::Read, format!("{snapshot} {number}"), read)
            .await
    }
}

/// The first page of every comparison is empty: nothing changed where it looks.
const EMPTY: &str = "empty";

impl Changes for Sim {
    async fn changed_blocks(&self, older: &SnapshotId, newer: &SnapshotId, from: &Position) -> Result<Told> {
        let read = |world: &World| {
            let volume = |id: &SnapshotId| world.ec2.shown.snapshots.get(id.as_str()).map(|one| one.volume.clone());
            let (then, now) = (content(world, older)?, content(world, newer)?);
            if volume(older) != volume(newer) {
                let found = "ebs:ListChangedBlocks answered ValidationException: UNRELATED_SNAPSHOTS";
                return Err(Error::new(ErrorKind::NotComparable, found, "read the message"));
            }
            let until = world.now + world.tokens.unwrap_or(GOOD);
            let page = |blocks: Vec<u64>, next: Option<String>| {
                Ok(Told::Page(Page {
                    block_bytes: BLOCK as u64,
                    blocks,
                    next,
                }))
            };
            let differs = |number: &u64| block(then, *number) != block(now, *number);
            match from {
                Position::Block(0) => page(vec![], Some(format!("{EMPTY} {until}"))),
                Position::Block(first) => page(
                    HELD.into_iter().filter(|one| one >= first).filter(differs).collect(),
                    None,
                ),
                Position::Token(token) => match token
                    .strip_prefix(EMPTY)
                    .and_then(|text| text.trim().parse::<u64>().ok())
                {
                    Some(until) if world.now < until => page(HELD.into_iter().filter(differs).collect(), None),
                    _ => Ok(Told::TokenNotValid),
                },
            }
        };
        self.read("ebs:ListChangedBlocks", Kind::Read, format!("{older} {newer}"), read)
            .await
    }
}
