use super::*;
use crate::restore::tests::{T, planned, snapshot};
use crate::testing;
use serde_json::json;

#[test]
fn the_outage_is_the_sum_of_its_parts_and_says_that_it_is_an_estimate() {
    let plan = planned(
        r#""latest""#,
        vec![snapshot("snap-001", T, "md1", 1, true)],
        &testing::healthy(),
    )
    .unwrap();
    let sum: u32 = plan.outage.parts.iter().map(|one| one.seconds).sum();
    assert_eq!((plan.expected_outage_seconds, plan.outage.expected_seconds), (sum, sum));
    assert_eq!((plan.outage.bound_seconds, plan.outage.adds), (3600, true));
    assert_eq!(plan.outage.parts[0].phase, Phase::Quiesce);
    let words = plan.words.words().join("\n");
    assert!(words.contains(&format!("about {sum} s, an estimate")), "{words}");
    let json = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["expected_outage_seconds"], sum);
    let phases: Vec<_> = json["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["phase"].clone())
        .collect();
    let wanted = json!([
        "PrepareVolumes",
        "Quiesce",
        "StopBoth",
        "Detach",
        "Attach",
        "StartBoth",
        "CheckDevices",
        "PostProcess",
        "Verify"
    ]);
    assert_eq!(json!(phases), wanted);
    assert!(
        json["may_still_end"]
            .as_array()
            .unwrap()
            .contains(&json!({"phase": "Quiesce", "error": "GroupNotOnline",
        "when": "the groups have moved, started or stopped since the plan", "disturbed": false}))
    );
    // The words name each phase, each cost and each error too.
    for one in [
        "PrepareVolumes: ",
        "Verify: ",
        "0.14 USD",
        "0.75 USD",
        "DeviceMismatch",
        "a bill may differ",
    ] {
        assert!(words.contains(one), "{one} is not in\n{words}");
    }
}

#[test]
fn a_configured_bound_shortens_the_estimate_and_a_low_bound_is_pointed_out() {
    let mut json = testing::orders();
    json["max_outage_seconds"] = json!(30);
    json["max_restore_outage_seconds"] = json!(60);
    let config = Config::parse("orders", &json.to_string()).unwrap();
    let (short, usual) = (
        outage(&config, Service::Online, 2),
        outage(&testing::config(), Service::Online, 2),
    );
    // A third of 30 s for the start instead of 40, half for the stop instead of 30.
    assert_eq!(usual.expected_seconds - short.expected_seconds, 30 + 15);
    assert!(
        short.words()[1]
            .to_string()
            .contains("max_restore_outage_seconds is 60")
    );
    assert_eq!(usual.words().len(), 1);
    let down = outage(&testing::config(), Service::Down, 2);
    assert_eq!(usual.expected_seconds - down.expected_seconds, GROUP_STOP_SECONDS);
    assert!(down.words()[0].to_string().contains("no group is online"));
}
