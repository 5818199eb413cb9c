//! `run-node-step`: one of our command documents on one node, sent once, waited for within the function's time.

use crate::aws::Aws;
use crate::aws::commands::{Progress, Sent};
use mirrorsnap_domain::document::{Head, Outcome, Reply};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::intent::Claim;
use mirrorsnap_domain::steps::Step;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How long an earlier command is looked for before a repeat sends another: lists lag behind.
const LOOK_UP_SECONDS: u32 = 10;

/// Documents that this function may send. `observe` and `read-records` are `assess`'s, `hold` and `unhold` the operator's.
const DOCUMENTS: [&str; 15] = [
    "suspend-monitors",
    "resume-monitors",
    "break-unit",
    "quiesce",
    "fence",
    "start-group",
    "start-cluster",
    "recover-mirror",
    "enter-backup-mode",
    "leave-backup-mode",
    "stop-group",
    "quiesce-restore",
    "enter-restore-mode",
    "post-process-restore",
    "enable-services",
];

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    cluster: String,
    lock: Claim,
    step: Step,
    /// How long to wait for the document's end.
    #[serde(default = "default_wait")]
    wait_seconds: u32,
    /// The state's RetryCount: a repeat looks for the earlier command first.
    #[serde(default)]
    retry_count: u32,
}

const fn default_wait() -> u32 {
    45
}

#[derive(Debug, Serialize)]
pub(crate) struct Output {
    document: String,
    node: String,
    command_id: String,
    reply: Head,
}

/// What a reply means. `None`: the node was busy with another document, and nothing was touched.
fn judge(step: &Step, reply: &Reply) -> Result<Option<()>> {
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
    // The sections tell a reader what the node saw; an error's text may not grow without bound.
    let mut seen: String = seen.join(" | ").chars().take(1500).collect();
    if !seen.is_empty() {
        seen.insert_str(0, ". ");
    }
    let text = |word: &str| format!("{} on {} {word}: {reason}{detail}{seen}", step.document, step.node);
    match reply.head.result {
        Outcome::Ok => Ok(Some(())),
        Outcome::Refused if reason == "busy" => Ok(None),
        Outcome::Refused if reason == "fenced" => Err(Error::new(
            Kind::Fenced,
            text("was refused"),
            "nothing: a newer operation took over, and brings the cluster back",
        )),
        Outcome::Refused if reason == "hold" => Err(Error::new(
            Kind::OperatorHold,
            text("was refused"),
            "finish the work, then unhold the cluster",
        )),
        Outcome::Refused if reason == "overtaken" => Err(Error::new(
            Kind::RestoreOvertaken,
            text("was refused"),
            "nothing was exchanged: the node's timer has started the groups again, and the cluster is brought back",
        )),
        Outcome::Refused => Err(Error::new(
            Kind::StepRefused,
            text("was refused"),
            "nothing was touched; look again",
        )),
        Outcome::Failed => Err(Error::new(
            Kind::StepFailed,
            text("failed"),
            "read what the command printed",
        )),
        Outcome::Invalid => Err(Error::new(
            Kind::ConfigInvalid,
            text("was not possible"),
            "correct the cluster's deadlines",
        )),
        Outcome::Unknown => Err(Error::new(
            Kind::StepUnknown,
            text("left no result"),
            "it is treated as not known; the next observation shows what it did",
        )),
    }
}

/// The earlier command of the same step, if this is a repeat and there is one.
async fn earlier(aws: &Aws, instance: &str, step: &Step, retry_count: u32) -> Result<Option<Sent>> {
    if retry_count == 0 {
        return Ok(None);
    }
    let deadline = aws.pace.deadline(LOOK_UP_SECONDS);
    loop {
        if let Some(sent) = aws.find(instance, step).await? {
            return Ok(Some(sent));
        }
        if deadline.has_passed() {
            return Ok(None);
        }
        aws.pace.tenths(10).await;
    }
}

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Output> {
    let config = aws.config(&input.cluster).await?;
    let node = config.node(&input.step.node)?;
    if !DOCUMENTS.contains(&input.step.document.as_str()) {
        let found = format!(
            "{:?} is no step of a node",
            input.step.document.chars().take(60).collect::<String>()
        );
        return Err(Error::new(
            Kind::InputInvalid,
            found,
            "use one of the documents in docs/documents.md",
        ));
    }
    // The epoch is the caller's claim and nothing else.
    let step = input.step.with("Epoch", input.lock.epoch);
    let deadline = aws.pace.deadline(input.wait_seconds);
    let mut sent = earlier(&aws, &node.instance_id, &step, input.retry_count).await?;
    loop {
        let current = if let Some(current) = sent.take() {
            current
        } else {
            aws.fence(&input.cluster, &input.lock).await?;
            aws.send(&node.instance_id, &step).await?
        };
        match aws.progress(&step, &current).await? {
            Progress::Replied(reply) => {
                if judge(&step, &reply)?.is_some() {
                    return Ok(Output {
                        document: step.document,
                        node: step.node,
                        command_id: current.command,
                        reply: reply.head,
                    });
                }
                // Busy: the same attempt may be sent again.
            }
            Progress::Running => sent = Some(current),
        }
        if deadline.has_passed() {
            return Err(Error::new(
                Kind::StepTimedOut,
                format!(
                    "{} on {} has not ended within {} s",
                    step.document, step.node, input.wait_seconds
                ),
                "a repeat finds the same command and waits on; the next observation shows what it did",
            ));
        }
        aws.pace.tenths(if sent.is_some() { 2 } else { 10 }).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let step = Step::new("quiesce", "server1", "r");
        assert_eq!(judge(&step, &reply(r#""result":"ok""#)), Ok(Some(())));
        assert_eq!(judge(&step, &reply(r#""result":"refused","reason":"busy""#)), Ok(None));
        for (result, kind) in [
            (r#""result":"refused","reason":"fenced""#, Kind::Fenced),
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
