//! The copies of a cluster's backups, below the screen of `backups`.

use super::table::table;
use crate::catalogue::{Language, Words};
use mirrorsnap_domain::catalogue::Backup;
use mirrorsnap_domain::copies::Region;
use mirrorsnap_domain::ec2::SnapshotState;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};

/// What the region that the configuration names has.
#[derive(Debug)]
pub struct Copies {
    /// The region.
    pub region: Region,
    /// The sets, newest first; the error: they cannot be read.
    pub sets: Result<Vec<Backup>>,
}

/// How far a set of copies is.
fn state(set: &Backup, language: Language) -> String {
    let all = || set.snapshots.iter().chain(&set.others);
    let failed = all().any(|one| one.state == SnapshotState::Error);
    let pending = all().find(|one| one.state != SnapshotState::Completed);
    match (set.valid, failed, pending) {
        (true, ..) => Words::CopyValid.said(language),
        (false, true, _) => Words::CopyFailed.said(language),
        (false, false, None) => Words::CopyNotProved.said(language),
        (false, false, Some(one)) => {
            let (state, progress) = (&one.state.to_string(), &one.progress);
            Words::CopyPending { state, progress }.said(language)
        }
    }
}

/// Since the groups were stopped.
fn age(set: &Backup, now: Moment, language: Language) -> String {
    let hours = now.seconds_since(set.consistent_at).max(0) / 3600;
    let (count, days) = (&hours.to_string(), &(hours / 24).to_string());
    let words = if hours < 48 {
        Words::AgeHours { count }
    } else {
        Words::AgeDays { count: days }
    };
    words.said(language)
}

/// The table, or why there is none; empty if no copies are asked for.
pub fn text(copies: Option<&Copies>, now: Moment, language: Language) -> String {
    let Some(Copies { region, sets }) = copies else {
        return String::new();
    };
    match sets {
        Err(error) => {
            let (region, why) = (region.as_str(), &error.to_string());
            Words::CopiesUnreadable { region, why }.said(language)
        }
        Ok(sets) if sets.is_empty() => {
            let region = region.as_str();
            Words::CopiesNone { region }.said(language)
        }
        Ok(sets) => {
            let row = |set: &Backup| {
                vec![
                    set.id.to_string(),
                    region.to_string(),
                    state(set, language),
                    age(set, now, language),
                ]
            };
            let rows: Vec<Vec<String>> = sets.iter().map(row).collect();
            let headings = [
                Words::ColumnCopyOf,
                Words::ColumnRegion,
                Words::ColumnState,
                Words::ColumnAge,
            ];
            table(&headings.map(|words| words.said(language)), &rows)
        }
    }
}

/// The same as JSON; null: no copies are asked for.
pub fn document(copies: Option<&Copies>) -> Value {
    let Some(Copies { region, sets }) = copies else {
        return Value::Null;
    };
    match sets {
        Err(error) => json!({"region": region, "error": error.name(), "cause": error.to_string()}),
        Ok(sets) => {
            let one = |set: &Backup| {
                let snapshots: Vec<&str> = set.snapshots.iter().map(|one| one.id.as_str()).collect();
                json!({"backup": set.id.to_string(), "consistent_at": set.consistent_at, "state": state(set, Language::English), "valid": set.valid,
                    "snapshots": snapshots})
            };
            json!({"region": region, "copies": sets.iter().map(one).collect::<Vec<Value>>()})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mirrorsnap_domain::catalogue::{Snapshot, tag, tags};
    use mirrorsnap_domain::copies;
    use mirrorsnap_domain::error::{Error, Kind};
    use mirrorsnap_domain::ids::{Id, IdKind};

    fn copy(name: &str, at: &str, state: SnapshotState, valid: bool) -> Snapshot {
        let at = Moment::parse(at).unwrap();
        let id = Id::new(IdKind::Backup, "orders", at).unwrap();
        let mut tags = tags(&id, at, "server2", &["md1".to_owned()], 1);
        tags.remove(tag::BACKUP_ID);
        tags.insert(tag::COPY_OF.to_owned(), id.to_string());
        if valid {
            tags.insert(tag::VALID.to_owned(), "true".to_owned());
        }
        Snapshot {
            id: name.parse().unwrap(),
            volume: "vol-ffffffff".parse().unwrap(),
            state,
            progress: "37%".to_owned(),
            started: at,
            gib: 20,
            kms_key: None,
            copied_from: None,
            tier: mirrorsnap_domain::catalogue::Tier::Standard,
            tags,
        }
    }

    fn of(sets: Result<Vec<Snapshot>>) -> Copies {
        Copies {
            region: "ap-northeast-3".parse().unwrap(),
            sets: sets.map(|all| copies::sets("orders", all)),
        }
    }

    #[test]
    fn each_copy_has_its_region_its_state_and_its_age() {
        let now = Moment::parse("2026-05-04T04:00:00Z").unwrap();
        let all = vec![
            copy("snap-001", "2026-05-04T02:03:04Z", SnapshotState::Pending, false),
            copy("snap-002", "2026-05-03T02:03:04Z", SnapshotState::Completed, true),
            copy("snap-003", "2026-05-01T02:03:04Z", SnapshotState::Error, false),
            copy("snap-004", "2026-04-30T02:03:04Z", SnapshotState::Completed, false),
        ];
        let copies = of(Ok(all));
        let shown = text(Some(&copies), now, Language::English);
        let lines: Vec<Vec<&str>> = shown.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(
            lines[1],
            ["orders-20260504T020304Z", "ap-northeast-3", "pending", "37%", "1", "h"]
        );
        assert_eq!(
            lines[2],
            ["orders-20260503T020304Z", "ap-northeast-3", "valid", "25", "h"]
        );
        assert_eq!(
            lines[3],
            ["orders-20260501T020304Z", "ap-northeast-3", "failed", "3", "days"]
        );
        assert_eq!(
            lines[4],
            [
                "orders-20260430T020304Z",
                "ap-northeast-3",
                "not",
                "proved",
                "4",
                "days"
            ]
        );
        let japanese = text(Some(&copies), now, Language::Japanese);
        for part in ["コピー元", "有効", "25 時間", "失敗", "3 日", "証明されていません"] {
            assert!(japanese.contains(part), "{part}\n{japanese}");
        }
        let json = document(Some(&copies));
        assert_eq!(json["copies"][1]["snapshots"], json!(["snap-002"]));
        assert_eq!(json["copies"][1]["valid"], json!(true));
    }

    #[test]
    fn what_cannot_be_read_is_said_and_nothing_is_where_no_copies_are_asked_for() {
        let now = Moment::from_unix(0);
        assert_eq!(
            (text(None, now, Language::English), document(None)),
            (String::new(), Value::Null)
        );
        let closed = of(Err(Error::new(Kind::AwsRefused, "it is closed", "open it")));
        assert!(text(Some(&closed), now, Language::English).contains("ap-northeast-3 cannot be read: it is closed"));
        assert_eq!(document(Some(&closed))["error"], json!("AwsRefused"));
        assert_eq!(
            text(Some(&of(Ok(vec![]))), now, Language::English),
            "there are no copies in ap-northeast-3"
        );
    }
}
