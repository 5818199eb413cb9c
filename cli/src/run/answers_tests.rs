use super::*;
use std::cell::RefCell;

/// Answers what was prepared, and keeps what it was asked.
struct Person {
    answers: RefCell<Vec<&'static str>>,
    heard: RefCell<Vec<String>>,
}

impl Asked for Person {
    fn ask(&self, question: &str) -> Option<String> {
        self.heard.borrow_mut().push(question.to_owned());
        let mut answers = self.answers.borrow_mut();
        (!answers.is_empty()).then(|| answers.remove(0).to_owned())
    }

    fn language(&self) -> Language {
        Language::Japanese
    }
}

type Change = fn(&mut Decisions);

fn person(answers: &[&'static str]) -> Person {
    Person {
        answers: RefCell::new(answers.to_vec()),
        heard: RefCell::default(),
    }
}

fn all() -> Decisions {
    let text = |text: &str| Some(text.to_owned());
    Decisions {
        nodes: vec!["i-0aaa".to_owned(), "i-0ccc".to_owned()],
        tag: None,
        keep: text("3,2"),
        max_outage: text("60"),
        schedule: text("rate(1 day)"),
        time_zone: text("Asia/Tokyo"),
        objective: text("30"),
    }
}

#[test]
fn what_the_flags_say_is_not_asked() {
    let nobody = person(&[]);
    let found = answers(Some(&"orders".to_owned()), &all(), &nobody).unwrap();
    assert_eq!(nobody.heard.borrow().len(), 0);
    assert_eq!(
        found.instances,
        Instances::Ids(["i-0aaa", "i-0ccc"].map(|id| id.parse().unwrap()))
    );
    let wanted = json!({"retention": {"keep_last": 3, "daily": 2}, "max_outage_seconds": 60,
        "schedule": {"expression": "rate(1 day)", "time_zone": "Asia/Tokyo"}, "objective_hours": 30});
    assert_eq!(Value::Object(found.members), wanted);
}

#[test]
fn what_is_missing_is_asked_and_an_empty_answer_is_what_was_offered() {
    let somebody = person(&["orders", "Name=orders-*", "", "", "cron(0 3 * * ? *)", "Asia/Tokyo", ""]);
    let found = answers(None, &Decisions::default(), &somebody).unwrap();
    let (key, value) = ("Name".to_owned(), "orders-*".to_owned());
    assert_eq!(
        (found.name.as_str(), found.instances),
        ("orders", Instances::Tag { key, value })
    );
    let wanted = json!({"retention": {"keep_last": 7, "daily": 14, "weekly": 8, "monthly": 12}, "max_outage_seconds": 120,
        "schedule": {"expression": "cron(0 3 * * ? *)", "time_zone": "Asia/Tokyo"}, "objective_hours": 26});
    assert_eq!(Value::Object(found.members), wanted);
    let somebody = person(&["orders", "i-0aaa, i-0ccc", "", "", "", ""]);
    let found = answers(None, &Decisions::default(), &somebody).unwrap();
    assert_eq!(
        somebody.heard.borrow()[2],
        "残すバックアップの数（最新、日、週、月の順） [7,14,8,12]:"
    );
    assert!(matches!(found.instances, Instances::Ids(_)));
    assert!(!found.members.contains_key("schedule") && !found.members.contains_key("objective_hours"));
}

#[test]
fn without_a_terminal_each_missing_answer_is_refused_by_its_flag() {
    let without: [(&str, Change); 6] = [
        ("--node", |all| all.nodes.clear()),
        ("--keep", |all| all.keep = None),
        ("--max-outage", |all| all.max_outage = None),
        ("--schedule", |all| all.schedule = None),
        ("--time-zone", |all| all.time_zone = None),
        ("--objective", |all| all.objective = None),
    ];
    for (flag, take) in without {
        let mut given = all();
        take(&mut given);
        let refused = answers(Some(&"orders".to_owned()), &given, &person(&[])).unwrap_err();
        let Trouble::Usage(text) = refused else {
            panic!("{refused:?}")
        };
        assert!(text.contains("no terminal") && text.contains(flag), "{text}");
    }
    assert!(
        matches!(answers(None, &all(), &person(&[])), Err(Trouble::Usage(text)) if text.contains("the cluster's name"))
    );
}

#[test]
fn an_answer_that_cannot_be_one_is_refused() {
    let wrong: [Change; 9] = [
        |all| all.keep = Some("seven".to_owned()),
        |all| all.keep = Some("1,2,3,4,5".to_owned()),
        |all| all.max_outage = Some("2m".to_owned()),
        |all| all.objective = Some("-1".to_owned()),
        |all| all.schedule = Some("none".to_owned()),
        |all| all.nodes.truncate(1),
        |all| all.nodes = vec!["i-0aaa".to_owned(); 2],
        |all| all.nodes = vec!["server1".to_owned(), "server2".to_owned()],
        |all| all.tag = Some("orders".to_owned()),
    ];
    for (number, change) in wrong.into_iter().enumerate() {
        let mut given = all();
        change(&mut given);
        assert!(
            answers(Some(&"orders".to_owned()), &given, &person(&[])).is_err(),
            "case {number}"
        );
    }
    assert!(answers(Some(&"Or;ders".to_owned()), &all(), &person(&[])).is_err());
    let nothing = person(&["", ""]);
    assert!(matches!(answers(None, &all(), &nothing), Err(Trouble::Usage(text)) if text.contains("nothing was typed")));
}
