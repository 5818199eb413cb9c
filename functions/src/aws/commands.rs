//! Run Command: sends our own documents, each once, and waits for their answers.

use super::Aws;
use super::client::{failed, incomplete, is_absent, pages, refused};
use crate::ports::{Agent, Command, Nodes, Outcome, Progress};
use aws_sdk_ssm::operation::list_commands::ListCommandsOutput;
use aws_sdk_ssm::types::{CommandFilter, CommandFilterKey, InstanceInformationStringFilter};
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use std::collections::HashMap;

/// Delivery timeout in seconds, the least that SSM accepts. The node refuses a late document anyway.
const DELIVERY_SECONDS: i32 = 30;

/// A document's name holds a digest of its content, so it has one version. Whoever adds another, and makes it the default, does not
/// thereby get it run on the nodes.
const VERSION: &str = "1";

/// Most entries of one page; neither DescribeInstanceInformation nor ListCommands takes more.
const PAGE: i32 = 50;

fn parameters(step: &Step) -> HashMap<String, Vec<String>> {
    let all = step.parameters().0;
    all.into_iter().map(|(name, value)| (name, vec![value])).collect()
}

/// What is written into the command's comment (100 characters at most), to find it again.
fn comment(step: &Step) -> String {
    let attempt = step.guard.as_ref().map(|guard| guard.attempt.to_string());
    let attempt = attempt.as_deref().unwrap_or("-");
    format!("{} {} {attempt}", step.document.name(), step.run)
        .chars()
        .take(100)
        .collect()
}

impl Aws {
    /// Every page of the instance's commands that a filter leaves.
    async fn listed(
        &self,
        instance: &InstanceId,
        by: CommandFilterKey,
        value: &str,
    ) -> Result<Vec<ListCommandsOutput>> {
        let filter = CommandFilter::builder()
            .key(by)
            .value(value)
            .build()
            .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))?;
        let mut stream = self
            .ssm
            .list_commands()
            .instance_id(instance.as_str())
            .filters(filter)
            .into_paginator()
            .page_size(PAGE)
            .send();
        pages("ssm:ListCommands", async || stream.next().await).await
    }
}

impl Nodes for Aws {
    async fn agent(&self, instance: &InstanceId) -> Result<Agent> {
        let filter = InstanceInformationStringFilter::builder()
            .key("InstanceIds")
            .values(instance.as_str())
            .build()
            .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))?;
        let mut pages = self
            .ssm
            .describe_instance_information()
            .filters(filter)
            .into_paginator()
            .page_size(PAGE)
            .send();
        // A page may be empty and yet not the last.
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("ssm:DescribeInstanceInformation", &error))?;
            if let Some(agent) = page.instance_information_list().first() {
                let ping = agent.ping_status().map_or("", |status| status.as_str());
                let pinged = agent.last_ping_date_time().map(|at| Moment::from_unix(at.secs()));
                return Ok(if ping == "Online" {
                    Agent::Online(pinged)
                } else {
                    Agent::Away(ping.to_owned())
                });
            }
        }
        Ok(Agent::Unmanaged)
    }

    async fn send(&self, instance: &InstanceId, step: &Step) -> Outcome<Command> {
        let reply = self
            .ssm_once
            .send_command()
            .instance_ids(instance.as_str())
            .document_name(self.document(step.document.name()))
            .document_version(VERSION)
            .comment(comment(step))
            .timeout_seconds(DELIVERY_SECONDS)
            .set_parameters(Some(parameters(step)))
            .send()
            .await;
        match reply {
            Ok(reply) => match reply.command().and_then(|command| command.command_id()) {
                Some(id) => {
                    tracing::info!(document = step.document.name(), node = %step.node, command = %id, "sent");
                    Outcome::Accepted(Command {
                        id: id.to_owned(),
                        instance: instance.clone(),
                    })
                }
                None => incomplete("ssm:SendCommand", "the command's id"),
            },
            Err(error) => refused("ssm:SendCommand", &error),
        }
    }

    async fn find(&self, instance: &InstanceId, step: &Step) -> Result<Option<Command>> {
        let document = self.document(step.document.name());
        let sent = self.listed(instance, CommandFilterKey::DocumentName, &document).await?;
        let (wanted, comment) = (parameters(step), comment(step));
        let mut newest: Option<((i64, u32), String)> = None;
        for command in sent.iter().flat_map(ListCommandsOutput::commands) {
            let ours =
                command.comment() == Some(comment.as_str()) && command.parameters().is_some_and(|sent| *sent == wanted);
            let at = command
                .requested_date_time()
                .map_or((0, 0), |at| (at.secs(), at.subsec_nanos()));
            if let Some(id) = command.command_id().filter(|_| ours)
                && newest.as_ref().is_none_or(|(then, _)| *then < at)
            {
                newest = Some((at, id.to_owned()));
            }
        }
        Ok(newest.map(|(_, id)| Command {
            id,
            instance: instance.clone(),
        }))
    }

    async fn under_way(&self, instance: &InstanceId, run: &str) -> Result<Vec<Command>> {
        let at_work = self
            .listed(instance, CommandFilterKey::ExecutionStage, "Executing")
            .await?;
        let ours = at_work.iter().flat_map(ListCommandsOutput::commands).filter(|command| {
            let mut words = command.comment().unwrap_or_default().split(' ');
            // As `comment` writes it. Somebody else's document with such a comment is not ours.
            let document = words.next().map(|name| self.document(name));
            document.as_deref() == command.document_name() && words.next() == Some(run)
        });
        let found = ours.filter_map(|command| command.command_id()).map(|id| Command {
            id: id.to_owned(),
            instance: instance.clone(),
        });
        Ok(found.collect())
    }

    /// Without our first line no status of SSM counts as success: the agent may have ended while the document acted.
    async fn progress(&self, step: &Step, sent: &Command) -> Result<Progress> {
        const CALL: &str = "ssm:GetCommandInvocation";
        let reply = self
            .ssm
            .get_command_invocation()
            .command_id(&sent.id)
            .instance_id(sent.instance.as_str())
            .send()
            .await;
        let invocation = match reply {
            Ok(invocation) => invocation,
            // Right after SendCommand the invocation may not be there yet.
            Err(error) if is_absent(CALL, &error) => return Ok(Progress::Running),
            Err(error) => return Err(failed(CALL, &error)),
        };
        let status = invocation.status_details().unwrap_or_default();
        let (document, node) = (step.document.name(), step.node.as_str());
        let text = format!("{document} on {node} (command {}) ended {status}", sent.id);
        match status {
            "" | "Pending" | "InProgress" | "Delayed" | "Cancelling" | "In Progress" => Ok(Progress::Running),
            "Success" | "Failed" => {
                let stdout = invocation.standard_output_content().unwrap_or_default();
                match Reply::parse(document, node, stdout) {
                    Ok(reply) => Ok(Progress::Replied(Box::new(reply))),
                    Err(error) => Err(Error::new(
                        Kind::StepUnknown,
                        format!("{text}: {error}"),
                        "it is treated as not known; the next observation shows what it did",
                    )),
                }
            }
            "DeliveryTimedOut" | "Delivery Timed Out" | "Undeliverable" | "InvalidPlatform" | "AccessDenied" => {
                // The status is the same after an agent was lost, so the document may have begun.
                Err(Error::new(
                    Kind::StepUndelivered,
                    text,
                    "check the SSM agent; the next observation shows what it did",
                ))
            }
            "Cancelled" | "Terminated" => Err(Error::new(
                Kind::StepUnknown,
                text,
                "somebody cancelled it; the next observation shows what it did",
            )),
            _ => Err(Error::new(
                Kind::StepTimedOut,
                text,
                "look at the command in Run Command's history",
            )),
        }
    }

    async fn cancel(&self, sent: &Command) {
        let reply = self
            .ssm
            .cancel_command()
            .command_id(&sent.id)
            .instance_ids(sent.instance.as_str())
            .send()
            .await;
        if let Err(error) = reply {
            tracing::info!(command = %sent.id, error = %failed("ssm:CancelCommand", &error), "not cancelled");
        }
    }
}
