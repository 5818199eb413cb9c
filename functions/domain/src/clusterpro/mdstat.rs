//! `clpmdstat -m <disk>`: the state of a mirror disk on both nodes.

use super::unreadable;
use crate::error::Result;
use serde::Serialize;
use std::collections::BTreeMap;

/// The state of the mirror as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Status {
    /// Both sides hold the same bytes.
    Normal,
    /// Bytes are being copied.
    Recovering,
    /// The sides differ.
    Abnormal,
    /// The mirror was never constructed.
    NoConstruction,
    /// Anything else, words that we do not know included.
    Uncertain,
}

/// The state of one side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Color {
    /// Normal.
    Green,
    /// Being copied from or to.
    Yellow,
    /// Abnormal: its bytes are old.
    Red,
    /// Stopped or unknown.
    Gray,
    /// Active on both sides.
    Blue,
}

impl Color {
    fn read(word: &str) -> Self {
        match word.to_ascii_uppercase().as_str() {
            "GREEN" => Self::Green,
            "YELLOW" => Self::Yellow,
            "RED" => Self::Red,
            "BLUE" => Self::Blue,
            // GRAY, GREY, `-`, and words of later versions: a colour that is not known is not good.
            _ => Self::Gray,
        }
    }
}

/// A running copy.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Recovery {
    /// How much is done.
    pub percent: Option<u8>,
    /// The node whose bytes are copied.
    pub source: Option<String>,
    /// The node that receives them.
    pub target: Option<String>,
}

/// A mirror disk as one node sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mirror {
    /// The disk's name.
    pub disk: String,
    /// The state as a whole.
    pub status: Status,
    /// The state of each side, by node name.
    pub colors: BTreeMap<String, Color>,
    /// What is known of a copy, if there is one.
    pub recovery: Recovery,
}

impl Mirror {
    /// The colour of `node`; a node that is not shown is not known.
    pub fn color(&self, node: &str) -> Color {
        self.colors.get(node).copied().unwrap_or(Color::Gray)
    }

    /// Normal, and GREEN on both sides. Only both together mean that both sides hold the same bytes.
    pub fn is_normal(&self) -> bool {
        self.status == Status::Normal && self.colors.len() == 2 && self.colors.values().all(|c| *c == Color::Green)
    }
}

fn after<'a>(line: &'a str, label: &str) -> Option<&'a str> {
    let rest = line
        .get(..label.len())
        .filter(|front| front.eq_ignore_ascii_case(label))
        .and(line.get(label.len()..))?;
    Some(rest.trim_start().trim_start_matches(':').trim())
}

fn percent(line: &str) -> Option<u8> {
    let (number, _) = line.split_once('%')?;
    let digits: String = number
        .trim_end()
        .rsplit(|c: char| !c.is_ascii_digit())
        .next()?
        .to_owned();
    digits.parse().ok().filter(|value| *value <= 100)
}

/// The word after `label` in a line such as `Direction: src server1`.
fn word_after(line: &str, label: &str) -> Option<String> {
    let mut words = line
        .split(|c: char| c.is_whitespace() || c == ':')
        .filter(|word| !word.is_empty());
    words.by_ref().find(|word| word.eq_ignore_ascii_case(label))?;
    words.next().map(str::to_owned)
}

/// Reads the output of `clpmdstat -m <disk>`.
///
/// The columns of the colours are those of the header line, which begins with the disk's name. Errors: no status line,
/// no header, no colours, a number of colours other than two, or two lines that contradict each other.
pub fn parse(disk: &str, text: &str) -> Result<Mirror> {
    let bad = |why: &str| unreadable(&format!("clpmdstat -m {disk}"), why, text);
    let (mut status, mut header, mut colors) = (None, None::<Vec<String>>, None::<Vec<Color>>);
    let mut recovery = Recovery::default();
    for line in text.lines().map(str::trim) {
        if let Some(value) = after(line, "Mirror Status") {
            let read = match value.to_ascii_lowercase().as_str() {
                "normal" => Status::Normal,
                "recovering" => Status::Recovering,
                "abnormal" => Status::Abnormal,
                "no construction" => Status::NoConstruction,
                _ => Status::Uncertain,
            };
            if status.replace(read).is_some_and(|earlier| earlier != read) {
                return Err(bad("two different states"));
            }
        } else if let Some(value) = after(line, "Mirror Color") {
            let read: Vec<Color> = value.split_whitespace().map(Color::read).collect();
            if colors.replace(read.clone()).is_some_and(|earlier| earlier != read) {
                return Err(bad("two different lines of colours"));
            }
        } else if let Some(names) = line
            .strip_prefix(disk)
            .filter(|rest| rest.starts_with(char::is_whitespace))
        {
            let read: Vec<String> = names.split_whitespace().map(str::to_owned).collect();
            if read.len() == 2 && header.replace(read.clone()).is_some_and(|earlier| earlier != read) {
                return Err(bad("two different headers"));
            }
        } else if after(line, "Difference Percent").is_none() {
            // The amount that differs is also shown without a copy. It is no progress.
            recovery.percent = recovery.percent.or_else(|| percent(line));
            recovery.source = recovery.source.or_else(|| word_after(line, "src"));
            recovery.target = recovery.target.or_else(|| word_after(line, "dst"));
            if let Some((from, to)) = line.split_once("->") {
                recovery.source = recovery
                    .source
                    .or_else(|| from.split_whitespace().last().map(str::to_owned));
                recovery.target = recovery
                    .target
                    .or_else(|| to.split_whitespace().next().map(str::to_owned));
            }
        }
    }
    let status = status.ok_or_else(|| bad("no line `Mirror Status`"))?;
    let names = header.ok_or_else(|| bad("no header with the names of two nodes"))?;
    let colors = colors.ok_or_else(|| bad("no line `Mirror Color`"))?;
    if colors.len() != names.len() {
        return Err(bad("not two colours"));
    }
    let colors: BTreeMap<String, Color> = names.into_iter().zip(colors).collect();
    if colors.len() != 2 {
        return Err(bad("one node named twice"));
    }
    Ok(Mirror {
        disk: disk.to_owned(),
        status,
        colors,
        recovery,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "Mirror Status: Normal\nmd1 server1 server2\n\
        ------------------------------------------------------------\nMirror Color GREEN GREEN\n";

    #[test]
    fn the_seed_s_output() {
        let mirror = parse("md1", SEED).unwrap();
        assert!(mirror.is_normal());
        assert_eq!(mirror.color("server3"), Color::Gray);
    }

    #[test]
    fn columns_follow_the_header() {
        let swapped = SEED
            .replace("server1 server2", "server2   server1")
            .replace("GREEN GREEN", "RED\tGREEN");
        let mirror = parse("md1", &swapped.replace("Normal", "Abnormal")).unwrap();
        assert_eq!(
            (mirror.color("server2"), mirror.color("server1")),
            (Color::Red, Color::Green)
        );
        assert!(!mirror.is_normal());
    }

    #[test]
    fn every_status_and_color() {
        for (word, status) in [
            ("Normal", Status::Normal),
            ("Recovering", Status::Recovering),
            ("Abnormal", Status::Abnormal),
            ("No Construction", Status::NoConstruction),
            ("Uncertain", Status::Uncertain),
            ("Splendid", Status::Uncertain),
        ] {
            assert_eq!(parse("md1", &SEED.replace("Normal", word)).unwrap().status, status);
        }
        for (word, color) in [
            ("GREEN", Color::Green),
            ("YELLOW", Color::Yellow),
            ("RED", Color::Red),
            ("GRAY", Color::Gray),
            ("BLUE", Color::Blue),
            ("PINK", Color::Gray),
        ] {
            let mirror = parse("md1", &SEED.replace("GREEN GREEN", &format!("GREEN {word}"))).unwrap();
            assert_eq!(mirror.color("server2"), color);
        }
    }

    #[test]
    fn normal_without_two_greens_is_not_normal() {
        assert!(
            !parse("md1", &SEED.replace("GREEN GREEN", "GREEN GRAY"))
                .unwrap()
                .is_normal()
        );
        assert!(!parse("md1", &SEED.replace("Normal", "Abnormal")).unwrap().is_normal());
    }

    #[test]
    fn a_recovery_shows_percent_and_direction() {
        let text = "Mirror Status:Recovering\n\n  md1   server1   server2\n---\nMirror Color   YELLOW   YELLOW\n\n\
            Recovery Status Value\nStatus: Recovering\nDirection: src server1\n           dst server2\nPercent:  7%\n";
        let mirror = parse("md1", text).unwrap();
        let expected = Recovery {
            percent: Some(7),
            source: Some("server1".into()),
            target: Some("server2".into()),
        };
        assert_eq!(mirror.recovery, expected);
        let arrow = format!("{SEED}Recovery server1 -> server2 100 %\n");
        assert_eq!(
            parse("md1", &arrow).unwrap().recovery,
            Recovery {
                percent: Some(100),
                ..expected
            }
        );
    }

    #[test]
    fn incomplete_or_contradicting_output_is_unreadable() {
        for text in [
            "",
            "Mirror Status: Normal\n",
            "md1 server1 server2\nMirror Color GREEN GREEN\n",
            "Mirror Status: Normal\nMirror Color GREEN GREEN\n",
            "Mirror Status: Normal\nmd1 server1 server2\nMirror Color GREEN\n",
            "Mirror Status: Normal\nmd1 server1 server2\nMirror Color GREEN GREEN GREEN\n",
            "Mirror Status: Normal\nmd1 server1 server1\nMirror Color GREEN GREEN\n",
            "Mirror Status: Normal\nmd2 server1 server2\nMirror Color GREEN GREEN\n",
            "Mirror Status: Normal\nmd12 server1 server2\nMirror Color GREEN GREEN\n",
        ] {
            assert!(parse("md1", text).is_err(), "{text}");
        }
        let twice = format!("{SEED}{}", SEED.replace("GREEN GREEN", "GREEN RED"));
        assert!(parse("md1", &twice).is_err());
        assert!(parse("md1", &format!("{SEED}{SEED}")).unwrap().is_normal());
    }
}

#[cfg(test)]
#[path = "mdstat_properties.rs"]
mod properties;
