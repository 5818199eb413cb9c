//! `clpstat -m`: the monitors on each node.

use super::stat::{State, keys_with_names};
use super::unreadable;
use crate::config::Config;
use crate::error::Result;
use std::collections::BTreeMap;

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
