//! `keep-schedules`: makes the schedules of the stack's group equal to the clusters' configurations. The patrol calls it. What it cannot
//! do for one cluster keeps it from no other, and is done by the next patrol.

use super::embedded_metrics::head;
use crate::ports::{Fleet, Metrics, Schedules};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::schedule::{Change, Target, plan};
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// docs/functions.md, keep-schedules.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub struct Input {
    pub fleet: String,
    pub group: String,
    pub target: Target,
    pub now: Moment,
}

/// docs/functions.md, keep-schedules. Names of clusters.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Output {
    pub created: Vec<String>,
    pub updated: Vec<String>,
    pub deleted: Vec<String>,
    pub failed: Vec<Failed>,
}

/// A schedule that is not as the cluster's configuration says.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the names say it
pub struct Failed {
    pub cluster: String,
    pub why: String,
}

/// The function. Errors: those of reading the configurations and the group.
pub async fn handle(ports: &(impl Fleet + Schedules + Metrics), input: Input) -> Result<Output> {
    let clusters = ports.clusters().await?;
    let found = ports.schedules(&input.group).await?;
    let plan = plan(&clusters, &found, &input.target);
    let mut output = Output::default();
    for cluster in plan.taken {
        let why = format!("the group {} has a schedule {cluster} that is not ours", input.group);
        output.failed.push(Failed { cluster, why });
    }
    for (cluster, change) in plan.changes {
        let group = input.group.as_str();
        let (ended, done) = match &change {
            Change::Create(entry) => (ports.create_schedule(group, &cluster, entry).await, &mut output.created),
            Change::Update(entry, enabled) => (
                ports.update_schedule(group, &cluster, entry, *enabled).await,
                &mut output.updated,
            ),
            Change::Delete => (ports.delete_schedule(group, &cluster).await, &mut output.deleted),
        };
        match ended.undone() {
            None => done.push(cluster),
            Some(why) => output.failed.push(Failed { cluster, why }),
        }
    }
    for one in &output.failed {
        tracing::warn!(
            cluster = one.cluster,
            why = one.why,
            "the schedule is not as its cluster's configuration says"
        );
    }
    ports.write(&wrong(&input.fleet, output.failed.len(), input.now));
    Ok(output)
}

/// A line of the embedded metric format.
fn wrong(fleet: &str, count: usize, now: Moment) -> Value {
    json!({
        "_aws": head(now, &["Fleet"], [("SchedulesWrong", "Count")]),
        "Fleet": fleet, "SchedulesWrong": count,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CloudWatch's published schema judges this line (tests/references/test_embedded_metrics.py).
    #[test]
    fn the_line_is_the_one_that_the_schema_judges() {
        let judged: Value = serde_json::from_str(include_str!("../../tests/metrics/keep-schedules.jsonl")).unwrap();
        assert_eq!(wrong("mirrorsnap", 2, Moment::from_unix(1_777_601_584)), judged);
    }
}
