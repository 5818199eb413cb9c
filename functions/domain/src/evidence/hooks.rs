//! What the operator's hooks printed goes into the report (docs/hooks.md).

use super::{Section, SectionState};

/// Of what hooks print so many characters are kept, the last ones.
const HOOKS_KEPT: usize = 500;

impl SectionState {
    /// Adds what the hooks printed on the active, for the report: to a section that is good, and to the reason of one that is not.
    #[must_use]
    pub fn with_hooks(self, printed: &str) -> Self {
        let words: Vec<&str> = printed.split(|c: char| c.is_whitespace() || c.is_control()).collect();
        let text = words
            .into_iter()
            .filter(|word| !word.is_empty())
            .collect::<Vec<_>>()
            .join(" ");
        let skipped = text.chars().count().saturating_sub(HOOKS_KEPT);
        let text: String = text.chars().skip(skipped).collect();
        if text.is_empty() {
            return self;
        }
        match self {
            Self::Good(section) => Self::Good(Section { hooks: text, ..section }),
            Self::Void(error) => Self::Void(error.with(&format!("; the hooks printed {text:?}"))),
            running @ Self::Running(_) => running,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};

    #[test]
    fn what_hooks_print_is_kept_with_the_section_and_with_the_reason() {
        let good = r#"{"epoch": 7, "consistent_at": "2026-05-01T02:05:04Z", "outage_seconds": 3.5}"#;
        let good = || SectionState::Good(serde_json::from_str(good).unwrap());
        let printed = format!(" before ran\n {}\u{1b}end\n", "x".repeat(600));
        let SectionState::Good(section) = good().with_hooks(&printed) else {
            panic!()
        };
        assert!(section.hooks.ends_with("x end") && section.hooks.chars().count() == 500);
        assert_eq!(good().with_hooks(" \n"), good());
        let void = SectionState::Void(Error::new(Kind::SectionVoid, "it ended", "look"));
        let SectionState::Void(error) = void.with_hooks(" no lock\n") else {
            panic!()
        };
        assert_eq!(error.found(), "it ended; the hooks printed \"no lock\"");
        let running = SectionState::Running("the seal");
        assert_eq!(running.clone().with_hooks("text"), running);
    }
}
