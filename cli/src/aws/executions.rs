//! Step Functions.

use super::Stack;
use crate::follow::{Event, Said};
use crate::ports::{Execution, Executions, Status};
use crate::request::Machine;
use aws_sdk_sfn::error::ProvideErrorMetadata;
use aws_sdk_sfn::types::HistoryEvent;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_functions::aws::failed;
use serde_json::{Map, Value};

fn millis(at: &aws_sdk_sfn::primitives::DateTime) -> i64 {
    at.to_millis().unwrap_or_default()
}

fn json(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn said(event: &HistoryEvent) -> Said {
    if let Some(entered) = event.state_entered_event_details() {
        return Said::Entered(entered.name().to_owned());
    }
    if let Some(exited) = event.state_exited_event_details() {
        return Said::Exited {
            state: exited.name().to_owned(),
            output: json(exited.output()),
        };
    }
    // The reply of startExecution.sync names the child.
    let submitted = event.task_submitted_event_details();
    if let Some(task) = submitted.filter(|task| task.resource_type() == "states")
        && let Some(child) = json(task.output()).get("ExecutionArn").and_then(Value::as_str)
    {
        return Said::Child(child.to_owned());
    }
    Said::Other
}

impl Stack {
    /// The ARN of a state machine, found by its name.
    async fn machine(&self, machine: Machine) -> Result<String> {
        let name = format!("{}-{machine}", self.name);
        let mut pages = self.sfn.list_state_machines().into_paginator().send();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| failed("states:ListStateMachines", &error))?;
            if let Some(found) = page.state_machines().iter().find(|one| one.name() == name) {
                return Ok(found.state_machine_arn().to_owned());
            }
        }
        let found = format!("there is no state machine {name} in this account and region");
        let next = "name the stack by --stack, its region by --region, your account by --profile; or deploy it";
        Err(Error::new(Kind::AwsRefused, found, next))
    }
}

impl Executions for Stack {
    async fn start(&self, machine: Machine, name: &str, input: &Map<String, Value>) -> Result<String> {
        let machine = self.machine(machine).await?;
        let call = self.sfn.start_execution().state_machine_arn(machine).name(name);
        let reply = call.input(Value::Object(input.clone()).to_string()).send().await;
        let started = reply.map_err(|error| failed("states:StartExecution", &error))?;
        Ok(started.execution_arn().to_owned())
    }

    async fn execution(&self, arn: &str) -> Result<Option<Execution>> {
        let one = match self.sfn.describe_execution().execution_arn(arn).send().await {
            Ok(one) => one,
            Err(error) if error.code() == Some("ExecutionDoesNotExist") => return Ok(None),
            Err(error) => return Err(failed("states:DescribeExecution", &error)),
        };
        Ok(Some(Execution {
            arn: one.execution_arn().to_owned(),
            status: Status::read(one.status().as_str()),
            begun: millis(one.start_date()),
            input: json(one.input()),
            output: one.output().map(|output| json(Some(output))),
            error: one.error().map(str::to_owned),
            cause: one.cause().map(str::to_owned),
        }))
    }

    /// From the newest event back to `after`, so that a look costs one call whatever the history's length.
    async fn events(&self, arn: &str, after: i64) -> Result<Vec<Event>> {
        let call = self.sfn.get_execution_history().execution_arn(arn).reverse_order(true);
        let mut pages = call
            .max_results(200)
            .include_execution_data(true)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        'pages: while let Some(page) = pages.next().await {
            let page = match page {
                Ok(page) => page,
                // A child that was just started may not be shown yet.
                Err(error) if error.code() == Some("ExecutionDoesNotExist") => break,
                Err(error) => return Err(failed("states:GetExecutionHistory", &error)),
            };
            for event in page.events() {
                if event.id() <= after {
                    break 'pages;
                }
                found.push(Event {
                    id: event.id(),
                    at: millis(event.timestamp()),
                    said: said(event),
                });
            }
        }
        found.reverse();
        Ok(found)
    }
}
