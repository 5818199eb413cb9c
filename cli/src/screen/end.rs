//! How an operation ended: its exit code, and what is said of it.

use super::plan::Plan;
use super::span;
use crate::catalogue::{self, Language, Words};
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
    #[serde(flatten)]
    plan: Plan,
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

/// What a proof took.
#[derive(Debug, Deserialize)]
struct Took {
    blocks: u32,
    requests: u32,
    seconds: f64,
    cost_usd: f64,
}

/// Whether a proof has found something against the image, which a person has to see.
pub fn tells_a_person(output: Option<&Value>) -> bool {
    output.is_some_and(|output| output["verdict"].is_string() && output["message"].is_object())
}

/// What a proof says.
fn proved(id: &str, verdict: &str, shown: &Shown, took: Option<Took>, language: Language) -> String {
    let mut lines = vec![format!("{id}: {verdict}")];
    lines.extend(shown.disks.iter().map(|one| format!("{}: {}", one.disk, one.sentence)));
    lines.extend(took.map(|took| {
        let words = Words::ProofTook {
            blocks: &took.blocks.to_string(),
            requests: &took.requests.to_string(),
            seconds: &format!("{:.1}", took.seconds),
            cost: &format!("{:.6}", took.cost_usd),
        };
        words.said(language)
    }));
    lines.extend(
        shown
            .before
            .iter()
            .filter(|_| verdict != CLEAN && verdict != NOT_JUDGED)
            .map(|before| Words::ProofBefore { id: before }.said(language)),
    );
    lines.join("\n")
}

/// What is said at the end, as text.
pub fn text(execution: &Execution, exit: Exit, cluster: &str, language: Language) -> String {
    match execution.status {
        Status::Running => Words::EndRuns.said(language),
        Status::Succeeded => done(execution.output.as_ref(), language),
        _ => failed(execution, exit, cluster, language),
    }
}

fn done(output: Option<&Value>, language: Language) -> String {
    let shown: Shown = output
        .and_then(|output| Shown::deserialize(output).ok())
        .unwrap_or_default();
    if !shown.plan.is_empty() {
        return shown.plan.text(language);
    }
    if let (Some(id), Some(verdict)) = (&shown.id, &shown.verdict) {
        let took = output.and_then(|output| Took::deserialize(output).ok());
        return proved(id, verdict, &shown, took, language);
    }
    if shown.skipped {
        return Words::EndSkipped.said(language);
    }
    let mut lines = vec![what(&shown).said(language)];
    let figures = figures(&shown, language);
    if !figures.is_empty() {
        lines.push(figures.join(", "));
    }
    lines.extend(shown.recover.map(|recover| {
        let said = Words::EndRecoverGoesOn.said(language);
        format!("{said}\n  mirrorsnap watch --execution {recover}")
    }));
    if let Some(Kept { missing, why }) = &shown.description {
        lines.extend(why.iter().map(|why| Words::EndDescriptionNone { why }.said(language)));
        let lacks = missing.iter().map(|what| Words::EndDescriptionLacks { what });
        lines.extend(lacks.map(|words| words.said(language)));
    }
    let left = shown.leftovers.iter().map(|what| Words::EndLeftover { what });
    lines.extend(left.map(|words| words.said(language)));
    lines.join("\n")
}

/// What is done.
fn what(shown: &Shown) -> Words<'_> {
    match (&shown.kind, &shown.id) {
        (Some(kind), Some(id)) => match (kind.as_str(), shown.valid) {
            ("backup", Some(true)) => Words::EndDoneBackupValid { id },
            ("backup", _) => Words::EndDoneBackup { id },
            _ => Words::EndDoneRestore { kind, id },
        },
        _ => match (&shown.recovered, &shown.why, &shown.hold) {
            (Some(id), ..) => Words::EndRecovered { id },
            (None, Some(why), _) => Words::EndNothing { why },
            (None, None, Some(why)) => Words::EndHeld { why },
            _ => Words::EndDone,
        },
    }
}

fn figures(shown: &Shown, language: Language) -> Vec<String> {
    let tenths = |seconds: f64| format!("{seconds:.1} s");
    let whole = |seconds: i64| span(seconds.saturating_mul(1000));
    let outage = shown.outage_seconds.map(tenths);
    let pause = shown.pause_seconds.map(tenths);
    let degraded = shown.degraded_seconds.map(whole);
    let total = shown.total_seconds.map(whole);
    [
        outage.as_ref().map(|span| Words::FigureOutage { span }),
        pause.as_ref().map(|span| Words::FigurePause { span }),
        degraded.as_ref().map(|span| Words::FigureDegraded { span }),
        total.as_ref().map(|span| Words::FigureTotal { span }),
    ]
    .into_iter()
    .flatten()
    .map(|words| words.said(language))
    .collect()
}

fn failed(execution: &Execution, exit: Exit, cluster: &str, language: Language) -> String {
    let name = execution.error.as_deref().unwrap_or(execution.status.word());
    let none = Words::EndWithoutCause.said(language);
    let cause = execution.cause.as_deref().unwrap_or(&none);
    let said = match catalogue::error(language, name) {
        Some(said) => format!("{name}: {said}\n{cause}"),
        None => format!("{name}: {cause}"),
    };
    if exit == Exit::NotBack {
        return format!(
            "{said}\n{}\n  mirrorsnap watch {cluster}\n  mirrorsnap status",
            Words::EndNotBack.said(language)
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
