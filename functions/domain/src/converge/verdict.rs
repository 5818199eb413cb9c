//! What converge concludes, and what it remembers from one look to the next.

use super::starts::{self, Starts};
use crate::document::name;
use crate::error::Error;
use crate::intent::Course;
use crate::observation::Observation;
use crate::steps::Step;
use crate::time::Moment;
use serde::{Deserialize, Serialize};
use serde_with::SerializeDisplay;
use std::collections::BTreeMap;
use std::fmt;

/// What is waited for; how long is counted by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum Awaited {
    /// The second look at the monitors after a fence.
    SecondLook,
    /// Anything else, by its name.
    Named(String),
}

impl Awaited {
    const SECOND_LOOK: &str = "monitors again";
}

impl From<String> for Awaited {
    fn from(name: String) -> Self {
        if name == Self::SECOND_LOOK {
            Self::SecondLook
        } else {
            Self::Named(name)
        }
    }
}

impl From<Awaited> for String {
    fn from(awaited: Awaited) -> Self {
        match awaited {
            Awaited::SecondLook => Awaited::SECOND_LOOK.to_owned(),
            Awaited::Named(name) => name,
        }
    }
}

impl PartialEq<str> for Awaited {
    fn eq(&self, name: &str) -> bool {
        matches!(self, Self::Named(own) if own == name)
    }
}

impl PartialEq<&str> for Awaited {
    fn eq(&self, name: &&str) -> bool {
        self == *name
    }
}

/// What converge does next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "act", rename_all = "kebab-case")]
#[allow(clippy::large_enum_variant)] // one is made for each look
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

/// What converge does on both nodes at once: the state machine has a state for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnBoth {
    /// `enter-restore-mode`, or `enable-services`.
    Steps(Box<[Step; 2]>),
    /// Put the old volumes of both stopped nodes back.
    Swap,
}

/// What is tried, and counted: one kind of action on one node or mirror disk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, SerializeDisplay)]
#[allow(missing_docs)] // as the actions and documents are called
pub enum Try {
    Fence(String),
    Start(String),
    /// A plain stop of a node that hangs in its shutdown.
    StopHung(String),
    /// A plain stop of a node in restore mode.
    StopPrepared(String),
    Swap(String),
    StartGroup(String),
    StopGroup(String),
    StartCluster(String),
    ResumeMonitors(String),
    RecoverMirror(String),
    LeaveBackupMode(String),
    QuiesceRestore(String),
    EnterRestoreMode(String),
    EnableServices(String),
    PostProcess(String),
    /// The post-processing on a volume from before the restore.
    PostProcessOld(String),
}

impl Try {
    /// What it is called in messages and in the memory, and the node or mirror disk.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::Fence(at) => (name::FENCE, at),
            Self::Start(at) => ("start", at),
            Self::StopHung(at) => ("stop", at),
            Self::StopPrepared(at) => ("halt", at),
            Self::Swap(at) => ("swap", at),
            Self::StartGroup(at) => (name::START_GROUP, at),
            Self::StopGroup(at) => (name::STOP_GROUP, at),
            Self::StartCluster(at) => (name::START_CLUSTER, at),
            Self::ResumeMonitors(at) => (name::RESUME_MONITORS, at),
            Self::RecoverMirror(at) => (name::RECOVER_MIRROR, at),
            Self::LeaveBackupMode(at) => (name::LEAVE_BACKUP_MODE, at),
            Self::QuiesceRestore(at) => (name::QUIESCE_RESTORE, at),
            Self::EnterRestoreMode(at) => (name::ENTER_RESTORE_MODE, at),
            Self::EnableServices(at) => (name::ENABLE_SERVICES, at),
            Self::PostProcess(at) => (name::POST_PROCESS_RESTORE, at),
            Self::PostProcessOld(at) => ("post-process-old", at),
        }
    }

    /// Reads what [`fmt::Display`] writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, at) = text.split_once(' ')?;
        let at = at.to_owned();
        Some(match kind {
            name::FENCE => Self::Fence(at),
            "start" => Self::Start(at),
            "stop" => Self::StopHung(at),
            "halt" => Self::StopPrepared(at),
            "swap" => Self::Swap(at),
            name::START_GROUP => Self::StartGroup(at),
            name::STOP_GROUP => Self::StopGroup(at),
            name::START_CLUSTER => Self::StartCluster(at),
            name::RESUME_MONITORS => Self::ResumeMonitors(at),
            name::RECOVER_MIRROR => Self::RecoverMirror(at),
            name::LEAVE_BACKUP_MODE => Self::LeaveBackupMode(at),
            name::QUIESCE_RESTORE => Self::QuiesceRestore(at),
            name::ENTER_RESTORE_MODE => Self::EnterRestoreMode(at),
            name::ENABLE_SERVICES => Self::EnableServices(at),
            name::POST_PROCESS_RESTORE => Self::PostProcess(at),
            "post-process-old" => Self::PostProcessOld(at),
            _ => return None,
        })
    }
}

impl fmt::Display for Try {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, at) = self.parts();
        write!(f, "{kind} {at}")
    }
}

/// What converge concludes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::large_enum_variant)] // one is made for each look
pub enum Verdict {
    /// Everything that the intent lists is as it was.
    Healthy,
    /// Do this, then look again.
    Act {
        /// What is counted.
        key: Try,
        /// What to do.
        action: Action,
    },
    /// Do the same on both nodes at once, then look again. Neither depends on what becomes of the other.
    ActOnBoth {
        /// What is counted, for each node.
        keys: [Try; 2],
        /// What to do.
        action: OnBoth,
    },
    /// Look again later. The wait is timed by the key.
    Wait {
        /// What is timed.
        key: Awaited,
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
    /// How often each action was tried. An action that another version called otherwise is forgotten.
    #[serde(deserialize_with = "known_tries")]
    pub tries: BTreeMap<Try, u32>,
    /// When StartInstances was last called.
    pub started: Called,
    /// When another function than this converge's own last detached or attached a volume.
    pub exchanged: Called,
    /// Instances that were ordered to start and have not run since.
    pub starts: Starts,
    /// The same, as a restore hands it over that has turned back before converge began.
    #[serde(skip_serializing_if = "Starts::is_empty")]
    pub turned: Starts,
    /// After a fence: when all monitors were first seen online.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub online: Option<Moment>,
}

/// When EC2 may last have been called to change something, during the operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Called {
    /// Before the next look.
    #[default]
    Before,
    /// Before this moment.
    By(Moment),
    /// In no case.
    Never,
}

fn known_tries<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Try, u32>, D::Error> {
    let all = BTreeMap::<String, u32>::deserialize(deserializer)?;
    Ok(all
        .into_iter()
        .filter_map(|(key, count)| Some((Try::parse(&key)?, count)))
        .collect())
}

/// A wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiting {
    /// The verdict's key.
    pub key: Awaited,
    /// Since when.
    pub since: Moment,
}

impl Memory {
    /// As an execution of converge begins with it.
    #[must_use]
    pub fn begun(mut self) -> Self {
        let mut before = std::mem::take(&mut self.turned);
        starts::turn(&mut before);
        self.starts.append(&mut before);
        self
    }

    /// What to remember after a verdict on what was seen.
    #[must_use]
    pub fn after(mut self, verdict: &Verdict, seen: &Observation) -> Self {
        for called in [&mut self.started, &mut self.exchanged] {
            if *called == Called::Before {
                *called = Called::By(seen.at);
            }
        }
        match verdict {
            Verdict::Wait { key, .. } => {
                if *key == Awaited::SecondLook {
                    self.online.get_or_insert(seen.at);
                }
                let same = self.waiting.take().filter(|waiting| &waiting.key == key);
                self.waiting = Some(same.unwrap_or(Waiting {
                    key: key.clone(),
                    since: seen.at,
                }));
            }
            Verdict::Act { key, action } => {
                match action {
                    Action::Start { node } => starts::order(&mut self.starts, node, seen.at, seen.instances.get(node)),
                    // A stop of ours is no start that came to nothing.
                    Action::Stop { node } => _ = self.starts.remove(node),
                    Action::Step { .. } | Action::Swap { .. } => {}
                }
                self.count(key);
                if matches!(key, Try::Start(_)) {
                    self.started = Called::Before;
                }
            }
            Verdict::ActOnBoth { keys, .. } => {
                for key in keys {
                    self.count(key);
                }
            }
            // An action that did not help on one course may help on the other.
            Verdict::Turn { .. } => {
                starts::turn(&mut self.starts);
                self = Self {
                    starts: self.starts,
                    ..Self::default()
                };
            }
            Verdict::Healthy | Verdict::Stuck(_) => self.waiting = None,
        }
        self
    }

    fn count(&mut self, key: &Try) {
        *self.tries.entry(key.clone()).or_default() += 1;
        self.waiting = None;
        if matches!(key, Try::Fence(_) | Try::ResumeMonitors(_)) {
            self.online = None;
        }
    }

    /// A restore's check orders a stopped node to start.
    pub fn start(&mut self, node: &str, seen: &Observation) {
        *self.tries.entry(Try::Start(node.to_owned())).or_default() += 1;
        starts::order(&mut self.starts, node, seen.at, seen.instances.get(node));
    }

    /// How often `key` was tried.
    pub fn tried(&self, key: &Try) -> u32 {
        self.tries.get(key).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_reads_back_and_forgets_what_it_does_not_know() {
        let at = || "server1".to_owned();
        let all = [
            Try::Fence(at()),
            Try::Start(at()),
            Try::StopHung(at()),
            Try::StopPrepared(at()),
            Try::Swap(at()),
            Try::StartGroup(at()),
            Try::StopGroup(at()),
            Try::StartCluster(at()),
            Try::ResumeMonitors(at()),
            Try::RecoverMirror(at()),
            Try::LeaveBackupMode(at()),
            Try::QuiesceRestore(at()),
            Try::EnterRestoreMode(at()),
            Try::EnableServices(at()),
            Try::PostProcess(at()),
            Try::PostProcessOld(at()),
        ];
        let memory = Memory {
            waiting: None,
            tries: all.iter().cloned().zip(1..).collect(),
            started: Called::By(Moment::from_unix(1_780_000_000)),
            exchanged: Called::Never,
            starts: Starts::default(),
            turned: Starts::default(),
            online: Some(Moment::from_unix(1_780_000_005)),
        };
        let json = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<Memory>(&json).unwrap(), memory);
        assert_eq!(memory.tries.len(), all.len());
        // As versions before this wrote it for both nodes together.
        let old = r#"{"waiting":null,"tries":{"resume-monitors":2,"start-group server1":1}}"#;
        let read: Memory = serde_json::from_str(old).unwrap();
        assert_eq!(read.tries, BTreeMap::from([(Try::StartGroup(at()), 1)]));
        assert_eq!(read.started, Called::Before);
        let begun: Memory = serde_json::from_str(r#"{"started":"never"}"#).unwrap();
        assert_eq!(begun.started, Called::Never);
    }
}
