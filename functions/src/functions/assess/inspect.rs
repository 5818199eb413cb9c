//! `assess` `inspect`: may a backup begin, and how? Refuses before anything is touched.

use super::{Output, Ports, as_json};
use crate::functions::keys;
use crate::functions::observe::{Purpose, observe};
use crate::ports::Volume;
use mirrorsnap_domain::consistency::Consistency;
use mirrorsnap_domain::ec2::VolumeId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::inspect::backup;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::observation::Observation;
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;

pub(super) async fn inspect(
    ports: &impl Ports,
    cluster: &str,
    claim: Option<&Claim>,
    consistency: Option<Consistency>,
    now: Moment,
) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let consistency = consistency.unwrap_or(config.consistency);
    let lock = ports.lock(cluster).await?;
    lock.not_on_hold(cluster)?;
    if let Some(claim) = claim {
        lock.admit(cluster, claim)?;
    }
    if let Some(unfinished) = &lock.intent {
        return Err(Error::new(
            Kind::OperationInProgress,
            format!("{} on {cluster} is not brought to its end", unfinished.id),
            "run `mirrorsnap recover CLUSTER`, or wait for the operation that holds the cluster",
        ));
    }
    let id = Id::new(IdKind::Backup, cluster, now)?;
    let seen = observe(ports, &config, &id.to_string(), now, Purpose::Inspection).await?;
    let mut plan = backup(&config, &id, consistency, &seen)?;
    let volumes = attached(ports, &seen).await?;
    let keys = keys::judged(ports, volumes.iter().map(|(id, one)| (id, one.shape.kms_key.as_ref()))).await?;
    if claim.is_none() {
        plan.words.0.extend(keys);
    }
    Ok(Output::Inspect {
        id: id.to_string(),
        intent_json: as_json(&plan.intent)?,
        plan: Box::new(plan),
    })
}

/// The volumes of both nodes, the root volumes too.
async fn attached(ports: &impl Ports, seen: &Observation) -> Result<BTreeMap<VolumeId, Volume>> {
    let attached = seen.instances.values().flat_map(|instance| instance.volumes.values());
    let ids: Vec<VolumeId> = attached.cloned().collect();
    ports.volumes(&ids).await
}
