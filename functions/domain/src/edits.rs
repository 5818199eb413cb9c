//! Real outputs with small changes, for property tests. Noise is refused at its first line, so it proves nothing. A good share of these
//! outputs is read.

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::cell::Cell;
use std::fmt::Debug;
use std::ops::Range;

/// One change of a text. No change adds a word that was not there, except a number.
#[derive(Debug, Clone)]
pub(crate) enum Edit {
    DropLine(Index),
    DoubleLine(Index),
    SwapLines(Index, Index),
    DropWord(Index),
    DoubleWord(Index),
    SwapWords(Index, Index),
    Number(Index, u32),
    Cut(Index),
}

fn spans(text: &str, inside: impl Fn(char) -> bool) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, c) in text.char_indices().filter(|(_, c)| inside(*c)) {
        let end = at + c.len_utf8();
        match found.last_mut().filter(|last| last.end == at) {
            Some(last) => last.end = end,
            None => found.push(at..end),
        }
    }
    found
}

fn words(text: &str) -> Vec<Range<usize>> {
    spans(text, |c| !c.is_whitespace())
}

fn replaced(text: &str, span: &Range<usize>, by: &str) -> String {
    format!("{}{by}{}", &text[..span.start], &text[span.end..])
}

fn lines(text: &str, change: impl FnOnce(&mut Vec<&str>)) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    if !lines.is_empty() {
        change(&mut lines);
    }
    joined(lines)
}

/// `lines` as one text.
fn joined<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    lines.into_iter().flat_map(|line| [line, "\n"]).collect()
}

/// `text` without the lines that `drop` names.
pub(crate) fn without(text: &str, drop: impl Fn(&str) -> bool) -> String {
    joined(text.lines().filter(|line| !drop(line)))
}

impl Edit {
    pub(crate) fn apply(&self, text: &str) -> String {
        let word = |index: &Index| {
            let all = words(text);
            (!all.is_empty()).then(|| all[index.index(all.len())].clone())
        };
        match self {
            Self::DropLine(at) => lines(text, |all| _ = all.remove(at.index(all.len()))),
            Self::DoubleLine(at) => lines(text, |all| {
                let at = at.index(all.len());
                all.insert(at, all[at]);
            }),
            Self::SwapLines(a, b) => lines(text, |all| {
                let count = all.len();
                all.swap(a.index(count), b.index(count));
            }),
            Self::DropWord(at) => word(at).map_or_else(String::new, |span| replaced(text, &span, "")),
            Self::DoubleWord(at) => word(at).map_or_else(String::new, |span| {
                let once = &text[span.clone()];
                replaced(text, &span, &format!("{once} {once}"))
            }),
            Self::SwapWords(a, b) => {
                let (Some(a), Some(b)) = (word(a), word(b)) else {
                    return String::new();
                };
                let (a, b) = if a.start <= b.start { (a, b) } else { (b, a) };
                // The later one first, so that the earlier one's place stays.
                replaced(&replaced(text, &b, &text[a.clone()]), &a, &text[b])
            }
            Self::Number(at, by) => {
                let all = spans(text, |c| c.is_ascii_digit());
                match all.len() {
                    0 => text.to_owned(),
                    count => replaced(text, &all[at.index(count)], &by.to_string()),
                }
            }
            Self::Cut(at) => {
                let cuts: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
                let end = if cuts.is_empty() { 0 } else { cuts[at.index(cuts.len())] };
                text[..end].to_owned()
            }
        }
    }
}

pub(crate) fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    let two = || (at(), at());
    prop_oneof![
        at().prop_map(Edit::DropLine),
        at().prop_map(Edit::DoubleLine),
        two().prop_map(|(a, b)| Edit::SwapLines(a, b)),
        at().prop_map(Edit::DropWord),
        at().prop_map(Edit::DoubleWord),
        two().prop_map(|(a, b)| Edit::SwapWords(a, b)),
        (at(), prop_oneof![0_u32..12, any::<u32>()]).prop_map(|(a, n)| Edit::Number(a, n)),
        at().prop_map(Edit::Cut),
    ]
}

/// A real output and the changed text.
#[derive(Debug, Clone)]
pub(crate) struct Edited {
    pub(crate) source: &'static str,
    pub(crate) text: String,
}

/// One of `sources` after no, one, two or three changes.
pub(crate) fn edited(sources: &'static [&'static str]) -> impl Strategy<Value = Edited> {
    (prop::sample::select(sources), prop::collection::vec(edit(), 0..4)).prop_map(|(source, edits)| Edited {
        source,
        text: edits.iter().fold(source.to_owned(), |text, edit| edit.apply(&text)),
    })
}

/// Judges draws of `strategy`. `judge` returns whether the draw was read. The test fails if fewer than `percent` of them are read, since
/// a draw that is refused tests nothing else.
pub(crate) fn hold<S: Strategy>(percent: u32, strategy: &S, judge: impl Fn(S::Value) -> Result<bool, TestCaseError>)
where
    S::Value: Debug,
{
    const CASES: u32 = 500;
    let read = Cell::new(0_u32);
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let result = TestRunner::new(config).run(strategy, |drawn| {
        read.set(read.get() + u32::from(judge(drawn)?));
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let share = read.get() * 100 / CASES;
    assert!(share >= percent, "only {share} of 100 draws were read");
}

/// Whether `word` stands in `text`, with nothing of a word on either side of it.
pub(crate) fn stands(word: &str, text: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(inside)
            && !text[at + word.len()..].chars().next().is_some_and(inside)
    })
}
