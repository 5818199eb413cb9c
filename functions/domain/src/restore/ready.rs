//! The gate before the first post-processing: both nodes are up in a new boot, in restore mode, on the new volumes, and every
//! partition is where it must be (safety.md, rules 1, 16, 17 and 18).

use crate::clusterpro::outputs::{self, Services};
use crate::config::Config;
use crate::converge::skip_copy_proof;
use crate::devices;
use crate::error::{Error, Kind};
use crate::intent::Intent;
use crate::observation::Observation;
use crate::steps::{NOT_AFTER_SECONDS, Step};

/// Whether the post-processing may be ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ready {
    /// On both nodes: these steps.
    Yes(Vec<Step>),
    /// Not yet; what is waited for.
    NotYet(String),
    /// A partition is not where it must be; just after a boot it may still come.
    Mismatch(Error),
    /// Never.
    Never(Error),
}

/// Judges both nodes.
pub fn ready(config: &Config, intent: &Intent, seen: &Observation) -> Ready {
    let never = |found: String| {
        let next = "nothing by hand: the old volumes are put back; then restore again";
        Ready::Never(Error::new(Kind::PreparationUnproven, found, next))
    };
    let mut steps = Vec::new();
    for name in config.node_names() {
        let Some(node) = seen.node(name) else {
            return Ready::NotYet(format!(
                "{name} boots ({})",
                seen.silent.get(name).map_or("no answer", String::as_str)
            ));
        };
        let old_boot = intent.boots.get(name);
        if old_boot == Some(&node.boot_id) {
            return Ready::NotYet(format!("{name} still answers from the boot before"));
        }
        let prepared = node.job("enter-restore-mode").filter(|(_, job, out)| {
            job.started.as_ref().map(|started| &started.boot_id) == old_boot
                && job
                    .ended
                    .as_ref()
                    .is_some_and(|ended| outputs::restore_prepared(ended.rc, out))
        });
        if prepared.is_none() || node.services != Services::Manual || node.stat.is_some() {
            let what = format!("its services are {:?}", node.services).to_lowercase();
            return never(format!(
                "{name} is not proved to have stopped by its preparation for the restore: {what}"
            ));
        }
        let volumes = seen
            .instances
            .get(name)
            .map(|instance| instance.volumes.clone())
            .unwrap_or_default();
        if let Err(error) = devices::gate(config, name, &volumes, &node.devices) {
            return Ready::Mismatch(error);
        }
        steps.push(
            Step::new("post-process-restore", name, &intent.id)
                .with("SkipCopy", "yes")
                .list("Disks", config.mirror_disks.iter().map(|disk| disk.name.as_str()))
                .guarded(node, NOT_AFTER_SECONDS, 1),
        );
    }
    if !config
        .node_names()
        .all(|name| skip_copy_proof(config, intent, seen, name))
    {
        return never("the attached volumes are not one snapshot's on both nodes".to_owned());
    }
    Ready::Yes(steps)
}
