//! A plan's sentences in the operator's language.

use crate::catalogue::Language;
use mirrorsnap_domain::sentence::Sentence;
use serde::Deserialize;
use serde_json::Value;

/// A plan as an output has it: its texts, and what they are made of. A stack of another version may lack that, or have sentences that are
/// not known here: then the text is shown.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Plan {
    plan: Vec<String>,
    sentences: Vec<Value>,
}

impl Plan {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.plan.is_empty()
    }

    /// Line by line.
    pub fn text(&self, language: Language) -> String {
        let known = |at: usize, text: &String| {
            let sentence = Sentence::deserialize(self.sentences.get(at)?).ok()?;
            // In both forms it is the same sentence.
            (sentence.to_string() == *text).then(|| sentence.said(language))
        };
        let lines = self.plan.iter().enumerate();
        let lines = lines.map(|(at, text)| known(at, text).unwrap_or_else(|| text.clone()));
        lines.collect::<Vec<_>>().join("\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::sentence::Said;
    use serde_json::json;

    fn plan(output: Value) -> Plan {
        serde_json::from_value(output).unwrap()
    }

    #[test]
    fn a_plan_is_told_in_the_operator_s_language() {
        let (active, standby) = ("server1".to_owned(), "server2".to_owned());
        let said = Said(vec![Sentence::AllGroupsRun { active, standby }, Sentence::NoRedundancy]);
        let plan = plan(json!({"plan": said.words(), "sentences": said.0, "dry_run": true}));
        assert_eq!(plan.text(Language::English), said.words().join("\n"));
        let japanese = plan.text(Language::Japanese);
        assert!(
            japanese.starts_with("すべてのグループが server1 で稼働しています。") && japanese.lines().count() == 2,
            "{japanese}"
        );
    }

    #[test]
    fn what_is_not_known_here_is_told_as_it_came() {
        let text = |output: Value| plan(output).text(Language::Japanese);
        assert_eq!(text(json!({"plan": ["One.", "Two."]})), "One.\nTwo.");
        let newer = json!([{"is": "of-a-later-version"}, {"is": "no-redundancy"}]);
        assert_eq!(
            text(json!({"plan": ["One.", "Two."], "sentences": newer})),
            "One.\nTwo."
        );
        assert!(Plan::default().is_empty());
    }
}
