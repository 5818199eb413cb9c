//! `run-node-step`: runs one of our command documents on one node. Sends it once, and waits for its answer within the function's time.

use crate::deadline::Deadline;
use crate::functions::fence::fence;
use crate::functions::repeat::still_not;
use crate::ports::{Clock, Command, Configs, Ledger, Nodes, Outcome, Progress};
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::reply::{Head, Outcome as Ended, Reply};
use mirrorsnap_domain::steps::Step;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// How long a retry looks for the earlier command before it sends another, since ListCommands may lag.
const LOOK_UP_SECONDS: u32 = 10;
const LOOK_UP_POLL: Duration = Duration::from_secs(1);

/// Between two looks at a command in its first seconds, in which nearly every document ends; and later, when more haste would only use up
/// the account's rate of GetCommandInvocation, which all clusters share and AWS does not publish.
const REPLY_POLL: Duration = Duration::from_millis(200);
const SOON_SECONDS: u32 = 10;
const LATE_POLL: Duration = Duration::from_secs(1);
/// Before a document is sent again to a busy node.
const BUSY_POLL: Duration = Duration::from_secs(1);

/// docs/functions.md, run-node-step.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    cluster: String,
    lock: Claim,
    step: Step,
    /// How long to wait for the document's end.
    #[serde(default = "default_wait")]
    wait_seconds: u32,
    /// The state's RetryCount: a retry looks for the earlier command first.
    #[serde(default)]
    retry_count: u32,
}

const fn default_wait() -> u32 {
    45
}

/// docs/functions.md, run-node-step.
#[derive(Debug, Serialize)]
pub struct Output {
    document: &'static str,
    node: String,
    command_id: String,
    reply: Head,
}

/// What a reply that is no error means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Judged {
    /// The document did its work.
    Done,
    /// The node was busy with another document, and nothing was touched.
    Busy,
}

/// The reasons of a document that could not write what it needs, and did nothing else (docs/documents.md).
const NO_ROOM: [&str; 3] = ["disk", "epoch_not_stored", "run_directory"];

/// What a reply means.
fn judge(step: &Step, reply: &Reply) -> Result<Judged> {
    let reason = reply.head.reason.as_deref().unwrap_or("no reason given");
    let detail = reply
        .head
        .detail
        .as_deref()
        .map(|detail| format!(" ({detail})"))
        .unwrap_or_default();
    let seen: Vec<String> = reply
        .sections
        .iter()
        .map(|(name, section)| format!("{name} rc={}: {}", section.rc, section.text.trim()))
        .collect();
    // The sections show what the node saw. The error's text has a limited length.
    let mut seen: String = seen.join(" | ").chars().take(1500).collect();
    if !seen.is_empty() {
        seen.insert_str(0, ". ");
    }
    let text = |word: &str| {
        format!(
            "{} on {} {word}: {reason}{detail}{seen}",
            step.document.name(),
            step.node
        )
    };
    match reply.head.result {
        Ended::Ok => Ok(Judged::Done),
        Ended::Refused if reason == "busy" => Ok(Judged::Busy),
        Ended::Refused if reason == "fenced" => Err(Error::new(
            Kind::Fenced,
            text("was refused"),
            "nothing: a newer operation took over, and brings the cluster back",
        )),
        Ended::Refused if reason == "hold" => Err(Error::new(
            Kind::OperatorHold,
            text("was refused"),
            "finish the work, then run `mirrorsnap unhold CLUSTER`",
        )),
        Ended::Refused if reason == "overtaken" => Err(Error::new(
            Kind::RestoreOvertaken,
            text("was refused"),
            "nothing was exchanged: the node's timer has started the groups again, and the cluster is brought back",
        )),
        Ended::Refused if reason == "monitors" => Err(evidence::monitors_suspended(&text("was refused"))),
        Ended::Refused => Err(Error::new(
            Kind::StepRefused,
            text("was refused"),
            "nothing was touched; look again",
        )),
        Ended::Failed if NO_ROOM.contains(&reason) => Err(Error::new(
            Kind::DiskSpaceLow,
            text("could not be recorded"),
            format!(
                "make room in /var/lib and /run of {}; if an operation has not brought the cluster back, run `mirrorsnap recover CLUSTER`",
                step.node
            ),
        )),
        Ended::Failed => Err(Error::new(
            Kind::StepFailed,
            text("failed"),
            "read what the command printed",
        )),
        Ended::Invalid => Err(Error::new(
            Kind::ConfigInvalid,
            text("was not possible"),
            "correct the cluster's deadlines",
        )),
        Ended::Unknown => Err(Error::new(
            Kind::StepUnknown,
            text("left no result"),
            "it is treated as not known; the next observation shows what it did",
        )),
    }
}

/// The earlier command of the same step, if this is a retry and there is one.
async fn earlier(
    ports: &(impl Nodes + Clock),
    instance: &InstanceId,
    step: &Step,
    retry_count: u32,
) -> Result<Option<Command>> {
    if retry_count == 0 {
        return Ok(None);
    }
    let deadline = Deadline::after(ports, LOOK_UP_SECONDS);
    loop {
        if let Some(command) = ports.find(instance, step).await? {
            return Ok(Some(command));
        }
        if deadline.has_passed(ports) {
            return Ok(None);
        }
        ports.sleep(LOOK_UP_POLL).await;
    }
}

/// The function.
pub async fn handle(ports: &(impl Configs + Ledger + Nodes + Clock), input: Input) -> Result<Output> {
    let config = ports.config(&input.cluster).await?;
    let node = config.node(&input.step.node)?;
    // `observe` and `read-records` are sent by `assess`, `hold` and `unhold` by the operator.
    if input.step.document.only_reads() {
        return Err(Error::new(
            Kind::InputInvalid,
            format!("{} is no step of an operation", input.step.document.name()),
            "use one of the documents in docs/documents.md",
        ));
    }
    // The epoch comes from the caller's claim alone.
    let step = input.step.under(input.lock.epoch);
    let deadline = Deadline::after(ports, input.wait_seconds);
    let soon = Deadline::after(ports, SOON_SECONDS);
    let mut sent = earlier(ports, &node.instance_id, &step, input.retry_count).await?;
    loop {
        let mut refused = None;
        if sent.is_none() {
            fence(ports, &input.cluster, &input.lock).await?;
            match ports.send(&node.instance_id, &step).await {
                Outcome::Accepted(command) => sent = Some(command),
                Outcome::NotYet(why) => refused = Some(still_not(&why)),
                Outcome::AlreadySo => refused = Some(still_not("SendCommand gave no command's id")),
                // The state machine's retry looks for the command before it sends another.
                Outcome::Unknown(error) | Outcome::Refused(error) => return Err(error),
            }
        }
        if let Some(current) = &sent {
            match ports.progress(&step, current).await? {
                Progress::Replied(reply) => {
                    if judge(&step, &reply)? == Judged::Done {
                        return Ok(Output {
                            document: step.document.name(),
                            node: step.node,
                            command_id: current.id.clone(),
                            reply: reply.head,
                        });
                    }
                    // The same attempt may be sent again.
                    sent = None;
                }
                Progress::Running => {}
            }
        }
        if deadline.has_passed(ports) {
            return Err(refused.unwrap_or_else(|| {
                let found = format!(
                    "{} on {} has not ended within {} s",
                    step.document.name(),
                    step.node,
                    input.wait_seconds
                );
                Error::new(
                    Kind::StepTimedOut,
                    found,
                    "a repeat finds the same command and waits on; the next observation shows what it did",
                )
            }));
        }
        let pause = match sent {
            None => BUSY_POLL,
            Some(_) if soon.has_passed(ports) => LATE_POLL,
            Some(_) => REPLY_POLL,
        };
        ports.sleep(pause).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::document::Document;

    fn reply(result: &str) -> Reply {
        let line = format!(
            r#"mirrorsnap {{"document":"quiesce","run":"r","epoch":7,"boot_id":"b","uptime":1.0,{result}}}
--- clpgrp -t failover1 rc=1
Command failed.
"#
        );
        Reply::parse("quiesce", "server1", &line).unwrap()
    }

    #[test]
    fn every_result_has_its_name() {
        let step = Step::new(Document::StartCluster, "server1", "r");
        assert_eq!(judge(&step, &reply(r#""result":"ok""#)), Ok(Judged::Done));
        assert_eq!(
            judge(&step, &reply(r#""result":"refused","reason":"busy""#)),
            Ok(Judged::Busy)
        );
        for (result, kind) in [
            (r#""result":"refused","reason":"fenced""#, Kind::Fenced),
            (r#""result":"failed","reason":"disk""#, Kind::DiskSpaceLow),
            (r#""result":"failed","reason":"epoch_not_stored""#, Kind::DiskSpaceLow),
            (r#""result":"failed","reason":"run_directory""#, Kind::DiskSpaceLow),
            (r#""result":"refused","reason":"hold""#, Kind::OperatorHold),
            (r#""result":"refused","reason":"overtaken""#, Kind::RestoreOvertaken),
            (r#""result":"refused","reason":"late""#, Kind::StepRefused),
            (r#""result":"failed","reason":"command""#, Kind::StepFailed),
            (r#""result":"invalid","reason":"deadlines""#, Kind::ConfigInvalid),
            (r#""result":"unknown""#, Kind::StepUnknown),
        ] {
            let error = judge(&step, &reply(result)).unwrap_err();
            assert_eq!(error.kind(), kind);
            assert!(error.to_string().contains("Command failed."), "{error}");
        }
    }
}
