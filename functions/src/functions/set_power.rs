//! `set-power`: starts or stops one node's instance. Never by force (safety.md, rule 14).

use crate::functions::fence::fence;
use crate::functions::repeat::until_accepted;
use crate::ports::{Clock, Configs, Instances, Ledger};
use mirrorsnap_domain::converge::patience::START_REPEATED;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::lock::Claim;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Power {
    Start,
    Stop,
}

/// docs/functions.md, set-power.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    cluster: String,
    lock: Claim,
    node: String,
    power: Power,
}

/// docs/functions.md, set-power.
#[derive(Debug, Serialize)]
pub struct Output {
    node: String,
    instance_id: InstanceId,
    power: Power,
}

/// How long a call is retried that EC2 refuses while the instance changes its state. Converge waits for as long before it takes a
/// describe for newer than the last start (rule 18).
const TRANSITION_SECONDS: u32 = START_REPEATED;

/// The function. Both calls may be repeated at will. `assess` sees the new state.
pub async fn handle(ports: &(impl Configs + Ledger + Instances + Clock), input: Input) -> Result<Output> {
    let config = ports.config(&input.cluster).await?;
    let instance_id = config.node(&input.node)?.instance_id.clone();
    let call = async || {
        fence(ports, &input.cluster, &input.lock).await?;
        Ok(match input.power {
            Power::Start => ports.start(&instance_id).await,
            Power::Stop => ports.stop(&instance_id).await,
        })
    };
    until_accepted(ports, TRANSITION_SECONDS, call).await?;
    tracing::info!(node = %input.node, instance = %instance_id, power = ?input.power, "ordered");
    Ok(Output {
        node: input.node,
        instance_id,
        power: input.power,
    })
}
