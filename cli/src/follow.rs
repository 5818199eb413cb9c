//! Following an operation: from the events of its executions' histories to phases, the clock of the outage, and progress. Pure.
//!
//! The outage is seen from outside: it may begin when the state begins that stops the groups, and is over at the latest when a
//! state begins that comes only after the groups are online. The node's own figure is in the operation's report.

use crate::catalogue::Words;
use mirrorsnap_domain::intent::Phase;
use serde_json::Value;
use std::collections::BTreeMap;

/// What an event of a history says, as far as it is read.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// A state began.
    Entered(String),
    /// A state ended.
    Exited {
        /// Its name.
        state: String,
        /// What it handed on.
        output: Value,
    },
    /// A child execution was started; its ARN.
    Child(String),
    /// Anything else.
    Other,
}

/// An event of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number in its execution.
    pub id: i64,
    /// When: milliseconds since 1970.
    pub at: i64,
    /// What it says.
    pub said: Said,
}

/// What is told as soon as it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A phase began, or another part of the operation.
    Step {
        /// When.
        at: i64,
        /// Which.
        step: Step,
    },
    /// From now on the service may be down.
    Down {
        /// When.
        at: i64,
    },
    /// It is back.
    Back {
        /// When.
        at: i64,
        /// So long it was down at most, in milliseconds.
        at_most: i64,
    },
}

/// The states that stop groups, by name: the outage may begin in them.
const STOP: [&str; 3] = [
    "Resume: the active stops, is split, starts",
    "Quiesce: stop the groups",
    "StopBoth: stop the groups",
];
/// The states that begin only when the groups are online.
const ONLINE: [&str; 2] = ["EnterBackupMode", "Healthy"];
/// The state that an operation ends in when its cluster is not back.
const NOT_BACK: &str = "Failed, and the cluster is not back";
/// The state that hands on how far the snapshots are.
const SNAPSHOTS: &str = "Snapshot: progress";
/// The state that looks at both nodes and says why it waits.
const LOOK: &str = "Assess";
/// What is told of where an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing is told yet.
    Starting,
    /// A phase.
    Phase(Phase),
    /// Another part.
    Part(Part),
}

/// What is told beside the phases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the states' names say it
pub enum Part {
    AskTheDoctor,
    RecoverFirst,
    BringBack,
    Expire,
    CleanUp,
    TellTheNodes,
}

/// The parts by the beginnings of states' names.
const PARTS: [(&str, Part); 6] = [
    ("Ask the doctor", Part::AskTheDoctor),
    ("Recover first", Part::RecoverFirst),
    ("Bring the cluster back", Part::BringBack),
    ("Expire old backups", Part::Expire),
    ("Clean up", Part::CleanUp),
    ("Tell the nodes", Part::TellTheNodes),
];

impl Step {
    /// By the name of a state; `None`: nothing is told of it.
    fn of(state: &str) -> Option<Self> {
        let word = state.split(':').next().unwrap_or(state);
        if let Ok(phase) = serde_json::from_value::<Phase>(Value::from(word)) {
            return Some(Self::Phase(phase));
        }
        PARTS
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, part)| Self::Part(*part))
    }

    /// What is shown of it.
    pub const fn words(self) -> Words<'static> {
        match self {
            Self::Starting => Words::PartStarting,
            Self::Part(Part::AskTheDoctor) => Words::PartAskTheDoctor,
            Self::Part(Part::RecoverFirst) => Words::PartRecoverFirst,
            Self::Part(Part::BringBack) => Words::PartBringBack,
            Self::Part(Part::Expire) => Words::PartExpire,
            Self::Part(Part::CleanUp) => Words::PartCleanUp,
            Self::Part(Part::TellTheNodes) => Words::PartTellTheNodes,
            Self::Phase(phase) => of_phase(phase),
        }
    }
}

const fn of_phase(phase: Phase) -> Words<'static> {
    match phase {
        Phase::Inspect => Words::PhaseInspect,
        Phase::Quiesce => Words::PhaseQuiesce,
        Phase::Split => Words::PhaseSplit,
        Phase::Resume => Words::PhaseResume,
        Phase::EnterBackupMode => Words::PhaseEnterBackupMode,
        Phase::StopStandby => Words::PhaseStopStandby,
        Phase::Snapshot => Words::PhaseSnapshot,
        Phase::StartStandby => Words::PhaseStartStandby,
        Phase::LeaveBackupMode => Words::PhaseLeaveBackupMode,
        Phase::Resync => Words::PhaseResync,
        Phase::MarkValid => Words::PhaseMarkValid,
        Phase::Plan => Words::PhasePlan,
        Phase::PrepareVolumes => Words::PhasePrepareVolumes,
        Phase::StopBoth => Words::PhaseStopBoth,
        Phase::Detach => Words::PhaseDetach,
        Phase::Attach => Words::PhaseAttach,
        Phase::StartBoth => Words::PhaseStartBoth,
        Phase::CheckDevices => Words::PhaseCheckDevices,
        Phase::PostProcess => Words::PhasePostProcess,
        Phase::Verify => Words::PhaseVerify,
        Phase::Rollback => Words::PhaseRollback,
    }
}

/// The clock of the outage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outage {
    /// There was none yet.
    None,
    /// The service may be down since then.
    Since(i64),
    /// It was down for so many milliseconds at most.
    Over(i64),
}

/// An operation as far as its histories were read.
#[derive(Debug, Clone, PartialEq)]
pub struct Follow {
    main: String,
    read: BTreeMap<String, i64>,
    told: Vec<Step>,
    /// The newest phase or part.
    pub step: Step,
    /// The clock of the outage.
    pub outage: Outage,
    /// The snapshots' progress: percent of the slowest.
    pub snapshots: Option<u8>,
    /// The mirror's progress: percent.
    pub mirror: Option<u8>,
    /// Why it waits, in the words of the look at both nodes.
    pub why: Option<String>,
    /// It ended in the state that says that the cluster is not back.
    pub not_back: bool,
}

impl Follow {
    /// Of the execution with this ARN; nothing is read yet.
    pub fn new(main: &str) -> Self {
        Self {
            main: main.to_owned(),
            read: BTreeMap::from([(main.to_owned(), 0)]),
            told: Vec::new(),
            step: Step::Starting,
            outage: Outage::None,
            snapshots: None,
            mirror: None,
            why: None,
            not_back: false,
        }
    }

    /// The executions whose histories are to be read, and the newest event that was read of each.
    pub fn executions(&self) -> Vec<(String, i64)> {
        self.read.iter().map(|(arn, last)| (arn.clone(), *last)).collect()
    }

    /// Takes events of one execution, in order; those that were taken before are left out.
    pub fn see(&mut self, arn: &str, events: &[Event]) -> Vec<Told> {
        let mut told = Vec::new();
        for event in events {
            let last = self.read.entry(arn.to_owned()).or_default();
            if event.id <= *last {
                continue;
            }
            *last = event.id;
            match &event.said {
                Said::Entered(state) => self.entered(arn, state, event.at, &mut told),
                Said::Exited { state, output } => self.exited(state, output),
                Said::Child(child) => {
                    self.read.entry(child.clone()).or_default();
                }
                Said::Other => {}
            }
        }
        told
    }

    fn entered(&mut self, arn: &str, state: &str, at: i64, told: &mut Vec<Told>) {
        if arn == self.main && state == NOT_BACK {
            self.not_back = true;
        }
        if let Some(step) = Step::of(state) {
            self.step = step;
            if !self.told.contains(&step) {
                self.told.push(step);
                told.push(Told::Step { at, step });
            }
        }
        if STOP.contains(&state) && !matches!(self.outage, Outage::Since(_)) {
            self.outage = Outage::Since(at);
            told.push(Told::Down { at });
        }
        if ONLINE.contains(&state)
            && let Outage::Since(since) = self.outage
        {
            let at_most = at.saturating_sub(since);
            self.outage = Outage::Over(at_most);
            told.push(Told::Back { at, at_most });
        }
    }

    fn exited(&mut self, state: &str, output: &Value) {
        match state {
            SNAPSHOTS => {
                let progress = output.get("progress").and_then(Value::as_str);
                self.snapshots = progress
                    .and_then(|text| text.trim_end_matches('%').parse().ok())
                    .or(self.snapshots);
            }
            LOOK => {
                self.why = output.get("why").and_then(Value::as_str).map(str::to_owned);
                self.mirror = self.why.as_deref().and_then(percent);
            }
            _ => {}
        }
    }
}

/// `37` of `md1 copies the difference, 37 %`.
fn percent(why: &str) -> Option<u8> {
    why.strip_suffix(" %")?.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
