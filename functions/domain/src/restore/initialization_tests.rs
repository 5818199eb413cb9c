use super::*;
use crate::catalogue;
use crate::restore::tests::{T, id, present, snapshot};
use crate::restore::{Facts, plan, volumes};
use crate::testing;
use proptest::prelude::*;

/// The seed's two volumes, of that size; in two zones, or in one.
fn sized(gib: i32, zones: [&str; 2]) -> Vec<NewVolume> {
    let found = catalogue::backups("orders", vec![snapshot("snap-001", T, "md1", 1, true)]);
    let planned = volumes::plan(&testing::config(), &id(), &found[0], &testing::healthy(), &present()).unwrap();
    let shaped = |(one, zone): (NewVolume, &str)| NewVolume {
        gib,
        snapshot_gib: gib,
        zone: zone.to_owned(),
        ..one
    };
    planned.into_iter().zip(zones).map(shaped).collect()
}

const TWO: [&str; 2] = ["zone-a", "zone-c"];
const ONE: [&str; 2] = ["zone-a", "zone-a"];

fn chosen(
    asked: Initialization,
    volumes: &[NewVolume],
    on: &[(SnapshotId, String)],
    quotas: &Quotas,
    down: bool,
) -> Choice {
    choose(asked, volumes, Known { on, quotas, down }).unwrap()
}

fn auto(gib: i32, zones: [&str; 2]) -> Choice {
    chosen(Initialization::Auto, &sized(gib, zones), &[], &Quotas::default(), false)
}

#[test]
fn auto_chooses_by_size_and_cost_and_says_both_costs() {
    assert_eq!(auto(1, TWO).initialization, Initialization::None);
    let small = auto(20, TWO);
    assert_eq!(small.initialization, Initialization::Rate);
    // 2 × 20 GiB × 300 MiB/s × 0.000012, against two pairs for an hour at least.
    assert_eq!(
        (small.cost_usd, small.rate.cost_usd, small.fsr.cost_usd),
        (0.14, 0.14, 1.5)
    );
    assert_eq!((small.wait_seconds, small.give_up_seconds), (0, 0));
    let large = auto(1000, TWO);
    assert_eq!(large.initialization, Initialization::Fsr);
    // An hour a TiB until it is enabled, and another one for the first credit of a snapshot of that size.
    assert_eq!(large.fsr.wait_seconds, 1000 * 3600 / 1024 * 2 + 1);
    assert_eq!((large.cost_usd, large.rate.cost_usd), (2.93, 7.2));
    assert_eq!(large.give_up_seconds, 2 * large.wait_seconds + 600);
    assert!(
        large.why.to_string().contains("2.93 USD") && large.why.to_string().contains("7.20 USD"),
        "{}",
        large.why.to_string()
    );
}

#[test]
fn auto_does_not_wait_while_the_service_is_down_unless_it_is_on_already() {
    let volumes = sized(1000, TWO);
    let quotas = Quotas::default();
    let down = chosen(Initialization::Auto, &volumes, &[], &quotas, true);
    assert_eq!(down.initialization, Initialization::Rate);
    assert!(
        down.why.to_string().contains("no group is online"),
        "{}",
        down.why.to_string()
    );
    let on: Vec<_> = TWO.iter().map(|zone| ("snap-001".into(), (*zone).to_owned())).collect();
    let paid = chosen(Initialization::Auto, &volumes, &on, &quotas, true);
    assert_eq!((paid.initialization, paid.cost_usd), (Initialization::Fsr, 0.0));
}

#[test]
fn credits_follow_the_snapshot_and_one_is_taken_by_each_volume() {
    let pair = |gib, volumes| Pair {
        snapshot: "snap-001".into(),
        zone: "z".into(),
        gib,
        volumes,
    };
    assert_eq!(pair(1, 1).credits_seconds(), 360);
    assert_eq!(pair(1, 2).credits_seconds(), 720);
    assert_eq!(pair(1024, 1).credits_seconds(), 3600);
    // It holds one credit, however long it fills: the second volume in that zone will not be fast.
    assert_eq!(pair(600, 2).credits_seconds(), 600 * 3600 / 1024);
    assert!(pair(1, 10).serves_all() && !pair(1, 11).serves_all());
    assert!(pair(512, 2).serves_all() && !pair(513, 2).serves_all() && !pair(16_385, 1).serves_all());
    assert_eq!(pairs(&sized(20, TWO)).len(), 2);
    assert_eq!(pairs(&sized(20, ONE))[0].volumes, 2);
    let both = auto(1000, ONE);
    assert_eq!(both.initialization, Initialization::Rate);
    let asked = chosen(Initialization::Fsr, &sized(1000, ONE), &[], &Quotas::default(), false);
    assert!(
        asked.why.to_string().contains("not every volume will be fast"),
        "{}",
        asked.why.to_string()
    );
}

#[test]
fn a_full_quota_of_fast_restores() {
    let volumes = sized(1000, TWO);
    let others = |count: u32| {
        (0..count)
            .map(|n| format!("snap-0e{n:03}").into())
            .collect::<BTreeSet<_>>()
    };
    let quotas = |count, fast_limit| Quotas {
        fast: others(count),
        fast_limit,
        ..Quotas::default()
    };
    let auto = |quotas: &Quotas| chosen(Initialization::Auto, &volumes, &[], quotas, false);
    assert_eq!(auto(&quotas(4, Some(5))).initialization, Initialization::Fsr);
    let full = auto(&quotas(5, Some(5)));
    assert_eq!(full.initialization, Initialization::Rate);
    assert!(
        full.why.to_string().contains("6 snapshots, and 5 may have it"),
        "{}",
        full.why.to_string()
    );
    let asked = |quotas: &Quotas, on: &[(SnapshotId, String)]| {
        let known = Known {
            on,
            quotas,
            down: false,
        };
        choose(Initialization::Fsr, &volumes, known)
    };
    assert_eq!(asked(&quotas(5, Some(5)), &[]).unwrap_err().kind(), Kind::QuotaExceeded);
    assert!(asked(&quotas(5, Some(6)), &[]).is_ok());
    // Not read: `auto` assumes what every account begins with, and what was asked for by name is tried.
    assert_eq!(auto(&quotas(5, None)).initialization, Initialization::Rate);
    assert!(asked(&quotas(5, None), &[]).is_ok());
    // The snapshot has it in one zone already: it counts once.
    let mut counted = quotas(4, Some(5));
    counted.fast.insert("snap-001".into());
    assert!(asked(&counted, &[("snap-001".into(), "zone-a".to_owned())]).is_ok());
}

#[test]
fn what_is_on_already_is_needed_and_not_switched_on() {
    let quotas = Quotas::default();
    let present = present();
    let asked: crate::restore::Asked = serde_json::from_str(r#""latest""#).unwrap();
    let planned = |initialization, fast: &[(SnapshotId, String)]| {
        let facts = Facts {
            snapshots: vec![snapshot("snap-001", T, "md1", 1, true)],
            volumes: &present,
            fast,
            quotas: &quotas,
        };
        plan(
            &testing::config(),
            &id(),
            &asked,
            initialization,
            &testing::healthy(),
            facts,
        )
        .unwrap()
    };
    let on = [("snap-001".into(), "ap-northeast-1a".to_owned())];
    let fsr = planned(Initialization::Fsr, &on);
    assert!(fsr.fast_restores.is_empty() && fsr.intent.disturbances.is_empty());
    assert_eq!(fsr.fast_needed.len(), 1);
    assert!(fsr.volumes.iter().all(|one| one.rate.is_none()));
    let fsr = planned(Initialization::Fsr, &[]);
    assert_eq!((fsr.fast_restores.len(), fsr.intent.disturbances.len()), (1, 1));
    for other in [Initialization::None, Initialization::Rate] {
        let plan = planned(other, &on);
        assert!(plan.fast_needed.is_empty() && plan.fast_restores.is_empty());
        let rate = (other == Initialization::Rate).then_some(300);
        assert!(plan.volumes.iter().all(|one| one.rate == rate));
    }
}

#[test]
fn many_volumes_at_once_stay_below_the_quota_of_all_rates() {
    assert_eq!((per_volume(0), per_volume(2), per_volume(16)), (300, 300, 300));
    assert_eq!((per_volume(17), per_volume(32), per_volume(500)), (294, 156, 100));
}

proptest! {
    #[test]
    fn a_choice_is_never_auto_and_costs_what_it_says(gib in 1..16_384_i32, asked in 0..4_usize, one in any::<bool>()) {
        let asked = [Initialization::Auto, Initialization::None, Initialization::Rate, Initialization::Fsr][asked];
        let volumes = sized(gib, if one { ONE } else { TWO });
        let choice = chosen(asked, &volumes, &[], &Quotas::default(), false);
        prop_assert_ne!(choice.initialization, Initialization::Auto);
        prop_assert!(asked == Initialization::Auto || choice.initialization == asked);
        let costs = match choice.initialization {
            Initialization::Rate => choice.rate.cost_usd,
            Initialization::Fsr => choice.fsr.cost_usd,
            _ => 0.0,
        };
        prop_assert!((choice.cost_usd - costs).abs() < 1e-9);
        prop_assert_eq!(choice.wait_seconds > 0, choice.initialization == Initialization::Fsr);
        prop_assert_eq!(choice.give_up_seconds > choice.wait_seconds, choice.initialization == Initialization::Fsr);
        prop_assert!(choice.fsr.wait_seconds >= 361);
    }
}
