//! The ports in memory.

use crate::follow::{Event, Said};
use crate::ports::{Catalogue, Elsewhere, Execution, Executions, Pause, Probe, Registry, Status};
use crate::request::Machine;
use mirrorsnap_domain::catalogue::Snapshot;
use mirrorsnap_domain::changes::Page;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::copies::{Region, Seen};
use mirrorsnap_domain::description::Description;
use mirrorsnap_domain::ec2::{InstanceId, SnapshotId};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::inspect::Key;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::observation::{Instance, Power, Root};
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::restore::Record;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_functions::ports::{Changes, Items, Ledger, Position, Told};
use serde_json::{Map, Value, json};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;

/// One execution, which ends after some looks.
pub(crate) struct Fake {
    /// What was started: machine, name, input.
    pub(crate) started: RefCell<Vec<(Machine, String, Value)>>,
    /// It runs for so many looks.
    pub(crate) runs: Cell<u32>,
    /// So many looks fail first.
    pub(crate) fails: Cell<u32>,
    /// How it ends.
    pub(crate) end: Status,
    /// The states that it enters, all at once.
    pub(crate) states: Vec<&'static str>,
    /// The lock.
    pub(crate) lock: Lock,
    /// Ctrl-C is pressed.
    pub(crate) stopped: bool,
    /// How often it was waited.
    pub(crate) pauses: Cell<u32>,
    /// The instances that there are, and the clusters that they are tagged for.
    pub(crate) instances: RefCell<BTreeMap<InstanceId, Option<String>>>,
    /// The description of the cluster `orders`.
    pub(crate) described: Option<Value>,
    /// Snapshots of the cluster `orders`.
    pub(crate) snapshots: Vec<Snapshot>,
    /// Their copies in another region; none: the region refuses to show them.
    pub(crate) copies: Vec<Seen>,
    /// What a comparison answers, page by page; an error stands for itself once it is reached.
    pub(crate) pages: RefCell<Vec<Result<Told>>>,
    /// The keys that KMS shows, by ARN; the error: why it does not.
    pub(crate) keys: BTreeMap<String, Result<Option<Key>>>,
    /// How many copies are on their way, of how many at once.
    pub(crate) room: (usize, Option<u32>),
    /// What a dry run hands on beside its plan.
    pub(crate) output: Value,
    /// What was written, in order.
    pub(crate) wrote: RefCell<Vec<String>>,
}

impl Fake {
    pub(crate) fn new(end: Status, states: &[&'static str]) -> Self {
        Self {
            started: RefCell::default(),
            runs: Cell::new(2),
            fails: Cell::new(0),
            end,
            states: states.to_vec(),
            lock: free(),
            stopped: false,
            pauses: Cell::new(0),
            instances: RefCell::default(),
            described: None,
            snapshots: vec![],
            copies: vec![],
            pages: RefCell::default(),
            keys: BTreeMap::new(),
            room: (0, Some(20)),
            output: json!({"plan": ["Nothing."]}),
            wrote: RefCell::default(),
        }
    }
}

/// A lock that nobody holds.
pub(crate) fn free() -> Lock {
    Lock {
        holder: None,
        epoch: 1,
        since: None,
        hold: None,
        intent: None,
    }
}

/// Runs a future to its end, on this thread.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(future)
}

fn left(of: &Cell<u32>) -> bool {
    let now = of.get();
    of.set(now.saturating_sub(1));
    now > 0
}

impl Executions for Fake {
    async fn start(&self, machine: Machine, name: &str, input: &Map<String, Value>) -> Result<String> {
        let input = Value::Object(input.clone());
        self.started.borrow_mut().push((machine, name.to_owned(), input));
        Ok(format!("arn:{machine}"))
    }

    async fn execution(&self, arn: &str) -> Result<Option<Execution>> {
        if left(&self.fails) {
            return Err(Error::new(Kind::AwsUnavailable, "no answer", "wait"));
        }
        let status = if left(&self.runs) { Status::Running } else { self.end };
        let failed = matches!(status, Status::Failed);
        Ok((arn != "arn:unknown").then(|| Execution {
            arn: arn.to_owned(),
            status,
            begun: 0,
            input: json!({"cluster": "orders"}),
            output: (status == Status::Succeeded).then(|| self.output.clone()),
            error: failed.then(|| "Stuck".to_owned()),
            cause: failed.then(|| "It is stuck.".to_owned()),
        }))
    }

    async fn events(&self, _: &str, after: i64) -> Result<Vec<Event>> {
        let event = |(id, state): (i64, &&str)| Event {
            id,
            at: id * 1000,
            said: Said::Entered((*state).to_owned()),
        };
        Ok((1..)
            .zip(&self.states)
            .map(event)
            .filter(|event| event.id > after)
            .collect())
    }
}

impl Pause for Fake {
    fn millis(&self) -> i64 {
        1_777_600_000_000
    }

    async fn pause(&self, _: Duration) {
        self.pauses.set(self.pauses.get() + 1);
    }

    async fn interrupted(&self) {
        if !self.stopped {
            std::future::pending::<()>().await;
        }
    }
}

impl Ledger for Fake {
    async fn lock(&self, _: &str) -> Result<Lock> {
        Ok(self.lock.clone())
    }

    async fn record(&self, _: &Id) -> Result<Record> {
        Err(Error::new(Kind::RestoreNotFound, "none", "none"))
    }
}

impl Catalogue for Fake {
    async fn clusters(&self) -> Result<BTreeMap<String, Result<Config>>> {
        let config = |json: &Value| ("orders".to_owned(), Config::parse("orders", &json.to_string()));
        Ok(self.described.iter().map(config).collect())
    }

    async fn items(&self) -> Result<Items> {
        Ok(Items::default())
    }

    async fn all_snapshots(&self) -> Result<Vec<Snapshot>> {
        Ok(Vec::new())
    }

    async fn snapshots_of_cluster(&self, _: &str) -> Result<Vec<Snapshot>> {
        Ok(self.snapshots.clone())
    }

    async fn copies_of_cluster(&self, region: &Region, _: &str) -> Result<Vec<Seen>> {
        match self.copies.as_slice() {
            [] => Err(Error::new(Kind::AwsRefused, format!("{region} is closed"), "open it")),
            some => Ok(some.to_vec()),
        }
    }

    async fn keep(&self, snapshots: &[SnapshotId], value: &str) -> Result<()> {
        let ids: Vec<String> = snapshots.iter().map(ToString::to_string).collect();
        self.wrote.borrow_mut().push(format!("keep {}: {value}", ids.join(" ")));
        Ok(())
    }

    async fn unkeep(&self, snapshots: &[SnapshotId]) -> Result<()> {
        let ids: Vec<String> = snapshots.iter().map(ToString::to_string).collect();
        self.wrote.borrow_mut().push(format!("unkeep {}", ids.join(" ")));
        Ok(())
    }

    async fn description(&self, _: &Id) -> Result<Option<Description>> {
        Ok(None)
    }
}

impl Changes for Fake {
    async fn changed_blocks(&self, older: &SnapshotId, newer: &SnapshotId, from: &Position) -> Result<Told> {
        let at = match from {
            Position::Block(number) => number.to_string(),
            Position::Token(token) => token.clone(),
        };
        self.write("compare", &older.to_string(), &format!("{newer} {at}"));
        let mut pages = self.pages.borrow_mut();
        assert!(!pages.is_empty(), "the list is over");
        pages.remove(0)
    }
}

/// A page of changed blocks of 512 KiB.
pub(crate) fn changed(blocks: &[u64], next: Option<&str>) -> Told {
    Told::Page(Page {
        block_bytes: 512 * 1024,
        blocks: blocks.to_vec(),
        next: next.map(str::to_owned),
    })
}

impl Fake {
    fn write(&self, what: &str, cluster: &str, more: &str) {
        let line = format!("{what} {cluster} {more}");
        self.wrote.borrow_mut().push(line.trim_end().to_owned());
    }
}

impl Elsewhere for Fake {
    async fn key_there(&self, key: &str) -> Result<Option<Key>> {
        self.keys.get(key).cloned().unwrap_or(Ok(None))
    }

    async fn copies_running(&self, _: &Region) -> Result<usize> {
        Ok(self.room.0)
    }

    async fn copies_at_once(&self, _: &Region) -> Result<Option<u32>> {
        Ok(self.room.1)
    }
}

fn listed(ids: &[InstanceId]) -> String {
    let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
    ids.join(" ")
}

impl Registry for Fake {
    async fn tagged_for(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Option<String>>> {
        let all = self.instances.borrow();
        let known = |id: &InstanceId| Some((id.clone(), all.get(id)?.clone()));
        Ok(ids.iter().filter_map(known).collect())
    }

    async fn tagged(&self, _: &str, value: &str) -> Result<Vec<InstanceId>> {
        let all = self.instances.borrow();
        let of_it = all.iter().filter(|(_, tag)| tag.as_deref() == Some(value));
        Ok(of_it.map(|(id, _)| id.clone()).collect())
    }

    async fn tag(&self, ids: &[InstanceId], cluster: &str) -> Result<()> {
        for id in ids {
            self.instances.borrow_mut().insert(id.clone(), Some(cluster.to_owned()));
        }
        self.write("tag", cluster, &listed(ids));
        Ok(())
    }

    async fn untag(&self, ids: &[InstanceId], cluster: &str) -> Result<()> {
        for id in ids {
            self.instances.borrow_mut().insert(id.clone(), None);
        }
        self.write("untag", cluster, &listed(ids));
        Ok(())
    }

    async fn describe(&self, cluster: &str, json: &str) -> Result<()> {
        self.write("describe", cluster, json);
        Ok(())
    }

    async fn forget(&self, cluster: &str) -> Result<()> {
        self.write("forget", cluster, "");
        Ok(())
    }
}

impl Probe for Fake {
    async fn probed(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>> {
        let one = |(id, tag): (InstanceId, Option<String>)| {
            let instance = Instance {
                id: id.clone(),
                power: Power::Running,
                reason: None,
                reason_text: None,
                launched: None,
                shutdown_behavior: None,
                spot: false,
                reserved: true,
                auto_scaling_group: None,
                tagged_for: tag,
                zone: String::new(),
                volumes: BTreeMap::new(),
                moving: BTreeMap::new(),
                root_device: None,
                root: Root::Volume,
            };
            (id, instance)
        };
        Ok(self.tagged_for(ids).await?.into_iter().map(one).collect())
    }

    async fn doctor(&self, instance: &InstanceId, _: &Step) -> Result<Reply> {
        Err(Error::new(
            Kind::NodeUnreachable,
            format!("{instance} is silent"),
            "look at it",
        ))
    }
}
