//! `assess` `inspect`: may a backup begin, and how? Refuses before anything is touched.

use super::{Output, Ports, as_json};
use crate::functions::observe::{Purpose, observe};
use mirrorsnap_domain::ec2::VolumeId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::inspect::{backup, key_words};
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::observation::Observation;
use mirrorsnap_domain::time::Moment;

pub(super) async fn inspect(ports: &impl Ports, cluster: &str, claim: Option<&Claim>, now: Moment) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let lock = ports.lock(cluster).await?;
    lock.not_on_hold(cluster)?;
    if let Some(claim) = claim {
        lock.admit(cluster, claim)?;
    }
    if let Some(unfinished) = &lock.intent {
        return Err(Error::new(
            Kind::OperationInProgress,
            format!("{} on {cluster} is not brought to its end", unfinished.id),
            "start recover, or wait for the operation that holds the cluster",
        ));
    }
    let id = Id::new(IdKind::Backup, cluster, now)?;
    let seen = observe(ports, &config, &id.to_string(), now, Purpose::Inspection).await?;
    let mut plan = backup(&config, &id, &seen)?;
    if claim.is_none() {
        plan.words.extend(keys(ports, &seen).await?);
    }
    Ok(Output::Inspect {
        id: id.to_string(),
        intent_json: as_json(&plan.intent)?,
        plan: Box::new(plan),
    })
}

/// What a dry run says of the keys of both nodes' volumes.
async fn keys(ports: &impl Ports, seen: &Observation) -> Result<Option<String>> {
    let attached = seen.instances.values().flat_map(|instance| instance.volumes.values());
    let ids: Vec<VolumeId> = attached.cloned().collect();
    let volumes = ports.volumes(&ids).await?;
    let keys = volumes
        .iter()
        .filter_map(|(id, one)| Some((id, one.shape.kms_key.as_ref()?)));
    Ok(key_words(keys))
}
