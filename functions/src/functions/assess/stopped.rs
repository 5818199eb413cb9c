//! `assess` `stopped`: has the standby stopped by its own shutdown (safety.md, rule 1)?

use super::{ASK_EVERY_SECONDS, Output, Ports, not_shown};
use crate::deadline::Deadline;
use crate::functions::fence::intent;
use crate::functions::observe::{Purpose, ask, instances};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::{evidence, inspect};
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_secs(2);

pub(super) async fn stopped(ports: &impl Ports, cluster: &str, claim: &Claim, patience: u32) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let (_, intent) = intent(ports, cluster, claim).await?;
    let deadline = Deadline::after(ports, patience);
    let mut asked = 0;
    loop {
        let seen = instances(ports, &config).await?;
        let instance = seen.get(&intent.standby).ok_or_else(|| not_shown(&intent.standby))?;
        let volumes = inspect::volumes(&config, &intent.standby, instance)?;
        let proof = evidence::stopped(&intent.standby, instance, &volumes)?;
        if proof.is_none() && deadline.elapsed(ports) - asked >= ASK_EVERY_SECONDS {
            if let Ok(node) = ask(
                ports,
                &config,
                &intent.standby,
                Some(instance),
                &intent.id,
                Purpose::Progress,
            )
            .await?
            {
                evidence::departing(&intent.standby, &node)?;
            }
            asked = deadline.elapsed(ports);
        }
        if proof.is_some() || deadline.has_passed(ports) {
            return Ok(Output::Stopped {
                over: proof.is_some(),
                stopped: proof,
            });
        }
        ports.sleep(POLL).await;
    }
}
