//! Every command line of ours that a page, a message, a mail or a screen names is one that clap takes.

use crate::args::Command;
use clap::Parser;
use clap::error::ErrorKind;
use std::fs;
use std::path::{Path, PathBuf};

/// What is searched, from the repository's root.
const PLACES: [&str; 10] = [
    "README.md",
    "README.ja.md",
    "docs",
    "cli/src",
    "functions/domain/src",
    "functions/src",
    "statemachine",
    "infra/deploy.py",
    "infra/template.yaml",
    "infra/documents",
];
const KINDS: [&str; 6] = ["md", "rs", "yaml", "json", "py", "sh"];

fn files(place: &Path) -> Vec<PathBuf> {
    if place.is_file() {
        return vec![place.to_owned()];
    }
    let all = fs::read_dir(place).unwrap().map(|entry| entry.unwrap().path());
    all.flat_map(|path| files(&path)).collect()
}

/// The command lines in a text: in backticks; on a line of a block of code; and in a string that begins with one, maybe below a line.
fn named(text: &str, is_page: bool, is_ours: bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_block = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        if is_page && trimmed.starts_with("```") {
            in_block = !in_block;
            continue;
        }
        for (at, _) in line.match_indices("mirrorsnap ") {
            let before = &line[..at];
            let before = before.strip_suffix("target/").unwrap_or(before);
            let rest = &line[at..];
            // No command begins with a capital: `mirrorsnap Operation v1` is the type of an event.
            if rest["mirrorsnap ".len()..].starts_with(|first: char| first.is_uppercase()) {
                continue;
            }
            let of_string = |before: &str| {
                before.trim_end_matches(' ').ends_with("\\n") || is_ours && before.trim_end_matches(' ').ends_with('"')
            };
            let end = if before.ends_with('`') {
                rest.find('`')
            } else if in_block && before.trim().is_empty() {
                Some(rest.len())
            } else if !is_page && of_string(before) {
                // To the end of the string, or of its line.
                let mut end = rest.len();
                let quote = rest
                    .char_indices()
                    .find(|(at, c)| *c == '"' && !rest[..*at].ends_with('\\'));
                for stop in [quote.map(|(at, _)| at), rest.find("\\n")].into_iter().flatten() {
                    end = end.min(stop);
                }
                Some(end)
            } else {
                None
            };
            if let Some(line) = end.map(|end| &rest[..end]) {
                found.push(line.replace("\\\"", "\""));
            }
        }
    }
    found
}

/// The words of a command line as a shell has them, with something in the place of what a page or a format leaves open.
fn words(line: &str) -> Vec<String> {
    let line = line.replace("{flags}", "");
    let (mut words, mut word, mut quoted, mut is_word) = (Vec::new(), String::new(), None, false);
    for c in line.chars() {
        match (c, quoted) {
            ('"' | '\'', None) => (quoted, is_word) = (Some(c), true),
            (c, Some(quote)) if c == quote => quoted = None,
            ('#' | '|' | '>' | ';', None) if word.is_empty() => break,
            (' ', None) => {
                if is_word {
                    words.push(std::mem::take(&mut word));
                }
                is_word = false;
            }
            (c, _) => {
                word.push(c);
                is_word = true;
            }
        }
    }
    if is_word {
        words.push(word);
    }
    words
}

/// Why clap does not take it. What lacks an argument is a command all the same: a page may name it alone.
fn refused(line: &str) -> Option<String> {
    let error = Command::try_parse_from(words(line)).err()?;
    let is_named = matches!(
        error.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    (!is_named).then(|| format!("{line}: {error}"))
}

#[test]
fn every_command_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = Vec::new();
    for path in PLACES.iter().flat_map(|place| files(&root.join(place))) {
        let kind = path.extension().and_then(|kind| kind.to_str()).unwrap_or_default();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // Tests name what does not exist, to see it refused; the lab's page of commands is made from clap itself.
        if !KINDS.contains(&kind) || name.ends_with("_tests.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = if kind == "rs" {
            text.split("#[cfg(test)]").next().unwrap()
        } else {
            &text
        };
        let is_ours = path.starts_with(root.join("cli/src")) || name == "deploy.py";
        let commands = named(text, kind == "md", is_ours);
        found.extend(commands.into_iter().map(|line| (path.clone(), line)));
    }
    let wrong: Vec<String> = found
        .iter()
        .filter_map(|(path, line)| Some(format!("{}: {}", path.display(), refused(line)?)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let of = |part: &str| found.iter().filter(|(path, _)| path.ends_with(part)).count();
    for (part, least) in [
        ("docs/catalogue.json", 30),
        ("docs/cli.md", 15),
        ("README.md", 5),
        ("src/screen/fleet.rs", 6),
        ("infra/deploy.py", 2),
    ] {
        assert!(of(part) >= least, "{part} names {} commands", of(part));
    }
}

/// Whoever is asked for one of our operations is told its command.
fn asked_without_its_command(line: &str) -> bool {
    [
        "start recover",
        "run the backup again",
        "restore again",
        "unhold the cluster",
    ]
    .iter()
    .any(|asked| line.contains(asked))
}

#[test]
fn a_message_that_asks_for_an_operation_names_its_command() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let places = ["functions/domain/src", "functions/src", "statemachine"].map(|place| files(&root.join(place)));
    let mut wrong = Vec::new();
    for path in places.into_iter().flatten() {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with("_tests.rs") || path.extension().is_some_and(|kind| kind == "md") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap();
        let said = text.lines().filter(|line| !line.trim_start().starts_with(['/', '#']));
        wrong.extend(said.filter(|line| asked_without_its_command(line)).map(str::to_owned));
    }
    let catalogue = fs::read_to_string(root.join("docs/catalogue.yaml")).unwrap();
    let next = catalogue
        .lines()
        .filter_map(|line| Some(line.split_once("next: ")?.1.to_owned()));
    wrong.extend(next.filter(|next| asked_without_its_command(next)));
    for page in ["docs/operations.md", "docs/on-the-node.md"] {
        let page = fs::read_to_string(root.join(page)).unwrap();
        wrong.extend(
            page.lines()
                .filter(|line| asked_without_its_command(line))
                .map(str::to_owned),
        );
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A page that shows a plain execution of ours shows the command before it.
#[test]
fn a_page_that_starts_an_execution_names_the_command_first() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    for page in [
        "README.md",
        "README.ja.md",
        "docs/operations.md",
        "docs/operations.ja.md",
    ] {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let paragraphs: Vec<&str> = text.split("\n\n").collect();
        for (at, part) in paragraphs.iter().enumerate() {
            for machine in ["backup", "restore", "recover", "hold"] {
                let plain = [
                    format!("`mirrorsnap-{machine}` with"),
                    format!("`mirrorsnap-{machine}` に `{{"),
                ];
                for line in part
                    .lines()
                    .filter(|line| plain.iter().any(|plain| line.contains(plain)))
                {
                    let first = line
                        .find("`mirrorsnap ")
                        .filter(|at| *at < line.find("`mirrorsnap-").unwrap_or(0));
                    assert!(first.is_some(), "{page}: {line}");
                }
            }
            if part.contains("aws stepfunctions start-execution --state-machine-arn \"") {
                assert!(
                    part.contains("mirrorsnap ") || paragraphs[at - 1].contains("mirrorsnap "),
                    "{page}: {part}"
                );
            }
        }
    }
}

#[test]
fn a_command_that_does_not_exist_is_found_in_each_form() {
    let page = "See `mirrorsnap status`.\n```\nmirrorsnap repair orders # now\n```\nmirrorsnap knows it.";
    assert_eq!(
        named(page, true, false),
        ["mirrorsnap status", "mirrorsnap repair orders # now"]
    );
    let source = "format!(\"next:\\n  mirrorsnap repair {cluster}{flags}\"); (\"mirrorsnap is for\", \"mirrorsnap hold x \\\"why\\\"\")";
    assert_eq!(named(source, false, false), ["mirrorsnap repair {cluster}{flags}"]);
    assert_eq!(named(source, false, true).len(), 3);
    for line in [
        "mirrorsnap repair orders",
        "mirrorsnap backups orders --keep x",
        "mirrorsnap cluster forget orders",
        "mirrorsnap status orders",
    ] {
        assert!(refused(line).is_some(), "{line}");
    }
    for line in [
        "mirrorsnap backup",
        "mirrorsnap cluster",
        "mirrorsnap hold orders \"disks, Tanaka\"",
        "mirrorsnap recover {cluster}{flags} # x",
    ] {
        assert_eq!(refused(line), None);
    }
}
