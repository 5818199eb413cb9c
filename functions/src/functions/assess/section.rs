//! `assess` `section`: how did the critical section end? Judged from both nodes' records (safety.md, V).

use super::{Output, Ports};
use crate::deadline::Deadline;
use crate::functions::fence::intent;
use crate::functions::observe::read;
use mirrorsnap_domain::document::Document;
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::evidence::{self, SectionState};
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::steps::Step;
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_millis(500);

/// A node's records of the critical section.
async fn records(ports: &impl Ports, instance: &InstanceId, node: &str, run: &str) -> Result<Reply> {
    read(ports, instance, &Step::new(Document::ReadRecords, node, run)).await
}

pub(super) async fn section(ports: &impl Ports, cluster: &str, claim: &Claim, patience: u32) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let (lock, intent) = intent(ports, cluster, claim).await?;
    let deadline = Deadline::after(ports, patience);
    let (active, standby) = (config.node(&intent.active)?, config.node(&intent.standby)?);
    loop {
        let (a, s) = tokio::try_join!(
            records(ports, &active.instance_id, &active.name, &intent.id),
            records(ports, &standby.instance_id, &standby.name, &intent.id)
        )?;
        // The time after the records were read, rounded up: consistent-at is this less the node's own seconds since the
        // seal, so it never lies before the stop, however long the reading took and however often it was repeated.
        let read_at = ports.now().plus(1);
        let hooks = a.section("out hooks.out").map_or("", |out| out.text.as_str());
        match evidence::section(&intent, lock.epoch, &a.head, &s.head, read_at).with_hooks(hooks) {
            SectionState::Good(section) => {
                return Ok(Output::Section {
                    over: true,
                    why: None,
                    section: Some(section),
                });
            }
            SectionState::Void(error) => return Err(error),
            SectionState::Running(why) if deadline.has_passed(ports) => {
                return Ok(Output::Section {
                    over: false,
                    why: Some(why.to_owned()),
                    section: None,
                });
            }
            SectionState::Running(_) => ports.sleep(POLL).await,
        }
    }
}
