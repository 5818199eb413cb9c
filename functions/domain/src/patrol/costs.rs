//! What a cluster's snapshots cost.

use crate::catalogue::Backup;

/// US dollars a month for one GiB of snapshots in the standard tier: list price of us-east-1; a bill may differ.
const GIB_MONTH_USD: f64 = 0.05;

/// US dollars a month that these backups' snapshots cost at most: as if each held its volume whole. EBS bills the blocks that are written
/// and differ from the snapshot before, which no call of ours shows.
pub fn at_most(backups: &[Backup]) -> f64 {
    let all = backups
        .iter()
        .flat_map(|backup| backup.snapshots.iter().chain(&backup.others));
    let usd: f64 = all.map(|one| f64::from(one.gib) * GIB_MONTH_USD).sum();
    (usd * 100.0).round() / 100.0
}
