//! `patrol`: a look over all clusters, which needs no event (safety.md, rules 7, 12, 13). Three modes: all that is seen, whether one
//! stranded cluster needs recover, and to which cluster an event belongs. It sends nothing to a node, and changes nothing.

use super::embedded_metrics::head;
use crate::ports::{Clock, FastRestores, Fleet, Ledger, Metrics};
use mirrorsnap_domain::catalogue::tag;
use mirrorsnap_domain::ec2::VolumeState;
use mirrorsnap_domain::ended::{self, Found};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::patrol::{self, Age, Described, Finding, Holder, Stranded, Tagged};
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
        /// How many there are in all.
        counts: Counts,
    },
    Stranded {
        recover: bool,
        why: &'static str,
    },
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
pub trait Ports: Fleet + Ledger + FastRestores + Clock + Metrics {}
impl<T: Fleet + Ledger + FastRestores + Clock + Metrics> Ports for T {}

/// Most entries of each list in an answer, which must stay below what a state may hand on. The next patrol names the rest.
const MOST: usize = 50;

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Output> {
    match input {
        Input::Fleet { fleet, now } => whole(ports, &fleet, now).await,
        Input::Stranded {
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
            let due = patrol::is_due(&ports.lock(&cluster).await?, &described, kind, now);
            let why = due.err().unwrap_or("its intent is unfinished, and nobody works on it");
            Ok(Output::Stranded {
                recover: due.is_ok(),
                why,
            })
        }
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

async fn whole(ports: &impl Ports, name: &str, now: Moment) -> Result<Output> {
    let items = ports.items().await?;
    let volumes = ports.all_volumes_of_restores().await?;
    let tagged = volumes.into_iter().map(|(id, volume)| {
        let restore = volume.shape.tags.get(tag::RESTORE_ID).cloned().unwrap_or_default();
        let is_free = volume.state == VolumeState::Available && volume.attached.is_none();
        (id, Tagged { restore, is_free })
    });
    let seen = patrol::Fleet {
        clusters: ports.clusters().await?,
        items: items.locks,
        records: items.records,
        snapshots: ports.all_snapshots().await?,
        volumes: tagged.collect::<BTreeMap<_, _>>(),
        fast_restores: ports.all_fast_restores().await?,
    };
    let report = seen.report(now);
    for age in &report.ages {
        if let Some(line) = backup_age(age, now) {
            ports.write(&line);
        }
    }
    let mut overdue: Vec<Age> = report.ages.into_iter().filter(|age| age.overdue).collect();
    let (mut stranded, mut findings) = (report.stranded, report.findings);
    let counts = Counts {
        clusters: seen.clusters.len(),
        stranded: stranded.len(),
        overdue: overdue.len(),
        findings: findings.len(),
    };
    ports.write(&of_fleet(name, &counts, now));
    for age in &overdue {
        tracing::warn!(cluster = age.cluster, seconds = age.seconds, "the backup is overdue");
    }
    for finding in &findings {
        tracing::warn!(finding = %json!(finding), "something is left");
    }
    stranded.truncate(MOST);
    overdue.truncate(MOST);
    findings.truncate(MOST);
    Ok(Output::Fleet {
        stranded,
        overdue,
        findings,
        counts,
    })
}

/// A line of the embedded metric format. Without a valid backup there is no age to measure, and no metric.
fn backup_age(age: &Age, now: Moment) -> Option<Value> {
    Some(json!({
        "_aws": head(now, &["Cluster"], [("BackupAgeSeconds", "Seconds")]),
        "Cluster": age.cluster, "BackupAgeSeconds": age.seconds?,
    }))
}

fn of_fleet(name: &str, counts: &Counts, now: Moment) -> Value {
    let names = [
        ("BackupsOverdue", "Count"),
        ("Stranded", "Count"),
        ("LeftBehind", "Count"),
        ("Clusters", "Count"),
    ];
    json!({
        "_aws": head(now, &["Fleet"], names),
        "Fleet": name, "BackupsOverdue": counts.overdue, "Stranded": counts.stranded, "LeftBehind": counts.findings,
        "Clusters": counts.clusters,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CloudWatch's published schema judges these lines (tests/references/test_embedded_metrics.py).
    #[test]
    fn the_lines_are_those_that_the_schema_judges() {
        let now = Moment::from_unix(1_777_601_584);
        let age = |seconds| Age {
            cluster: "orders".to_owned(),
            seconds,
            overdue: false,
        };
        let counts = Counts {
            clusters: 3,
            stranded: 1,
            overdue: 0,
            findings: 2,
        };
        assert_eq!(backup_age(&age(None), now), None);
        let lines = [
            backup_age(&age(Some(7200)), now).unwrap(),
            of_fleet("mirrorsnap", &counts, now),
        ];
        let judged = include_str!("../../tests/metrics/patrol.jsonl");
        let judged: Vec<Value> = judged.lines().map(|one| serde_json::from_str(one).unwrap()).collect();
        assert_eq!(lines.as_slice(), judged);
    }
}
