//! Judges a recording: what our parsers make of each line, and what it says of the beliefs in docs/assumptions.md.
//!
//! Every text is read by the parser that the operations use. Which lines that parser used is found by leaving each out in turn, so nothing
//! here knows a form of output.

mod beliefs;
mod says;

use super::recording::{Entry, RecordedNode, Recording};
use crate::clusterpro::settings::Setting;
use crate::clusterpro::{mdstat, monitors, outputs, stat};
use crate::config::Config;
use crate::devices;
use crate::lvm_devices::LvmDevices;
use crate::reply::Section;
use crate::sentence::Sentence;
pub use beliefs::Belief;
use serde::Serialize;

/// What our parser makes of one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Use {
    /// Without it the output could not be read.
    Needed,
    /// It changes what is understood.
    Read,
    /// It makes no difference.
    Ignored,
}

/// How one entry was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The node that printed it.
    pub node: String,
    /// The entry's id.
    pub entry: String,
    /// The parser.
    pub parser: &'static str,
    /// What it understood, or why it could not read it.
    pub understood: Result<String, String>,
    /// What it made of each line of stdout; empty if it could not read it.
    pub lines: Vec<Use>,
    /// Whether more was printed than is kept: then nothing follows from what is missing.
    #[serde(skip_serializing_if = "is_whole")]
    pub cut: bool,
    /// What it would do to an operation if its parser cannot read it there either.
    pub harm: Harm,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
const fn is_whole(cut: &bool) -> bool {
    !*cut
}

/// What a recording says of a belief.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as we believe.
    Confirmed,
    /// It is otherwise.
    Refuted,
    /// This recording cannot tell.
    NotShown,
}

/// What becomes of an operation if a belief is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// It ends after the outage has begun.
    EndsInOutage,
    /// The inspection refuses it, before anything is touched.
    RefusedBefore,
    /// Words in a report are wrong or missing; nothing is decided on them.
    Words,
}

/// One belief, as one node shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its id in docs/assumptions.md.
    pub belief: &'static str,
    /// The node.
    pub node: String,
    /// What is said of it.
    pub verdict: Verdict,
    /// What was seen.
    pub why: String,
    /// What to change, if it is refuted.
    pub change: Option<String>,
    /// What it would do to an operation, if it is refuted.
    pub harm: Harm,
}

/// The judge's report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Entry by entry, for those that a parser of ours reads.
    pub readings: Vec<Reading>,
    /// Node by node, belief by belief.
    pub findings: Vec<Finding>,
    /// Lines that rest on `[likely]`.
    pub likely_lines: usize,
    /// All lines.
    pub lines: usize,
}

impl Report {
    /// The refuted beliefs that would end an operation after the outage had begun.
    pub fn ends_in_outage(&self) -> impl Iterator<Item = &Finding> {
        let refuted = self.findings.iter().filter(|one| one.verdict == Verdict::Refuted);
        refuted.filter(|one| one.harm == Harm::EndsInOutage)
    }

    /// The outputs that an operation reads after its outage has begun, and that our parser cannot read. One that was cut proves nothing, and
    /// neither does a command that could be read when it was repeated.
    pub fn unread_in_outage(&self) -> impl Iterator<Item = &Reading> {
        let repeated = |one: &Reading| {
            let mut same = self
                .readings
                .iter()
                .filter(|other| (&other.node, &other.entry) == (&one.node, &one.entry));
            same.any(|other| other.understood.is_ok())
        };
        let unread = self.readings.iter().filter(|one| one.understood.is_err() && !one.cut);
        unread.filter(move |one| one.harm == Harm::EndsInOutage && !repeated(one))
    }

    /// What a dry run says of both.
    pub fn words(&self) -> Vec<Sentence> {
        let unread = |reading: &Reading| Sentence::DoctorUnread {
            node: reading.node.clone(),
            entry: reading.entry.clone(),
            parser: reading.parser.to_owned(),
            why: reading.understood.as_ref().err().cloned().unwrap_or_default(),
        };
        let one = |finding: &Finding| Sentence::DoctorRefutes {
            node: finding.node.clone(),
            belief: finding.belief.to_owned(),
            why: finding.why.clone(),
            change: Box::new(
                finding
                    .change
                    .as_ref()
                    .map_or(Sentence::LookAtTheAssumptions, Sentence::verbatim),
            ),
        };
        self.ends_in_outage()
            .map(one)
            .chain(self.unread_in_outage().map(unread))
            .collect()
    }

    /// The same without what was understood of each output, which may be long: only what could not be read stays.
    #[must_use]
    pub fn brief(mut self) -> Self {
        self.readings.retain(|reading| reading.understood.is_err());
        self
    }
}

/// An entry whose output one of our parsers reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Probe<'a> {
    Stat,
    ShortStat,
    Monitors,
    Mdstat(&'a str),
    Get(&'a str),
    List(&'a str),
    IsEnabled,
    Systemd,
    Sync,
    Space,
    Device,
    LvmDevices,
}

impl<'a> Probe<'a> {
    /// By the command itself: an id is only a name. None: no parser of ours reads it.
    pub(super) fn of(entry: &'a Entry) -> Option<Self> {
        let words: Vec<&str> = entry.argv.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["clpstat", "-s", "--long"] => Some(Self::Stat),
            ["clpstat"] | ["clpstat", "-s"] => Some(Self::ShortStat),
            ["clpstat", "-m", "--long"] => Some(Self::Monitors),
            ["clpmdstat", "-m" | "--mirror", disk] => Some(Self::Mdstat(disk)),
            ["clpcfget", "-g", path] => Some(Self::Get(path)),
            ["clpcfget", "-e", path] => Some(Self::List(path)),
            ["systemctl", "is-enabled", ..] => Some(Self::IsEnabled),
            ["systemctl", "--version"] => Some(Self::Systemd),
            ["sync", "--version"] => Some(Self::Sync),
            ["df", "-Pk", ..] => Some(Self::Space),
            ["lsblk", "-s", "-P", ..] => Some(Self::Device),
            ["lvmdevices"] => Some(Self::LvmDevices),
            _ => None,
        }
    }

    /// Whether it is a read of CLUSTERPRO's state, which always prints something that can be read.
    const fn is_clusterpro(self) -> bool {
        matches!(self, Self::Stat | Self::ShortStat | Self::Monitors | Self::Mdstat(_))
    }

    const fn parser(self) -> &'static str {
        match self {
            Self::Stat | Self::ShortStat => "stat::parse",
            Self::Monitors => "monitors::parse_monitors",
            Self::Mdstat(_) => "mdstat::parse",
            Self::Get(_) | Self::List(_) => "settings::Setting",
            Self::IsEnabled => "outputs::services",
            Self::Systemd => "outputs::systemd_version",
            Self::Sync => "outputs::syncs_files",
            Self::Space => "outputs::least_free_mib",
            Self::Device => "devices::under",
            Self::LvmDevices => "lvm_devices::LvmDevices",
        }
    }

    /// What an operation meets where the parser cannot read this. The inspection reads all of them before anything is touched; a few
    /// are read again after the outage has begun.
    fn harm(self) -> Harm {
        match self {
            Self::Stat | Self::Monitors | Self::Mdstat(_) | Self::IsEnabled | Self::Device => Harm::EndsInOutage,
            Self::Get(path) if path.contains("/diskdev/") => Harm::EndsInOutage,
            Self::Get(_) | Self::List(_) | Self::Systemd | Self::Sync | Self::Space | Self::LvmDevices => {
                Harm::RefusedBefore
            }
            Self::ShortStat => Harm::Words,
        }
    }

    /// What the parser of this command understands of `text`.
    fn read(self, rc: i32, text: &str) -> Result<String, String> {
        fn shown(value: &impl std::fmt::Debug) -> String {
            format!("{value:?}")
        }
        let nothing = || "it could not be read".to_owned();
        match self {
            Self::Stat | Self::ShortStat => stat::parse(text)
                .map(|stat| shown(&stat))
                .map_err(|error| error.to_string()),
            Self::Monitors => monitors::parse_monitors(text)
                .map(|all| shown(&all))
                .map_err(|error| error.to_string()),
            Self::Mdstat(disk) => mdstat::parse(disk, text)
                .map(|mirror| shown(&mirror))
                .map_err(|error| error.to_string()),
            Self::Get(_) | Self::List(_) => match setting(rc, text) {
                Setting::Unread => Err(nothing()),
                setting => Ok(shown(&setting)),
            },
            Self::IsEnabled => Ok(shown(&outputs::services(text))),
            Self::Systemd => outputs::systemd_version(text)
                .map(|one| shown(&one))
                .ok_or_else(nothing),
            Self::Sync => {
                let first = text.lines().next().unwrap_or_default();
                outputs::syncs_files(first).map(|one| shown(&one)).ok_or_else(nothing)
            }
            Self::Space => outputs::least_free_mib(text).map(|one| shown(&one)).ok_or_else(nothing),
            Self::Device => devices::under(text).map(|one| shown(&one)).ok_or_else(nothing),
            Self::LvmDevices => match LvmDevices::read(&Section {
                rc,
                text: text.to_owned(),
            }) {
                LvmDevices::Unread => Err(nothing()),
                read => Ok(shown(&read)),
            },
        }
    }
}

/// A value of clp.conf, as lib/settings.sh hands it to our parser: names that stand one a line are joined by blanks.
pub(super) fn setting(rc: i32, text: &str) -> Setting {
    Setting::read(rc, &text.lines().map(str::trim).collect::<Vec<_>>().join(" "))
}

fn reading(node: &RecordedNode, entry: &Entry) -> Option<Reading> {
    let probe = Probe::of(entry)?;
    let text = text_of(entry);
    let understood = probe.read(entry.exit, &text);
    let kept: Vec<&str> = text.lines().collect();
    let without = |skipped: usize| -> String {
        let rest = kept.iter().enumerate().filter(|(number, _)| *number != skipped);
        rest.flat_map(|(_, line)| [*line, "\n"]).collect()
    };
    let lines = if understood.is_ok() {
        let used = |number| match probe.read(entry.exit, &without(number)) {
            Err(_) => Use::Needed,
            same if same == understood => Use::Ignored,
            Ok(_) => Use::Read,
        };
        (0..kept.len()).map(used).collect()
    } else {
        vec![]
    };
    Some(Reading {
        node: node.name.clone(),
        entry: entry.id.clone(),
        parser: probe.parser(),
        understood,
        lines,
        cut: entry.cut,
        harm: probe.harm(),
    })
}

/// What our documents hand to a parser: both streams, but for clpcfget, of which they drop stderr.
pub(super) fn text_of(entry: &Entry) -> String {
    match Probe::of(entry) {
        Some(Probe::Get(_) | Probe::List(_)) => entry.stdout.clone(),
        _ => format!("{}{}", entry.stdout, entry.stderr),
    }
}

/// Judges a recording of the cluster `config`, whose names must not have been replaced yet.
pub fn judge(recording: &Recording, config: &Config) -> Report {
    let (likely_lines, lines) = recording.likely_lines();
    let entries = recording
        .nodes
        .iter()
        .flat_map(|node| node.entries.iter().map(move |entry| (node, entry)));
    let findings = recording
        .nodes
        .iter()
        .flat_map(|node| Belief::ALL.iter().map(move |belief| belief.judge(node, config)));
    Report {
        readings: entries.filter_map(|(node, entry)| reading(node, entry)).collect(),
        findings: findings.collect(),
        likely_lines,
        lines,
    }
}

#[cfg(test)]
#[path = "judge_tests.rs"]
mod tests;
