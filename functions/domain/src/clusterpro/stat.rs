//! `clpstat`: nodes, groups, and monitors; and `clpstat -m`: the monitors on each node.
//!
//! The plain form has sections `<server>`, `<group>`, `<monitor>` with lines `name ....: Status comment`; what belongs to
//! an entry is indented deeper. Names are cut to about 16 characters unless `--long` is given, so what was read is turned
//! into the configured names once, by [`Stat::with_names`] and [`monitors_with_names`]; after that names are compared whole.

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
fn keys_with_names<T>(map: BTreeMap<String, T>, names: &[&str]) -> BTreeMap<String, T> {
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
    fn read(words: &str) -> Self {
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
            "normal" => Self::Online,
            _ => match lower.split_whitespace().next().unwrap_or_default() {
                "online" => Self::Online,
                "offline" => Self::Offline,
                "suspend" | "suspended" => Self::Suspended,
                _ => Self::Unknown,
            },
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

    /// Groups other than CLUSTERPRO's own for its management address.
    pub fn failover_groups(&self) -> impl Iterator<Item = &Group> {
        self.groups
            .iter()
            .filter(|group| group.name != "ManagementGroup" && group.name != "ManagementGrou")
    }

    /// Resources that can only be mirror or hybrid disks: the names that CLUSTERPRO gives them begin with `md` or `hd`.
    pub fn mirror_disks(&self) -> impl Iterator<Item = &str> {
        let names = self
            .groups
            .iter()
            .flat_map(|group| group.resources.iter().map(String::as_str));
        names.filter(|name| {
            ["md", "hd"].iter().any(|front| {
                name.strip_prefix(front)
                    .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            })
        })
    }

    /// Whether the daemon of `node`, which printed this, is stopped: some versions print the whole table then, with everything Offline.
    /// `here`: the node that calls itself the printing one, if one does. A daemon that is Pending or Unknown is not stopped.
    fn daemon_is_stopped(&self, node: &str, here: Option<&str>) -> bool {
        self.server(node) == State::Offline && here.is_none_or(|shown| shown == node || is_cut_of(shown, node))
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
fn here(text: &str) -> Option<&str> {
    let servers = text.lines().skip_while(|line| line.trim() != "<server>").skip(1);
    servers
        .take_while(|line| !line.trim().starts_with('<'))
        .filter(|line| line.trim_start().starts_with('*'))
        .find_map(|line| entry(line).map(|(_, name, _)| name))
}

/// What a daemon that runs on `node` printed. None: it is stopped, whether `clpstat` failed or printed everything as Offline, or what it
/// printed cannot be read. This is the one place where a stopped daemon is told from one that runs.
pub fn of_running_daemon(text: &str, node: &str, config: &Config) -> Option<Stat> {
    let stat = parse(text).ok()?.with_names(config);
    (!stat.daemon_is_stopped(node, here(text))).then_some(stat)
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

/// The state of each monitor on each node.
pub type Monitors = BTreeMap<String, BTreeMap<String, State>>;

/// Reads the output of `clpstat -m`: blocks that begin `Monitor0 [mdw1 : Normal]` or `Monitor0 : [mdw1 : Normal]`,
/// followed by a line for each node, `server1 [o|o] : Suspend`. Nodes may be shown by their aliases `server0`, … which
/// the head of the table explains (`*server0 : server1`).
pub fn parse_monitors(text: &str) -> Result<Monitors> {
    let mut monitors = Monitors::new();
    let mut aliases: BTreeMap<String, String> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(name) = heading(trimmed) {
            monitors.entry(name.to_owned()).or_default();
            current = Some(name.to_owned());
            continue;
        }
        let Some((left, words)) = trimmed.split_once(':') else {
            continue;
        };
        let shown = left.split('[').next().unwrap_or_default();
        let shown = shown
            .trim()
            .trim_start_matches('*')
            .trim()
            .trim_end_matches('.')
            .trim_end();
        if shown.is_empty() || shown.contains(char::is_whitespace) {
            continue;
        }
        let Some(monitor) = &current else {
            aliases.insert(shown.to_owned(), words.trim().to_owned());
            continue;
        };
        let node = aliases.get(shown).map_or(shown, String::as_str).to_owned();
        let state = State::read(words);
        let nodes = monitors.entry(monitor.clone()).or_default();
        if nodes.insert(node, state).is_some_and(|earlier| earlier != state) {
            return Err(unreadable("clpstat -m", "a monitor shown twice on one node", text));
        }
    }
    if monitors.is_empty() {
        return Err(unreadable("clpstat -m", "no monitors", text));
    }
    Ok(monitors)
}

/// The monitor's name in `Monitor0 [mdw1 : Normal]`.
fn heading(line: &str) -> Option<&str> {
    let rest = line
        .get(..7)
        .filter(|word| word.eq_ignore_ascii_case("monitor"))
        .and(line.get(7..))?;
    let (number, inner) = rest.split_once('[')?;
    if !number
        .chars()
        .all(|c| c.is_ascii_digit() || c.is_whitespace() || c == ':')
    {
        return None;
    }
    let name = inner.split([':', ']']).next()?.trim();
    (!name.is_empty()).then_some(name)
}

/// The monitors with the names of the configuration in place of those that were cut.
pub fn monitors_with_names(monitors: Monitors, config: &Config) -> Monitors {
    let names: Vec<&str> = config.mirror_disks.iter().map(|disk| disk.monitor.as_str()).collect();
    let nodes: Vec<&str> = config.node_names().collect();
    keys_with_names(monitors, &names)
        .into_iter()
        .map(|(name, states)| (name, keys_with_names(states, &nodes)))
        .collect()
}

/// The state of `monitor` on `node`; what is not shown is not known.
pub fn monitor_state(monitors: &Monitors, monitor: &str, node: &str) -> State {
    let state = monitors.get(monitor).and_then(|nodes| nodes.get(node));
    state.copied().unwrap_or(State::Unknown)
}

#[cfg(test)]
#[path = "stat_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "stat_properties.rs"]
mod properties;
