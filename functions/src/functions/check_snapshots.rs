//! `check-snapshots`: the progress of the snapshots; and, last of all, the tag `valid` of a proved backup.

use crate::deadline::Deadline;
use crate::functions::fence::{fence, intent};
use crate::functions::repeat::{harmless, until_accepted};
use crate::ports::{Clock, Configs, Ledger, Snapshots, Tags};
use mirrorsnap_domain::catalogue::{self, Snapshot, tag};
use mirrorsnap_domain::ec2::{SnapshotId, SnapshotState};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{self, Evidence, Taken};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::lock::Claim;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// docs/functions.md, check-snapshots.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Input {
    /// Looks once; changes nothing.
    Progress {
        cluster: String,
        id: String,
        snapshots: Vec<Taken>,
    },
    /// Judges the evidence and writes the tag `valid`.
    Mark {
        cluster: String,
        lock: Claim,
        evidence: Box<Evidence>,
    },
}

/// docs/functions.md, check-snapshots.
#[derive(Debug, Serialize)]
pub struct Output {
    id: String,
    complete: bool,
    /// The progress of the slowest.
    progress: String,
    valid: bool,
    /// The configuration asks for copies in another region.
    copy: bool,
    snapshots: Vec<SnapshotId>,
}

/// The named snapshots as EC2 shows them, and others with the same backup id. An error if one failed.
async fn look(
    ports: &impl Snapshots,
    cluster: &str,
    id: &Id,
    taken: &[Taken],
) -> Result<(Vec<Snapshot>, Vec<Snapshot>)> {
    if id.cluster() != cluster {
        let found = format!("{id} is no backup of {cluster}");
        return Err(Error::new(
            Kind::InputInvalid,
            found,
            "pass the id of this cluster's backup",
        ));
    }
    let all = ports.snapshots_of_backup(id).await?;
    let (named, others): (Vec<_>, Vec<_>) = all
        .into_iter()
        .partition(|one| taken.iter().any(|t| t.snapshot == one.id));
    if let Some(bad) = named
        .iter()
        .find(|one| !matches!(one.state, SnapshotState::Pending | SnapshotState::Completed))
    {
        let found = format!("snapshot {} of {} is {}", bad.id, bad.volume, bad.state);
        return Err(Error::new(
            Kind::SnapshotFailed,
            found,
            "run `mirrorsnap backup CLUSTER` again; the failed set expires by itself",
        ));
    }
    Ok((named, others))
}

fn is_complete(seen: &[Snapshot], taken: &[Taken]) -> bool {
    // One that EC2 does not show yet is not complete.
    !taken.is_empty() && seen.len() == taken.len() && seen.iter().all(|one| one.state == SnapshotState::Completed)
}

/// How long EC2 may show snapshots as they were before they were complete, and how often to look.
const SETTLE_SECONDS: u32 = 35;
const SETTLE_POLL: Duration = Duration::from_secs(2);

/// How long CreateTags is retried while EC2 does not know the snapshot yet.
const TAG_SECONDS: u32 = 30;

/// What the function needs.
pub trait Ports: Configs + Ledger + Snapshots + Tags + Clock {}
impl<T: Configs + Ledger + Snapshots + Tags + Clock> Ports for T {}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Output> {
    match input {
        Input::Progress { cluster, id, snapshots } => {
            let id = Id::parse(&id)?;
            let (seen, _) = look(ports, &cluster, &id, &snapshots).await?;
            let percent = |one: &Snapshot| one.progress.trim_end_matches('%').parse::<u8>().unwrap_or(0);
            let slowest = if seen.len() == snapshots.len() {
                seen.iter().map(percent).min().unwrap_or(0)
            } else {
                0
            };
            Ok(Output {
                id: id.to_string(),
                complete: is_complete(&seen, &snapshots),
                progress: format!("{slowest}%"),
                valid: false,
                copy: false,
                snapshots: snapshots.into_iter().map(|one| one.snapshot).collect(),
            })
        }
        Input::Mark {
            cluster,
            lock,
            evidence,
        } => mark(ports, &cluster, &lock, &evidence).await,
    }
}

async fn mark(ports: &impl Ports, cluster: &str, claim: &Claim, evidence: &Evidence) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let (lock, intent) = intent(ports, cluster, claim).await?;
    evidence::valid(&intent, lock.epoch, evidence)?;
    let id = Id::parse(&intent.id)?;
    let taken = &evidence.image.snapshots;
    let deadline = Deadline::after(ports, SETTLE_SECONDS);
    let (seen, others) = loop {
        let (seen, others) = look(ports, cluster, &id, taken).await?;
        // They were seen to be complete before this: a describe that says otherwise shows the past.
        if is_complete(&seen, taken) || deadline.has_passed(ports) {
            break (seen, others);
        }
        ports.sleep(SETTLE_POLL).await;
    };
    let wrong = |found: String| Error::new(Kind::BackupInvalid, found, "nothing by hand: it expires by itself");
    if !is_complete(&seen, taken) {
        return Err(wrong(format!("not all snapshots of {id} are completed")));
    }
    for (one, disk) in seen
        .iter()
        .flat_map(|one| config.mirror_disks.iter().map(move |disk| (one, disk)))
    {
        let ours = taken.iter().any(|t| t.snapshot == one.id && t.volume == one.volume);
        if !ours || !evidence.stopped.volumes.contains_key(&disk.name) {
            return Err(wrong(format!(
                "snapshot {} is not of the volume that was planned, or {} has none",
                one.id, disk.name
            )));
        }
    }
    if !others.is_empty() {
        let ids: Vec<SnapshotId> = others.into_iter().map(|one| one.id).collect();
        write(ports, cluster, claim, &ids, tag::DUPLICATE).await?;
    }
    let (kept, _) = catalogue::choose(seen);
    let ids: Vec<SnapshotId> = kept.into_iter().map(|one| one.id).collect();
    write(ports, cluster, claim, &ids, tag::VALID).await?;
    Ok(Output {
        id: id.to_string(),
        complete: true,
        progress: "100%".to_owned(),
        valid: true,
        copy: config.copy.is_some(),
        snapshots: ids,
    })
}

async fn write(ports: &impl Ports, cluster: &str, claim: &Claim, ids: &[SnapshotId], key: &str) -> Result<()> {
    let tags = BTreeMap::from([(key.to_owned(), "true".to_owned())]);
    let call = async || {
        fence(ports, cluster, claim).await?;
        Ok(harmless(ports.tag(ids, &tags).await))
    };
    until_accepted(ports, TAG_SECONDS, call).await?;
    Ok(())
}
