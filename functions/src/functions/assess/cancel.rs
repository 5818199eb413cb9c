//! `assess` `cancel`: withdraws what a dead holder left under way on the nodes (safety.md, rule 8).

use super::{Output, Ports};
use crate::functions::fence::intent;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::lock::Claim;

/// For the new holder, before it sends anything itself. CancelCommand promises nothing: a document that nobody has begun is not begun any
/// more, and one that runs may be ended. So the fence on the nodes and the wait for what does not answer stay as they are.
pub(super) async fn cancel(ports: &impl Ports, cluster: &str, claim: &Claim) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let (_, intent) = intent(ports, cluster, claim).await?;
    let mut cancelled = vec![];
    for node in &config.nodes {
        for command in ports.under_way(&node.instance_id, &intent.id).await? {
            // A holder that was fenced itself must not end what its successor has sent.
            crate::functions::fence::fence(ports, cluster, claim).await?;
            ports.cancel(&command).await;
            tracing::info!(node = %node.name, command = %command.id, "cancelled");
            cancelled.push(command.id);
        }
    }
    Ok(Output::Cancel { cancelled })
}
