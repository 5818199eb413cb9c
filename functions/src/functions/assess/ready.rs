//! `assess` `ready`: the post-processing's steps once both nodes are up on their new volumes; an error if one can never be.

use super::{Output, Ports, Watch, as_json};
use mirrorsnap_domain::converge::Memory;
use mirrorsnap_domain::converge::starts::{self, Ordered};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::restore::{self, Ready};

pub(super) async fn ready(watch: &Watch<'_, impl Ports>, memory: Memory, starts: &[Ordered]) -> Result<Output> {
    let mut memory = memory;
    starts::note(&mut memory.starts, starts, watch.began);
    loop {
        let intent = watch.intent().await?;
        let seen = watch.observe(&intent).await?;
        starts::look(&mut memory.starts, &seen);
        match restore::ready(&watch.config, &intent, &seen, &memory) {
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
            Ready::Mismatch(error) if watch.is_over() => return Err(error),
            Ready::NotYet(why) => {
                let tell = starts::tell(&mut memory.starts, &watch.config, seen.at);
                if tell.is_some() || watch.is_over() {
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
        watch.pause().await;
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
