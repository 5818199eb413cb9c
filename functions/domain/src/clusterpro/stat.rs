//! `clpstat`: nodes, groups, and monitors.
//!
//! The plain form has sections `<server>`, `<group>`, `<monitor>` with lines `name ....: Status comment`; what belongs to
//! an entry is indented deeper. Names are cut to about 16 characters unless `--long` is given, so what was read is turned
//! into the configured names once, by [`Stat::with_names`]; after that names are compared whole.
//!
//! What is asked of a table is asked here, and nowhere else. The nodes' scripts ask the same by lib/cluster.sh: one test feeds both.

use super::unreadable;
use crate::config::Config;
use crate::error::Result;
use serde::Serialize;
use std::collections::BTreeMap;

/// A name as short as this is shown whole; a longer one may be cut.
const CUT: usize = 15;

/// Whether `shown` can be what is left of `name` when cut.
fn is_cut_of(shown: &str, name: &str) -> bool {
    shown.len() >= CUT && shown.len() < name.len() && name.starts_with(shown)
}

/// Which of `names` the word `shown` means, in a table that shows `all`. A name that is shown whole is that name, even if
/// another one begins with it. A cut name counts only if it can be one name alone, and that one is not shown whole.
fn whole_name(shown: &str, all: &[&str], names: &[&str]) -> String {
    let mut candidates = names
        .iter()
        .filter(|name| is_cut_of(shown, name) && !all.contains(*name));
    match (candidates.next(), candidates.next()) {
        (Some(name), None) if !names.contains(&shown) => (*name).to_owned(),
        _ => shown.to_owned(),
    }
}

/// A map with its keys as whole names.
pub(super) fn keys_with_names<T>(map: BTreeMap<String, T>, names: &[&str]) -> BTreeMap<String, T> {
    let shown: Vec<String> = map.keys().cloned().collect();
    let all: Vec<&str> = shown.iter().map(String::as_str).collect();
    map.into_iter()
        .map(|(key, value)| (whole_name(&key, &all, names), value))
        .collect()
}

/// The state of a node, group or monitor in words that matter to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum State {
    /// Online (a monitor: `Normal` too).
    Online,
    /// Offline.
    Offline,
    /// A suspended monitor.
    Suspended,
    /// Starting or stopping.
    Pending,
    /// Failed: `Online Failure`, `Error`, …
    Failed,
    /// `Caution`: of a server, the daemon runs, and one of its heartbeat lines is down.
    Caution,
    /// A word that we do not know.
    Unknown,
}

impl State {
    pub(super) fn read(words: &str) -> Self {
        // What stands after two spaces is a comment.
        let text = words
            .trim()
            .split("  ")
            .next()
            .unwrap_or_default()
            .split('\t')
            .next()
            .unwrap_or_default();
        let lower = text.trim().to_ascii_lowercase();
        match lower.as_str() {
            _ if lower.contains("fail") || lower.contains("error") => Self::Failed,
            _ if lower.contains("caution") => Self::Caution,
            _ if lower.contains("pending") => Self::Pending,
            "normal" | "online" => Self::Online,
            "offline" => Self::Offline,
            _ if lower.starts_with("suspend") => Self::Suspended,
            _ => Self::Unknown,
        }
    }
}

/// A failover group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// Its name, possibly cut.
    pub name: String,
    /// Its state.
    pub state: State,
    /// The node that it runs on.
    pub current: Option<String>,
    /// The names of its resources, possibly cut.
    pub resources: Vec<String>,
}

/// The cluster, as one node's `clpstat` shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stat {
    /// The nodes by name.
    pub servers: BTreeMap<String, State>,
    /// The groups, in the order shown.
    pub groups: Vec<Group>,
    /// The monitors by name, possibly cut.
    pub monitors: BTreeMap<String, State>,
}

impl Group {
    /// Whether it is offline. The node that is printed with it makes no difference: versions print `None`, `-`, or the last one.
    pub fn is_offline(&self) -> bool {
        self.state == State::Offline
    }

    /// The node that it runs on; `None`: it is not online, or nobody says where.
    pub fn runs_on(&self) -> Option<&str> {
        self.current.as_deref().filter(|_| self.state == State::Online)
    }
}

impl Stat {
    /// With the names of the configuration in place of those that were cut.
    #[must_use]
    pub fn with_names(self, config: &Config) -> Self {
        let nodes: Vec<&str> = config.node_names().collect();
        let configured: Vec<&str> = config.failover_groups.iter().map(String::as_str).collect();
        let disks: Vec<&str> = config.mirror_disks.iter().map(|disk| disk.name.as_str()).collect();
        let monitors: Vec<&str> = config.mirror_disks.iter().map(|disk| disk.monitor.as_str()).collect();
        let shown: Vec<&str> = self.groups.iter().map(|group| group.name.as_str()).collect();
        let servers: Vec<&str> = self.servers.keys().map(String::as_str).collect();
        let resources: Vec<&str> = self
            .groups
            .iter()
            .flat_map(|group| group.resources.iter().map(String::as_str))
            .collect();
        let groups = self.groups.iter().map(|group| Group {
            name: whole_name(&group.name, &shown, &configured),
            state: group.state,
            current: group.current.as_ref().map(|node| whole_name(node, &servers, &nodes)),
            resources: group
                .resources
                .iter()
                .map(|name| whole_name(name, &resources, &disks))
                .collect(),
        });
        Self {
            groups: groups.collect(),
            servers: keys_with_names(self.servers, &nodes),
            monitors: keys_with_names(self.monitors, &monitors),
        }
    }

    /// The daemon's state on `node`, as the node that printed this sees it.
    pub fn server(&self, node: &str) -> State {
        self.servers.get(node).copied().unwrap_or(State::Unknown)
    }

    /// The group `name`, if exactly one line is it.
    pub fn group(&self, name: &str) -> Option<&Group> {
        let mut found = self.groups.iter().filter(|group| group.name == name);
        found.next().filter(|_| found.next().is_none())
    }

    /// Groups other than CLUSTERPRO's own for its management address. lib/cluster.sh leaves the same one out.
    pub fn failover_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups
            .iter()
            .filter(|group| group.name != "ManagementGroup" && group.name != "ManagementGrou")
    }

    /// The node on which every configured group is online, if it is one node for all.
    pub fn runs_all_on(&self, config: &Config) -> Option<&str> {
        let mut nodes = config
            .failover_groups
            .iter()
            .map(|name| self.group(name).and_then(Group::runs_on));
        let first = nodes.next()??;
        nodes.all(|node| node == Some(first)).then_some(first)
    }

    /// Whether every group that is shown is offline, and every configured one is shown (rule 2).
    pub fn all_offline(&self, config: &Config) -> bool {
        config.failover_groups.iter().all(|name| self.group(name).is_some())
            && self.failover_groups().all(Group::is_offline)
    }

    /// Whether the daemon of `node`, which printed this, is stopped: some versions print the whole table then, with everything Offline.
    /// A daemon that is Pending or Unknown is not stopped.
    fn daemon_is_stopped(&self, node: &str) -> bool {
        self.server(node) == State::Offline
    }

    /// Whether the daemon of `node` runs. A heartbeat line that is down leaves it running: only an inspection refuses that.
    pub fn daemon_runs(&self, node: &str) -> bool {
        matches!(self.server(node), State::Online | State::Caution)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Section {
    None,
    Server,
    Group,
    Monitor,
}

/// Splits `  *name ......: words` into indentation, name and words.
fn entry(line: &str) -> Option<(usize, &str, &str)> {
    let (left, words) = line.split_once(':')?;
    let indent = left.len() - left.trim_start().len() + usize::from(left.trim_start().starts_with('*'));
    let name = left
        .trim()
        .trim_start_matches('*')
        .trim()
        .trim_end_matches('.')
        .trim_end();
    (!name.is_empty() && !name.contains(char::is_whitespace)).then_some((indent, name, words))
}

/// The node that printed this: its line has an asterisk.
pub fn here(text: &str) -> Option<&str> {
    let servers = text.lines().skip_while(|line| line.trim() != "<server>").skip(1);
    servers
        .take_while(|line| !line.trim().starts_with('<'))
        .filter(|line| line.trim_start().starts_with('*'))
        .find_map(|line| entry(line).map(|(_, name, _)| name))
}

/// Whether the server that printed this calls itself `node`, or none calls itself the printing one. If not, the configuration names the
/// wrong instance, or another name than CLUSTERPRO does.
pub fn named_here(text: &str, node: &str) -> bool {
    here(text).is_none_or(|shown| is_name_of(shown, node))
}

/// Whether the word `shown` is `node`, or can be what is left of it when cut.
pub fn is_name_of(shown: &str, node: &str) -> bool {
    shown == node || is_cut_of(shown, node)
}

/// What a daemon that runs on `node` printed. None: it is stopped, whether `clpstat` failed or printed everything as Offline, or what it
/// printed cannot be read. This is the one place where a stopped daemon is told from one that runs.
pub fn of_running_daemon(text: &str, node: &str, config: &Config) -> Option<Stat> {
    let stat = parse(text).ok()?.with_names(config);
    (!(named_here(text, node) && stat.daemon_is_stopped(node))).then_some(stat)
}

/// Reads the output of `clpstat` (or `clpstat --long`). Errors: no server, no group, or a name shown twice with different states.
pub fn parse(text: &str) -> Result<Stat> {
    let bad = |why: &str| unreadable("clpstat", why, text);
    let mut stat = Stat {
        servers: BTreeMap::new(),
        groups: Vec::new(),
        monitors: BTreeMap::new(),
    };
    let (mut section, mut top, mut twice) = (Section::None, None::<usize>, false);
    for line in text.lines() {
        let word = line.trim().to_ascii_lowercase();
        if word.starts_with('<') && word.ends_with('>') {
            top = None;
            section = match word.as_str() {
                "<server>" => Section::Server,
                "<group>" => Section::Group,
                "<monitor>" => Section::Monitor,
                _ => Section::None,
            };
            continue;
        }
        let Some((indent, name, words)) = entry(line) else {
            continue;
        };
        let is_top = indent <= *top.get_or_insert(indent);
        let state = State::read(words);
        match (section, is_top) {
            (Section::Server, true) => {
                let earlier = stat.servers.insert(name.to_owned(), state);
                twice |= earlier.is_some_and(|earlier| earlier != state);
            }
            (Section::Group, true) => {
                stat.groups.push(Group {
                    name: name.to_owned(),
                    state,
                    current: None,
                    resources: Vec::new(),
                });
            }
            (Section::Group, false) => {
                let Some(group) = stat.groups.last_mut() else { continue };
                if name.eq_ignore_ascii_case("current") {
                    let node = words.split_whitespace().next().unwrap_or_default();
                    // A group that runs nowhere is shown at `None`, by older versions at `-`.
                    let named = node != "None" && node.starts_with(|c: char| c.is_ascii_alphanumeric());
                    group.current = named.then(|| node.to_owned());
                } else {
                    group.resources.push(name.to_owned());
                }
            }
            (Section::Monitor, true) => {
                let earlier = stat.monitors.insert(name.to_owned(), state);
                twice |= earlier.is_some_and(|earlier| earlier != state);
            }
            _ => {}
        }
    }
    if twice {
        return Err(bad("one name with two states"));
    }
    if stat.servers.is_empty() || stat.groups.is_empty() {
        return Err(bad("no servers or no groups"));
    }
    Ok(stat)
}

#[cfg(test)]
#[path = "stat_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "stat_properties.rs"]
mod properties;
