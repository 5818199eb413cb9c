//! What the command line needs of AWS beyond what the functions need (their `ports`): small traits. aws.rs implements them on the SDK,
//! the tests in memory.

#![allow(async_fn_in_trait)] // One thread, as in the functions.

use crate::follow::Event;
use crate::request::Machine;
use mirrorsnap_domain::catalogue::Snapshot;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::copies::{Region, Seen};
use mirrorsnap_domain::description::Description;
use mirrorsnap_domain::ec2::{InstanceId, SnapshotId};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::inspect::Key;
use mirrorsnap_domain::observation::Instance;
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_functions::ports::Items;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::time::Duration;

/// Where an execution is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It runs, or waits for a redrive.
    Running,
    /// It ended well.
    Succeeded,
    /// It ended by an error of its own.
    Failed,
    /// It reached its time limit.
    TimedOut,
    /// Somebody stopped it.
    Aborted,
}

impl Status {
    /// From Step Functions' word. One that we do not know counts as running.
    pub fn read(word: &str) -> Self {
        match word {
            "SUCCEEDED" => Self::Succeeded,
            "FAILED" => Self::Failed,
            "TIMED_OUT" => Self::TimedOut,
            "ABORTED" => Self::Aborted,
            _ => Self::Running,
        }
    }

    /// Step Functions' word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }
}

/// What DescribeExecution says.
#[derive(Debug, Clone, PartialEq)]
pub struct Execution {
    /// Its ARN.
    pub arn: String,
    /// Where it is.
    pub status: Status,
    /// When it began: milliseconds since 1970.
    pub begun: i64,
    /// Its input.
    pub input: Value,
    /// Its output, once it has succeeded.
    pub output: Option<Value>,
    /// The error's name, once it has failed.
    pub error: Option<String>,
    /// What was found, and what to do.
    pub cause: Option<String>,
}

/// The executions of the stack's state machines.
pub trait Executions {
    /// Starts one. A repeat with the same name and input starts no second one.
    async fn start(&self, machine: Machine, name: &str, input: &Map<String, Value>) -> Result<String>;

    /// Looks at one; `None`: there is no such execution.
    async fn execution(&self, arn: &str) -> Result<Option<Execution>>;

    /// Its history after the event `after`, in order.
    async fn events(&self, arn: &str, after: i64) -> Result<Vec<Event>>;
}

/// What there is of all clusters, and of one. The functions' own adapters read it.
pub trait Catalogue {
    /// The configurations by cluster; the error: it cannot be read.
    async fn clusters(&self) -> Result<BTreeMap<String, Result<Config>>>;

    /// The whole lock table, read consistently.
    async fn items(&self) -> Result<Items>;

    /// Our snapshots of every cluster.
    async fn all_snapshots(&self) -> Result<Vec<Snapshot>>;

    /// Our snapshots of one cluster.
    async fn snapshots_of_cluster(&self, cluster: &str) -> Result<Vec<Snapshot>>;

    /// The copies of a cluster's backups in a region.
    async fn copies_of_cluster(&self, region: &Region, cluster: &str) -> Result<Vec<Seen>>;

    /// Writes the tag that keeps them.
    async fn keep(&self, snapshots: &[SnapshotId], value: &str) -> Result<()>;

    /// Removes it.
    async fn unkeep(&self, snapshots: &[SnapshotId]) -> Result<()>;

    /// What is kept with a backup for a rebuild; `None`: nothing is.
    async fn description(&self, backup: &Id) -> Result<Option<Description>>;
}

/// What is asked of instances of which nothing is described yet.
pub trait Probe {
    /// By id. One that EC2 does not show is absent.
    async fn probed(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>>;

    /// Runs the doctor's document, which changes nothing, on an instance.
    async fn doctor(&self, instance: &InstanceId, step: &Step) -> Result<Reply>;
}

/// What is asked of the region that copies go to, before one is made there.
pub trait Elsewhere {
    /// A KMS key with its policy, in its own region; `None`: there is no such key.
    async fn key_there(&self, key: &str) -> Result<Option<Key>>;

    /// How many copies are on their way into the region, whosever.
    async fn copies_running(&self, region: &Region) -> Result<usize>;

    /// How many the region makes at once; `None`: Service Quotas does not list it.
    async fn copies_at_once(&self, region: &Region) -> Result<Option<u32>>;
}

/// The clusters' parameters, and the tag of their instances, which is the security boundary.
pub trait Registry {
    /// The cluster that each instance is tagged for. One that EC2 does not show is absent.
    async fn tagged_for(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Option<String>>>;

    /// The instances that have a tag, without those that are terminated.
    async fn tagged(&self, key: &str, value: &str) -> Result<Vec<InstanceId>>;

    /// Tags instances for a cluster.
    async fn tag(&self, ids: &[InstanceId], cluster: &str) -> Result<()>;

    /// Removes that tag where it names this cluster.
    async fn untag(&self, ids: &[InstanceId], cluster: &str) -> Result<()>;

    /// Writes a cluster's parameter, in the place of another.
    async fn describe(&self, cluster: &str, json: &str) -> Result<()>;

    /// Deletes a cluster's parameter.
    async fn forget(&self, cluster: &str) -> Result<()>;
}

/// Waiting, as a person sees it.
pub trait Pause {
    /// Now: milliseconds since 1970, on the clock of the histories.
    fn millis(&self) -> i64;

    /// Waits.
    async fn pause(&self, time: Duration);

    /// Ends when Ctrl-C is pressed.
    async fn interrupted(&self);
}
