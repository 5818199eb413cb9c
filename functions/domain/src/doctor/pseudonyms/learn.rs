//! Where the names stand that users give: in the tables of clpstat and clpmdstat, in arguments, in what clpcfget lists.

use super::Printed;

/// Words that are names, with nothing around them.
fn bare(text: &str) -> Option<&str> {
    let name = text
        .trim()
        .trim_start_matches('*')
        .trim()
        .trim_end_matches('.')
        .trim_end();
    (!name.is_empty() && name.chars().all(super::of_word)).then_some(name)
}

/// Gives `learn` each name that stands in what a command printed, and in its arguments.
pub(super) fn names(printed: Printed<'_>, mut learn: impl FnMut(&str)) {
    let mut give = |text: &str| {
        if let Some(name) = bare(text) {
            learn(name);
        }
    };
    let mut argv = printed.argv.iter().map(String::as_str);
    let command = argv.next().unwrap_or_default();
    let command = command.rsplit('/').next().unwrap_or_default();
    let arguments: Vec<&str> = argv.collect();
    match command {
        "clpcfget" => {
            for (_, name) in arguments
                .iter()
                .flat_map(|path| path.split('/'))
                .filter_map(|part| part.split_once('@'))
            {
                give(name);
            }
            let named = |path: &&str| path.ends_with("/object") || path.ends_with("/name");
            if arguments.contains(&"-e") && arguments.iter().any(|path| lists_names(path))
                || arguments.iter().any(named)
            {
                printed.text.lines().for_each(&mut give);
            }
        }
        "hostname" => printed.text.lines().for_each(&mut give),
        "uname" if arguments == ["-n"] => printed.text.lines().for_each(&mut give),
        name if name.starts_with("clp") => {
            for argument in arguments.iter().filter(|each| !each.starts_with('-')) {
                give(argument);
            }
        }
        _ => {}
    }
    tables(printed.text, give);
}

/// Whether the elements below a path bear names that users give.
fn lists_names(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or_default();
    ["md", "hd", "group", "server", "depend", "mdw", "mdnw"].contains(&last)
}

fn tables(text: &str, mut give: impl FnMut(&str)) {
    let (mut table, mut before) = (false, "");
    for line in text.lines() {
        let trimmed = line.trim();
        let is_section = trimmed.starts_with('<') && trimmed.ends_with('>');
        table |= is_section || trimmed.starts_with("Cluster :");
        // The head of clpmdstat stands above a line of hyphens: the disk, and both servers.
        if !trimmed.is_empty() && trimmed.chars().all(|c| c == '-') && before.split_whitespace().count() == 3 {
            before.split_whitespace().for_each(&mut give);
        }
        before = trimmed;
        if !table || is_section {
            continue;
        }
        if let Some(inner) = trimmed
            .split_once('[')
            .filter(|(front, _)| front.starts_with("Monitor"))
        {
            give(inner.1.split([':', ']']).next().unwrap_or_default());
        } else if let Some((left, right)) = line.split_once(':') {
            let value = right.trim();
            let value = value.split("  ").next().unwrap_or_default();
            let place = left.trim().trim_start_matches('*');
            if left.contains('[') {
                // A map of groups: `server0 [o] : failover1[o]  failover2[o]`.
                right
                    .split_whitespace()
                    .filter_map(|word| word.split_once('['))
                    .for_each(|(name, _)| give(name));
            } else {
                give(left);
                if ["Cluster", "current"].contains(&place.trim()) || place.starts_with("server") {
                    give(value);
                }
            }
        }
    }
}

/// A line of clpstat, and the comment behind its status: two blanks or more lie between.
pub(super) fn comment(line: &str) -> (&str, &str) {
    let value = line
        .find(':')
        .filter(|colon| line.starts_with("  ") && !line.get(..*colon).is_some_and(|left| left.contains('[')))
        .and_then(|colon| Some((colon, line.get(colon + 1..)?)));
    let Some((colon, rest)) = value else {
        return (line, "");
    };
    let start = rest.len() - rest.trim_start().len();
    let gap = rest
        .get(start..)
        .and_then(|value| value.find("  ").or_else(|| value.find('\t')));
    gap.map_or((line, ""), |gap| line.split_at(colon + 1 + start + gap))
}
