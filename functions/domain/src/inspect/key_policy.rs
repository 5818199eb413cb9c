//! Whether a KMS key's policy lets a role of ours do what EC2 does with the key in the role's name.
//!
//! IAM's simulator does not judge policies of resources for roles, and EC2's own dry runs do not ask KMS. So this reads the policy, as far
//! as it is sure of each statement; of everything else it says that it does not know.

use serde_json::Value;

/// What the policy says of one role and one action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// Nothing in it allows the action, or something denies it.
    Denied,
    /// A statement has a condition or a principal that is not judged here.
    Unknown,
    /// The action is allowed, as far as the policy goes.
    Allowed,
}

use Verdict::{Allowed, Denied, Unknown};

/// Who asks, for what, of which key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Question<'a> {
    /// The role's ARN.
    pub(super) role: &'a str,
    /// Such as `kms:CreateGrant`.
    pub(super) action: &'a str,
    /// The key's ARN.
    pub(super) key: &'a str,
}

impl Question<'_> {
    fn part(arn: &str, at: usize) -> &str {
        arn.split(':').nth(at).unwrap_or_default()
    }

    fn account(&self) -> &str {
        Self::part(self.role, 4)
    }

    /// The value of a condition key in such a request; `None`: not known here.
    fn value(&self, name: &str) -> Option<String> {
        let suffix = if Self::part(self.key, 1) == "aws-cn" { ".cn" } else { "" };
        match name.to_ascii_lowercase().as_str() {
            "kms:viaservice" => Some(format!("ec2.{}.amazonaws.com{suffix}", Self::part(self.key, 3))),
            "kms:grantisforawsresource" if self.action == "kms:CreateGrant" => Some("true".to_owned()),
            "kms:calleraccount" | "aws:principalaccount" => Some(self.account().to_owned()),
            "aws:principalarn" => Some(self.role.to_owned()),
            _ => None,
        }
    }

    fn is_principal(&self, principal: &str) -> Verdict {
        let root = format!("arn:{}:iam::{}:root", Self::part(self.role, 1), self.account());
        if principal == "*" || principal == self.role || principal == root || principal == self.account() {
            return Allowed;
        }
        // The unique id of a role or user, or something newer than this.
        let other =
            principal.starts_with("arn:") || (principal.len() == 12 && principal.bytes().all(|b| b.is_ascii_digit()));
        if other { Denied } else { Unknown }
    }

    fn principals(&self, statement: &Value) -> Verdict {
        match statement.get("Principal") {
            Some(Value::String(one)) => self.is_principal(one),
            Some(Value::Object(kinds)) => best(texts(kinds.get("AWS")).map(|one| self.is_principal(one))),
            _ => Unknown,
        }
    }

    fn condition(&self, operator: &str, name: &str, wanted: &Value) -> Verdict {
        let Some(value) = self.value(name) else { return Unknown };
        let operator = operator.strip_suffix("IfExists").unwrap_or(operator);
        let fits = |wanted: &str| match operator {
            "StringEquals" => wanted == value,
            "StringEqualsIgnoreCase" | "Bool" => wanted.eq_ignore_ascii_case(&value),
            _ => glob(wanted, &value),
        };
        match operator {
            "StringEquals" | "StringEqualsIgnoreCase" | "StringLike" | "Bool" | "ArnEquals" | "ArnLike" => {
                let flag = wanted.as_bool().map(|flag| flag.to_string());
                let met = texts(Some(wanted)).any(fits) || flag.as_deref().is_some_and(fits);
                if met { Allowed } else { Denied }
            }
            _ => Unknown,
        }
    }

    fn conditions(&self, statement: &Value) -> Verdict {
        let operators = match statement.get("Condition") {
            None => return Allowed,
            Some(Value::Object(operators)) => operators,
            Some(_) => return Unknown,
        };
        let mut all = Allowed;
        for (operator, keys) in operators {
            let Some(keys) = keys.as_object() else { return Unknown };
            for (name, wanted) in keys {
                all = all.min(self.condition(operator, name, wanted));
            }
        }
        all
    }

    /// Whether a statement is about this question: `Allowed` for yes, `Denied` for no.
    fn concerns(&self, statement: &Value) -> Verdict {
        let named = |name: &str, of: &str| match (statement.get(name), statement.get(format!("Not{name}"))) {
            (Some(some), None) if texts(Some(some)).any(|one| glob(&one.to_lowercase(), &of.to_lowercase())) => Allowed,
            (Some(_), None) => Denied,
            _ => Unknown,
        };
        named("Action", self.action)
            .min(named("Resource", self.key))
            .min(self.principals(statement))
            .min(self.conditions(statement))
    }

    /// What a key's policy says.
    pub(super) fn ask(&self, policy: &str) -> Verdict {
        let Ok(policy) = serde_json::from_str::<Value>(policy) else {
            return Unknown;
        };
        let statements = match policy.get("Statement") {
            Some(Value::Array(all)) => all.as_slice(),
            Some(one) => std::slice::from_ref(one),
            None => return Denied,
        };
        let of = |effect: &str| {
            let some = statements
                .iter()
                .filter(move |one| one.get("Effect").and_then(Value::as_str) == Some(effect));
            best(some.map(|one| self.concerns(one)))
        };
        match (of("Deny"), of("Allow")) {
            (Allowed, _) | (_, Denied) => Denied,
            (Unknown, _) | (_, Unknown) => Unknown,
            (Denied, Allowed) => Allowed,
        }
    }
}

fn best(all: impl Iterator<Item = Verdict>) -> Verdict {
    all.max().unwrap_or(Denied)
}

fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let all = match value {
        Some(Value::Array(all)) => all.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    all.iter().filter_map(Value::as_str)
}

/// `*` stands for any text, `?` for one character.
fn glob(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else {
        return text.is_empty();
    };
    let rest = pattern.get(first.len_utf8()..).unwrap_or_default();
    if first == '*' {
        let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
        return ends.filter_map(|at| text.get(at..)).any(|text| glob(rest, text));
    }
    let mut chars = text.chars();
    chars.next().is_some_and(|one| first == '?' || first == one) && glob(rest, chars.as_str())
}

#[cfg(test)]
#[path = "key_policy_tests.rs"]
mod tests;
