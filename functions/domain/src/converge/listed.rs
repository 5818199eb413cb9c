//! The guarantee that converge does nothing that the intent does not list (safety.md, rule 11). It is checked before every act, after and
//! apart from the code that decided the act, so that a mistake there ends in `Stuck` and not on a node.

use super::verdict::{Action, OnBoth, Verdict};
use crate::document::{Cluster, Document};
use crate::error::{Error, Kind};
use crate::intent::{Disturbance, Intent};

/// Whether the intent lists what an action disturbs.
pub fn is_listed(intent: &Intent, action: &Action) -> bool {
    let groups = |cluster: &Cluster| {
        let listed = |group: &String| intent.groups().any(|listed| listed == group);
        cluster.groups.iter().all(listed)
    };
    match action {
        Action::Start { node } | Action::Stop { node } => intent.touches(node),
        Action::Swap { node } => intent.attachments(node).next().is_some(),
        Action::Step { step } => match &step.document {
            Document::Observe { .. }
            | Document::ReadRecords
            | Document::Doctor(_)
            | Document::Describe { .. }
            | Document::Fence { .. } => true,
            Document::StartGroup(cluster) | Document::StopGroup(cluster) | Document::QuiesceRestore { cluster, .. } => {
                groups(cluster)
            }
            Document::ResumeMonitors { nodes, monitors } => nodes.iter().all(|node| {
                let is_ours = |monitor: &String| {
                    intent.disturbances.iter().any(|one| {
                    matches!(one, Disturbance::Monitor { node: at, monitor: name } if at == node && name == monitor)
                })
                };
                monitors.iter().all(is_ours)
            }),
            Document::RecoverMirror { disks } => disks.iter().all(|disk| intent.breaks(disk)),
            Document::LeaveBackupMode => intent.enters_backup_mode(&step.node),
            Document::EnterRestoreMode { .. }
            | Document::PostProcessRestore { .. }
            | Document::EnableServices { .. } => intent.enters_restore_mode(&step.node),
            Document::StartCluster => intent.touches(&step.node),
            // Only the backup's own states send these.
            Document::SuspendMonitors { .. }
            | Document::BreakUnit { .. }
            | Document::Quiesce { .. }
            | Document::EnterBackupMode { .. } => false,
        },
    }
}

/// The verdict, unless it acts on what the intent does not list.
pub(super) fn only_listed(intent: &Intent, verdict: Verdict) -> Verdict {
    let unlisted = match &verdict {
        Verdict::Act { key, action } => (!is_listed(intent, action)).then_some(key),
        Verdict::ActOnBoth { keys, action } => {
            let both = match action {
                OnBoth::Steps(steps) => steps
                    .each_ref()
                    .map(|step| is_listed(intent, &Action::Step { step: step.clone() })),
                OnBoth::Swap => [&intent.active, &intent.standby]
                    .map(|node| is_listed(intent, &Action::Swap { node: node.clone() })),
            };
            keys.iter().zip(both).find(|(_, listed)| !listed).map(|(key, _)| key)
        }
        Verdict::Healthy | Verdict::Wait { .. } | Verdict::Turn { .. } | Verdict::Stuck(_) => None,
    };
    match unlisted {
        None => verdict,
        Some(key) => Verdict::Stuck(Error::new(
            Kind::Stuck,
            format!("{key} was due, which {} does not list, so it was not done", intent.id),
            "report this with the observation of both nodes; bring the cluster back by hand",
        )),
    }
}
