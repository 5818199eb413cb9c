//! `assess`: looks at a cluster and says what follows. Changes nothing.

use crate::aws::Aws;
use crate::functions::observe::{ANSWER_SECONDS, ask, observe};
use mirrorsnap_domain::converge::{self, Action, Case, Memory, Verdict};
use mirrorsnap_domain::document::Head;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{self, Prepared, Section, SectionState, Stopped};
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::inspect::{self, Plan};
use mirrorsnap_domain::intent::{self, Claim, Course, HolderStatus, Intent, Turned};
use mirrorsnap_domain::observation::Observation;
use mirrorsnap_domain::restore::{self, Ready};
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
pub(crate) enum Input {
    /// May the lock be taken over?
    Claim {
        cluster: String,
        now: Moment,
        holder_status: String,
    },
    /// May a backup begin, and how?
    Inspect {
        cluster: String,
        now: Moment,
        #[serde(default)]
        lock: Option<Claim>,
    },
    /// How did the critical section end?
    Section {
        cluster: String,
        lock: Claim,
        now: Moment,
        patience_seconds: u32,
    },
    /// Has the standby stopped by its own shutdown?
    Stopped {
        cluster: String,
        lock: Claim,
        patience_seconds: u32,
    },
    /// Have both nodes stopped by their own shutdown, for a restore?
    Down {
        cluster: String,
        lock: Claim,
        now: Moment,
        patience_seconds: u32,
    },
    /// Do both nodes stand ready for the post-processing of a restore, on the volumes that they must have?
    Ready {
        cluster: String,
        lock: Claim,
        now: Moment,
        patience_seconds: u32,
    },
    /// What comes next on the way back?
    Converge {
        cluster: String,
        lock: Claim,
        now: Moment,
        patience_seconds: u32,
        #[serde(default)]
        memory: Memory,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Output {
    Claim {
        epoch: u64,
        intent: Option<Intent>,
    },
    Inspect {
        id: String,
        plan: Box<Plan>,
        intent_json: String,
    },
    Section {
        over: bool,
        why: Option<String>,
        section: Option<Section>,
    },
    Stopped {
        over: bool,
        stopped: Option<Stopped>,
    },
    Down {
        over: bool,
        why: Option<String>,
    },
    Ready {
        over: bool,
        why: Option<String>,
        /// A node is off, and is to be started again.
        off: bool,
        /// By node, once it is over.
        steps: Vec<Step>,
        /// To be written before the first of them is sent.
        intent_json: Option<String>,
    },
    Converge(Box<Converge>),
}

#[derive(Debug, Serialize)]
pub(crate) struct Converge {
    /// `healthy`, `act`, `wait`, `turn`, or `stuck`.
    verdict: &'static str,
    /// `step`, `start`, `stop` or `swap`, with `verdict` `act`.
    action: Option<&'static str>,
    /// The input of run-node-step or set-power, except the lock's retry count.
    input: Option<Value>,
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
    /// Why a restore went back to the old volumes, if it did.
    turned: Option<Turned>,
    /// A restore, or a rollback, and how it ended: `swap`, `post` or `copy`.
    course: Option<Course>,
}

pub(crate) async fn handle(aws: Arc<Aws>, input: Input) -> Result<Output> {
    match input {
        Input::Claim {
            cluster,
            now,
            holder_status,
        } => {
            let lock = aws.lock(&cluster).await?;
            let epoch = intent::take_over(&cluster, &lock, HolderStatus::read(&holder_status), now)?;
            Ok(Output::Claim {
                epoch,
                intent: lock.intent,
            })
        }
        Input::Inspect { cluster, now, lock } => inspection(&aws, &cluster, lock.as_ref(), now).await,
        Input::Section {
            cluster,
            lock,
            now,
            patience_seconds,
        } => section(&aws, &cluster, &lock, now, patience_seconds).await,
        Input::Stopped {
            cluster,
            lock,
            patience_seconds,
        } => stopped(&aws, &cluster, &lock, patience_seconds).await,
        Input::Down {
            cluster,
            lock,
            now,
            patience_seconds,
        } => down(&aws, &cluster, &lock, now, patience_seconds).await,
        Input::Ready {
            cluster,
            lock,
            now,
            patience_seconds,
        } => ready(&aws, &cluster, &lock, now, patience_seconds).await,
        Input::Converge {
            cluster,
            lock,
            now,
            patience_seconds,
            memory,
        } => converged(&aws, &cluster, &lock, now, patience_seconds, memory).await,
    }
}

async fn inspection(aws: &Aws, cluster: &str, claim: Option<&Claim>, now: Moment) -> Result<Output> {
    let config = aws.config(cluster).await?;
    let lock = aws.lock(cluster).await?;
    lock.not_on_hold(cluster)?;
    if let Some(claim) = claim {
        lock.admit(cluster, claim)?;
    }
    if let Some(unfinished) = &lock.intent {
        return Err(Error::new(
            Kind::OperationInProgress,
            format!("{} on {cluster} is not brought to its end", unfinished.id),
            "start recover, or wait for the operation that holds the cluster",
        ));
    }
    let id = Id::new(IdKind::Backup, cluster, now)?;
    let seen = observe(aws, &config, &id.to_string(), now, true).await?;
    let plan = inspect::backup(&config, &id, &seen)?;
    let intent_json = serde_json::to_string(&plan.intent)
        .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))?;
    Ok(Output::Inspect {
        id: id.to_string(),
        plan: Box::new(plan),
        intent_json,
    })
}

/// A node's records of the critical section.
async fn records(aws: &Aws, instance: &str, node: &str, run: &str) -> Result<Head> {
    Ok(aws
        .ask(instance, &Step::new("read-records", node, run), ANSWER_SECONDS)
        .await?
        .head)
}

async fn section(aws: &Aws, cluster: &str, claim: &Claim, now: Moment, patience: u32) -> Result<Output> {
    let config = aws.config(cluster).await?;
    let (lock, intent) = aws.intent(cluster, claim).await?;
    let deadline = aws.pace.deadline(patience);
    let (active, standby) = (config.node(&intent.active)?, config.node(&intent.standby)?);
    loop {
        let (a, s) = tokio::try_join!(
            records(aws, &active.instance_id, &active.name, &intent.id),
            records(aws, &standby.instance_id, &standby.name, &intent.id)
        )?;
        match evidence::section(&intent, lock.epoch, &a, &s, now.plus(deadline.elapsed())) {
            SectionState::Good(section) => {
                return Ok(Output::Section {
                    over: true,
                    why: None,
                    section: Some(section),
                });
            }
            SectionState::Void(error) => return Err(error),
            SectionState::Running(why) if deadline.has_passed() => {
                return Ok(Output::Section {
                    over: false,
                    why: Some(why.to_owned()),
                    section: None,
                });
            }
            SectionState::Running(_) => aws.pace.tenths(5).await,
        }
    }
}

async fn stopped(aws: &Aws, cluster: &str, claim: &Claim, patience: u32) -> Result<Output> {
    let config = aws.config(cluster).await?;
    let (_, intent) = aws.intent(cluster, claim).await?;
    let deadline = aws.pace.deadline(patience);
    let mut asked = 0;
    loop {
        let seen = aws.instances(&config, false).await?;
        let instance = seen.get(&intent.standby).ok_or_else(|| {
            let found = format!("EC2 does not show the instance of {}", intent.standby);
            Error::new(Kind::InstanceNotManaged, found, "look at the instance in EC2")
        })?;
        let volumes = inspect::volumes(&config, &intent.standby, instance)?;
        let proof = evidence::stopped(&intent.standby, instance, &volumes)?;
        if proof.is_none() && deadline.elapsed() - asked >= ASK_EVERY_SECONDS {
            if let Ok(node) = ask(aws, &config, &intent.standby, Some(instance), &intent.id).await? {
                evidence::departing(&intent.standby, &node)?;
            }
            asked = deadline.elapsed();
        }
        if proof.is_some() || deadline.has_passed() {
            return Ok(Output::Stopped {
                over: proof.is_some(),
                stopped: proof,
            });
        }
        aws.pace.tenths(20).await;
    }
}

/// How long a node is left alone that was told to shut down, before it is asked whether it does.
const ASK_EVERY_SECONDS: i64 = 10;

/// Rule 1 for both nodes of a restore: EC2's reason is the guest's own shutdown. One that still answers is asked, now and then,
/// whether it will ever be down: its timer may have come first, or its `--pre` failed.
async fn down(aws: &Aws, cluster: &str, claim: &Claim, now: Moment, patience: u32) -> Result<Output> {
    let config = aws.config(cluster).await?;
    let deadline = aws.pace.deadline(patience);
    let mut asked = 0;
    loop {
        let (_, intent) = aws.intent(cluster, claim).await?;
        let seen = aws.instances(&config, false).await?;
        let mut up = None;
        for name in config.node_names() {
            let instance = seen.get(name).ok_or_else(|| {
                let found = format!("EC2 does not show the instance of {name}");
                Error::new(Kind::InstanceNotManaged, found, "look at the instance in EC2")
            })?;
            if evidence::stopped(name, instance, &inspect::volumes(&config, name, instance)?)?.is_none() {
                up = Some(format!("{name} is not stopped yet"));
            }
        }
        if up.is_some() && deadline.elapsed() - asked >= ASK_EVERY_SECONDS {
            let seen = observe(aws, &config, &intent.id, now.plus(deadline.elapsed()), false).await?;
            for (name, node) in &seen.nodes {
                restore::departing(&intent, name, node)?;
            }
            asked = deadline.elapsed();
        }
        if up.is_none() || deadline.has_passed() {
            return Ok(Output::Down {
                over: up.is_none(),
                why: up,
            });
        }
        aws.pace.tenths(5).await;
    }
}

/// The steps once both nodes are up on their new volumes; an error if one can never be.
async fn ready(aws: &Aws, cluster: &str, claim: &Claim, now: Moment, patience: u32) -> Result<Output> {
    let config = aws.config(cluster).await?;
    let deadline = aws.pace.deadline(patience);
    loop {
        let (_, intent) = aws.intent(cluster, claim).await?;
        let seen = observe(aws, &config, &intent.id, now.plus(deadline.elapsed()), false).await?;
        match restore::ready(&config, &intent, &seen) {
            Ready::Yes(steps) => {
                let intent_json = serde_json::to_string(&restore::processing(&intent))
                    .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))?;
                return Ok(Output::Ready {
                    over: true,
                    why: None,
                    off: false,
                    steps,
                    intent_json: Some(intent_json),
                });
            }
            Ready::Never(error) => return Err(error),
            // The device nodes may still be on their way just after a boot.
            Ready::Mismatch(error) if deadline.has_passed() => return Err(error),
            Ready::NotYet(why) if deadline.has_passed() => return Ok(not_ready(why, false)),
            Ready::Off(why) => return Ok(not_ready(why, true)),
            Ready::Mismatch(_) | Ready::NotYet(_) => {}
        }
        aws.pace.tenths(5).await;
    }
}

fn not_ready(why: String, off: bool) -> Output {
    Output::Ready {
        over: false,
        why: Some(why),
        off,
        steps: vec![],
        intent_json: None,
    }
}

/// The input of the function that carries an action out.
fn order(cluster: &str, claim: &Claim, action: Action) -> (&'static str, Value) {
    match action {
        Action::Step { step } => ("step", json!({"cluster": cluster, "lock": claim, "step": step})),
        Action::Start { node } => (
            "start",
            json!({"cluster": cluster, "lock": claim, "node": node, "power": "start"}),
        ),
        Action::Stop { node } => (
            "stop",
            json!({"cluster": cluster, "lock": claim, "node": node, "power": "stop"}),
        ),
        Action::Swap { node } => (
            "swap",
            json!({"cluster": cluster, "lock": claim, "node": node, "part": "attach", "back": true, "patience_seconds": 40}),
        ),
    }
}

/// Between two looks of one call, and before the next call.
const LOOK_TENTHS: u32 = 20;
const NEXT_LOOK_SECONDS: u32 = 15;

async fn converged(
    aws: &Aws,
    cluster: &str,
    claim: &Claim,
    now: Moment,
    patience: u32,
    memory: Memory,
) -> Result<Output> {
    let config = aws.config(cluster).await?;
    let deadline = aws.pace.deadline(patience);
    let mut memory = memory;
    loop {
        let lock = aws.fence(cluster, claim).await?;
        let at = now.plus(deadline.elapsed());
        let Some(intent) = &lock.intent else {
            // Rule 13: nothing unfinished is nothing to do.
            return Ok(answer(cluster, claim, Verdict::Healthy, memory, None));
        };
        if let Err(error) = lock.not_on_hold(cluster) {
            return Ok(answer(cluster, claim, Verdict::Stuck(error), memory, None));
        }
        let seen = observe(aws, &config, &intent.id, at, false).await?;
        let verdict = converge::next(&Case {
            config: &config,
            seen: &seen,
            epoch: lock.epoch,
            intent,
            memory: &memory,
        });
        memory = memory.after(&verdict, at);
        if matches!(verdict, Verdict::Wait { .. }) && !deadline.has_passed() {
            aws.pace.tenths(LOOK_TENTHS).await;
            continue;
        }
        return Ok(answer(cluster, claim, verdict, memory, Some((intent, &seen))));
    }
}

fn answer(
    cluster: &str,
    claim: &Claim,
    verdict: Verdict,
    memory: Memory,
    case: Option<(&Intent, &Observation)>,
) -> Output {
    let mut out = Converge {
        verdict: "healthy",
        action: None,
        input: None,
        why: None,
        seconds: 0,
        error: None,
        memory,
        prepared: None,
        unprepared: None,
        intent_json: None,
        turned: None,
        course: None,
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
            (out.verdict, out.action, out.input, out.why) = ("act", Some(action), Some(input), Some(key));
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
