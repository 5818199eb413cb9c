//! The hold of one backup: a tag on its snapshots, which stops the retention. The role that deletes may not delete a snapshot with it.

use crate::error::{Error, Kind, Result};
use crate::time::Moment;
use serde::Serialize;

/// The most characters of a reason. A tag's value has 256, and the moment stands before it.
pub const MOST_WHY: usize = 200;

/// Why a backup is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// Since when; `None`: the tag was written by hand, and does not say.
    pub since: Option<Moment>,
    /// The reason.
    pub why: String,
}

impl Kept {
    /// A hold from now on. Error `InputInvalid`: no reason, or one that is too long.
    pub fn new(now: Moment, why: &str) -> Result<Self> {
        let why = why.trim();
        let count = why.chars().count();
        if count == 0 || count > MOST_WHY || why.chars().any(char::is_control) {
            let found = format!("a reason of {count} characters for keeping a backup");
            let next = format!("say in 1 to {MOST_WHY} characters, on one line, who wants it and why");
            return Err(Error::new(Kind::InputInvalid, found, next));
        }
        let (since, why) = (Some(now), why.to_owned());
        Ok(Self { since, why })
    }

    /// The tag's value.
    pub fn value(&self) -> String {
        let since = self.since.map(|since| format!("{since} ")).unwrap_or_default();
        format!("{since}{}", self.why)
    }

    /// Reads the tag's value, whatever it is: a tag that somebody wrote by hand keeps the backup too.
    pub fn read(value: &str) -> Self {
        let (first, rest) = value.split_once(' ').unwrap_or((value, ""));
        match Moment::parse(first) {
            Ok(since) => Self {
                since: Some(since),
                why: rest.to_owned(),
            },
            Err(_) => Self {
                since: None,
                why: value.to_owned(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_written_by_hand_too() {
        let kept = Kept::new(Moment::from_unix(1_777_600_000), " audit of 2026, Tanaka ").unwrap();
        assert_eq!(kept.why, "audit of 2026, Tanaka");
        assert_eq!(Kept::read(&kept.value()), kept);
        for by_hand in ["", "audit", "for the auditors", "2026 audit"] {
            let read = Kept::read(by_hand);
            assert_eq!((read.since, read.why.as_str()), (None, by_hand));
        }
        let moment = kept.since.unwrap().to_string();
        assert_eq!(Kept::read(&moment).since, kept.since);
    }

    #[test]
    fn a_reason_has_a_length_and_fits_a_tag() {
        let now = Moment::from_unix(1_777_600_000);
        for bad in ["", "  ", "two\nlines", &"x".repeat(MOST_WHY + 1)] {
            assert_eq!(Kept::new(now, bad).unwrap_err().kind(), Kind::InputInvalid, "{bad:?}");
        }
        let longest = Kept::new(now, &"受".repeat(MOST_WHY)).unwrap();
        assert!(longest.value().chars().count() <= 256);
    }
}
