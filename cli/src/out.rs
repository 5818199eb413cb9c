//! What is printed: results on standard output, all else on standard error. Bars and colours only where standard error is a terminal.
//! The only module that prints, and the only one that asks.

use crate::args::Output;
use crate::catalogue::{self, Language, Words};
use crate::exit::Trouble;
use crate::follow::{Follow, Outage};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use serde_json::Value;
use std::io::{self, BufRead, IsTerminal, Write};

/// The two streams.
#[derive(Debug)]
pub struct Out {
    output: Output,
    language: Language,
    live: Option<Live>,
}

/// What moves at the end of the terminal.
#[derive(Debug)]
struct Live {
    all: MultiProgress,
    current: ProgressBar,
    snapshots: ProgressBar,
    mirror: ProgressBar,
}

fn bar(template: &str) -> ProgressBar {
    let bar = ProgressBar::new(100);
    // A template that cannot be read leaves indicatif's own, and a test reads each.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar
}

const CURRENT: &str = "{msg}";
const DOWN: &str = "{msg:.red.bold}";
const BAR: &str = "{prefix:>12}  [{bar:30}] {pos:>3} %";

impl Out {
    /// For this process's streams, in English.
    pub fn new(output: Output) -> Self {
        Self {
            output,
            language: Language::English,
            live: None,
        }
    }

    /// The same in the operator's language.
    #[must_use]
    pub fn speaking(self, language: Language) -> Self {
        Self { language, ..self }
    }

    /// The operator's language.
    pub const fn language(&self) -> Language {
        self.language
    }

    /// Begins the part of the screen that moves, on a terminal.
    pub fn begin(&mut self) {
        if io::stderr().is_terminal() {
            let all = MultiProgress::new();
            let current = all.add(bar(CURRENT));
            let named = |words: Words<'_>| bar(BAR).with_prefix(words.said(self.language));
            let (snapshots, mirror) = (named(Words::BarSnapshots), named(Words::BarMirror));
            self.live = Some(Live {
                all,
                current,
                snapshots,
                mirror,
            });
        }
    }

    /// A line that stays.
    pub fn line(&self, text: &str) {
        let Some(live) = &self.live else {
            // A closed standard error leaves nobody to tell.
            let _ = writeln!(io::stderr(), "{text}");
            return;
        };
        let _ = live.all.println(text);
    }

    /// The part that moves, as it is now.
    pub fn show(&self, follow: &Follow, text: &str) {
        let Some(live) = &self.live else { return };
        let template = if matches!(follow.outage, Outage::Since(_)) {
            DOWN
        } else {
            CURRENT
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            live.current.set_style(style);
        }
        live.current.set_message(text.to_owned());
        for (bar, percent) in [(&live.snapshots, follow.snapshots), (&live.mirror, follow.mirror)] {
            match percent.filter(|percent| *percent < 100) {
                None if bar.is_hidden() => {}
                None => live.all.remove(bar),
                Some(percent) => {
                    live.all.add(bar.clone());
                    bar.set_position(percent.into());
                }
            }
        }
    }

    /// Ends the part that moves.
    pub fn end(&mut self) {
        if let Some(live) = self.live.take() {
            for bar in [&live.current, &live.snapshots, &live.mirror] {
                bar.finish_and_clear();
            }
        }
    }

    /// The result: text, or one JSON document.
    pub fn result(&self, text: &str, document: &Value) {
        let printed = match self.output {
            Output::Text => writeln!(io::stdout(), "{text}"),
            Output::Json => writeln!(io::stdout(), "{document:#}"),
        };
        // Whoever closed the pipe wants no more.
        let _ = printed.and_then(|()| io::stdout().flush());
    }

    /// The completion script of a shell.
    pub fn completion(&self, shell: clap_complete::Shell, command: &mut clap::Command) {
        let mut script = Vec::new();
        clap_complete::generate(shell, command, "mirrorsnap", &mut script);
        let _ = io::stdout().write_all(&script);
    }

    /// Why the command cannot go on.
    pub fn trouble(&self, trouble: &Trouble) {
        self.line(&match trouble {
            Trouble::Usage(text) => format!("mirrorsnap: {text}"),
            Trouble::Error(error) => match catalogue::error(self.language, error.name()) {
                Some(said) => format!("{}: {said}\n{error}", error.name()),
                None => format!("{}: {error}", error.name()),
            },
        });
        if let (Output::Json, Trouble::Error(error)) = (self.output, trouble) {
            let document = serde_json::json!({
                "exit": trouble.exit().code(), "error": error.name(), "cause": error.to_string()});
            self.result("", &document);
        }
    }

    /// Whether there is a terminal to ask on.
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal() && io::stderr().is_terminal()
    }

    /// Asks on the terminal; `None`: there is none.
    pub fn ask(&self, question: &str) -> Option<String> {
        if !self.can_ask() {
            return None;
        }
        let _ = write!(io::stderr(), "{question} ").and_then(|()| io::stderr().flush());
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer).ok()?;
        Some(answer.trim().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_can_be_read() {
        for template in [CURRENT, DOWN, BAR] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
