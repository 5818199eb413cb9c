//! The catalogue of errors and screens (docs/catalogue.json) in the operator's language. An error's own cause is English, and says in
//! English what the catalogue adds; so only another language is looked up.

mod words;

pub use mirrorsnap_domain::sentence::Language;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::OnceLock;
pub use words::Words;

const TEXT: &str = include_str!("../../docs/catalogue.json");

#[derive(Debug, Deserialize)]
struct Catalogue {
    risks: BTreeMap<String, Texts<String>>,
    errors: BTreeMap<String, Entry>,
    screens: BTreeMap<String, Both>,
}

#[derive(Debug, Clone, Deserialize)]
struct Both {
    en: String,
    ja: String,
}

#[derive(Debug, Deserialize)]
struct Texts<T> {
    ja: T,
}

#[derive(Debug, Deserialize)]
struct Entry {
    cluster: String,
    #[serde(flatten)]
    texts: Texts<Said>,
}

#[derive(Debug, Deserialize)]
struct Said {
    means: String,
    next: String,
}

/// `None`: it cannot be read, which a test rules out.
fn read() -> Option<&'static Catalogue> {
    static READ: OnceLock<Option<Catalogue>> = OnceLock::new();
    READ.get_or_init(|| serde_json::from_str(TEXT).ok()).as_ref()
}

/// The catalogue where something is looked up in it: an English cause says it itself.
fn translated(language: Language) -> Option<&'static Catalogue> {
    match language {
        Language::English => None,
        Language::Japanese => read(),
    }
}

/// What an error means, what is at risk, and what to do next; `None`: the cause says it, or there is no such error.
pub fn error(language: Language, name: &str) -> Option<String> {
    let catalogue = translated(language)?;
    let entry = catalogue.errors.get(name)?;
    let Said { means, next } = &entry.texts.ja;
    let risk = &catalogue.risks.get(&entry.cluster)?.ja;
    Some(format!("{means}{risk}\n次に行うこと: {}", plain(next)))
}

/// Links of a page as a terminal can show them: `[text](page)` becomes `text (docs/page)`.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        let Some((name, (page, after))) = link
            .split_once("](")
            .and_then(|(name, behind)| Some((name, behind.split_once(')')?)))
        else {
            break;
        };
        shown.extend([before, name, " (docs/", page, ")"]);
        rest = after;
    }
    shown + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::error::Kind;

    fn by(set: &[(&str, &str)]) -> Language {
        let set: BTreeMap<&str, &str> = set.iter().copied().collect();
        Language::of(|name| set.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn the_first_variable_that_is_set_decides() {
        assert_eq!(by(&[]), Language::English);
        assert_eq!(by(&[("LANG", "ja_JP.UTF-8")]), Language::Japanese);
        assert_eq!(by(&[("LANG", "ja_JP.UTF-8"), ("LC_ALL", "C")]), Language::English);
        assert_eq!(by(&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "ja")]), Language::Japanese);
        assert_eq!(
            by(&[("LC_ALL", ""), ("LC_MESSAGES", "ja_JP"), ("LANG", "C")]),
            Language::Japanese
        );
    }

    #[test]
    fn every_error_has_a_japanese_text_and_english_needs_none() {
        for kind in Kind::ALL {
            let said = error(Language::Japanese, kind.name()).unwrap();
            assert!(said.contains("\n次に行うこと: "), "{said}");
            assert!(!said.contains("]("), "{said}");
            assert_eq!(error(Language::English, kind.name()), None);
        }
        assert_eq!(error(Language::Japanese, "Nothing"), None);
    }

    #[test]
    fn links_name_their_page() {
        assert_eq!(
            plain("see [Stuck](operations.md#stuck)."),
            "see Stuck (docs/operations.md#stuck)."
        );
        assert_eq!(plain("a [list] and no link"), "a [list] and no link");
    }
}
