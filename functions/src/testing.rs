//! A small EC2 and ledger in memory for the functions' own tests: what is shown and what is answered is scripted, time is
//! virtual. functions/sim has whole clusters.

use crate::ports::{
    Attached, Clock, Configs, Instances, Ledger, Outcome, SnapshotSet, Snapshots, Tags, Volume, Volumes,
};
use mirrorsnap_domain::catalogue::{Snapshot, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::description::Facts;
use mirrorsnap_domain::ec2::{AttachmentState, InstanceId, SnapshotId, Tagged, VolumeId, VolumeState};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::evidence::Taken;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::intent::Intent;
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::observation::{Instance, Power, Root};
use mirrorsnap_domain::restore::Record;
use mirrorsnap_domain::restore::volumes::{NewVolume, OldVolume};
use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::str::FromStr;
use std::time::Duration;

pub(crate) const HOLDER: &str = "arn:aws:states:eu-west-1:1:execution:restore:x";

#[derive(Default)]
pub(crate) struct Twin {
    pub(crate) intent: Option<Intent>,
    pub(crate) instances: RefCell<BTreeMap<InstanceId, Instance>>,
    pub(crate) volumes: RefCell<BTreeMap<VolumeId, Volume>>,
    pub(crate) snapshots: RefCell<Vec<Snapshot>>,
    /// What the next describes show instead of the truth.
    pub(crate) old_instances: RefCell<VecDeque<BTreeMap<InstanceId, Instance>>>,
    pub(crate) old_volumes: RefCell<VecDeque<BTreeMap<VolumeId, Volume>>>,
    /// What the next calls of a name answer; `None`: it is carried out, and the reply is lost.
    pub(crate) answers: RefCell<BTreeMap<&'static str, VecDeque<Option<Outcome>>>>,
    /// Every call that changes something.
    pub(crate) calls: RefCell<Vec<String>>,
    /// What CreateSnapshots was asked for.
    pub(crate) sets: RefCell<Vec<SnapshotSet>>,
    /// What CreateSnapshots answers instead of a snapshot of each volume.
    pub(crate) named: RefCell<Option<Vec<Taken>>>,
    /// The mirror disks that snapshots were tagged with, in the order of the calls.
    pub(crate) snapshot_tags: RefCell<Vec<(SnapshotId, String)>>,
    pub(crate) time: Cell<Duration>,
    /// More mirror disks than md1, each on a volume of its own.
    pub(crate) more_disks: Cell<bool>,
    /// The record of the only restore.
    pub(crate) record: Option<Record>,
}

/// An id from its text.
pub(crate) fn parsed<I: FromStr<Err = Error>>(text: &str) -> I {
    text.parse().unwrap()
}

pub(crate) fn lost() -> Error {
    Error::new(Kind::AwsUnavailable, "no answer", "it is repeated")
}

pub(crate) fn claim() -> Value {
    json!({"holder": HOLDER, "epoch": 7})
}

pub(crate) fn instance(id: &str, power: Power) -> Instance {
    Instance {
        id: parsed(id),
        power,
        reason: Some("Client.InstanceInitiatedShutdown: Instance initiated shutdown".to_owned()),
        reason_text: None,
        launched: Some(Moment::from_unix(1000)),
        shutdown_behavior: None,
        spot: false,
        reserved: true,
        auto_scaling_group: None,
        tagged_for: Some("orders".to_owned()),
        zone: "a".to_owned(),
        volumes: BTreeMap::from([("/dev/sdb".to_owned(), parsed("vol-01d"))]),
        moving: BTreeMap::new(),
        root_device: Some("/dev/xvda".to_owned()),
        root: Root::Volume,
    }
}

pub(crate) fn volume(id: &str, state: VolumeState, attached: Option<&str>) -> Volume {
    Volume {
        shape: OldVolume {
            id: parsed(id),
            gib: 20,
            kind: "gp3".to_owned(),
            iops: None,
            throughput: None,
            kms_key: None,
            tags: BTreeMap::new(),
            delete_on_termination: false,
            multi_attach: false,
        },
        state,
        snapshot: Some(parsed("snap-001")),
        fast: false,
        attached: attached.map(|instance| Attached {
            instance: parsed(instance),
            device: "/dev/sdb".to_owned(),
            state: AttachmentState::Attached,
        }),
    }
}

impl Twin {
    /// Both nodes stopped.
    pub(crate) fn new(intent: Value) -> Self {
        let twin = Self {
            intent: Some(serde_json::from_value(intent).unwrap()),
            ..Self::default()
        };
        for id in ["i-0aaa", "i-0ccc"] {
            let stopped = instance(id, Power::Stopped);
            twin.instances.borrow_mut().insert(stopped.id.clone(), stopped);
        }
        twin
    }

    pub(crate) fn put(&self, volume: Volume) {
        self.volumes.borrow_mut().insert(volume.shape.id.clone(), volume);
    }

    pub(crate) fn answer(&self, call: &'static str, answers: impl IntoIterator<Item = Option<Outcome>>) {
        self.answers.borrow_mut().entry(call).or_default().extend(answers);
    }

    pub(crate) fn called(&self, call: &str) -> usize {
        let calls = self.calls.borrow();
        calls.iter().filter(|one| one.split(' ').next() == Some(call)).count()
    }

    pub(crate) fn tags_of(&self, volume: &str) -> BTreeMap<String, String> {
        self.volumes.borrow()[&parsed(volume)].shape.tags.clone()
    }

    /// Notes the call, and answers as scripted; `Accepted` if it is to be carried out.
    fn call(&self, name: &'static str, rest: &str) -> (bool, Outcome) {
        self.calls.borrow_mut().push(format!("{name} {rest}"));
        let next = self.answers.borrow_mut().get_mut(name).and_then(VecDeque::pop_front);
        match next {
            None => (true, Outcome::Accepted(())),
            Some(None) => (true, Outcome::Unknown(lost())),
            Some(Some(outcome)) => (outcome == Outcome::Accepted(()), outcome),
        }
    }
}

/// The ids as a list of texts.
fn named<I: Tagged>(resources: &[I]) -> String {
    format!("{:?}", resources.iter().map(I::to_string).collect::<Vec<_>>())
}

impl Configs for Twin {
    async fn config(&self, cluster: &str) -> Result<Config> {
        let disk = |number: u8, device: char| {
            json!({"name": format!("md{number}"), "monitor": format!("mdw{number}"), "device": format!("/dev/sd{device}"),
                   "cluster_partition": format!("/dev/xvd{device}1"), "data_partition": format!("/dev/xvd{device}2")})
        };
        let disks = if self.more_disks.get() {
            vec![disk(1, 'b'), disk(2, 'c')]
        } else {
            vec![disk(1, 'b')]
        };
        let json = json!({
            "name": cluster,
            "nodes": [{"name": "server1", "instance_id": "i-0aaa"}, {"name": "server2", "instance_id": "i-0ccc"}],
            "failover_groups": ["failover1"],
            "mirror_disks": disks,
            "max_outage_seconds": 120, "max_restore_outage_seconds": 3600,
            "retention": {"keep_last": 7, "daily": 14, "weekly": 8, "monthly": 12},
        });
        Config::parse(cluster, &json.to_string())
    }
}

impl Ledger for Twin {
    async fn lock(&self, _: &str) -> Result<Lock> {
        Ok(Lock {
            holder: Some(HOLDER.to_owned()),
            epoch: 7,
            since: Some(Moment::from_unix(1000)),
            hold: None,
            intent: self.intent.clone(),
        })
    }

    async fn record(&self, restore: &Id) -> Result<Record> {
        self.record.clone().ok_or_else(|| {
            Error::new(
                Kind::RestoreNotFound,
                format!("there is no record of {restore}"),
                "name another",
            )
        })
    }
}

impl Instances for Twin {
    async fn instances(&self, _: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>> {
        let old = self.old_instances.borrow_mut().pop_front();
        Ok(old.unwrap_or_else(|| self.instances.borrow().clone()))
    }

    async fn facts(&self, _: &[InstanceId]) -> Result<BTreeMap<InstanceId, Facts>> {
        Ok(BTreeMap::new())
    }

    async fn shutdown_behavior(&self, _: &InstanceId) -> Result<Option<String>> {
        Ok(Some("stop".to_owned()))
    }

    async fn start(&self, instance: &InstanceId) -> Outcome {
        self.call("start", instance.as_str()).1
    }

    async fn stop(&self, instance: &InstanceId) -> Outcome {
        self.call("stop", instance.as_str()).1
    }

    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str) -> Outcome {
        self.call("set_delete_on_termination", &format!("{instance} {device}"))
            .1
    }
}

impl Volumes for Twin {
    async fn volumes(&self, ids: &[VolumeId]) -> Result<BTreeMap<VolumeId, Volume>> {
        let old = self.old_volumes.borrow_mut().pop_front();
        let mut shown = old.unwrap_or_else(|| self.volumes.borrow().clone());
        shown.retain(|id, _| ids.contains(id));
        Ok(shown)
    }

    async fn volumes_of(&self, _: &str) -> Result<BTreeMap<VolumeId, Volume>> {
        let old = self.old_volumes.borrow_mut().pop_front();
        Ok(old.unwrap_or_else(|| self.volumes.borrow().clone()))
    }

    async fn create_volume(&self, volume: &NewVolume) -> Outcome<VolumeId> {
        _ = self.call("create_volume", &volume.device);
        Outcome::Accepted(parsed("vol-fade"))
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Outcome {
        let (done, outcome) = self.call("delete_volume", volume.as_str());
        if done {
            self.volumes.borrow_mut().remove(volume);
        }
        outcome
    }

    /// As EC2: a volume that is attached is in use.
    async fn attach(&self, id: &VolumeId, instance: &InstanceId, device: &str) -> Outcome {
        let (done, outcome) = self.call("attach", &format!("{id} {instance} {device}"));
        if !done {
            return outcome;
        }
        let mut volumes = self.volumes.borrow_mut();
        let one = volumes.get_mut(id).unwrap();
        if one.attached.is_some() {
            return Outcome::Unknown(lost());
        }
        *one = Volume {
            shape: one.shape.clone(),
            ..volume(id.as_str(), VolumeState::InUse, Some(instance.as_str()))
        };
        outcome
    }

    async fn detach(&self, id: &VolumeId, instance: &InstanceId, _: &str) -> Outcome {
        let (done, outcome) = self.call("detach", &format!("{id} {instance}"));
        if !done {
            return outcome;
        }
        let mut volumes = self.volumes.borrow_mut();
        let one = volumes.get_mut(id).unwrap();
        if one.attached.take().is_none() {
            return Outcome::AlreadySo;
        }
        one.state = VolumeState::Available;
        outcome
    }
}

impl Snapshots for Twin {
    async fn snapshots_of_cluster(&self, _: &str) -> Result<Vec<Snapshot>> {
        Ok(self.snapshots.borrow().clone())
    }

    async fn snapshots_of_backup(&self, _: &Id) -> Result<Vec<Snapshot>> {
        Ok(self.snapshots.borrow().clone())
    }

    async fn create_snapshots(&self, set: &SnapshotSet) -> Outcome<Vec<Taken>> {
        self.sets.borrow_mut().push(set.clone());
        let (_, outcome) = self.call("create_snapshots", set.instance.as_str());
        match outcome {
            Outcome::Accepted(()) => {
                let each = set.volumes.iter().map(|volume| Taken {
                    snapshot: format!("snap-{}", &volume.as_str()[4..]).parse().unwrap(),
                    volume: volume.clone(),
                });
                Outcome::Accepted(self.named.take().unwrap_or_else(|| each.collect()))
            }
            Outcome::AlreadySo => Outcome::AlreadySo,
            Outcome::NotYet(why) => Outcome::NotYet(why),
            Outcome::Unknown(error) => Outcome::Unknown(error),
            Outcome::Refused(error) => Outcome::Refused(error),
        }
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Outcome {
        self.call("delete_snapshot", snapshot.as_str()).1
    }
}

impl Tags for Twin {
    async fn tag<I: Tagged>(&self, resources: &[I], tags: &BTreeMap<String, String>) -> Outcome {
        let (done, outcome) = self.call(
            "tag",
            &format!("{} {:?}", named(resources), tags.keys().collect::<Vec<_>>()),
        );
        let disks = tags.get(tag::MIRROR_DISKS);
        for (id, disks) in resources.iter().filter(|_| done).zip(disks) {
            let tagged = id.to_string().parse().map(|id| (id, disks.clone()));
            self.snapshot_tags.borrow_mut().extend(tagged);
        }
        for id in resources
            .iter()
            .filter(|_| done)
            .filter_map(|id| id.to_string().parse().ok())
        {
            if let Some(volume) = self.volumes.borrow_mut().get_mut(&id) {
                volume.shape.tags.extend(tags.clone());
            }
        }
        outcome
    }

    async fn untag<I: Tagged>(&self, resources: &[I], keys: &[&str]) -> Outcome {
        let (done, outcome) = self.call("untag", &format!("{} {keys:?}", named(resources)));
        for id in resources
            .iter()
            .filter(|_| done)
            .filter_map(|id| id.to_string().parse().ok())
        {
            if let Some(volume) = self.volumes.borrow_mut().get_mut(&id) {
                volume.shape.tags.retain(|key, _| !keys.contains(&key.as_str()));
            }
        }
        outcome
    }
}

impl Clock for Twin {
    fn now(&self) -> Moment {
        Moment::from_unix(1_800_000_000).plus(i64::try_from(self.time.get().as_secs()).unwrap())
    }

    fn monotonic(&self) -> Duration {
        self.time.get()
    }

    async fn sleep(&self, time: Duration) {
        self.time.set(self.time.get() + time);
    }
}

/// The intent of a restore that replaces one volume of server1, `vol-01d` by `vol-fee`.
pub(crate) fn restoring() -> Value {
    json!({
        "operation": "restore", "id": "orders-r-20260501T020304Z", "phase": "Detach", "started": "2026-05-01T02:03:04Z",
        "active": "server1", "standby": "server2", "boots": {}, "quiet_after_seconds": 100,
        "disturbances": [{
            "kind": "attachment", "node": "server1", "device": "/dev/sdb", "old": "vol-01d", "new": "vol-fee",
            "snapshot": "snap-001", "delete_on_termination": false,
        }],
    })
}

/// A volume of that restore.
pub(crate) fn of_restore(mut volume: Volume) -> Volume {
    let ours = [(tag::CLUSTER, "orders"), (tag::RESTORE_ID, "orders-r-20260501T020304Z")];
    volume
        .shape
        .tags
        .extend(ours.map(|(key, value)| (key.to_owned(), value.to_owned())));
    volume
}
