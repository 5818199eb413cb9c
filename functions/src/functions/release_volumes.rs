//! `release-volumes`: the operator no longer needs the detached volumes of a restore for a rollback. Our tags are removed; the volumes
//! stay. It is a function of its own, since a role that deletes volumes must not remove the tags that forbid it (safety.md, rule 19).

use crate::functions::fence::fence;
use crate::functions::repeat::{TAG_LAGS, harmless, tags_lag, until_accepted};
use crate::ports::{Clock, Ledger, Tags, Volumes};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::ec2::VolumeId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::restore;
use serde::{Deserialize, Serialize};

/// docs/functions.md, release-volumes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    cluster: String,
    lock: Claim,
    restore: String,
    confirm: Option<String>,
}

/// docs/functions.md, release-volumes.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The volumes that are the operator's now.
    released: Vec<VolumeId>,
    /// The restore's volumes that are attached to a node.
    in_place: Vec<VolumeId>,
}

/// What the function needs.
pub trait Ports: Ledger + Volumes + Tags + Clock {}
impl<T: Ledger + Volumes + Tags + Clock> Ports for T {}

/// How long DeleteTags is retried while EC2 does not carry it out.
const REPEAT_SECONDS: u32 = 30;

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Output> {
    let (cluster, claim, name) = (input.cluster.as_str(), &input.lock, input.restore.as_str());
    restore::confirmed(cluster, input.confirm.as_deref())?;
    fence(ports, cluster, claim).await?;
    let id = Id::parse(name)?;
    if id.cluster() != cluster {
        let found = format!("{id} is no restore of {cluster}");
        return Err(Error::new(
            Kind::RestoreNotFound,
            found,
            "name a restore of this cluster",
        ));
    }
    let record = ports.record(&id).await?;
    let ids = record
        .attachments
        .iter()
        .flat_map(|one| [one.old.clone(), one.new.clone()]);
    let there = ports.volumes(&ids.collect::<Vec<_>>()).await?;
    // Only this restore's detached volumes: a later restore may have replaced its volumes again, and keeps them.
    let (mut released, mut in_place, mut tagged, mut marked) = (vec![], vec![], vec![], vec![]);
    for (volume, one) in there {
        let of = one.shape.tags.get(tag::RESTORE_ID);
        if one.attached.is_some() {
            in_place.push(volume);
        } else if of.is_none_or(|of| of == name) {
            // Without the restore's id it has lost these tags already, and the role may not touch them.
            if of.is_some() {
                tagged.push(volume.clone());
            }
            if one.shape.tags.contains_key(tag::ATTACHED) {
                marked.push(volume.clone());
            }
            released.push(volume);
        }
    }
    untag(ports, &input, &tagged, &[tag::REPLACED, tag::RESTORE_ID, tag::CLUSTER]).await?;
    // Last: while the others are there, this is what keeps the volume from being deleted.
    untag(ports, &input, &marked, &[tag::ATTACHED]).await?;
    Ok(Output { released, in_place })
}

/// The role may remove `attached` only from a volume without the other tags, which it may have lost just before: EC2 may not know it yet.
async fn untag(ports: &impl Ports, input: &Input, volumes: &[VolumeId], keys: &[&str]) -> Result<()> {
    if volumes.is_empty() {
        return Ok(());
    }
    let mut lag = TAG_LAGS;
    let call = async || {
        fence(ports, &input.cluster, &input.lock).await?;
        Ok(tags_lag(harmless(ports.untag(volumes, keys).await), &mut lag))
    };
    until_accepted(ports, REPEAT_SECONDS, call).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Twin, claim, of_restore, parsed, restoring, volume};
    use mirrorsnap_domain::ec2::VolumeState;
    use serde_json::json;

    #[tokio::test]
    async fn only_the_restore_s_detached_volumes_lose_our_tags() {
        let mut twin = Twin::new(restoring());
        let mut new = of_restore(volume("vol-fee", VolumeState::Available, None));
        new.shape.tags.insert(tag::ATTACHED.to_owned(), "true".to_owned());
        twin.put(new);
        twin.put(volume("vol-01d", VolumeState::Available, None));
        let restore = twin.intent.as_ref().unwrap().id.clone();
        let mut record = json!({
            "id": restore, "backup": "orders-20260501T010000Z", "started": "2026-05-01T02:03:04Z", "source": "server1",
            "attachments": [restoring()["disturbances"][0]],
        });
        record["attachments"][0].as_object_mut().unwrap().remove("kind");
        twin.record = Some(serde_json::from_value(record).unwrap());
        let input = json!({"cluster": "orders", "lock": claim(), "restore": restore, "confirm": "orders"});
        let output = handle(&twin, serde_json::from_value(input).unwrap()).await.unwrap();
        assert_eq!(output.released, ["vol-01d", "vol-fee"].map(parsed));
        // The old one carries no tag of ours, so that the role would be refused on it.
        let ours = r#"untag ["vol-fee"] ["mirrorsnap:replaced", "mirrorsnap:restore-id", "mirrorsnap:cluster"]"#;
        assert_eq!(
            *twin.calls.borrow(),
            [ours, r#"untag ["vol-fee"] ["mirrorsnap:attached"]"#]
        );
        assert!(!twin.tags_of("vol-fee").contains_key(tag::RESTORE_ID));
    }
}
