//! Every function, every call that it makes, every fault of that call: the function is retried as its state would, and then
//! called once more. What must hold after each of them is in `Run::judge`.
//!
//! Each of these changes of the code was seen to make a check here red: AttachVolume's `VolumeInUse` as a refusal; no tag `attached`
//! before AttachVolume; no fence before DetachVolume; no look-up before a repeat of CreateSnapshots; consistent-at five seconds
//! early; a describe from before the exchange as `Never` in `ready`; no second look in MarkValid. And in the witnesses and schedules: no
//! tag `duplicate`; no room for tags in the plan; swaps and stops tried again without time for EC2 to show them.

use crate::driver::{Failure, Task, attempts, once};
use crate::faults::{Call, Fault, Faults, Kind};
use crate::sim::Sim;
use crate::tasks;
use crate::world::SECOND;
use crate::world::manner::Manner;
use mirrorsnap_domain::error::Kind as ErrorKind;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const FAULTS: [Fault; 13] = [
    Fault::Refused,
    Fault::Throttled(SECOND),
    Fault::Throttled(12 * SECOND),
    Fault::LostCall,
    Fault::LostReply,
    Fault::CrashAfter,
    Fault::Lag(300),
    Fault::Lag(SECOND),
    Fault::Lag(5 * SECOND),
    Fault::Lag(30 * SECOND),
    Fault::Unsteady(40 * SECOND),
    Fault::Empty,
    Fault::Newborn(10 * SECOND),
];

/// Codes that say that EC2 will carry the call out later.
const LATER: [(&str, &str); 9] = [
    ("ec2:CreateSnapshot", "SnapshotCreationPerVolumeRateExceeded"),
    ("ec2:CreateSnapshot", "ConcurrentSnapshotLimitExceeded"),
    ("ec2:CreateSnapshots", "SnapshotCreationPerVolumeRateExceeded"),
    ("ec2:CreateSnapshots", "IncorrectState"),
    ("ec2:CreateTags", "InvalidSnapshot.NotFound"),
    ("ec2:AttachVolume", "IncorrectState"),
    ("ec2:AttachVolume", "VolumeInUse"),
    ("ec2:DeleteVolume", "IncorrectState"),
    ("ec2:StartInstances", "IncorrectInstanceState"),
];

/// One run of a task with one fault.
struct Run<'a> {
    task: &'a Task,
    number: usize,
    fault: Fault,
    sim: Sim,
    first: Result<Value, Failure>,
    again: Result<Value, Failure>,
}

impl<'a> Run<'a> {
    fn new(task: &'a Task, number: usize, fault: Fault) -> Self {
        let seed = u64::try_from(number).unwrap();
        let mut world = task.world.clone();
        world.shows(Manner::drawn(seed));
        let sim = Sim::new(world, Faults::plan(vec![(number, fault)]), seed);
        let first = attempts(&sim, task.function, task.limit, &task.payload);
        let mut payload = task.payload.clone();
        if task.function == "create-snapshots" {
            // Nobody calls it again but its state's Retry.
            payload["retry_count"] = json!(1);
        }
        let again = once(&sim, task.function, task.limit, payload);
        Self {
            task,
            number,
            fault,
            sim,
            first,
            again,
        }
    }

    fn text(&self) -> String {
        let faults = self.sim.faults.borrow();
        let call = faults.calls.get(self.number);
        let call = call.map_or_else(|| "no call".to_owned(), |call| format!("{} {}", call.name, call.what));
        format!(
            "{}: {:?} at call {} ({call})",
            self.task.name(),
            self.fault,
            self.number
        )
    }

    /// What is wrong with it.
    fn judge(&self) -> Vec<String> {
        let mut wrong: Vec<String> = self.sim.world.borrow().violations();
        let faults = self.sim.faults.borrow();
        if !faults.fired.contains(&(self.number, self.fault)) {
            wrong.push("the fault did not fire".to_owned());
        }
        wrong.extend(unfenced(&faults.calls));
        for answer in [&self.first, &self.again] {
            if let Err(failure) = answer
                && !ErrorKind::ALL.iter().any(|kind| kind.name() == failure.error)
            {
                wrong.push(format!("it ended with {}, which is no error of ours", failure.error));
            }
        }
        if self.fault.passes()
            && !self.may_refuse()
            && let Err(failure) = &self.first
        {
            wrong.push(format!("the fault passes, and yet: {failure:?}"));
        }
        if self.fault == Fault::Overtaken {
            wrong.extend(self.behind_the_fence(&faults.calls));
        }
        wrong.extend(self.of_the_function());
        wrong
    }

    /// An inspection and a plan may refuse what EC2 does not show: nothing is touched by then.
    fn may_refuse(&self) -> bool {
        let looks = self.task.function == "plan-restore" || self.task.name() == "assess inspect";
        looks && matches!(self.fault, Fault::Empty)
    }

    /// Nothing is changed once the lock has another holder, but by the call that was on its way.
    fn behind_the_fence(&self, calls: &[Call]) -> Vec<String> {
        let late = calls
            .iter()
            .skip(self.number + 1)
            .filter(|call| call.kind == Kind::Change);
        late.map(|call| format!("{} {} came after the lock was taken over", call.name, call.what))
            .collect()
    }

    /// What holds for one function.
    fn of_the_function(&self) -> Vec<String> {
        let world = self.sim.world.borrow();
        let mut wrong = Vec::new();
        for answer in [&self.first, &self.again].into_iter().flatten() {
            let Some(section) = answer.get("section").filter(|section| section.is_object()) else {
                continue;
            };
            let at = serde_json::from_value(section["consistent_at"].clone()).expect("a moment");
            let stopped = world
                .frozen
                .values()
                .map(|(at, _)| crate::world::moment(*at))
                .max()
                .unwrap();
            if stopped > at {
                wrong.push(format!("consistent-at {at} lies before the stop {stopped}"));
            }
        }
        if self.task.function == "create-snapshots" && self.first.is_ok() {
            let mut sets: BTreeMap<&str, u32> = BTreeMap::new();
            for one in world
                .ec2
                .shown
                .snapshots
                .values()
                .filter(|one| !one.tags.contains_key("mirrorsnap:valid"))
            {
                *sets.entry(&one.volume).or_default() += 1;
            }
            if sets.values().any(|count| *count > 1) {
                wrong.push(format!("more than one snapshot of a volume: {sets:?}"));
            }
        }
        wrong
    }
}

/// Calls that change something without the lock read right before them.
fn unfenced(calls: &[Call]) -> Vec<String> {
    let mut before: Option<&Call> = None;
    let mut wrong = Vec::new();
    for call in calls {
        if call.kind == Kind::Change && before.is_none_or(|before| before.kind != Kind::Fence) {
            wrong.push(format!(
                "{} {} without the lock read right before it",
                call.name, call.what
            ));
        }
        before = Some(call);
    }
    wrong
}

/// Every task, every call, and those of `faults` that suit it.
fn run_all(faults: impl Fn(&Call) -> Vec<Fault>) {
    let mut wrong: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let (mut functions, mut runs) = (BTreeSet::new(), 0);
    for task in tasks::all() {
        functions.insert(task.function);
        for (number, call) in tasks::calls(&task).iter().enumerate() {
            for fault in faults(call) {
                let run = Run::new(&task, number, fault);
                runs += 1;
                for what in run.judge() {
                    wrong.entry(what).or_default().push(run.text());
                }
            }
        }
    }
    eprintln!("{runs} runs");
    for (what, runs) in &wrong {
        eprintln!("{what}\n    {} times, as in {}", runs.len(), runs[0]);
    }
    assert!(wrong.is_empty(), "{} things are wrong", wrong.len());
    assert_eq!(functions.len(), 13, "{functions:?}");
}

fn suiting(call: &Call, faults: &[Fault]) -> Vec<Fault> {
    faults.iter().filter(|fault| fault.suits(call.kind)).copied().collect()
}

#[test]
fn every_call_and_every_fault_and_called_twice() {
    run_all(|call| suiting(call, &FAULTS));
}

#[test]
fn what_ec2_will_carry_out_later_is_repeated() {
    run_all(|call| {
        let codes = LATER.iter().filter(|(name, _)| *name == call.name);
        codes.map(|(_, code)| Fault::Answers(code)).collect()
    });
}

#[test]
fn nothing_happens_after_the_fence_moved() {
    run_all(|call| suiting(call, &[Fault::Overtaken]));
}
