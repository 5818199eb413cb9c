//! EventBridge Scheduler, as far as one group goes.

use crate::faults::Kind;
use crate::sim::Sim;
use crate::world::World;
use crate::world::ec2::code;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::schedule::{Enabled, Entry, Found};
use mirrorsnap_functions::ports::{Outcome, Schedules};
use std::collections::BTreeMap;

fn found(entry: &Entry, enabled: Enabled) -> Found {
    Found {
        entry: Some(entry.clone()),
        description: entry.description.clone(),
        enabled,
    }
}

impl Schedules for Sim {
    async fn schedules(&self, group: &str) -> Result<BTreeMap<String, Found>> {
        let read = |world: &World| Ok(world.schedules.clone());
        self.read("scheduler:ListSchedules", Kind::Read, group.to_owned(), read)
            .await
    }

    async fn create_schedule(&self, _: &str, name: &str, entry: &Entry) -> Outcome {
        let create = |world: &mut World| {
            if world.schedules.contains_key(name) {
                return code("ConflictException", "it is there");
            }
            world.schedules.insert(name.to_owned(), found(entry, Enabled::Yes));
            Ok(())
        };
        self.change("scheduler:CreateSchedule", Kind::Change, name.to_owned(), create)
            .await
    }

    async fn update_schedule(&self, _: &str, name: &str, entry: &Entry, enabled: Enabled) -> Outcome {
        let update = |world: &mut World| {
            let Some(one) = world.schedules.get_mut(name) else {
                return code("ResourceNotFoundException", "it is not there");
            };
            *one = found(entry, enabled);
            Ok(())
        };
        self.change("scheduler:UpdateSchedule", Kind::Change, name.to_owned(), update)
            .await
    }

    async fn delete_schedule(&self, _: &str, name: &str) -> Outcome {
        let delete = |world: &mut World| match world.schedules.remove(name) {
            Some(_) => Ok(()),
            None => code("ResourceNotFoundException", "it is not there"),
        };
        self.change("scheduler:DeleteSchedule", Kind::Change, name.to_owned(), delete)
            .await
    }
}
