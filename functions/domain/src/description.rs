//! What a rebuild of a cluster needs besides its data: both nodes as their document `describe` prints them, and both instances as EC2
//! describes them. It is stored with each backup, compressed as the nodes send it, and compared before a restore. Nothing depends on it:
//! one that is missing or cannot be read is said, and that is all.

use crate::catalogue::{Backup, INCOMPLETE_SECONDS};
use crate::ec2::SnapshotId;
use crate::error::{Error, Kind, Result};
use crate::ids::Id;
use crate::reply::{Pack, Reply};
use crate::sentence::Sentence;
use crate::time::Moment;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The form that this version writes and reads.
pub const FORM: u32 = 1;

/// The most characters of one node, compressed. A state of Step Functions may pass on 256 KiB, and both nodes and the instances are in it.
pub const MOST_CHARACTERS: usize = 72 * 1024;

/// The most bytes of one node, unpacked: more is no description of ours.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// How infra/documents/describe.sh names the dump of a partition table, before the path.
const TABLE_OF: &str = "partitions of the disk of ";

/// What EC2 says of an instance, by the name of the fact.
pub type Facts = BTreeMap<String, String>;

/// A description as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// The form, [`FORM`].
    pub description: u32,
    /// When it was taken.
    pub taken: Moment,
    /// Both nodes, by their names.
    pub nodes: BTreeMap<String, Told>,
    /// Their instances, by the nodes' names.
    pub instances: BTreeMap<String, Facts>,
}

/// What a node told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Its description: text, by gzip, in base64.
    Packed(String),
    /// None, and why.
    Nothing(String),
}

/// A node's description, read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Pieces {
    /// What each command printed, by its name; `clp.conf` is the file.
    pub pieces: BTreeMap<String, String>,
    /// What was left out of clp.conf, since it looks like a secret: paths of elements and attributes.
    pub left_out: Vec<String>,
}

fn unreadable(found: &str) -> Error {
    Error::new(
        Kind::OutputUnreadable,
        found,
        "take the description of another backup; the backup itself is not concerned",
    )
}

/// Puts the parts of one node together; the error: why they are no whole, in words.
pub fn joined(parts: &[Reply]) -> std::result::Result<String, String> {
    let packs: Vec<&Pack> = parts.iter().filter_map(|part| part.head.pack.as_ref()).collect();
    let first = packs.first().ok_or("it has no parts")?;
    let in_order = packs.iter().zip(1..).all(|(pack, number)| pack.part == number);
    if packs.len() != parts.len() || packs.len() != first.parts as usize || !in_order {
        return Err("a part of it is missing".to_owned());
    }
    if packs.iter().any(|pack| pack.digest != first.digest) {
        return Err("it changed while it was read".to_owned());
    }
    let texts = parts.iter().filter_map(|part| part.section("part"));
    let whole: String = texts.map(|section| section.text.trim()).collect();
    if whole.len() == first.characters {
        Ok(whole)
    } else {
        Err(format!(
            "{} of its {} characters arrived",
            whole.len(),
            first.characters
        ))
    }
}

/// The text in a packed description. `gzip -n` writes no name and no time, so its head has ten bytes, and its tail has the length.
fn unpacked(packed: &str) -> Option<String> {
    let bytes = STANDARD.decode(packed).ok()?;
    let rest = bytes.strip_prefix(&[0x1f, 0x8b, 8, 0])?.get(6..)?;
    let text = miniz_oxide::inflate::decompress_to_vec_with_limit(rest, MOST_BYTES).ok()?;
    let length = u32::from_le_bytes(bytes.last_chunk::<4>().copied()?);
    // A comment may be in any script: it is shown, and nothing is made of it.
    (u32::try_from(text.len()).ok() == Some(length)).then(|| String::from_utf8_lossy(&text).into_owned())
}

impl Pieces {
    /// Reads a packed description. Error: `OutputUnreadable`.
    pub fn read(packed: &str) -> Result<Self> {
        let text = unpacked(packed).ok_or_else(|| unreadable("the description of a node cannot be unpacked"))?;
        let mut read = Self::default();
        let mut current: Option<&mut String> = None;
        for line in text.lines() {
            let name = line
                .strip_prefix("--- ")
                .and_then(|rest| rest.rsplit_once(" rc="))
                .filter(|(_, rc)| rc.parse::<i32>().is_ok());
            if let Some((name, _)) = name {
                current = Some(read.pieces.entry(name.to_owned()).or_default());
            } else if let Some(piece) = current.as_mut() {
                piece.push_str(line);
                piece.push('\n');
            }
        }
        let left_out = read.pieces.remove("left out").unwrap_or_default();
        read.left_out = left_out.lines().map(str::to_owned).collect();
        // A command that the node does not have says nothing.
        read.pieces.retain(|_, text| !text.is_empty());
        Ok(read)
    }
}

impl Description {
    /// Reads a stored one. Error: `OutputUnreadable`.
    pub fn parse(json: &str) -> Result<Self> {
        let read: Self =
            serde_json::from_str(json).map_err(|error| unreadable(&format!("a description is no JSON: {error}")))?;
        if read.description == FORM {
            Ok(read)
        } else {
            let found = format!("the description has the form {}, and {FORM} is known", read.description);
            Err(unreadable(&found))
        }
    }

    /// The pieces of each node that told some; the error: why there are none, in words.
    pub fn pieces(&self) -> BTreeMap<&str, std::result::Result<Pieces, String>> {
        let read = |told: &Told| match told {
            Told::Packed(packed) => Pieces::read(packed).map_err(|error| error.to_string()),
            Told::Nothing(why) => Err(why.clone()),
        };
        self.nodes
            .iter()
            .map(|(node, told)| (node.as_str(), read(told)))
            .collect()
    }

    /// The partition table, as `sfdisk -d` dumped it on the node, of the disk on which these paths lie; the error: why none is there, in
    /// words.
    pub fn partition_table(&self, node: &str, paths: &[&str]) -> std::result::Result<String, String> {
        let pieces = match self.pieces().remove(node) {
            Some(pieces) => pieces?.pieces,
            None => return Err(format!("nothing of {node} is described")),
        };
        // A table is named by the first of the paths that lie on its disk.
        let named = |path: &&str| pieces.get(&format!("{TABLE_OF}{path}"));
        let found = paths.iter().find_map(named).cloned();
        found.ok_or_else(|| format!("{node} told none of the disk of {}", paths.join(" ")))
    }

    /// What is missing in it, in words.
    pub fn missing(&self) -> Vec<String> {
        let of = |(node, told): (&String, &Told)| match told {
            Told::Packed(_) => None,
            Told::Nothing(why) => Some(format!("{node}: {why}")),
        };
        self.nodes.iter().filter_map(of).collect()
    }

    /// What has changed since this one, in words, for a restore's plan.
    pub fn changes(&self, now: &Self) -> Vec<Sentence> {
        let (then_nodes, now_nodes) = (self.pieces(), now.pieces());
        let mut words = Vec::new();
        for (node, then) in &then_nodes {
            let node = (*node).to_owned();
            match (then, now_nodes.get(node.as_str())) {
                (_, None) => words.push(Sentence::NodeGone { node }),
                (Err(why), _) => words.push(Sentence::ThenUnknown { node, why: why.clone() }),
                (_, Some(Err(why))) => words.push(Sentence::NowUnknown { node, why: why.clone() }),
                (Ok(then), Some(Ok(now))) => words.extend(differ(&then.pieces, &now.pieces, |what| {
                    let what = match what {
                        "clp.conf" => what.to_owned(),
                        other => format!("{other}:"),
                    };
                    Sentence::PieceDiffers {
                        node: node.clone(),
                        what,
                    }
                })),
            }
        }
        for (node, then) in &self.instances {
            let Some(now) = now.instances.get(node) else { continue };
            let said = |what: &str| {
                let of = |facts: &Facts| Box::new(facts.get(what).map_or(Sentence::FactNone, Sentence::verbatim));
                Sentence::InstanceWas {
                    node: node.clone(),
                    what: what.to_owned(),
                    then: of(then),
                    now: of(now),
                }
            };
            words.extend(differ(then, now, said));
        }
        words
    }
}

fn differ(
    then: &BTreeMap<String, String>,
    now: &BTreeMap<String, String>,
    said: impl Fn(&str) -> Sentence,
) -> Vec<Sentence> {
    let names: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
    names
        .into_iter()
        .filter(|name| then.get(*name) != now.get(*name))
        .map(|name| said(name))
        .collect()
}

/// The words of a restore's plan: what has changed since the backup.
pub fn since(then: &Description, now: &Description) -> Vec<Sentence> {
    let changes = then.changes(now);
    if changes.is_empty() {
        return vec![Sentence::NodesAsThen];
    }
    let since = |change| Sentence::SinceBackup {
        change: Box::new(change),
    };
    changes.into_iter().map(since).collect()
}

/// The same where the two cannot be compared.
pub fn not_known(why: Sentence) -> Vec<Sentence> {
    vec![Sentence::ChangesUnknown { why: Box::new(why) }]
}

/// Those of the backups `described` whose description nobody needs any more: none of their snapshots is left once `deleted` are gone. One
/// that EC2 does not show at all is believed to be gone after a day only (rule 6).
pub fn unneeded(
    described: Vec<Id>,
    backups: &[Backup],
    deleted: &BTreeSet<&SnapshotId>,
    current: Option<&Id>,
    now: Moment,
) -> Vec<Id> {
    let is_unneeded = |id: &Id| match backups.iter().find(|backup| backup.id == *id) {
        Some(backup) => {
            let mut all = backup.snapshots.iter().chain(&backup.others);
            all.all(|one| deleted.contains(&one.id))
        }
        None => now.seconds_since(id.at()) >= INCOMPLETE_SECONDS,
    };
    let mut left = described;
    left.retain(|id| current != Some(id) && is_unneeded(id));
    left
}

#[cfg(test)]
#[path = "description_tests.rs"]
mod tests;
