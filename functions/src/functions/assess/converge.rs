//! `assess` `converge`: which action brings the cluster back next?

use super::{Output, Ports};
use crate::deadline::Deadline;
use crate::functions::fence::fence;
use crate::functions::observe::{Purpose, observe};
use mirrorsnap_domain::converge::starts::{self, Ordered};
use mirrorsnap_domain::converge::{self, Action, Case, Memory, OnBoth, Verdict};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::evidence::{self, Prepared};
use mirrorsnap_domain::intent::{Course, Intent, Turned};
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::observation::Observation;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use serde::Serialize;
use serde_json::{Value, json};
use std::time::Duration;

/// Between two looks of one call, and before the next call.
const POLL: Duration = Duration::from_secs(2);
const NEXT_LOOK_SECONDS: u32 = 15;

/// docs/functions.md, assess, `converge`.
#[derive(Debug, Serialize)]
pub struct Converge {
    /// `healthy`, `act`, `wait`, `turn`, or `stuck`.
    verdict: &'static str,
    /// `step`, `steps`, `start`, `stop` or `swap`, with `verdict` `act`.
    action: Option<&'static str>,
    /// The input of run-node-step or set-power, except the lock's retry count.
    input: Option<Value>,
    /// With `steps`: the same for each node.
    inputs: Option<[Value; 2]>,
    why: Option<String>,
    /// How long to wait before the next look.
    seconds: u32,
    /// With `stuck`.
    error: Option<&'static str>,
    memory: Memory,
    /// The preparation's evidence, once both nodes are back; and why there is none.
    prepared: Option<Prepared>,
    unprepared: Option<String>,
    /// With `turn`: the intent on its new course.
    intent_json: Option<String>,
    /// Why a restore turned back to the old volumes, if it did.
    turned: Option<Turned>,
    /// A restore, or a rollback, and how it ended: `swap`, `post` or `copy`.
    course: Option<Course>,
    /// A message that is due to a person: an instance does not start.
    tell: Option<String>,
}

fn step_input(cluster: &str, claim: &Claim, step: &Step) -> Value {
    json!({"cluster": cluster, "lock": claim, "step": step})
}

/// Of one stopped node, or without one of both.
fn put_back(cluster: &str, claim: &Claim, node: Option<&str>) -> Value {
    json!({"cluster": cluster, "lock": claim, "node": node, "part": "attach", "back": true, "patience_seconds": 40})
}

/// The input of the function that carries an action out.
fn order(cluster: &str, claim: &Claim, action: Action) -> (&'static str, Value) {
    match action {
        Action::Step { step } => ("step", step_input(cluster, claim, &step)),
        Action::Start { node } => (
            "start",
            json!({"cluster": cluster, "lock": claim, "node": node, "power": "start"}),
        ),
        Action::Stop { node } => (
            "stop",
            json!({"cluster": cluster, "lock": claim, "node": node, "power": "stop"}),
        ),
        Action::Swap { node } => ("swap", put_back(cluster, claim, Some(&node))),
    }
}

pub(super) async fn converge(
    ports: &impl Ports,
    cluster: &str,
    claim: &Claim,
    now: Moment,
    patience: u32,
    memory: Memory,
    starts: &[Ordered],
) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let deadline = Deadline::after(ports, patience);
    let mut memory = memory.begun();
    starts::note(&mut memory.starts, starts, now);
    loop {
        let lock = fence(ports, cluster, claim).await?;
        let at = now.plus(deadline.elapsed(ports));
        let Some(intent) = &lock.intent else {
            // Rule 13: nothing unfinished is nothing to do.
            return Ok(answer(cluster, claim, Verdict::Healthy, memory, None, None));
        };
        if let Err(error) = lock.not_on_hold(cluster) {
            return Ok(answer(cluster, claim, Verdict::Stuck(error), memory, None, None));
        }
        let seen = observe(ports, &config, &intent.id, at, Purpose::Progress).await?;
        starts::look(&mut memory.starts, &seen);
        let verdict = converge::next(&Case {
            config: &config,
            seen: &seen,
            epoch: lock.epoch,
            intent,
            memory: &memory,
        });
        memory = memory.after(&verdict, &seen);
        // Whoever acts next does so first.
        let tell = match verdict {
            Verdict::Wait { .. } => starts::tell(&mut memory.starts, &config, at),
            _ => None,
        };
        if matches!(verdict, Verdict::Wait { .. }) && tell.is_none() && !deadline.has_passed(ports) {
            ports.sleep(POLL).await;
            continue;
        }
        return Ok(answer(cluster, claim, verdict, memory, Some((intent, &seen)), tell));
    }
}

fn answer(
    cluster: &str,
    claim: &Claim,
    verdict: Verdict,
    memory: Memory,
    case: Option<(&Intent, &Observation)>,
    tell: Option<String>,
) -> Output {
    let mut out = Converge {
        verdict: "healthy",
        action: None,
        input: None,
        inputs: None,
        why: None,
        seconds: 0,
        error: None,
        memory,
        prepared: None,
        unprepared: None,
        intent_json: None,
        turned: None,
        course: None,
        tell,
    };
    if let Some(restoring) = case.and_then(|(intent, _)| intent.restore.as_ref()) {
        (out.course, out.turned) = (Some(restoring.course), restoring.turned.clone());
    }
    match verdict {
        Verdict::Healthy => {
            if let Some((intent, seen)) = case.filter(|(intent, _)| intent.restore.is_none()) {
                let proof = seen.node(&intent.standby).map(|node| evidence::prepared(intent, node));
                (out.prepared, out.unprepared) = match proof {
                    Some(Ok(proof)) => (Some(proof), None),
                    Some(Err(error)) => (None, Some(error.to_string())),
                    None => (None, Some(format!("{} did not answer", intent.standby))),
                };
            }
        }
        Verdict::Act { key, action } => {
            let (action, input) = order(cluster, claim, action);
            (out.verdict, out.action, out.input, out.why) = ("act", Some(action), Some(input), Some(key.to_string()));
        }
        Verdict::ActOnBoth {
            keys: [one, other],
            action,
        } => {
            (out.verdict, out.why) = ("act", Some(format!("{one} and {other}")));
            match action {
                OnBoth::Steps(steps) => {
                    out.action = Some("steps");
                    out.inputs = Some(steps.map(|step| step_input(cluster, claim, &step)));
                }
                OnBoth::Swap => {
                    out.action = Some("swap");
                    out.input = Some(put_back(cluster, claim, None));
                }
            }
        }
        Verdict::Wait { why, .. } => (out.verdict, out.why, out.seconds) = ("wait", Some(why), NEXT_LOOK_SECONDS),
        Verdict::Turn { course, why } => {
            out.verdict = "turn";
            out.why = Some(why.to_string());
            out.intent_json = case.and_then(|(intent, _)| serde_json::to_string(&intent.turned(course, &why)).ok());
        }
        Verdict::Stuck(error) => {
            (out.verdict, out.error, out.why) = ("stuck", Some(error.name()), Some(error.to_string()));
        }
    }
    tracing::info!(verdict = out.verdict, why = out.why.as_deref(), "converge");
    Output::Converge(Box::new(out))
}
