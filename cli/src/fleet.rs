//! Every cluster at a glance: is it protected, what runs, what is wrong, and the command that mends it. Pure.

use crate::ports::Status;
use mirrorsnap_domain::catalogue::{self, Backup, Snapshot, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::patrol::{Age, Fleet, Item};
use mirrorsnap_domain::time::Moment;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// All that is seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The configurations by cluster; the error: it cannot be read.
    pub clusters: BTreeMap<String, Result<Config>>,
    /// The locks by cluster.
    pub items: BTreeMap<String, Item>,
    /// Our snapshots of all clusters.
    pub snapshots: Vec<Snapshot>,
    /// What DescribeExecution says of the locks' holders, by their ARNs. One that does not exist is absent.
    pub holders: BTreeMap<String, Status>,
}

/// A valid backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Newest {
    /// Its id.
    pub id: String,
    /// Seconds since the groups were stopped for it.
    pub age_seconds: i64,
}

/// What holds the lock and runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Runs {
    /// The state machine, without the stack's name: `backup`, `restore`, `recover`.
    pub what: String,
    /// Its ARN.
    pub execution: String,
    /// Seconds since it took the lock.
    pub seconds: Option<i64>,
}

/// Something that is wrong with a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum Wrong {
    /// Its parameter cannot be read, or is not there although it has a lock that is in use.
    ConfigUnreadable {
        /// Why.
        why: String,
    },
    /// Its lock cannot be read.
    LockUnreadable {
        /// Why.
        why: String,
    },
    /// It is on hold.
    Hold {
        /// Who, and why.
        why: String,
    },
    /// An operation is unfinished, and nobody works on it.
    NotBack,
    /// Its newest valid backup is older than the objective.
    Overdue {
        /// The objective.
        objective_hours: u32,
    },
    /// It has no valid backup.
    NoBackup,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Its name.
    pub cluster: String,
    /// The node that its groups ran on, by the newest evidence: an unfinished operation's, or the newest valid backup's.
    pub active: Option<String>,
    /// When that evidence was taken.
    pub active_at: Option<Moment>,
    /// The newest valid backup.
    pub newest: Option<Newest>,
    /// The age that raises the alarm.
    pub objective_hours: Option<u32>,
    /// What runs.
    pub runs: Option<Runs>,
    /// What is wrong, the worst first.
    pub wrong: Vec<Wrong>,
}

impl Seen {
    /// A row for each cluster that has a configuration or an unfinished operation.
    pub fn rows(&self, now: Moment) -> Vec<Row> {
        let fleet = Fleet {
            clusters: self.clusters.clone(),
            items: self.items.clone(),
            snapshots: self.snapshots.clone(),
            ..Fleet::default()
        };
        let ages: BTreeMap<String, Age> = fleet
            .report(now)
            .ages
            .into_iter()
            .map(|age| (age.cluster.clone(), age))
            .collect();
        let in_use = self
            .items
            .iter()
            .filter(|(_, item)| is_in_use(item))
            .map(|(name, _)| name);
        let names: BTreeSet<&String> = self.clusters.keys().chain(in_use).collect();
        names
            .into_iter()
            .map(|name| self.row(name, ages.get(name), now))
            .collect()
    }

    fn row(&self, name: &str, age: Option<&Age>, now: Moment) -> Row {
        let config = self.clusters.get(name);
        let readable = config.and_then(|config| config.as_ref().ok());
        let lock = self.items.get(name).map(|item| &item.lock);
        let lock_read = lock.and_then(|lock| lock.as_ref().ok());
        let backups = self.backups(name);
        let newest = backups.iter().find(|backup| backup.valid);
        let runs = lock_read.and_then(|lock| self.runs(lock, now));
        let mut wrong = Vec::new();
        match config {
            Some(Err(error)) => wrong.push(Wrong::ConfigUnreadable { why: error.to_string() }),
            None => wrong.push(Wrong::ConfigUnreadable {
                why: "it has no parameter, and its lock is in use".to_owned(),
            }),
            Some(Ok(_)) => {}
        }
        if let Some(Err(error)) = lock {
            wrong.push(Wrong::LockUnreadable { why: error.to_string() });
        }
        if lock_read.is_some_and(|lock| lock.intent.is_some()) && runs.is_none() {
            wrong.push(Wrong::NotBack);
        }
        if let Some(why) = lock_read.and_then(|lock| lock.hold.clone()) {
            wrong.push(Wrong::Hold { why });
        }
        let objective_hours = readable.and_then(|config| config.objective_hours);
        match (newest, objective_hours, age) {
            (None, ..) if readable.is_some() => wrong.push(Wrong::NoBackup),
            (Some(_), Some(objective_hours), Some(age)) if age.overdue => {
                wrong.push(Wrong::Overdue { objective_hours });
            }
            _ => {}
        }
        let (active, active_at) = active(readable, lock_read, newest);
        Row {
            cluster: name.to_owned(),
            active,
            active_at,
            newest: newest.map(|backup| Newest {
                id: backup.id.to_string(),
                age_seconds: now.seconds_since(backup.consistent_at),
            }),
            objective_hours,
            runs,
            wrong,
        }
    }

    fn backups(&self, name: &str) -> Vec<Backup> {
        let of = |one: &&Snapshot| one.tags.get(tag::CLUSTER).is_some_and(|cluster| cluster == name);
        catalogue::backups(name, self.snapshots.iter().filter(of).cloned().collect())
    }

    fn runs(&self, lock: &Lock, now: Moment) -> Option<Runs> {
        let execution = lock.holder.clone()?;
        (self.holders.get(&execution) == Some(&Status::Running)).then(|| Runs {
            what: machine(&execution),
            seconds: lock.since.map(|since| now.seconds_since(since)),
            execution,
        })
    }
}

/// A lock that was never used is no cluster.
fn is_in_use(item: &Item) -> bool {
    item.lock
        .as_ref()
        .map_or(true, |lock| lock.intent.is_some() || lock.holder.is_some())
}

/// The state machine's name without the stack's, from an execution's ARN.
fn machine(execution: &str) -> String {
    let name = execution.split(':').nth(6).unwrap_or(execution);
    name.rsplit('-').next().unwrap_or(name).to_owned()
}

fn active(config: Option<&Config>, lock: Option<&Lock>, newest: Option<&Backup>) -> (Option<String>, Option<Moment>) {
    if let Some(intent) = lock.and_then(|lock| lock.intent.as_ref()) {
        return (Some(intent.active.clone()), Some(intent.started));
    }
    // A backup's volumes are the standby's.
    let other = config.zip(newest).and_then(|(config, backup)| {
        let mut nodes = config.nodes.iter().map(|node| node.name.clone());
        Some((nodes.find(|name| *name != backup.source_node)?, backup.consistent_at))
    });
    other.unzip()
}

#[cfg(test)]
#[path = "fleet_tests.rs"]
mod tests;
