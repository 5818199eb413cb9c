//! What converge waits for before it acts, and for how long.

use super::verdict as judged;
use super::*;

/// After what was sent to a node before has been waited out.
fn quiet(mut seen: Observation) -> Observation {
    seen.at = seen.at.plus(i64::from(intent().quiet_after_seconds));
    seen
}

/// The verdict, so many seconds after the wait for `key` began, which must be what is waited for.
fn after(seen: &Observation, key: &str, seconds: i64) -> Verdict {
    let first = judged(seen, &Memory::default());
    assert!(
        matches!(&first, Verdict::Wait { key: found, .. } if found == key),
        "{first:?}"
    );
    let memory = Memory::default().after(&first, seen);
    let mut later = seen.clone();
    later.at = later.at.plus(seconds);
    judged(&later, &memory)
}

#[test]
fn an_instance_that_starts_or_stops_is_waited_for() {
    let cases = [
        (Power::Pending, "pending", patience::BOOT),
        (Power::Stopping, "stopping", patience::STOPPING),
    ];
    for (power, word, long) in cases {
        let mut seen = quiet(testing::healthy());
        seen.instances.get_mut("server2").unwrap().power = power;
        let key = format!("{word} server2");
        assert!(matches!(after(&seen, &key, long - 1), Verdict::Wait { .. }));
        assert!(matches!(after(&seen, &key, long + 1), Verdict::Stuck(_)));
    }
}

/// The standby outside the cluster, after `clpbackup.sh --post` has ended so.
fn post_processed(rc: i32) -> Observation {
    let mut seen = quiet(testing::healthy());
    let node = seen.nodes.get_mut("server2").unwrap();
    node.services = Services::Manual;
    node.stat = None;
    let boot = node.boot_id.clone();
    node.jobs
        .insert("enter-backup-mode.1".into(), testing::job("the boot before", Some(0)));
    node.jobs
        .insert("leave-backup-mode.1".into(), testing::job(&boot, Some(rc)));
    seen
}

#[test]
fn the_reboot_that_a_post_processing_orders_is_waited_for() {
    let seen = post_processed(0);
    assert!(matches!(
        after(&seen, "reboot server2", patience::REBOOT - 1),
        Verdict::Wait { .. }
    ));
    assert!(matches!(
        after(&seen, "reboot server2", patience::REBOOT + 1),
        Verdict::Stuck(_)
    ));
    let again = judged(&post_processed(1), &Memory::default());
    assert!(
        matches!(&again, Verdict::Act { action: Action::Step { step }, .. } if step.document == Document::LeaveBackupMode),
        "{again:?}"
    );
}

/// A service that starts by itself does so soon. Once converge has started it, a daemon that waits for its peer is given its time.
#[test]
fn a_daemon_that_was_started_is_given_more_time_than_one_that_should_start_by_itself() {
    let mut seen = quiet(testing::healthy());
    for node in seen.nodes.values_mut() {
        node.stat
            .as_mut()
            .unwrap()
            .servers
            .insert("server2".into(), State::Offline);
    }
    let started = |verdict: &Verdict| matches!(verdict, Verdict::Act { action: Action::Step { step }, .. } if step.document == Document::StartCluster);
    assert!(matches!(
        after(&seen, "daemon server2", patience::DAEMON_START - 1),
        Verdict::Wait { .. }
    ));
    let act = after(&seen, "daemon server2", patience::DAEMON_START + 1);
    assert!(started(&act), "{act:?}");
    let mut memory = Memory::default().after(&act, &seen);
    let wait = judged(&seen, &memory);
    memory = memory.after(&wait, &seen);
    for (seconds, again) in [(patience::DAEMON - 1, false), (patience::DAEMON + 1, true)] {
        let mut later = seen.clone();
        later.at = later.at.plus(seconds);
        assert_eq!(started(&judged(&later, &memory)), again, "{seconds} s");
    }
}
