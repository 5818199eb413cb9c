use super::*;
use crate::clusterpro::settings::Setting;
use crate::clusterpro::stat::State;
use crate::observation::{Instance, Power, Root};
use crate::testing::{config, healthy};

fn refused(change: impl FnOnce(&mut Observation)) -> Kind {
    let mut seen = healthy();
    change(&mut seen);
    refuse_backup(&config(), Consistency::Stopped, &seen)
        .expect_err("it was not refused")
        .kind()
}

fn node<'a>(seen: &'a mut Observation, name: &str) -> &'a mut Node {
    seen.nodes.get_mut(name).unwrap()
}

fn instance<'a>(seen: &'a mut Observation, name: &str) -> &'a mut Instance {
    seen.instances.get_mut(name).unwrap()
}

#[test]
fn a_healthy_cluster_is_planned() {
    let id = Id::new(crate::ids::IdKind::Backup, "orders", healthy().at).unwrap();
    let plan = backup(&config(), &id, Consistency::Stopped, &healthy()).unwrap();
    assert_eq!((plan.active.as_str(), plan.standby.as_str()), ("server1", "server2"));
    assert_eq!(plan.volumes, BTreeMap::from([("md1".to_owned(), "vol-0ccc1".into())]));
    // Everything that the steps will disturb stands in the intent beforehand (rule 11).
    let intent = &plan.intent;
    assert_eq!(intent.groups().collect::<Vec<_>>(), ["failover1"]);
    assert!(intent.breaks("md1") && intent.enters_backup_mode("server2") && !intent.enters_backup_mode("server1"));
    assert!(
        ["server1", "server2"]
            .iter()
            .all(|node| intent.monitors(node).eq(["mdw1"]))
    );
}

#[test]
fn the_steps_carry_the_section_s_deadlines() {
    let id = Id::new(crate::ids::IdKind::Backup, "orders", healthy().at).unwrap();
    let plan = backup(&config(), &id, Consistency::Stopped, &healthy()).unwrap();
    let number = |step: &str, name: &str| plan.steps[step].parameters().0[name].parse::<u32>().unwrap();
    assert_eq!(
        (plan.steps["split"].node.as_str(), plan.steps["quiesce"].node.as_str()),
        ("server2", "server1")
    );
    // Ts + D + start <= Tmax, and W outlasts any active that still begins.
    let (stop, split, start) = (
        number("quiesce", "StopSeconds"),
        number("quiesce", "BreakSeconds"),
        number("quiesce", "StartSeconds"),
    );
    assert!(stop + split + start <= number("quiesce", "MaxOutageSeconds"));
    assert!(number("split", "WaitSeconds") >= number("split", "ActiveWithinSeconds") + stop + 5);
    assert_eq!(
        number("quiesce", "NotAfterUptime"),
        5000 + number("split", "ActiveWithinSeconds")
    );
    assert_eq!(plan.steps["quiesce"].parameters().0["ExpectedBootId"], "boot-server1");
}

#[test]
fn what_ec2_shows_refuses() {
    for (kind, change) in [
        (
            Kind::ShutdownBehaviorNotStop,
            Box::new(|i: &mut Instance| i.shutdown_behavior = Some("terminate".into())) as Box<dyn Fn(&mut Instance)>,
        ),
        (
            Kind::ShutdownBehaviorNotStop,
            Box::new(|i: &mut Instance| i.shutdown_behavior = None),
        ),
        (Kind::SpotInstance, Box::new(|i: &mut Instance| i.spot = true)),
        (
            Kind::AutoScalingMember,
            Box::new(|i: &mut Instance| i.auto_scaling_group = Some("asg".into())),
        ),
        (
            Kind::InstanceNotManaged,
            Box::new(|i: &mut Instance| i.tagged_for = None),
        ),
        (
            Kind::InstanceNotManaged,
            Box::new(|i: &mut Instance| i.tagged_for = Some("billing".into())),
        ),
        (
            Kind::NodeUnreachable,
            Box::new(|i: &mut Instance| i.power = Power::Stopped),
        ),
        (
            Kind::VolumeUnsupported,
            Box::new(|i: &mut Instance| i.root = Root::InstanceStore),
        ),
        (
            Kind::VolumeNotFound,
            Box::new(|i: &mut Instance| {
                i.volumes.remove("/dev/sdb");
            }),
        ),
        (
            Kind::VolumeNotFound,
            Box::new(|i: &mut Instance| i.root_device = Some("/dev/sdb".into())),
        ),
    ] {
        for name in ["server1", "server2"] {
            assert_eq!(refused(|seen| change(instance(seen, name))), kind, "{name}");
        }
    }
    assert_eq!(
        refused(|seen| {
            seen.instances.remove("server2");
        }),
        Kind::InstanceNotManaged
    );
}

#[test]
fn what_the_nodes_show_refuses() {
    let online = || crate::clusterpro::stat::Group {
        name: "other".into(),
        state: State::Online,
        current: Some("server1".into()),
        resources: vec![],
    };
    for (kind, change) in [
        (
            Kind::OperatorHold,
            Box::new(|n: &mut Node| n.hold = true) as Box<dyn Fn(&mut Node)>,
        ),
        (
            Kind::NodeOutsideCluster,
            Box::new(|n: &mut Node| n.services = Services::Manual),
        ),
        (
            Kind::NodeOutsideCluster,
            Box::new(|n: &mut Node| n.services = Services::Mixed),
        ),
        (
            Kind::OperationInProgress,
            Box::new(|n: &mut Node| n.unfinished = vec!["x".into()]),
        ),
        (Kind::ConfigInvalid, Box::new(|n: &mut Node| n.answer_size = 16_001)),
        (Kind::NodeUnsupported, Box::new(|n: &mut Node| n.systemd = Some(236))),
        (Kind::NodeUnsupported, Box::new(|n: &mut Node| n.systemd = None)),
        (Kind::NodeUnreachable, Box::new(|n: &mut Node| n.stat = None)),
        (
            Kind::NodeUnreachable,
            Box::new(|n: &mut Node| {
                n.stat
                    .as_mut()
                    .unwrap()
                    .servers
                    .insert("server2".into(), State::Offline);
            }),
        ),
        (
            Kind::ConfigIncomplete,
            Box::new(move |n: &mut Node| n.stat.as_mut().unwrap().groups.push(online())),
        ),
        (
            Kind::ConfigIncomplete,
            Box::new(|n: &mut Node| n.settings.cluster.mirror_disks = Setting::Set("md1 data2".into())),
        ),
        (
            Kind::GroupNotOnline,
            Box::new(|n: &mut Node| n.stat.as_mut().unwrap().groups[0].state = State::Pending),
        ),
        (
            Kind::GroupNotOnline,
            Box::new(|n: &mut Node| n.stat.as_mut().unwrap().groups.clear()),
        ),
        (
            Kind::MirrorNotNormal,
            Box::new(|n: &mut Node| {
                n.mirrors.clear();
            }),
        ),
        (
            Kind::MirrorNotNormal,
            Box::new(|n: &mut Node| {
                n.mirrors
                    .get_mut("md1")
                    .unwrap()
                    .colors
                    .insert("server2".into(), crate::clusterpro::mdstat::Color::Red);
            }),
        ),
        (
            Kind::MonitorAlreadySuspended,
            Box::new(|n: &mut Node| {
                n.monitors
                    .as_mut()
                    .unwrap()
                    .get_mut("mdw1")
                    .unwrap()
                    .insert("server2".into(), State::Suspended);
            }),
        ),
        (Kind::ConfigIncomplete, Box::new(|n: &mut Node| n.monitors = None)),
        (Kind::DeviceMismatch, Box::new(|n: &mut Node| n.devices.clear())),
    ] {
        for name in ["server1", "server2"] {
            assert_eq!(refused(|seen| change(node(seen, name))), kind, "{name}");
        }
    }
    assert_eq!(
        refused(|seen| {
            seen.nodes.remove("server1");
        }),
        Kind::NodeUnreachable
    );
}

#[test]
fn groups_on_both_nodes_are_refused() {
    let mut json = crate::testing::orders();
    json["failover_groups"] = serde_json::json!(["failover1", "failover2"]);
    let config = Config::parse("orders", &json.to_string()).unwrap();
    let mut seen = healthy();
    for node in seen.nodes.values_mut() {
        let groups = &mut node.stat.as_mut().unwrap().groups;
        let second = crate::clusterpro::stat::Group {
            name: "failover2".into(),
            current: Some("server2".into()),
            ..groups[0].clone()
        };
        groups.push(second);
    }
    assert_eq!(
        refuse_backup(&config, Consistency::Stopped, &seen).unwrap_err().kind(),
        Kind::GroupsOnBothNodes
    );
}

#[test]
fn the_active_is_discovered() {
    let mut seen = healthy();
    for node in seen.nodes.values_mut() {
        node.stat.as_mut().unwrap().groups[0].current = Some("server2".into());
    }
    assert_eq!(
        refuse_backup(&config(), Consistency::Stopped, &seen).unwrap(),
        "server2"
    );
}

#[test]
fn more_volumes_than_a_set_of_snapshots_leaves_out_are_refused() {
    let judged = |others: usize, second: &str| {
        let mut json = crate::testing::orders();
        let disk = serde_json::json!({"name": "md2", "monitor": "mdw2", "device": second,
                   "cluster_partition": "/dev/xvdb3", "data_partition": "/dev/xvdb4"});
        json["mirror_disks"].as_array_mut().unwrap().push(disk);
        let config = Config::parse("orders", &json.to_string()).unwrap();
        let mut seen = healthy();
        let instance = instance(&mut seen, "server2");
        instance.volumes.insert("/dev/sdc".into(), "vol-0ccc2".into());
        for n in 0..others {
            instance
                .volumes
                .insert(format!("/dev/x{n}"), format!("vol-0e{n:03}").into());
        }
        let volumes = volumes(&config, "server2", instance).unwrap();
        refuse_too_many_volumes("server2", instance, &volumes.values().collect())
    };
    assert!(judged(40, "/dev/sdc").is_ok());
    assert_eq!(judged(41, "/dev/sdc").unwrap_err().kind(), Kind::VolumeUnsupported);
    // A single volume has a call of its own.
    assert!(judged(41, "/dev/sdb").is_ok());
}

/// Rule 20.
#[test]
fn the_plan_warns_of_a_node_without_a_capacity_reservation() {
    let id = Id::new(crate::ids::IdKind::Backup, "orders", healthy().at).unwrap();
    let warned = |unreserved: &[&str]| -> Vec<String> {
        let mut seen = healthy();
        for name in unreserved {
            seen.instances.get_mut(*name).unwrap().reserved = false;
        }
        let words = backup(&config(), &id, Consistency::Stopped, &seen)
            .unwrap()
            .words
            .words();
        words
            .into_iter()
            .filter(|words| words.contains("capacity reservation"))
            .collect()
    };
    assert_eq!(warned(&[]), Vec::<String>::new());
    let one = warned(&["server2"]);
    assert!(one.len() == 1 && one[0].contains("i-0ccc (server2)"), "{one:?}");
    assert_eq!(warned(&["server1", "server2"]).len(), 2);
}
