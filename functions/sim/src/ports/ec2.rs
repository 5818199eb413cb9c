//! EC2's ports on the model.

use crate::faults::Kind;
use crate::sim::Sim;
use crate::world::ec2::{self, Shown, code};
use crate::world::{self, World, moment};
use mirrorsnap_domain::catalogue::{Snapshot, tag};
use mirrorsnap_domain::description::Facts;
use mirrorsnap_domain::ec2::{AttachmentState, InstanceId, SnapshotId, Tagged, VolumeId, VolumeState};
use mirrorsnap_domain::error::{Error, Result};
use mirrorsnap_domain::evidence::Taken;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::observation::{Instance, Power, Root, mapped};
use mirrorsnap_domain::restore::fast_snapshot_restore::FastRestore;
use mirrorsnap_domain::restore::volumes::{NewVolume, OldVolume};
use mirrorsnap_functions::ports::{
    Attached, FastRestores, Instances, Outcome, SnapshotSet, Snapshots, Tags, Volume, Volumes,
};
use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

/// An id of the model, as EC2 would answer it.
pub(super) fn parsed<I: FromStr<Err = Error>>(id: &str) -> I {
    id.parse().unwrap()
}

fn texts(ids: &[impl Display]) -> Vec<String> {
    ids.iter().map(ToString::to_string).collect()
}

fn joined(ids: &[impl Display]) -> String {
    texts(ids).join(" ")
}

fn power(power: ec2::Power) -> Power {
    power.word().into()
}

fn instance(shown: &Shown, id: &InstanceId, one: &ec2::Instance) -> Instance {
    let mapping = |(volume, one): (&String, &ec2::Volume)| {
        let at = one.attached.as_ref().filter(|at| at.instance == id.as_str())?;
        let status = match at.link {
            ec2::Link::Attaching => "attaching",
            ec2::Link::Attached => "attached",
            ec2::Link::Detaching => "detaching",
        };
        Some((at.device.clone(), parsed(volume), status.into()))
    };
    let (volumes, moving) = mapped(shown.volumes.iter().filter_map(mapping));
    Instance {
        id: id.clone(),
        power: power(one.power),
        reason: one.reason.clone(),
        reason_text: None,
        launched: Some(moment(one.launched)),
        shutdown_behavior: None,
        spot: false,
        reserved: true,
        auto_scaling_group: None,
        tagged_for: one.tags.get(tag::CLUSTER).cloned(),
        zone: world::zone(id.as_str()).to_owned(),
        volumes,
        moving,
        root_device: Some("/dev/sda1".to_owned()),
        root: Root::Volume,
    }
}

impl Instances for Sim {
    async fn instances(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Instance>> {
        let read = |shown: &Shown| {
            let found = |id: &InstanceId| Some((id.clone(), instance(shown, id, shown.instances.get(id.as_str())?)));
            ids.iter().filter_map(found).collect()
        };
        self.shown("ec2:DescribeInstances", joined(ids), read).await
    }

    async fn facts(&self, ids: &[InstanceId]) -> Result<BTreeMap<InstanceId, Facts>> {
        let fact = |id: &InstanceId| (id.clone(), Facts::from([("type".to_owned(), "m5.large".to_owned())]));
        let read = |_: &Shown| ids.iter().map(fact).collect();
        self.shown("ec2:DescribeInstances", joined(ids), read).await
    }

    async fn shutdown_behavior(&self, instance: &InstanceId) -> Result<Option<String>> {
        let name = "ec2:DescribeInstanceAttribute";
        self.shown(name, instance.to_string(), |_| Some("stop".to_owned()))
            .await
    }

    async fn start(&self, instance: &InstanceId) -> Outcome {
        let start = |world: &mut World| world.start(instance.as_str());
        self.change("ec2:StartInstances", Kind::Change, instance.to_string(), start)
            .await
    }

    async fn stop(&self, instance: &InstanceId) -> Outcome {
        let stop = |world: &mut World| {
            world.ec2.stop(
                instance.as_str(),
                "Client.UserInitiatedShutdown: User initiated shutdown",
            )
        };
        self.change("ec2:StopInstances", Kind::Change, instance.to_string(), stop)
            .await
    }

    async fn set_delete_on_termination(&self, instance: &InstanceId, device: &str) -> Outcome {
        let set = |world: &mut World| world.ec2.delete_on_termination(instance.as_str(), device);
        let name = "ec2:ModifyInstanceAttribute";
        self.change(name, Kind::Change, format!("{instance} {device}"), set)
            .await
    }
}

fn volume(id: &VolumeId, one: &ec2::Volume) -> Volume {
    let attached = one.attached.as_ref();
    Volume {
        shape: OldVolume {
            id: id.clone(),
            gib: 20,
            kind: "gp3".to_owned(),
            iops: Some(3000),
            throughput: Some(125),
            kms_key: Some("arn:aws:kms:eu-west-1:1:key/aws-ebs".to_owned()),
            tags: one.tags.clone(),
            delete_on_termination: attached.is_some_and(|at| at.delete_on_termination),
            multi_attach: false,
        },
        state: match one.state {
            ec2::VolumeState::Creating(_) => VolumeState::Creating,
            ec2::VolumeState::Deleting(_) => VolumeState::Deleting,
            ec2::VolumeState::Made if attached.is_some() => VolumeState::InUse,
            ec2::VolumeState::Made => VolumeState::Available,
        },
        snapshot: (!one.snapshot.is_empty()).then(|| parsed(&one.snapshot)),
        fast: one.fast,
        attached: attached.map(|at| Attached {
            instance: parsed(&at.instance),
            device: at.device.clone(),
            state: match at.link {
                ec2::Link::Attaching => AttachmentState::Attaching,
                ec2::Link::Attached => AttachmentState::Attached,
                ec2::Link::Detaching => AttachmentState::Detaching,
            },
        }),
    }
}

impl Sim {
    /// The volumes with any restore's tag.
    pub(super) async fn volumes_tagged(&self) -> Result<BTreeMap<VolumeId, Volume>> {
        let read = |shown: &Shown| {
            let all = shown.volumes.iter();
            let tagged = all.filter(|(_, one)| one.tags.contains_key(tag::RESTORE_ID));
            tagged.map(|(id, one)| (parsed(id), volume(&parsed(id), one))).collect()
        };
        self.shown("ec2:DescribeVolumes", "tagged".to_owned(), read).await
    }
}

impl Volumes for Sim {
    async fn volumes(&self, ids: &[VolumeId]) -> Result<BTreeMap<VolumeId, Volume>> {
        let read = |shown: &Shown| {
            let found = |id: &VolumeId| Some((id.clone(), volume(id, shown.volumes.get(id.as_str())?)));
            ids.iter().filter_map(found).collect()
        };
        self.shown("ec2:DescribeVolumes", joined(ids), read).await
    }

    async fn volumes_of(&self, restore: &str) -> Result<BTreeMap<VolumeId, Volume>> {
        let of = |one: &ec2::Volume| one.tags.get(tag::RESTORE_ID).is_some_and(|id| id == restore);
        let read = |shown: &Shown| {
            let all = shown.volumes.iter().filter(|(_, one)| of(one));
            all.map(|(id, one)| (parsed(id), volume(&parsed(id), one))).collect()
        };
        self.shown("ec2:DescribeVolumes", restore.to_owned(), read).await
    }

    async fn create_volume(&self, new: &NewVolume) -> Outcome<VolumeId> {
        let wanted = world::NewVolume {
            snapshot: new.snapshot.to_string(),
            token: new.token.clone(),
            tags: new.tags.clone(),
            zone: new.zone.clone(),
        };
        let create = |world: &mut World| world.ec2.create_volume(wanted).map(|id| parsed(&id));
        self.change(
            "ec2:CreateVolume",
            Kind::Change,
            format!("{} {}", new.node, new.device),
            create,
        )
        .await
    }

    async fn delete_volume(&self, volume: &VolumeId) -> Outcome {
        let delete = |world: &mut World| world.ec2.delete_volume(volume.as_str());
        self.change("ec2:DeleteVolume", Kind::Change, volume.to_string(), delete)
            .await
    }

    async fn attach(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Outcome {
        let attach = |world: &mut World| world.ec2.attach(volume.as_str(), instance.as_str(), device);
        self.change("ec2:AttachVolume", Kind::Change, format!("{volume} {device}"), attach)
            .await
    }

    async fn detach(&self, volume: &VolumeId, instance: &InstanceId, device: &str) -> Outcome {
        let detach = |world: &mut World| world.ec2.detach(volume.as_str(), instance.as_str(), device);
        self.change("ec2:DetachVolume", Kind::Change, format!("{volume} {device}"), detach)
            .await
    }
}

impl Sim {
    async fn tagged(&self, key: &str, value: &str) -> Result<Vec<Snapshot>> {
        let now = self.now();
        let read = |shown: &Shown| {
            let all = shown
                .snapshots
                .iter()
                .filter(|(_, one)| one.tags.get(key).is_some_and(|is| is == value));
            let read = |(id, one): (&String, &ec2::Snapshot)| Snapshot {
                id: parsed(id),
                volume: parsed(&one.volume),
                state: if now >= one.completes { "completed" } else { "pending" }.into(),
                progress: if now >= one.completes { "100%" } else { "40%" }.to_owned(),
                started: moment(one.started),
                gib: 20,
                kms_key: None,
                copied_from: None,
                tier: one.tier,
                tags: one.tags.clone(),
            };
            all.map(read).collect()
        };
        self.shown("ec2:DescribeSnapshots", value.to_owned(), read).await
    }
}

impl Snapshots for Sim {
    async fn snapshots_of_cluster(&self, cluster: &str) -> Result<Vec<Snapshot>> {
        self.tagged(tag::CLUSTER, cluster).await
    }

    async fn snapshots_of_backup(&self, backup: &Id) -> Result<Vec<Snapshot>> {
        self.tagged(tag::BACKUP_ID, &backup.to_string()).await
    }

    async fn create_snapshots(&self, set: &SnapshotSet) -> Outcome<Vec<Taken>> {
        let volumes: Vec<String> = set.volumes.iter().map(VolumeId::to_string).collect();
        let excluded: Vec<String> = set.excluded.iter().map(VolumeId::to_string).collect();
        let create = |world: &mut World| {
            let made = world.create_snapshots(set.instance.as_str(), &volumes, &excluded, &set.tags)?;
            Ok(made
                .into_iter()
                .map(|(snapshot, volume)| Taken {
                    snapshot: parsed(&snapshot),
                    volume: parsed(&volume),
                })
                .collect())
        };
        let name = if volumes.len() == 1 {
            "ec2:CreateSnapshot"
        } else {
            "ec2:CreateSnapshots"
        };
        self.change(name, Kind::Change, volumes.join(" "), create).await
    }

    async fn delete_snapshot(&self, snapshot: &SnapshotId) -> Outcome {
        let delete = |world: &mut World| world.ec2.delete_snapshot(snapshot.as_str());
        self.change("ec2:DeleteSnapshot", Kind::Change, snapshot.to_string(), delete)
            .await
    }
}

impl Tags for Sim {
    async fn tag<I: Tagged>(&self, resources: &[I], tags: &BTreeMap<String, String>) -> Outcome {
        let tag = |world: &mut World| world.ec2.tag(&texts(resources), tags);
        let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
        let what = format!("{} {}", joined(resources), keys.join(" "));
        self.change("ec2:CreateTags", Kind::Change, what, tag).await
    }

    async fn untag<I: Tagged>(&self, resources: &[I], keys: &[&str]) -> Outcome {
        let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
        let what = format!("{} {}", joined(resources), keys.join(" "));
        let untag = |world: &mut World| world.ec2.untag(&texts(resources), &keys);
        self.change("ec2:DeleteTags", Kind::Change, what, untag).await
    }
}

impl Sim {
    async fn fast(&self, wanted: impl Fn(&str, &ec2::Fast) -> bool) -> Result<Vec<FastRestore>> {
        let now = self.now();
        let read = |shown: &Shown| {
            let all = shown.fast.iter().filter(|((snapshot, _), one)| wanted(snapshot, one));
            let read = |((snapshot, zone), one): (&(String, String), &ec2::Fast)| FastRestore {
                snapshot: parsed(snapshot),
                zone: zone.clone(),
                state: one.state(now).into(),
                reason: "Client.UserInitiated".to_owned(),
                enabled: (one.state(now) == "enabled").then(|| moment(one.since + ec2::FAST_ENABLED)),
            };
            all.map(read).collect()
        };
        self.shown("ec2:DescribeFastSnapshotRestores", String::new(), read)
            .await
    }

    async fn switch(&self, name: &'static str, snapshot: &SnapshotId, zone: &str, on: bool) -> Outcome {
        let switch = |world: &mut World| {
            if world.ec2.switch_fast(snapshot.as_str(), zone, on) || on {
                return Ok(());
            }
            code(ec2::NOTHING_TO_DO, "already disabled")
        };
        self.change(name, Kind::Change, format!("{snapshot} {zone}"), switch)
            .await
    }
}

impl FastRestores for Sim {
    async fn fast_restores(&self, snapshots: &[SnapshotId]) -> Result<Vec<FastRestore>> {
        self.fast(|snapshot, _| snapshots.iter().any(|one| one.as_str() == snapshot))
            .await
    }

    async fn all_fast_restores(&self) -> Result<Vec<FastRestore>> {
        self.fast(|_, one| one.on).await
    }

    async fn enable_fast_restore(&self, snapshot: &SnapshotId, zone: &str) -> Outcome {
        self.switch("ec2:EnableFastSnapshotRestores", snapshot, zone, true)
            .await
    }

    async fn disable_fast_restore(&self, snapshot: &SnapshotId, zone: &str) -> Outcome {
        self.switch("ec2:DisableFastSnapshotRestores", snapshot, zone, false)
            .await
    }
}
