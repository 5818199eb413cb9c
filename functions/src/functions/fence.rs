//! The fence of every mutating call (safety.md, rule 8).

use crate::ports::Ledger;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::intent::Intent;
use mirrorsnap_domain::lock::{Claim, Lock};

/// Ends with `Fenced` unless the claim holds the cluster now. To be called right before each mutating call.
pub(crate) async fn fence(ports: &impl Ledger, cluster: &str, claim: &Claim) -> Result<Lock> {
    let lock = ports.lock(cluster).await?;
    lock.admit(cluster, claim)?;
    Ok(lock)
}

/// The intent of the claim's operation, behind the fence.
pub(crate) async fn intent(ports: &impl Ledger, cluster: &str, claim: &Claim) -> Result<(Lock, Intent)> {
    let lock = fence(ports, cluster, claim).await?;
    match lock.intent.clone() {
        Some(intent) => Ok((lock, intent)),
        None => Err(Error::new(
            Kind::InputInvalid,
            format!("the lock of {cluster} holds no intent"),
            "write the plan's intent before the first disturbance",
        )),
    }
}
