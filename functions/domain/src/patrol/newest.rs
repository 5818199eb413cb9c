//! Which backup of a cluster its age is counted from.

use super::Fleet;
use crate::catalogue::Backup;
use crate::consistency::RestoreFrom;

impl Fleet {
    /// The newest valid backup that a restore of `latest` would choose: with `"restore_from": "stopped"` a frozen one is none of those, however new
    /// it is. `backups`: newest first.
    pub(super) fn newest<'a>(&self, cluster: &str, backups: &'a [Backup]) -> Option<&'a Backup> {
        let config = self.clusters.get(cluster).and_then(|config| config.as_ref().ok());
        let from = config.map_or(RestoreFrom::Any, |config| config.restore_from);
        backups
            .iter()
            .find(|backup| backup.valid && !from.leaves_out(backup.consistency))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{now, snapshot_of};
    use super::*;
    use crate::catalogue::consistency_tag;
    use crate::config::Config;
    use crate::consistency::Consistency;
    use serde_json::json;

    const HOUR: i64 = 3600;

    /// A frozen backup of an hour ago, and a stopped one of 30 hours ago.
    fn fleet(restore_from: &str) -> Fleet {
        let mut config = crate::testing::orders();
        config["objective_hours"] = json!(26);
        config["restore_from"] = json!(restore_from);
        let mut frozen = snapshot_of("orders", "snap-001", HOUR, true);
        frozen.tags.extend([consistency_tag(Consistency::Frozen)]);
        let mut fleet = Fleet::default();
        let config = Config::parse("orders", &config.to_string());
        fleet.clusters.insert("orders".to_owned(), config);
        fleet.snapshots = vec![frozen, snapshot_of("orders", "snap-002", 30 * HOUR, true)];
        fleet
    }

    #[test]
    fn a_frozen_backup_makes_no_cluster_young_whose_restores_take_stopped_ones() {
        for (restore_from, seconds, overdue) in [("any", HOUR, false), ("stopped", 30 * HOUR, true)] {
            let fleet = fleet(restore_from);
            let report = fleet.report(now());
            assert_eq!(
                (report.ages[0].seconds, report.ages[0].overdue),
                (Some(seconds), overdue),
                "{restore_from}"
            );
            assert_eq!(report.figures[0].age_seconds, Some(seconds), "{restore_from}");
            let told = fleet.morning(&crate::patrol::morning::Newest::new(), now()).newest;
            let newest = fleet.backups()["orders"][usize::from(restore_from == "stopped")]
                .id
                .to_string();
            assert_eq!(told["orders"], newest, "{restore_from}");
        }
        let mut without = fleet("stopped");
        without.snapshots.truncate(1);
        let [age] = &without.report(now()).ages[..] else {
            panic!()
        };
        assert_eq!((age.seconds, age.overdue), (None, true));
    }
}
