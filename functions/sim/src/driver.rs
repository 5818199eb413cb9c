//! Step Functions' part: each task with its Retry, in a driver that stands for the state machines. docs/functions.md says what
//! the functions are handed.

use crate::invoke::invoke;
use crate::sim::{End, Sim};
use crate::world::{CLUSTER, Ms, SECOND, World};
use mirrorsnap_domain::error::Error;
use mirrorsnap_domain::lock::Claim;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};

/// The Retry of nearly every task: these names, four times, behind pauses that grow (infra/statemachine_verbs.py).
const RETRIED: [&str; 3] = ["AwsUnavailable", "Runtime.ExitError", "States.Timeout"];
const RETRIES: u32 = 4;
const FIRST_PAUSE: Ms = 2 * SECOND;
const LONGEST_PAUSE: Ms = 120 * SECOND;

/// Why a state machine ended, or a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) error: String,
    pub(crate) cause: String,
}

impl Failure {
    pub(crate) fn new(error: &str, cause: impl Into<String>) -> Self {
        let (error, cause) = (error.to_owned(), cause.into());
        Self { error, cause }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.name(), error.to_string())
    }
}

/// One task as it was called, and the world just before.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) function: &'static str,
    pub(crate) payload: Value,
    pub(crate) world: World,
    pub(crate) limit: Ms,
}

/// An execution.
pub(crate) struct Driver<'a> {
    pub(crate) sim: &'a Sim,
    holder: String,
    claim: RefCell<Option<Claim>>,
    /// Every task, if they are to be kept.
    pub(crate) tasks: Option<RefCell<Vec<Task>>>,
    /// The names of the functions and children that were called, in their order.
    pub(crate) called: RefCell<Vec<&'static str>>,
    /// Whether a child is running, whose calls are its own.
    pub(crate) child: Cell<bool>,
    /// Whether StartInstances may have been called.
    pub(crate) may_run: Cell<bool>,
    /// `$exchanges` of the restore's state machine: its volumes may have been exchanged.
    pub(crate) exchanges: Cell<bool>,
    /// What CheckDevices remembers of the nodes' starts.
    pub(crate) starts: RefCell<Value>,
    /// After so many tasks the execution is aborted.
    pub(crate) aborted_after: Cell<Option<usize>>,
    /// StartBoth ends, by the error of another state in it, while both of its branches repeat StartInstances, which EC2 refuses for so
    /// long. From then on describes are late.
    pub(crate) gives_starts_up: Cell<Option<Ms>>,
}

impl<'a> Driver<'a> {
    pub(crate) fn new(sim: &'a Sim, name: &str) -> Self {
        Self {
            sim,
            holder: format!("arn:{name}"),
            claim: RefCell::new(None),
            tasks: None,
            called: RefCell::new(vec![]),
            child: Cell::new(false),
            may_run: Cell::new(false),
            exchanges: Cell::new(false),
            starts: RefCell::new(json!({})),
            aborted_after: Cell::new(None),
            gives_starts_up: Cell::new(None),
        }
    }

    pub(crate) fn now(&self) -> Value {
        json!(self.sim.world.borrow().moment())
    }

    pub(crate) fn claim(&self) -> Claim {
        self.claim.borrow().clone().expect("a lock that was taken")
    }

    pub(crate) fn wait(&self, time: Ms) {
        self.sim.pass(time);
    }

    pub(crate) fn note(&self, called: &'static str) {
        if !self.child.get() {
            self.called.borrow_mut().push(called);
        }
    }

    // ── the lock ────────────────────────────────────────────────────────────────────────────────────────────────────

    /// `None`: it is not free.
    pub(crate) fn take(&self) -> Option<()> {
        let claim = self.sim.world.borrow_mut().take(&self.holder)?;
        *self.claim.borrow_mut() = Some(claim);
        Some(())
    }

    pub(crate) fn take_over(&self) {
        let claim = self.sim.world.borrow_mut().take_over(&self.holder);
        *self.claim.borrow_mut() = Some(claim);
    }

    pub(crate) fn write_intent(&self, json: &Value) -> Result<(), Failure> {
        let text = json.as_str().expect("the intent as text");
        let written = self.sim.world.borrow_mut().write_intent(&self.claim(), text);
        written
            .then_some(())
            .ok_or_else(|| Failure::new("DynamoDB.ConditionalCheckFailedException", "the claim does not hold"))
    }

    pub(crate) fn raise(&self) -> Result<(), Failure> {
        let claim = self.sim.world.borrow_mut().raise(&self.claim());
        let lost = || Failure::new("DynamoDB.ConditionalCheckFailedException", "the claim does not hold");
        *self.claim.borrow_mut() = Some(claim.ok_or_else(lost)?);
        Ok(())
    }

    pub(crate) fn release(&self) {
        self.sim.world.borrow_mut().release(&self.claim());
    }

    // ── tasks ───────────────────────────────────────────────────────────────────────────────────────────────────────

    pub(crate) fn task(&self, function: &'static str, payload: Value) -> Result<Value, Failure> {
        self.task_within(function, 120 * SECOND, payload)
    }

    /// A task with its TimeoutSeconds and Retry. The cluster and the claim are always handed over.
    pub(crate) fn task_within(&self, function: &'static str, limit: Ms, mut payload: Value) -> Result<Value, Failure> {
        let all = payload.as_object_mut().expect("an object");
        all.insert("cluster".to_owned(), json!(CLUSTER));
        self.note(function);
        if let Some(left) = self.aborted_after.get() {
            if left == 0 {
                return Err(Failure::new("ABORTED", "the execution was aborted"));
            }
            self.aborted_after.set(Some(left - 1));
        }
        if let Some(tasks) = &self.tasks {
            let world = self.sim.world.borrow().clone();
            let payload = payload.clone();
            tasks.borrow_mut().push(Task {
                function,
                payload,
                world,
                limit,
            });
        }
        let answer = attempts(self.sim, function, limit, &payload);
        if self.sim.traced {
            self.trace(function, &payload, &answer);
        }
        answer
    }

    /// A line for each task, where one schedule is run again.
    fn trace(&self, function: &str, payload: &Value, answer: &Result<Value, Failure>) {
        let world = self.sim.world.borrow();
        let short = |text: String| text.chars().take(260).collect::<String>();
        let what = payload["mode"]
            .as_str()
            .or(payload["step"]["document"].as_str())
            .unwrap_or_default();
        let who = payload["step"]["node"]
            .as_str()
            .or(payload["node"].as_str())
            .unwrap_or_default();
        let answer = match answer {
            Ok(seen) if function == "assess" => format!("{} {} {}", seen["verdict"], seen["over"], seen["why"]),
            Ok(_) => "ok".to_owned(),
            Err(failure) => format!("{failure:?}"),
        };
        eprintln!(
            "{:>8} {function} {what} {who}: {}\n         {}",
            world.now,
            short(answer),
            world.line()
        );
    }
}

/// Calls a function until it answers, ends with an error that is not retried, or has no tries left.
pub(crate) fn attempts(sim: &Sim, function: &str, limit: Ms, payload: &Value) -> Result<Value, Failure> {
    let mut pause = FIRST_PAUSE;
    for retry_count in 0..=RETRIES {
        let mut payload = payload.clone();
        if payload.get("retry_count").is_some() {
            payload["retry_count"] = json!(retry_count);
        }
        let failure = match once(sim, function, limit, payload) {
            Ok(output) => return Ok(output),
            Err(failure) => failure,
        };
        if !RETRIED.contains(&failure.error.as_str()) || retry_count == RETRIES {
            return Err(failure);
        }
        sim.pass(pause);
        pause = (pause * 4).min(LONGEST_PAUSE);
    }
    unreachable!("the last try returns")
}

/// One call of a function.
pub(crate) fn once(sim: &Sim, function: &str, limit: Ms, payload: Value) -> Result<Value, Failure> {
    match sim.run(limit, invoke(sim, function, payload)) {
        End::Answered(output) => Ok(output?),
        End::Crashed => Err(Failure::new("Runtime.ExitError", "the function died")),
        End::TimedOut => Err(Failure::new("States.Timeout", "the function took too long")),
    }
}
