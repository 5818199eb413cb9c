//! Retention, whatever is in the account.

use super::tests::*;
use super::*;
use crate::consistency::Consistency;
use crate::ec2::SnapshotId;
use crate::ids::Id;
use crate::proof;
use crate::time::Moment;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What somebody may add to a set that was proved.
#[expect(clippy::struct_excessive_bools, reason = "each is drawn by itself")]
#[derive(Debug, Clone)]
struct Extra {
    of: usize,
    described: bool,
    copy: bool,
    proved: bool,
    size: usize,
    state: &'static str,
    after: i64,
    /// On the mirror disk of its source, or on one that the set does not have.
    same_disk: bool,
}

fn extra() -> impl Strategy<Value = Extra> {
    let state = prop_oneof![Just("completed"), Just("pending"), Just("error")];
    (
        0..40_usize,
        any::<(bool, bool, bool, bool)>(),
        0..4_usize,
        state,
        1..40 * DAY,
    )
        .prop_map(|(of, (described, copy, proved, same_disk), size, state, after)| Extra {
            of,
            described,
            copy,
            proved,
            size,
            state,
            after,
            same_disk,
        })
}

fn with_extras(members: &[Snapshot], extras: &[Extra]) -> Vec<Snapshot> {
    let mut all = members.to_vec();
    for (n, extra) in extras.iter().enumerate() {
        let source = &members[extra.of % members.len()];
        let mut one = copy_of(source, &format!("snap-eee{n}"), extra.described, extra.after);
        if !extra.copy {
            (one.volume, one.copied_from) = (source.volume.clone(), None);
        }
        if !extra.proved {
            one.tags.remove(tag::VALID);
        }
        one.tags.insert(tag::SET_SIZE.to_owned(), extra.size.to_string());
        if !extra.same_disk {
            one.tags.insert(tag::MIRROR_DISKS.to_owned(), "md9".to_owned());
        }
        one.state = extra.state.into();
        all.push(one);
    }
    all
}

proptest! {
    #[test]
    fn the_newest_valid_backup_is_never_deleted(
        ages in proptest::collection::vec((0_i64..400 * DAY, any::<bool>()), 1..40),
        last in 1_u32..4, daily in 0_u32..4, weekly in 0_u32..4, monthly in 0_u32..4,
    ) {
        let snapshots: Vec<Snapshot> = ages.iter().enumerate()
            .map(|(n, (age, valid))| snapshot(&format!("snap-00{n}"), at(-age), &format!("vol-00{n}"), *valid)).collect();
        let all = backups("orders", snapshots);
        let gone = expired(&config(last, daily, weekly, monthly), &all, None, at(0));
        if let Some(newest) = all.iter().find(|backup| backup.valid) {
            prop_assert!(gone.iter().all(|(_, id, _)| id != &newest.id));
        }
        let kept = all.iter().filter(|backup| backup.valid && gone.iter().all(|(_, id, _)| id != &backup.id)).count();
        let valid = all.iter().filter(|backup| backup.valid).count();
        prop_assert!(kept >= valid.min(last as usize));
        prop_assert!(kept <= (last + daily + weekly + monthly) as usize);
        // A second run deletes nothing more.
        let left: Vec<Snapshot> = all.iter().flat_map(|b| b.snapshots.iter().chain(&b.others)).filter(|s| gone.iter().all(|(id, ..)| id != &s.id)).cloned().collect();
        prop_assert!(expired(&config(last, daily, weekly, monthly), &backups("orders", left), None, at(0)).is_empty());
    }

    #[test]
    fn whatever_is_missing_or_added_deletes_no_member_that_a_whole_answer_keeps(
        ages in proptest::collection::vec(0_i64..60, 1..8),
        absent in proptest::collection::vec(any::<bool>(), 16),
        extras in proptest::collection::vec(extra(), 0..6),
        last in 1_u32..3, daily in 0_u32..3,
    ) {
        let days: BTreeSet<i64> = ages.into_iter().collect();
        let members: Vec<Snapshot> = days.iter().enumerate().flat_map(|(n, age)| pair(n, -age * DAY, true)).collect();
        let config = config(last, daily, 0, 0);
        let usual: BTreeSet<SnapshotId> = deleted(&config, members.clone()).into_iter().collect();
        let shown: Vec<Snapshot> = members.iter().zip(&absent).filter(|(_, absent)| !**absent).map(|(one, _)| one.clone()).collect();
        prop_assert!(deleted(&config, shown.clone()).iter().all(|id| usual.contains(id)), "missing");
        let all = with_extras(&members, &extras);
        let gone = deleted(&config, all.clone());
        let is_member = |id: &SnapshotId| members.iter().any(|one| &one.id == id);
        prop_assert!(gone.iter().filter(|id| is_member(id)).all(|id| usual.contains(id)), "added");
        for id in &gone {
            let one = all.iter().find(|one| &one.id == id).unwrap();
            prop_assert!(one.volume != "vol-ffffffff" && one.copied_from.is_none(), "a copy");
            prop_assert!(all.iter().all(|other| other.copied_from.as_ref() != Some(id)), "the source of a copy");
        }
        // They are as valid as without.
        let valid = |snapshots: Vec<Snapshot>| backups("orders", snapshots).iter().filter(|backup| backup.valid).count();
        prop_assert_eq!(valid(all), days.len());
        // Both at once.
        if !shown.is_empty() {
            let gone = deleted(&config, with_extras(&shown, &extras));
            prop_assert!(gone.iter().filter(|id| is_member(id)).all(|id| usual.contains(id)), "both");
        }
    }
}

/// What a snapshot has in the end, `valid` and `kept` included, is within EC2's limit.
#[test]
fn a_snapshot_carries_what_fits_beside_our_own_tags() {
    let many = |count: usize| -> BTreeMap<String, String> {
        (0..count).map(|n| (format!("t{n:02}"), "v".to_owned())).collect()
    };
    let id = Id::parse("orders-20260501T020304Z").unwrap();
    for count in [0, 37, 38, 39, 49] {
        let (carried, left) = carried(&[many(count)], 1);
        assert_eq!(carried.len() + left.len(), count);
        let mut all = carried;
        all.extend(tags(&id, Moment::from_unix(0), "server1", &["md1".into()], 1));
        all.extend([consistency_tag(Consistency::Frozen)]);
        all.insert(tag::VALID.into(), "true".into());
        all.insert(tag::KEPT.into(), "by hand".into());
        all.extend(proof::tags(&["md1".to_owned()], &BTreeMap::new(), &BTreeMap::new()));
        all.extend(proof::verdict_tags(
            proof::CLEAN,
            Moment::from_unix(0),
            proof::Effort::default(),
        ));
        assert!(
            all.len() <= MOST_TAGS && (all.len() == MOST_TAGS) == (count >= 37),
            "{count}"
        );
    }
    let (mut other, mut first) = (many(3), many(3));
    other.insert("t01".into(), "another".into());
    for key in ["aws:x", "mirrorsnap:attached", "Name"] {
        first.insert(key.into(), "v".into());
        other.insert(key.into(), "v".into());
    }
    let (carried, left) = carried(&[first, other], 1);
    assert_eq!(carried.into_keys().collect::<Vec<_>>(), ["t00", "t02"]);
    assert!(left.is_empty());
}
