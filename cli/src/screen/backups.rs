//! The screen of `backups`: the catalogue of a cluster, and one backup in full.

use super::table::table;
use mirrorsnap_domain::catalogue::{Backup, Kept};
use serde_json::{Value, json};

fn gib(backup: &Backup) -> i64 {
    backup.snapshots.iter().map(|one| i64::from(one.gib)).sum()
}

fn validity(backup: &Backup) -> &'static str {
    match (backup.valid, backup.proved) {
        (true, _) => "yes",
        (false, true) => "no: a snapshot is missing",
        (false, false) => "no: not proved",
    }
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
pub fn list(cluster: &str, backups: &[Backup]) -> String {
    if backups.is_empty() {
        return format!("{cluster} has no backups");
    }
    let row = |backup: &Backup| {
        vec![
            backup.id.to_string(),
            backup.consistent_at.to_string(),
            validity(backup).to_owned(),
            image(backup),
            format!("{} GiB", gib(backup)),
            backup.source_node.clone(),
            backup.kept.as_ref().map_or("-", |kept| &kept.why).to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = backups.iter().map(row).collect();
    table(
        &["BACKUP", "CONSISTENT AT", "VALID", "IMAGE", "SIZE", "NODE", "KEPT"],
        &rows,
    )
}

/// One backup.
pub fn one(backup: &Backup) -> String {
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
    format!(
        "{}\nconsistent at {}, of the volumes of {}, valid: {}, image: {}{}\n\n{}",
        backup.id,
        backup.consistent_at,
        backup.source_node,
        validity(backup),
        image(backup),
        backup.kept.as_ref().map(said).unwrap_or_default(),
        table(&["SNAPSHOT", "VOLUME", "STATE", "PROGRESS", "SIZE"], &rows)
    )
}

fn said(kept: &Kept) -> String {
    let since = kept.since.map(|since| format!(" since {since}")).unwrap_or_default();
    format!("\nkept{since}: {}", kept.why)
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
        "proof": backup.proof,
        "source_node": backup.source_node, "gib": gib(backup), "snapshots": snapshots,
        "kept": kept(backup.kept.as_ref()),
    })
}
