//! The schedules of the clusters' backups: what EventBridge Scheduler has in the stack's schedule group is made equal to what the
//! clusters' configurations say.
//!
//! A schedule is ours if its description says so. Whatever else is in the group belongs to somebody, and is never touched. The schedule
//! of a cluster whose configuration cannot be read stays as it is: a misspelt key must not end the backups. An operator who disables a
//! schedule of ours keeps it disabled.

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the description of a schedule of ours begins with.
const OURS: &str = "mirrorsnap: ";
/// Longest expression and time zone that are read. EventBridge Scheduler's own limits are 256 and 50 characters.
const LONGEST: usize = 256;
/// EventBridge Scheduler's longest window (CreateSchedule, MaximumWindowInMinutes).
const LONGEST_WINDOW: u32 = 1440;

fn utc() -> String {
    "UTC".to_owned()
}

/// When a cluster is backed up. Whether the expression and the time zone exist, EventBridge Scheduler says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// `cron(0 3 * * ? *)` or `rate(12 hours)`.
    pub expression: String,
    /// The time zone of a `cron` expression, such as `Asia/Tokyo`.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The backup begins within so many minutes after the expression's time. 0: at that time.
    #[serde(default)]
    #[cfg_attr(test, schemars(range(max = LONGEST_WINDOW)))]
    pub flexible_minutes: u32,
}

impl Schedule {
    /// Error: `ConfigInvalid`.
    pub fn validate(&self) -> Result<()> {
        let invalid = |found: String, next: &str| Err(Error::new(Kind::ConfigInvalid, found, next));
        let inner = |kind: &str| self.expression.strip_prefix(kind)?.strip_prefix('(')?.strip_suffix(')');
        let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || " *?,-/#".contains(c));
        let cron = inner("cron").is_some_and(|fields| fields.split(' ').count() == 6 && plain(fields));
        let rate = inner("rate").is_some_and(|value| {
            let (count, unit) = value.split_once(' ').unwrap_or_default();
            count.parse::<u32>().is_ok_and(|count| count > 0)
                && ["minute", "minutes", "hour", "hours", "day", "days"].contains(&unit)
        });
        if self.expression.len() > LONGEST || !(cron || rate) {
            let shown: String = self.expression.chars().take(60).collect();
            return invalid(
                format!("the schedule's expression is {shown:?}"),
                "write cron(minute hour day month weekday year) or rate(number unit)",
            );
        }
        let zone = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
        if self.time_zone.is_empty() || self.time_zone.len() > 50 || !self.time_zone.chars().all(zone) {
            let shown: String = self.time_zone.chars().take(60).collect();
            return invalid(
                format!("the schedule's time_zone is {shown:?}"),
                "name one of the tz database, such as Asia/Tokyo",
            );
        }
        if self.flexible_minutes > LONGEST_WINDOW {
            return invalid(
                format!("the schedule's flexible_minutes is {}", self.flexible_minutes),
                "choose 0 to 1440 minutes",
            );
        }
        Ok(())
    }
}

/// What every schedule of ours starts, and as whom.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// The backup's state machine.
    pub machine: String,
    /// The role that starts it.
    pub role: String,
    /// The queue of what could not be started.
    pub dead_letters: String,
}

/// A schedule as we want it. Its name is the cluster's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub schedule: Schedule,
    /// What.
    pub target: Target,
    /// The execution's input.
    pub input: String,
    /// How often a start that failed is tried again, and until how many seconds later.
    pub retries: (i32, i32),
    /// Whose it is.
    pub description: String,
}

impl Entry {
    fn new(cluster: &str, schedule: &Schedule, target: &Target) -> Self {
        Self {
            schedule: schedule.clone(),
            target: target.clone(),
            // Scheduler delivers at least once. The first state claims `occurrence`, so that a second delivery does nothing.
            input: format!(r#"{{"cluster": "{cluster}", "occurrence": "<aws.scheduler.scheduled-time>"}}"#),
            retries: (10, 3600),
            description: format!("{OURS}backs up cluster {cluster} as its parameter says"),
        }
    }
}

/// A schedule as it is in the group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Absent: it has what no schedule of ours has, such as an end date.
    pub entry: Option<Entry>,
    /// Its description.
    pub description: String,
    /// Whether an operator, or we, enabled it.
    pub enabled: Enabled,
}

/// Whether a schedule starts anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enabled {
    /// It does.
    Yes,
    /// An operator has disabled it.
    No,
}

/// What makes the group equal to the configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// There is none.
    Create(Entry),
    /// There is another one. It stays enabled or disabled.
    Update(Entry, Enabled),
    /// The cluster wants none, or is gone.
    Delete,
}

/// What is to be done, by the schedules' names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    /// In the order of the names.
    pub changes: BTreeMap<String, Change>,
    /// Clusters whose schedule cannot be made, since a foreign one has its name.
    pub taken: BTreeSet<String>,
}

/// Compares the configurations with what is in the group.
pub fn plan(clusters: &BTreeMap<String, Result<Config>>, found: &BTreeMap<String, Found>, target: &Target) -> Plan {
    let mut plan = Plan::default();
    for (cluster, config) in clusters {
        let Ok(config) = config else { continue };
        let Some(schedule) = &config.schedule else { continue };
        let wanted = Entry::new(cluster, schedule, target);
        let change = match found.get(cluster) {
            None => Change::Create(wanted),
            Some(one) if !one.description.starts_with(OURS) => {
                plan.taken.insert(cluster.clone());
                continue;
            }
            Some(one) if one.entry.as_ref() == Some(&wanted) => continue,
            Some(one) => Change::Update(wanted, one.enabled),
        };
        plan.changes.insert(cluster.clone(), change);
    }
    for (name, _) in found.iter().filter(|(_, one)| one.description.starts_with(OURS)) {
        let is_wanted = clusters
            .get(name)
            .is_some_and(|config| config.as_ref().map_or(true, |config| config.schedule.is_some()));
        if !is_wanted {
            plan.changes.insert(name.clone(), Change::Delete);
        }
    }
    plan
}

#[cfg(test)]
#[path = "schedule_tests.rs"]
mod tests;
