//! `diff`: what changed between two backups, by the user's own credentials (`ebs:ListChangedBlocks`).

use super::Ports;
use crate::exit::{Ended, Exit};
use crate::out::Out;
use crate::ports::Pause;
use crate::screen;
use mirrorsnap_domain::catalogue::{self, Backup};
use mirrorsnap_domain::changes;
use mirrorsnap_domain::consistency::RestoreFrom;
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Kind, Result};
use mirrorsnap_domain::names;
use mirrorsnap_domain::restore::Asked;
use mirrorsnap_functions::functions::changes::changed;
use mirrorsnap_functions::ports::{Changes, Position, Told};
use std::time::Duration;

/// How often a page is asked for once more where AWS throttles or does not answer; the SDK has tried three times by then.
const MOST_AGAIN: u32 = 5;

/// Asks again, after a pause that doubles.
struct Patient<'a, P>(&'a P);

impl<P: Changes + Pause> Changes for Patient<'_, P> {
    async fn changed_blocks(&self, older: &SnapshotId, newer: &SnapshotId, from: &Position) -> Result<Told> {
        let mut again = 0;
        loop {
            match self.0.changed_blocks(older, newer, from).await {
                Err(error) if error.kind() == Kind::AwsUnavailable && again < MOST_AGAIN => {
                    self.0.pause(Duration::from_secs(1 << again)).await;
                    again += 1;
                }
                other => return other,
            }
        }
    }
}

/// The command.
pub async fn run(ports: &impl Ports, out: &Out, cluster: &str, one: &str, other: &str) -> Ended {
    names::cluster(cluster)?;
    let wanted = [one, other].map(|text| Asked::Named(text.to_owned()).wanted(cluster, RestoreFrom::Any));
    let [one, other] = wanted;
    let (one, other) = (one?, other?);
    let backups = catalogue::backups(cluster, ports.snapshots_of_cluster(cluster).await?);
    let find = |wanted| catalogue::find(cluster, &backups, wanted);
    let (older, newer): (&Backup, &Backup) = changes::in_order(find(&one)?, find(&other)?);
    let mut volumes = Vec::new();
    for pair in changes::pairs(older, newer)? {
        let changed = changed(&Patient(ports), &pair, || true).await?;
        volumes.push((pair, changed));
    }
    out.result(
        &screen::diff::text(cluster, older, newer, &volumes, out.language()),
        &screen::diff::document(cluster, older, newer, &volumes),
    );
    Ok(Exit::Done)
}

#[cfg(test)]
#[path = "diff_tests.rs"]
mod tests;
