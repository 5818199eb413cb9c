//! Takes the watching of an operation up, from anywhere: the lock says who works on a cluster.

use super::{Ports, follow};
use crate::catalogue::{Language, Words};
use crate::exit::{Ended, Exit};
use crate::out::Out;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::names;
use serde_json::json;

/// The command. `execution` is followed as it is; else whoever holds the lock of `cluster`.
pub async fn run(
    ports: &impl Ports,
    out: &mut Out,
    cluster: Option<&str>,
    execution: Option<&str>,
    flags: &str,
) -> Ended {
    if let Some(arn) = execution {
        return follow::shown(ports, out, arn, flags).await;
    }
    let cluster = cluster.unwrap_or_default();
    names::cluster(cluster)?;
    let lock = ports.lock(cluster).await?;
    if let Some(holder) = &lock.holder {
        return follow::shown(ports, out, holder, flags).await;
    }
    let (exit, text) = idle(cluster, &lock, flags, out.language());
    out.result(
        &text,
        &json!({"cluster": cluster, "execution": null, "exit": exit.code(), "hold": lock.hold}),
    );
    Ok(exit)
}

/// What is said of a cluster whose lock nobody holds.
fn idle(cluster: &str, lock: &Lock, flags: &str, language: Language) -> (Exit, String) {
    if lock.intent.is_some() {
        let said = if let Some(why) = &lock.hold {
            let said = Words::UnfinishedHeld { cluster, why }.said(language);
            format!("{said}\n  mirrorsnap unhold {cluster}{flags}")
        } else {
            let said = Words::Unfinished { cluster }.said(language);
            format!("{said}\n  mirrorsnap recover {cluster}{flags}")
        };
        return (Exit::NotBack, said);
    }
    let idle = Words::Idle { cluster };
    let words = lock.hold.as_ref().map_or(idle, |why| Words::IdleHeld { cluster, why });
    (Exit::Done, words.said(language))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
