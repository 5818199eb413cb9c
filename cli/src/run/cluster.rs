//! `cluster add` and `cluster remove`: a cluster's parameter and its instances' tags.

use super::Ports;
use crate::args::Confirmation;
use crate::exit::{Ended, Exit, Trouble};
use crate::out::Out;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::{Error, Kind};
use mirrorsnap_domain::names;
use serde_json::{Value, json};
use std::path::Path;
use std::{fs, io};

/// Whether a description may take the place of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced.
    Replace,
    /// It is left, and the command refused.
    Keep,
}

/// `cluster add`: reads the JSON of a cluster, as strictly as the functions do, and shows it; then the tags, then the parameter.
pub async fn add(ports: &impl Ports, out: &Out, from: &Path, existing: Existing, confirmation: &Confirmation) -> Ended {
    let (config, json) = read(from)?;
    if existing == Existing::Keep && ports.clusters().await?.contains_key(&config.name) {
        let found = format!("cluster {} is described already", config.name);
        return Err(Error::new(
            Kind::ConfigInvalid,
            found,
            "add --replace to change it, or choose another name",
        )
        .into());
    }
    let ids: Vec<InstanceId> = config.nodes.iter().map(|node| node.instance_id.clone()).collect();
    let seen = ports.tagged_for(&ids).await?;
    for id in &ids {
        match seen.get(id) {
            None => {
                let found = format!("there is no instance {id} in this account and region");
                return Err(Error::new(Kind::InstanceNotManaged, found, "correct instance_id, or the region").into());
            }
            Some(Some(other)) if *other != config.name => {
                let found = format!("instance {id} is tagged for the cluster {other}");
                return Err(Error::new(Kind::InstanceNotManaged, found, "remove that cluster first").into());
            }
            Some(_) => {}
        }
    }
    out.line(&format!("{json:#}"));
    let what = "The instances are tagged, which lets mirrorsnap stop them, and this is written to Parameter Store.";
    confirmed(out, &config.name, what, confirmation)?;
    ports.tag(&ids, &config.name).await?;
    ports.describe(&config.name, &json.to_string()).await?;
    let said = format!(
        "{} is described; next:\n  mirrorsnap cluster check {}",
        config.name, config.name
    );
    out.result(&said, &json!({"cluster": config.name, "config": json}));
    Ok(Exit::Done)
}

fn read(from: &Path) -> Result<(Config, Value), Trouble> {
    let text = if from == Path::new("-") {
        io::read_to_string(io::stdin())
    } else {
        fs::read_to_string(from)
    };
    let text = text.map_err(|error| Trouble::Usage(format!("{} cannot be read: {error}", from.display())))?;
    let json: Value = serde_json::from_str(&text).unwrap_or_default();
    let name = json.get("name").and_then(Value::as_str).unwrap_or_default();
    Ok((Config::parse(name, &text)?, json))
}

/// `cluster remove`: the parameter, then the tags. Backups and volumes stay as they are.
pub async fn remove(ports: &impl Ports, out: &Out, cluster: &str, confirmation: &Confirmation) -> Ended {
    names::cluster(cluster)?;
    let Some(config) = ports.clusters().await?.remove(cluster) else {
        let found = format!("there is no cluster {cluster}");
        return Err(Error::new(Kind::ClusterNotFound, found, "mirrorsnap cluster list names them").into());
    };
    let lock = ports.lock(cluster).await?;
    if lock.holder.is_some() || lock.intent.is_some() {
        let found = format!("an operation of {cluster} runs, or is unfinished");
        return Err(Error::new(Kind::OperationInProgress, found, format!("mirrorsnap watch {cluster}")).into());
    }
    let what = "Its parameter and its instances' tags are removed: no backup is made of it any more. Its backups stay, and expire no more.";
    confirmed(out, cluster, what, confirmation)?;
    ports.forget(cluster).await?;
    // Without a description that can be read nobody knows the instances.
    if let Ok(config) = config {
        let ids: Vec<InstanceId> = config.nodes.iter().map(|node| node.instance_id.clone()).collect();
        ports.untag(&ids, cluster).await?;
    }
    out.result(
        &format!("{cluster} is removed"),
        &json!({"cluster": cluster, "removed": true}),
    );
    Ok(Exit::Done)
}

fn confirmed(out: &Out, cluster: &str, what: &str, confirmation: &Confirmation) -> Result<(), Trouble> {
    let typed = match &confirmation.confirm {
        Some(typed) => typed.clone(),
        None => out
            .ask(&format!("{what}\nType the cluster's name, {cluster}, to go on:"))
            .ok_or_else(|| {
                Trouble::Usage("there is no terminal to ask on: add --yes --confirm with the cluster's name".to_owned())
            })?,
    };
    if typed == cluster {
        return Ok(());
    }
    let found = format!("{typed:?} is not the cluster's name; nothing was changed");
    Err(Error::new(Kind::ConfirmationMismatch, found, format!("type {cluster}")).into())
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
