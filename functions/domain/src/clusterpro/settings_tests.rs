use super::*;
use crate::reply::Section;

/// EXPRESSCLUSTER/clpcfset, doc/linux/md.md: an asynchronous mirror disk with the values that are the defaults there.
const ASYNCHRONOUS: &str = include_str!("../../fixtures/settings-asynchronous.txt");
/// EXPRESSCLUSTER/clpcfset, doc/linux/awsvip.md: values for one server, below `server@NAME`.
const PATHS: &str = include_str!("../../fixtures/settings-paths.txt");

fn set(value: &str) -> Setting {
    Setting::Set(value.to_owned())
}

#[test]
fn an_element_is_set_or_absent_or_not_known() {
    let text = "a 0 1\nb 0\nc 1\nd 137\ne 127\nf x\ng\n  h 0 two words \ni 125\n";
    let lines = Lines::read(text);
    for (key, setting) in [
        ("a", set("1")),
        ("b", Setting::Absent),
        ("c", Setting::Absent),
        ("d", Setting::Unread),
        ("e", Setting::Unread),
        ("f", Setting::Unread),
        ("g", Setting::Unread),
        ("h", set("two words")),
        ("i", Setting::Unread),
        ("j", Setting::Unread),
    ] {
        assert_eq!(lines.get(key), setting, "{key}");
    }
    assert!(set("1").is("1", "1") && Setting::Absent.is("1", "1") && !Setting::Unread.is("1", "1"));
    assert!(!set("0").is("1", "1") && !Setting::Absent.is("1", "0"));
    assert_eq!((set("30").number(5), set("x").number(5)), (Some(30), None));
    assert_eq!((Setting::Absent.number(5), Setting::Unread.number(5)), (Some(5), None));
    assert_eq!((Setting::Absent.names(), Setting::Unread.names()), (Some(vec![]), None));
}

#[test]
fn an_asynchronous_mirror_is_seen() {
    let disk = DiskSettings::read(ASYNCHRONOUS);
    assert!(disk.construction_off);
    assert_eq!((&disk.sync, &disk.syncmode), (&set("1"), &set("0")));
    assert_eq!(
        (&disk.deact, disk.umount_seconds.number(300)),
        (&Setting::Absent, Some(300))
    );
    for (from, to) in [
        ("fullcopy 0 0", "fullcopy 1"),
        ("fullcopy 0 0", "fullcopy 0 1"),
        ("fullcopy 0 0\n", ""),
    ] {
        assert!(
            !DiskSettings::read(&ASYNCHRONOUS.replace(from, to)).construction_off,
            "{to}"
        );
    }
}

#[test]
fn a_path_for_one_server_comes_before_the_common_one() {
    let disk = DiskSettings::read(PATHS);
    assert_eq!(disk.cluster_partition, set("/dev/nvme1n1p1"));
    assert_eq!(disk.data_partition, set("/dev/nvme2n1p2"));
    // What could not be asked may be another one.
    let hung = DiskSettings::read(&PATHS.replace("own-cppath 1", "own-cppath 137"));
    assert_eq!(hung.cluster_partition, Setting::Unread);
}

#[test]
fn the_sections_of_an_observation() {
    let first = r#"mirrorsnap {"document":"observe","run":"x","boot_id":"b","uptime":1,"result":"ok"}"#;
    let text = format!(
        "{first}\n--- settings md1 rc=0\n{PATHS}--- monitor mdw1 rc=0\nobject 0 md1\n--- group failover1 rc=0\nstop-after 0 app web\n\
         stop-seconds 1\n--- cluster rc=0\nmd 0 md1 data2\nhd 1\nhaltp 1\nstall 0 2\n--- heartbeat rc=0\ntimeout 0 50000\n\
         --- monitor-types rc=0\ntypes 0 userw mdw mdnw\n--- limits genw rc=0\ngenw1 1\ngenw2 0 30\n--- limits psqlw rc=125\n\n--- limits newdbw rc=125\n\n"
    );
    let all = Settings::read(&Reply::parse("observe", "server1", &text).unwrap());
    assert_eq!(all.disk("md1"), DiskSettings::read(PATHS));
    assert_eq!(all.disk("md2"), DiskSettings::default());
    assert_eq!(all.monitors["mdw1"], set("md1"));
    assert_eq!(all.groups["failover1"].stops_after.names(), Some(vec!["app", "web"]));
    assert_eq!(all.groups["failover1"].stop_seconds.number(1800), Some(1800));
    assert_eq!(all.cluster.mirror_disks.names(), Some(vec!["md1", "data2"]));
    assert_eq!(
        (&all.cluster.hybrid_disks, &all.cluster.stall),
        (&Setting::Absent, &set("2"))
    );
    assert_eq!(all.heartbeat, set("50000"));
    assert_eq!(all.monitor_types.names(), Some(vec!["userw", "mdw", "mdnw"]));
    let custom = |seconds| Limit {
        kind: MonitorKind::Custom,
        seconds,
    };
    assert_eq!(
        all.limits,
        BTreeMap::from([
            ("genw1".to_owned(), custom(Setting::Absent)),
            ("genw2".to_owned(), custom(set("30")))
        ])
    );
    // A type that no document asks for is none of ours.
    assert_eq!(all.unread_limits, [MonitorKind::PostgreSql]);
    let none = Reply {
        sections: BTreeMap::from([(
            "settings".to_owned(),
            Section {
                rc: 0,
                text: String::new(),
            },
        )]),
        ..Reply::parse("observe", "server1", first).unwrap()
    };
    assert_eq!(Settings::read(&none), Settings::default());
}
