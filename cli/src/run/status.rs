//! `status`, `backups` and `cluster list`: what is there, read and shown.

use super::Ports;
use crate::exit::{Ended, Exit};
use crate::fleet::Seen;
use crate::out::Out;
use crate::screen;
use crate::screen::copies::Copies;
use mirrorsnap_domain::catalogue::{self, Backup, Wanted};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::copies;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::names;
use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// `status`.
pub async fn status(ports: &impl Ports, out: &Out, flags: &str) -> Ended {
    let items = ports.items().await?.locks;
    let mut holders = BTreeMap::new();
    for holder in items.values().filter_map(|item| item.holder.clone()) {
        if let Some(execution) = ports.execution(&holder).await? {
            holders.insert(holder, execution.status);
        }
    }
    let seen = Seen {
        clusters: ports.clusters().await?,
        items,
        snapshots: ports.all_snapshots().await?,
        holders,
    };
    let rows = seen.rows(Moment::from_unix(ports.millis() / 1000));
    let exit = if rows.iter().all(|row| row.wrong.is_empty()) {
        Exit::Done
    } else {
        Exit::NeedsYou
    };
    let text = screen::fleet::text(&rows, flags, out.language());
    out.result(&text, &json!({"exit": exit.code(), "clusters": rows}));
    Ok(exit)
}

/// `backups`.
pub async fn backups(ports: &impl Ports, out: &Out, cluster: &str, show: Option<&str>) -> Ended {
    names::cluster(cluster)?;
    let wanted = show.map(Id::parse).transpose()?;
    let backups = catalogue::backups(cluster, ports.snapshots_of_cluster(cluster).await?);
    match wanted {
        None => {
            let all: Vec<Value> = backups.iter().map(screen::backups::document).collect();
            let copies = copies(ports, cluster).await?;
            let now = Moment::from_unix(ports.millis() / 1000);
            let text = [
                screen::backups::list(cluster, &backups, out.language()),
                screen::copies::text(copies.as_ref(), now, out.language()),
            ];
            out.result(
                text.join("\n\n").trim_end(),
                &json!({"cluster": cluster, "backups": all, "copies": screen::copies::document(copies.as_ref())}),
            );
        }
        Some(id) => {
            let found = named(cluster, &backups, id)?;
            let description = ports.description(&found.id).await;
            let mut document = screen::backups::document(found);
            if let Some(document) = document.as_object_mut() {
                document.insert("description".to_owned(), screen::description::document(&description));
            }
            let text = format!(
                "{}\n\n{}",
                screen::backups::one(found, out.language()),
                screen::description::text(&description, out.language())
            );
            out.result(&text, &document);
        }
    }
    Ok(Exit::Done)
}

/// The copies of the cluster's backups, if its configuration asks for any.
async fn copies(ports: &impl Ports, cluster: &str) -> Result<Option<Copies>> {
    let Some(Ok(config)) = ports.clusters().await?.remove(cluster) else {
        return Ok(None);
    };
    let Some(to) = config.copy else {
        return Ok(None);
    };
    // Another region may be closed to whoever asks: the backups are shown all the same.
    let seen = ports.copies_of_cluster(&to.region, cluster).await;
    let sets = seen.map(|seen| copies::sets(cluster, seen.into_iter().map(|one| one.snapshot).collect()));
    let region = to.region;
    Ok(Some(Copies { region, sets }))
}

/// The backup of that id, also one that is not valid. Error: `BackupNotFound`.
pub fn named<'a>(cluster: &str, backups: &'a [Backup], id: Id) -> Result<&'a Backup> {
    match backups.iter().find(|backup| backup.id == id) {
        Some(backup) => Ok(backup),
        None => catalogue::find(cluster, backups, &Wanted::Exactly(id)),
    }
}

/// `cluster list`.
pub async fn clusters(ports: &impl Ports, out: &Out) -> Ended {
    let clusters = ports.clusters().await?;
    out.result(
        &screen::clusters::list(&clusters, out.language()),
        &json!({"clusters": documents(&clusters)}),
    );
    Ok(Exit::Done)
}

fn documents(clusters: &BTreeMap<String, Result<Config>>) -> Vec<Value> {
    let document = |(name, config): (&String, &Result<Config>)| match config {
        Ok(config) => json!({"cluster": name, "config": config}),
        Err(error) => json!({"cluster": name, "error": error.name(), "cause": error.to_string()}),
    };
    clusters.iter().map(document).collect()
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
