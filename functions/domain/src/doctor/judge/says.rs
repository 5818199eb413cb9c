//! What the entries of one node say of one belief.

use super::{Probe, Verdict, setting, text_of};
use crate::clusterpro::mdstat::{self, Color, Mirror, Status};
use crate::clusterpro::settings::Setting;
use crate::clusterpro::stat::{self, Stat, State};
use crate::config::Config;
use crate::doctor::recording::{Entry, RecordedNode};
use std::collections::BTreeSet;

/// `timeout` and the shell answer from here on, and not the command.
const NOT_ITS_OWN: i32 = 124;
/// The shell found no such command.
const NOT_FOUND: i32 = 127;
/// Where `clpstat` cuts a name unless `--long` is given.
const CUT: usize = 16;

pub(super) const STOP_FAILS: [&str; 1] = ["/deact/action"];
pub(super) const UMOUNT: [&str; 2] = ["/umount/timeout", "/umount/retry"];
pub(super) const FULLCOPY: [&str; 1] = ["/fullcopy"];

/// What was seen, and what is said of a belief by it.
pub(super) type Said = (Verdict, String);

fn confirmed(why: impl Into<String>) -> Said {
    (Verdict::Confirmed, why.into())
}

fn refuted(why: impl Into<String>) -> Said {
    (Verdict::Refuted, why.into())
}

pub(super) fn not_shown(why: impl Into<String>) -> Said {
    (Verdict::NotShown, why.into())
}

/// The worst of what several entries say: one that refutes is enough, and one that confirms is enough if none refutes.
fn worst(said: impl IntoIterator<Item = Said>, otherwise: &str) -> Said {
    let mut best = not_shown(otherwise);
    for one in said {
        match one.0 {
            Verdict::Refuted => return one,
            Verdict::Confirmed => best = one,
            Verdict::NotShown if best.0 == Verdict::NotShown => best = one,
            Verdict::NotShown => {}
        }
    }
    best
}

/// The values of clp.conf that were asked for at paths with one of these ends.
fn values<'a>(node: &'a RecordedNode, ends: &'a [&str]) -> impl Iterator<Item = (&'a str, Setting)> {
    node.entries.iter().filter_map(|entry| match Probe::of(entry) {
        Some(Probe::Get(path)) if ends.iter().any(|end| path.ends_with(end)) => {
            Some((path, setting(entry.exit, &entry.stdout)))
        }
        _ => None,
    })
}

pub(super) fn numbers(node: &RecordedNode, ends: &[&str]) -> Said {
    let said = values(node, ends).map(|(path, value)| match &value {
        Setting::Set(text) if value.number(0).is_none() => refuted(format!("{path} is {text:?}, which is no number")),
        Setting::Set(text) => confirmed(format!("{path} is {text}")),
        Setting::Absent => confirmed(format!("{path} has its default")),
        Setting::Unread => not_shown(format!("{path} could not be read")),
    });
    worst(said, "it was not asked for")
}

pub(super) fn fullcopy(node: &RecordedNode) -> Said {
    let said = values(node, &FULLCOPY).map(|(path, value)| match &value {
        Setting::Set(text) if text != "0" && text != "1" => refuted(format!("{path} is {text:?}")),
        Setting::Set(text) => not_shown(format!("{path} is {text}; the guard itself shows only in a restore")),
        Setting::Absent => not_shown(format!("{path} has its default, which is on")),
        Setting::Unread => not_shown(format!("{path} could not be read")),
    });
    worst(said, "it was not asked for")
}

pub(super) fn clpcfget(node: &RecordedNode) -> Said {
    let said = node.entries.iter().filter_map(|entry| {
        let lines = entry.stdout.lines().count();
        let is_name = |line: &str| !line.trim().is_empty() && line.split_whitespace().count() == 1;
        Some(match (Probe::of(entry)?, entry.exit) {
            (Probe::Get(_) | Probe::List(_), NOT_FOUND) => refuted("there is no clpcfget"),
            (Probe::Get(path), 0) if lines > 1 => refuted(format!("-g {path} printed {lines} lines")),
            (Probe::Get(path), 0) if lines == 1 => confirmed(format!("-g {path} printed one value")),
            (Probe::List(path), 0) if !entry.stdout.lines().all(is_name) => {
                refuted(format!("-e {path} printed a line that is no name"))
            }
            (Probe::List(path), 0) => confirmed(format!("-e {path} printed {lines} name(s)")),
            (Probe::Get(path) | Probe::List(path), code) => not_shown(format!("{path} ended with {code}")),
            _ => return None,
        })
    });
    worst(said, "it was not asked for")
}

pub(super) fn server_values(node: &RecordedNode, config: &Config) -> Said {
    let said = config.mirror_disks.iter().flat_map(|disk| {
        ["cppath", "dppath"].map(|key| {
            let common = format!("md@{}/parameters/diskdev/{key}", disk.name);
            let own = format!("md@{}/server@{}/parameters/diskdev/{key}", disk.name, node.name);
            let ends = [common.as_str(), own.as_str()];
            let found: Vec<_> = values(node, &ends).collect();
            if let Some((path, _)) = found.iter().find(|(_, value)| value.value().is_some()) {
                confirmed(format!("{path} has a value"))
            } else if found.len() == ends.len() && found.iter().all(|(_, value)| *value == Setting::Absent) {
                refuted(format!("{key} of {} is at neither path", disk.name))
            } else {
                not_shown(format!("{key} of {} could not be read at both paths", disk.name))
            }
        })
    });
    worst(said, "it was not asked for")
}

fn mdstats(node: &RecordedNode) -> impl Iterator<Item = (&str, &Entry)> {
    node.entries.iter().filter_map(|entry| match Probe::of(entry) {
        Some(Probe::Mdstat(disk)) => Some((disk, entry)),
        _ => None,
    })
}

/// What the mirrors that can be read say.
pub(super) fn mirrors(node: &RecordedNode, says: impl Fn(&Mirror) -> Said) -> Said {
    let read = mdstats(node).filter_map(|(disk, entry)| mdstat::parse(disk, &text_of(entry)).ok());
    worst(read.map(|mirror| says(&mirror)), "no mirror disk could be read")
}

pub(super) fn recovery_details(mirror: &Mirror) -> Said {
    if mirror.status != Status::Recovering {
        return not_shown(format!("{} was not being copied", mirror.disk));
    }
    let copy = &mirror.recovery;
    if copy.percent.is_some() && (copy.source.is_some() || copy.target.is_some()) {
        confirmed(format!("the copy of {} has direction and percent", mirror.disk))
    } else {
        refuted(format!(
            "the copy of {} lacks its direction or its percent",
            mirror.disk
        ))
    }
}

pub(super) fn gray_status(mirror: &Mirror) -> Said {
    if !mirror.colors.values().any(|color| *color == Color::Gray) {
        return not_shown(format!("no side of {} is GRAY", mirror.disk));
    }
    let seen = format!("{} has a GRAY side and is {:?}", mirror.disk, mirror.status);
    match mirror.status {
        Status::Uncertain | Status::Abnormal => confirmed(seen),
        Status::Normal | Status::Recovering | Status::NoConstruction => refuted(seen),
    }
}

pub(super) fn columns(mirror: &Mirror, config: &Config) -> Said {
    let names: BTreeSet<&str> = config.node_names().collect();
    let shown: BTreeSet<&str> = mirror.colors.keys().map(String::as_str).collect();
    if shown == names {
        confirmed(format!("the header of {} names both nodes", mirror.disk))
    } else {
        let shown: Vec<&str> = shown.into_iter().collect();
        refuted(format!("the header of {} names {}", mirror.disk, shown.join(", ")))
    }
}

pub(super) fn mdstat_rc(node: &RecordedNode) -> Said {
    let said = mdstats(node).map(|(disk, entry)| {
        let readable = mdstat::parse(disk, &text_of(entry)).is_ok();
        let seen = format!("clpmdstat -m {disk} ended with {}", entry.exit);
        match (readable, entry.exit) {
            (true, 0) => not_shown(seen),
            (true, 1..=125) => confirmed(format!("{seen}, and its text is whole")),
            (true, _) => refuted(format!("{seen}, though its text is whole")),
            (false, 1..NOT_ITS_OWN) => refuted(format!("{seen}, and its text is no state")),
            (false, _) => not_shown(seen),
        }
    });
    worst(said, "it was not asked")
}

pub(super) fn blanks(node: &RecordedNode) -> Said {
    let said = mdstats(node)
        // One that printed no status is an error message, and no layout.
        .filter(|(_, entry)| entry.stdout.contains("Mirror Status"))
        .map(|(disk, entry)| match mdstat::parse(disk, &text_of(entry)) {
            Ok(_) => confirmed(format!("the columns of {disk} could be read")),
            Err(error) => refuted(error.to_string()),
        });
    worst(said, "no mirror disk was shown")
}

fn stats<'a>(node: &'a RecordedNode, probe: Probe<'a>) -> impl Iterator<Item = (String, Stat)> + 'a {
    let asked = node.entries.iter().filter(move |entry| Probe::of(entry) == Some(probe));
    asked.filter_map(|entry| {
        let text = text_of(entry);
        stat::parse(&text).ok().map(|stat| (text, stat))
    })
}

pub(super) fn stopped_table(node: &RecordedNode, config: &Config) -> Said {
    let said = stats(node, Probe::Stat).map(|(text, stat)| {
        if stat::of_running_daemon(&text, &node.name, config).is_some() {
            return not_shown("the cluster service runs");
        }
        // All of them are Offline then: whatever runs is not ours to overlook.
        if stat.groups.iter().all(|group| group.state == State::Offline) {
            confirmed("the table of the stopped service shows every group Offline")
        } else {
            refuted("the table of the stopped service shows a group that is not Offline")
        }
    });
    worst(said, "no table could be read")
}

pub(super) fn current_none(node: &RecordedNode) -> Said {
    let said = stats(node, Probe::Stat).flat_map(|(_, stat)| {
        let offline = stat.groups.into_iter().filter(stat::Group::is_offline);
        let one = |group: stat::Group| match group.current {
            None => confirmed(format!("{} is offline and names no node", group.name)),
            Some(node) => refuted(format!("{} is offline and names {node:?}", group.name)),
        };
        offline.map(one).collect::<Vec<_>>()
    });
    worst(said, "no group is offline")
}

/// All names of a table.
fn names(stat: &Stat) -> BTreeSet<String> {
    let groups = stat.groups.iter();
    let of_groups = groups.flat_map(|group| group.resources.iter().chain([&group.name]));
    of_groups.chain(stat.servers.keys()).cloned().collect()
}

pub(super) fn long_names(node: &RecordedNode, config: &Config) -> Said {
    let disks = config.mirror_disks.iter().map(|disk| disk.name.as_str());
    let groups = config.failover_groups.iter().map(String::as_str);
    let configured: Vec<&str> = config.node_names().chain(groups).chain(disks).collect();
    let short: Option<BTreeSet<String>> = stats(node, Probe::ShortStat).next().map(|(_, stat)| names(&stat));
    let said = stats(node, Probe::Stat).map(|(_, stat)| {
        let long = names(&stat);
        let cut = |name: &&&str| !long.contains(**name) && long.iter().any(|shown| stat::is_name_of(shown, name));
        if let Some(name) = configured.iter().find(cut) {
            return refuted(format!("--long does not show {name} whole"));
        }
        let Some(over) = long.iter().find(|name| name.chars().count() > CUT) else {
            return not_shown("every name is short");
        };
        match &short {
            Some(short) if short.contains(over) => refuted(format!("{over} is shown whole without --long too")),
            _ => confirmed(format!("--long shows {over} whole")),
        }
    });
    worst(said, "no table could be read")
}

pub(super) fn is_there(node: &RecordedNode, tool: &str) -> Said {
    let said = node.entries.iter().filter_map(|entry| {
        let words: Vec<&str> = entry.argv.iter().map(String::as_str).collect();
        if words != ["command", "-v", tool] {
            return None;
        }
        Some(match entry.exit {
            0 => not_shown(format!("{tool} is there; what it does shows only when it is run")),
            code => refuted(format!("there is no {tool} ({code})")),
        })
    });
    worst(said, "it was not asked for")
}

/// A command that could not be read, and could when it was asked once more.
pub(super) fn fails_once(node: &RecordedNode) -> Said {
    let asked: Vec<(&Entry, bool)> = node
        .entries
        .iter()
        .filter_map(|entry| {
            let probe = Probe::of(entry).filter(|probe| probe.is_clusterpro())?;
            Some((entry, probe.read(entry.exit, &text_of(entry)).is_ok()))
        })
        .collect();
    let said = asked.iter().filter(|(_, read)| !read).map(|(failed, _)| {
        let command = failed.argv.join(" ");
        let again: Vec<bool> = asked
            .iter()
            .filter(|(other, _)| other.argv == failed.argv)
            .map(|(_, read)| *read)
            .collect();
        match again.as_slice() {
            [_] => not_shown(format!("{command} could not be read and was asked once")),
            all if all.contains(&true) => confirmed(format!("{command} could be read when it was asked again")),
            all => not_shown(format!("{command} could not be read in {} tries", all.len())),
        }
    });
    worst(said, "every command could be read at once")
}
