//! EventBridge Scheduler's schedules.

use super::Aws;
use super::client::{ended, failed, is_absent, pages};
use crate::ports::{Outcome, Schedules};
use aws_sdk_scheduler::error::BuildError;
use aws_sdk_scheduler::operation::get_schedule::GetScheduleOutput;
use aws_sdk_scheduler::operation::list_schedules::ListSchedulesOutput;
use aws_sdk_scheduler::types::{
    ActionAfterCompletion, DeadLetterConfig, FlexibleTimeWindow, FlexibleTimeWindowMode, RetryPolicy, ScheduleState,
    Target,
};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::schedule::{self, Enabled, Entry, Found, Schedule};
use std::collections::BTreeMap;

/// Most entries of one page; ListSchedules takes no more.
const PAGE: i32 = 100;

/// As one of ours would be; `None`: it has what none of ours has.
fn entry(one: &GetScheduleOutput) -> Option<Entry> {
    let (window, target) = (one.flexible_time_window()?, one.target()?);
    let retries = target.retry_policy()?;
    let is_plain = one.start_date().is_none()
        && one.end_date().is_none()
        && one.kms_key_arn().is_none()
        && one.action_after_completion().unwrap_or(&ActionAfterCompletion::None) == &ActionAfterCompletion::None;
    let flexible_minutes = match window.mode() {
        FlexibleTimeWindowMode::Off => Some(0),
        _ => u32::try_from(window.maximum_window_in_minutes()?).ok(),
    }?;
    is_plain.then_some(Entry {
        schedule: Schedule {
            expression: one.schedule_expression()?.to_owned(),
            time_zone: one.schedule_expression_timezone().unwrap_or("UTC").to_owned(),
            flexible_minutes,
        },
        target: schedule::Target {
            machine: target.arn().to_owned(),
            role: target.role_arn().to_owned(),
            dead_letters: target.dead_letter_config()?.arn()?.to_owned(),
        },
        input: target.input()?.to_owned(),
        retries: (
            retries.maximum_retry_attempts()?,
            retries.maximum_event_age_in_seconds()?,
        ),
        description: one.description()?.to_owned(),
    })
}

fn found(one: &GetScheduleOutput) -> Found {
    Found {
        entry: entry(one),
        description: one.description().unwrap_or_default().to_owned(),
        enabled: match one.state() {
            Some(ScheduleState::Disabled) => Enabled::No,
            _ => Enabled::Yes,
        },
    }
}

fn window(minutes: u32) -> std::result::Result<FlexibleTimeWindow, BuildError> {
    let window = FlexibleTimeWindow::builder();
    match i32::try_from(minutes) {
        Ok(minutes) if minutes > 0 => window
            .mode(FlexibleTimeWindowMode::Flexible)
            .maximum_window_in_minutes(minutes)
            .build(),
        _ => window.mode(FlexibleTimeWindowMode::Off).build(),
    }
}

fn target(entry: &Entry) -> std::result::Result<Target, BuildError> {
    let (attempts, age) = entry.retries;
    Target::builder()
        .arn(&entry.target.machine)
        .role_arn(&entry.target.role)
        .input(&entry.input)
        .retry_policy(
            RetryPolicy::builder()
                .maximum_retry_attempts(attempts)
                .maximum_event_age_in_seconds(age)
                .build(),
        )
        .dead_letter_config(DeadLetterConfig::builder().arn(&entry.target.dead_letters).build())
        .build()
}

fn window_and_target(entry: &Entry) -> Result<(FlexibleTimeWindow, Target)> {
    let both = || Ok((window(entry.schedule.flexible_minutes)?, target(entry)?));
    // Nothing that we send lacks a member, so this is an error of ours.
    both().map_err(|error: BuildError| Error::new(Kind::InputInvalid, error.to_string(), "report this"))
}

impl Schedules for Aws {
    async fn schedules(&self, group: &str) -> Result<BTreeMap<String, Found>> {
        let call = self.scheduler.list_schedules().group_name(group);
        let mut stream = call.into_paginator().page_size(PAGE).send();
        let listed = pages("scheduler:ListSchedules", async || stream.next().await).await?;
        let mut all = BTreeMap::new();
        for name in listed
            .iter()
            .flat_map(ListSchedulesOutput::schedules)
            .filter_map(|one| one.name())
        {
            match self.scheduler.get_schedule().group_name(group).name(name).send().await {
                Ok(one) => _ = all.insert(name.to_owned(), found(&one)),
                Err(error) if is_absent("scheduler:GetSchedule", &error) => {}
                Err(error) => return Err(failed("scheduler:GetSchedule", &error)),
            }
        }
        Ok(all)
    }

    async fn create_schedule(&self, group: &str, name: &str, entry: &Entry) -> Outcome {
        let (window, target) = match window_and_target(entry) {
            Ok(both) => both,
            Err(error) => return Outcome::Refused(error),
        };
        let call = self
            .scheduler
            .create_schedule()
            .group_name(group)
            .name(name)
            .description(&entry.description)
            .schedule_expression(&entry.schedule.expression)
            .schedule_expression_timezone(&entry.schedule.time_zone)
            .flexible_time_window(window)
            .target(target)
            .state(ScheduleState::Enabled);
        ended("scheduler:CreateSchedule", call.send().await)
    }

    async fn update_schedule(&self, group: &str, name: &str, entry: &Entry, enabled: Enabled) -> Outcome {
        let (window, target) = match window_and_target(entry) {
            Ok(both) => both,
            Err(error) => return Outcome::Refused(error),
        };
        let call = self
            .scheduler
            .update_schedule()
            .group_name(group)
            .name(name)
            .description(&entry.description)
            .schedule_expression(&entry.schedule.expression)
            .schedule_expression_timezone(&entry.schedule.time_zone)
            .flexible_time_window(window)
            .target(target)
            .state(match enabled {
                Enabled::Yes => ScheduleState::Enabled,
                Enabled::No => ScheduleState::Disabled,
            });
        ended("scheduler:UpdateSchedule", call.send().await)
    }

    async fn delete_schedule(&self, group: &str, name: &str) -> Outcome {
        let call = self.scheduler.delete_schedule().group_name(group).name(name);
        ended("scheduler:DeleteSchedule", call.send().await)
    }
}
