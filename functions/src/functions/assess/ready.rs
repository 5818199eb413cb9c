//! `assess` `ready`: the post-processing's steps once both nodes are up on their new volumes; an error if one can never be.

use super::{Output, Ports, as_json};
use crate::deadline::Deadline;
use crate::functions::fence::intent;
use crate::functions::observe::{Purpose, observe};
use mirrorsnap_domain::converge::Memory;
use mirrorsnap_domain::converge::starts::{self, Ordered};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::lock::Claim;
use mirrorsnap_domain::restore::{self, Ready};
use mirrorsnap_domain::time::Moment;
use std::time::Duration;

/// Between two looks.
const POLL: Duration = Duration::from_millis(500);

pub(super) async fn ready(
    ports: &impl Ports,
    cluster: &str,
    claim: &Claim,
    now: Moment,
    patience: u32,
    memory: Memory,
    starts: &[Ordered],
) -> Result<Output> {
    let config = ports.config(cluster).await?;
    let deadline = Deadline::after(ports, patience);
    let mut memory = memory;
    starts::note(&mut memory.starts, starts, now);
    loop {
        let (_, intent) = intent(ports, cluster, claim).await?;
        let at = now.plus(deadline.elapsed(ports));
        let seen = observe(ports, &config, &intent.id, at, Purpose::Progress).await?;
        starts::look(&mut memory.starts, &seen);
        match restore::ready(&config, &intent, &seen, &memory) {
            Ready::Yes(steps) => {
                return Ok(Output::Ready {
                    over: true,
                    why: None,
                    off: false,
                    memory,
                    tell: None,
                    steps,
                    intent_json: Some(as_json(&restore::processing(&intent))?),
                });
            }
            Ready::Never(error) => return Err(error),
            // The device nodes may not be there yet just after a boot.
            Ready::Mismatch(error) if deadline.has_passed(ports) => return Err(error),
            Ready::NotYet(why) => {
                let tell = starts::tell(&mut memory.starts, &config, at);
                if tell.is_some() || deadline.has_passed(ports) {
                    return Ok(not_ready(why, false, memory, tell));
                }
            }
            Ready::Off(nodes) => {
                for node in &nodes {
                    memory.start(node, &seen);
                }
                let why = format!("{} must be started again", nodes.join(" and "));
                return Ok(not_ready(why, true, memory, None));
            }
            Ready::Mismatch(_) => {}
        }
        ports.sleep(POLL).await;
    }
}

fn not_ready(why: String, off: bool, memory: Memory, tell: Option<String>) -> Output {
    Output::Ready {
        over: false,
        why: Some(why),
        off,
        memory,
        tell,
        steps: vec![],
        intent_json: None,
    }
}
