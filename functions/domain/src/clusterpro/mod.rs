//! Reads what CLUSTERPRO's commands print. Spacing and extra lines make no difference. A word that we do not know never counts as a good
//! state, and lines that contradict each other are an error.

pub mod mdstat;
pub mod monitor_kinds;
pub mod monitors;
pub mod outputs;
pub mod settings;
pub mod stat;

#[cfg(test)]
mod shell_tests;

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
