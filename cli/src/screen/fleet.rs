//! The screen of `status`: the whole fleet, then what is wrong and the command that mends it.

use super::span;
use super::table::table;
use crate::fleet::{Row, Runs, Wrong};

const NONE: &str = "-";

fn hours(seconds: i64) -> String {
    span(seconds.saturating_mul(1000))
}

fn runs(runs: &Runs) -> String {
    let since = runs.seconds.map(|seconds| format!(", {}", hours(seconds)));
    format!("{}{}", runs.what, since.unwrap_or_default())
}

/// What is wrong, and the command that mends it.
fn wrong(cluster: &str, wrong: &Wrong, flags: &str) -> (String, String) {
    match wrong {
        Wrong::ConfigUnreadable { why } => {
            let list = format!("mirrorsnap cluster list{flags}");
            (format!("its configuration cannot be read: {why}"), list)
        }
        Wrong::LockUnreadable { why } => (why.clone(), format!("mirrorsnap hold {cluster} \"<who, why>\"{flags}")),
        Wrong::Hold { why } => {
            let unhold = format!("mirrorsnap unhold {cluster}{flags}");
            (format!("it is on hold ({why}): no backup is made"), unhold)
        }
        Wrong::NotBack => {
            let recover = format!("mirrorsnap recover {cluster}{flags}");
            (
                "THE CLUSTER IS NOT BACK: an operation is unfinished, and nobody works on it".to_owned(),
                recover,
            )
        }
        Wrong::Overdue { objective_hours } => {
            let backup = format!("mirrorsnap backup {cluster}{flags}");
            (
                format!("its newest valid backup is older than {objective_hours} h"),
                backup,
            )
        }
        Wrong::NoBackup => (
            "it has no valid backup".to_owned(),
            format!("mirrorsnap backup {cluster}{flags}"),
        ),
    }
}

/// The screen. `flags` are repeated behind each command.
pub fn text(rows: &[Row], flags: &str) -> String {
    if rows.is_empty() {
        return "no cluster is described for this stack".to_owned();
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
    let headings = ["CLUSTER", "ACTIVE", "NEWEST VALID BACKUP", "AGE", "OBJECTIVE", "RUNS"];
    let mut text = table(&headings, &shown);
    let found = rows
        .iter()
        .flat_map(|row| row.wrong.iter().map(move |each| (row, each)));
    let lines: Vec<String> = found
        .map(|(row, each)| {
            let (what, command) = wrong(&row.cluster, each, flags);
            format!("{}: {what}\n  {command}", row.cluster)
        })
        .collect();
    text.push_str("\n\n");
    if lines.is_empty() {
        text.push_str("nothing is wrong");
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
        let text = text(&[row("accounts"), row("orders")], "");
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
        let text = text(&[bad], " --stack x");
        for line in [
            "orders   server1  -                    -    26 h       backup, 12.0 s",
            "orders: THE CLUSTER IS NOT BACK: an operation is unfinished, and nobody works on it\n  mirrorsnap recover orders --stack x",
            "orders: it is on hold (disks): no backup is made\n  mirrorsnap unhold orders --stack x",
            "orders: it has no valid backup\n  mirrorsnap backup orders --stack x",
            "orders: its newest valid backup is older than 26 h\n  mirrorsnap backup orders --stack x",
        ] {
            assert!(text.contains(line), "{line}\n\n{text}");
        }
    }

    #[test]
    fn without_clusters_it_says_so() {
        assert_eq!(text(&[], ""), "no cluster is described for this stack");
    }
}
