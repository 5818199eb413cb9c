//! `copy-snapshots`: the copies of a backup in another region, one of each snapshot. CopySnapshot has no idempotency token, so a source
//! is looked for by its copies' intent tag for as long as EC2 may lag before it is copied (safety.md, rules 6 and 25). It holds no lock: it
//! touches nothing but copies, which no operation uses.

use crate::deadline::Deadline;
use crate::functions::embedded_metrics::head;
use crate::functions::repeat::{TAG_LAGS, harmless, tags_lag, until_accepted};
use crate::ports::{Clock, Configs, Copies, Metrics, NewCopy, Outcome, Snapshots};
use mirrorsnap_domain::catalogue::{self, Backup, Snapshot, Wanted, tag};
use mirrorsnap_domain::copies::{self, Asked, CopyTo, Memory, Plan};
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::error::{Error, Kind, Result};
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::time::Moment;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long, and how often, a look is repeated: for the backup, whose tag `valid` may be a moment old, and for copies of an earlier
/// call before others are made (rule 6).
const LOOK_UP_SECONDS: u32 = 60;
const POLL: Duration = Duration::from_secs(5);

/// How long tags and locks are repeated.
const REPEAT_SECONDS: u32 = 20;

/// docs/functions.md, copy-snapshots.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "mode", rename_all = "lowercase", deny_unknown_fields)]
#[allow(missing_docs)] // docs/functions.md says what each is
pub enum Input {
    /// Looks once, and does what is to be done now.
    Copy {
        cluster: String,
        backup: Id,
        /// What this execution has asked for.
        #[serde(default)]
        asked: Memory,
        now: Moment,
    },
    /// Deletes the copies that `copy.keep` no longer keeps.
    Expire { cluster: String, backup: Id, now: Moment },
}

/// What mode `copy` answers: docs/functions.md, copy-snapshots.
#[derive(Debug, Default, Serialize)]
pub struct Output {
    /// The configuration asks for copies.
    wanted: bool,
    complete: bool,
    region: Option<String>,
    progress: String,
    /// The copies by their sources.
    copies: BTreeMap<SnapshotId, SnapshotId>,
    asked: Memory,
    /// Why not all is asked for yet.
    waiting: Option<String>,
}

/// One copy that is not deleted.
#[derive(Debug, Serialize)]
struct Kept {
    copy: SnapshotId,
    backup: Id,
    why: String,
}

/// What mode `expire` answers.
#[derive(Debug, Default, Serialize)]
struct Expired {
    deleted: Vec<SnapshotId>,
    kept: Vec<Kept>,
    valid_copies: usize,
}

/// What the function needs.
pub trait Ports: Configs + Snapshots + Copies + Clock + Metrics {}
impl<T: Configs + Snapshots + Copies + Clock + Metrics> Ports for T {}

/// The function.
pub async fn handle(ports: &impl Ports, input: Input) -> Result<serde_json::Value> {
    match input {
        Input::Copy {
            cluster,
            backup,
            asked,
            now,
        } => written(&copy(ports, &cluster, &backup, asked, now).await?),
        Input::Expire { cluster, backup, now } => written(&expire(ports, &cluster, &backup, now).await?),
    }
}

fn written(output: &impl Serialize) -> Result<serde_json::Value> {
    serde_json::to_value(output).map_err(|error| Error::new(Kind::InputInvalid, error.to_string(), "report this"))
}

async fn wanted(ports: &impl Configs, cluster: &str, backup: &Id) -> Result<Option<CopyTo>> {
    if backup.cluster() != cluster {
        let found = format!("{backup} is no backup of {cluster}");
        return Err(Error::new(
            Kind::InputInvalid,
            found,
            "pass the id of this cluster's backup",
        ));
    }
    Ok(ports.config(cluster).await?.copy)
}

/// The backup, which may have become valid a moment ago.
async fn source(ports: &(impl Snapshots + Clock), cluster: &str, id: &Id) -> Result<Backup> {
    let deadline = Deadline::after(ports, LOOK_UP_SECONDS);
    loop {
        let backups = catalogue::backups(cluster, ports.snapshots_of_backup(id).await?);
        match catalogue::find(cluster, &backups, &Wanted::Exactly(id.clone())) {
            Ok(backup) => return Ok(backup.clone()),
            Err(error) if deadline.has_passed(ports) => return Err(error),
            Err(_) => ports.sleep(POLL).await,
        }
    }
}

/// What is shown of the copies. Before one is made, none must be shown for as long as EC2 may lag.
async fn look(ports: &(impl Copies + Clock), of: &Backup, to: &CopyTo, asked: &Memory, now: Moment) -> Result<Plan> {
    let deadline = Deadline::after(ports, LOOK_UP_SECONDS);
    loop {
        let seen = ports.copies_of_cluster(&to.region, of.id.cluster()).await?;
        let plan = copies::plan(of, to, &seen, asked, now)?;
        if plan.missing.is_empty() || deadline.has_passed(ports) {
            return Ok(plan);
        }
        ports.sleep(POLL).await;
    }
}

async fn copy(ports: &impl Ports, cluster: &str, id: &Id, mut asked: Memory, now: Moment) -> Result<Output> {
    let Some(to) = wanted(ports, cluster, id).await? else {
        return Ok(Output {
            complete: true,
            progress: "0%".to_owned(),
            ..Output::default()
        });
    };
    let of = source(ports, cluster, id).await?;
    let plan = look(ports, &of, &to, &asked, now).await?;
    for one in &plan.remove {
        // One that stays is removed by the next look.
        if let Outcome::Refused(error) = ports.delete_copy(&to.region, one).await {
            return Err(refused("DeleteSnapshot", &to, &error));
        }
    }
    let missing = of.snapshots.iter().filter(|one| plan.missing.contains(&one.id));
    let waiting = ask(ports, &of, &to, missing, &mut asked).await?;
    if plan.complete {
        finish(ports, &of, &to, &plan, now).await?;
    }
    Ok(Output {
        wanted: true,
        complete: plan.complete,
        region: Some(to.region.to_string()),
        progress: plan.progress(of.snapshots.len()),
        copies: plan
            .copies
            .iter()
            .map(|(of, one)| (of.clone(), one.id.clone()))
            .collect(),
        asked,
        waiting,
    })
}

/// Asks for the copies that are missing. Why not for all of them: EC2 makes so many at once, or it is not known what became of a call.
async fn ask(
    ports: &(impl Copies + Clock),
    of: &Backup,
    to: &CopyTo,
    missing: impl Iterator<Item = &Snapshot>,
    asked: &mut Memory,
) -> Result<Option<String>> {
    for source in missing {
        let from = ports.region()?;
        let new = NewCopy {
            source: source.id.clone(),
            encrypted: source.kms_key.is_some(),
            kms_key: to.kms_key.clone(),
            description: format!("mirrorsnap {} copy of {}", of.id, source.id),
            tags: copies::tags(of, source, &from)?,
            from,
        };
        match ports.copy_snapshot(&to.region, &new).await {
            Outcome::Accepted(copy) => {
                let at = ports.now();
                asked.insert(source.id.clone(), Asked { copy, at });
            }
            // The next look finds what was made, or asks again.
            Outcome::Unknown(error) => return Ok(Some(error.to_string())),
            Outcome::NotYet(why) => return Ok(Some(why)),
            Outcome::AlreadySo => {}
            Outcome::Refused(error) => return Err(refused("CopySnapshot", to, &error)),
        }
    }
    Ok(None)
}

/// What is missing, by its name.
fn refused(action: &str, to: &CopyTo, error: &Error) -> Error {
    Error::new(
        Kind::CopyFailed,
        format!("{} (ec2:{action} in {})", error.found(), to.region),
        "allow the role of copy-snapshots what AWS names, in this region too: a permissions boundary or a service control policy may forbid \
         it there; then start the copy of this backup again",
    )
}

/// Tags the copies as valid, last of all; then locks them.
async fn finish(ports: &impl Ports, of: &Backup, to: &CopyTo, plan: &Plan, now: Moment) -> Result<()> {
    let ids: Vec<SnapshotId> = plan.copies.values().map(|one| one.id.clone()).collect();
    let tags = BTreeMap::from([(tag::VALID.to_owned(), "true".to_owned())]);
    let mut lag = TAG_LAGS;
    let call = async || {
        let outcome = harmless(ports.tag_copies(&to.region, &ids, &tags).await);
        Ok(tags_lag(outcome, &mut lag))
    };
    let tagged = until_accepted(ports, REPEAT_SECONDS, call).await;
    tagged.map_err(|error| unless_it_passes("CreateTags", to, error))?;
    if let Some(lock) = &to.lock {
        for one in &ids {
            // Locking a locked one again would only make its lock longer.
            let call = async || Ok(harmless(ports.lock_copy(&to.region, one, lock).await));
            let locked = until_accepted(ports, REPEAT_SECONDS, call).await;
            locked.map_err(|error| unless_it_passes("LockSnapshot", to, error))?;
        }
    }
    let units = [("CopySeconds", "Seconds"), ("CopiedGibibytes", "Gigabytes")];
    let gib: i32 = of.snapshots.iter().map(|one| one.gib).sum();
    ports.write(&json!({
        "_aws": head(now, &["Cluster"], units),
        "Cluster": of.id.cluster(),
        "CopySeconds": now.seconds_since(of.consistent_at),
        "CopiedGibibytes": gib,
    }));
    Ok(())
}

fn unless_it_passes(action: &str, to: &CopyTo, error: Error) -> Error {
    match error.kind() {
        Kind::AwsUnavailable => error,
        _ => refused(action, to, &error),
    }
}

async fn expire(ports: &impl Ports, cluster: &str, current: &Id, now: Moment) -> Result<Expired> {
    let mut output = Expired::default();
    let Some(to) = wanted(ports, cluster, current).await? else {
        return Ok(output);
    };
    let seen = ports.copies_of_cluster(&to.region, cluster).await?;
    let sets = copies::sets(cluster, seen.into_iter().map(|one| one.snapshot).collect());
    output.valid_copies = sets.iter().filter(|set| set.valid).count();
    let going = copies::expired(&to.keep, &sets, current, now);
    if going.is_empty() {
        return Ok(output);
    }
    let locked = ports.locked_copies(&to.region).await?;
    for (copy, backup) in going {
        let why = match locked.get(&copy) {
            Some(until) => Some(format!("locked until {until}")),
            None => ports.delete_copy(&to.region, &copy).await.undone(),
        };
        match why {
            None => output.deleted.push(copy),
            Some(why) => {
                tracing::warn!(%copy, %why, "not deleted");
                output.kept.push(Kept { copy, backup, why });
            }
        }
    }
    Ok(output)
}
