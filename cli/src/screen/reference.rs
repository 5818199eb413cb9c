//! The reference of the command line, made from clap's own help: the part of docs/cli.md below its mark.

use crate::args::EVERY;
use clap::Command;
use std::fmt::Write;

/// The line of docs/cli.md below which it is.
pub const MARK: &str = "<!-- below: made by `make cli-page` -->\n";

/// Each command with its help.
pub fn page(command: &Command) -> String {
    let mut command = command.clone();
    command.build();
    let mut page = String::new();
    // Behind a blank line, below all else of each help: once is enough.
    let every = help(&command);
    if let Some((_, every)) = every.split_once(EVERY) {
        let _ = write!(
            page,
            "{EVERY}:\n\n```\n{}\n```\n\n",
            every.trim_start_matches(':').trim_matches('\n')
        );
    }
    for each in command
        .get_subcommands()
        .filter(|each| !each.is_hide_set() && each.get_name() != "help")
    {
        section(each, &mut page);
    }
    page.trim_end().to_owned()
}

fn section(command: &Command, page: &mut String) {
    let nested: Vec<_> = command
        .get_subcommands()
        .filter(|each| each.get_name() != "help")
        .collect();
    if !nested.is_empty() {
        for each in nested {
            section(each, page);
        }
        return;
    }
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = help(command);
    let own = help.split_once(EVERY).map_or(help.as_str(), |(own, _)| own);
    let _ = write!(page, "### `{name}`\n\n```\n{}\n```\n\n", own.trim_end());
}

fn help(command: &Command) -> String {
    command.clone().term_width(100).render_help().to_string()
}

#[cfg(test)]
mod tests {
    use super::{MARK, page};
    use crate::args;
    use clap::CommandFactory;

    #[test]
    fn the_page_is_current() {
        let wanted = page(&args::Command::command());
        let text = include_str!("../../../docs/cli.md");
        let (_, found) = text.split_once(MARK).unwrap();
        assert_eq!(found.trim(), wanted.trim(), "run `make cli-page`");
    }
}
