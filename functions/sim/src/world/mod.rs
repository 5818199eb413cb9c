//! A cluster in memory: both nodes, EC2 and the lock table, in a time of their own. Everything is a function of what is called
//! and of the seed; nothing waits.

mod calls;
mod cluster;
pub(crate) mod copies;
mod documents;
pub(crate) mod ec2;
mod guest;
pub(crate) mod image;
mod ledger;
pub(crate) mod manner;
mod prints;
mod section;
mod ssm;
mod tables;

pub(crate) use calls::NewVolume;
pub(crate) use guest::Root;
pub(crate) use ssm::State;

use ec2::{Attached, Ec2, Instance, Link, Power, Side, Tags, Volume, VolumeState};
use guest::Guest;
use manner::{Manner, Unusable};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::Error;
use mirrorsnap_domain::schedule::Found;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Milliseconds of the world's own time.
pub(crate) type Ms = u64;
pub(crate) const SECOND: Ms = 1000;
/// The grain of time.
pub(crate) const TICK: Ms = 100;
/// The moment at which the world's time is 0: so long ago were the instances started.
const EPOCH: i64 = 1_780_000_000;
/// Both nodes have been up for so long.
const BEGIN: Ms = 10_000 * SECOND;

pub(crate) const CLUSTER: &str = "orders";
pub(crate) const NAMES: [&str; 2] = ["server1", "server2"];
pub(crate) const INSTANCES: [&str; 2] = ["i-0aaa", "i-0ccc"];
pub(crate) const ZONES: [&str; 2] = ["ap-northeast-1a", "ap-northeast-1c"];

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) now: Ms,
    /// How long a token of a list of blocks is good; `None`: for days.
    pub(crate) tokens: Option<Ms>,
    pub(crate) config: Config,
    /// Other clusters of the account. Nothing of them is simulated but their configurations.
    pub(crate) others: BTreeMap<String, Result<Config, Error>>,
    /// EventBridge Scheduler's schedules in the stack's group.
    pub(crate) schedules: BTreeMap<String, Found>,
    pub(crate) ec2: Ec2,
    pub(crate) guests: [Guest; 2],
    pub(crate) cluster: cluster::Cluster,
    pub(crate) commands: Vec<ssm::Command>,
    /// The first command that is not over.
    first_open: usize,
    pub(crate) ledger: ledger::Ledger,
    /// By the run that sealed it: when its groups were stopped, and what was on the volumes then.
    pub(crate) frozen: BTreeMap<String, (Ms, u32)>,
    /// When converge last began a look that it ended with as healthy.
    pub(crate) healthy: Ms,
    /// From power-on to the first answer.
    pub(crate) boot: Ms,
    /// How often the script of a document fails.
    pub(crate) fail_scripts: BTreeMap<String, u32>,
    /// From its begin of so many documents that act on, counted from now, the root disk of a node is full.
    pub(crate) fills: Option<(usize, u32)>,
    /// The vendor's scripts fail on a full disk.
    pub(crate) scripts_need_room: bool,
    /// How many of them have begun.
    pub(crate) acted: u32,
    /// A node, and when it loses its power.
    pub(crate) power_fails: Option<(usize, Ms)>,
    /// Whether the intent listed anything on the node that lost its power.
    pub(crate) power_was_ours: bool,
    /// The node whose file systems are frozen, and since when.
    pub(crate) pause: Option<(usize, Ms)>,
    /// `clp-break-online`: CLUSTERPRO refuses a break while a group is online.
    pub(crate) no_break_while_online: bool,
    /// How CLUSTERPRO prints.
    pub(crate) manner: Manner,
    /// How it cannot be worked with.
    pub(crate) unusable: Option<Unusable>,
    failing: BTreeSet<(usize, String)>,
    drop_timer: Option<(usize, String)>,
    /// What must never happen, as it happened.
    wrong: Vec<String>,
}

/// How many mirror disks, each on a volume of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disks {
    One,
    Two,
}

impl World {
    /// A whole cluster: the groups run on server1, both sides are GREEN.
    pub(crate) fn new(disks: Disks) -> Self {
        Self::showing(disks, Manner::default())
    }

    /// The same in this manner.
    pub(crate) fn showing(disks: Disks, manner: Manner) -> Self {
        let disks = 0..if disks == Disks::One { 1 } else { 2 };
        let mirror_disks: Vec<_> = disks
            .clone()
            .map(|disk| {
                let (number, suffix) = (disk + 1, manner.names.suffix());
                json!({"name": format!("md{number}{suffix}"), "monitor": format!("mdw{number}{suffix}"),
                       "device": per_node(|at| manner.device(disk, at)),
                       "cluster_partition": per_node(|at| manner.partition(disk, 1, at)),
                       "data_partition": per_node(|at| manner.partition(disk, 2, at))})
            })
            .collect();
        let config = json!({"name": CLUSTER,
            "nodes": [{"name": NAMES[0], "instance_id": INSTANCES[0]}, {"name": NAMES[1], "instance_id": INSTANCES[1]}],
            "failover_groups": ["failover1"], "mirror_disks": mirror_disks, "max_outage_seconds": 120,
            "retention": {"keep_last": 7, "daily": 14}});
        let mut ec2 = Ec2::default();
        ec2.now = BEGIN;
        for at in [0, 1] {
            ec2.shown.instances.insert(INSTANCES[at].to_owned(), instance());
            // The root, the mirror disks, and a data disk that is none of ours.
            let mirrored = disks.clone().map(|disk| manner.device(disk, at));
            let others = ["/dev/sda1".to_owned(), "/dev/sdf".to_owned()];
            for (number, device) in others.into_iter().chain(mirrored).enumerate() {
                let id = format!("vol-0{}{number}", &INSTANCES[at][3..]);
                ec2.shown.volumes.insert(id, volume(INSTANCES[at], &device));
            }
        }
        Self {
            now: BEGIN,
            tokens: None,
            config: Config::parse(CLUSTER, &config.to_string()).expect("a valid configuration"),
            others: BTreeMap::new(),
            schedules: BTreeMap::new(),
            ec2,
            guests: [0, 1].map(|at| Guest::new(NAMES[at], INSTANCES[at])),
            cluster: cluster::Cluster::new(&["failover1"]),
            commands: vec![],
            first_open: 0,
            ledger: ledger::Ledger::new(),
            frozen: BTreeMap::new(),
            healthy: BEGIN,
            boot: 20 * SECOND,
            fail_scripts: BTreeMap::new(),
            fills: None,
            scripts_need_room: false,
            acted: 0,
            power_fails: None,
            power_was_ours: false,
            pause: None,
            no_break_while_online: false,
            manner,
            unusable: None,
            failing: BTreeSet::new(),
            drop_timer: None,
            wrong: vec![],
        }
    }

    /// From now on everything is shown in this manner, but for what the configuration is made of.
    pub(crate) fn shows(&mut self, manner: Manner) {
        self.manner = manner.in_place_of(self.manner);
    }

    pub(crate) fn moment(&self) -> Moment {
        moment(self.now)
    }

    pub(crate) fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    /// What must never happen, and happened.
    pub(crate) fn violations(&self) -> Vec<String> {
        self.wrong.iter().chain(&self.ec2.wrong).cloned().collect()
    }

    /// One grain of time.
    pub(crate) fn tick(&mut self) {
        self.now += TICK;
        if let Some((at, _)) = self.power_fails.filter(|(_, when)| self.now >= *when) {
            self.power_fails = None;
            let intent = self.ledger.lock.intent.as_ref();
            self.power_was_ours = intent.is_some_and(|intent| intent.touches(NAMES[at]));
            self.ec2.power_fails(INSTANCES[at]);
        }
        self.ec2.tick(self.now);
        self.tick_guests();
        self.tick_cluster();
        self.tick_units();
        self.tick_pause();
        self.drop_timer = None;
        self.tick_commands();
    }

    /// A freeze ends with the boot, and is over in time before.
    fn tick_pause(&mut self) {
        let Some((at, since)) = self.pause else {
            return;
        };
        if !self.guests[at].up {
            self.pause = None;
        } else if self.now - since > Ms::from(self.config.max_pause_seconds) * SECOND {
            self.wrong(format!("the file systems of {} stay frozen", NAMES[at]));
        }
    }

    pub(crate) fn pass(&mut self, time: Ms) {
        let until = self.now + time;
        while self.now < until {
            self.tick();
        }
    }

    /// StartInstances. What EC2 cannot have a capacity for is the world's affair.
    pub(crate) fn start(&mut self, instance: &str) -> ec2::Answer<()> {
        self.ec2.start(instance)
    }

    /// CreateSnapshots of all data volumes of an instance but the excluded ones; of one volume, CreateSnapshot.
    pub(crate) fn create_snapshots(
        &mut self,
        instance: &str,
        volumes: &[String],
        excluded: &[String],
        tags: &Tags,
    ) -> ec2::Answer<Vec<(String, String)>> {
        if let [_] = volumes {
            return self.ec2.create_snapshots(volumes, tags);
        }
        let data = |one: &Volume| {
            let at = one.attached.as_ref();
            at.is_some_and(|at| at.instance == instance && at.device != "/dev/sda1")
        };
        let all = self
            .ec2
            .shown
            .volumes
            .iter()
            .filter(|(id, one)| data(one) && !excluded.contains(id));
        let all: Vec<String> = all.map(|(id, _)| id.clone()).collect();
        self.ec2.create_snapshots(&all, tags)
    }

    /// A document that acts holds the node to its epoch: one of a lower epoch than another before is a violation.
    fn fenced_acts(&mut self, at: usize, step: &Step, epoch: u64) {
        if epoch < self.ledger.lock.epoch && self.guests[at].epoch > epoch {
            self.wrong(format!(
                "{} acted on {} behind a fence (rule 8)",
                step.document.name(),
                NAMES[at]
            ));
        }
    }

    /// Where everything is, in one line.
    pub(crate) fn line(&self) -> String {
        let node = |at: usize| {
            let guest = &self.guests[at];
            let power = self
                .ec2
                .instance(&guest.instance)
                .map_or("gone", |one| one.power.word());
            format!(
                "{} {power} up={} auto={} {:?} {:?} has {:?}",
                guest.name,
                guest.up,
                guest.auto,
                guest.daemon,
                self.side(at, 0),
                self.content(at)
            )
        };
        format!("{} | {} | groups {:?}", node(0), node(1), self.cluster.groups[0].1)
    }

    /// Everything is as it was before any operation, apart from its data.
    pub(crate) fn is_normal(&self) -> bool {
        let whole = |at: usize| {
            let guest = &self.guests[at];
            guest.is_online()
                && guest.auto
                && guest.going.is_none()
                && guest.suspended.is_empty()
                && self.all(at, Side::Green)
        };
        self.online()
            && self.pause.is_none()
            && self.cluster.copying.is_none()
            && [0, 1].into_iter().all(whole)
            && self.content(0) == self.content(1)
    }
}

/// A setting that may differ between the nodes.
fn per_node(on: impl Fn(usize) -> String) -> Value {
    let [first, second] = [0, 1].map(on);
    if first == second {
        json!(first)
    } else {
        json!({NAMES[0]: first, NAMES[1]: second})
    }
}

/// The zone of an instance.
pub(crate) fn zone(instance: &str) -> &'static str {
    ZONES[usize::from(instance == INSTANCES[1])]
}

/// The moment of a point in the world's time.
pub(crate) fn moment(at: Ms) -> Moment {
    Moment::from_unix(EPOCH + i64::try_from(at / SECOND).unwrap())
}

fn instance() -> Instance {
    let cluster = ("mirrorsnap:cluster".to_owned(), CLUSTER.to_owned());
    Instance {
        power: Power::Running,
        until: 0,
        reason: None,
        launched: 0,
        tags: Tags::from([cluster]),
    }
}

fn volume(instance: &str, device: &str) -> Volume {
    Volume {
        state: VolumeState::Made,
        made: 0,
        snapshot: String::new(),
        token: String::new(),
        fast: false,
        attached: Some(Attached {
            instance: instance.to_owned(),
            device: device.to_owned(),
            link: Link::Attached,
            until: 0,
            delete_on_termination: device == "/dev/sda1",
        }),
        tags: Tags::from([("Name".to_owned(), format!("data {device}"))]),
        content: 0,
        side: Side::Green,
        ahead: false,
    }
}
