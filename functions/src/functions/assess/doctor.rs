//! `assess` `doctor`: what the nodes' commands print, what our parsers make of it, and which beliefs it refutes.

use super::Ports;
use crate::functions::observe::{answer, both, instances};
use mirrorsnap_domain::doctor::judge::{Report, judge};
use mirrorsnap_domain::doctor::recording::{FORM, RecordedNode, Recording};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::sentence::{Said, Sentence};
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use serde::Serialize;
use std::collections::BTreeMap;

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
    #[serde(flatten)]
    pub words: Said,
    /// The roles that use keys, by function: whoever asks for keys elsewhere judges their policies by these.
    pub key_roles: BTreeMap<String, String>,
}

pub(super) async fn doctor(ports: &impl Ports, cluster: &str, now: Moment) -> Result<Doctor> {
    let config = ports.config(cluster).await?;
    let run = Id::new(IdKind::Backup, cluster, now)?.to_string();
    let found = instances(ports, &config).await?;
    let one = async |node: &str| answer(ports, &config, found.get(node), &Step::doctor(&config, node, &run)).await;
    let (mut nodes, mut words) = (vec![], vec![]);
    for (node, reply) in both(&config, one).await? {
        match reply {
            Ok(reply) => {
                if reply.head.left_out > 0 {
                    words.push(Sentence::DoctorLeftOut {
                        node: node.to_owned(),
                        count: u64::from(reply.head.left_out),
                    });
                }
                nodes.push(RecordedNode {
                    name: node.to_owned(),
                    entries: reply.head.entries,
                });
            }
            Err(why) => words.push(Sentence::DoctorSilent {
                node: node.to_owned(),
                why: why.clone(),
            }),
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
        words.push(Sentence::DoctorBrief);
        report.brief()
    } else {
        report
    };
    Ok(Doctor {
        report,
        recording: hidden,
        words: Said(words),
        key_roles: ports.key_roles(),
    })
}
