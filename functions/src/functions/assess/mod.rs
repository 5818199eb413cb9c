//! `assess`: looks at a cluster and decides what comes next. Changes nothing, but for commands that it cancels. One file for each mode.

mod cancel;
mod claim;
mod converge;
mod describe;
mod doctor;
mod down;
mod inspect;
mod ready;
mod section;
mod stopped;

use crate::deadline::Deadline;
use crate::functions::fence::intent;
use crate::functions::observe::{Purpose, observe};
use crate::ports::{Clock, Configs, Instances, Keys, Ledger, Nodes, Volumes};
pub use converge::Converge;
pub use describe::Described;
pub use doctor::Doctor;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::consistency::Consistency;
use mirrorsnap_domain::converge::Memory;
use mirrorsnap_domain::converge::starts::Ordered;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::{Section, Stopped};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::inspect::Plan;
use mirrorsnap_domain::intent::Intent;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::observation::Observation;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What the modes need.
pub trait Ports: Configs + Ledger + Instances + Volumes + Keys + Nodes + Clock {}
impl<T: Configs + Ledger + Instances + Volumes + Keys + Nodes + Clock> Ports for T {}

/// docs/functions.md, assess.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Input {
    /// May the lock be taken over?
    Claim {
        cluster: String,
        now: Moment,
        holder_status: String,
    },
    /// Withdraw what a dead holder left under way on the nodes.
    Cancel { cluster: String, lock: Claim },
    /// May a backup begin, and how?
    Inspect {
        cluster: String,
        now: Moment,
        #[serde(default)]
        lock: Option<Claim>,
        /// How the active becomes quiet; absent: as the configuration says.
        #[serde(default)]
        consistency: Option<Consistency>,
    },
    /// What do the nodes' commands print, and what do we make of it? For a dry run.
    Doctor { cluster: String, now: Moment },
    /// What would a rebuild of the cluster need? For the backup `id`.
    Describe { cluster: String, id: Id, now: Moment },
    /// How did the critical section end?
    Section {
        cluster: String,
        lock: Claim,
        /// Not used: the time is taken where the records are read.
        #[serde(default)]
        now: Option<Moment>,
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
    /// Are both nodes ready for the post-processing of a restore, with the volumes that they must have?
    Ready {
        cluster: String,
        lock: Claim,
        now: Moment,
        patience_seconds: u32,
        #[serde(default)]
        memory: Memory,
        /// What became of the starts that were ordered since the last look.
        #[serde(default)]
        starts: Vec<Ordered>,
    },
    /// Which action brings the cluster back next?
    Converge {
        cluster: String,
        lock: Claim,
        now: Moment,
        patience_seconds: u32,
        #[serde(default)]
        memory: Memory,
        /// What became of the starts that were ordered since the last look.
        #[serde(default)]
        starts: Vec<Ordered>,
    },
}

/// docs/functions.md, assess.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Output {
    Claim {
        epoch: u64,
        intent: Option<Intent>,
    },
    Cancel {
        /// Ids of commands.
        cancelled: Vec<String>,
    },
    Inspect {
        id: String,
        plan: Box<Plan>,
        intent_json: String,
    },
    Doctor(Box<Doctor>),
    Describe(Described),
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
        /// A node is stopped, and must be started again.
        off: bool,
        /// What the next look has to know.
        memory: Memory,
        /// A message that is due to a person: an instance does not start.
        tell: Option<String>,
        /// By node, once it is over.
        steps: Vec<Step>,
        /// The intent to write before the first of them is sent.
        intent_json: Option<String>,
    },
    Converge(Box<Converge>),
}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Output> {
    match input {
        Input::Claim {
            cluster,
            now,
            holder_status,
        } => claim::claim(ports, &cluster, now, &holder_status).await,
        Input::Cancel { cluster, lock } => cancel::cancel(ports, &cluster, &lock).await,
        Input::Inspect {
            cluster,
            now,
            lock,
            consistency,
        } => inspect::inspect(ports, &cluster, lock.as_ref(), consistency, now).await,
        Input::Doctor { cluster, now } => Ok(Output::Doctor(Box::new(doctor::doctor(ports, &cluster, now).await?))),
        Input::Describe { cluster, id, now } => {
            let described = Box::pin(describe::described(ports, &cluster, &id, now)).await?;
            Ok(Output::Describe(described))
        }
        Input::Section {
            cluster,
            lock,
            now: _,
            patience_seconds,
        } => section::section(ports, &cluster, &lock, patience_seconds).await,
        Input::Stopped {
            cluster,
            lock,
            patience_seconds,
        } => stopped::stopped(ports, &cluster, &lock, patience_seconds).await,
        Input::Down {
            cluster,
            lock,
            now,
            patience_seconds,
        } => down::down(&Watch::begin(ports, &cluster, &lock, now, patience_seconds).await?).await,
        Input::Ready {
            cluster,
            lock,
            now,
            patience_seconds,
            memory,
            starts,
        } => {
            let watch = Watch::begin(ports, &cluster, &lock, now, patience_seconds).await?;
            ready::ready(&watch, memory, &starts).await
        }
        Input::Converge {
            cluster,
            lock,
            now,
            patience_seconds,
            memory,
            starts,
        } => converge::converge(ports, &cluster, &lock, now, patience_seconds, memory, &starts).await,
    }
}

/// A mode that looks again and again until it knows, for as long as its caller has patience.
struct Watch<'a, P> {
    ports: &'a P,
    cluster: &'a str,
    claim: &'a Claim,
    config: Config,
    /// The caller's time at the first look.
    began: Moment,
    deadline: Deadline,
}

impl<'a, P: Ports> Watch<'a, P> {
    async fn begin(ports: &'a P, cluster: &'a str, claim: &'a Claim, now: Moment, patience: u32) -> Result<Self> {
        Ok(Self {
            ports,
            cluster,
            claim,
            config: ports.config(cluster).await?,
            began: now,
            deadline: Deadline::after(ports, patience),
        })
    }

    /// The intent, as long as the lock is the caller's.
    async fn intent(&self) -> Result<Intent> {
        Ok(intent(self.ports, self.cluster, self.claim).await?.1)
    }

    async fn observe(&self, intent: &Intent) -> Result<Observation> {
        let at = self.began.plus(self.elapsed());
        observe(self.ports, &self.config, &intent.id, at, Purpose::Progress).await
    }

    fn elapsed(&self) -> i64 {
        self.deadline.elapsed(self.ports)
    }

    fn is_over(&self) -> bool {
        self.deadline.has_passed(self.ports)
    }

    /// Waits for the next look.
    async fn pause(&self) {
        self.ports.sleep(POLL).await;
    }
}

/// Between two looks of a mode that watches both nodes.
const POLL: Duration = Duration::from_millis(500);

/// How long after the shutdown's order a node is first asked whether it will shut down.
const ASK_EVERY_SECONDS: i64 = 10;

fn not_shown(node: &str) -> Error {
    let found = format!("EC2 does not show the instance of {node}");
    Error::new(Kind::InstanceNotManaged, found, "look at the instance in EC2")
}

fn as_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))
}
