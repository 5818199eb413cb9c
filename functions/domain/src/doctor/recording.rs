//! A recording: what the commands of a cluster's nodes printed, as one JSON file that can be sent, kept as a test, and played back by the
//! lab. `hidden` replaces in it what says something about its owner.

use super::pseudonyms::{Printed, Pseudonyms};
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};

/// The form that this version writes and reads.
pub const FORM: u32 = 1;

/// The source of a line that nobody has seen: it is what we believe.
pub const LIKELY: &str = "[likely]";

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The form, [`FORM`].
    pub recording: u32,
    /// When it was taken, in UTC.
    pub taken: String,
    /// What is known of the cluster.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// Its nodes.
    pub nodes: Vec<RecordedNode>,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedNode {
    /// Its name, as CLUSTERPRO prints it.
    pub name: String,
    /// Its commands, in the order in which they ran.
    pub entries: Vec<Entry>,
}

/// One command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is, on this node.
    pub id: String,
    /// The command and its arguments.
    pub argv: Vec<String>,
    /// Its exit code.
    pub exit: i32,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What it printed.
    pub stdout: String,
    /// What it printed to stderr.
    pub stderr: String,
    /// Whether more was printed than is kept.
    #[serde(default)]
    pub cut: bool,
    /// Of a recording that was written by hand: where its lines come from. A real one has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
}

/// Where lines of an entry come from: those of stdout, and behind them those of stderr; of an entry that prints nothing, its exit code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// `3` or `1-12`, counted from 1.
    pub lines: String,
    /// A text, or [`LIKELY`].
    pub source: String,
}

impl Source {
    /// The first and the last line. None: it is not of the form, or ends before it begins.
    pub fn range(&self) -> Option<(usize, usize)> {
        let (first, last) = self.lines.split_once('-').unwrap_or((&self.lines, &self.lines));
        let (first, last) = (first.parse().ok()?, last.parse().ok()?);
        (first >= 1 && first <= last).then_some((first, last))
    }
}

impl Entry {
    /// How many lines it printed, or 1 for its exit code alone.
    pub fn lines(&self) -> usize {
        (self.stdout.lines().count() + self.stderr.lines().count()).max(1)
    }

    /// How many of its lines rest on [`LIKELY`].
    pub fn likely_lines(&self) -> usize {
        let likely = self.sources.iter().filter(|source| source.source.contains(LIKELY));
        likely
            .filter_map(Source::range)
            .map(|(first, last)| last - first + 1)
            .sum()
    }
}

impl Recording {
    /// Reads a file. Errors: `InputInvalid`.
    pub fn parse(json: &str) -> Result<Self> {
        let bad = |why: String| {
            Error::new(
                Kind::InputInvalid,
                format!("this is no recording: {why}"),
                "take the file as the doctor wrote it",
            )
        };
        let read: Self = serde_json::from_str(json).map_err(|error| bad(error.to_string()))?;
        if read.recording == FORM {
            Ok(read)
        } else {
            Err(bad(format!("its form is {}, and {FORM} is known", read.recording)))
        }
    }

    /// The node of that name.
    pub fn node(&self, name: &str) -> Option<&RecordedNode> {
        self.nodes.iter().find(|node| node.name == name)
    }

    /// How many lines rest on [`LIKELY`], and how many there are.
    pub fn likely_lines(&self) -> (usize, usize) {
        let entries = || self.nodes.iter().flat_map(|node| &node.entries);
        (
            entries().map(Entry::likely_lines).sum(),
            entries().map(Entry::lines).sum(),
        )
    }

    /// The same recording with stable pseudonyms in place of names, addresses, ids and comments.
    #[must_use]
    pub fn hidden(&self) -> Self {
        let entries = || self.nodes.iter().flat_map(|node| &node.entries);
        let printed = entries().flat_map(|entry| {
            [&entry.stdout, &entry.stderr].map(|text| Printed {
                argv: &entry.argv,
                text,
            })
        });
        let mut all = Pseudonyms::learned(self.nodes.iter().map(|node| node.name.as_str()), printed);
        let nodes = self.nodes.iter().map(|node| RecordedNode {
            name: all.hide(&node.name),
            entries: node.entries.iter().map(|entry| entry.hidden(&mut all)).collect(),
        });
        Self {
            recording: self.recording,
            nodes: nodes.collect(),
            taken: all.hide(&self.taken),
            about: all.hide(&self.about),
        }
    }
}

impl Entry {
    fn hidden(&self, all: &mut Pseudonyms) -> Self {
        let hide_source = |source: &Source| Source {
            lines: source.lines.clone(),
            source: all.hide(&source.source),
        };
        let sources = self.sources.iter().map(hide_source).collect();
        Self {
            id: all.hide_id(&self.id),
            argv: self.argv.iter().map(|argument| all.hide(argument)).collect(),
            stdout: all.hide(&self.stdout),
            stderr: all.hide(&self.stderr),
            sources,
            ..self.clone()
        }
    }
}

impl RecordedNode {
    /// The command with exactly these arguments.
    pub fn entry(&self, argv: &[&str]) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.argv == argv)
    }
}

#[cfg(test)]
#[path = "recording_tests.rs"]
mod tests;
