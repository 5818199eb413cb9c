//! Which volumes the nodes have at the devices whose volumes a restore replaces.

use super::super::case::{NOTHING, Next};
use super::super::{Case, Verdict};
use crate::error::{Error, Kind};
use crate::intent::Intent;
use crate::observation::Observation;
use std::ops::ControlFlow;

/// Which volumes a node has at the devices whose volumes the restore replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
    /// Some of each, or none: in the middle of a swap.
    Between,
}

pub(super) fn side(case: &Case<'_>, name: &str) -> Side {
    side_of(case.intent, case.seen, name)
}

pub(super) fn side_of(intent: &Intent, seen: &Observation, name: &str) -> Side {
    let attached = seen.instances.get(name).map(|instance| &instance.volumes);
    let all = |new: bool| {
        intent.attachments(name).all(|one| {
            let wanted = if new { &one.new } else { &one.old };
            attached.and_then(|volumes| volumes.get(&one.device)) == Some(wanted)
        })
    };
    // A restore that ended before its volumes were made replaces nothing.
    match (all(false), all(true)) {
        (true, _) => Side::Old,
        (false, true) => Side::New,
        (false, false) => Side::Between,
    }
}

/// Stuck if a device holds a volume that is neither the old nor the new one: an operator has changed it, and wins (rule 11).
pub(super) fn foreign_volume(case: &Case<'_>) -> Next {
    for name in case.names() {
        // An instance that EC2 does not show was judged before, if it is ours.
        let Some(instance) = case.seen.instances.get(name) else {
            continue;
        };
        let foreign = case.intent.attachments(name).find_map(|one| {
            let volume = instance.volumes.get(&one.device)?;
            (*volume != one.old && *volume != one.new).then_some((one, volume))
        });
        if let Some((one, volume)) = foreign {
            let found = format!(
                "cluster {}: {} of {name} holds {volume}, which is neither the old volume {} nor the restore's {}",
                case.config.name, one.device, one.old, one.new
            );
            let next = "somebody changed it: attach one of the two while the node is stopped, then run `mirrorsnap recover CLUSTER`";
            return ControlFlow::Break(Verdict::Stuck(Error::new(Kind::AttachmentUnexpected, found, next)));
        }
    }
    NOTHING
}
