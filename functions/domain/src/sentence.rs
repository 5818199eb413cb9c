//! The sentences of plans, in each language an operator reads: one type for each sentence, with what is filled in, and one place for its
//! texts (texts.rs). The compiler sees that no sentence lacks a text, and that each text shows all that its sentence holds.
//!
//! A plan carries both: the English text, which is the contract, and the sentence itself, which the command line shows in the operator's language.

mod texts;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;
pub use texts::Sentence;

/// A language that an operator reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// What everything else is written in.
    English,
    /// By a locale that begins with `ja`.
    Japanese,
}

impl Language {
    /// From the environment, as POSIX has it: the first variable that is set decides.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(variable)
            .find(|value| !value.is_empty());
        match set {
            Some(locale) if locale.starts_with("ja") => Self::Japanese,
            _ => Self::English,
        }
    }
}

/// What a sentence is filled in with.
trait Shown {
    fn shown(&self, language: Language) -> String;
}

macro_rules! as_it_is {
    ($($kind:ty)*) => {$(
        impl Shown for $kind {
            fn shown(&self, _: Language) -> String {
                self.to_string()
            }
        }
    )*};
}

as_it_is!(String u32 i32 i64 u64);

impl Shown for Sentence {
    fn shown(&self, language: Language) -> String {
        self.said(language)
    }
}

impl Shown for Box<Sentence> {
    fn shown(&self, language: Language) -> String {
        self.said(language)
    }
}

impl Shown for Option<Box<Sentence>> {
    fn shown(&self, language: Language) -> String {
        self.as_ref().map_or_else(String::new, |one| one.said(language))
    }
}

impl Shown for Vec<Sentence> {
    fn shown(&self, language: Language) -> String {
        let all: Vec<String> = self.iter().map(|one| one.said(language)).collect();
        all.join(match language {
            Language::English => ", ",
            Language::Japanese => "、",
        })
    }
}

/// The macro of texts.rs: each sentence with its members and its two texts.
macro_rules! sentences {
    ($($name:ident $({ $($member:ident: $kind:ty),* })? en $en:literal ja $ja:literal;)*) => {
        /// A sentence.
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "is", rename_all = "kebab-case")]
        #[allow(missing_docs)] // its texts say what it says
        pub enum Sentence {
            $($name $({ $($member: $kind),* })?,)*
        }

        impl Sentence {
            /// Its texts as they are written, by its name.
            #[cfg(test)]
            pub(super) const TEXTS: &'static [(&'static str, &'static str, &'static str)] =
                &[$((stringify!($name), $en, $ja)),*];

            /// In a language.
            pub fn said(&self, language: Language) -> String {
                match self {
                    $(Self::$name $({ $($member),* })? => {
                        $($(let $member = $member.shown(language);)*)?
                        match language {
                            Language::English => format!($en),
                            Language::Japanese => format!($ja),
                        }
                    })*
                }
            }
        }
    };
}
use sentences;

impl Sentence {
    /// What somebody else wrote, or a name: the same in every language.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self::Verbatim { text: text.into() }
    }
}

impl fmt::Display for Sentence {
    /// In English.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.said(Language::English))
    }
}

/// As its English text, for what the contract calls a text.
pub fn as_text<S: Serializer>(sentence: &Sentence, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&sentence.said(Language::English))
}

/// A plan in sentences. As JSON, `words` has the English texts and `sentences` what they are made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Said(pub Vec<Sentence>);

impl Said {
    /// The English texts.
    pub fn words(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("words", &self.words())?;
        map.serialize_entry("sentences", &self.0)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_sentence_is_told_in_both_languages() {
        for (name, english, japanese) in Sentence::TEXTS {
            // The names and what somebody else wrote.
            if *english == *japanese {
                assert!(english.starts_with('{') && english.ends_with('}'), "{name}");
                continue;
            }
            assert!(english.is_ascii() && !english.is_empty(), "{name}: {english}");
            assert!(japanese.chars().any(|c| c > '\u{3000}'), "{name}: {japanese}");
        }
        let different: BTreeSet<_> = Sentence::TEXTS.iter().map(|(_, _, japanese)| japanese).collect();
        assert_eq!(different.len(), Sentence::TEXTS.len(), "no two sentences say the same");
    }

    /// What a text is filled in with.
    fn members(text: &str) -> BTreeSet<&str> {
        let parts = text.split('{').skip(1);
        parts
            .map(|part| part.split_once('}').expect("a closing brace").0)
            .collect()
    }

    #[test]
    fn both_texts_of_a_sentence_show_all_that_it_holds() {
        for (name, english, japanese) in Sentence::TEXTS {
            assert_eq!(members(english), members(japanese), "{name}");
        }
    }

    #[test]
    fn sentences_within_a_sentence_are_told_in_its_language() {
        let part = Sentence::PartTakes {
            what: Box::new(Sentence::GroupsStop),
            seconds: 30,
        };
        let whole = Sentence::ExpectedOutage {
            seconds: 30,
            parts: vec![part.clone(), part],
            bound: 900,
        };
        assert_eq!(
            whole.to_string(),
            "expected outage: about 30 s, an estimate (the groups stop 30 s, the groups stop 30 s); after 900 s it goes back to the old volumes"
        );
        let japanese = whole.said(Language::Japanese);
        assert!(
            japanese.contains("グループの停止 30 秒、グループの停止 30 秒"),
            "{japanese}"
        );
    }

    #[test]
    fn a_plan_carries_its_texts_and_what_they_are_made_of() {
        let said = Said(vec![Sentence::AllGroupsRun {
            active: "server1".to_owned(),
            standby: "server2".to_owned(),
        }]);
        let json = serde_json::to_value(&said).unwrap();
        assert_eq!(json["words"], serde_json::json!(said.words()));
        let read: Vec<Sentence> = serde_json::from_value(json["sentences"].clone()).unwrap();
        assert_eq!(read, said.0);
        assert_eq!(json["sentences"][0]["is"], "all-groups-run");
    }
}
