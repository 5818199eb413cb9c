use super::*;
use proptest::prelude::*;
use serde_json::json;

fn target() -> Target {
    Target {
        machine: "arn:machine".to_owned(),
        role: "arn:role".to_owned(),
        dead_letters: "arn:queue".to_owned(),
    }
}

fn config(cluster: &str, schedule: Option<&str>) -> Result<Config> {
    let mut json = crate::testing::orders();
    json["name"] = json!(cluster);
    if let Some(expression) = schedule {
        json["schedule"] = json!({"expression": expression, "time_zone": "Asia/Tokyo", "flexible_minutes": 15});
    }
    Config::parse(cluster, &json.to_string())
}

fn clusters(of: &[(&str, Option<&str>)]) -> BTreeMap<String, Result<Config>> {
    of.iter()
        .map(|(name, schedule)| ((*name).to_owned(), config(name, *schedule)))
        .collect()
}

/// What the group has after the changes.
fn carried_out(plan: &Plan, mut found: BTreeMap<String, Found>) -> BTreeMap<String, Found> {
    for (name, change) in &plan.changes {
        let (entry, enabled) = match change.clone() {
            Change::Create(entry) => (entry, Enabled::Yes),
            Change::Update(entry, enabled) => (entry, enabled),
            Change::Delete => {
                found.remove(name);
                continue;
            }
        };
        let description = entry.description.clone();
        let entry = Some(entry);
        found.insert(
            name.clone(),
            Found {
                entry,
                description,
                enabled,
            },
        );
    }
    found
}

fn foreign() -> Found {
    Found {
        entry: None,
        description: "Somebody's".to_owned(),
        enabled: Enabled::Yes,
    }
}

#[test]
fn a_cluster_that_has_none_gets_its_schedule() {
    let wanted = clusters(&[("orders", Some("cron(0 3 * * ? *)")), ("plain", None)]);
    let plan = plan(&wanted, &BTreeMap::new(), &target());
    let Some(Change::Create(entry)) = plan.changes.get("orders") else {
        panic!("{plan:?}")
    };
    assert_eq!(plan.changes.len(), 1);
    assert_eq!(
        entry.input,
        r#"{"cluster": "orders", "occurrence": "<aws.scheduler.scheduled-time>"}"#
    );
    assert_eq!(
        entry.description,
        "mirrorsnap: backs up cluster orders as its parameter says"
    );
    assert_eq!(
        (entry.schedule.time_zone.as_str(), entry.schedule.flexible_minutes),
        ("Asia/Tokyo", 15)
    );
}

#[test]
fn a_schedule_that_is_equal_is_left_alone_and_one_that_is_not_is_updated_as_it_is_enabled() {
    let wanted = clusters(&[("orders", Some("cron(0 3 * * ? *)"))]);
    let first = plan(&wanted, &BTreeMap::new(), &target());
    let mut there = carried_out(&first, BTreeMap::new());
    assert_eq!(plan(&wanted, &there, &target()), Plan::default());
    there.get_mut("orders").unwrap().enabled = Enabled::No;
    assert_eq!(plan(&wanted, &there, &target()), Plan::default());
    let later = clusters(&[("orders", Some("rate(12 hours)"))]);
    let changed = plan(&later, &there, &target());
    assert!(
        matches!(changed.changes.get("orders"), Some(Change::Update(_, Enabled::No))),
        "{changed:?}"
    );
    there.get_mut("orders").unwrap().entry = None;
    assert!(matches!(
        plan(&wanted, &there, &target()).changes.get("orders"),
        Some(Change::Update(..))
    ));
}

#[test]
fn the_schedule_of_a_cluster_that_is_gone_or_wants_none_is_deleted() {
    let there = carried_out(
        &plan(
            &clusters(&[("gone", Some("rate(1 day)")), ("orders", Some("rate(1 day)"))]),
            &BTreeMap::new(),
            &target(),
        ),
        BTreeMap::new(),
    );
    let plan = plan(&clusters(&[("orders", None)]), &there, &target());
    let deleted: Vec<_> = plan
        .changes
        .iter()
        .map(|(name, change)| (name.as_str(), change.clone()))
        .collect();
    assert_eq!(deleted, [("gone", Change::Delete), ("orders", Change::Delete)]);
}

#[test]
fn a_configuration_that_cannot_be_read_keeps_its_schedule() {
    let mut of = clusters(&[("orders", Some("rate(1 day)"))]);
    let there = carried_out(&plan(&of, &BTreeMap::new(), &target()), BTreeMap::new());
    of.insert("orders".to_owned(), Config::parse("orders", "{}"));
    assert!(of["orders"].is_err());
    assert_eq!(plan(&of, &there, &target()), Plan::default());
}

#[test]
fn a_foreign_schedule_is_named_and_never_touched() {
    let there = BTreeMap::from([("orders".to_owned(), foreign()), ("other".to_owned(), foreign())]);
    let plan = plan(&clusters(&[("orders", Some("rate(1 day)"))]), &there, &target());
    assert_eq!(plan.changes, BTreeMap::new());
    assert_eq!(plan.taken, BTreeSet::from(["orders".to_owned()]));
}

#[test]
fn what_no_schedule_can_be_is_refused() {
    let schedule = |expression: &str, zone: &str, flexible| Schedule {
        expression: expression.to_owned(),
        time_zone: zone.to_owned(),
        flexible_minutes: flexible,
    };
    for good in [
        "cron(0 3 * * ? *)",
        "cron(0/15 8-18 ? * MON-FRI *)",
        "rate(1 hour)",
        "rate(15 minutes)",
    ] {
        assert_eq!(schedule(good, "UTC", 0).validate(), Ok(()), "{good}");
    }
    for bad in [
        "",
        "cron(0 3 * * ?)",
        "cron(0 3 * * ? *) ",
        "cron(0 3 * * \" *)",
        "rate(0 hours)",
        "rate(-1 hours)",
        "rate(1 week)",
        "rate(1)",
        "at(2026-11-27T03:00:00)",
        "every night",
    ] {
        let refused = schedule(bad, "UTC", 0).validate().unwrap_err();
        assert_eq!(refused.kind(), Kind::ConfigInvalid, "{bad}");
    }
    assert!(
        schedule(&format!("cron({} 3 * * ? *)", "1,".repeat(200)), "UTC", 0)
            .validate()
            .is_err()
    );
    for zone in ["", "Asia/Tokyo\n", "Asia Tokyo"] {
        assert!(schedule("rate(1 day)", zone, 0).validate().is_err(), "{zone}");
    }
    assert_eq!(schedule("rate(1 day)", "UTC", 1440).validate(), Ok(()));
    assert!(schedule("rate(1 day)", "UTC", 1441).validate().is_err());
}

#[test]
fn a_configuration_with_a_schedule_that_cannot_be_is_refused() {
    assert_eq!(
        config("orders", Some("every night")).unwrap_err().kind(),
        Kind::ConfigInvalid
    );
}

fn some_found() -> impl Strategy<Value = Found> {
    let entry = ("rate\\([1-9] hours\\)", "arn:(machine|other)").prop_map(|(expression, machine)| {
        let mut target = target();
        target.machine = machine;
        let schedule = Schedule {
            expression,
            time_zone: "UTC".to_owned(),
            flexible_minutes: 0,
        };
        Entry::new("orders", &schedule, &target)
    });
    (proptest::option::of(entry), prop::bool::ANY, prop::bool::ANY).prop_map(|(entry, ours, on)| Found {
        entry,
        description: if ours {
            format!("{OURS}x says")
        } else {
            "Somebody's".to_owned()
        },
        enabled: if on { Enabled::Yes } else { Enabled::No },
    })
}

proptest! {
    #[test]
    fn one_pass_makes_the_group_equal_and_keeps_what_is_foreign(
        wanted in prop::collection::btree_map("[a-e]", proptest::option::of("rate\\([1-9] hours\\)"), 0..5),
        there in prop::collection::btree_map("[a-e]", some_found(), 0..5),
    ) {
        let of: BTreeMap<_, _> = wanted.iter().map(|(name, one)| (name.clone(), config(name, one.as_deref()))).collect();
        prop_assert!(of.values().all(std::result::Result::is_ok));
        let first = plan(&of, &there, &target());
        let after = carried_out(&first, there.clone());
        let second = plan(&of, &after, &target());
        prop_assert_eq!(&second.changes, &BTreeMap::new());
        prop_assert_eq!(&second.taken, &first.taken);
        for (name, one) in there.iter().filter(|(_, one)| !one.description.starts_with(OURS)) {
            prop_assert_eq!(after.get(name), Some(one));
        }
        for (name, expression) in &wanted {
            let is_there = after.get(name).is_some_and(|one| one.description.starts_with(OURS));
            prop_assert_eq!(is_there, expression.is_some() && !first.taken.contains(name));
        }
    }
}
