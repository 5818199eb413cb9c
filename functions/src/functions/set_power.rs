//! `set-power`: starts or stops one node's instance. Never by force (safety.md, rule 14).

use crate::aws::{Aws, failed};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::intent::Claim;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Debug, Clone, Copy, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Power {
    Start,
    Stop,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    cluster: String,
    lock: Claim,
    node: String,
    power: Power,
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    node: String,
    instance_id: String,
    power: Power,
}

/// Both calls are idempotent, so the SDK's own retries and the state machine's are safe. The new state is `assess`'s to see.
pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Output> {
    let config = aws.config(&input.cluster).await?;
    let instance_id = config.node(&input.node)?.instance_id.clone();
    aws.fence(&input.cluster, &input.lock).await?;
    match input.power {
        Power::Start => {
            let call = aws.ec2.start_instances().instance_ids(&instance_id).send().await;
            call.map_err(|error| failed("ec2:StartInstances", &error))?;
        }
        Power::Stop => {
            let call = aws.ec2.stop_instances().instance_ids(&instance_id).send().await;
            call.map_err(|error| failed("ec2:StopInstances", &error))?;
        }
    }
    tracing::info!(node = %input.node, instance = %instance_id, power = ?input.power, "ordered");
    Ok(Output {
        node: input.node,
        instance_id,
        power: input.power,
    })
}
