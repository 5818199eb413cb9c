//! `backups --keep` and `--unkeep`: the hold of one backup, a tag on its snapshots. Whoever has no command line writes the tag by hand.

use super::{Ports, status};
use crate::catalogue::Words;
use crate::exit::{Ended, Exit, Trouble};
use crate::out::Out;
use crate::screen;
use mirrorsnap_domain::catalogue::{self, Backup, Kept};
use mirrorsnap_domain::ec2::SnapshotId;
use mirrorsnap_domain::ids::Id;
use mirrorsnap_domain::names;
use mirrorsnap_domain::time::Moment;
use serde_json::json;

/// `--keep ID WHY`.
pub async fn keep(ports: &impl Ports, out: &Out, cluster: &str, given: &[String], flags: &str) -> Ended {
    let [id, why] = given else {
        return Err(Trouble::Usage("--keep takes the backup's id and the reason".to_owned()));
    };
    let kept = Kept::new(Moment::from_unix(ports.millis() / 1000), why)?;
    let backup = found(ports, cluster, id).await?;
    ports.keep(&members(&backup), &kept.value()).await?;
    out.result(
        &format!(
            "{}\n  mirrorsnap backups {cluster} --unkeep {id}{flags}",
            Words::Keeps { id }.said(out.language())
        ),
        &json!({"exit": Exit::Done.code(), "backup": id, "kept": screen::backups::kept(Some(&kept))}),
    );
    Ok(Exit::Done)
}

/// `--unkeep ID`.
pub async fn unkeep(ports: &impl Ports, out: &Out, cluster: &str, id: &str) -> Ended {
    let backup = found(ports, cluster, id).await?;
    ports.unkeep(&members(&backup)).await?;
    out.result(
        &Words::Unkeeps { id }.said(out.language()),
        &json!({"exit": Exit::Done.code(), "backup": id, "kept": screen::backups::kept(None)}),
    );
    Ok(Exit::Done)
}

async fn found(ports: &impl Ports, cluster: &str, id: &str) -> Result<Backup, Trouble> {
    names::cluster(cluster)?;
    let backups = catalogue::backups(cluster, ports.snapshots_of_cluster(cluster).await?);
    Ok(status::named(cluster, &backups, Id::parse(id)?)?.clone())
}

/// All of the set, those that do not count too: one that is wanted later may be among them.
fn members(backup: &Backup) -> Vec<SnapshotId> {
    let all = backup.snapshots.iter().chain(&backup.others);
    all.map(|one| one.id.clone()).collect()
}

#[cfg(test)]
#[path = "keep_tests.rs"]
mod tests;
