//! The words of the screens in the operator's language: docs/catalogue.json has both, and nothing here is a second source.

use super::{Language, read};

macro_rules! words {
    ($($word:ident = $id:literal,)*) => {
        /// A text of the screens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[allow(missing_docs)] // the catalogue says what each says
        pub enum Words {
            $($word,)*
        }

        impl Words {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$word,)*];

            /// Its name in the catalogue.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Self::$word => $id,)*
                }
            }
        }
    };
}

words! {
    NoClusters = "no-clusters",
    ColumnCluster = "column-cluster",
    ColumnActive = "column-active",
    ColumnNewest = "column-newest",
    ColumnAge = "column-age",
    ColumnObjective = "column-objective",
    ColumnRuns = "column-runs",
    ConfigUnreadable = "config-unreadable",
    OnHold = "on-hold",
    WithoutBackup = "without-backup",
    NothingWrong = "nothing-wrong",
    NoBackups = "no-backups",
    ColumnBackup = "column-backup",
    ColumnConsistent = "column-consistent",
    ColumnValid = "column-valid",
    ColumnImage = "column-image",
    ColumnConsistency = "column-consistency",
    ColumnSize = "column-size",
    ColumnNode = "column-node",
    ColumnKept = "column-kept",
    ColumnSnapshot = "column-snapshot",
    ColumnVolume = "column-volume",
    ColumnState = "column-state",
    ColumnProgress = "column-progress",
    WasStopped = "was-stopped",
    WasFrozen = "was-frozen",
    IsValid = "is-valid",
    IsIncomplete = "is-incomplete",
    IsUnproved = "is-unproved",
    Backup = "backup",
    KeptSince = "kept-since",
    Kept = "kept",
    Keeps = "keeps",
    Unkeeps = "unkeeps",
    Rebuild = "rebuild",
    RebuildNone = "rebuild-none",
    RebuildUnreadable = "rebuild-unreadable",
    Instance = "instance",
    NotDescribed = "not-described",
    LeftOut = "left-out",
    Changed = "changed",
    ChangedOf = "changed-of",
    ChangedMap = "changed-map",
}

impl Words {
    /// The text.
    pub fn said(self, language: Language) -> String {
        self.with(language, &[])
    }

    /// The text with what stands in braces filled in. A text that the catalogue lacks, which a test rules out, is its name.
    pub fn with(self, language: Language, fills: &[(&str, &str)]) -> String {
        let texts = read().and_then(|catalogue| Some(catalogue.screens.get(self.id())?.clone()));
        let text = texts.map_or_else(
            || self.id().to_owned(),
            |texts| match language {
                Language::English => texts.en,
                Language::Japanese => texts.ja,
            },
        );
        let mut shown = String::new();
        let mut rest = text.as_str();
        // Once from left to right: what is filled in may have braces itself.
        while let Some((before, (name, after))) = rest
            .split_once('{')
            .and_then(|(before, behind)| Some((before, behind.split_once('}')?)))
        {
            shown.push_str(before);
            shown.push_str(fills.iter().find(|(of, _)| *of == name).map_or("", |(_, value)| value));
            rest = after;
        }
        shown + rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_text_is_there_in_both_languages_and_none_is_extra() {
        let catalogue = read().unwrap();
        let known: BTreeSet<&str> = Words::ALL.iter().map(|words| words.id()).collect();
        let there: BTreeSet<&str> = catalogue.screens.keys().map(String::as_str).collect();
        assert_eq!(known, there);
        let holes = |text: &str| -> BTreeSet<String> {
            let parts = text.split('{').skip(1);
            parts.map(|part| part.split('}').next().unwrap().to_owned()).collect()
        };
        for (id, texts) in &catalogue.screens {
            assert_eq!(holes(&texts.en), holes(&texts.ja), "{id}");
            assert!(texts.ja.chars().any(|c| c > '\u{3000}') && texts.en.is_ascii(), "{id}");
        }
    }

    #[test]
    fn what_stands_in_braces_is_filled_in_once() {
        let said = Words::OnHold.with(Language::English, &[("why", "{why} of Tanaka")]);
        assert_eq!(said, "it is on hold ({why} of Tanaka): no backup is made");
        assert_eq!(Words::IsValid.said(Language::Japanese), "はい");
    }
}
