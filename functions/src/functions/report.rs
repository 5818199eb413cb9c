//! `report`: the report of an operation, for people, and its CloudWatch metrics by the embedded metric format, which needs no call and no
//! permission.

use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{Section, Taken};
use mirrorsnap_domain::intent::{Attachment, Operation};
use mirrorsnap_domain::names;
use mirrorsnap_domain::restore::initialization::Initialization;
use mirrorsnap_domain::restore::leftover_volumes::{Cleaned, InPlace, Stay, sentence, stays};
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::io::Write;

/// docs/functions.md, report.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
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
    /// Of a restore or a rollback: which volumes were detached and attached.
    #[serde(default)]
    attachments: Vec<Attachment>,
    /// Of a restore or a rollback: when the groups were stopped.
    #[serde(default)]
    stopped_at: Option<Moment>,
    /// Of a restore or a rollback: which volumes the nodes have.
    #[serde(default)]
    in_place: InPlace,
    /// Of a restore or a rollback: what the clean-up did with the volumes.
    #[serde(default)]
    cleaned: Cleaned,
    /// Of a restore, once its volumes were made.
    #[serde(default)]
    initialization: Option<Initialized>,
    /// What could not be cleaned up, in words.
    #[serde(default)]
    leftovers: Vec<String>,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    cause: Option<String>,
}

/// How the new volumes became fast.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Initialized {
    /// What the plan chose.
    chosen: Initialization,
    /// Why the restore went on by rate instead of fast snapshot restore.
    #[serde(default)]
    fell_back: Option<String>,
    /// Whether EC2 shows every volume as made fast. Only if fast snapshot restore was chosen and used.
    #[serde(default)]
    fast_restored: Option<bool>,
    /// The volumes that are not.
    #[serde(default)]
    slow: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Succeeded,
    Failed,
}

/// docs/functions.md, report.
#[derive(Debug, Serialize)]
pub struct Output {
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
    /// The volumes that are detached now, or, if the cluster is not back, may be.
    stay: Vec<Stay>,
    deleted: Vec<String>,
    initialization: Option<Initialized>,
    leftovers: Vec<String>,
    error: Option<String>,
    cause: Option<String>,
}

fn left(leftovers: &[String]) -> Option<String> {
    (!leftovers.is_empty()).then(|| format!("Not cleaned up: {}.", leftovers.join("; ")))
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

/// The function. It makes no call.
pub fn handle(input: Input) -> Result<Output> {
    names::cluster(&input.cluster)
        .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "name a cluster"))?;
    // A restore's outage ends with the groups' start, just before both sides are seen GREEN.
    let restored = input
        .stopped_at
        .zip(input.healthy_at)
        .map(|(from, to)| to.seconds_since(from).max(0));
    let stay = stays(&input.attachments, input.in_place, &input.cleaned);
    let mut cause = input.cause.map(|cause| cause.chars().take(2000).collect::<String>());
    // An execution that fails has no output, so its cause names the volumes that stay.
    for text in sentence(&stay, input.in_place)
        .into_iter()
        .chain(left(&input.leftovers))
    {
        cause = cause.map(|cause| format!("{cause} {text}"));
    }
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
        stay,
        deleted: input.cleaned.deleted,
        initialization: input.initialization,
        leftovers: input.leftovers,
        error: input.error,
        cause,
    };
    // CloudWatch reads metrics from a line of its own; a failed write loses a metric, and the log says so.
    if let Err(error) = writeln!(std::io::stdout(), "{}", metrics(&output, input.now)) {
        tracing::warn!(%error, "metrics were not written");
    }
    Ok(output)
}
