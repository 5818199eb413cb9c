//! `patrol`: a look over all clusters, which needs no event (safety.md, rules 7, 12, 13). Four modes: all that is seen, whether one
//! stranded cluster needs recover, what the morning's message is, and to which cluster an event belongs. It sends nothing to a node, and changes nothing.

use super::embedded_metrics::head;
use crate::ports::{Clock, Copies, FastRestores, Fleet, Ledger, Metrics};
use mirrorsnap_domain::catalogue::{Snapshot, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::ec2::VolumeState;
use mirrorsnap_domain::ended::{self, Found};
use mirrorsnap_domain::error::{Kind, Result};
use mirrorsnap_domain::patrol::morning::{Morning, Newest};
use mirrorsnap_domain::patrol::{self, Age, Described, Due, Figures, Finding, Holder, Stranded, Tagged};
use mirrorsnap_domain::proof::DueProof;
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// docs/functions.md, patrol.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Input {
    /// What is there of all clusters?
    Fleet { fleet: String, now: Moment },
    /// Does this cluster need recover?
    Stranded {
        /// A dimension of the metrics.
        fleet: String,
        cluster: String,
        /// The ARN of recover's state machine.
        recover: String,
        now: Moment,
        /// Who held its lock, and what DescribeExecution says of it; left out: nobody held it.
        #[serde(default)]
        holder: Option<String>,
        #[serde(default)]
        holder_status: Option<String>,
    },
    /// What is this morning's message?
    Morning {
        now: Moment,
        /// What the last one answered.
        #[serde(default)]
        newest: Newest,
    },
    /// Which cluster is this event of an execution about?
    Find { event: Value, recover: String },
}

/// docs/functions.md, patrol.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Output {
    Fleet {
        stranded: Vec<Stranded>,
        overdue: Vec<Age>,
        findings: Vec<Finding>,
        prove: Vec<DueProof>,
        /// How many there are in all.
        counts: Counts,
    },
    Stranded {
        recover: bool,
        why: &'static str,
    },
    Morning(Morning),
    Find {
        found: Option<Found>,
    },
}

/// Of a look over all clusters.
#[derive(Debug, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Counts {
    pub clusters: usize,
    pub stranded: usize,
    pub overdue: usize,
    pub findings: usize,
}

/// What the modes need.
pub trait Ports: Fleet + Ledger + FastRestores + Copies + Clock + Metrics {}
impl<T: Fleet + Ledger + FastRestores + Copies + Clock + Metrics> Ports for T {}

/// Most entries of each list in an answer, which must stay below what a state may hand on. The next patrol names the rest.
const MOST: usize = 50;

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Output> {
    match input {
        Input::Fleet { fleet, now } => whole(ports, &fleet, now).await,
        Input::Stranded {
            fleet,
            cluster,
            recover,
            now,
            holder,
            holder_status,
        } => {
            let described = match holder.zip(holder_status) {
                Some((holder, status)) => Described::As { holder, status },
                None => Described::Nobody,
            };
            let kind = match &described {
                Described::As { holder, .. } => Holder::of(holder, &recover),
                Described::Nobody => Holder::Operation,
            };
            let due = patrol::due(&ports.lock(&cluster).await?, &described, kind, now);
            if due.is_stuck() {
                ports.write(&stuck(&fleet, now));
                tracing::warn!(
                    cluster,
                    why = due.why(),
                    "something is unfinished, and nobody works on it"
                );
            }
            Ok(Output::Stranded {
                recover: due == Due::Start,
                why: due.why(),
            })
        }
        Input::Morning { now, newest } => Ok(Output::Morning(seen(ports).await?.morning(&newest, now))),
        Input::Find { event, recover } => {
            let told = ended::read(&event, &recover)?;
            let items = ports.items().await?.locks;
            let holders = items
                .into_iter()
                .filter_map(|(cluster, item)| Some((cluster, item.holder?)));
            let found = ended::find(&told, &holders.collect());
            Ok(Output::Find { found })
        }
    }
}

/// The copies of the clusters that ask for some. A region that does not answer this time is asked by the next patrol.
async fn copies(
    ports: &impl Copies,
    clusters: &BTreeMap<String, Result<Config>>,
) -> BTreeMap<String, Result<Vec<Snapshot>>> {
    let mut found = BTreeMap::new();
    for (cluster, config) in clusters {
        let Some(to) = config.as_ref().ok().and_then(|config| config.copy.as_ref()) else {
            continue;
        };
        match ports.copies_of_cluster(&to.region, cluster).await {
            Err(error) if error.kind() == Kind::AwsUnavailable => {
                tracing::warn!(cluster, %error, "whether the backups are copied is not known");
            }
            seen => {
                let seen = seen.map(|all| all.into_iter().map(|one| one.snapshot).collect());
                found.insert(cluster.clone(), seen);
            }
        }
    }
    found
}

/// All that is there.
async fn seen(ports: &impl Ports) -> Result<patrol::Fleet> {
    let items = ports.items().await?;
    let volumes = ports.all_volumes_of_restores().await?;
    let tagged = volumes.into_iter().map(|(id, volume)| {
        let restore = volume.shape.tags.get(tag::RESTORE_ID).cloned().unwrap_or_default();
        let is_free = volume.state == VolumeState::Available && volume.attached.is_none();
        (id, Tagged { restore, is_free })
    });
    let clusters = ports.clusters().await?;
    Ok(patrol::Fleet {
        copies: copies(ports, &clusters).await,
        clusters,
        items: items.locks,
        records: items.records,
        snapshots: ports.all_snapshots().await?,
        volumes: tagged.collect::<BTreeMap<_, _>>(),
        fast_restores: ports.all_fast_restores().await?,
    })
}

async fn whole(ports: &impl Ports, name: &str, now: Moment) -> Result<Output> {
    let seen = seen(ports).await?;
    let report = seen.report(now);
    for one in &report.figures {
        ports.write(&of_cluster(one, now));
    }
    let of_all = OfAll::of(&report);
    let mut overdue: Vec<Age> = report.ages.into_iter().filter(|age| age.overdue).collect();
    let (mut stranded, mut findings, mut prove) = (report.stranded, report.findings, report.prove);
    let counts = Counts {
        clusters: seen.clusters.len(),
        stranded: stranded.len(),
        overdue: overdue.len(),
        findings: findings.len(),
    };
    ports.write(&of_fleet(name, &counts, &of_all, now));
    for age in &overdue {
        tracing::warn!(cluster = age.cluster, seconds = age.seconds, "the backup is overdue");
    }
    for finding in &findings {
        tracing::warn!(finding = %json!(finding), "something is left");
    }
    stranded.truncate(MOST);
    overdue.truncate(MOST);
    findings.truncate(MOST);
    prove.truncate(MOST);
    Ok(Output::Fleet {
        stranded,
        overdue,
        findings,
        prove,
        counts,
    })
}

/// What the metrics say of all clusters, beside the counts.
#[derive(Debug, Clone, Copy)]
struct OfAll {
    without_valid_backup: usize,
    longest_degraded_seconds: i64,
    fast_restores_left: usize,
}

impl OfAll {
    fn of(report: &patrol::Report) -> Self {
        let is_fast = |one: &&Finding| matches!(one, Finding::FastRestoreLeft { .. });
        let degraded = report.figures.iter().map(|one| one.degraded_seconds);
        Self {
            without_valid_backup: report.figures.iter().filter(|one| one.age_seconds.is_none()).count(),
            longest_degraded_seconds: degraded.max().unwrap_or(0),
            fast_restores_left: report.findings.iter().filter(is_fast).count(),
        }
    }
}

/// A line of the embedded metric format. Without a valid backup there is neither an age nor a size.
fn of_cluster(one: &Figures, now: Moment) -> Value {
    let all = [
        ("BackupAgeSeconds", "Seconds", one.age_seconds.map(Value::from)),
        ("BackupGibibytes", "Gigabytes", one.gib.map(Value::from)),
        (
            "SnapshotUsdPerMonthAtMost",
            "None",
            Some(one.usd_per_month_at_most.into()),
        ),
        ("DegradedForSeconds", "Seconds", Some(one.degraded_seconds.into())),
    ];
    let known: Vec<(&str, &str, Value)> = all
        .into_iter()
        .filter_map(|(name, unit, value)| Some((name, unit, value?)))
        .collect();
    let mut line = json!({
        "_aws": head(now, &["Cluster"], known.iter().map(|(name, unit, _)| (*name, *unit))),
        "Cluster": one.cluster,
    });
    if let Some(line) = line.as_object_mut() {
        line.extend(known.into_iter().map(|(name, _, value)| (name.to_owned(), value)));
    }
    line
}

/// A line of the embedded metric format. `FastRestoresLeft` are not in `LeftBehind`: each has an alarm of its own.
fn of_fleet(name: &str, counts: &Counts, all: &OfAll, now: Moment) -> Value {
    let names = [
        ("BackupsOverdue", "Count"),
        ("WithoutValidBackup", "Count"),
        ("Stranded", "Count"),
        ("LongestDegradedSeconds", "Seconds"),
        ("LeftBehind", "Count"),
        ("FastRestoresLeft", "Count"),
        ("Clusters", "Count"),
    ];
    json!({
        "_aws": head(now, &["Fleet"], names),
        "Fleet": name, "BackupsOverdue": counts.overdue, "WithoutValidBackup": all.without_valid_backup,
        "Stranded": counts.stranded, "LongestDegradedSeconds": all.longest_degraded_seconds,
        "LeftBehind": counts.findings.saturating_sub(all.fast_restores_left), "FastRestoresLeft": all.fast_restores_left,
        "Clusters": counts.clusters,
    })
}

/// A line of the embedded metric format, for each cluster that is stuck.
fn stuck(fleet: &str, now: Moment) -> Value {
    json!({"_aws": head(now, &["Fleet"], [("Stuck", "Count")]), "Fleet": fleet, "Stuck": 1})
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CloudWatch's published schema judges these lines (tests/references/test_embedded_metrics.py).
    #[test]
    fn the_lines_are_those_that_the_schema_judges() {
        let now = Moment::from_unix(1_777_601_584);
        let one = Figures {
            cluster: "orders".to_owned(),
            age_seconds: Some(7200),
            gib: Some(40),
            usd_per_month_at_most: 12.5,
            degraded_seconds: 0,
        };
        let without = Figures {
            age_seconds: None,
            gib: None,
            degraded_seconds: 500,
            ..one.clone()
        };
        let counts = Counts {
            clusters: 3,
            stranded: 1,
            overdue: 0,
            findings: 3,
        };
        let fast = Finding::FastRestoreLeft {
            snapshot: "snap-001".parse().unwrap(),
            zone: "a".to_owned(),
        };
        let report = patrol::Report {
            stranded: vec![],
            ages: vec![],
            figures: vec![one.clone(), without.clone()],
            findings: vec![
                fast,
                Finding::RecordLeft {
                    restore: "r".to_owned(),
                },
            ],
            prove: vec![],
        };
        let lines = [
            of_cluster(&one, now),
            of_cluster(&without, now),
            of_fleet("mirrorsnap", &counts, &OfAll::of(&report), now),
            stuck("mirrorsnap", now),
        ];
        let judged = include_str!("../../tests/metrics/patrol.jsonl");
        let judged: Vec<Value> = judged.lines().map(|one| serde_json::from_str(one).unwrap()).collect();
        assert_eq!(lines.as_slice(), judged);
    }
}
