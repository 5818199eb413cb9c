//! `assess` `down`: rule 1 for both nodes of a restore: EC2's StateReason is the guest's own shutdown. A node that still answers is asked
//! every ten seconds whether it will shut down: its timer may have fired first, or its `--pre` failed.

use super::{ASK_EVERY_SECONDS, Output, Ports, not_shown};
use crate::deadline::Deadline;
use crate::functions::fence::intent;
use crate::functions::observe::{Purpose, instances, observe};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::time::Moment;
use mirrorsnap_domain::{evidence, inspect, restore};
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_millis(500);

pub(super) async fn down(
    ports: &impl Ports,
    cluster: &str,
    claim: &Claim,
    now: Moment,
    patience: u32,
) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let deadline = Deadline::after(ports, patience);
    let mut asked = 0;
    loop {
        let (_, intent) = intent(ports, cluster, claim).await?;
        let seen = instances(ports, &config).await?;
        let mut up = None;
        for name in config.node_names() {
            let instance = seen.get(name).ok_or_else(|| not_shown(name))?;
            if evidence::stopped(name, instance, &inspect::volumes(&config, name, instance)?)?.is_none() {
                up = Some(format!("{name} is not stopped yet"));
            }
        }
        if up.is_some() && deadline.elapsed(ports) - asked >= ASK_EVERY_SECONDS {
            let at = now.plus(deadline.elapsed(ports));
            let seen = observe(ports, &config, &intent.id, at, Purpose::Progress).await?;
            for (name, node) in &seen.nodes {
                restore::departing(&intent, name, node)?;
            }
            asked = deadline.elapsed(ports);
        }
        if up.is_none() || deadline.has_passed(ports) {
            return Ok(Output::Down {
                over: up.is_none(),
                why: up,
            });
        }
        ports.sleep(POLL).await;
    }
}
