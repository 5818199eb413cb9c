//! `prove`: what a backup's image says of itself (safety.md, A2b and rule 24). It reads the snapshots' blocks, and writes the verdict into
//! their tags. It touches no cluster, and takes no lock: an operation that is at work does not hinder it, nor the other way round.

mod reader;

use super::embedded_metrics::head;
use crate::deadline::Deadline;
use crate::functions::repeat::{harmless, until_accepted};
use crate::ports::{Clock, Configs, Descriptions, Images, Metrics, Snapshots, Tags};
use mirrorsnap_domain::catalogue::{self, Backup, Tier, Wanted, tag};
use mirrorsnap_domain::config::Config;
use mirrorsnap_domain::consistency::{Consistency, RestoreFrom};
use mirrorsnap_domain::description::Description;
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::proof::{self, Effort, Judged, Message, Place, Recorded};
use mirrorsnap_domain::restore::Asked;
use mirrorsnap_domain::time::Moment;
use mirrorsnap_prove_image as image;
use reader::Reader;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// How long, and how often, EC2 may show a backup as it was before it was valid (rule 6).
const SETTLE_SECONDS: u32 = 60;
const SETTLE_POLL: Duration = Duration::from_secs(2);
/// How long all of a backup's blocks may take.
const READ_SECONDS: u32 = 180;
/// How long CreateTags is retried while EC2 does not know the snapshot yet.
const TAG_SECONDS: u32 = 30;

/// docs/functions.md, prove.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// The stack's name, a dimension of the metrics.
    fleet: String,
    cluster: String,
    /// A backup's id, or `random`: one of the valid backups but the newest.
    backup: String,
    /// The state's EnteredTime.
    now: Moment,
}

/// docs/functions.md, prove.
#[derive(Debug, Serialize)]
pub struct Output {
    cluster: String,
    id: Id,
    consistent_at: Moment,
    /// `clean`, `not-judged`, or the reason why the image is not clean.
    verdict: String,
    disks: Vec<Judged>,
    /// Blocks that were looked at, sparse ones with them.
    blocks: u32,
    /// Requests that AWS bills.
    requests: u32,
    seconds: f64,
    cost_usd: f64,
    /// The backup to restore instead, if this one's image is not clean.
    before: Option<Id>,
    /// For a person, if the image is not clean.
    message: Option<Message>,
}

/// What the function needs.
pub trait Ports: Configs + Snapshots + Descriptions + Images + Tags + Clock + Metrics {}
impl<T: Configs + Snapshots + Descriptions + Images + Tags + Clock + Metrics> Ports for T {}

/// The backups, and the one that is meant. What EC2 does not show yet is looked for again.
async fn find(ports: &impl Ports, input: &Input) -> Result<(Vec<Backup>, Backup)> {
    let deadline = Deadline::after(ports, SETTLE_SECONDS);
    loop {
        let backups = catalogue::backups(&input.cluster, ports.snapshots_of_cluster(&input.cluster).await?);
        let found = if input.backup == "random" {
            proof::random(&input.cluster, &backups, input.now)
        } else {
            match Asked::Named(input.backup.clone()).wanted(&input.cluster, RestoreFrom::Any)? {
                wanted @ Wanted::Exactly(_) => catalogue::find(&input.cluster, &backups, &wanted),
                Wanted::Latest(_) | Wanted::Before(..) => Err(Error::new(
                    Kind::InputInvalid,
                    "a proof is of one backup",
                    "name a backup by its id, or `random`",
                )),
            }
        };
        match found.cloned() {
            Ok(backup) => return Ok((backups, backup)),
            Err(error) if error.kind() == Kind::InputInvalid || deadline.has_passed(ports) => return Err(error),
            Err(_) => ports.sleep(SETTLE_POLL).await,
        }
    }
}

fn place(place: Place) -> image::Place {
    match place {
        Place::Partition(number) => image::Place::Partition(number),
        Place::LogicalVolume { group, volume } => image::Place::LogicalVolume { group, volume },
    }
}

/// What the image has to show.
const fn quiet(consistency: Consistency) -> image::Quiet {
    match consistency {
        Consistency::Stopped => image::Quiet::Unmounted,
        Consistency::Frozen => image::Quiet::Frozen,
    }
}

/// The partition table that was saved with the backup; the error: why there is none to compare with, in words.
type Saved = std::result::Result<image::Table, String>;

/// What was described with the backup; the error: why nothing is there, in words.
async fn described(ports: &impl Descriptions, backup: &Backup) -> std::result::Result<Description, String> {
    let found = ports.description(&backup.id).await;
    let found = found.map_err(|error| error.found().to_owned())?;
    found.ok_or_else(|| "the backup has no description".to_owned())
}

/// The table of the volume on which these mirror disks lie.
fn saved_table(
    config: &Config,
    node: &str,
    disks: &BTreeMap<String, Recorded>,
    described: &std::result::Result<Description, String>,
) -> Saved {
    let here = config.mirror_disks.iter().filter(|disk| disks.contains_key(&disk.name));
    let paths = here.flat_map(|disk| [disk.cluster_partition.on(node), disk.data_partition.on(node)]);
    let paths: Vec<&str> = paths.collect();
    let dump = described
        .as_ref()
        .map_err(Clone::clone)?
        .partition_table(node, &paths)?;
    image::Table::dumped(&dump).ok_or_else(|| "what was saved is no table that is known here".to_owned())
}

/// What was judged of one mirror disk.
async fn judged(
    reader: &mut Reader<'_, impl Images + Clock>,
    snapshot: &SnapshotId,
    disk: String,
    recorded: Recorded,
    saved: &Saved,
    quiet: image::Quiet,
) -> Result<Judged> {
    let (Some(cluster), Some(data)) = (recorded.places.cluster, recorded.places.data) else {
        let found = "the configuration's paths do not say which partitions these are".to_owned();
        let verdict = image::Verdict::NotJudged(image::NotJudged::PlaceUnknown, found);
        return Ok(said(snapshot, disk, &verdict, &[], 0));
    };
    let subject = image::MirrorDisk {
        quiet,
        cluster_partition: place(cluster),
        data_partition: place(data),
        fingerprint: recorded.fingerprint,
        table: saved.as_ref().ok().cloned(),
    };
    let mut report = reader.judge(subject).await?;
    if let Err(why) = saved {
        report
            .seen
            .push(format!("no saved partition table to compare with: {why}"));
    }
    Ok(said(snapshot, disk, &report.verdict, &report.seen, report.blocks))
}

fn said(snapshot: &SnapshotId, disk: String, verdict: &image::Verdict, seen: &[String], blocks: u32) -> Judged {
    Judged {
        disk,
        snapshot: snapshot.clone(),
        verdict: verdict.name().to_owned(),
        sentence: verdict.sentence(),
        seen: seen.to_vec(),
        blocks,
    }
}

/// EBS reads nothing of a snapshot that is in the archive.
fn archived(snapshot: &SnapshotId, disk: String) -> Judged {
    let verdict = image::Verdict::NotJudged(image::NotJudged::Archived, format!("{snapshot} is in the archive"));
    said(snapshot, disk, &verdict, &[], 0)
}

/// Writes a snapshot's verdict into its tags.
async fn write(
    ports: &(impl Tags + Clock),
    snapshot: &SnapshotId,
    disks: &[Judged],
    effort: Effort,
    now: Moment,
) -> Result<()> {
    let tags = proof::verdict_tags(proof::worst(disks), now, effort);
    let ids = std::slice::from_ref(snapshot);
    let call = async || Ok(harmless(ports.tag(ids, &tags).await));
    until_accepted(ports, TAG_SECONDS, call).await.map(drop)
}

/// Judges each mirror disk, and writes each snapshot's verdict once all of its disks have one.
async fn prove(ports: &impl Ports, config: &Config, backup: &Backup, now: Moment) -> Result<(Vec<Judged>, Effort)> {
    let deadline = Deadline::after(ports, READ_SECONDS);
    let described = described(ports, backup).await;
    let (mut all, mut effort) = (Vec::new(), Effort::default());
    for snapshot in &backup.snapshots {
        let begun = ports.monotonic();
        let disks = proof::recorded(config, &backup.source_node, snapshot);
        if snapshot.tier == Tier::Archive {
            let here: Vec<Judged> = disks.into_keys().map(|disk| archived(&snapshot.id, disk)).collect();
            // What was found while it could be read still holds.
            if !snapshot.tags.contains_key(tag::PROVED) {
                write(ports, &snapshot.id, &here, Effort::default(), now).await?;
            }
            all.extend(here);
            continue;
        }
        let mut reader = Reader::open(ports, &snapshot.id, deadline).await?;
        let mut here = Vec::new();
        let saved = saved_table(config, &backup.source_node, &disks, &described);
        for (disk, recorded) in disks {
            here.push(
                judged(
                    &mut reader,
                    &snapshot.id,
                    disk,
                    recorded,
                    &saved,
                    quiet(backup.consistency),
                )
                .await?,
            );
        }
        let took = Effort {
            blocks: here.iter().map(|one| one.blocks).sum(),
            lists: reader.calls.lists,
            reads: reader.calls.blocks,
            milliseconds: milliseconds(ports.monotonic().saturating_sub(begun)),
        };
        write(ports, &snapshot.id, &here, took, now).await?;
        effort = effort.and(took);
        all.extend(here);
    }
    Ok((all, effort))
}

fn milliseconds(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<Output> {
    let config = ports.config(&input.cluster).await?;
    let (backups, backup) = find(ports, &input).await?;
    let begun = ports.monotonic();
    let (disks, effort) = prove(ports, &config, &backup, input.now).await?;
    let verdict = proof::worst(&disks).to_owned();
    let before = proof::before(&backups, &backup).map(|one| one.id.clone());
    let output = Output {
        message: proof::message(&backup, &disks, before.as_ref()),
        cluster: input.cluster,
        id: backup.id,
        consistent_at: backup.consistent_at,
        verdict,
        blocks: effort.blocks,
        disks,
        requests: effort.requests(),
        seconds: (ports.monotonic().saturating_sub(begun).as_secs_f64() * 100.0).round() / 100.0,
        cost_usd: effort.cost_usd(),
        before,
    };
    for line in metrics(&input.fleet, &output, input.now) {
        ports.write(&line);
    }
    Ok(output)
}

/// Two lines of the embedded metric format: by Cluster, and by Fleet, which an alarm looks at.
fn metrics(fleet: &str, output: &Output, now: Moment) -> [Value; 2] {
    let is = |wanted: bool| i32::from(wanted);
    let unclean = is(output.message.is_some());
    let names = [
        ("ImageClean", "Count"),
        ("ImageNotJudged", "Count"),
        ("ImageNotClean", "Count"),
        ("ProofBlocks", "Count"),
        ("ProofSeconds", "Seconds"),
    ];
    let of_cluster = json!({
        "_aws": head(now, &["Cluster"], names), "Cluster": output.cluster,
        "ImageClean": is(output.verdict == proof::CLEAN), "ImageNotJudged": is(output.verdict == proof::NOT_JUDGED),
        "ImageNotClean": unclean, "ProofBlocks": output.blocks, "ProofSeconds": output.seconds,
    });
    let of_fleet = json!({
        "_aws": head(now, &["Fleet"], [("ImagesNotClean", "Count")]), "Fleet": fleet, "ImagesNotClean": unclean,
    });
    [of_cluster, of_fleet]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(verdict: &str, message: Option<Message>) -> Output {
        let id = Id::parse("orders-20260501T020304Z").unwrap();
        Output {
            cluster: "orders".to_owned(),
            consistent_at: id.at(),
            id,
            verdict: verdict.to_owned(),
            disks: vec![],
            blocks: 17,
            requests: 8,
            seconds: 1.25,
            cost_usd: 0.00002,
            before: None,
            message,
        }
    }

    /// CloudWatch's published schema judges these lines (tests/references/test_embedded_metrics.py).
    #[test]
    fn the_lines_are_those_that_the_schema_judges() {
        let now = Moment::from_unix(1_777_601_584);
        let message = Message {
            subject: "s".to_owned(),
            text: "t".to_owned(),
        };
        let all = [
            output("clean", None),
            output("not-judged", None),
            output("torn", Some(message)),
        ];
        let lines: Vec<Value> = all.iter().flat_map(|one| metrics("mirrorsnap", one, now)).collect();
        let judged = include_str!("../../../tests/metrics/prove.jsonl");
        let judged: Vec<Value> = judged.lines().map(|one| serde_json::from_str(one).unwrap()).collect();
        assert_eq!(lines, judged);
    }
}
