//! Who asks for copies in another region, and has none (rule 25).

use super::{DAY_SECONDS, Finding, Fleet};
use crate::catalogue::Backup;
use crate::copies;
use crate::time::Moment;

impl Fleet {
    /// Clusters whose configuration asks for copies, and whose newest valid backup of more than a day has none, nor has a newer one. An
    /// older backup without a copy is older than the configuration, or its copy has expired.
    pub(super) fn uncopied(&self, now: Moment) -> impl Iterator<Item = Finding> {
        let backups = self.backups();
        let configs = self.clusters.iter().filter_map(|(name, config)| {
            let to = config.as_ref().ok()?.copy.as_ref()?;
            Some((name, to.region.clone(), self.copies.get(name)?))
        });
        configs.filter_map(move |(cluster, region, copies)| {
            let copies = match copies {
                Ok(copies) => copies::sets(cluster, copies.clone()),
                Err(error) => {
                    return Some(Finding::CopiesUnreadable {
                        cluster: cluster.clone(),
                        region,
                        why: error.to_string(),
                    });
                }
            };
            let is_copied = |backup: &Backup| copies.iter().any(|copy| copy.valid && copy.id == backup.id);
            let valid: Vec<&Backup> = backups.get(cluster.as_str())?.iter().filter(|one| one.valid).collect();
            let is_old = |one: &&&Backup| now.seconds_since(one.consistent_at) > DAY_SECONDS;
            let due = valid.iter().find(is_old)?;
            let mut since = valid.iter().filter(|one| one.consistent_at >= due.consistent_at);
            (!since.any(|one| is_copied(one))).then(|| Finding::CopyMissing {
                cluster: cluster.clone(),
                backup: due.id.to_string(),
                region,
            })
        })
    }
}

#[cfg(test)]
#[path = "copied_tests.rs"]
mod tests;
