//! The parameters of a document: written in the form that Run Command takes, and read back.

use super::{Cluster, FREEZING_TOOLS, Freeze, Parts, Quiet, TOOLS};
use crate::consistency::Consistency;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

pub(super) fn invalid(found: String) -> Error {
    Error::new(Kind::InputInvalid, found, "pass a step as assess or a plan gives it")
}

/// The parameters of a document, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Parameters(pub BTreeMap<String, String>);

impl Parameters {
    /// Adds one.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.0.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Adds a number.
    pub fn number(&mut self, name: &str, value: impl fmt::Display) -> &mut Self {
        self.text(name, &value.to_string())
    }

    pub(super) fn list(&mut self, name: &str, values: &[String]) -> &mut Self {
        self.text(name, &values.join(" "))
    }

    pub(super) fn cluster(&mut self, node: &str, cluster: &Cluster) -> &mut Self {
        self.text("Self", node)
            .text("Peer", &cluster.peer)
            .list("Groups", &cluster.groups)
    }

    pub(super) fn parts(&mut self, node: &str, parts: &Parts) -> &mut Self {
        self.text("Self", node)
            .list("Groups", &parts.groups)
            .list("Disks", &parts.disks)
            .list("Monitors", &parts.monitors)
            .list("Devices", &parts.devices)
            .text("Tools", &[TOOLS.as_slice(), &FREEZING_TOOLS].concat().join(" "))
    }

    /// What a stopped backup does not need is not sent: the documents have defaults for it.
    pub(super) fn quiet(&mut self, quiet: &Quiet) -> &mut Self {
        self.text("Consistency", quiet.consistency().word());
        match quiet {
            Quiet::Stopped => self,
            Quiet::Frozen(freeze) => self
                .list("Devices", &freeze.devices)
                .number("MaxPauseSeconds", freeze.pause),
        }
    }

    /// Takes one out; an error if it is not there.
    pub fn take(&mut self, name: &str) -> Result<String> {
        let value = self.0.remove(name);
        value.ok_or_else(|| invalid(format!("the parameter {name} is missing")))
    }

    /// Takes one out that `read` understands.
    pub fn take_word<T>(&mut self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T> {
        let value = self.take(name)?;
        read(&value).ok_or_else(|| {
            let shown: String = value.chars().take(60).collect();
            invalid(format!("the parameter {name} is {shown:?}"))
        })
    }

    pub(super) fn take_list(&mut self, name: &str) -> Result<Vec<String>> {
        let value = self.take(name)?;
        Ok(value
            .split(' ')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect())
    }

    pub(super) fn take_number(&mut self, name: &str) -> Result<u32> {
        self.take_word(name, |text| text.parse().ok())
    }

    pub(super) fn take_quiet(&mut self) -> Result<Quiet> {
        Ok(match self.take_word("Consistency", Consistency::read)? {
            Consistency::Stopped => Quiet::Stopped,
            Consistency::Frozen => Quiet::Frozen(Freeze {
                devices: self.take_list("Devices")?,
                pause: self.take_number("MaxPauseSeconds")?,
            }),
        })
    }

    pub(super) fn take_parts(&mut self, node: &str) -> Result<Parts> {
        self.take_word("Self", |name| (name == node).then_some(()))?;
        self.take("Tools")?;
        Ok(Parts {
            groups: self.take_list("Groups")?,
            disks: self.take_list("Disks")?,
            monitors: self.take_list("Monitors")?,
            devices: self.take_list("Devices")?,
        })
    }

    pub(super) fn take_cluster(&mut self, node: &str) -> Result<Cluster> {
        self.take_word("Self", |name| (name == node).then_some(()))?;
        Ok(Cluster {
            peer: self.take("Peer")?,
            groups: self.take_list("Groups")?,
        })
    }
}
