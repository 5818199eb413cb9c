use super::*;
use crate::config::Config;
use crate::ids::IdKind;
use serde_json::{Value, json};

const DAY: i64 = 86_400;

fn at(seconds: i64) -> Moment {
    Moment::from_unix(1_780_000_000 + seconds)
}

fn to(more: &Value) -> Result<CopyTo> {
    let mut json = crate::testing::orders();
    json["copy"] = json!({"region": "ap-northeast-3", "keep": {"keep_last": 2}});
    json["copy"]
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    Ok(Config::parse("orders", &json.to_string())?.copy.unwrap())
}

/// A valid backup of two mirror disks.
fn backup(when: Moment) -> Backup {
    let id = Id::new(IdKind::Backup, "orders", when).unwrap();
    let one = |name: &str, disk: &str| {
        let mut tags = catalogue::tags(&id, when, "server2", &[disk.to_owned()], 2);
        tags.insert(tag::VALID.to_owned(), "true".to_owned());
        Snapshot {
            id: name.into(),
            volume: format!("vol-0{}", &name[5..]).into(),
            state: SnapshotState::Completed,
            progress: "100%".to_owned(),
            started: when,
            gib: 20,
            kms_key: None,
            copied_from: None,
            tier: crate::catalogue::Tier::Standard,
            tags,
        }
    };
    let all = vec![one("snap-00a", "md1"), one("snap-00b", "md2")];
    catalogue::backups("orders", all).remove(0)
}

fn copy(of: &Backup, n: usize, name: &str, state: SnapshotState, started: Moment) -> Snapshot {
    let source = &of.snapshots[n];
    Snapshot {
        id: name.into(),
        volume: "vol-ffffffff".into(),
        state,
        progress: "40%".to_owned(),
        started,
        copied_from: None,
        tier: crate::catalogue::Tier::Standard,
        tags: tags(of, source, &"ap-northeast-1".parse().unwrap()).unwrap(),
        ..source.clone()
    }
}

fn valid(mut one: Snapshot) -> Snapshot {
    one.tags.insert(tag::VALID.to_owned(), "true".to_owned());
    one
}

fn seen(all: &[Snapshot]) -> Vec<Seen> {
    let read = |one: &Snapshot| Seen {
        snapshot: one.clone(),
        message: (one.state == SnapshotState::Error).then(|| "Given key ID is not accessible".to_owned()),
    };
    all.iter().map(read).collect()
}

fn judged(of: &Backup, all: &[Snapshot], memory: &[(&str, &str, i64)]) -> Result<Plan> {
    let memory = memory.iter().map(|(source, copy, when)| {
        let asked = Asked {
            copy: (*copy).into(),
            at: at(*when),
        };
        ((*source).into(), asked)
    });
    plan(of, &to(&json!({})).unwrap(), &seen(all), &memory.collect(), at(1000))
}

use SnapshotState::{Completed, Error as Failed, Pending};

#[test]
fn a_source_is_copied_when_no_copy_of_it_is_shown_and_none_was_asked_for() {
    let of = backup(at(0));
    assert_eq!(judged(&of, &[], &[]).unwrap().missing, ["snap-00a", "snap-00b"]);
    let plan = judged(&of, &[], &[("snap-00a", "snap-0c1", 990)]).unwrap();
    assert_eq!((plan.missing, plan.complete), (vec!["snap-00b".into()], false));
    let one = copy(&of, 0, "snap-0c1", Pending, at(500));
    let plan = judged(&of, &[one], &[]).unwrap();
    assert_eq!((plan.missing, plan.complete), (vec!["snap-00b".into()], false));
}

#[test]
fn it_is_complete_when_each_source_has_one_completed_copy() {
    let of = backup(at(0));
    let first = copy(&of, 0, "snap-0c1", Completed, at(500));
    let pending = judged(&of, &[first.clone(), copy(&of, 1, "snap-0c2", Pending, at(500))], &[]).unwrap();
    assert_eq!((pending.complete, pending.progress(2)), (false, "40%".to_owned()));
    assert_eq!(
        judged(&of, std::slice::from_ref(&first), &[]).unwrap().progress(2),
        "0%"
    );
    let done = judged(&of, &[first, copy(&of, 1, "snap-0c2", Completed, at(500))], &[]).unwrap();
    assert_eq!((done.complete, done.progress(2)), (true, "100%".to_owned()));
    assert_eq!(done.copies.len(), 2);
}

#[test]
fn of_two_copies_the_later_one_goes_at_its_end_unless_it_was_proved() {
    let of = backup(at(0));
    let other = copy(&of, 1, "snap-0c2", Completed, at(500));
    let with = |early: Snapshot, late: Snapshot| judged(&of, &[late, early, other.clone()], &[]).unwrap();
    let early = copy(&of, 0, "snap-0c9", Completed, at(500));
    let late = copy(&of, 0, "snap-0c1", Completed, at(501));
    let plan = with(early.clone(), late.clone());
    assert_eq!((plan.remove, plan.complete), (vec!["snap-0c1".into()], false));
    assert_eq!(plan.copies[&"snap-00a".into()].id, "snap-0c9");
    let plan = with(early.clone(), copy(&of, 0, "snap-0c1", Pending, at(501)));
    assert_eq!((plan.remove, plan.complete), (vec![], false));
    // The proved one stays, though it is the later one; and of two that are proved neither goes.
    assert_eq!(with(early.clone(), valid(late.clone())).remove, ["snap-0c9"]);
    let plan = with(valid(early), valid(late));
    assert_eq!((plan.remove, plan.complete), (vec![], true));
}

#[test]
fn a_copy_that_failed_in_this_execution_ends_it_and_an_older_one_is_replaced() {
    let of = backup(at(0));
    let bad = copy(&of, 0, "snap-0c1", Failed, at(500));
    let plan = judged(&of, std::slice::from_ref(&bad), &[]).unwrap();
    assert_eq!(plan.remove, ["snap-0c1"]);
    assert_eq!(plan.missing, ["snap-00a", "snap-00b"]);
    let error = judged(&of, &[bad], &[("snap-00a", "snap-0c1", 400)]).unwrap_err();
    assert_eq!(error.kind(), Kind::CopyFailed);
    assert!(error.to_string().contains("Given key ID is not accessible"), "{error}");
}

#[test]
fn the_error_names_the_keys() {
    let mut of = backup(at(0));
    of.snapshots[0].kms_key = Some("arn:aws:kms:ap-northeast-1:123456789012:key/old".to_owned());
    let key = "arn:aws:kms:ap-northeast-3:123456789012:key/new";
    let memory = Memory::from([(
        "snap-00a".into(),
        Asked {
            copy: "snap-0c1".into(),
            at: at(0),
        },
    )]);
    let bad = seen(&[copy(&of, 0, "snap-0c1", Failed, at(500))]);
    let error = plan(&of, &to(&json!({"kms_key": key})).unwrap(), &bad, &memory, at(1000)).unwrap_err();
    assert!(
        error.to_string().contains("key/old and ") && error.to_string().contains(key),
        "{error}"
    );
}

#[test]
fn a_copy_that_was_asked_for_and_is_never_shown_is_gone() {
    let of = backup(at(0));
    assert!(judged(&of, &[], &[("snap-00a", "snap-0c1", 401)]).is_ok());
    let error = judged(&of, &[], &[("snap-00a", "snap-0c1", 400)]).unwrap_err();
    assert_eq!(error.kind(), Kind::CopyFailed);
}

#[test]
fn a_copy_is_no_member_of_its_backup_and_the_other_way_round() {
    let of = backup(at(0));
    let copies: Vec<Snapshot> = (0..2)
        .map(|n| valid(copy(&of, n, ["snap-0c1", "snap-0c2"][n], Completed, at(500))))
        .collect();
    let mut all = of.snapshots.clone();
    all.extend(copies.clone());
    let (backups, sets) = (catalogue::backups("orders", all.clone()), sets("orders", all));
    assert_eq!((backups.len(), sets.len()), (1, 1));
    assert_eq!(backups[0].snapshots, of.snapshots);
    assert!(backups[0].others.is_empty() && sets[0].others.is_empty());
    assert_eq!(sets[0].snapshots, copies);
    assert!(sets[0].valid && sets[0].id == of.id && sets[0].consistent_at == of.consistent_at);
    // Nor if somebody wrote the backup's id on it.
    let mut both = copies[0].clone();
    both.tags.insert(tag::BACKUP_ID.to_owned(), of.id.to_string());
    assert!(catalogue::backups("orders", vec![both]).is_empty());
}

#[test]
fn copies_have_a_retention_of_their_own() {
    let set = |day: i64, proved: bool, state: &SnapshotState| {
        let of = backup(at(-day * DAY));
        let each = (0..2).map(|n| {
            let one = copy(&of, n, &format!("snap-0{day:02}{n}"), state.clone(), at(-day * DAY));
            if proved { valid(one) } else { one }
        });
        each.collect::<Vec<_>>()
    };
    let keep = to(&json!({})).unwrap().keep;
    let gone = |all: Vec<Vec<Snapshot>>, current: i64| -> Vec<String> {
        let sets = sets("orders", all.concat());
        let current = Id::new(IdKind::Backup, "orders", at(-current * DAY)).unwrap();
        let gone = expired(&keep, &sets, &current, at(0));
        gone.into_iter().map(|(id, _)| id.to_string()).collect()
    };
    let four = || (1..=4).map(|day| set(day, true, &Completed)).collect::<Vec<_>>();
    assert_eq!(gone(four(), 1), ["snap-0030", "snap-0031", "snap-0040", "snap-0041"]);
    // What is being made is never deleted, what was never proved after a week, what is on its way never.
    assert_eq!(gone(four(), 4), ["snap-0030", "snap-0031"]);
    assert!(gone(vec![set(6, false, &Completed), set(1, true, &Completed)], 1).is_empty());
    assert_eq!(
        gone(vec![set(7, false, &Completed), set(1, true, &Completed)], 1).len(),
        2
    );
    assert!(gone(vec![set(9, false, &Pending), set(1, true, &Completed)], 1).is_empty());
    assert_eq!(gone(vec![set(7, false, &Failed)], 1).len(), 2);
}

#[test]
fn the_setting_is_read_strictly() {
    let key = "arn:aws:kms:ap-northeast-3:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    let good = to(&json!({"kms_key": key, "lock": {"mode": "governance", "days": 30}})).unwrap();
    assert_eq!(good.kms_key.unwrap().as_str(), key);
    assert!(
        to(&json!({"region": "us-gov-west-1"})).is_ok()
            && to(&json!({"keep": {"keep_last": 1, "monthly": 12}})).is_ok()
    );
    for bad in [
        json!({"region": ""}),
        json!({"region": "osaka"}),
        json!({"region": "ap-northeast-3 "}),
        json!({"region": "ap-northeast-3.evil.example"}),
        json!({"region": "AP-NORTHEAST-3"}),
        json!({"region": "ap-northeast-0"}),
        json!({"region": "a@b/c-1"}),
        json!({"region": "ap\n-northeast-3"}),
        json!({"kms_key": "alias/backup"}),
        json!({"kms_key": "1234abcd-12ab-34cd-56ef-1234567890ab"}),
        json!({"kms_key": "arn:aws:kms:ap-northeast-3:123456789012:alias/backup"}),
        json!({"kms_key": "arn:aws:kms:ap-northeast-3:1:key/x"}),
        json!({"kms_key": format!("{key}; reboot")}),
        json!({"kms_key": "arn:aws:kms:ap-northeast-1:123456789012:key/x"}),
        json!({"keep": {"keep_last": 0}}),
        json!({"keep": {"keep_last": 1001}}),
        json!({"keep": {"daily": 3}}),
        json!({"keep": {"keep_last": 1, "yearly": 3}}),
        json!({"lock": {"mode": "compliance", "days": 1}}),
        json!({"lock": {"mode": "governance", "days": 0}}),
        json!({"lock": {"mode": "governance", "days": 36_501}}),
        json!({"lock": {"mode": "governance"}}),
        json!({"regions": ["ap-northeast-3"]}),
    ] {
        assert_eq!(to(&bad).unwrap_err().kind(), Kind::ConfigInvalid, "{bad}");
    }
    let error = to(&json!({"region": "x".repeat(300)})).unwrap_err().to_string();
    assert!(error.len() < 400, "{error}");
}
