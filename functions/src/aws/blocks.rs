//! The blocks of snapshots, by the EBS direct APIs.

use super::Aws;
use super::client::{failed, failed_because, is_absent_because};
use crate::ports::{Changes, Fetched, Images, Listed, Position, Told};
use aws_sdk_ebs::error::{DisplayErrorContext, SdkError};
use aws_sdk_ebs::operation::get_snapshot_block::GetSnapshotBlockError;
use aws_sdk_ebs::operation::list_changed_blocks::ListChangedBlocksError;
use aws_sdk_ebs::types::ChangedBlock;
use mirrorsnap_domain::changes::Page;
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use sha2::{Digest, Sha256};

/// Blocks of one page: a judgement reads a few that lie close together, and a page of a full volume has 10,000.
const PAGE: i32 = 1000;

fn unreadable(call: &str, found: impl std::fmt::Display) -> Error {
    Error::new(Kind::AwsUnavailable, format!("{call} {found}"), "it is repeated")
}

fn index(number: u64) -> Result<i32> {
    i32::try_from(number).map_err(|_| unreadable("ebs:GetSnapshotBlock", format!("has no block {number}")))
}

/// What the service says beside the code of a request that is not valid.
fn reason(error: &SdkError<GetSnapshotBlockError>) -> &str {
    match error.as_service_error() {
        Some(GetSnapshotBlockError::ValidationException(found)) => found.reason().map_or("", |reason| reason.as_str()),
        _ => "",
    }
}

/// Changed blocks of one page, as many as there may be: nothing of a block but its number is wanted.
const PAGE_OF_CHANGES: i32 = 10_000;

/// The same for a comparison.
fn reason_of_changes(error: &SdkError<ListChangedBlocksError>) -> &str {
    match error.as_service_error() {
        Some(ListChangedBlocksError::ValidationException(found)) => found.reason().map_or("", |reason| reason.as_str()),
        _ => "",
    }
}

impl Changes for Aws {
    async fn changed_blocks(&self, older: &SnapshotId, newer: &SnapshotId, from: &Position) -> Result<Told> {
        const CALL: &str = "ebs:ListChangedBlocks";
        let call = self.ebs.list_changed_blocks().first_snapshot_id(older.as_str());
        let call = call.second_snapshot_id(newer.as_str()).max_results(PAGE_OF_CHANGES);
        let call = match from {
            Position::Block(number) => call.starting_block_index(index(*number)?),
            Position::Token(token) => call.next_token(token),
        };
        let page = match call.send().await {
            Ok(page) => page,
            Err(error) if is_absent_because(CALL, &error, reason_of_changes(&error)) => return Ok(Told::TokenNotValid),
            Err(error) => return Err(failed_because(CALL, &error, reason_of_changes(&error))),
        };
        let Some(block_bytes) = page.block_size().and_then(|bytes| u64::try_from(bytes).ok()) else {
            return Err(unreadable(CALL, "did not say how large the blocks are"));
        };
        let numbers = page.changed_blocks().iter().filter_map(ChangedBlock::block_index);
        Ok(Told::Page(Page {
            block_bytes,
            blocks: numbers.filter_map(|number| u64::try_from(number).ok()).collect(),
            next: page.next_token().map(str::to_owned),
        }))
    }
}

impl Images for Aws {
    async fn blocks(&self, snapshot: &SnapshotId, from: u64) -> Result<Listed> {
        const CALL: &str = "ebs:ListSnapshotBlocks";
        let mut next = None;
        loop {
            let call = self.ebs.list_snapshot_blocks().snapshot_id(snapshot.as_str());
            let call = call
                .starting_block_index(index(from)?)
                .max_results(PAGE)
                .set_next_token(next);
            let page = call.send().await.map_err(|error| failed(CALL, &error))?;
            let (Some(gib), Some(block_bytes)) = (page.volume_size(), page.block_size()) else {
                return Err(unreadable(CALL, "did not say how large the volume and its blocks are"));
            };
            let named = page.blocks().iter().filter_map(|one| {
                let number = u64::try_from(one.block_index()?).ok()?;
                Some((number, one.block_token()?.to_owned()))
            });
            let listed = Listed {
                gib: u64::try_from(gib).unwrap_or(0),
                block_bytes: usize::try_from(block_bytes).unwrap_or(0),
                tokens: named.collect(),
                more: page.next_token().is_some(),
            };
            // A page may be empty and have another behind it.
            if !listed.tokens.is_empty() || !listed.more {
                return Ok(listed);
            }
            next = page.next_token().map(str::to_owned);
        }
    }

    async fn block(&self, snapshot: &SnapshotId, number: u64, token: &str) -> Result<Fetched> {
        const CALL: &str = "ebs:GetSnapshotBlock";
        let call = self.ebs.get_snapshot_block().snapshot_id(snapshot.as_str());
        let reply = match call.block_index(index(number)?).block_token(token).send().await {
            Ok(reply) => reply,
            Err(error) if is_absent_because(CALL, &error, reason(&error)) => return Ok(Fetched::TokenNotValid),
            Err(error) => return Err(failed(CALL, &error)),
        };
        let told = reply.checksum().unwrap_or_default().to_owned();
        let body = reply.block_data.collect().await;
        let bytes = body.map_err(|error| unreadable(CALL, format!("broke off: {}", DisplayErrorContext(&error))))?;
        let bytes = bytes.to_vec();
        if aws_smithy_types::base64::encode(Sha256::digest(&bytes)) != told {
            return Err(unreadable(
                CALL,
                format!("delivered block {number} with another SHA-256 than it told"),
            ));
        }
        Ok(Fetched::Bytes(bytes))
    }
}
