//! The morning's message: who has a new valid backup since the last message, and who has not. In English and in Japanese.
//!
//! A backup is new if it was not the newest valid one at the last message, whenever its groups were stopped: a large snapshot may take
//! hours, and its backup becomes valid long after its moment.

use super::Fleet;
use crate::time::Moment;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write;

/// Most clusters that one list names. The others are counted, so that the message is short for any number of clusters.
pub const MOST: usize = 40;
/// Most characters of a reason in the message.
const LONGEST_REASON: usize = 80;

/// Of each cluster the id of its newest valid backup, by the cluster's name.
pub type Newest = BTreeMap<String, String>;

/// What is published. SNS takes a subject of less than 100 characters of ASCII, and 256 KiB in all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// In English: SNS takes ASCII only.
    pub subject: String,
    /// English first, then Japanese.
    pub text: String,
}

/// A morning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Morning {
    /// `None`: there is no cluster, and nothing to tell.
    pub message: Option<Message>,
    /// To be handed in again the next morning.
    pub newest: Newest,
}

/// Why a cluster without a new valid backup may have none.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    /// Its configuration cannot be read.
    Unreadable,
    /// An operator's hold, with its text.
    Hold(String),
    /// An operation is unfinished.
    Unfinished,
    /// Nothing is known. It may have no schedule.
    Unknown,
}

/// A cluster without a new valid backup.
#[derive(Debug, Clone)]
struct Failing<'a> {
    cluster: &'a str,
    /// The moment of its newest valid backup, and its age; `None`: it has none.
    newest: Option<(Moment, i64)>,
    reason: Reason,
}

impl Fleet {
    /// This morning's message. `told`: what the last one left.
    pub fn morning(&self, told: &Newest, now: Moment) -> Morning {
        let (mut new, mut failing, mut next) = (Vec::new(), Vec::new(), Newest::new());
        for (cluster, backups) in self.backups() {
            let newest = self.newest(cluster, &backups);
            let before = told.get(cluster);
            match newest {
                Some(backup) if before != Some(&backup.id.to_string()) => new.push(cluster),
                _ => failing.push(Failing {
                    cluster,
                    newest: newest.map(|one| (one.consistent_at, now.seconds_since(one.consistent_at).max(0))),
                    reason: self.reason(cluster),
                }),
            }
            // An answer of EC2 that lacks the backup today does not make it a new one tomorrow.
            if let Some(id) = newest.map(|one| one.id.to_string()).or_else(|| before.cloned()) {
                next.insert(cluster.to_owned(), id);
            }
        }
        // The one that has been without for the longest comes first; of no backup at all nobody knows for how long.
        failing.sort_by_key(|one| (one.newest.map(|(moment, _)| moment), one.cluster));
        let message = (!self.clusters.is_empty()).then(|| Message {
            subject: subject(failing.len(), self.clusters.len()),
            text: format!("{}\n\n{}", english(&failing, &new), japanese(&failing, &new)),
        });
        Morning { message, newest: next }
    }

    fn reason(&self, cluster: &str) -> Reason {
        if self.clusters.get(cluster).is_some_and(std::result::Result::is_err) {
            return Reason::Unreadable;
        }
        let lock = self.items.get(cluster).and_then(|item| item.lock.as_ref().ok());
        match lock {
            Some(lock) if lock.hold.is_some() => Reason::Hold(short(lock.hold.as_deref().unwrap_or_default())),
            Some(lock) if lock.intent.is_some() => Reason::Unfinished,
            _ => Reason::Unknown,
        }
    }
}

/// On one line, and cut.
fn short(text: &str) -> String {
    let plain = text.chars().map(|one| if one.is_control() { ' ' } else { one });
    plain.take(LONGEST_REASON).collect()
}

fn subject(failing: usize, all: usize) -> String {
    match (failing, all) {
        (0, 1) => "mirrorsnap: the cluster has a new valid backup".to_owned(),
        (0, _) => format!("mirrorsnap: all {all} clusters have a new valid backup"),
        (_, 1) => "mirrorsnap: THE CLUSTER HAS NO NEW VALID BACKUP".to_owned(),
        _ => format!("mirrorsnap: {failing} OF {all} CLUSTERS HAVE NO NEW VALID BACKUP"),
    }
}

fn english(failing: &[Failing<'_>], new: &[&str]) -> String {
    let mut out = String::new();
    let lines = failing.iter().take(MOST).map(|one| {
        let newest = one.newest.map_or_else(
            || "no valid backup at all".to_owned(),
            |(moment, age)| format!("newest valid backup {moment}, {} h old", age / 3600),
        );
        let reason = match &one.reason {
            Reason::Unreadable => "; its configuration cannot be read".to_owned(),
            Reason::Hold(why) => format!("; on hold: {why}"),
            Reason::Unfinished => "; an operation is unfinished".to_owned(),
            Reason::Unknown => String::new(),
        };
        format!("- {}: {newest}{reason}", one.cluster)
    });
    if !failing.is_empty() {
        let head = format!("No new valid backup since the last message: {}", failing.len());
        list(&mut out, &head, lines);
        rest(&mut out, failing.len(), |count| format!("- and {count} more"));
    }
    let more = |count| format!(" and {count} more");
    names(&mut out, &format!("New valid backup: {}", new.len()), new, ", ", more);
    let _ = write!(out, "Run: mirrorsnap status");
    out
}

fn japanese(failing: &[Failing<'_>], new: &[&str]) -> String {
    let mut out = String::new();
    let lines = failing.iter().take(MOST).map(|one| {
        let newest = one.newest.map_or_else(
            || "有効なバックアップがまったくありません".to_owned(),
            |(moment, age)| format!("最新の有効なバックアップは {moment}（{} 時間前）", age / 3600),
        );
        let reason = match &one.reason {
            Reason::Unreadable => "。設定を読み取れません".to_owned(),
            Reason::Hold(why) => format!("。hold 中: {why}"),
            Reason::Unfinished => "。操作が未完了です".to_owned(),
            Reason::Unknown => String::new(),
        };
        format!("- {}: {newest}{reason}", one.cluster)
    });
    if !failing.is_empty() {
        let head = format!(
            "前回の通知以降、新しい有効なバックアップがないクラスター: {}",
            failing.len()
        );
        list(&mut out, &head, lines);
        rest(&mut out, failing.len(), |count| format!("- ほか {count} クラスター"));
    }
    let more = |count| format!("、ほか {count} クラスター");
    let head = format!("新しい有効なバックアップがあるクラスター: {}", new.len());
    names(&mut out, &head, new, "、", more);
    let _ = write!(out, "実行: mirrorsnap status");
    out
}

fn list(out: &mut String, head: &str, lines: impl Iterator<Item = String>) {
    let _ = writeln!(out, "{head}");
    for line in lines {
        let _ = writeln!(out, "{line}");
    }
}

fn rest(out: &mut String, count: usize, text: impl Fn(usize) -> String) {
    if count > MOST {
        let _ = writeln!(out, "{}", text(count.saturating_sub(MOST)));
    }
}

fn names(out: &mut String, head: &str, clusters: &[&str], between: &str, more: impl Fn(usize) -> String) {
    if clusters.is_empty() {
        return;
    }
    let named: Vec<&str> = clusters.iter().take(MOST).copied().collect();
    let left = clusters.len().saturating_sub(named.len());
    let left = if left == 0 { String::new() } else { more(left) };
    let _ = writeln!(out, "{head} ({}{left})", named.join(between));
}

#[cfg(test)]
#[path = "morning_tests.rs"]
mod tests;
