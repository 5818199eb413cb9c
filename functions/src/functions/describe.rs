//! Asks both nodes for their description, and EC2 for that of their instances. It changes nothing, and disturbs nothing.

use super::observe::{answer, instances};
use crate::ports::{Clock, Instances, Nodes};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::description::{Description, FORM, MOST_CHARACTERS, Told, joined};
use mirrorsnap_domain::error::Result;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::observation::Instance;
use mirrorsnap_domain::reply::Outcome;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// For all parts of a node. A plan, which reads it too, has looked at both nodes before, for up to a minute.
const PATIENCE: Duration = Duration::from_secs(45);

/// The description of a cluster as it is now, for the operation `run`.
pub(crate) async fn describe(
    ports: &(impl Instances + Nodes + Clock),
    config: &Config,
    run: &Id,
    now: Moment,
) -> Result<Description> {
    let found = instances(ports, config).await?;
    let one = async |node: &str| {
        tokio::select! {
            // In this order, so that a run of the simulator can be repeated.
            biased;
            told = Box::pin(node_told(ports, config, found.get(node), node, run)) => told,
            () = ports.sleep(PATIENCE) => Ok(Told::Nothing(format!("it took more than {} s", PATIENCE.as_secs()))),
        }
    };
    let told = super::observe::both(config, one).await?;
    let ids: Vec<_> = found.values().map(|instance| instance.id.clone()).collect();
    let mut facts = ports.facts(&ids).await?;
    let facts = found
        .into_iter()
        .filter_map(|(node, instance)| Some((node, facts.remove(&instance.id)?)));
    Ok(Description {
        description: FORM,
        taken: now,
        instances: facts.collect(),
        nodes: BTreeMap::from(told.map(|(node, told)| (node.to_owned(), told))),
    })
}

async fn node_told(
    ports: &(impl Instances + Nodes + Clock),
    config: &Config,
    instance: Option<&Instance>,
    node: &str,
    run: &Id,
) -> Result<Told> {
    let run = run.to_string();
    let mut replies = Vec::new();
    for number in 1.. {
        let reply = match answer(ports, config, instance, &Step::describe(config, node, &run, number)).await? {
            Ok(reply) => reply,
            Err(why) => return Ok(Told::Nothing(why)),
        };
        let Some(pack) = reply.head.pack.clone().filter(|_| reply.head.result == Outcome::Ok) else {
            return Ok(Told::Nothing(format!("it could not make part {number} of it")));
        };
        if pack.characters > MOST_CHARACTERS {
            let found = pack.characters;
            return Ok(Told::Nothing(format!(
                "it has {found} characters, and {MOST_CHARACTERS} are kept at most"
            )));
        }
        replies.push(reply);
        if number >= pack.parts {
            break;
        }
    }
    Ok(joined(&replies).map_or_else(Told::Nothing, Told::Packed))
}
