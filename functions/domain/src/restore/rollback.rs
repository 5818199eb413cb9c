//! A rollback that the operator asked for: a restore's old volumes are put back, by copy (rule 16).

use super::{Record, boots, disturbances, quiet_after_seconds};
use crate::config::Config;
use crate::consistency::Consistency;
use crate::ec2::VolumeId;
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::inspect;
use crate::intent::{Course, Disturbance, Intent, Operation, Phase, Restoring};
use crate::observation::Observation;
use std::collections::BTreeMap;

/// The intent of a rollback. Converge does the rest. `id` is the rollback's own id, since a document acts once per run.
pub fn rollback(config: &Config, id: &Id, record: &Record, seen: &Observation) -> Result<Intent> {
    let Some(source) = record.source.clone() else {
        return Err(Error::new(
            Kind::Stuck,
            format!(
                "no group was online before {}: which node's old volume is the newest is not known",
                record.id
            ),
            "attach the old volumes by hand, and decide by their data which side is copied",
        ));
    };
    inspect::refuse_restore(config, seen)?;
    for one in &record.attachments {
        let attached = seen
            .instances
            .get(&one.node)
            .and_then(|instance| instance.volumes.get(&one.device));
        if attached != Some(&one.new) {
            return Err(Error::new(
                Kind::AttachmentUnexpected,
                format!(
                    "{} of {} holds {}, not the volume {} of {}",
                    one.device,
                    one.node,
                    attached.map_or("nothing", VolumeId::as_str),
                    one.new,
                    record.id
                ),
                "a later restore must be rolled back first, or this one was rolled back already",
            ));
        }
    }
    let standby = config.peer(&source)?.name.clone();
    let mut listed = disturbances(config, &source, Some(&source), seen);
    listed.extend(record.attachments.iter().cloned().map(Disturbance::Attachment));
    Ok(Intent {
        operation: Operation::Rollback,
        id: id.to_string(),
        phase: Phase::Rollback,
        started: seen.at,
        active: source.clone(),
        standby,
        boots: boots(seen),
        quiet_after_seconds: quiet_after_seconds(config),
        disturbances: listed,
        restore: Some(Restoring {
            course: Course::RollBack,
            source: Some(source),
            forward_until: None,
            not_normal_before: Vec::new(),
            turned: None,
        }),
        consistency: Consistency::Stopped,
        places: BTreeMap::new(),
    })
}
