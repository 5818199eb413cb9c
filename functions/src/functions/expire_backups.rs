//! `expire-backups`: deletes what the retention no longer keeps, and sets that never became valid.

use crate::functions::fence::fence;
use crate::ports::{Configs, Descriptions, Ledger, Snapshots};
use mirrorsnap_domain::catalogue::{self, DeleteReason};
use mirrorsnap_domain::description;
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// docs/functions.md, expire-backups.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    cluster: String,
    lock: Claim,
    /// The state's EnteredTime.
    now: Moment,
    /// A backup that is never deleted by this call: the one just made.
    #[serde(default)]
    current: Option<Id>,
    /// Only say what would be deleted.
    #[serde(default)]
    dry_run: bool,
}

#[derive(Debug, Serialize)]
struct Entry {
    snapshot: SnapshotId,
    backup: Id,
    why: DeleteReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// docs/functions.md, expire-backups.
#[derive(Debug, Serialize)]
pub struct Output {
    deleted: Vec<Entry>,
    failed: Vec<Entry>,
    valid_backups: usize,
    /// The backups whose descriptions are gone, since none of their snapshots is left.
    descriptions_deleted: Vec<Id>,
    /// What kept others, in words; the next backup tries again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    descriptions_failed: Vec<String>,
}

/// The function.
pub async fn handle(ports: &(impl Configs + Ledger + Snapshots + Descriptions), input: Input) -> Result<Output> {
    let config = ports.config(&input.cluster).await?;
    let backups = catalogue::backups(&input.cluster, ports.snapshots_of_cluster(&input.cluster).await?);
    let valid = backups.iter().filter(|backup| backup.valid).count();
    let mut output = Output {
        deleted: Vec::new(),
        failed: Vec::new(),
        valid_backups: valid,
        descriptions_deleted: Vec::new(),
        descriptions_failed: Vec::new(),
    };
    for (snapshot, backup, why) in catalogue::expired(&config, &backups, input.current.as_ref(), input.now) {
        let mut entry = Entry {
            snapshot,
            backup,
            why,
            error: None,
        };
        if !input.dry_run {
            fence(ports, &input.cluster, &input.lock).await?;
            // One in use (by an image, a lock) stays, and must not keep the others; the next backup tries again.
            if let Some(error) = ports.delete_snapshot(&entry.snapshot).await.undone() {
                tracing::warn!(snapshot = %entry.snapshot, %error, "not deleted");
                entry.error = Some(error);
                output.failed.push(entry);
                continue;
            }
        }
        output.deleted.push(entry);
    }
    let gone: BTreeSet<&SnapshotId> = output.deleted.iter().map(|entry| &entry.snapshot).collect();
    let unneeded = match ports.described(&input.cluster).await {
        Ok(described) => description::unneeded(described, &backups, &gone, input.current.as_ref(), input.now),
        Err(error) => {
            output.descriptions_failed.push(error.to_string());
            vec![]
        }
    };
    for id in unneeded {
        if !input.dry_run {
            fence(ports, &input.cluster, &input.lock).await?;
            if let Some(why) = ports.forget_description(&id).await.undone() {
                output.descriptions_failed.push(why);
                continue;
            }
        }
        output.descriptions_deleted.push(id);
    }
    Ok(output)
}
