//! What `cluster check` asks of the copies in another region, by the user's own credentials.

use super::Ports;
use mirrorsnap_domain::catalogue;
use mirrorsnap_domain::copies::CopyTo;
use mirrorsnap_domain::copies::check::{self, Finding};
use mirrorsnap_domain::error::{Error, Kind, Result};
use std::collections::BTreeMap;

/// Where a cluster's copies go; `None`: its JSON asks for none.
pub async fn asked_for(ports: &impl Ports, cluster: &str) -> Result<Option<CopyTo>> {
    let none = || {
        Error::new(
            Kind::ClusterNotFound,
            format!("there is no cluster {cluster}"),
            "name another",
        )
    };
    let config = ports.clusters().await?.remove(cluster).ok_or_else(none)?;
    Ok(config?.copy)
}

/// What is found. Nothing that is asked here fails the command: what could not be asked is a finding. `roles`: function to its role's ARN.
pub async fn findings(
    ports: &impl Ports,
    cluster: &str,
    to: &CopyTo,
    roles: &BTreeMap<String, String>,
) -> Result<Vec<Finding>> {
    let backups = catalogue::backups(cluster, ports.snapshots_of_cluster(cluster).await?);
    let answered = check::region(&to.region, ports.copies_of_cluster(&to.region, cluster).await);
    if answered.verdict() == check::Verdict::Bad {
        return Ok(vec![answered]);
    }
    let mut found = vec![answered];
    for key in check::keys(to, &backups) {
        found.push(check::key(key, ports.key_there(key).await, roles));
    }
    let running = ports.copies_running(&to.region).await;
    found.push(check::quota(
        &to.region,
        running,
        ports.copies_at_once(&to.region).await,
    ));
    Ok(found)
}

#[cfg(test)]
#[path = "copies_tests.rs"]
mod tests;
