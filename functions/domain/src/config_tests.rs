use super::*;
use crate::testing::orders;
use serde_json::{Value, json};

fn with(path: &str, value: Value) -> String {
    let mut json = orders();
    *json.pointer_mut(path).expect("path of the example") = value;
    json.to_string()
}

fn refused(json: &str) -> String {
    let error = Config::parse("orders", json).expect_err(json);
    assert_eq!(error.kind(), Kind::ConfigInvalid);
    error.to_string()
}

#[test]
fn the_design_s_example_is_read() {
    let config = Config::parse("orders", &orders().to_string()).unwrap();
    assert_eq!(config.peer("server1").unwrap().name, "server2");
    assert_eq!(config.mirror_disks[0].device.on("server2"), "/dev/sdb");
    let parts = config.deadlines();
    assert_eq!(
        (parts.group_stop_seconds, parts.split_seconds, parts.group_start_seconds),
        (60, 20, 40)
    );
    assert!(
        config.standby_wait_seconds(Consistency::Stopped) >= parts.not_after_seconds + parts.group_stop_seconds + 5
    );
}

#[test]
fn values_may_differ_by_node() {
    let by_node = json!({"server1": "/dev/sdb", "server2": "/dev/sdc"});
    let config = Config::parse("orders", &with("/mirror_disks/0/device", by_node)).unwrap();
    assert_eq!(config.mirror_disks[0].device.on("server2"), "/dev/sdc");
    refused(&with("/mirror_disks/0/device", json!({"server1": "/dev/sdb"})));
    refused(&with(
        "/mirror_disks/0/device",
        json!({"server1": "/dev/sdb", "server2": "/dev/sdc", "server3": "/dev/sdd"}),
    ));
}

#[test]
fn unknown_and_missing_keys_are_errors() {
    for at in ["", "/nodes/0", "/mirror_disks/0", "/retention"] {
        let mut json = orders();
        json.pointer_mut(at)
            .unwrap()
            .as_object_mut()
            .unwrap()
            .insert("max_outage".into(), json!(1));
        assert!(refused(&json.to_string()).contains("max_outage"), "{at}");
    }
    let mut json = orders();
    json.as_object_mut().unwrap().remove("retention");
    assert!(refused(&json.to_string()).contains("retention"));
}

#[test]
fn every_name_is_checked() {
    for (path, value) in [
        ("/name", "other"),
        ("/nodes/0/name", "a;b"),
        ("/nodes/0/name", "server2"),
        ("/nodes/0/instance_id", "i-zzz"),
        ("/nodes/0/instance_id", "i-0ccc"),
        ("/failover_groups/0", "$(reboot)"),
        ("/mirror_disks/0/name", "md 1"),
        ("/mirror_disks/0/monitor", "`id`"),
        ("/mirror_disks/0/device", "/dev/sdb; id"),
        ("/mirror_disks/0/cluster_partition", "/dev/../etc/passwd"),
        ("/mirror_disks/0/data_partition", "/dev/xvdb1"),
    ] {
        refused(&with(path, json!(value)));
    }
    refused(&with("/failover_groups", json!([])));
    refused(&with("/failover_groups", json!(["g", "g"])));
    refused(&with("/nodes", json!([{"name": "server1", "instance_id": "i-0aaa"}])));
    refused(&with(
        "/failover_groups",
        json!((0..17).map(|n| format!("g{n}")).collect::<Vec<_>>()),
    ));
}

#[test]
fn the_outage_s_parts_must_fit_the_bound() {
    let parts = |stop: u32, split: u32, start: u32| {
        let mut json = orders();
        json["deadlines"] = json!({"group_stop_seconds": stop, "split_seconds": split, "group_start_seconds": start,
                                   "break_seconds": 2, "not_after_seconds": 120});
        json.to_string()
    };
    assert!(Config::parse("orders", &parts(60, 20, 40)).is_ok());
    assert!(refused(&parts(60, 21, 40)).contains("121"));
    refused(&parts(60, 1, 40));
    for bad in [0, 14, 3601] {
        refused(&with("/max_outage_seconds", json!(bad)));
    }
    refused(&with("/max_restore_outage_seconds", json!(1)));
    refused(&with("/retention/keep_last", json!(0)));
    refused(&with("/retention/daily", json!(-1)));
}

#[test]
fn a_frozen_backup_s_times_are_within_what_the_documents_take() {
    let plain = Config::parse("orders", &orders().to_string()).unwrap();
    assert_eq!(
        (
            plain.consistency,
            plain.max_pause_seconds,
            plain.hook_seconds,
            plain.restore_from
        ),
        (Consistency::Stopped, 10, 30, RestoreFrom::Any)
    );
    let mut json = orders();
    json["consistency"] = json!("frozen");
    json["restore_from"] = json!("stopped");
    for (key, good, bad) in [
        ("max_pause_seconds", [6, 99], [5, 100]),
        ("hook_seconds", [1, 300], [0, 301]),
    ] {
        for value in good {
            json[key] = json!(value);
            let config = Config::parse("orders", &json.to_string()).unwrap();
            assert_eq!(
                (config.consistency, config.restore_from),
                (Consistency::Frozen, RestoreFrom::Stopped)
            );
        }
        for value in bad {
            json[key] = json!(value);
            assert!(refused(&json.to_string()).contains(key));
        }
        json[key] = json!(10);
    }
    for key in ["consistency", "restore_from"] {
        let mut json = orders();
        json[key] = json!("frosty");
        refused(&json.to_string());
    }
}

#[test]
fn oversized_input_is_refused() {
    assert!(refused(&" ".repeat(MAX_BYTES + 1)).contains("8192"));
}

/// All of them: 3599 alone made a part that was refused.
#[test]
fn every_accepted_bound_leaves_room_for_its_parts() {
    for bound in 15..=3600 {
        let config = Config::parse("orders", &with("/max_outage_seconds", json!(bound))).unwrap();
        let parts = config.deadlines();
        assert!(parts.group_stop_seconds + parts.split_seconds + parts.group_start_seconds <= bound);
        assert!(parts.break_seconds >= 1 && parts.break_seconds <= parts.split_seconds);
    }
}

/// docs/cluster.schema.json is made from the types. `UPDATE=1 cargo test -p mirrorsnap-domain schema` writes it anew.
#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cluster.schema.json");
    let schema = serde_json::to_string_pretty(&schemars::schema_for!(Config)).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == schema,
        "run this test with UPDATE=1, and commit docs/cluster.schema.json"
    );
}
