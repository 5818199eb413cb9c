//! The screen of `status`: the whole fleet, then what is wrong and the command that mends it.

use super::span;
use super::table::table;
use crate::catalogue::{Language, Words};
use crate::fleet::{Row, Runs, Wrong};

const NONE: &str = "-";

fn hours(seconds: i64) -> String {
    span(seconds.saturating_mul(1000))
}

fn runs(runs: &Runs) -> String {
    let since = runs.seconds.map(|seconds| format!(", {}", hours(seconds)));
    format!("{}{}", runs.what, since.unwrap_or_default())
}

/// What is wrong, in words.
fn wrong(wrong: &Wrong, language: Language) -> String {
    match wrong {
        Wrong::ConfigUnreadable { why } => Words::ConfigUnreadable { why }.said(language),
        Wrong::LockUnreadable { why } => why.clone(),
        Wrong::Hold { why } => Words::OnHold { why }.said(language),
        Wrong::NotBack => Words::NotBack.said(language),
        Wrong::Overdue { objective_hours } => {
            let hours = &objective_hours.to_string();
            Words::Overdue { hours }.said(language)
        }
        Wrong::NoBackup => Words::WithoutBackup.said(language),
    }
}

/// The one command that mends it. A backup of a cluster that is on hold would be refused, and one that runs is waited for.
fn mends(row: &Row, wrong: &Wrong) -> String {
    let cluster = &row.cluster;
    let held = row.wrong.iter().any(|each| matches!(each, Wrong::Hold { .. }));
    match wrong {
        Wrong::ConfigUnreadable { .. } => "mirrorsnap cluster add --from FILE --replace".to_owned(),
        // By hand, in the table: meanwhile nothing else may act on it.
        Wrong::LockUnreadable { .. } => format!("mirrorsnap hold {cluster} \"who, why\""),
        Wrong::Hold { .. } => format!("mirrorsnap unhold {cluster}"),
        Wrong::NotBack | Wrong::Overdue { .. } | Wrong::NoBackup if held => format!("mirrorsnap unhold {cluster}"),
        Wrong::Overdue { .. } | Wrong::NoBackup if row.runs.is_some() => format!("mirrorsnap watch {cluster}"),
        Wrong::NotBack => format!("mirrorsnap recover {cluster}"),
        Wrong::Overdue { .. } | Wrong::NoBackup => format!("mirrorsnap backup {cluster}"),
    }
}

/// The screen. `flags` are repeated behind each command.
pub fn text(rows: &[Row], flags: &str, language: Language) -> String {
    if rows.is_empty() {
        return Words::NoClusters.said(language);
    }
    let cells = |row: &Row| {
        let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
        vec![
            row.cluster.clone(),
            or_none(row.active.clone()),
            or_none(row.newest.as_ref().map(|newest| newest.id.clone())),
            or_none(row.newest.as_ref().map(|newest| hours(newest.age_seconds))),
            or_none(row.objective_hours.map(|hours| format!("{hours} h"))),
            or_none(row.runs.as_ref().map(runs)),
        ]
    };
    let shown: Vec<Vec<String>> = rows.iter().map(cells).collect();
    let headings = [
        Words::ColumnCluster,
        Words::ColumnActive,
        Words::ColumnNewest,
        Words::ColumnAge,
        Words::ColumnObjective,
        Words::ColumnRuns,
    ];
    let mut text = table(&headings.map(|words| words.said(language)), &shown);
    let found = rows
        .iter()
        .flat_map(|row| row.wrong.iter().map(move |each| (row, each)));
    let lines: Vec<String> = found
        .map(|(row, each)| {
            let (what, command) = (wrong(each, language), mends(row, each));
            format!("{}: {what}\n  {command}{flags}", row.cluster)
        })
        .collect();
    text.push_str("\n\n");
    if lines.is_empty() {
        text.push_str(&Words::NothingWrong.said(language));
    }
    text + &lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Newest;

    fn row(cluster: &str) -> Row {
        Row {
            cluster: cluster.to_owned(),
            active: Some("server1".to_owned()),
            active_at: None,
            newest: Some(Newest {
                id: format!("{cluster}-20260501T020304Z"),
                age_seconds: 3 * 3600,
            }),
            objective_hours: Some(26),
            runs: None,
            wrong: Vec::new(),
        }
    }

    #[test]
    fn a_healthy_fleet_is_one_line_for_each_cluster() {
        let text = text(&[row("accounts"), row("orders")], "", Language::English);
        let wanted = "\
CLUSTER   ACTIVE   NEWEST VALID BACKUP        AGE        OBJECTIVE  RUNS
accounts  server1  accounts-20260501T020304Z  3 h 0 min  26 h       -
orders    server1  orders-20260501T020304Z    3 h 0 min  26 h       -

nothing is wrong";
        assert_eq!(text, wanted);
    }

    #[test]
    fn what_is_wrong_has_the_command_that_mends_it() {
        let mut bad = row("orders");
        bad.newest = None;
        bad.runs = Some(Runs {
            what: "backup".to_owned(),
            execution: "arn".to_owned(),
            seconds: Some(12),
        });
        bad.wrong = vec![
            Wrong::NotBack,
            Wrong::Hold {
                why: "disks".to_owned(),
            },
            Wrong::NoBackup,
            Wrong::Overdue { objective_hours: 26 },
        ];
        let text = text(&[bad], " --stack x", Language::English);
        for line in [
            "orders   server1  -                    -    26 h       backup, 12.0 s",
            "orders: THE CLUSTER IS NOT BACK: an operation is unfinished, and nobody works on it\n  mirrorsnap unhold orders --stack x",
            "orders: it is on hold (disks): no backup is made\n  mirrorsnap unhold orders --stack x",
            "orders: it has no valid backup\n  mirrorsnap unhold orders --stack x",
            "orders: its newest valid backup is older than 26 h\n  mirrorsnap unhold orders --stack x",
        ] {
            assert!(text.contains(line), "{line}\n\n{text}");
        }
    }

    #[test]
    fn the_command_is_one_that_can_do_it_now() {
        let command = |wrong: Wrong, change: fn(&mut Row)| {
            let mut row = row("orders");
            row.wrong = vec![wrong.clone()];
            change(&mut row);
            mends(&row, &wrong)
        };
        let as_it_is = |_: &mut Row| {};
        let runs = |row: &mut Row| {
            let (what, execution) = ("backup".to_owned(), "arn".to_owned());
            row.runs = Some(Runs {
                what,
                execution,
                seconds: None,
            });
        };
        assert_eq!(command(Wrong::NotBack, as_it_is), "mirrorsnap recover orders");
        assert_eq!(command(Wrong::NoBackup, as_it_is), "mirrorsnap backup orders");
        assert_eq!(command(Wrong::NoBackup, runs), "mirrorsnap watch orders");
        assert_eq!(
            command(Wrong::Overdue { objective_hours: 26 }, as_it_is),
            "mirrorsnap backup orders"
        );
        assert_eq!(
            command(Wrong::Overdue { objective_hours: 26 }, runs),
            "mirrorsnap watch orders"
        );
        let why = || "a key is unknown".to_owned();
        assert_eq!(
            command(Wrong::ConfigUnreadable { why: why() }, as_it_is),
            "mirrorsnap cluster add --from FILE --replace"
        );
        assert_eq!(
            command(Wrong::LockUnreadable { why: why() }, as_it_is),
            "mirrorsnap hold orders \"who, why\""
        );
    }

    #[test]
    fn in_japanese_what_is_wrong_is_told_with_the_same_command() {
        let mut bad = row("orders");
        bad.wrong = vec![Wrong::NotBack, Wrong::Overdue { objective_hours: 26 }];
        let text = text(&[bad], "", Language::Japanese);
        assert!(
            text.contains("orders: クラスターが正常に戻っていません。操作が終わっておらず、誰も対処していません\n  mirrorsnap recover orders"),
            "{text}"
        );
        assert!(text.contains("26 時間より古く"), "{text}");
    }

    #[test]
    fn in_japanese_the_screen_is_japanese() {
        let mut bad = row("orders");
        bad.wrong = vec![
            Wrong::Hold {
                why: "Tanaka".to_owned(),
            },
            Wrong::NoBackup,
        ];
        let text = text(&[bad], "", Language::Japanese);
        let wanted = "\
クラスター  現用系   最新の有効なバックアップ  経過       目標  実行中
orders      server1  orders-20260501T020304Z   3 h 0 min  26 h  -

orders: hold 中のため、バックアップは取られません（Tanaka）
  mirrorsnap unhold orders
orders: 有効なバックアップがありません
  mirrorsnap unhold orders";
        assert_eq!(text, wanted);
    }

    #[test]
    fn without_clusters_it_says_so() {
        assert_eq!(
            text(&[], "", Language::English),
            "no cluster is described for this stack"
        );
    }
}
