//! Looking at a cluster: EC2, and both nodes by the document `observe`.

use crate::aws::{Aws, failed};
use aws_sdk_ssm::types::InstanceInformationStringFilter;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::observation::{Instance, Node, Observation, Power};
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use std::collections::BTreeMap;

/// How long a node may take to answer. A node that runs answers in a second or two.
pub(crate) const ANSWER_SECONDS: u32 = 30;

/// A node that runs has answered by then, so this costs a call only where it counts.
const GLANCE_TENTHS: u32 = 25;

/// Why a node is not worth asking; `None`: ask it.
async fn not_online(aws: &Aws, config: &Config, instance: &Instance) -> Result<Option<String>> {
    if instance.tagged_for.as_deref() != Some(config.name.as_str()) {
        // SendCommand would be denied: our permissions end at the tag.
        return Ok(Some(format!(
            "its instance has no tag mirrorsnap:cluster={}",
            config.name
        )));
    }
    if instance.power != Power::Running {
        return Ok(Some(format!("its instance is {:?}", instance.power).to_lowercase()));
    }
    let filter = InstanceInformationStringFilter::builder()
        .key("InstanceIds")
        .values(&instance.id)
        .build()
        .map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))?;
    let reply = aws
        .ssm
        .describe_instance_information()
        .filters(filter)
        .send()
        .await
        .map_err(|error| failed("ssm:DescribeInstanceInformation", &error))?;
    let Some(agent) = reply.instance_information_list().first() else {
        return Ok(Some("SSM does not manage the instance".to_owned()));
    };
    let ping = agent.ping_status().map_or("", |status| status.as_str());
    if ping != "Online" {
        return Ok(Some(format!("its SSM agent is {ping}")));
    }
    // The status stays Online for minutes after a stop: only a ping since the last start counts.
    let pinged = agent.last_ping_date_time().map(|at| Moment::from_unix(at.secs()));
    Ok((pinged < instance.launched).then(|| "its SSM agent has not pinged since the start".to_owned()))
}

/// Ends once the node's instance is no longer running: what was asked of it died with it, and is not waited for.
async fn gone(aws: &Aws, config: &Config, node: &str) -> Result<String> {
    loop {
        aws.pace.tenths(GLANCE_TENTHS).await;
        let power = aws
            .instances(config, false)
            .await?
            .get(node)
            .map(|instance| instance.power);
        if power != Some(Power::Running) {
            return Ok("its instance went down while it was asked".to_owned());
        }
    }
}

/// One node's own answer to `step`, or why there is none.
pub(crate) async fn ask(
    aws: &Aws,
    config: &Config,
    node: &str,
    instance: Option<&Instance>,
    run: &str,
) -> Result<std::result::Result<Node, String>> {
    let Some(instance) = instance else {
        return Ok(Err("EC2 does not show its instance".to_owned()));
    };
    if let Some(reason) = not_online(aws, config, instance).await? {
        return Ok(Err(reason));
    }
    let step = Step::observe(config, node, run);
    let answer = tokio::select! {
        // Boxed: both nodes are asked at once, within futures that are large already.
        answer = Box::pin(aws.ask(&instance.id, &step, ANSWER_SECONDS)) => answer,
        reason = Box::pin(gone(aws, config, node)) => return reason.map(Err),
    };
    match answer {
        Ok(reply) => Ok(Ok(Node::read(config, &reply))),
        // An AWS that refuses us is no silent node.
        Err(error) if matches!(error.kind(), Kind::AwsUnavailable | Kind::AwsRefused) => Err(error),
        Err(error) => Ok(Err(error.to_string())),
    }
}

/// Observes a cluster. `run` is the operation whose records the nodes show, `at` the caller's time.
pub(crate) async fn observe(
    aws: &Aws,
    config: &Config,
    run: &str,
    at: Moment,
    for_inspection: bool,
) -> Result<Observation> {
    let instances = aws.instances(config, for_inspection).await?;
    let (mut nodes, mut silent) = (BTreeMap::new(), BTreeMap::new());
    let [first, second] = config.nodes.as_slice() else {
        return Err(Error::new(
            Kind::ConfigInvalid,
            "a cluster has two nodes",
            "name exactly two",
        ));
    };
    let one = |name| ask(aws, config, name, instances.get(name), run);
    let (a, b) = tokio::try_join!(one(first.name.as_str()), one(second.name.as_str()))?;
    for (name, answer) in [(&first.name, a), (&second.name, b)] {
        match answer {
            Ok(node) => {
                nodes.insert(name.clone(), node);
            }
            Err(reason) => {
                silent.insert(name.clone(), reason);
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
