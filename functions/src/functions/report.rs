//! `report`: the report of an operation, for people, and its CloudWatch metrics by the embedded metric format, which needs no call and no
//! permission.

use super::embedded_metrics::head;
use crate::ports::Metrics;
use mirrorsnap_domain::consistency::Consistency;
use mirrorsnap_domain::ec2::VolumeId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{Section, Taken};
use mirrorsnap_domain::intent::{Attachment, Operation};
use mirrorsnap_domain::names;
use mirrorsnap_domain::restore::initialization::Initialization;
use mirrorsnap_domain::restore::leftover_volumes::{Cleaned, InPlace, Stay, sentence, stays};
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

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
    /// Of a backup that ended before its critical section did: what was asked for.
    #[serde(default)]
    consistency: Option<Consistency>,
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
    /// Of a backup that succeeded.
    #[serde(default)]
    description: Option<Description>,
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

/// What became of the description that a rebuild needs.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Description {
    /// It is stored with the backup.
    kept: bool,
    /// What it lacks, in words.
    #[serde(default)]
    missing: Vec<String>,
    /// Why it is not kept.
    #[serde(default)]
    why: Option<String>,
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
    /// Of a backup: how the active was quiet, or was to be.
    consistency: Option<Consistency>,
    outage_seconds: Option<f64>,
    /// Of a frozen backup: how long writes may have waited.
    pause_seconds: Option<f64>,
    /// The end of what the hooks of a backup printed.
    #[serde(skip_serializing_if = "Option::is_none")]
    hooks: Option<String>,
    degraded_seconds: Option<i64>,
    total_seconds: i64,
    consistent_at: Option<Moment>,
    snapshots: Vec<Taken>,
    replaced: Vec<Attachment>,
    /// The volumes that are detached now, or, if the cluster is not back, may be.
    stay: Vec<Stay>,
    deleted: Vec<VolumeId>,
    initialization: Option<Initialized>,
    description: Option<Description>,
    leftovers: Vec<String>,
    error: Option<String>,
    cause: Option<String>,
}

fn left(leftovers: &[String]) -> Option<String> {
    (!leftovers.is_empty()).then(|| format!("Not cleaned up: {}.", leftovers.join("; ")))
}

/// One line of the embedded metric format. A metric without a number is left out: with one that is null, CloudWatch may drop
/// the whole line.
fn metrics(output: &Output, now: Moment) -> Value {
    let count = |is: bool| Some(f64::from(i32::from(is)));
    let all = [
        ("Succeeded", "Count", count(output.status == Status::Succeeded)),
        ("Failed", "Count", count(output.status == Status::Failed)),
        ("Valid", "Count", count(output.valid)),
        ("OutageSeconds", "Seconds", output.outage_seconds),
        ("PauseSeconds", "Seconds", output.pause_seconds),
        ("DegradedSeconds", "Seconds", output.degraded_seconds.map(seconds)),
        ("TotalSeconds", "Seconds", Some(seconds(output.total_seconds))),
    ];
    let known = || {
        all.iter()
            .filter_map(|(name, unit, value)| Some((*name, *unit, (*value)?)))
    };
    let names = known().map(|(name, unit, _)| (name, unit));
    let mut line = json!({
        "_aws": head(now, &["Cluster", "Operation"], names),
        "Cluster": output.cluster, "Operation": output.kind,
    });
    if let Some(line) = line.as_object_mut() {
        line.extend(known().map(|(name, _, value)| (name.to_owned(), json!(value))));
    }
    line
}

/// A duration that no operation reaches is cut: a float holds any other exactly.
fn seconds(whole: i64) -> f64 {
    f64::from(i32::try_from(whole).unwrap_or(i32::MAX))
}

/// The function. It makes no call.
pub fn handle(ports: &impl Metrics, input: Input) -> Result<Output> {
    let now = input.now;
    let output = judged(input)?;
    ports.write(&metrics(&output, now));
    Ok(output)
}

fn judged(input: Input) -> Result<Output> {
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
    Ok(Output {
        kind: input.operation,
        cluster: input.cluster,
        id: input.id,
        status: input.status,
        valid: input.valid,
        consistency: input
            .section
            .as_ref()
            .map(|section| section.consistency)
            .or(input.consistency),
        pause_seconds: input
            .section
            .as_ref()
            .and_then(|section| (section.consistency == Consistency::Frozen).then_some(section.pause_seconds)),
        hooks: input
            .section
            .as_ref()
            .and_then(|section| (!section.hooks.is_empty()).then(|| section.hooks.clone())),
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
        description: input.description,
        leftovers: input.leftovers,
        error: input.error,
        cause,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(more: &Value) -> Value {
        let mut input = json!({
            "cluster": "orders", "operation": "backup", "status": "FAILED",
            "started": "2026-05-01T02:03:04Z", "now": "2026-05-01T02:13:04Z",
        });
        input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let input: Input = serde_json::from_value(input).unwrap();
        let now = input.now;
        metrics(&judged(input).unwrap(), now)
    }

    /// CloudWatch's published schema judges these lines (tests/references/test_embedded_metrics.py).
    #[test]
    fn the_lines_are_those_that_the_schema_judges() {
        let section = json!({"epoch": 7, "consistent_at": "2026-05-01T02:05:04Z", "outage_seconds": 3.5});
        let whole =
            json!({"section": section, "healthy_at": "2026-05-01T02:07:04Z", "status": "SUCCEEDED", "valid": true});
        let paused = json!({"epoch": 7, "consistent_at": "2026-05-01T02:05:04Z", "consistency": "frozen",
                            "outage_seconds": 0.0, "pause_seconds": 2.7});
        let frozen =
            json!({"section": paused, "healthy_at": "2026-05-01T02:07:04Z", "status": "SUCCEEDED", "valid": true});
        let restored = json!({"operation": "restore", "stopped_at": "2026-05-01T02:05:04Z",
                              "healthy_at": "2026-05-01T02:07:04Z", "status": "SUCCEEDED"});
        let lines: Vec<Value> = [json!({}), whole, restored, frozen].iter().map(line).collect();
        let judged = include_str!("../../tests/metrics/report.jsonl");
        let judged: Vec<Value> = judged.lines().map(|one| serde_json::from_str(one).unwrap()).collect();
        assert_eq!(lines, judged);
    }

    #[test]
    fn the_report_has_what_the_hooks_printed() {
        let section =
            json!({"epoch": 7, "consistent_at": "2026-05-01T02:05:04Z", "outage_seconds": 3.5, "hooks": "locked"});
        let input = json!({
            "cluster": "orders", "operation": "backup", "status": "SUCCEEDED", "valid": true, "section": section,
            "started": "2026-05-01T02:03:04Z", "now": "2026-05-01T02:13:04Z",
        });
        let output = judged(serde_json::from_value(input).unwrap()).unwrap();
        assert_eq!(serde_json::to_value(&output).unwrap()["hooks"], "locked");
    }

    /// What became of a backup's description is in its report, and no reason to fail.
    #[test]
    fn the_report_says_what_became_of_the_description() {
        let given = json!({"kept": false, "missing": [], "why": "it was refused"});
        let input = json!({
            "cluster": "orders", "operation": "backup", "status": "SUCCEEDED", "valid": true, "description": given,
            "started": "2026-05-01T02:03:04Z", "now": "2026-05-01T02:13:04Z",
        });
        let output = judged(serde_json::from_value(input).unwrap()).unwrap();
        let output_json = serde_json::to_value(&output).unwrap();
        assert_eq!(output_json["description"], given);
        assert!(output_json.get("hooks").is_none());
        assert!(output.valid && output.status == Status::Succeeded);
    }

    /// The embedded metric format's rule: each metric has a member that is a number.
    #[test]
    fn every_metric_is_a_number_and_none_is_left_out_that_is_known() {
        let section = json!({"epoch": 7, "consistent_at": "2026-05-01T02:05:04Z", "outage_seconds": 3.5});
        let whole = json!({"section": section, "healthy_at": "2026-05-01T02:07:04Z", "status": "SUCCEEDED"});
        for (more, count) in [(json!({}), 4), (json!({"section": section}), 5), (whole, 6)] {
            let line = line(&more);
            let named = line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
                .as_array()
                .unwrap()
                .clone();
            assert_eq!(named.len(), count);
            for one in named {
                assert!(line[one["Name"].as_str().unwrap()].is_f64(), "{one} in {line}");
            }
            assert!(
                line.as_object().unwrap().values().all(|value| !value.is_null()),
                "{line}"
            );
        }
    }
}
