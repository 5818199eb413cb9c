//! What a cluster consists of, asked of its two instances by the doctor, whose answers the domain reads.

use super::Ports;
use super::answers::{Answers, Instances};
use crate::catalogue::Words;
use crate::exit::Trouble;
use crate::out::Out;
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::doctor::discover::{Ask, Discovered, Discovery};
use mirrorsnap_domain::doctor::judge::judge;
use mirrorsnap_domain::doctor::recording::{Entry, FORM, RecordedNode, Recording};
use mirrorsnap_domain::document::Document;
use mirrorsnap_domain::ec2::{InstanceId, Power};
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::{Id, IdKind};
use mirrorsnap_domain::observation::Instance;
use mirrorsnap_domain::steps::Step;
use mirrorsnap_domain::time::Moment;
use serde_json::{Value, json};

/// A cluster's JSON, from the answers and from what both nodes show. What the doctor would refute of it is told.
pub async fn described(
    ports: &impl Ports,
    out: &Out,
    answers: &Answers,
) -> std::result::Result<(Config, Value), Trouble> {
    let instances = instances(ports, &answers.instances, &answers.name).await?;
    let now = Moment::from_unix(ports.millis() / 1000);
    let run = Id::new(IdKind::Backup, &answers.name, now)?.to_string();
    let mut discovery = Discovery::new(instances.clone());
    let mut newest: Vec<RecordedNode> = Vec::new();
    while let Some(asks) = discovery.asks()? {
        let [first, second] = &instances;
        let [one, other] = asks;
        let looks = Words::DoctorLooks {
            one: first.id.as_str(),
            other: second.id.as_str(),
        };
        out.line(&looks.said(out.language()));
        let (a, b) = tokio::try_join!(
            asked(ports, out, first, &one, &run),
            asked(ports, out, second, &other, &run)
        )?;
        newest = vec![recorded(&one, &a), recorded(&other, &b)];
        discovery.answered([a, b])?;
    }
    let json = json(answers, &discovery.found()?);
    let config = Config::parse(&answers.name, &json.to_string())?;
    let recording = Recording {
        recording: FORM,
        taken: now.to_string(),
        about: String::new(),
        nodes: newest,
    };
    for sentence in judge(&recording, &config).words() {
        out.line(&sentence.said(out.language()));
    }
    Ok((config, json))
}

fn recorded(ask: &Ask, entries: &[Entry]) -> RecordedNode {
    RecordedNode {
        name: ask.node.clone(),
        entries: entries.to_vec(),
    }
}

async fn asked(ports: &impl Ports, out: &Out, instance: &Instance, ask: &Ask, run: &str) -> Result<Vec<Entry>> {
    let step = Step::new(Document::Doctor(ask.parts.clone()), &ask.node, run);
    let reply = ports.doctor(&instance.id, &step).await?;
    if reply.head.left_out > 0 {
        let (node, count) = (instance.id.as_str(), &reply.head.left_out.to_string());
        out.line(&Words::DoctorLeftOut { node, count }.said(out.language()));
    }
    Ok(reply.head.entries)
}

fn json(answers: &Answers, found: &Discovered) -> Value {
    let mut members = answers.members.clone();
    members.insert("name".to_owned(), json!(answers.name));
    members.insert("nodes".to_owned(), json!(found.nodes));
    members.insert("failover_groups".to_owned(), json!(found.failover_groups));
    members.insert("mirror_disks".to_owned(), json!(found.mirror_disks));
    Value::Object(members)
}

/// The two instances, which run and are nobody else's.
async fn instances(ports: &impl Ports, wanted: &Instances, cluster: &str) -> Result<[Instance; 2]> {
    let ids = match wanted {
        Instances::Ids(ids) => ids.clone(),
        Instances::Tag { key, value } => {
            let found = ports.tagged(key, value).await?;
            <[InstanceId; 2]>::try_from(found).map_err(|found| {
                let ids: Vec<String> = found.iter().map(ToString::to_string).collect();
                let found = format!(
                    "{} instances have the tag {key}={value} ({})",
                    ids.len(),
                    ids.join(", ")
                );
                Error::new(Kind::InstanceNotManaged, found, "name the cluster's two by --node")
            })?
        }
    };
    let mut seen = ports.probed(&ids).await?;
    let tags = seen.iter().map(|(id, one)| (id.clone(), one.tagged_for.clone()));
    super::cluster::refuse_others(&tags.collect(), &ids, cluster)?;
    let mut running = Vec::new();
    for id in &ids {
        let Some(instance) = seen.remove(id) else { continue };
        if instance.power != Power::Running {
            let found = format!("instance {id} is {}", instance.power);
            return Err(Error::new(
                Kind::InstanceNotManaged,
                found,
                "start it; a node that is off shows nothing",
            ));
        }
        running.push(instance);
    }
    <[Instance; 2]>::try_from(running).map_err(|_| {
        Error::new(
            Kind::InstanceNotManaged,
            "EC2 does not show both instances",
            "try it again",
        )
    })
}
