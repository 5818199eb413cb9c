//! `assess` `down`: rule 1 for both nodes of a restore: EC2's StateReason is the guest's own shutdown. A node that still answers is asked
//! every ten seconds whether it will shut down: its timer may have fired first, or its `--pre` failed.

use super::{ASK_EVERY_SECONDS, Output, Ports, Watch, not_shown};
use crate::functions::observe::instances;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::{evidence, inspect, restore};

pub(super) async fn down(watch: &Watch<'_, impl Ports>) -> Result<Output> {
    let mut asked = 0;
    loop {
        let intent = watch.intent().await?;
        let seen = instances(watch.ports, &watch.config).await?;
        let mut up = None;
        for name in watch.config.node_names() {
            let instance = seen.get(name).ok_or_else(|| not_shown(name))?;
            let volumes = inspect::volumes(&watch.config, name, instance)?;
            if evidence::stopped(name, instance, &volumes)?.is_none() {
                up = Some(format!("{name} is not stopped yet"));
            }
        }
        if up.is_some() && watch.elapsed() - asked >= ASK_EVERY_SECONDS {
            for (name, node) in &watch.observe(&intent).await?.nodes {
                restore::departing(&intent, name, node)?;
            }
            asked = watch.elapsed();
        }
        if up.is_none() || watch.is_over() {
            return Ok(Output::Down {
                over: up.is_none(),
                why: up,
            });
        }
        watch.pause().await;
    }
}
