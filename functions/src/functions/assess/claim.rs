//! `assess` `claim`: may the lock be taken over (safety.md, rule 7)?

use super::Output;
use crate::ports::Ledger;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::lock::{HolderStatus, take_over};
use mirrorsnap_domain::time::Moment;

pub(super) async fn claim(ports: &impl Ledger, cluster: &str, now: Moment, holder_status: &str) -> Result<Output> {
    let lock = ports.lock(cluster).await?;
    let epoch = take_over(cluster, &lock, HolderStatus::read(holder_status), now)?;
    Ok(Output::Claim {
        epoch,
        intent: lock.intent,
    })
}
