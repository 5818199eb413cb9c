use super::*;
use crate::catalogue::tag;
use crate::ec2::SnapshotState;
use crate::error::Kind;
use crate::ids::IdKind;
use crate::restore::tests::{T, planned, snapshot};
use crate::testing;

/// The plan of a restore of the backup at T, by its id and as the latest, if these are its snapshots.
fn refused(snapshots: &[Snapshot]) -> [Kind; 2] {
    let id = Id::new(IdKind::Backup, "orders", Moment::from_unix(T)).unwrap();
    [format!("\"{id}\""), "\"latest\"".to_owned()].map(|asked| {
        planned(&asked, snapshots.to_vec(), &testing::healthy())
            .unwrap_err()
            .kind()
    })
}

fn good() -> Snapshot {
    snapshot("snap-001", T, "md1", 1, true)
}

#[test]
fn an_incomplete_backup() {
    assert_eq!(
        refused(&[snapshot("snap-001", T, "md1", 2, true)]),
        [Kind::BackupInvalid, Kind::BackupNotFound]
    );
}

#[test]
fn a_pending_or_failed_snapshot_though_it_is_tagged_valid() {
    for state in ["pending", "recoverable", "recovering", ""] {
        let mut one = good();
        one.state = state.into();
        assert_eq!(refused(&[one]), [Kind::BackupInvalid, Kind::BackupNotFound], "{state}");
    }
    let mut failed = good();
    failed.state = SnapshotState::Error;
    assert_eq!(refused(&[failed]), [Kind::BackupInvalid, Kind::BackupNotFound]);
}

#[test]
fn a_backup_that_was_never_proved() {
    for valid in [None, Some("false"), Some("TRUE"), Some("")] {
        let mut one = good();
        one.tags.remove(tag::VALID);
        one.tags
            .extend(valid.map(|value| (tag::VALID.to_owned(), value.to_owned())));
        assert_eq!(
            refused(&[one]),
            [Kind::BackupInvalid, Kind::BackupNotFound],
            "{valid:?}"
        );
    }
}

#[test]
fn a_backup_of_another_cluster_under_our_id_and_ours_under_its_id() {
    let mut foreign = good();
    foreign.tags.insert(tag::CLUSTER.to_owned(), "billing".to_owned());
    assert_eq!(refused(&[foreign]), [Kind::BackupNotFound, Kind::BackupNotFound]);
    let mut foreign = good();
    foreign
        .tags
        .insert(tag::BACKUP_ID.to_owned(), "billing-20260528T202640Z".to_owned());
    assert_eq!(refused(&[foreign]), [Kind::BackupNotFound, Kind::BackupNotFound]);
}

#[test]
fn snapshots_that_do_not_belong_together() {
    let pair = |change: fn(&mut Snapshot)| {
        let mut two = [
            snapshot("snap-001", T, "md1", 2, true),
            snapshot("snap-002", T, "md2", 2, true),
        ];
        change(&mut two[1]);
        two
    };
    let moved = pair(|one| _ = one.tags.insert(tag::SOURCE_NODE.to_owned(), "server1".to_owned()));
    assert_eq!(refused(&moved), [Kind::BackupInvalid, Kind::BackupNotFound]);
    let later = pair(|one| {
        let at = Moment::from_unix(T + 1).to_string();
        _ = one.tags.insert(tag::CONSISTENT_AT.to_owned(), at);
    });
    assert_eq!(refused(&later), [Kind::BackupInvalid, Kind::BackupNotFound]);
}

#[test]
fn without_a_source_the_plan_says_what_cannot_be_undone() {
    let mut seen = testing::healthy();
    for node in seen.nodes.values_mut() {
        for group in &mut node.stat.as_mut().unwrap().groups {
            (group.state, group.current) = (crate::clusterpro::stat::State::Offline, None);
        }
    }
    let plan = planned(r#""latest""#, vec![good()], &seen).unwrap();
    assert!(
        !plan.outage.adds
            && plan
                .words
                .words()
                .iter()
                .any(|one| one.contains("cannot be rolled back by copy"))
    );
}

#[test]
fn a_quota_without_room_refuses_the_plan() {
    let mut quotas = Quotas::default();
    quotas.storage_limit.insert("gp3".to_owned(), 100);
    quotas.storage_used.insert("gp3".to_owned(), 61);
    let present = crate::restore::tests::present();
    let facts = Facts {
        snapshots: vec![good()],
        volumes: &present,
        fast: &[],
        quotas: &quotas,
    };
    let asked: Asked = serde_json::from_str(r#""latest""#).unwrap();
    let id = crate::restore::tests::id();
    let planned = plan(
        &testing::config(),
        &id,
        &asked,
        Initialization::None,
        &testing::healthy(),
        facts,
    );
    assert_eq!(planned.unwrap_err().kind(), Kind::QuotaExceeded);
}
