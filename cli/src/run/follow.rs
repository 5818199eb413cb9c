//! Follows an execution to its end, or until Ctrl-C.

use super::Ports;
use crate::exit::{Ended, Exit};
use crate::follow::Follow;
use crate::out::Out;
use crate::ports::{Execution, Status};
use crate::screen::end::{self, Unfinished};
use crate::screen::live;
use mirrorsnap_domain::error::{Error, Kind, Result};
use serde_json::Value;
use std::time::Duration;

/// A look costs one call for each execution that is followed. GetExecutionHistory grants some twenty calls a second to a whole account.
const PAUSE: Duration = Duration::from_secs(1);
/// After so many looks the operation is a long one, and is looked at more seldom.
const OFTEN: u32 = 180;
const SELDOM: u32 = 5;
/// So many looks in a row may fail: the operation goes on, whatever the network here does.
const PATIENCE: u32 = 60;

/// What is known once an execution was followed to its end.
#[derive(Debug)]
pub struct Over {
    /// How it ended.
    pub execution: Execution,
    /// The exit code of it.
    pub exit: Exit,
}

/// Follows it; `None`: Ctrl-C. It is looked at at least once. Error: `AwsRefused`, `AwsUnavailable`.
pub async fn to_its_end(ports: &impl Ports, out: &mut Out, arn: &str) -> Result<Option<Over>> {
    out.begin();
    let followed = tokio::select! {
        biased;
        () = ports.interrupted() => Ok(None),
        followed = followed(ports, out, arn) => followed.map(Some),
    };
    out.end();
    followed
}

async fn followed(ports: &impl Ports, out: &Out, arn: &str) -> Result<Over> {
    let mut follow = Follow::new(arn);
    let (mut looks, mut failures) = (0_u32, 0_u32);
    let mut newest: Option<Execution> = None;
    loop {
        if looks < OFTEN || looks.is_multiple_of(SELDOM) {
            match look(ports, out, &mut follow, arn).await {
                Ok(execution) => {
                    failures = 0;
                    newest = Some(execution);
                }
                Err(error) if error.kind() == Kind::AwsUnavailable && failures < PATIENCE => failures += 1,
                Err(error) => return Err(error),
            }
        }
        if let Some(execution) = &newest {
            if execution.status != Status::Running {
                let exit = judged(ports, execution, &follow).await?;
                return Ok(Over {
                    execution: execution.clone(),
                    exit,
                });
            }
            let text = live::current(&follow, execution.begun, ports.millis(), out.language());
            out.show(&follow, &text);
        }
        looks = looks.saturating_add(1);
        ports.pause(PAUSE).await;
    }
}

/// Describes it first: what its history says is then never older than its status.
async fn look(ports: &impl Ports, out: &Out, follow: &mut Follow, arn: &str) -> Result<Execution> {
    let execution = ports.execution(arn).await?.ok_or_else(|| {
        let found = format!("there is no execution {arn}");
        Error::new(
            Kind::InputInvalid,
            found,
            "name one of this account and region; Step Functions keeps them for 90 days",
        )
    })?;
    for (one, last) in follow.executions() {
        let events = ports.events(&one, last).await?;
        for told in follow.see(&one, &events) {
            out.line(&live::told(&told, execution.begun, out.language()));
        }
    }
    Ok(execution)
}

async fn judged(ports: &impl Ports, execution: &Execution, follow: &Follow) -> Result<Exit> {
    let cluster = execution.input.get("cluster").and_then(Value::as_str);
    let unfinished = match (execution.status, cluster) {
        (Status::TimedOut | Status::Aborted, Some(cluster)) => match ports.lock(cluster).await?.intent {
            Some(_) => Unfinished::Intent,
            None => Unfinished::Nothing,
        },
        _ => Unfinished::Nothing,
    };
    if execution.status == Status::Succeeded && end::tells_a_person(execution.output.as_ref()) {
        return Ok(Exit::NeedsYou);
    }
    Ok(end::exit(execution.status, follow.not_back, unfinished))
}

/// Follows it and prints how it ended.
pub async fn shown(ports: &impl Ports, out: &mut Out, arn: &str, flags: &str) -> Ended {
    let Some(over) = to_its_end(ports, out, arn).await? else {
        out.line(&live::stopped(arn, flags, out.language()));
        return Ok(Exit::Stopped);
    };
    let cluster = over
        .execution
        .input
        .get("cluster")
        .and_then(Value::as_str)
        .unwrap_or("…");
    out.result(
        &end::text(&over.execution, over.exit, cluster, out.language()),
        &end::document(&over.execution, over.exit),
    );
    Ok(over.exit)
}
