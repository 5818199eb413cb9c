use super::*;
use crate::catalogue::{Backup, Snapshot, Wanted, backups, find, passed_over, tag};
use crate::config::Config;
use crate::consistency::RestoreFrom;
use crate::devices;
use crate::ec2::SnapshotState;
use crate::error::Kind;
use crate::ids::{Id, IdKind};
use crate::testing::{config, orders};
use crate::time::Moment;
use std::collections::BTreeMap;

const PRINT: &str = "00ff10ab00ff10ab00ff10ab00ff10ab00ff10ab00ff10ab00ff10ab00ff10ab";

fn at(days: i64) -> Moment {
    Moment::from_unix(1_780_000_000 + days * 86_400)
}

fn snapshot(name: &str, day: i64, disk: &str, size: usize, verdict: Option<&str>) -> Snapshot {
    let id = Id::new(IdKind::Backup, "orders", at(day)).unwrap();
    let mut tags = crate::catalogue::tags(&id, at(day), "server2", &[disk.to_owned()], size);
    tags.insert(tag::VALID.to_owned(), "true".to_owned());
    tags.extend(
        verdict
            .map(|verdict| verdict_tags(verdict, at(day), Effort::default()))
            .unwrap_or_default(),
    );
    Snapshot {
        id: name.into(),
        volume: format!("vol-{}", &name[5..]).as_str().into(),
        state: SnapshotState::Completed,
        progress: "100%".to_owned(),
        started: at(day),
        gib: 20,
        kms_key: None,
        copied_from: None,
        tier: crate::catalogue::Tier::Standard,
        tags,
    }
}

fn one(name: &str, day: i64, verdict: Option<&str>) -> Snapshot {
    snapshot(name, day, "md1", 1, verdict)
}

#[test]
fn a_path_names_its_place() {
    let volume = |group: &str, volume: &str| {
        Some(Place::LogicalVolume {
            group: group.to_owned(),
            volume: volume.to_owned(),
        })
    };
    for (path, place) in [
        ("/dev/xvdb2", Some(Place::Partition(2))),
        ("/dev/sdc11", Some(Place::Partition(11))),
        ("/dev/nvme1n1p2", Some(Place::Partition(2))),
        (
            "/dev/disk/by-path/pci-0000:00:1f.0-nvme-1-part3",
            Some(Place::Partition(3)),
        ),
        ("/dev/vg0/lv_data", volume("vg0", "lv_data")),
        ("/dev/mapper/vg--a-lv--b", volume("vg-a", "lv-b")),
        ("/dev/mapper/mpatha", None),
        ("/dev/disk/by-uuid/6c1d", None),
        ("/dev/sdb", None),
    ] {
        assert_eq!(Place::of(path, None), place, "{path}");
    }
}

/// `lsblk -s -P` shows the path's own device first: a name that counts nothing has its number there.
#[test]
fn what_a_path_does_not_name_is_what_the_kernel_showed() {
    let shown = "KNAME=\"nvme1n1p2\" TYPE=\"part\" SERIAL=\"\"\nKNAME=\"nvme1n1\" TYPE=\"disk\" SERIAL=\"vol0123\"\n";
    let under = devices::under(shown);
    assert_eq!(
        Place::of("/dev/disk/by-uuid/6c1d", under.as_ref()),
        Some(Place::Partition(2))
    );
    let volume = "KNAME=\"dm-0\" TYPE=\"lvm\" SERIAL=\"\"\nKNAME=\"xvdb2\" TYPE=\"part\" SERIAL=\"\"\nKNAME=\"xvdb\" TYPE=\"disk\" SERIAL=\"\"\n";
    assert_eq!(devices::under(volume).unwrap().partition, None);
}

#[test]
fn what_is_recorded_is_found_again() {
    let config = config();
    let disks = ["md1".to_owned()];
    let prints = BTreeMap::from([("md1".to_owned(), PRINT.to_owned())]);
    let seen = places(&config, "server2", &BTreeMap::new());
    let mut of = one("snap-001", 0, None);
    of.tags.extend(tags(&disks, &prints, &seen));
    assert_eq!(of.tags["mirrorsnap:disk:md1"], format!("{PRINT} 1 2"));
    let found = &recorded(&config, "server2", &of)["md1"];
    assert_eq!(
        found.fingerprint.map(|bytes| bytes[..4].to_vec()),
        Some(vec![0, 255, 16, 171])
    );
    assert_eq!(
        (found.places.cluster.clone(), found.places.data.clone()),
        (Some(Place::Partition(1)), Some(Place::Partition(2)))
    );
}

#[test]
fn an_older_backup_has_the_places_of_the_configuration_and_no_fingerprint() {
    let found = &recorded(&config(), "server2", &one("snap-001", 0, None))["md1"];
    assert_eq!(found.fingerprint, None);
    assert_eq!(found.places.data, Some(Place::Partition(2)));
    // A tag that somebody changed is no record.
    for text in [
        "",
        "x",
        "- 1",
        &format!("{}zz 1 2", &PRINT[2..]),
        &format!("{PRINT} 1 2 3"),
        "+f",
    ] {
        let mut changed = one("snap-001", 0, None);
        changed
            .tags
            .insert("mirrorsnap:disk:md1".to_owned(), (*text).to_owned());
        assert_eq!(
            recorded(&config(), "server2", &changed)["md1"].fingerprint,
            None,
            "{text}"
        );
    }
}

#[test]
fn no_value_is_longer_than_ec2_takes() {
    let long = |letter: &str| {
        Some(Place::LogicalVolume {
            group: letter.repeat(100),
            volume: letter.repeat(20),
        })
    };
    let places = BTreeMap::from([(
        "md1".to_owned(),
        Places {
            cluster: long("a"),
            data: long("b"),
        },
    )]);
    let prints = BTreeMap::from([("md1".to_owned(), PRINT.to_owned())]);
    assert_eq!(
        tags(&["md1".to_owned()], &prints, &places)["mirrorsnap:disk:md1"],
        format!("{PRINT} - -")
    );
}

#[test]
fn a_backup_is_as_good_as_its_worst_snapshot() {
    let set = |verdicts: [Option<&str>; 2]| {
        let snapshots = vec![
            snapshot("snap-001", 0, "md1", 2, verdicts[0]),
            snapshot("snap-002", 0, "md2", 2, verdicts[1]),
        ];
        let backup = backups("orders", snapshots).remove(0);
        assert!(backup.valid);
        backup.proof.word().to_owned()
    };
    for (verdicts, word) in [
        ([Some("clean"), Some("clean")], "clean"),
        ([Some("clean"), None], "not yet"),
        ([None, None], "not yet"),
        ([Some("clean"), Some("not-judged")], "not-judged"),
        ([Some("not-judged"), None], "not yet"),
        ([Some("torn"), None], "torn"),
        ([Some("clean"), Some("not-unmounted")], "not-unmounted"),
        ([Some("not-judged"), Some("fingerprint-differs")], "fingerprint-differs"),
        ([Some("clean"), Some("Clean")], "Clean"),
    ] {
        assert_eq!(set(verdicts), word);
    }
    assert_eq!(Proof::of(&[]), Proof::NotYet);
}

#[test]
fn no_restore_takes_an_unclean_image_unless_it_is_named() {
    let all = backups(
        "orders",
        vec![
            one("snap-003", 0, Some("fingerprint-differs")),
            one("snap-002", -1, Some("torn")),
            one("snap-001", -2, None),
            one("snap-000", -3, Some("clean")),
        ],
    );
    let first = |wanted: &Wanted| find("orders", &all, wanted).unwrap().snapshots[0].id.to_string();
    assert_eq!(first(&Wanted::Latest(RestoreFrom::Any)), "snap-001");
    assert_eq!(first(&Wanted::Before(at(0), RestoreFrom::Any)), "snap-001");
    assert_eq!(first(&Wanted::Before(at(-2), RestoreFrom::Any)), "snap-000");
    assert_eq!(first(&Wanted::Exactly(all[0].id.clone())), "snap-003");
    let passed = |wanted: &Wanted| passed_over(&all, wanted).len();
    assert_eq!(
        (
            passed(&Wanted::Latest(RestoreFrom::Any)),
            passed(&Wanted::Before(at(0), RestoreFrom::Any)),
            passed(&Wanted::Before(at(-2), RestoreFrom::Any))
        ),
        (2, 1, 0)
    );
    assert_eq!(passed(&Wanted::Exactly(all[0].id.clone())), 0);
    assert_eq!(before(&all, &all[0]).map(|one| one.id.clone()), Some(all[2].id.clone()));
    assert_eq!(before(&all, &all[3]), None);
    let none = find("orders", &all[..2], &Wanted::Latest(RestoreFrom::Any)).unwrap_err();
    assert_eq!(none.kind(), Kind::BackupNotFound);
    assert!(none.to_string().contains("is not clean (torn)"), "{none}");
}

#[test]
fn an_unclean_backup_takes_no_clean_ones_place_in_the_retention() {
    let mut json = orders();
    json["retention"] = serde_json::json!({"keep_last": 1, "daily": 0, "weekly": 0, "monthly": 0});
    let config = Config::parse("orders", &json.to_string()).unwrap();
    let all = backups(
        "orders",
        vec![
            one("snap-002", 0, Some("torn")),
            one("snap-001", -1, Some("clean")),
            one("snap-000", -2, Some("clean")),
        ],
    );
    let gone: Vec<String> = crate::catalogue::expired(&config, &all, None, at(1))
        .into_iter()
        .map(|(id, ..)| id.to_string())
        .collect();
    assert_eq!(gone, ["snap-000"]);
}

/// Patrols come every 15 minutes, at any moment of the hour.
#[test]
fn one_older_backup_of_each_cluster_is_proved_a_week() {
    let all = |verdicts: [Option<&str>; 4]| {
        let of = |(day, verdict): (i64, Option<&str>)| one(&format!("snap-00{day}"), -day, verdict);
        backups("orders", (0..).zip(verdicts).map(of).collect())
    };
    let proved = all([Some(CLEAN); 4]);
    let mut drawn = std::collections::BTreeSet::new();
    for start in [0, 1, 450, 899] {
        let mut names = std::collections::BTreeMap::<String, usize>::new();
        for patrol in 0..(20 * 7 * 96) {
            let now = at(30).plus(start + patrol * 900);
            if let Some(due) = weekly("orders", &proved, now) {
                assert!(due.name.len() <= 80 && due.backup != proved[0].id, "{due:?}");
                drawn.insert(due.backup.clone().to_string());
                *names.entry(due.name).or_default() += 1;
            }
        }
        assert!(
            (20..=21).contains(&names.len()) && names.values().all(|count| *count <= 2),
            "{names:?}"
        );
    }
    assert_eq!(drawn.len(), 3, "{drawn:?}");
    // Those without a verdict come first, and what is younger than a day has its own proof.
    let moments = |from: Moment| (0..7 * 96).map(move |patrol| from.plus(patrol * 900));
    let due = |all: &[Backup], from| {
        moments(from)
            .find_map(|now| weekly("orders", all, now))
            .map(|one| one.backup)
    };
    let unproved = all([Some(CLEAN), Some(CLEAN), None, Some(CLEAN)]);
    assert_eq!(due(&unproved, at(30)), Some(unproved[2].id.clone()));
    assert_eq!(due(&unproved[..1], at(30)), None);
    assert_eq!(due(&unproved[..2], at(-9)), None);
}

/// Patrols come every 15 minutes, at any moment of the hour.
#[test]
fn a_backup_whose_own_proof_left_no_verdict_is_proved_again_three_times_within_a_day() {
    for start in [0, 1, 450, 899] {
        let due = |verdict: Option<&str>, valid: bool| {
            let mut newest = one("snap-001", 0, verdict);
            if !valid {
                newest.tags.remove(tag::VALID);
            }
            let all = backups("orders", vec![newest, one("snap-000", -2, Some(CLEAN))]);
            let patrols = (0..2 * 96).map(|patrol| at(0).plus(start + patrol * 900));
            let found = patrols.filter_map(|now| overlooked("orders", &all, now));
            let mut counts = std::collections::BTreeMap::<String, usize>::new();
            for each in found {
                assert!(each.backup == all[0].id && each.name.len() <= 80, "{each:?}");
                *counts.entry(each.name).or_default() += 1;
            }
            counts
        };
        let counts = due(None, true);
        assert!(
            counts.len() == 3 && counts.values().all(|count| *count <= 2),
            "{counts:?}"
        );
        for none in [due(Some(CLEAN), true), due(Some(NOT_JUDGED), true), due(None, false)] {
            assert!(none.is_empty(), "{none:?}");
        }
    }
}
