//! `expire-backups`: deletes what the retention no longer keeps, and sets that never became valid.

use crate::aws::{Aws, failed};
use mirrorsnap_domain::catalogue::{self, DeleteReason, tag};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::intent::Claim;
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
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
    snapshot: String,
    backup: Id,
    why: DeleteReason,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    deleted: Vec<Entry>,
    failed: Vec<Entry>,
    valid_backups: usize,
}

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Output> {
    let config = aws.config(&input.cluster).await?;
    let backups = catalogue::backups(&input.cluster, aws.snapshots(tag::CLUSTER, &input.cluster).await?);
    let valid = backups.iter().filter(|backup| backup.valid).count();
    let mut output = Output {
        deleted: Vec::new(),
        failed: Vec::new(),
        valid_backups: valid,
    };
    for (snapshot, backup, why) in catalogue::expired(&config, &backups, input.current.as_ref(), input.now) {
        let mut entry = Entry {
            snapshot,
            backup,
            why,
            error: None,
        };
        if !input.dry_run {
            aws.fence(&input.cluster, &input.lock).await?;
            if let Err(error) = aws.ec2.delete_snapshot().snapshot_id(&entry.snapshot).send().await {
                let failure = failed("ec2:DeleteSnapshot", &error);
                // Already gone is done. One in use (by an image, a lock) stays, and must not keep the others.
                if !failure.to_string().contains("InvalidSnapshot.NotFound") {
                    tracing::warn!(snapshot = %entry.snapshot, error = %failure, "not deleted");
                    entry.error = Some(failure.to_string());
                    output.failed.push(entry);
                    continue;
                }
            }
        }
        output.deleted.push(entry);
    }
    Ok(output)
}
