//! What a backup's dry run and the doctor in it found: the screens of `doctor` and `cluster check`, and their exit code.

use super::plan::Plan;
use crate::catalogue::{Language, Words};
use crate::exit::Exit;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The output of a backup's dry run, as far as it is shown.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct DryRun {
    #[serde(flatten)]
    plan: Plan,
    doctor: Doctor,
    /// The roles that use KMS keys, by function. A stack of an earlier version does not say.
    #[serde(default)]
    pub key_roles: BTreeMap<String, String>,
    /// What may be saved and sent, with pseudonyms.
    #[serde(default)]
    pub recording: Option<Value>,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
enum Doctor {
    Report {
        findings: Vec<Finding>,
        readings: Vec<Reading>,
    },
    Failed {
        error: String,
        cause: String,
    },
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Finding {
    belief: String,
    node: String,
    verdict: Verdict,
    why: String,
    #[serde(default)]
    change: Option<String>,
    harm: Harm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Verdict {
    Confirmed,
    Refuted,
    NotShown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Harm {
    EndsInOutage,
    RefusedBefore,
    Words,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
struct Reading {
    node: String,
    entry: String,
    understood: Result<String, String>,
}

impl DryRun {
    /// From the output of the execution; `None`: it is none of a backup's dry run.
    pub fn read(output: &Value) -> Option<Self> {
        Self::deserialize(output).ok()
    }

    /// 1 if something was refuted that ends an operation, or the doctor failed.
    pub fn exit(&self) -> Exit {
        let is_bad = match &self.doctor {
            Doctor::Failed { .. } => true,
            Doctor::Report { findings, .. } => findings
                .iter()
                .any(|one| one.verdict == Verdict::Refuted && one.harm != Harm::Words),
        };
        if is_bad { Exit::Refused } else { Exit::Done }
    }

    /// The doctor's report.
    pub fn report(&self, language: Language) -> String {
        let (findings, readings) = match &self.doctor {
            Doctor::Failed { error, cause } => return Words::DoctorFailed { error, cause }.said(language),
            Doctor::Report { findings, readings } => (findings, readings),
        };
        let of = |verdict| findings.iter().filter(move |one| one.verdict == verdict);
        let count = |verdict| of(verdict).count().to_string();
        let counts = Words::DoctorCounts {
            confirmed: &count(Verdict::Confirmed),
            refuted: &count(Verdict::Refuted),
            open: &count(Verdict::NotShown),
        };
        let mut lines = vec![counts.said(language)];
        lines.extend(of(Verdict::Refuted).map(|one| refuted(one, language)));
        lines.extend(readings.iter().filter_map(|one| {
            let why = one.understood.as_ref().err()?;
            let (node, command) = (&one.node, &one.entry);
            Some(Words::DoctorUnread { node, command, why }.said(language))
        }));
        lines.join("\n")
    }

    /// The plan, which says that every precondition is met, and the doctor's report.
    pub fn check(&self, language: Language) -> String {
        format!(
            "{}\n{}\n\n{}",
            Words::BackupPossible.said(language),
            self.plan.text(language),
            self.report(language)
        )
    }
}

fn refuted(finding: &Finding, language: Language) -> String {
    let (node, belief, why) = (&finding.node, &finding.belief, &finding.why);
    let words = match finding.harm {
        Harm::EndsInOutage => Words::RefutedInOutage { node, belief, why },
        Harm::RefusedBefore => Words::RefutedBefore { node, belief, why },
        Harm::Words => Words::RefutedWords { node, belief, why },
    };
    let change = finding
        .change
        .as_ref()
        .map_or_else(String::new, |change| format!("\n  {change}"));
    words.said(language) + &change
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn dry(verdict: &str, harm: &str) -> DryRun {
        let finding = json!({"belief": "clp-long-names", "node": "server1", "verdict": verdict, "why": "a name is cut",
            "change": "shorten it", "harm": harm});
        let unread = json!({"node": "server2", "entry": "clpstat", "parser": "stat", "understood": {"Err": "no table"}, "lines": []});
        DryRun::read(&json!({"plan": ["First this."], "recording": {"recording": 1},
            "doctor": {"findings": [finding], "readings": [unread], "likely_lines": 0, "lines": 9}}))
        .unwrap()
    }

    #[test]
    fn what_is_refuted_is_told_with_its_harm_and_what_to_change() {
        let found = dry("refuted", "ends-in-outage");
        let text = found.check(Language::English);
        for part in [
            "A backup is possible:\nFirst this.",
            "0 beliefs are confirmed, 1 refuted, 0 not shown",
            "server1: clp-long-names is refuted: a name is cut; it would end an operation DURING THE OUTAGE\n  shorten it",
            "server2: the output of clpstat cannot be read: no table",
        ] {
            assert!(text.contains(part), "{part}\n\n{text}");
        }
        assert_eq!(found.exit(), Exit::Refused);
    }

    #[test]
    fn words_and_what_is_confirmed_refuse_nothing() {
        assert_eq!(dry("refuted", "words").exit(), Exit::Done);
        assert_eq!(dry("refuted", "refused-before").exit(), Exit::Refused);
        assert_eq!(dry("confirmed", "ends-in-outage").exit(), Exit::Done);
        assert_eq!(dry("not-shown", "ends-in-outage").exit(), Exit::Done);
    }

    #[test]
    fn a_doctor_that_failed_is_told() {
        let found =
            DryRun::read(&json!({"plan": [], "doctor": {"error": "NodeUnreachable", "cause": "server1 is off."}}))
                .unwrap();
        assert_eq!((found.exit(), found.recording.clone()), (Exit::Refused, None));
        assert_eq!(
            found.report(Language::English),
            "the doctor failed: NodeUnreachable: server1 is off."
        );
        assert_eq!(DryRun::read(&json!({"plan": []})), None);
    }
}
