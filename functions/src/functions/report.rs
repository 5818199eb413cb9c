//! `report`: the last word on an operation, for people, and as CloudWatch metrics by the embedded metric format, which needs
//! no call and no permission.

use crate::aws::Aws;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{Section, Taken};
use mirrorsnap_domain::intent::{Attachment, Operation};
use mirrorsnap_domain::names;
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    cluster: String,
    operation: Operation,
    status: Status,
    started: Moment,
    now: Moment,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    section: Option<Section>,
    #[serde(default)]
    snapshots: Vec<Taken>,
    #[serde(default)]
    valid: bool,
    /// When both sides were GREEN again.
    #[serde(default)]
    healthy_at: Option<Moment>,
    /// Of a restore or a rollback: which volumes went and came.
    #[serde(default)]
    attachments: Vec<Attachment>,
    /// Of a restore or a rollback: when the groups were stopped.
    #[serde(default)]
    stopped_at: Option<Moment>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Succeeded,
    Failed,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    kind: Operation,
    cluster: String,
    id: Option<String>,
    status: Status,
    valid: bool,
    outage_seconds: Option<f64>,
    degraded_seconds: Option<i64>,
    total_seconds: i64,
    consistent_at: Option<Moment>,
    snapshots: Vec<Taken>,
    replaced: Vec<Attachment>,
    error: Option<String>,
    cause: Option<String>,
}

/// One line of the embedded metric format.
fn metrics(output: &Output, now: Moment) -> Value {
    let good = i32::from;
    json!({
        "_aws": {"Timestamp": now.unix().saturating_mul(1000), "CloudWatchMetrics": [{
            "Namespace": "mirrorsnap",
            "Dimensions": [["Cluster", "Operation"]],
            "Metrics": [
                {"Name": "Succeeded", "Unit": "Count"}, {"Name": "Failed", "Unit": "Count"},
                {"Name": "Valid", "Unit": "Count"}, {"Name": "OutageSeconds", "Unit": "Seconds"},
                {"Name": "DegradedSeconds", "Unit": "Seconds"}, {"Name": "TotalSeconds", "Unit": "Seconds"}],
        }]},
        "Cluster": output.cluster, "Operation": output.kind,
        "Succeeded": good(output.status == Status::Succeeded), "Failed": good(output.status == Status::Failed),
        "Valid": good(output.valid), "OutageSeconds": output.outage_seconds,
        "DegradedSeconds": output.degraded_seconds, "TotalSeconds": output.total_seconds,
    })
}

pub(crate) async fn handle(_: Arc<Aws>, input: Input) -> Result<Output> {
    names::cluster(&input.cluster)
        .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "name a cluster"))?;
    // A restore's outage ends with the groups' start, just before both sides are seen GREEN.
    let restored = input
        .stopped_at
        .zip(input.healthy_at)
        .map(|(from, to)| to.seconds_since(from).max(0));
    let degraded = input.section.as_ref().zip(input.healthy_at);
    let output = Output {
        kind: input.operation,
        cluster: input.cluster,
        id: input.id,
        status: input.status,
        valid: input.valid,
        outage_seconds: input
            .section
            .as_ref()
            .map(|section| section.outage_seconds)
            .or_else(|| restored.and_then(|seconds| u32::try_from(seconds).ok()).map(f64::from)),
        degraded_seconds: degraded.map(|(section, healthy)| healthy.seconds_since(section.consistent_at).max(0)),
        total_seconds: input.now.seconds_since(input.started).max(0),
        consistent_at: input.section.as_ref().map(|section| section.consistent_at),
        snapshots: input.snapshots,
        replaced: input.attachments,
        error: input.error,
        cause: input.cause.map(|cause| cause.chars().take(2000).collect()),
    };
    // CloudWatch reads metrics from a line of its own; a failed write loses a metric, and the log says so.
    if let Err(error) = writeln!(std::io::stdout(), "{}", metrics(&output, input.now)) {
        tracing::warn!(%error, "metrics were not written");
    }
    Ok(output)
}
