//! While both nodes shut down for a restore: whether a node that still answers will shut down by itself (safety.md, rules 1, 18
//! and 21). If it will not, the restore ends before any volume is detached.

use crate::clusterpro::excerpt;
use crate::document::name::ENTER_RESTORE_MODE;
use crate::error::{Error, Kind, Result};
use crate::intent::Intent;
use crate::observation::Node;
use crate::reply;

/// The exit code of `enter-restore-mode`'s unit if the node's timer, a newer operation or an operator came first.
const OVERTAKEN: i32 = 75;

/// An error if the node `name`, which answered, will not shut down by itself: its timer has started the groups
/// (`RestoreOvertaken`), `clprestore.sh --pre` failed (`StepFailed`), or it has booted since (`PreparationUnproven`).
pub fn departing(intent: &Intent, name: &str, node: &Node) -> Result<()> {
    if intent.boots.get(name) != Some(&node.boot_id) {
        return Err(Error::new(
            Kind::PreparationUnproven,
            format!("{name} has booted since it was told to shut down"),
            "nothing by hand: the cluster is brought back; then run `mirrorsnap restore CLUSTER` again",
        ));
    }
    let overtaken = node.records.void.is_some() || node.records.done.is_some();
    match node.failed_here(ENTER_RESTORE_MODE) {
        // The failed unit has started the timer's part, so there may be a `void` too. The failure is the cause.
        Some((rc, out)) if rc != OVERTAKEN => Err(Error::new(
            Kind::StepFailed,
            format!("clprestore.sh --pre on {name} {}", reply::failure(rc, out)),
            "nothing was exchanged, and the cluster is brought back; mend what the script complains about, then run `mirrorsnap restore CLUSTER` again",
        )),
        _ if overtaken => Err(Error::new(
            Kind::RestoreOvertaken,
            format!("{name} has started the groups again by its own timer, before it was down"),
            "nothing was exchanged, and the cluster is brought back; if stopping the groups or Run Command is slow here, raise \
             max_outage_seconds, then run `mirrorsnap restore CLUSTER` again",
        )),
        Some((_, out)) => Err(Error::new(
            Kind::RestoreOvertaken,
            format!("{name} was not shut down: {}", excerpt(out)),
            "nothing was exchanged, and the cluster is brought back; then run `mirrorsnap restore CLUSTER` again",
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clusterpro::stat::State;
    use crate::config::Config;
    use crate::reply::Record;
    use crate::restore::disturbing;
    use crate::testing::{config, healthy, job};

    /// A node that was told to go down, and what its records say.
    fn told(rc: Option<i32>, out: &str, records: &[&str]) -> (Intent, Node) {
        let (config, seen) = (config(), healthy());
        let id = crate::ids::Id::parse("orders-r-20260102T030405Z").unwrap();
        let intent = crate::restore::intent_for_tests(&config, &id, Some("server1"), &seen);
        let mut node = seen.node("server1").unwrap().clone();
        let boot_id = node.boot_id.clone();
        node.jobs.insert("enter-restore-mode.1".into(), job(&boot_id, rc));
        node.outs.insert("enter-restore-mode.1".into(), out.into());
        for name in records {
            *node.records.place(name).unwrap() = Some(Record::default());
        }
        (intent, node)
    }

    fn judged(rc: Option<i32>, out: &str, records: &[&str]) -> Option<(Kind, String)> {
        let (intent, node) = told(rc, out, records);
        let error = departing(&intent, "server1", &node).err()?;
        Some((error.kind(), error.to_string()))
    }

    #[test]
    fn a_node_on_its_way_down_is_left_alone() {
        assert_eq!(judged(None, "", &["arming", "armed", "stopping", "stopped"]), None);
        assert_eq!(judged(None, "", &["stopped", "leaving"]), None);
        assert_eq!(
            judged(Some(0), "clprestore.sh : Shutting down...", &["stopped", "leaving"]),
            None
        );
    }

    #[test]
    fn a_timer_that_came_first_ends_the_restore() {
        for records in [&["void"][..], &["void", "done"], &["leaving", "void"]] {
            assert_eq!(
                judged(None, "", records).unwrap().0,
                Kind::RestoreOvertaken,
                "{records:?}"
            );
        }
        let (kind, text) = judged(Some(OVERTAKEN), "overtaken: an operator has taken over", &[]).unwrap();
        assert_eq!(kind, Kind::RestoreOvertaken);
        assert!(text.contains("an operator has taken over"), "{text}");
    }

    #[test]
    fn a_preparation_that_failed_says_what_it_printed() {
        let (kind, text) = judged(Some(9), "Failover group failover1 is active.", &["leaving"]).unwrap();
        assert_eq!(kind, Kind::StepFailed);
        let (kind, hung) = judged(Some(reply::KILLED), "Changing the setting", &["leaving"]).unwrap();
        assert_eq!(kind, Kind::StepFailed);
        assert!(
            hung.contains("was killed") && hung.contains("Changing the setting"),
            "{hung}"
        );
        // The timer starts the groups after such a failure, maybe before this look.
        for rc in [9, reply::KILLED] {
            let (kind, _) = judged(Some(rc), "", &["leaving", "void", "done"]).unwrap();
            assert_eq!(kind, Kind::StepFailed, "{rc}");
        }
        assert_eq!(
            judged(Some(OVERTAKEN), "", &["void"]).unwrap().0,
            Kind::RestoreOvertaken
        );
        assert!(
            text.contains("ended with 9") && text.contains("Failover group failover1 is active."),
            "{text}"
        );
    }

    #[test]
    fn a_node_of_another_boot_is_none_that_was_told() {
        let (intent, mut node) = told(Some(0), "", &[]);
        node.boot_id = "another".into();
        let error = departing(&intent, "server1", &node).unwrap_err();
        assert_eq!(error.kind(), Kind::PreparationUnproven);
    }

    #[test]
    fn only_what_is_online_is_stopped_and_behind_a_timer_of_the_active() {
        let mut json = crate::testing::orders();
        json["failover_groups"] = serde_json::json!(["failover1", "failover2"]);
        let config = Config::parse("orders", &json.to_string()).unwrap();
        let mut seen = healthy();
        for node in seen.nodes.values_mut() {
            let mut offline = node.stat.as_ref().unwrap().groups[0].clone();
            (offline.name, offline.state, offline.current) = ("failover2".into(), State::Offline, None);
            node.stat.as_mut().unwrap().groups.push(offline);
        }
        let id = crate::ids::Id::parse("orders-r-20260102T030405Z").unwrap();
        let planned = crate::restore::intent_for_tests(&config, &id, Some("server1"), &seen);
        let intent = disturbing(&config, &planned, &seen, &[]);
        assert_eq!(intent.groups().collect::<Vec<_>>(), ["failover1"]);
        let steps = crate::restore::steps(&config, &intent, &seen).unwrap();
        let quiesce = &steps["quiesce"];
        assert_eq!(
            (quiesce.document.name(), quiesce.node.as_str()),
            ("quiesce-restore", "server1")
        );
        for (name, value) in [
            ("Groups", "failover1"),
            ("Disks", "md1"),
            ("StopSeconds", "60"),
            ("StartSeconds", "40"),
            ("MaxOutageSeconds", "120"),
            ("NotAfterUptime", "5180"),
        ] {
            assert_eq!(quiesce.parameters().0[name], value, "{name}");
        }
        // Both shutdown orders check every group.
        for (name, node) in [("prepare_active", "server1"), ("prepare_standby", "server2")] {
            assert_eq!(
                (steps[name].node.as_str(), steps[name].parameters().0["Groups"].as_str()),
                (node, "failover1 failover2")
            );
        }
        // A `--pre` that hangs is killed early enough for the rollback to end within the restore's own limit.
        for (bound, seconds) in [(3600, "900"), (600, "300"), (90, "45")] {
            let config = Config {
                max_restore_outage_seconds: bound,
                ..config.clone()
            };
            let steps = crate::restore::steps(&config, &intent, &seen).unwrap();
            assert_eq!(steps["prepare_active"].parameters().0["PrepareSeconds"], seconds);
        }
        // Converge waits for a silent node until no order and no timer of ours can act any more.
        assert_eq!(intent.quiet_after_seconds, 600);
        let long = Config {
            max_outage_seconds: 3600,
            ..config
        };
        assert_eq!(disturbing(&long, &planned, &seen, &[]).quiet_after_seconds, 180 + 3600);
    }
}
