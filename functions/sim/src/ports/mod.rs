//! The functions' ports on the world in memory.

mod copies;
mod ec2;
mod images;
mod schedules;

use crate::faults::Kind;
use crate::sim::Sim;
use crate::world::{CLUSTER, State, World, moment};
use mirrorsnap_domain::catalogue::Snapshot;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::description::Description;
use mirrorsnap_domain::ec2::{InstanceId, VolumeId};
use mirrorsnap_domain::error::{Error, Kind as ErrorKind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::inspect::{Key, Manager};
use mirrorsnap_domain::lock::Lock;
use mirrorsnap_domain::patrol::Item;
use mirrorsnap_domain::restore::Record;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use mirrorsnap_functions::ports::{
    Agent, Clock, Command, Configs, Descriptions, Fleet, Items, Keys, Ledger, Metrics, Nodes, Outcome, Progress,
    Quotas, Snapshots, Volume,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

impl Configs for Sim {
    async fn config(&self, cluster: &str) -> Result<Config> {
        let read = |world: &World| Ok(world.config.clone());
        self.read("ssm:GetParameter", Kind::Read, cluster.to_owned(), read)
            .await
    }
}

impl Ledger for Sim {
    async fn lock(&self, cluster: &str) -> Result<Lock> {
        let read = |world: &World| Ok(world.ledger.lock.clone());
        self.read("dynamodb:GetItem", Kind::Fence, format!("lock#{cluster}"), read)
            .await
    }

    async fn record(&self, restore: &Id) -> Result<Record> {
        let read = |world: &World| {
            let record = world.ledger.records.get(&restore.to_string()).cloned();
            record.ok_or_else(|| {
                let found = format!("there is no record of the restore {restore}");
                Error::new(
                    ErrorKind::RestoreNotFound,
                    found,
                    "name a restore that was not released yet",
                )
            })
        };
        self.read("dynamodb:GetItem", Kind::Read, format!("restore#{restore}"), read)
            .await
    }
}

/// No backup of the simulator's keeps one, so that a plan asks the nodes for none.
impl Descriptions for Sim {
    async fn description(&self, backup: &Id) -> Result<Option<Description>> {
        self.read("dynamodb:GetItem", Kind::Read, backup.to_string(), |_| Ok(None))
            .await
    }

    async fn described(&self, cluster: &str) -> Result<Vec<Id>> {
        self.read("dynamodb:Query", Kind::Read, cluster.to_owned(), |_| Ok(vec![]))
            .await
    }

    async fn forget_description(&self, backup: &Id) -> Outcome {
        self.change("dynamodb:DeleteItem", Kind::Change, backup.to_string(), |_| Ok(()))
            .await
    }
}

/// As if nothing were left of any other cluster.
impl Fleet for Sim {
    async fn clusters(&self) -> Result<BTreeMap<String, Result<Config>>> {
        let read = |world: &World| {
            let mut all = world.others.clone();
            all.insert(CLUSTER.to_owned(), Ok(world.config.clone()));
            Ok(all)
        };
        self.read("ssm:GetParametersByPath", Kind::Read, String::new(), read)
            .await
    }

    async fn items(&self) -> Result<Items> {
        let read = |world: &World| {
            let lock = world.ledger.lock.clone();
            let item = Item {
                holder: lock.holder.clone(),
                lock: Ok(lock),
                held_since: None,
                back_at: None,
            };
            let records = world.ledger.records.iter();
            Ok(Items {
                locks: BTreeMap::from([(CLUSTER.to_owned(), item)]),
                records: records.map(|(id, record)| (id.clone(), Ok(record.clone()))).collect(),
            })
        };
        self.read("dynamodb:Scan", Kind::Read, String::new(), read).await
    }

    async fn all_snapshots(&self) -> Result<Vec<Snapshot>> {
        self.snapshots_of_cluster(CLUSTER).await
    }

    async fn all_volumes_of_restores(&self) -> Result<BTreeMap<VolumeId, Volume>> {
        self.volumes_tagged().await
    }
}

impl Quotas for Sim {
    async fn ebs_quotas(&self) -> Result<BTreeMap<String, f64>> {
        let read = |_: &World| Ok(BTreeMap::from([("L-7A658B76".to_owned(), 50.0)]));
        self.read("servicequotas:ListServiceQuotas", Kind::Read, String::new(), read)
            .await
    }

    async fn provisioned_gib(&self, kinds: &BTreeSet<String>) -> Result<BTreeMap<String, i64>> {
        let read = |_: &World| Ok(kinds.iter().map(|kind| (kind.clone(), 100)).collect());
        self.read("ec2:DescribeVolumes", Kind::Read, "by type".to_owned(), read)
            .await
    }
}

/// All volumes are under AWS's own key.
impl Keys for Sim {
    async fn key(&self, key: &str) -> Result<Key> {
        let read = |_: &World| {
            Ok(Key {
                manager: Manager::Aws,
                state: "Enabled".to_owned(),
            })
        };
        self.read("kms:DescribeKey", Kind::Read, key.to_owned(), read).await
    }

    fn key_roles(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }
}

/// A document that only reads.
fn kind(step: &Step) -> Kind {
    match step.document.name() {
        "observe" | "read-records" | "describe" => Kind::Question,
        _ => Kind::Change,
    }
}

fn what(step: &Step) -> String {
    let attempt = step
        .guard
        .as_ref()
        .map(|guard| guard.attempt.to_string())
        .unwrap_or_default();
    format!("{} {} {attempt}", step.document.name(), step.node)
}

impl Nodes for Sim {
    async fn agent(&self, instance: &InstanceId) -> Result<Agent> {
        let read = |world: &World| Ok(world.agent(instance.as_str()));
        self.read(
            "ssm:DescribeInstanceInformation",
            Kind::Read,
            instance.to_string(),
            read,
        )
        .await
    }

    async fn send(&self, instance: &InstanceId, step: &Step) -> Outcome<Command> {
        let send = |world: &mut World| {
            let id = world.send(instance.as_str(), step)?;
            let instance = instance.clone();
            Ok(Command { id, instance })
        };
        self.change("ssm:SendCommand", kind(step), what(step), send).await
    }

    async fn find(&self, instance: &InstanceId, step: &Step) -> Result<Option<Command>> {
        let lag = self.lag("ssm:ListCommands", what(step)).await?;
        let world = self.world.borrow();
        let until = world.now.saturating_sub(lag);
        let found = world
            .commands
            .iter()
            .rev()
            .find(|one| &one.step == step && one.sent <= until);
        Ok(found.map(|one| Command {
            id: one.id.clone(),
            instance: instance.clone(),
        }))
    }

    async fn progress(&self, step: &Step, command: &Command) -> Result<Progress> {
        let read = |world: &World| match &world.command(&command.id).unwrap().state {
            State::Sent | State::Begun(_) => Ok(Progress::Running),
            State::Over(reply) => Ok(Progress::Replied(reply.clone())),
            State::Undelivered => {
                let found = format!("{} on {} ended DeliveryTimedOut", step.document.name(), step.node);
                Err(Error::new(ErrorKind::StepUndelivered, found, "check the SSM agent"))
            }
        };
        self.read("ssm:GetCommandInvocation", Kind::Read, what(step), read)
            .await
    }

    async fn under_way(&self, instance: &InstanceId, run: &str) -> Result<Vec<Command>> {
        let lag = self.lag("ssm:ListCommands", format!("{instance} {run}")).await?;
        let world = self.world.borrow();
        let until = world.now.saturating_sub(lag);
        Ok(world
            .under_way(instance.as_str(), run, until)
            .into_iter()
            .map(|id| Command {
                id,
                instance: instance.clone(),
            })
            .collect())
    }

    async fn cancel(&self, command: &Command) {
        let cancel = |world: &mut World| {
            world.cancel(&command.id);
            Ok(())
        };
        // Best effort, as the port says.
        let _ = self
            .change("ssm:CancelCommand", Kind::Change, command.id.clone(), cancel)
            .await;
    }
}

impl Clock for Sim {
    fn now(&self) -> Moment {
        moment(Sim::now(self))
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(Sim::now(self))
    }

    async fn sleep(&self, time: Duration) {
        let time = u64::try_from(time.as_millis()).unwrap();
        self.sleep_until(Sim::now(self) + time.max(1)).await;
    }
}

impl Metrics for Sim {
    fn write(&self, _: &serde_json::Value) {}
}
