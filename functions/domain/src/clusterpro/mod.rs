//! What CLUSTERPRO's commands print, read leniently in form and failing closed in meaning: spacing and extra lines do
//! not matter, a word that we do not know is never taken for a good state, and contradicting lines are an error.

pub mod mdstat;
pub mod outputs;
pub mod stat;

use crate::error::{Error, Kind};

/// What was shown of an output in an error: enough to recognise it, on one line.
pub(crate) fn excerpt(text: &str) -> String {
    let shown: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(160)
        .collect();
    if shown.is_empty() {
        "nothing".to_owned()
    } else {
        format!("{shown:?}")
    }
}

pub(crate) fn unreadable(command: &str, why: &str, text: &str) -> Error {
    Error::new(
        Kind::OutputUnreadable,
        format!(
            "the output of {command} could not be read: {why}; it printed {}",
            excerpt(text)
        ),
        "run the command on the node by hand; if its form is new, report it with the output",
    )
}
