//! Converge: from the observation and the intent to the one next action. It is a pure function, so its caller may die at any time and
//! the next caller goes on.
//!
//! This file implements safety.md rules 1, 8, 11 to 18, and must not be "simplified" without changing that argument. Branches in order
//! of priority: the operator, the fence, the outage, the nodes, the monitors, the mirror. It never does what the intent does not list.

mod mirror;
mod nodes;
mod outage;
mod restore;

pub use restore::skip_copy_proof;

use crate::config::Config;
use crate::error::{Error, Kind};
use crate::intent::{Course, Disturbance, Intent};
use crate::observation::{Observation, Power};
use crate::steps::Step;
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What converge does next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
pub enum Action {
    /// Run a command document.
    Step {
        /// Which.
        step: Step,
    },
    /// Start the node's instance.
    Start {
        /// The node.
        node: String,
    },
    /// Stop the node's instance by a plain StopInstances, never by force (rule 14).
    Stop {
        /// The node.
        node: String,
    },
    /// Put the stopped node's old volumes back.
    Swap {
        /// The node.
        node: String,
    },
}

/// What converge concludes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Everything that the intent lists is as it was.
    Healthy,
    /// Do this, then look again. Tries are counted by the key.
    Act {
        /// What is counted.
        key: String,
        /// What to do.
        action: Action,
    },
    /// Look again later. The wait is timed by the key.
    Wait {
        /// What is timed.
        key: String,
        /// In words.
        why: String,
    },
    /// A restore turns back: write the intent with this course, then look again.
    Turn {
        /// The new course.
        course: Course,
        /// Why.
        why: Error,
    },
    /// Nothing more can be done without a person.
    Stuck(Error),
}

/// What one execution of converge remembers from round to round. Its loss costs time, never safety.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// What is waited for, and since when.
    pub waiting: Option<Waiting>,
    /// How often each action was tried.
    pub tries: BTreeMap<String, u32>,
}

/// A wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The verdict's key.
    pub key: String,
    /// Since when.
    pub since: Moment,
}

impl Memory {
    /// What to remember after a verdict at `now`.
    #[must_use]
    pub fn after(mut self, verdict: &Verdict, now: Moment) -> Self {
        match verdict {
            Verdict::Wait { key, .. } => {
                let same = self.waiting.take().filter(|waiting| &waiting.key == key);
                self.waiting = Some(same.unwrap_or(Waiting {
                    key: key.clone(),
                    since: now,
                }));
            }
            Verdict::Act { key, .. } => {
                *self.tries.entry(key.clone()).or_default() += 1;
                self.waiting = None;
            }
            // An action that did not help on one course may help on the other.
            Verdict::Turn { .. } => self = Self::default(),
            Verdict::Healthy | Verdict::Stuck(_) => self.waiting = None,
        }
        self
    }
}

/// How long converge waits for each thing before it acts or is stuck, in seconds.
pub mod patience {
    /// An instance from `pending`, or a guest from power-on, to its first answer: cloud-init and fsck included.
    pub const BOOT: i64 = 900;
    /// A guest's shutdown: its umount retries take many minutes. It is not forced before.
    pub const SHUTDOWN: i64 = 900;
    /// An API stop, which EC2 forces after some minutes. After this a person must look.
    pub const STOPPING: i64 = 3600;
    /// The reboot at the end of a post-processing, from its exit to the first answer.
    pub const REBOOT: i64 = 900;
    /// A post-processing script. Its node kills it after 840 s (rule 23).
    pub const POST: i64 = 900;
    /// A daemon after a boot: it waits five minutes for its peer by default.
    pub const DAEMON: i64 = 420;
    /// From a node's first answer until converge starts the cluster service. A service that starts by itself does so within this
    /// time, and a second start does no harm. Any longer would be time without redundancy.
    pub const DAEMON_START: i64 = 90;
    /// A group that starts or stops.
    pub const GROUP: i64 = 600;
    /// The node's own timer, until its groups are online.
    pub const TIMER: i64 = 600;
    /// Automatic mirror recovery, from both sides being up to the copy's begin.
    pub const AUTO_RECOVERY: i64 = 60;
    /// A mirror side that shows no state yet.
    pub const MIRROR: i64 = 420;
    /// A copy that makes progress. A full copy of 16 TiB at 200 MiB/s takes a day.
    pub const RESYNC: i64 = 172_800;
    /// A describe of EC2 that shows what was before a call.
    pub const SETTLE: i64 = 35;
    /// A monitor that shows no state yet.
    pub const MONITOR: i64 = 300;
}

/// Tries of one action before converge is stuck. Rule 18 asks for three.
pub const TRIES: u32 = 3;

/// Everything that a decision rests on.
pub struct Case<'a> {
    /// The cluster.
    pub config: &'a Config,
    /// What was seen.
    pub seen: &'a Observation,
    /// The lock's epoch.
    pub epoch: u64,
    /// What was intended.
    pub intent: &'a Intent,
    /// What this execution remembers.
    pub memory: &'a Memory,
}

type Next = Option<Verdict>;

impl Case<'_> {
    #[allow(clippy::unnecessary_wraps)] // it ends a chain of `Option`s
    fn stuck(&self, found: impl Into<String>, next: impl Into<String>) -> Next {
        let found = format!("cluster {}: {}", self.config.name, found.into());
        Some(Verdict::Stuck(Error::new(Kind::Stuck, found, next)))
    }

    /// Waits for `key` up to `limit` seconds, then does `then`.
    fn wait(&self, key: &str, limit: i64, why: &str, then: impl FnOnce() -> Next) -> Next {
        let waited = self.memory.waiting.as_ref().filter(|waiting| waiting.key == key);
        if waited.is_some_and(|waiting| self.seen.at.seconds_since(waiting.since) >= limit) {
            return then();
        }
        Some(Verdict::Wait {
            key: key.to_owned(),
            why: why.to_owned(),
        })
    }

    fn wait_or_stuck(&self, key: &str, limit: i64, why: &str, next: &str) -> Next {
        self.wait(key, limit, why, || self.stuck(format!("waited {limit} s: {why}"), next))
    }

    /// Tries `action` up to [`TRIES`] times, then is stuck.
    fn act(&self, key: &str, next: &str, action: impl FnOnce(u64) -> Action) -> Next {
        let tried = self.memory.tries.get(key).copied().unwrap_or(0);
        if tried >= TRIES {
            return self.stuck(format!("{key} was tried {tried} times and did not help"), next);
        }
        Some(Verdict::Act {
            key: key.to_owned(),
            action: action(self.attempt(tried)),
        })
    }

    /// Tries a call of EC2 up to [`TRIES`] times. What EC2 shows in between may be from before the call, so that it is waited for
    /// before the call counts as one that did not help.
    fn act_on_ec2(&self, key: &str, next: &str, action: Action) -> Next {
        let act = || self.act(key, next, |_| action);
        if !self.memory.tries.contains_key(key) {
            return act();
        }
        self.wait(
            &format!("settle {key}"),
            patience::SETTLE,
            &format!("EC2 shows what became of {key}"),
            act,
        )
    }

    /// The document's `Attempt`, unique per try and per epoch: a node replays the result of an attempt that it knows. A restore that
    /// has turned back uses other numbers.
    fn attempt(&self, tried: u32) -> u64 {
        let base = if self.copies() { 20 } else { 0 };
        self.epoch
            .saturating_mul(100)
            .saturating_add(base + u64::from(tried.min(18)) + 1)
    }

    /// Whether a restore goes back by copy.
    fn copies(&self) -> bool {
        let restoring = self.intent.restore.as_ref();
        restoring.is_some_and(|restoring| restoring.course == Course::RollBack)
    }

    /// A document that acts on `groups` at `node`.
    fn on_groups(&self, document: &str, node: &str, groups: &[&str]) -> Step {
        Step::on_groups(document, node, self.peer(node), &self.intent.id, groups.iter().copied())
    }

    fn names(&self) -> [&str; 2] {
        [self.intent.active.as_str(), self.intent.standby.as_str()]
    }

    /// The nodes on which the intent lists a disturbance. Converge does not judge the other ones (rules 11 and 12): their state may
    /// be older than the operation.
    fn touched(&self) -> impl Iterator<Item = &str> {
        self.names().into_iter().filter(|name| self.intent.touches(name))
    }

    fn peer(&self, node: &str) -> &str {
        let [active, standby] = self.names();
        if node == active { standby } else { active }
    }
}

/// The next action for a cluster with an unfinished intent.
pub fn next(case: &Case<'_>) -> Verdict {
    operator(case)
        .or_else(|| gone(case))
        .or_else(|| fence(case))
        .or_else(|| match &case.intent.restore {
            None => backup(case),
            Some(restoring) => restore::next(case, restoring),
        })
        .unwrap_or(Verdict::Healthy)
}

/// The way back from a backup.
fn backup(case: &Case<'_>) -> Next {
    outage::groups(case)
        .or_else(|| nodes::power(case))
        .or_else(|| nodes::backup_mode(case))
        .or_else(|| nodes::daemons(case))
        .or_else(|| mirror::monitors(case))
        .or_else(|| mirror::mirrors(case))
        .or_else(|| outage::all_online(case))
}

/// Rule 12: a node on hold stops everything. The caller judges the hold on the lock, which it reads.
fn operator(case: &Case<'_>) -> Next {
    let held = case
        .names()
        .into_iter()
        .find(|name| case.seen.node(name).is_some_and(|node| node.hold))?;
    Some(Verdict::Stuck(Error::new(
        Kind::OperatorHold,
        format!(
            "{held} is on hold; {} is not brought back until it ends",
            case.intent.id
        ),
        "finish the work, then unhold the cluster, with both nodes up: recover is started and goes on",
    )))
}

/// An instance that is terminated cannot be started.
fn gone(case: &Case<'_>) -> Next {
    let name = case.touched().find(|name| case.seen.power(name) == Power::Gone)?;
    case.stuck(
        format!("the instance of {name} is terminated, or EC2 does not show it"),
        "rebuild the node with the instance id in the cluster's configuration, then start recover",
    )
}

/// Rule 8 and F: first of all, nothing of an older epoch may act on either node. For a silent node, waits until it no longer can.
fn fence(case: &Case<'_>) -> Next {
    for name in case.names() {
        if let Some(node) = case.seen.node(name) {
            if node.epoch.is_none_or(|epoch| epoch < case.epoch) {
                return case.act(
                    &format!("fence {name}"),
                    "look at the fence document's output on the node",
                    |_| {
                        let step = Step::new("fence", name, &case.intent.id).with("ExpectedBootId", &node.boot_id);
                        Action::Step { step }
                    },
                );
            }
            if node.unfinished.iter().any(|run| run == &case.intent.id) && !restore::goes_down(case, node) {
                let why = format!("{name}'s own timer starts the groups again");
                return case.wait_or_stuck(
                    &format!("timer {name}"),
                    patience::TIMER,
                    &why,
                    "start the groups by hand on the node with GREEN mirror disks",
                );
            }
        } else if case.seen.power(name) == Power::Running && !quiet(case) {
            let why = format!("{name} does not answer; what was sent to it runs out");
            // The intent's own quiet time limits this wait.
            return Some(Verdict::Wait {
                key: format!("quiet {name}"),
                why,
            });
        }
    }
    None
}

/// Whether nothing that the operation sent can still begin or go on acting.
fn quiet(case: &Case<'_>) -> bool {
    case.seen.at.seconds_since(case.intent.started) >= i64::from(case.intent.quiet_after_seconds)
}

/// Whether the intent lists what an action disturbs (rule 11).
pub fn is_listed(intent: &Intent, action: &Action) -> bool {
    match action {
        Action::Start { node } | Action::Stop { node } => intent.touches(node),
        Action::Swap { node } => intent.attachments(node).next().is_some(),
        Action::Step { step } => {
            let list = |name: &str| {
                step.parameters
                    .get(name)
                    .map(String::as_str)
                    .unwrap_or_default()
                    .split(' ')
            };
            match step.document.as_str() {
                "fence" => true,
                "start-group" | "stop-group" | "quiesce-restore" => {
                    list("Groups").all(|group| intent.groups().any(|listed| listed == group))
                }
                "resume-monitors" => list("Nodes").all(|node| {
                    list("Monitors").all(|monitor| {
                        intent.disturbances.iter().any(|one| {
                            matches!(one, Disturbance::Monitor { node: n, monitor: m } if n == node && m == monitor)
                        })
                    })
                }),
                "recover-mirror" => list("Disks").all(|disk| intent.breaks(disk)),
                "leave-backup-mode" => intent.enters_backup_mode(&step.node),
                "enter-restore-mode" | "post-process-restore" | "enable-services" => {
                    intent.enters_restore_mode(&step.node)
                }
                "start-cluster" => intent.touches(&step.node),
                _ => false,
            }
        }
    }
}

#[cfg(test)]
#[path = "converge_tests.rs"]
mod tests;
