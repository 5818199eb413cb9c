//! The parameters of a document: written in the form that Run Command takes, and read back.

use super::Cluster;
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

    /// What `observe` and `doctor` look at.
    pub(super) fn looked_at(
        &mut self,
        node: &str,
        groups: &[String],
        disks: &[String],
        monitors: &[String],
        devices: &[String],
    ) -> &mut Self {
        self.text("Self", node)
            .list("Groups", groups)
            .list("Disks", disks)
            .list("Monitors", monitors)
            .list("Devices", devices)
            .text("Tools", &super::TOOLS.join(" "))
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

    pub(super) fn take_cluster(&mut self, node: &str) -> Result<Cluster> {
        self.take_word("Self", |name| (name == node).then_some(()))?;
        Ok(Cluster {
            peer: self.take("Peer")?,
            groups: self.take_list("Groups")?,
        })
    }
}
