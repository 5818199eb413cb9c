//! Writes the commands' part of docs/cli.md anew (`make cli-page`). Without the SDK, it takes seconds.

use clap::CommandFactory;
use mirrorsnap_cli::args::Command;
use mirrorsnap_cli::screen::reference::{MARK, page};
use std::{fs, io};

fn main() -> io::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
    let text = fs::read_to_string(path)?;
    let (above, _) = text
        .split_once(MARK)
        .ok_or_else(|| io::Error::other("docs/cli.md has lost its mark"))?;
    fs::write(path, format!("{above}{MARK}\n{}\n", page(&Command::command())))
}
