//! Copies in another region, on the model.

use super::ec2::parsed;
use crate::faults::Kind;
use crate::sim::Sim;
use crate::world::ec2::Shown;
use crate::world::{World, moment};
use mirrorsnap_domain::catalogue::{Snapshot, tag};
use mirrorsnap_domain::copies::{Lock, Region, Seen};
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_functions::ports::{Copies, NewCopy, Outcome};
use std::collections::BTreeMap;

impl Copies for Sim {
    fn region(&self) -> Result<Region> {
        "ap-northeast-1".parse()
    }

    async fn copies_of_cluster(&self, region: &Region, cluster: &str) -> Result<Vec<Seen>> {
        let now = self.now();
        let read = |shown: &Shown| {
            let ours = shown
                .copies
                .iter()
                .filter(|(_, one)| one.tags.get(tag::CLUSTER).is_some_and(|of| of == cluster));
            let read = |(id, one): (&String, &crate::world::copies::Copy)| Seen {
                snapshot: Snapshot {
                    id: parsed(id),
                    volume: parsed("vol-ffffffff"),
                    state: one.state(now).into(),
                    progress: "40%".to_owned(),
                    started: moment(one.started),
                    gib: 20,
                    kms_key: None,
                    copied_from: None,
                    tier: mirrorsnap_domain::catalogue::Tier::Standard,
                    tags: one.tags.clone(),
                },
                message: one.fails.then(|| "Given key ID is not accessible".to_owned()),
            };
            ours.map(read).collect()
        };
        self.shown("ec2:DescribeSnapshots", format!("{cluster} in {region}"), read)
            .await
    }

    async fn copy_snapshot(&self, region: &Region, new: &NewCopy) -> Outcome<SnapshotId> {
        let copy = |world: &mut World| {
            world
                .ec2
                .copy_snapshot(new.source.as_str(), &new.tags)
                .map(|id| parsed(&id))
        };
        self.change(
            "ec2:CopySnapshot",
            Kind::Change,
            format!("{} to {region}", new.source),
            copy,
        )
        .await
    }

    async fn tag_copies(&self, _: &Region, copies: &[SnapshotId], tags: &BTreeMap<String, String>) -> Outcome {
        let ids: Vec<String> = copies.iter().map(ToString::to_string).collect();
        let tag = |world: &mut World| world.ec2.tag_copies(&ids, tags);
        self.change("ec2:CreateTags", Kind::Change, ids.join(" "), tag).await
    }

    async fn delete_copy(&self, _: &Region, copy: &SnapshotId) -> Outcome {
        let delete = |world: &mut World| world.ec2.delete_copy(copy.as_str());
        self.change("ec2:DeleteSnapshot", Kind::Change, copy.to_string(), delete)
            .await
    }

    async fn lock_copy(&self, _: &Region, copy: &SnapshotId, _: &Lock) -> Outcome {
        let lock = |world: &mut World| world.ec2.lock_copy(copy.as_str());
        self.change("ec2:LockSnapshot", Kind::Change, copy.to_string(), lock)
            .await
    }

    async fn locked_copies(&self, region: &Region) -> Result<BTreeMap<SnapshotId, String>> {
        let read = |shown: &Shown| {
            let locked = shown.copies.iter().filter(|(_, one)| one.locked);
            locked.map(|(id, _)| (parsed(id), "tomorrow".to_owned())).collect()
        };
        self.shown("ec2:DescribeLockedSnapshots", region.to_string(), read)
            .await
    }
}
