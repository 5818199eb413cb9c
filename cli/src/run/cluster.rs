//! `cluster add` and `cluster remove`: a cluster's parameter and its instances' tags.

use super::Ports;
use crate::args::Confirmation;
use crate::catalogue::Words;
use crate::exit::{Ended, Exit, Trouble};
use crate::out::Out;
use crate::screen;
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::{Error, Kind};
use mirrorsnap_domain::names;
use serde_json::{Value, json};
use std::collections::BTreeMap;
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

/// `cluster add`: shows a cluster's JSON and what it changes; then the tags, then the parameter. An instance that is tagged for the
/// cluster and named no more loses its tag, which lets mirrorsnap stop it. The patrol makes the schedule.
pub async fn add(
    ports: &impl Ports,
    out: &Out,
    (config, json): (Config, Value),
    existing: Existing,
    confirmation: &Confirmation,
    flags: &str,
) -> Ended {
    let name = config.name.as_str();
    let described = ports.clusters().await?.remove(name);
    out.line(&format!("{json:#}"));
    if let Some(old) = &described {
        out.line(&screen::clusters::changes(old, &config, out.language()));
        if existing == Existing::Keep {
            let found = format!("cluster {name} is described already");
            let next = "add --replace to change it, or choose another name";
            return Err(Error::new(Kind::ConfigInvalid, found, next).into());
        }
        refuse_if_unfinished(ports, name, flags).await?;
    }
    let ids = instances(&config);
    refuse_others(&ports.tagged_for(&ids).await?, &ids, name)?;
    confirmed(out, name, Words::AddWarns, confirmation)?;
    ports.tag(&ids, name).await?;
    ports.describe(name, &json.to_string()).await?;
    untag_all_but(ports, name, &ids).await?;
    let words = match &config.schedule {
        Some(_) => Words::AddedWithSchedule { cluster: name },
        None => Words::Added { cluster: name },
    };
    let said = format!(
        "{}\n  mirrorsnap cluster check {name}{flags}",
        words.said(out.language())
    );
    out.result(&said, &json!({"cluster": name, "config": json}));
    Ok(Exit::Done)
}

fn instances(config: &Config) -> Vec<InstanceId> {
    config.nodes.iter().map(|node| node.instance_id.clone()).collect()
}

/// Refuses instances that are not there, or are another cluster's.
pub(super) fn refuse_others(
    seen: &BTreeMap<InstanceId, Option<String>>,
    ids: &[InstanceId],
    cluster: &str,
) -> Result<(), Error> {
    for id in ids {
        match seen.get(id) {
            None => {
                let found = format!("there is no instance {id} in this account and region");
                return Err(Error::new(
                    Kind::InstanceNotManaged,
                    found,
                    "correct instance_id, or the region",
                ));
            }
            Some(Some(other)) if *other != cluster => {
                let found = format!("instance {id} is tagged for the cluster {other}");
                return Err(Error::new(Kind::InstanceNotManaged, found, "remove that cluster first"));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// The description is read again at each step of an operation.
async fn refuse_if_unfinished(ports: &impl Ports, cluster: &str, flags: &str) -> Result<(), Error> {
    let lock = ports.lock(cluster).await?;
    if lock.holder.is_none() && lock.intent.is_none() {
        return Ok(());
    }
    let found = format!("an operation of {cluster} runs, or is unfinished");
    Err(Error::new(
        Kind::OperationInProgress,
        found,
        format!("mirrorsnap watch {cluster}{flags}"),
    ))
}

async fn untag_all_but(ports: &impl Ports, cluster: &str, named: &[InstanceId]) -> Result<(), Error> {
    let mut left = ports.tagged(tag::CLUSTER, cluster).await?;
    left.retain(|id| !named.contains(id));
    if left.is_empty() {
        return Ok(());
    }
    ports.untag(&left, cluster).await
}

/// Reads the JSON of a cluster as strictly as the functions do.
pub fn read(from: &Path) -> Result<(Config, Value), Trouble> {
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

/// `cluster remove`: the parameter, then the tags, also where the description cannot be read. Backups and volumes stay as they are.
pub async fn remove(ports: &impl Ports, out: &Out, cluster: &str, confirmation: &Confirmation, flags: &str) -> Ended {
    names::cluster(cluster)?;
    if !ports.clusters().await?.contains_key(cluster) {
        let found = format!("there is no cluster {cluster}");
        let next = format!("`mirrorsnap cluster list{flags}` names them");
        return Err(Error::new(Kind::ClusterNotFound, found, next).into());
    }
    refuse_if_unfinished(ports, cluster, flags).await?;
    confirmed(out, cluster, Words::RemoveWarns, confirmation)?;
    ports.forget(cluster).await?;
    untag_all_but(ports, cluster, &[]).await?;
    out.result(
        &Words::Removed { cluster }.said(out.language()),
        &json!({"cluster": cluster, "removed": true}),
    );
    Ok(Exit::Done)
}

fn confirmed(out: &Out, cluster: &str, what: Words<'_>, confirmation: &Confirmation) -> Result<(), Trouble> {
    let typed = match &confirmation.confirm {
        Some(typed) => typed.clone(),
        None => out
            .ask(
                &[what, Words::TypeTheName { cluster }]
                    .map(|words| words.said(out.language()))
                    .join("\n"),
            )
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
