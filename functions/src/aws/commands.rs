//! Run Command: our own documents, sent once and waited for.

use super::{Aws, failed};
use aws_sdk_ssm::error::ProvideErrorMetadata;
use aws_sdk_ssm::types::{CommandFilter, CommandFilterKey};
use mirrorsnap_domain::document::Reply;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::steps::Step;
use std::collections::HashMap;

/// Delivery timeout in seconds. The least that SSM takes: a document that comes late is refused by the node anyway.
const DELIVERY_SECONDS: i32 = 30;

/// A command document on its way.
pub(crate) struct Sent {
    pub(crate) command: String,
    pub(crate) instance: String,
}

/// Where a command is.
pub(crate) enum Progress {
    /// Not over.
    Running,
    /// Over; what the node answered.
    Replied(Box<Reply>),
}

fn parameters(step: &Step) -> HashMap<String, Vec<String>> {
    step.parameters
        .iter()
        .map(|(name, value)| (name.clone(), vec![value.clone()]))
        .collect()
}

/// What is written into the command's comment (100 characters at most), to find it again.
fn comment(step: &Step) -> String {
    let part = |name: &str| step.parameters.get(name).map_or("-", String::as_str);
    format!("{} {} {}", step.document, part("Run"), part("Attempt"))
        .chars()
        .take(100)
        .collect()
}

impl Aws {
    /// Sends a document. SendCommand has no idempotency token, so the SDK does not repeat it.
    pub(crate) async fn send(&self, instance: &str, step: &Step) -> Result<Sent> {
        let reply = self
            .ssm_once
            .send_command()
            .instance_ids(instance)
            .document_name(self.document(&step.document))
            .comment(comment(step))
            .timeout_seconds(DELIVERY_SECONDS)
            .set_parameters(Some(parameters(step)))
            .send()
            .await
            .map_err(|error| match error.code() {
                Some("InvalidInstanceId") => Error::new(
                    Kind::NodeUnreachable,
                    format!(
                        "SSM cannot reach {} ({instance}): it is not registered, or not running",
                        step.node
                    ),
                    "check the SSM agent and the instance",
                ),
                _ => failed("ssm:SendCommand", &error),
            })?;
        let command = reply
            .command()
            .and_then(|command| command.command_id())
            .unwrap_or_default()
            .to_owned();
        tracing::info!(document = %step.document, node = %step.node, %command, "sent");
        Ok(Sent {
            command,
            instance: instance.to_owned(),
        })
    }

    /// The newest command of this document, instance and parameters that was sent before.
    pub(crate) async fn find(&self, instance: &str, step: &Step) -> Result<Option<Sent>> {
        let by_document = CommandFilter::builder()
            .key(CommandFilterKey::DocumentName)
            .value(self.document(&step.document))
            .build()
            .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))?;
        let reply = self
            .ssm
            .list_commands()
            .instance_id(instance)
            .filters(by_document)
            .send()
            .await
            .map_err(|error| failed("ssm:ListCommands", &error))?;
        let (wanted, comment) = (parameters(step), comment(step));
        let found = reply.commands().iter().filter(|command| {
            command.comment() == Some(comment.as_str()) && command.parameters().is_some_and(|sent| *sent == wanted)
        });
        let newest = found.max_by_key(|command| command.requested_date_time().map(|at| (at.secs(), at.subsec_nanos())));
        Ok(newest.and_then(|command| command.command_id()).map(|id| Sent {
            command: id.to_owned(),
            instance: instance.to_owned(),
        }))
    }

    /// Looks at a command once. What SSM says of a command that was not answered by our first line is never taken for
    /// success: the agent may have died while the document acted.
    pub(crate) async fn progress(&self, step: &Step, sent: &Sent) -> Result<Progress> {
        let reply = self
            .ssm
            .get_command_invocation()
            .command_id(&sent.command)
            .instance_id(&sent.instance)
            .send()
            .await;
        let invocation = match reply {
            Ok(invocation) => invocation,
            // Right after SendCommand the invocation may not be there yet.
            Err(error) if error.code() == Some("InvocationDoesNotExist") => return Ok(Progress::Running),
            Err(error) => return Err(failed("ssm:GetCommandInvocation", &error)),
        };
        let status = invocation.status_details().unwrap_or_default();
        let (document, node) = (step.document.as_str(), step.node.as_str());
        let text = format!("{document} on {node} (command {}) ended {status}", sent.command);
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
                // A lost agent ends so as well, even though the document began: not delivered is not "not begun".
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

    /// Cancels a read-only command that nobody waits for any more. Best effort: it does no harm if it runs late.
    pub(crate) async fn cancel(&self, sent: &Sent) {
        let reply = self
            .ssm
            .cancel_command()
            .command_id(&sent.command)
            .instance_ids(&sent.instance)
            .send()
            .await;
        if let Err(error) = reply {
            tracing::info!(command = %sent.command, error = %failed("ssm:CancelCommand", &error), "not cancelled");
        }
    }

    /// Sends a read-only document and waits for its reply, at most `seconds`.
    pub(crate) async fn ask(&self, instance: &str, step: &Step, seconds: u32) -> Result<Reply> {
        let deadline = self.pace.deadline(seconds);
        let sent = self.send(instance, step).await?;
        loop {
            self.pace.tenths(3).await;
            if let Progress::Replied(reply) = self.progress(step, &sent).await? {
                return Ok(*reply);
            }
            if deadline.has_passed() {
                self.cancel(&sent).await;
                return Err(Error::new(
                    Kind::NodeUnreachable,
                    format!("{} did not answer {} within {seconds} s", step.node, step.document),
                    "check the SSM agent and the node's load",
                ));
            }
        }
    }
}
