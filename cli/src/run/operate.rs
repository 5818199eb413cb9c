//! Starts an operation, after the typed name where it needs one, and follows it.

use super::{Ports, follow};
use crate::args::{Confirmation, Following, What};
use crate::catalogue::Words;
use crate::exit::{Ended, Exit, Trouble};
use crate::out::Out;
use crate::request::{Effect, Request};
use mirrorsnap_domain::error::{Error, Kind};
use serde_json::json;

/// The command.
pub async fn run(ports: &impl Ports, out: &mut Out, what: &What, flags: &str) -> Ended {
    let Some(request) = Request::of(what)? else {
        return Err(Trouble::Usage("this command starts nothing".to_owned()));
    };
    let request = match (request.effect, confirmation(what)) {
        (Effect::AfterConfirmation, Some(confirmation)) => {
            match confirmed(ports, out, request, confirmation, flags).await? {
                Asked::Confirmed(request) => request,
                Asked::Refused(exit) => return Ok(exit),
            }
        }
        _ => request,
    };
    let arn = start(ports, out, &request).await?;
    if following(what).detach {
        let words = [Words::Detached { execution: &arn }, Words::ToFollow].map(|words| words.said(out.language()));
        let said = format!("{}\n  mirrorsnap watch --execution {arn}{flags}", words.join("\n"));
        out.result(&said, &json!({"execution": arn, "status": "RUNNING"}));
        return Ok(Exit::Done);
    }
    follow::shown(ports, out, &arn, flags).await
}

/// Starts it under a name of its own: a call that is repeated after a lost reply starts no second one.
pub async fn start(ports: &impl Ports, out: &Out, request: &Request) -> Result<String, Error> {
    let name = format!("cli-{}-{}-{}", request.cluster, ports.millis(), std::process::id());
    let arn = ports.start(request.machine, &name, &request.input).await?;
    let (machine, cluster) = (&request.machine.to_string(), &request.cluster);
    let words = Words::OperationOf {
        machine,
        cluster,
        execution: &arn,
    };
    out.line(&words.said(out.language()));
    Ok(arn)
}

enum Asked {
    Confirmed(Request),
    Refused(Exit),
}

/// The typed name, by `--confirm` or on the terminal below the plan.
async fn confirmed(
    ports: &impl Ports,
    out: &mut Out,
    request: Request,
    confirmation: &Confirmation,
    flags: &str,
) -> Result<Asked, Trouble> {
    let cluster = &request.cluster;
    let question = Words::TypeTheName { cluster }.said(out.language());
    let typed = match &confirmation.confirm {
        Some(typed) => Some(typed.clone()),
        None if !out.can_ask() => None,
        None => {
            if let Some(rehearsal) = request.rehearsal() {
                let arn = start(ports, out, &rehearsal).await?;
                let exit = follow::shown(ports, out, &arn, flags).await?;
                if exit != Exit::Done {
                    return Ok(Asked::Refused(exit));
                }
            }
            out.ask(&question)
        }
    };
    let Some(typed) = typed else {
        let text = "there is no terminal to ask on: add --yes --confirm with the cluster's name";
        return Err(Trouble::Usage(text.to_owned()));
    };
    if typed != request.cluster {
        let found = format!("{typed:?} is not the cluster's name; nothing was started");
        let next = format!("type {}", request.cluster);
        return Err(Error::new(Kind::ConfirmationMismatch, found, next).into());
    }
    Ok(Asked::Confirmed(request.confirmed(&typed)))
}

fn confirmation(what: &What) -> Option<&Confirmation> {
    match what {
        What::Restore { confirmation, .. }
        | What::Rollback { confirmation, .. }
        | What::Release { confirmation, .. } => Some(confirmation),
        _ => None,
    }
}

fn following(what: &What) -> Following {
    match what {
        What::Backup { following, .. }
        | What::Restore { following, .. }
        | What::Rollback { following, .. }
        | What::Release { following, .. }
        | What::Recover { following, .. }
        | What::Hold { following, .. }
        | What::Unhold { following, .. } => *following,
        _ => Following { detach: false },
    }
}

#[cfg(test)]
#[path = "operate_tests.rs"]
mod tests;
