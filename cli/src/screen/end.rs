//! How an operation ended: its exit code, and what is said of it.

use super::span;
use crate::catalogue::{self, Language};
use crate::exit::Exit;
use crate::ports::{Execution, Status};
use mirrorsnap_domain::proof::{CLEAN, NOT_JUDGED};
use serde::Deserialize;
use serde_json::{Value, json};

/// What the lock says of a cluster's unfinished work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unfinished {
    /// An intent is left: something may be disturbed.
    Intent,
    /// Nothing is.
    Nothing,
}

/// The exit code of an execution that has ended. `not_back`: it ended in the state that says so. An execution that was stopped or ran
/// into its limit reached no such state: what it left unfinished decides.
pub fn exit(status: Status, not_back: bool, unfinished: Unfinished) -> Exit {
    match (status, not_back, unfinished) {
        (Status::Succeeded, ..) => Exit::Done,
        (Status::Failed, true, _) | (Status::TimedOut | Status::Aborted, _, Unfinished::Intent) => Exit::NotBack,
        (Status::Failed | Status::TimedOut | Status::Aborted, ..) => Exit::Refused,
        (Status::Running, ..) => Exit::Stopped,
    }
}

/// The fields of an output that are shown; each machine has some of them.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Shown {
    id: Option<String>,
    valid: Option<bool>,
    outage_seconds: Option<f64>,
    pause_seconds: Option<f64>,
    degraded_seconds: Option<i64>,
    total_seconds: Option<i64>,
    plan: Vec<String>,
    skipped: bool,
    hold: Option<String>,
    recovered: Option<String>,
    why: Option<String>,
    leftovers: Vec<String>,
    recover: Option<String>,
    kind: Option<String>,
    description: Option<Kept>,
    verdict: Option<String>,
    disks: Vec<Judged>,
    before: Option<String>,
}

/// What became of the description that a rebuild needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Kept {
    missing: Vec<String>,
    why: Option<String>,
}

/// A mirror disk, as a proof judged it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Judged {
    disk: String,
    sentence: String,
}

/// Whether a proof has found something against the image, which a person has to see.
pub fn tells_a_person(output: Option<&Value>) -> bool {
    output.is_some_and(|output| output["verdict"].is_string() && output["message"].is_object())
}

/// What a proof says.
fn proved(id: &str, verdict: &str, shown: &Shown) -> String {
    let mut lines = vec![format!("{id}: {verdict}")];
    lines.extend(shown.disks.iter().map(|one| format!("{}: {}", one.disk, one.sentence)));
    lines.extend(
        shown
            .before
            .iter()
            .filter(|_| verdict != CLEAN && verdict != NOT_JUDGED)
            .map(|before| format!("a restore of the latest backup takes the one before it: {before}")),
    );
    lines.join("\n")
}

/// What is said at the end, as text.
pub fn text(execution: &Execution, exit: Exit, cluster: &str, language: Language) -> String {
    match execution.status {
        Status::Running => "it runs".to_owned(),
        Status::Succeeded => done(execution.output.as_ref()),
        _ => failed(execution, exit, cluster, language),
    }
}

fn done(output: Option<&Value>) -> String {
    let shown: Shown = output
        .and_then(|output| Shown::deserialize(output).ok())
        .unwrap_or_default();
    if !shown.plan.is_empty() {
        return shown.plan.join("\n");
    }
    if let (Some(id), Some(verdict)) = (&shown.id, &shown.verdict) {
        return proved(id, verdict, &shown);
    }
    if shown.skipped {
        return "skipped: the cluster is on hold".to_owned();
    }
    let mut lines = vec![match (&shown.kind, &shown.id) {
        (Some(kind), Some(id)) => format!(
            "done: {kind} {id}{}",
            if shown.valid == Some(true) { ", valid" } else { "" }
        ),
        _ => match (&shown.recovered, &shown.why, &shown.hold) {
            (Some(id), ..) => format!("done: {id} is finished, and the cluster is back"),
            (None, Some(why), _) => format!("nothing to do: {why}"),
            (None, None, Some(why)) => format!("done: on hold ({why})"),
            _ => "done".to_owned(),
        },
    }];
    let seconds = |what: &str, seconds: Option<i64>| {
        seconds.map(|seconds| format!("{what} {}", span(seconds.saturating_mul(1000))))
    };
    let outage = shown.outage_seconds.map(|seconds| format!("outage {seconds:.1} s"));
    let pause = shown
        .pause_seconds
        .map(|seconds| format!("writes paused {seconds:.1} s"));
    let figures: Vec<String> = [
        outage,
        pause,
        seconds("without redundancy", shown.degraded_seconds),
        seconds("in all", shown.total_seconds),
    ]
    .into_iter()
    .flatten()
    .collect();
    if !figures.is_empty() {
        lines.push(figures.join(", "));
    }
    lines.extend(shown.recover.map(|recover| {
        format!(
            "recover goes on with what the hold had stopped; to follow it:\n  mirrorsnap watch --execution {recover}"
        )
    }));
    if let Some(Kept { missing, why }) = &shown.description {
        lines.extend(
            why.iter()
                .map(|why| format!("what a rebuild needs was not kept with it: {why}")),
        );
        lines.extend(
            missing
                .iter()
                .map(|one| format!("kept without what a rebuild needs of {one}")),
        );
    }
    lines.extend(shown.leftovers.iter().map(|left| format!("not cleaned up: {left}")));
    lines.join("\n")
}

fn failed(execution: &Execution, exit: Exit, cluster: &str, language: Language) -> String {
    let name = execution.error.as_deref().unwrap_or(execution.status.word());
    let cause = execution.cause.as_deref().unwrap_or("No cause was given.");
    let said = match catalogue::error(language, name) {
        Some(said) => format!("{name}: {said}\n{cause}"),
        None => format!("{name}: {cause}"),
    };
    if exit == Exit::NotBack {
        return format!(
            "{said}\nThe cluster is not back. What works on it, and what is left to do:\n  mirrorsnap watch {cluster}\n  mirrorsnap status"
        );
    }
    said
}

/// The same as one JSON document.
pub fn document(execution: &Execution, exit: Exit) -> Value {
    json!({
        "execution": execution.arn, "status": execution.status.word(), "exit": exit.code(), "error": execution.error,
        "cause": execution.cause, "output": execution.output,
    })
}

#[cfg(test)]
#[path = "end_tests.rs"]
mod tests;
