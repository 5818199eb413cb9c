//! Takes the watching of an operation up, from anywhere: the lock says who works on a cluster.

use super::{Ports, follow};
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
    let (exit, text) = idle(cluster, &lock, flags);
    out.result(
        &text,
        &json!({"cluster": cluster, "execution": null, "exit": exit.code(), "hold": lock.hold}),
    );
    Ok(exit)
}

/// What is said of a cluster whose lock nobody holds.
fn idle(cluster: &str, lock: &Lock, flags: &str) -> (Exit, String) {
    if lock.intent.is_some() {
        let next = match &lock.hold {
            Some(why) => format!("It is on hold ({why}). When the work is done:\n  mirrorsnap unhold {cluster}{flags}"),
            None => format!("To bring it back:\n  mirrorsnap recover {cluster}{flags}"),
        };
        return (
            Exit::NotBack,
            format!("an operation of {cluster} is unfinished, and nobody works on it. {next}"),
        );
    }
    let hold = lock
        .hold
        .as_ref()
        .map_or_else(String::new, |why| format!("; it is on hold ({why})"));
    (Exit::Done, format!("nothing runs on {cluster}{hold}"))
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
