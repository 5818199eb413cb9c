//! From the arguments to the input of a state machine: the contract's inputs, and nothing else.

use crate::args::What;
use clap::ValueEnum;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::names;
use mirrorsnap_domain::time::Moment;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::fmt;

/// A state machine that is started from here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)] // the machines' names
pub enum Machine {
    Backup,
    Restore,
    Recover,
    Hold,
    Prove,
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Backup => "backup",
            Self::Restore => "restore",
            Self::Recover => "recover",
            Self::Hold => "hold",
            Self::Prove => "prove",
        })
    }
}

/// Whether the operation changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It does, and needs nobody's typed name.
    Changes,
    /// It does, and only after the cluster's name was typed.
    AfterConfirmation,
    /// A dry run.
    Nothing,
}

/// An execution to start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The state machine.
    pub machine: Machine,
    /// The cluster.
    pub cluster: String,
    /// The input, without `confirm`.
    pub input: Map<String, Value>,
    /// Whether it changes something.
    pub effect: Effect,
}

impl Request {
    fn new(machine: Machine, cluster: &str, more: &[(&str, Value)]) -> Result<Self> {
        names::cluster(cluster).map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "name a cluster"))?;
        let mut input = Map::from_iter([("cluster".to_owned(), json!(cluster))]);
        input.extend(more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())));
        Ok(Self {
            machine,
            cluster: cluster.to_owned(),
            input,
            effect: Effect::Changes,
        })
    }

    fn effect(mut self, effect: Effect) -> Self {
        if effect == Effect::Nothing {
            self.input.insert("dry_run".to_owned(), json!(true));
        }
        self.effect = effect;
        self
    }

    /// A dry run of a backup, which asks the doctor too.
    pub fn dry_backup(cluster: &str) -> Result<Self> {
        Ok(Self::new(Machine::Backup, cluster, &[])?.effect(Effect::Nothing))
    }

    /// The input with the name that was typed. The state machine compares it once more.
    #[must_use]
    pub fn confirmed(mut self, typed: &str) -> Self {
        self.input.insert("confirm".to_owned(), json!(typed));
        self
    }

    /// Its dry run, if there is one: a release has none.
    pub fn rehearsal(&self) -> Option<Self> {
        let has_one = self.machine == Machine::Restore && !self.input.contains_key("release");
        has_one.then(|| self.clone().effect(Effect::Nothing))
    }

    /// What a command asks for; `None`: it starts nothing. Error: `InputInvalid`.
    pub fn of(what: &What) -> Result<Option<Self>> {
        let dry = |dry_run: bool, otherwise| if dry_run { Effect::Nothing } else { otherwise };
        let request = match what {
            What::Backup {
                cluster,
                dry_run,
                consistency,
                ..
            } => {
                let more: Vec<_> = consistency.map(|how| ("consistency", word(&how))).into_iter().collect();
                Self::new(Machine::Backup, cluster, &more)?.effect(dry(*dry_run, Effect::Changes))
            }
            What::Restore {
                cluster,
                backup,
                before,
                dry_run,
                initialization,
                on_device_mismatch,
                ..
            } => {
                let mut more = vec![("backup", which(backup.as_deref(), before.as_deref())?)];
                more.extend(initialization.map(|how| ("initialization", word(&how))));
                more.extend(on_device_mismatch.map(|what| ("on_device_mismatch", word(&what))));
                Self::new(Machine::Restore, cluster, &more)?.effect(dry(*dry_run, Effect::AfterConfirmation))
            }
            What::Rollback {
                cluster,
                restore,
                dry_run,
                ..
            } => Self::new(Machine::Restore, cluster, &[("rollback", json!(restore))])?
                .effect(dry(*dry_run, Effect::AfterConfirmation)),
            What::Release { cluster, restore, .. } => {
                Self::new(Machine::Restore, cluster, &[("release", json!(restore))])?.effect(Effect::AfterConfirmation)
            }
            What::Recover { cluster, .. } => Self::new(Machine::Recover, cluster, &[])?,
            What::Hold { cluster, why, .. } => Self::new(Machine::Hold, cluster, &[("hold", json!(why))])?,
            What::Unhold { cluster, .. } => Self::new(Machine::Hold, cluster, &[("unhold", json!(true))])?,
            What::Backups {
                cluster,
                prove: Some(backup),
                ..
            } => Self::new(Machine::Prove, cluster, &[("backup", json!(backup))])?,
            _ => return Ok(None),
        };
        Ok(Some(request))
    }
}

fn which(backup: Option<&str>, before: Option<&str>) -> Result<Value> {
    Ok(match (backup, before) {
        (_, Some(before)) => json!({"before": Moment::parse(before)?.to_string()}),
        (Some(id), None) => json!(id),
        (None, None) => json!("latest"),
    })
}

/// The contract's word for a choice, which is clap's too.
fn word(choice: &impl ValueEnum) -> Value {
    choice
        .to_possible_value()
        .map_or(Value::Null, |value| json!(value.get_name()))
}

#[cfg(test)]
#[path = "request_tests.rs"]
mod tests;
