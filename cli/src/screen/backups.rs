//! The screen of `backups`: the catalogue of a cluster, and one backup in full.

use super::table::table;
use crate::catalogue::{Language, Words};
use mirrorsnap_domain::catalogue::{Backup, Kept};
use mirrorsnap_domain::consistency::Consistency;
use mirrorsnap_domain::proof::Effort;
use serde_json::{Value, json};

fn gib(backup: &Backup) -> i64 {
    backup.snapshots.iter().map(|one| i64::from(one.gib)).sum()
}

fn validity(backup: &Backup, language: Language) -> String {
    let words = match (backup.valid, backup.proved) {
        (true, _) => Words::IsValid,
        (false, true) => Words::IsIncomplete,
        (false, false) => Words::IsUnproved,
    };
    words.said(language)
}

fn service(backup: &Backup, language: Language) -> String {
    let words = match backup.consistency {
        Consistency::Stopped => Words::WasStopped,
        Consistency::Frozen => Words::WasFrozen,
    };
    words.said(language)
}

/// What its own bytes say, and when they were asked.
fn image(backup: &Backup) -> String {
    match (backup.valid, backup.proof.at()) {
        (false, _) => "-".to_owned(),
        (true, Some(at)) => format!("{} ({at})", backup.proof.word()),
        (true, None) => backup.proof.word().to_owned(),
    }
}

/// All backups, newest first.
pub fn list(cluster: &str, backups: &[Backup], language: Language) -> String {
    if backups.is_empty() {
        return Words::NoBackups { cluster }.said(language);
    }
    let row = |backup: &Backup| {
        vec![
            backup.id.to_string(),
            backup.consistent_at.to_string(),
            validity(backup, language),
            service(backup, language),
            image(backup),
            format!("{} GiB", gib(backup)),
            backup.source_node.clone(),
            backup.kept.as_ref().map_or("-", |kept| &kept.why).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = backups.iter().map(row).collect();
    let headings = [
        Words::ColumnBackup,
        Words::ColumnConsistent,
        Words::ColumnValid,
        Words::ColumnConsistency,
        Words::ColumnImage,
        Words::ColumnSize,
        Words::ColumnNode,
        Words::ColumnKept,
    ];
    table(&headings.map(|words| words.said(language)), &rows)
}

/// One backup.
pub fn one(backup: &Backup, language: Language) -> String {
    let row = |one: &mirrorsnap_domain::catalogue::Snapshot| {
        vec![
            one.id.to_string(),
            one.volume.to_string(),
            one.state.to_string(),
            one.progress.clone(),
            format!("{} GiB", one.gib),
        ]
    };
    let rows: Vec<Vec<String>> = backup.snapshots.iter().map(row).collect();
    let headings = [
        Words::ColumnSnapshot,
        Words::ColumnVolume,
        Words::ColumnState,
        Words::ColumnProgress,
        Words::ColumnSize,
    ];
    let words = Words::Backup {
        at: &backup.consistent_at.to_string(),
        node: &backup.source_node,
        valid: &validity(backup, language),
        service: &service(backup, language),
        image: &image(backup),
    };
    format!(
        "{}\n{}{}{}\n\n{}",
        backup.id,
        words.said(language),
        Effort::of(&backup.snapshots)
            .map(|effort| format!("\n{}", took(effort, language)))
            .unwrap_or_default(),
        backup
            .kept
            .as_ref()
            .map(|kept| said(kept, language))
            .unwrap_or_default(),
        table(&headings.map(|words| words.said(language)), &rows)
    )
}

/// What a proof took.
fn took(effort: Effort, language: Language) -> String {
    let words = Words::ProofTook {
        blocks: &effort.blocks.to_string(),
        requests: &effort.requests().to_string(),
        seconds: &format!("{:.1}", effort.seconds()),
        cost: &format!("{:.6}", effort.cost_usd()),
    };
    words.said(language)
}

/// What a proof took as JSON; null: there is none, or an older version wrote it.
fn effort(backup: &Backup) -> Value {
    Effort::of(&backup.snapshots).map_or(Value::Null, |effort| {
        json!({
            "blocks": effort.blocks, "requests": effort.requests(), "seconds": effort.seconds(), "cost_usd": effort.cost_usd(),
        })
    })
}

fn said(kept: &Kept, language: Language) -> String {
    let why = &kept.why;
    let said = match kept.since.map(|since| since.to_string()) {
        Some(since) => Words::KeptSince { since: &since, why }.said(language),
        None => Words::Kept { why }.said(language),
    };
    format!("\n{said}")
}

/// The hold of a backup as JSON; null: the retention decides.
pub fn kept(kept: Option<&Kept>) -> Value {
    json!(kept)
}

/// A backup as JSON.
pub fn document(backup: &Backup) -> Value {
    let snapshots: Vec<Value> = backup
        .snapshots
        .iter()
        .map(|one| json!({"id": one.id, "volume": one.volume, "state": one.state.to_string(), "gib": one.gib}))
        .collect();
    json!({
        "id": backup.id.to_string(), "consistent_at": backup.consistent_at, "valid": backup.valid,
        "consistency": backup.consistency,
        "proof": backup.proof, "proof_took": effort(backup),
        "source_node": backup.source_node, "gib": gib(backup), "snapshots": snapshots,
        "kept": kept(backup.kept.as_ref()),
    })
}
