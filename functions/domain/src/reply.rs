//! The reply of a command document (docs/documents.md): a first line of JSON, then sections of raw output.

use crate::clusterpro::excerpt;
use crate::doctor::recording::Entry;
use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Run Command keeps only so much of stdout; what reaches it has been cut, and its last section cannot be trusted.
pub const STDOUT_LIMIT: usize = 24_000;

/// What an inspection wants to be left of that: broken mirrors, and what the steps of an operation printed, make an answer longer
/// (measured in tests/contract/test_documents_sizes.py).
pub const LEAST_ROOM: usize = 8_000;

/// How a document ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Carried out; for a detached unit: it runs.
    Ok,
    /// A command was issued and did not succeed.
    Failed,
    /// Parameters that contradict each other; nothing was touched.
    Invalid,
    /// Nothing was touched.
    Refused,
    /// A second copy found that the first left no result.
    Unknown,
}

/// One record of the critical section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Record {
    /// The epoch under which it was written.
    pub epoch: u64,
    /// The boot in which it was written.
    pub boot_id: String,
    /// When, in seconds of that boot.
    #[serde(default)]
    pub uptime: f64,
    /// Who wrote it: `active` or `timer`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The break began then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t1: Option<f64>,
    /// The break was read back then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub t2: Option<f64>,
    /// Of the baton: how often each data partition had been written, by the kernel's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub writes: BTreeMap<String, String>,
    /// Of the baton: SHA-256 of the first 64 KiB of each data partition, by mirror disk.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fingerprints: BTreeMap<String, String>,
}

macro_rules! records {
    ($($name:ident),* $(,)?) => {
        /// What the critical section left on a node: each record, if it was written. A record that this version does not know is
        /// an error, since nothing could be concluded beside it.
        #[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[allow(missing_docs)] // docs/documents.md explains them
        pub struct Records {
            $(#[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<Record>,)*
        }

        impl Records {
            /// Those that are there, with their names.
            pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Record)> {
                [$((stringify!($name), self.$name.as_ref())),*]
                    .into_iter()
                    .filter_map(|(name, record)| Some((name, record?)))
            }

            /// The place of the record of that name, if this version knows it.
            pub fn place(&mut self, name: &str) -> Option<&mut Option<Record>> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

records!(
    waiting, gave_up, breaking, broke, tainted, refused, arming, armed, before, freezing, stopping, stopped, baton,
    leaving, sealed, void, resumed, done,
);

impl Records {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// The end of a detached unit's command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// Its exit code.
    pub rc: i32,
    /// The boot in which it ended.
    pub boot_id: String,
    /// When, in seconds of that boot.
    #[serde(default)]
    pub uptime: f64,
}

/// The exit code of a detached command that was killed, as one that hangs is by its bound.
pub const KILLED: i32 = 137;

/// How a detached command failed, in words that go on from its name.
pub fn failure(rc: i32, out: &str) -> String {
    let how = match rc {
        KILLED => "was killed, since it did not end in time,".to_owned(),
        rc => format!("ended with {rc}"),
    };
    format!("{how} and printed {}", excerpt(out))
}

/// The start of a detached unit's command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Started {
    /// The boot in which it began.
    #[serde(default)]
    pub boot_id: String,
    /// When, in seconds of that boot.
    #[serde(default)]
    pub uptime: f64,
}

/// A detached unit's command.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its start; absent when the unit was made and died before it.
    #[serde(default)]
    pub started: Option<Started>,
    /// Its end; absent while it runs, or when it was killed.
    #[serde(default)]
    pub ended: Option<Ended>,
}

/// A directory in which a node can keep no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Full {
    /// On the root disk: what outlives a boot.
    #[serde(rename = "/var/lib")]
    Root,
    /// What ends with the boot. Without it no document acts.
    #[serde(rename = "/run")]
    Run,
}

impl Full {
    /// The directory.
    pub const fn directory(self) -> &'static str {
        match self {
            Self::Root => "/var/lib",
            Self::Run => "/run",
        }
    }
}

/// How long CLUSTERPRO's commands took on a node, in milliseconds: of each kind the slowest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Took {
    /// `clpstat`, in either form.
    pub clpstat: u64,
    /// `clpmdstat` of one mirror disk.
    pub clpmdstat: u64,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The document's name without the prefix.
    pub document: String,
    /// The run that it was sent for.
    pub run: String,
    /// The epoch that it carried, if it takes one.
    #[serde(default)]
    pub epoch: Option<u64>,
    /// The node's boot.
    pub boot_id: String,
    /// Seconds since that boot.
    pub uptime: f64,
    /// How it ended.
    pub result: Outcome,
    /// Why, unless `ok`.
    #[serde(default)]
    pub reason: Option<String>,
    /// One word more.
    #[serde(default)]
    pub detail: Option<String>,
    /// A second copy that repeats the first one's line.
    #[serde(default)]
    pub replay: bool,
    /// An operator holds the node.
    #[serde(default)]
    pub hold: bool,
    /// The highest epoch that the node has seen.
    #[serde(default)]
    pub stored_epoch: Option<u64>,
    /// The critical section's records of the run.
    #[serde(default)]
    pub records: Records,
    /// The states of the critical section's units.
    #[serde(default)]
    pub units: BTreeMap<String, String>,
    /// Runs of this node that are armed and not done.
    #[serde(default)]
    pub unfinished: Vec<String>,
    /// The run's detached commands, by `<document>.<attempt>`.
    #[serde(default)]
    pub jobs: BTreeMap<String, Job>,
    /// Commands that the node lacks.
    #[serde(default)]
    pub missing: Vec<String>,
    /// The directories in which the node can keep no record.
    #[serde(default)]
    pub full: Vec<Full>,
    /// How long CLUSTERPRO's commands took.
    #[serde(default)]
    pub took_ms: Took,
    /// Of the doctor: what the node's commands printed.
    #[serde(default)]
    pub entries: Vec<Entry>,
    /// Of the doctor: how many commands had no time or no room.
    #[serde(default)]
    pub left_out: u32,
    /// Of describe: which part of what it is.
    #[serde(default)]
    pub pack: Option<Pack>,
}

/// A part of what describe prints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pack {
    /// Which, from 1.
    pub part: u32,
    /// How many there are.
    pub parts: u32,
    /// How many characters all of them have.
    pub characters: usize,
    /// SHA-256 of all of them: parts with another are of another whole.
    pub digest: String,
}

/// One command's raw output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its exit code.
    pub rc: i32,
    /// What it printed.
    pub text: String,
}

/// A document's whole reply.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// The first line.
    pub head: Head,
    /// The sections by name.
    pub sections: BTreeMap<String, Section>,
    /// Its length in characters, of which [`STDOUT_LIMIT`] are kept.
    pub size: usize,
}

fn heading(line: &str) -> Option<(&str, i32)> {
    let (name, rc) = line.strip_prefix("--- ")?.rsplit_once(" rc=")?;
    Some((name.trim(), rc.trim().parse().ok()?))
}

impl Reply {
    /// Reads the stdout of `document` on `node`. A document that died prints no first line: that is "not known".
    pub fn parse(document: &str, node: &str, stdout: &str) -> Result<Self> {
        let bad = |why: String| {
            Error::new(
                Kind::OutputUnreadable,
                format!(
                    "the reply of {document} from {node} could not be read: {why}; it began {}",
                    excerpt(stdout)
                ),
                "look at the command in Run Command's history; the step counts as not known",
            )
        };
        let (first, rest) = stdout.split_once('\n').unwrap_or((stdout, ""));
        let json = first
            .strip_prefix("mirrorsnap ")
            .ok_or_else(|| bad("no first line of ours".to_owned()))?;
        let head: Head = serde_json::from_str(json.trim()).map_err(|error| bad(error.to_string()))?;
        if head.document != document {
            return Err(bad(format!("it is the reply of {}", head.document)));
        }
        // Characters, not bytes: a comment may be in any script.
        let size = stdout.chars().count();
        if size >= STDOUT_LIMIT {
            return Err(bad(format!(
                "it reached Run Command's {STDOUT_LIMIT} characters and was cut"
            )));
        }
        let mut sections: BTreeMap<String, Section> = BTreeMap::new();
        let mut current: Option<&mut Section> = None;
        for line in rest.lines() {
            if let Some((name, rc)) = heading(line) {
                if sections.contains_key(name) {
                    return Err(bad(format!("two sections {name}")));
                }
                current = Some(sections.entry(name.to_owned()).or_insert(Section {
                    rc,
                    text: String::new(),
                }));
            } else if let Some(section) = current.as_mut() {
                section.text.push_str(line);
                section.text.push('\n');
            }
        }
        Ok(Self { head, sections, size })
    }

    /// The section, if it was printed.
    pub fn section(&self, name: &str) -> Option<&Section> {
        self.sections.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = r#"mirrorsnap {"document":"quiesce","run":"orders-20260102T030405Z","epoch":7,"boot_id":"b","uptime":123.45,"result":"ok"}"#;

    #[test]
    fn the_first_line_and_sections() {
        let text = format!(
            "{FIRST}\n--- clpmdstat md1 rc=4\nMirror Status: Normal\n-----\n--- clpgrp failover1 rc=0\nserver1\n"
        );
        let reply = Reply::parse("quiesce", "server1", &text).unwrap();
        assert_eq!((reply.head.epoch, reply.head.result), (Some(7), Outcome::Ok));
        assert_eq!(
            reply.section("clpmdstat md1").unwrap().text,
            "Mirror Status: Normal\n-----\n"
        );
        assert_eq!(reply.section("clpgrp failover1").unwrap().rc, 0);
    }

    #[test]
    fn records_and_jobs() {
        let line = FIRST.replace(
            r#""result":"ok""#,
            r#""result":"refused","reason":"hold","hold":true,"stored_epoch":null,"unfinished":["x"],"units":{"timer":"active"},
            "records":{"broke":{"epoch":7,"boot_id":"b","uptime":1.5,"t1":1.0,"t2":1.4}},
            "jobs":{"enter-backup-mode.1":{"started":{"boot_id":"b","uptime":2.0},"ended":null}}"#,
        );
        let head = Reply::parse("quiesce", "server1", &line.replace('\n', " "))
            .unwrap()
            .head;
        assert_eq!(head.records.broke.as_ref().unwrap().t2, Some(1.4));
        assert!(head.hold && head.jobs["enter-backup-mode.1"].ended.is_none() && head.stored_epoch.is_none());
    }

    #[test]
    fn what_is_not_whole_is_not_known() {
        for text in [
            "",
            "sh: 1: clpstat: not found\n",
            "mirrorsnap {",
            "mirrorsnap {}",
            &FIRST.replace("quiesce", "fence"),
            &FIRST[..60],
        ] {
            assert_eq!(
                Reply::parse("quiesce", "server1", text).unwrap_err().kind(),
                Kind::OutputUnreadable,
                "{text}"
            );
        }
        let twice = format!("{FIRST}\n--- a rc=0\nx\n--- a rc=0\ny\n");
        assert!(Reply::parse("quiesce", "server1", &twice).is_err());
        let cut = format!("{FIRST}\n--- a rc=0\n{}", "x".repeat(STDOUT_LIMIT));
        assert!(Reply::parse("quiesce", "server1", &cut).is_err());
    }
}

#[cfg(test)]
#[path = "reply_properties.rs"]
mod properties;
