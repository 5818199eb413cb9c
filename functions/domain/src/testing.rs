//! The seed's cluster, for tests.

use crate::catalogue::{Snapshot, Tier};
use crate::clusterpro::mdstat::{Color, Mirror, Recovery, Status};
use crate::clusterpro::outputs::Services;
use crate::clusterpro::settings::{ClusterSettings, DiskSettings, Setting, Settings};
use crate::clusterpro::stat::{Group, Stat, State};
use crate::config::Config;
use crate::devices::{Disk, Under};
use crate::ec2::SnapshotState;
use crate::lvm_devices::LvmDevices;
use crate::mounts::Mount;
use crate::observation::{Instance, Node, Observation, Power, Root};
use crate::reply::{Ended, Job, Records, Started, Took};
use crate::time::Moment;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A completed snapshot of 20 GiB, no copy of another.
pub(crate) fn completed(id: &str, volume: &str, started: Moment, tags: BTreeMap<String, String>) -> Snapshot {
    Snapshot {
        id: id.into(),
        volume: volume.into(),
        state: SnapshotState::Completed,
        progress: "100%".to_owned(),
        started,
        gib: 20,
        kms_key: None,
        copied_from: None,
        tier: Tier::Standard,
        tags,
    }
}

pub(crate) fn orders() -> Value {
    json!({"name": "orders",
        "nodes": [{"name": "server1", "instance_id": "i-0aaa"}, {"name": "server2", "instance_id": "i-0ccc"}],
        "failover_groups": ["failover1"],
        "mirror_disks": [{"name": "md1", "monitor": "mdw1", "device": "/dev/sdb",
                          "cluster_partition": "/dev/xvdb1", "data_partition": "/dev/xvdb2"}],
        "max_outage_seconds": 120, "max_restore_outage_seconds": 3600, "accept_device_name_risk": false,
        "retention": {"keep_last": 7, "daily": 14, "weekly": 8, "monthly": 12}})
}

pub(crate) fn config() -> Config {
    Config::parse("orders", &orders().to_string()).unwrap()
}

pub(crate) fn instance(name: &str) -> Instance {
    let tail = if name == "server1" { "aaa" } else { "ccc" };
    Instance {
        id: format!("i-0{tail}").into(),
        power: Power::Running,
        reason: None,
        reason_text: None,
        launched: Some(Moment::from_unix(1_780_000_000)),
        shutdown_behavior: Some("stop".into()),
        spot: false,
        reserved: true,
        auto_scaling_group: None,
        tagged_for: Some("orders".into()),
        zone: "ap-northeast-1a".into(),
        volumes: BTreeMap::from([
            ("/dev/sda1".into(), format!("vol-0{tail}0").into()),
            ("/dev/sdb".into(), format!("vol-0{tail}1").into()),
        ]),
        moving: BTreeMap::new(),
        root_device: Some("/dev/sda1".into()),
        root: Root::Volume,
    }
}

/// The record of a detached command of the boot `boot_id`: still running, or ended with an exit code.
pub(crate) fn job(boot_id: &str, rc: Option<i32>) -> Job {
    let boot_id = boot_id.to_owned();
    Job {
        started: Some(Started {
            boot_id: boot_id.clone(),
            uptime: 1.0,
        }),
        ended: rc.map(|rc| Ended {
            rc,
            boot_id,
            uptime: 2.0,
        }),
    }
}

pub(crate) fn mirror(status: Status, server1: Color, server2: Color) -> Mirror {
    let colors = BTreeMap::from([("server1".into(), server1), ("server2".into(), server2)]);
    Mirror {
        disk: "md1".into(),
        status,
        colors,
        recovery: Recovery::default(),
    }
}

/// What clp.conf says of the seed's cluster. What it leaves out has its default.
pub(crate) fn settings() -> Settings {
    let set = |value: &str| Setting::Set(value.to_owned());
    let disk = DiskSettings {
        cluster_partition: set("/dev/xvdb1"),
        data_partition: set("/dev/xvdb2"),
        construction_off: true,
        sync: Setting::Absent,
        syncmode: Setting::Absent,
        deact: Setting::Absent,
        umount_seconds: Setting::Absent,
        umount_retries: Setting::Absent,
    };
    Settings {
        heartbeat: Setting::Set("30000".into()),
        disks: BTreeMap::from([("md1".into(), disk)]),
        monitor_types: Setting::Set("genw mdnw mdw userw".into()),
        limits: BTreeMap::new(),
        unread_limits: vec![],
        monitors: BTreeMap::from([("mdw1".into(), set("md1"))]),
        groups: BTreeMap::new(),
        cluster: ClusterSettings {
            mirror_disks: set("md1"),
            hybrid_disks: Setting::Absent,
            haltp: Setting::Absent,
            stall: Setting::Absent,
        },
    }
}

pub(crate) fn node(name: &str) -> Node {
    let both = |state| BTreeMap::from([("server1".to_owned(), state), ("server2".to_owned(), state)]);
    let disk = Under {
        disks: [Disk {
            name: "xvdb".into(),
            volume: None,
        }]
        .into(),
        is_lvm: false,
        partition: None,
    };
    Node {
        boot_id: format!("boot-{name}"),
        uptime: 5000,
        hold: false,
        epoch: Some(7),
        records: Records::default(),
        unfinished: vec![],
        jobs: BTreeMap::new(),
        outs: BTreeMap::new(),
        stat: Some(Stat {
            servers: both(State::Online),
            groups: vec![Group {
                name: "failover1".into(),
                state: State::Online,
                current: Some("server1".into()),
                resources: vec!["md1".into(), "exec1".into()],
            }],
            monitors: BTreeMap::new(),
        }),
        monitors: Some(BTreeMap::from([("mdw1".into(), both(State::Online))])),
        mirrors: BTreeMap::from([("md1".into(), mirror(Status::Normal, Color::Green, Color::Green))]),
        settings: settings(),
        called: Some(name.into()),
        services: Services::Auto,
        systemd: Some(252),
        syncs_files: Some(true),
        missing: vec![],
        full: vec![],
        free_mib: Some(5000),
        lvm_devices: LvmDevices::All,
        took: Took {
            clpstat: 700,
            clpmdstat: 700,
        },
        devices: BTreeMap::from([("/dev/xvdb1".into(), disk.clone()), ("/dev/xvdb2".into(), disk)]),
        mounts: BTreeMap::from([(
            "md1".into(),
            Mount {
                device: "/dev/NMP1".into(),
                unfit: None,
            },
        )]),
        answer_size: 3000,
    }
}

pub(crate) fn healthy() -> Observation {
    let names = ["server1", "server2"];
    Observation {
        at: Moment::from_unix(1_780_010_000),
        instances: names.iter().map(|name| ((*name).to_owned(), instance(name))).collect(),
        nodes: names.iter().map(|name| ((*name).to_owned(), node(name))).collect(),
        silent: BTreeMap::new(),
    }
}
