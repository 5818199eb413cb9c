use super::*;
use crate::clusterpro::settings::{GroupSettings, Settings};
use crate::consistency::Consistency;
use crate::inspect::{refuse_backup, refuse_restore};
use crate::sentence::Said;
use crate::testing::{config, healthy};

fn set(value: &str) -> Setting {
    Setting::Set(value.to_owned())
}

fn with(change: &dyn Fn(&mut Settings)) -> Observation {
    let mut seen = healthy();
    for node in seen.nodes.values_mut() {
        change(&mut node.settings);
    }
    seen
}

fn disk(settings: &mut Settings) -> &mut DiskSettings {
    settings.disks.get_mut("md1").unwrap()
}

/// What refuses a backup, and what refuses a restore.
fn refused(change: &dyn Fn(&mut Settings)) -> (Option<Kind>, Option<Kind>) {
    let seen = with(change);
    let kind = |error: Option<Error>| error.map(|error| error.kind());
    (
        kind(refuse_backup(&config(), Consistency::Stopped, &seen).err()),
        kind(refuse_restore(&config(), &seen).err()),
    )
}

#[test]
fn every_mirror_disk_is_named_whatever_it_is_called() {
    for name in ["md2", "md", "fci_md", "data2"] {
        let both = refused(&|all| all.cluster.mirror_disks = set(&format!("md1 {name}")));
        assert_eq!(
            both,
            (Some(Kind::ConfigIncomplete), Some(Kind::ConfigIncomplete)),
            "{name}"
        );
    }
    // What is not read, or does not show the disks that are known, proves nothing.
    for list in [Setting::Unread, Setting::Absent] {
        let both = refused(&|all| all.cluster.mirror_disks = list.clone());
        assert_eq!(
            both,
            (Some(Kind::OutputUnreadable), Some(Kind::OutputUnreadable)),
            "{list:?}"
        );
    }
}

#[test]
fn hybrid_disks_are_refused_by_name() {
    let both = refused(&|all| all.cluster.hybrid_disks = set("hd1"));
    assert_eq!(
        both,
        (Some(Kind::HybridDiskUnsupported), Some(Kind::HybridDiskUnsupported))
    );
    let both = refused(&|all| all.cluster.hybrid_disks = Setting::Unread);
    assert_eq!(both, (Some(Kind::OutputUnreadable), Some(Kind::OutputUnreadable)));
}

#[test]
fn only_a_mirror_that_is_clearly_synchronous_is_backed_up() {
    for bad in [set("0"), set(""), set("2"), set("1 0"), Setting::Unread] {
        let (backup, restore) = refused(&|all| disk(all).syncmode = bad.clone());
        assert_eq!((backup, restore), (Some(Kind::MirrorAsynchronous), None), "{bad:?}");
        let (backup, restore) = refused(&|all| disk(all).sync = bad.clone());
        assert_eq!((backup, restore), (Some(Kind::MirrorAsynchronous), None), "{bad:?}");
    }
    for good in [set("1"), Setting::Absent] {
        assert_eq!(
            refused(&|all| (disk(all).sync, disk(all).syncmode) = (good.clone(), good.clone())),
            (None, None)
        );
    }
}

#[test]
fn the_monitor_watches_that_very_disk() {
    for bad in [set("md2"), Setting::Absent, Setting::Unread] {
        let (backup, _) = refused(&|all| _ = all.monitors.insert("mdw1".into(), bad.clone()));
        assert_eq!(backup, Some(Kind::MonitorMismatch), "{bad:?}");
    }
    assert_eq!(refused(&|all| all.monitors.clear()).0, Some(Kind::MonitorMismatch));
}

#[test]
fn other_paths_than_those_of_the_json_are_refused() {
    let both = refused(&|all| disk(all).data_partition = set("/dev/xvdc2"));
    assert_eq!(both, (Some(Kind::DeviceMismatch), Some(Kind::DeviceMismatch)));
    let both = refused(&|all| disk(all).cluster_partition = Setting::Unread);
    assert_eq!(both, (Some(Kind::DeviceMismatch), Some(Kind::DeviceMismatch)));
}

fn said(change: &dyn Fn(&mut Settings)) -> String {
    Said(words(&config(), &with(change), "server1")).words().join("\n")
}

#[test]
fn the_plan_tells_what_clusterpro_does_by_default() {
    let defaults = said(&|_| ());
    for text in [
        "shuts the node down (deact/action) on server1",
        "1200 s to unmount md1",
        "haltp/action: RESET, the default",
    ] {
        assert!(defaults.contains(text), "{text}: {defaults}");
    }
    assert!(!defaults.contains("to stop only after"), "{defaults}");
    let mild = said(&|all| {
        disk(all).deact = set("1");
        (disk(all).umount_seconds, disk(all).umount_retries) = (set("30"), set("1"));
        all.cluster.haltp = set("PANIC");
    });
    assert!(
        !mild.contains("deact") && !mild.contains("unmount") && mild.contains("PANIC"),
        "{mild}"
    );
    for (value, text) in [
        (set("5"), "reboots the node"),
        (set("9"), "final action 9"),
        (Setting::Unread, "could not be read"),
    ] {
        let told = said(&|all| disk(all).deact = value.clone());
        assert!(told.contains(text), "{told}");
    }
}

#[test]
fn the_plan_tells_which_groups_wait_for_others() {
    let waiting = |seconds: Setting| {
        said(&|all| {
            let settings = GroupSettings {
                stops_after: set("app web"),
                stop_seconds: seconds.clone(),
            };
            all.groups.insert("failover1".into(), settings);
        })
    };
    let told = waiting(Setting::Absent);
    assert!(
        told.contains("failover1 is set to stop only after app, web, and to wait up to 1800 s")
            && told.contains("within 60 s"),
        "{told}"
    );
    assert!(waiting(set("20")).contains("up to 20 s"));
}
