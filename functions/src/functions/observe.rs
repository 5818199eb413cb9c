//! Observes a cluster: EC2, and both nodes by the document `observe`.

use crate::deadline::Deadline;
use crate::functions::repeat::still_not;
use crate::ports::{Agent, Clock, Instances, Nodes, Outcome, Progress};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::document::{AskedSettings, Document};
use mirrorsnap_domain::ec2::InstanceId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::observation::{Instance, Node, Observation, Power};
use mirrorsnap_domain::reply::Reply;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a node may take to answer. A node that runs answers in a second or two; where CLUSTERPRO's commands hang, `observe` gives them
/// up after 15.
pub(crate) const ANSWER_SECONDS: u32 = 30;

/// The same where it reads the settings too, and gives up after 35.
const SETTINGS_SECONDS: u32 = 60;

/// The same for the doctor, which gives up after 45.
const DOCTOR_SECONDS: u32 = 70;

/// How often to look at a command.
const REPLY_POLL: Duration = Duration::from_millis(300);

/// How often to check, while waiting for an answer, that the instance still runs.
const POWER_POLL: Duration = Duration::from_millis(2500);

/// How long an instance may be missing in EC2's answers before it counts as terminated, and how often to look.
const ABSENT_SECONDS: u32 = 10;
const ABSENT_POLL: Duration = Duration::from_secs(2);

/// What an observation is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// An inspection before anything is touched: asks for the shutdown behaviour and for clp.conf too, which takes calls and commands.
    Inspection,
    /// A look during an operation.
    Progress,
}

/// The cluster's instances by node name. One that EC2 does not show is absent; an answer without it is not believed at once.
pub(crate) async fn instances(ports: &(impl Instances + Clock), config: &Config) -> Result<BTreeMap<String, Instance>> {
    let ids: Vec<InstanceId> = config.nodes.iter().map(|node| node.instance_id.clone()).collect();
    let deadline = Deadline::after(ports, ABSENT_SECONDS);
    loop {
        let mut found = ports.instances(&ids).await?;
        let all = ids.iter().all(|id| found.contains_key(id));
        if all || deadline.has_passed(ports) {
            let named = config
                .nodes
                .iter()
                .filter_map(|node| Some((node.name.clone(), found.remove(&node.instance_id)?)));
            return Ok(named.collect());
        }
        ports.sleep(ABSENT_POLL).await;
    }
}

/// Why a node cannot be asked; `None`: ask it.
async fn not_online(ports: &impl Nodes, config: &Config, instance: &Instance) -> Result<Option<String>> {
    if instance.tagged_for.as_deref() != Some(config.name.as_str()) {
        // SendCommand would be denied: our permissions end at the tag.
        return Ok(Some(format!(
            "its instance has no tag mirrorsnap:cluster={}",
            config.name
        )));
    }
    if instance.power != Power::Running {
        return Ok(Some(format!("its instance is {}", instance.power)));
    }
    Ok(match ports.agent(&instance.id).await? {
        Agent::Unmanaged => Some("SSM does not manage the instance".to_owned()),
        Agent::Away(ping) => Some(format!("its SSM agent is {ping}")),
        // The status stays Online for minutes after a stop: only a ping since the last start counts.
        Agent::Online(pinged) => {
            (pinged < instance.launched).then(|| "its SSM agent has not pinged since the start".to_owned())
        }
    })
}

/// Returns once the instance is no longer running.
async fn gone(ports: &(impl Instances + Clock), config: &Config, node: &str) -> Result<String> {
    loop {
        ports.sleep(POWER_POLL).await;
        let power = instances(ports, config)
            .await?
            .get(node)
            .map(|instance| instance.power.clone());
        if power != Some(Power::Running) {
            return Ok("its instance went down while it was asked".to_owned());
        }
    }
}

/// Sends a read-only document and waits for its reply, at most `ANSWER_SECONDS`; the command line too.
pub async fn read(ports: &(impl Nodes + Clock), instance: &InstanceId, step: &Step) -> Result<Reply> {
    let patience = match step.document {
        Document::Observe {
            settings: AskedSettings::Yes,
            ..
        } => SETTINGS_SECONDS,
        Document::Doctor(_) => DOCTOR_SECONDS,
        _ => ANSWER_SECONDS,
    };
    let deadline = Deadline::after(ports, patience);
    let command = match ports.send(instance, step).await {
        Outcome::Accepted(command) => command,
        Outcome::Unknown(error) | Outcome::Refused(error) => return Err(error),
        Outcome::NotYet(why) => return Err(still_not(&why)),
        Outcome::AlreadySo => return Err(still_not("SendCommand gave no command's id")),
    };
    loop {
        ports.sleep(REPLY_POLL).await;
        if let Progress::Replied(reply) = ports.progress(step, &command).await? {
            return Ok(*reply);
        }
        if deadline.has_passed(ports) {
            ports.cancel(&command).await;
            return Err(Error::new(
                Kind::NodeUnreachable,
                format!(
                    "{} did not answer {} within {patience} s",
                    step.node,
                    step.document.name()
                ),
                "check the SSM agent and the node's load",
            ));
        }
    }
}

/// One node's reply to a document that only reads, or why there is none.
pub(crate) async fn answer(
    ports: &(impl Instances + Nodes + Clock),
    config: &Config,
    instance: Option<&Instance>,
    step: &Step,
) -> Result<std::result::Result<Reply, String>> {
    let Some(instance) = instance else {
        return Ok(Err("EC2 does not show its instance".to_owned()));
    };
    if let Some(reason) = not_online(ports, config, instance).await? {
        return Ok(Err(reason));
    }
    let answer = tokio::select! {
        // In this order, so that a run of the simulator can be repeated.
        biased;
        // Boxed: both nodes are asked at once, within futures that are large already.
        answer = Box::pin(read(ports, &instance.id, step)) => answer,
        reason = Box::pin(gone(ports, config, &step.node)) => return reason.map(Err),
    };
    match answer {
        Ok(reply) => Ok(Ok(reply)),
        // If AWS refuses the call, that says nothing of the node.
        Err(error) if matches!(error.kind(), Kind::AwsUnavailable | Kind::AwsRefused) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// One node's own answer to `observe`, or why there is none.
pub(crate) async fn ask(
    ports: &(impl Instances + Nodes + Clock),
    config: &Config,
    node: &str,
    instance: Option<&Instance>,
    run: &str,
    purpose: Purpose,
) -> Result<std::result::Result<Node, String>> {
    let settings = match purpose {
        Purpose::Inspection => AskedSettings::Yes,
        Purpose::Progress => AskedSettings::No,
    };
    let step = Step::observe(config, node, run, settings);
    let reply = answer(ports, config, instance, &step).await?;
    Ok(reply.map(|reply| Node::read(config, node, &reply)))
}

/// What `one` answers of each node, by the node's name. Both are asked at once.
pub(crate) async fn both<T>(config: &Config, one: impl AsyncFn(&str) -> Result<T>) -> Result<[(&str, T); 2]> {
    let [first, second] = config.nodes.as_slice() else {
        return Err(Error::new(
            Kind::ConfigInvalid,
            "a cluster has two nodes",
            "name exactly two",
        ));
    };
    let (a, b) = tokio::try_join!(one(&first.name), one(&second.name))?;
    Ok([(&first.name, a), (&second.name, b)])
}

/// Observes a cluster. `run` is the operation whose records the nodes show, `at` the caller's time.
pub(crate) async fn observe(
    ports: &(impl Instances + Nodes + Clock),
    config: &Config,
    run: &str,
    at: Moment,
    purpose: Purpose,
) -> Result<Observation> {
    let mut instances = instances(ports, config).await?;
    if purpose == Purpose::Inspection {
        // Without our tag the call would be denied: our permissions end there. The inspection refuses such an instance.
        let ours = |instance: &&mut Instance| instance.tagged_for.as_deref() == Some(config.name.as_str());
        for instance in instances.values_mut().filter(ours) {
            instance.shutdown_behavior = ports.shutdown_behavior(&instance.id).await?;
        }
    }
    let (mut nodes, mut silent) = (BTreeMap::new(), BTreeMap::new());
    let one = async |name: &str| ask(ports, config, name, instances.get(name), run, purpose).await;
    for (name, answer) in both(config, one).await? {
        match answer {
            Ok(node) => {
                nodes.insert(name.to_owned(), node);
            }
            Err(reason) => {
                silent.insert(name.to_owned(), reason);
            }
        }
    }
    Ok(Observation {
        at,
        instances,
        nodes,
        silent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Configs;
    use crate::testing::{Twin, parsed, restoring};

    #[tokio::test]
    async fn an_answer_that_lacks_an_instance_is_not_believed_at_once() {
        let twin = Twin::new(restoring());
        let config = twin.config("orders").await.unwrap();
        twin.old_instances
            .borrow_mut()
            .extend([BTreeMap::new(), BTreeMap::new()]);
        assert_eq!(instances(&twin, &config).await.unwrap().len(), 2);
        twin.instances.borrow_mut().remove(&parsed("i-0ccc"));
        let begun = twin.time.get();
        let found = instances(&twin, &config).await.unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), ["server1"]);
        assert!(twin.time.get() >= begun + Duration::from_secs(ABSENT_SECONDS.into()));
    }
}
