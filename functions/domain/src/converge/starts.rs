//! StartInstances: how often an instance was ordered to start, what EC2 said to it, when it is ordered again, and when a person is told
//! (safety.md, rule 20).
//!
//! EC2 refuses a start by the call's error, or accepts it and lets the instance fall back to `stopped`; then only StateReason tells why.

use crate::config::Config;
use crate::error::Kind;
use crate::observation::{Instance, Observation, Power};
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

use super::patience;

/// What became of a StartInstances that the state machine ordered, as it says to `assess`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ordered {
    /// The node.
    pub node: String,
    /// The error's name; absent: EC2 accepted it.
    #[serde(default)]
    pub error: Option<String>,
    /// The error's words.
    #[serde(default)]
    pub cause: Option<String>,
}

/// What a start lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lack {
    /// Capacity, or a quota of the account: it passes, and no other volume or node cures it.
    Capacity,
    /// Something else, such as the key of a volume.
    Other,
}

/// An instance that was ordered to start and has not run since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Start {
    /// When it was ordered last.
    pub at: Moment,
    /// LaunchTime before the last order, where it is known. A start that EC2 accepts changes it.
    #[serde(default)]
    pub launched: Option<Moment>,
    /// Why it has not started, if that is known.
    #[serde(default)]
    pub refusals: Option<Refusals>,
}

/// Starts in a row that came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusals {
    /// Since when.
    pub since: Moment,
    /// How many since the operation turned back, if it did.
    pub times: u32,
    /// The last order that came to nothing.
    pub of: Moment,
    /// How often a person was told.
    pub told: u32,
    /// What it lacks.
    pub lack: Lack,
    /// What EC2 said, and what to do.
    pub why: String,
}

/// Nodes that were ordered to start and have not run since.
pub type Starts = BTreeMap<String, Start>;

/// Whether a stopped node is ordered to start now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Due {
    /// Yes.
    Now,
    /// Not yet. Why.
    Later(String),
}

/// From the first refusal to the second try, and from one try to the next after it.
const FIRST_PAUSE: i64 = 60;
const PAUSE: i64 = 300;

/// From the first refusal to each message: at once, then these, then each hour.
const TOLD_AFTER: [i64; 3] = [0, 900, 3600];
const TOLD_EVERY: i64 = 3600;

/// Tries of a start that lacks something else than capacity, before a restore puts the old volumes back.
pub const MOST_OTHER: u32 = 3;

/// The node was ordered to start at `at`.
pub fn order(starts: &mut Starts, node: &str, at: Moment, instance: Option<&Instance>) {
    let refusals = starts.remove(node).and_then(|start| start.refusals);
    let launched = instance.and_then(|instance| instance.launched);
    starts.insert(node.to_owned(), Start { at, launched, refusals });
}

/// An operation turns back, with other volumes on its nodes: what kept them from starting may be gone, so each is started at once. A person
/// who was told of it is not told again before the next message is due.
pub fn turn(starts: &mut Starts) {
    for refusals in starts.values_mut().filter_map(|start| start.refusals.as_mut()) {
        refusals.times = 0;
    }
}

/// What the state machine says of its orders, which it gave at `at` or a little before.
pub fn note(starts: &mut Starts, ordered: &[Ordered], at: Moment) {
    for one in ordered {
        let start = starts.entry(one.node.clone()).or_insert(Start {
            at,
            launched: None,
            refusals: None,
        });
        if let Some(error) = &one.error {
            let lack = if *error == Kind::CapacityLacking.name() {
                Lack::Capacity
            } else {
                Lack::Other
            };
            let why = one.cause.clone().unwrap_or_else(|| error.clone());
            refused(start, at, lack, why);
        }
    }
}

/// What EC2 shows of the nodes that were ordered to start.
pub fn look(starts: &mut Starts, seen: &Observation) {
    // EC2 has started it. What becomes of its guest is for others, and a loss of power is no start that came to nothing.
    starts.retain(|node, _| seen.power(node) != Power::Running);
    for (node, start) in starts {
        let Some(instance) = seen.instances.get(node) else {
            continue;
        };
        if instance.power != Power::Stopped || !is_open(start) {
            continue;
        }
        // A describe from before the start shows the instance as it was stopped.
        let is_new = start.launched.is_some() && instance.launched > start.launched;
        let failure = instance.reason.as_deref().and_then(launch_failure);
        if is_new && failure.is_some() || seen.at.seconds_since(start.at) >= patience::SETTLE {
            let (lack, next) = failure.unwrap_or((Lack::Other, "find out who stopped it; it is started again"));
            refused(start, seen.at, lack, said(instance, next));
        }
    }
}

/// Whether it is not known yet what became of the last order.
fn is_open(start: &Start) -> bool {
    start.refusals.as_ref().is_none_or(|refusals| refusals.of != start.at)
}

fn refused(start: &mut Start, now: Moment, lack: Lack, why: String) {
    let before = start.refusals.take();
    start.refusals = Some(Refusals {
        since: before.as_ref().map_or(now, |before| before.since),
        times: before.as_ref().map_or(0, |before| before.times) + 1,
        of: start.at,
        told: before.as_ref().map_or(0, |before| before.told),
        lack,
        why,
    });
}

fn said(instance: &Instance, next: &str) -> String {
    let reason = instance.reason_text.as_ref().or(instance.reason.as_ref());
    let reason = reason.map_or("no reason is shown", String::as_str);
    format!(
        "StartInstances was accepted, and the instance is stopped again: {}. Next: {next}.",
        reason.trim_end_matches('.')
    )
}

/// What StateReason's code says of a start that came to nothing (EC2 API reference, `StateReason`), and what to do.
fn launch_failure(code: &str) -> Option<(Lack, &'static str)> {
    Some(match code {
        "Client.InternalError" => (
            Lack::Other,
            "look at the KMS key of each of its volumes, the root volume's too: is it enabled, and do the key's policy and the role of \
             set-power allow kms:CreateGrant",
        ),
        "Client.VolumeLimitExceeded" => (
            Lack::Capacity,
            "raise the account's quotas of EBS, or delete volumes; it is started again",
        ),
        "Server.InsufficientInstanceCapacity" => (
            Lack::Capacity,
            "it is started again; a capacity reservation keeps it from happening again",
        ),
        "Client.InvalidSnapshot.NotFound" => (Lack::Other, "look at the instance's volumes in EC2"),
        code if code.starts_with("Server.") => (
            Lack::Other,
            "it is started again; if it lasts, look at the AWS health dashboard",
        ),
        _ => return None,
    })
}

/// Whether a stopped node is ordered to start.
pub fn due(starts: &Starts, node: &str, now: Moment) -> Due {
    let Some(start) = starts.get(node) else {
        return Due::Now;
    };
    match &start.refusals {
        Some(refusals) if refusals.of == start.at => {
            let pause = match refusals.times {
                0 => 0,
                1 => FIRST_PAUSE,
                // Ever more seldom: by at most a tenth later than at once.
                _ => PAUSE.max(start.at.seconds_since(refusals.since) / 10),
            };
            if now.seconds_since(start.at) >= pause {
                Due::Now
            } else {
                Due::Later(format!("{node} does not start: {}", refusals.why))
            }
        }
        _ if now.seconds_since(start.at) >= patience::SETTLE => Due::Now,
        _ => Due::Later(format!("EC2 shows what became of the start of {node}")),
    }
}

/// The message that is due to a person, if one is.
pub fn tell(starts: &mut Starts, config: &Config, now: Moment) -> Option<String> {
    let (node, refusals, due) = starts.iter_mut().find_map(|(node, start)| {
        let refusals = start.refusals.as_mut().filter(|refusals| refusals.times > 0)?;
        let due = told_before(now.seconds_since(refusals.since));
        (refusals.told < due).then_some((node, refusals, due))
    })?;
    refusals.told = due;
    let id = config
        .node(node)
        .map_or("its instance", |node| node.instance_id.as_str());
    Some(format!(
        "Cluster {}: EC2 has not started {node} ({id}) since {}, {} {}. It is tried again after a minute, then after five minutes, and ever \
         more seldom; the next message comes in {} minutes. EC2's reason: {}",
        config.name,
        refusals.since,
        refusals.times,
        if refusals.times == 1 { "try" } else { "tries" },
        next_message(refusals.told) / 60,
        refusals.why
    ))
}

/// How many messages are due within so many seconds of the first refusal.
fn told_before(seconds: i64) -> u32 {
    let early = TOLD_AFTER.iter().filter(|after| seconds >= **after).count();
    let last = TOLD_AFTER.last().copied().unwrap_or(0);
    let late = (seconds - last).max(0) / TOLD_EVERY;
    u32::try_from(late)
        .unwrap_or(u32::MAX)
        .saturating_add(u32::try_from(early).unwrap_or(u32::MAX))
}

/// Seconds from a message to the next one, after so many.
fn next_message(told: u32) -> i64 {
    let told = usize::try_from(told).unwrap_or(usize::MAX);
    match (TOLD_AFTER.get(told.saturating_sub(1)), TOLD_AFTER.get(told)) {
        (Some(this), Some(next)) => next - this,
        _ => TOLD_EVERY,
    }
}

#[cfg(test)]
#[path = "starts_tests.rs"]
mod tests;
