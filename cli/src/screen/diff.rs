//! The screen of `diff`: what changed between two backups, volume by volume, with a map of each.

use crate::catalogue::{Language, Words};
use mirrorsnap_domain::catalogue::Backup;
use mirrorsnap_domain::changes::{Changed, Pair, percent, size};
use serde_json::{Value, json};

type Volumes = [(Pair, Changed)];

fn bytes(volumes: &Volumes) -> u64 {
    volumes.iter().map(|(_, changed)| changed.bytes()).sum()
}

/// For a person.
pub fn text(cluster: &str, older: &Backup, newer: &Backup, volumes: &Volumes, language: Language) -> String {
    let changed = Words::Changed {
        cluster,
        older: &older.id.to_string(),
        then: &older.consistent_at.to_string(),
        newer: &newer.id.to_string(),
        now: &newer.consistent_at.to_string(),
        bytes: &size(bytes(volumes)),
    };
    let mut lines = vec![changed.said(language)];
    for (pair, changed) in volumes {
        let of = Words::ChangedOf {
            disks: &pair.disks,
            bytes: &size(changed.bytes()),
            gib: &pair.gib.to_string(),
            share: &percent(changed.share()),
            blocks: &changed.blocks().to_string(),
            size: &size(changed.block_bytes()),
        };
        lines.push(format!("\n{}\n  [{}]", of.said(language), changed.map()));
    }
    lines.push(format!("\n{}", Words::ChangedMap.said(language)));
    lines.join("\n")
}

/// The same as JSON.
pub fn document(cluster: &str, older: &Backup, newer: &Backup, volumes: &Volumes) -> Value {
    let backup = |one: &Backup| json!({"id": one.id, "consistent_at": one.consistent_at, "node": one.source_node});
    let volume = |(pair, changed): &(Pair, Changed)| {
        json!({
            "mirror_disks": pair.disks.split_whitespace().collect::<Vec<_>>(),
            "from": pair.older.snapshot, "to": pair.newer.snapshot, "volume": pair.newer.volume, "gib": pair.gib,
            "block_bytes": changed.block_bytes(), "changed_blocks": changed.blocks(), "changed_bytes": changed.bytes(),
            "share": changed.share(), "map": changed.cells(),
        })
    };
    json!({
        "cluster": cluster, "from": backup(older), "to": backup(newer), "changed_bytes": bytes(volumes),
        "volumes": volumes.iter().map(volume).collect::<Vec<_>>(),
    })
}
