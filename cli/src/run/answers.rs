//! What of a cluster a person decides: given by flags, or asked on the terminal. Without one, what is missing is refused by its flag.

use crate::args::Decisions;
use crate::catalogue::{Language, Words};
use crate::exit::Trouble;
use crate::out::Out;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::{Error, Kind};
use mirrorsnap_domain::names;
use serde_json::{Map, Value, json};

/// Somebody who answers questions.
pub trait Asked {
    /// The answer without blanks around it; `None`: there is nobody to ask.
    fn ask(&self, question: &str) -> Option<String>;

    /// The language that they are asked in.
    fn language(&self) -> Language;
}

impl Asked for Out {
    fn ask(&self, question: &str) -> Option<String> {
        Self::ask(self, question)
    }

    fn language(&self) -> Language {
        Self::language(self)
    }
}

/// How the two instances are named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instances {
    /// By their ids.
    Ids([InstanceId; 2]),
    /// By a tag that both have.
    Tag {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
}

/// All that a person decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Answers {
    /// The cluster's name.
    pub name: String,
    /// Its instances.
    pub instances: Instances,
    /// The members of the cluster's JSON that follow.
    pub members: Map<String, Value>,
}

/// The word for what is left out.
const NONE: &str = "none";

/// A question, the flag that answers it, and what an empty answer means.
struct Question<'a> {
    text: Words<'a>,
    flag: &'a str,
    otherwise: Option<&'a str>,
}

impl Question<'_> {
    fn answered(&self, given: Option<&String>, asked: &impl Asked) -> Result<String, Trouble> {
        if let Some(given) = given {
            return Ok(given.clone());
        }
        let shown = self
            .otherwise
            .map_or_else(String::new, |otherwise| format!(" [{otherwise}]"));
        let typed = asked
            .ask(&format!("{}{shown}:", self.text.said(asked.language())))
            .ok_or_else(|| Trouble::Usage(format!("there is no terminal to ask on: add {}", self.flag)))?;
        match (typed.is_empty(), self.otherwise) {
            (true, Some(otherwise)) => Ok(otherwise.to_owned()),
            (true, None) => Err(Trouble::Usage(format!("nothing was typed: add {}", self.flag))),
            (false, _) => Ok(typed),
        }
    }
}

fn number(text: &str, flag: &str) -> Result<u32, Trouble> {
    let wrong = |_| Trouble::Usage(format!("{text:?} is no number: {flag}"));
    text.trim().parse().map_err(wrong)
}

/// Asks for what the flags leave open. Errors: a wrong command line; `InputInvalid`.
pub fn answers(cluster: Option<&String>, given: &Decisions, asked: &impl Asked) -> Result<Answers, Trouble> {
    let question = |text, flag, otherwise| Question { text, flag, otherwise };
    let name = question(Words::AskName, "the cluster's name", None);
    let name = name.answered(cluster, asked)?;
    names::cluster(&name)?;
    let instances = instances(given, asked)?;
    let keep = question(Words::AskKeep, "--keep", Some("7,14,8,12"));
    let mut members = Map::new();
    members.insert(
        "retention".to_owned(),
        retention(&keep.answered(given.keep.as_ref(), asked)?)?,
    );
    let outage = question(Words::AskMostOutage, "--max-outage", Some("120"));
    let outage = number(&outage.answered(given.max_outage.as_ref(), asked)?, "--max-outage")?;
    members.insert("max_outage_seconds".to_owned(), json!(outage));
    let schedule = question(Words::AskSchedule, "--schedule", Some(NONE));
    let expression = schedule.answered(given.schedule.as_ref(), asked)?;
    if expression != NONE {
        let zone = question(Words::AskTimeZone, "--time-zone", Some("UTC"));
        let zone = zone.answered(given.time_zone.as_ref(), asked)?;
        members.insert(
            "schedule".to_owned(),
            json!({"expression": expression, "time_zone": zone}),
        );
    } else if given.time_zone.is_some() {
        return Err(Trouble::Usage("--time-zone is that of a --schedule".to_owned()));
    }
    let objective = question(
        Words::AskObjective,
        "--objective",
        Some(if expression == NONE { NONE } else { "26" }),
    );
    let objective = objective.answered(given.objective.as_ref(), asked)?;
    if objective != NONE {
        members.insert("objective_hours".to_owned(), json!(number(&objective, "--objective")?));
    }
    Ok(Answers {
        name,
        instances,
        members,
    })
}

fn instances(given: &Decisions, asked: &impl Asked) -> Result<Instances, Trouble> {
    if let Some(tag) = &given.tag {
        return by_tag(tag);
    }
    if !given.nodes.is_empty() {
        let nodes: Vec<&str> = given.nodes.iter().map(String::as_str).collect();
        return by_ids(&nodes);
    }
    let question = Question {
        text: Words::AskInstances,
        flag: "--node twice, or --tag",
        otherwise: None,
    };
    let typed = question.answered(None, asked)?;
    if typed.contains('=') {
        return by_tag(&typed);
    }
    let words: Vec<&str> = typed.split([' ', ',']).filter(|word| !word.is_empty()).collect();
    by_ids(&words)
}

fn by_tag(tag: &str) -> Result<Instances, Trouble> {
    let (key, value) = tag
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| Trouble::Usage(format!("{tag:?} is no tag: --tag KEY=VALUE")))?;
    Ok(Instances::Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    })
}

fn by_ids(ids: &[&str]) -> Result<Instances, Trouble> {
    let [one, other] = ids else {
        let found = format!("{} instances are named, and a cluster has two: --node twice", ids.len());
        return Err(Trouble::Usage(found));
    };
    let id = |text: &str| {
        let wrong = |_| {
            Error::new(
                Kind::InputInvalid,
                format!("{text:?} is no instance's id"),
                "name one, such as i-0123456789abcdef0",
            )
        };
        text.parse::<InstanceId>().map_err(wrong)
    };
    let (one, other) = (id(one)?, id(other)?);
    if one == other {
        return Err(Trouble::Usage(format!(
            "{one} is named twice, and a cluster has two instances"
        )));
    }
    Ok(Instances::Ids([one, other]))
}

fn retention(text: &str) -> Result<Value, Trouble> {
    let keys = ["keep_last", "daily", "weekly", "monthly"];
    let numbers: Vec<u32> = text
        .split(',')
        .map(|each| number(each, "--keep"))
        .collect::<Result<_, _>>()?;
    if numbers.len() > keys.len() {
        return Err(Trouble::Usage(format!("{text:?} has more than four numbers: --keep")));
    }
    Ok(keys
        .into_iter()
        .zip(numbers)
        .map(|(key, count)| (key.to_owned(), json!(count)))
        .collect())
}

#[cfg(test)]
#[path = "answers_tests.rs"]
mod tests;
