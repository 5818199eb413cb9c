//! `assess` `doctor`: what the nodes' commands print, what our parsers make of it, and which beliefs it refutes.

use super::Ports;
use crate::functions::observe::{answer, instances};
use mirrorsnap_domain::doctor::judge::{Report, judge};
use mirrorsnap_domain::doctor::recording::{FORM, RecordedNode, Recording};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use serde::Serialize;

/// A state of Step Functions may pass on 256 KiB, and the plan stands beside this.
const MOST_BYTES: usize = 160 * 1024;

/// The doctor's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doctor {
    /// What the judge says. It holds the cluster's own names.
    pub report: Report,
    /// What was recorded, with pseudonyms: it may be sent to others.
    pub recording: Recording,
    /// What a person should know: refuted beliefs that would end an operation within an outage, nodes that did not answer, and whatever
    /// was left out.
    pub words: Vec<String>,
}

pub(super) async fn doctor(ports: &impl Ports, cluster: &str, now: Moment) -> Result<Doctor> {
    let config = ports.config(cluster).await?;
    let run = Id::new(IdKind::Backup, cluster, now)?.to_string();
    let found = instances(ports, &config).await?;
    let [first, second] = config.nodes.as_slice() else {
        return Err(Error::new(
            Kind::ConfigInvalid,
            "a cluster has two nodes",
            "name exactly two",
        ));
    };
    let steps = [first, second].map(|node| Step::doctor(&config, &node.name, &run));
    let one = |node: &str, step| answer(ports, &config, found.get(node), step);
    let [of_first, of_second] = &steps;
    let (a, b) = tokio::try_join!(one(&first.name, of_first), one(&second.name, of_second))?;
    let (mut nodes, mut words) = (vec![], vec![]);
    for (step, reply) in steps.iter().zip([a, b]) {
        match reply {
            Ok(reply) => {
                if reply.head.left_out > 0 {
                    words.push(format!(
                        "The doctor on {} left out {} commands, for which it had no time or no room.",
                        step.node, reply.head.left_out
                    ));
                }
                nodes.push(RecordedNode {
                    name: step.node.clone(),
                    entries: reply.head.entries,
                });
            }
            Err(why) => words.push(format!("The doctor has no answer of {}: {why}.", step.node)),
        }
    }
    let recording = Recording {
        recording: FORM,
        taken: now.to_string(),
        about: String::new(),
        nodes,
    };
    let report = judge(&recording, &config);
    words.extend(report.words());
    let hidden = recording.hidden();
    let size = |report: &Report| serde_json::to_string(&(report, &hidden)).map_or(usize::MAX, |text| text.len());
    let report = if size(&report) > MOST_BYTES {
        words.push(
            "The doctor's report holds only the outputs that could not be read: it would be too long.".to_owned(),
        );
        report.brief()
    } else {
        report
    };
    Ok(Doctor {
        report,
        recording: hidden,
        words,
    })
}
