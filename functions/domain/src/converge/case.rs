//! The input of every decision, and the three forms of a decision: wait, act, be stuck.

use super::patience;
use super::verdict::{Action, Awaited, Called, Memory, OnBoth, Try, Verdict};
use crate::config::Config;
use crate::document::{Attempt, Cluster, Document};
use crate::error::{Error, Kind};
use crate::intent::{Course, Intent};
use crate::observation::{Node, Observation};
use crate::steps;
use std::ops::ControlFlow;

/// Tries of one action before converge is stuck. Rule 18 asks for three.
pub const TRIES: u32 = 3;

/// The input of every decision.
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

/// What one branch concludes: a verdict, which ends the look, or nothing to do here, so that the next branch decides.
pub(super) type Next = ControlFlow<Verdict>;

/// Nothing to do here.
pub(super) const NOTHING: Next = ControlFlow::Continue(());

/// What two branches conclude, one for each node, of which neither depends on what becomes of the other: if both order the same and the state
/// machine can do that on both nodes at once, that; else the first that concludes anything decides.
pub(super) fn on_both(first: Next, second: Next) -> Next {
    match (first, second) {
        (ControlFlow::Break(first), ControlFlow::Break(second)) => ControlFlow::Break(together(first, &second)),
        (ControlFlow::Continue(()), next) | (next, ControlFlow::Continue(())) => next,
    }
}

fn together(first: Verdict, second: &Verdict) -> Verdict {
    let (
        Verdict::Act { key, action },
        Verdict::Act {
            key: other,
            action: there,
        },
    ) = (&first, second)
    else {
        return first;
    };
    let action = match (action, there) {
        (Action::Step { step: here }, Action::Step { step: there })
            if matches!(
                (&here.document, &there.document),
                (Document::EnterRestoreMode { .. }, Document::EnterRestoreMode { .. })
                    | (Document::EnableServices { .. }, Document::EnableServices { .. })
            ) =>
        {
            OnBoth::Steps(Box::new([here.clone(), there.clone()]))
        }
        (Action::Swap { .. }, Action::Swap { .. }) => OnBoth::Swap,
        _ => return first,
    };
    Verdict::ActOnBoth {
        keys: [key.clone(), other.clone()],
        action,
    }
}

/// A node as it was seen. A silent node never counts as healthy: each branch says what silence means to it.
#[derive(Clone, Copy)]
pub(super) enum Look<'a> {
    /// It answered.
    Answers(&'a Node),
    /// It did not.
    Silent,
}

impl<'a> Case<'a> {
    pub(super) fn look(&self, name: &str) -> Look<'a> {
        self.seen.node(name).map_or(Look::Silent, Look::Answers)
    }

    /// The node's answer. If there is none, this branch can conclude nothing, and waits.
    pub(super) fn answer(&self, name: &str) -> ControlFlow<Verdict, &'a Node> {
        match self.look(name) {
            Look::Answers(node) => ControlFlow::Continue(node),
            Look::Silent => {
                let why = format!("{name} does not answer");
                let next = "look at the node's SSM agent, and at the instance's system log and status checks";
                match self.wait_or_stuck(&format!("answer {name}"), patience::BOOT, &why, next) {
                    ControlFlow::Break(verdict) => ControlFlow::Break(verdict),
                    // A wait always ends the look. If it did not, silence would still not be health.
                    ControlFlow::Continue(()) => ControlFlow::Break(Verdict::Wait {
                        key: Awaited::Named(format!("answer {name}")),
                        why,
                    }),
                }
            }
        }
    }
}

impl Case<'_> {
    pub(super) fn stuck(&self, found: impl Into<String>, next: impl Into<String>) -> Next {
        let found = format!("cluster {}: {}", self.config.name, found.into());
        ControlFlow::Break(Verdict::Stuck(Error::new(Kind::Stuck, found, next)))
    }

    /// Waits for `key` up to `limit` seconds, then does `then`.
    pub(super) fn wait(&self, key: &str, limit: i64, why: &str, then: impl FnOnce() -> Next) -> Next {
        let waited = self.memory.waiting.as_ref().filter(|waiting| waiting.key == *key);
        if waited.is_some_and(|waiting| self.seen.at.seconds_since(waiting.since) >= limit) {
            return then();
        }
        ControlFlow::Break(Verdict::Wait {
            key: Awaited::Named(key.to_owned()),
            why: why.to_owned(),
        })
    }

    pub(super) fn wait_or_stuck(&self, key: &str, limit: i64, why: &str, next: &str) -> Next {
        self.wait(key, limit, why, || self.stuck(format!("waited {limit} s: {why}"), next))
    }

    /// Tries `action` up to [`TRIES`] times, then is stuck. `number` counts the tries of the action's document on its node.
    fn act_numbered(&self, key: Try, next: &str, number: u32, action: impl FnOnce(Attempt) -> Action) -> Next {
        let tried = self.memory.tried(&key);
        if tried >= TRIES {
            return self.stuck(format!("{key} was tried {tried} times and did not help"), next);
        }
        ControlFlow::Break(Verdict::Act {
            key,
            action: action(self.attempt(number)),
        })
    }

    pub(super) fn act(&self, key: Try, next: &str, action: impl FnOnce(Attempt) -> Action) -> Next {
        let number = self.memory.tried(&key);
        self.act_numbered(key, next, number, action)
    }

    /// The same for an action whose document other actions (`others`) run on the same node too: a node replays the result of an attempt
    /// that it knows, so all of them share the numbers.
    pub(super) fn act_beside(
        &self,
        key: Try,
        others: &[Try],
        next: &str,
        action: impl FnOnce(Attempt) -> Action,
    ) -> Next {
        let number = self.memory.tried(&key) + others.iter().map(|other| self.memory.tried(other)).sum::<u32>();
        self.act_numbered(key, next, number, action)
    }

    /// Tries a call of EC2 up to [`TRIES`] times. A describe may be older than the call, so converge waits before it counts the call as one
    /// that did not help.
    pub(super) fn act_on_ec2(&self, key: Try, next: &str, action: Action) -> Next {
        if self.memory.tried(&key) > 0 {
            self.wait(
                &format!("settle {key}"),
                patience::SETTLE,
                &format!("EC2 shows what became of {key}"),
                || NOTHING,
            )?;
        }
        self.act(key, next, |_| action)
    }

    /// Waits until no describe can be from before the last StartInstances, which a branch that was given up may still repeat. Until then EC2
    /// may show a node as stopped that runs, and a detach from a running node is carried out (rule 18).
    pub(super) fn await_last_start(&self) -> Next {
        self.await_call(
            self.memory.started,
            patience::LAST_START,
            "last start",
            "EC2 may show the nodes as they were before they were last started",
        )
    }

    /// Waits until no describe can be from before the restore's last exchange of volumes. Until then EC2 may show a node with its old
    /// volumes from which one is being detached, or to which a new one is being attached (rule 18).
    pub(super) fn await_last_exchange(&self) -> Next {
        self.await_call(
            self.memory.exchanged,
            patience::SETTLE,
            "last exchange",
            "EC2 may show the volumes as they were before the restore exchanged them",
        )
    }

    fn await_call(&self, called: Called, seconds: i64, key: &str, why: &str) -> Next {
        let since = match called {
            Called::Never => return NOTHING,
            Called::Before => self.seen.at,
            Called::By(at) => at,
        };
        if self.seen.at.seconds_since(since) >= seconds {
            return NOTHING;
        }
        ControlFlow::Break(Verdict::Wait {
            key: Awaited::Named(key.to_owned()),
            why: why.to_owned(),
        })
    }

    /// The document's `Attempt`, unique per try and per epoch: a node replays the result of an attempt that it knows. A restore that has
    /// turned back uses other numbers than on its way forward.
    pub(super) fn attempt(&self, tried: u32) -> Attempt {
        let base = if self.rolls_back() { 20 } else { 0 };
        Attempt::new(self.epoch, base + u64::from(tried) + 1)
    }

    /// Whether a restore goes back by copy.
    pub(super) fn rolls_back(&self) -> bool {
        let restoring = self.intent.restore.as_ref();
        restoring.is_some_and(|restoring| restoring.course == Course::RollBack)
    }

    /// What a document on `node` needs to know of the cluster.
    pub(super) fn cluster<'g>(&self, node: &str, groups: impl IntoIterator<Item = &'g str>) -> Cluster {
        steps::cluster(self.peer(node), groups)
    }

    /// All mirror disks.
    pub(super) fn disks(&self) -> Vec<String> {
        self.config.mirror_disks.iter().map(|disk| disk.name.clone()).collect()
    }

    pub(super) fn names(&self) -> [&str; 2] {
        [self.intent.active.as_str(), self.intent.standby.as_str()]
    }

    /// The nodes on which the intent lists a disturbance. Converge does not judge the other ones (rules 11 and 12): their state
    /// may be older than the operation.
    pub(super) fn touched(&self) -> impl Iterator<Item = &str> {
        self.names().into_iter().filter(|name| self.intent.touches(name))
    }

    pub(super) fn peer(&self, node: &str) -> &str {
        let [active, standby] = self.names();
        if node == active { standby } else { active }
    }
}
