//! What `cluster check` says of the copies in another region: each finding, and how to mend it.

use crate::catalogue::{Language, Words};
use mirrorsnap_domain::copies::Region;
use mirrorsnap_domain::copies::check::{Finding, Verdict};
use serde_json::{Value, json};

/// What was found, in words.
fn found(finding: &Finding, language: Language) -> String {
    let words = |words: Words<'_>| words.said(language);
    match finding {
        Finding::RegionAnswers { region } => words(Words::CheckRegionAnswers {
            region: region.as_str(),
        }),
        Finding::RegionClosed { region, why } => words(Words::CheckRegionClosed {
            region: region.as_str(),
            why,
        }),
        Finding::KeyUsable { key } => words(Words::CheckKeyUsable { key }),
        Finding::KeyOfAws { key } => words(Words::CheckKeyOfAws { key }),
        Finding::KeyMissing { key } => words(Words::CheckKeyMissing { key }),
        Finding::KeyNotShown { key, why } => words(Words::CheckKeyNotShown { key, why }),
        Finding::KeyNotEnabled { key, state } => words(Words::CheckKeyNotEnabled { key, state }),
        Finding::KeyDenied { key, actions } => {
            let actions = &actions.join(", ");
            words(Words::CheckKeyDenied { key, actions })
        }
        Finding::KeyNotJudged { key, why } => words(Words::CheckKeyNotJudged { key, why }),
        Finding::Room { region, running, most } => words(Words::CheckRoom {
            region: region.as_str(),
            running: &running.to_string(),
            most: &most.to_string(),
        }),
        Finding::NoRoom { region, running, most } => words(Words::CheckNoRoom {
            region: region.as_str(),
            running: &running.to_string(),
            most: &most.to_string(),
        }),
        Finding::QuotaNotKnown { region, why } => words(Words::CheckQuotaNotKnown {
            region: region.as_str(),
            why,
        }),
    }
}

/// How to mend it; `None`: nothing is to be mended.
const fn mends(finding: &Finding) -> Option<Words<'static>> {
    match finding {
        Finding::RegionAnswers { .. } | Finding::KeyUsable { .. } | Finding::KeyOfAws { .. } | Finding::Room { .. } => {
            None
        }
        Finding::RegionClosed { .. } => Some(Words::MendRegionClosed),
        Finding::KeyMissing { .. } => Some(Words::MendKeyMissing),
        Finding::KeyNotShown { .. } => Some(Words::MendKeyNotShown),
        Finding::KeyNotEnabled { .. } => Some(Words::MendKeyNotEnabled),
        Finding::KeyDenied { .. } => Some(Words::MendKeyDenied),
        Finding::KeyNotJudged { .. } => Some(Words::MendKeyNotJudged),
        Finding::NoRoom { .. } => Some(Words::MendNoRoom),
        Finding::QuotaNotKnown { .. } => Some(Words::MendQuotaNotKnown),
    }
}

/// The worst that was found.
pub fn worst(findings: &[Finding]) -> Verdict {
    findings.iter().map(Finding::verdict).max().unwrap_or(Verdict::Good)
}

/// All of it.
pub fn text(region: &Region, findings: &[Finding], language: Language) -> String {
    let region = region.as_str();
    let head = match worst(findings) {
        Verdict::Good => Words::CopiesPossible { region },
        Verdict::Open => Words::CopiesMaybePossible { region },
        Verdict::Bad => Words::CopiesNotPossible { region },
    };
    let line = |one: &Finding| {
        let next = mends(one).map(|words| format!("\n  {}", words.said(language)));
        format!("{}{}", found(one, language), next.unwrap_or_default())
    };
    let lines = [head.said(language)].into_iter().chain(findings.iter().map(line));
    lines.collect::<Vec<_>>().join("\n")
}

/// The same as JSON, whatever the language.
pub fn document(region: &Region, findings: &[Finding]) -> Value {
    let one = |finding: &Finding| {
        let mut one = json!(finding);
        if let Some(members) = one.as_object_mut() {
            members.insert("verdict".to_owned(), json!(finding.verdict()));
            members.insert("found".to_owned(), json!(found(finding, Language::English)));
            let next = mends(finding).map(|words| words.said(Language::English));
            members.insert("next".to_owned(), json!(next));
        }
        one
    };
    let all: Vec<Value> = findings.iter().map(one).collect();
    json!({"region": region, "verdict": worst(findings), "findings": all})
}
