use super::*;
use crate::doctor::recording::{RecordedNode, Recording};
use crate::testing::instance;

const FIRST: &str = "116rhel94-billing-production";

/// A cluster with long names, two groups and two mirror disks, each on a volume of its own.
fn recorded() -> Vec<RecordedNode> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/recordings/clusterpro-5.x.json"
    );
    Recording::parse(&std::fs::read_to_string(path).unwrap()).unwrap().nodes
}

fn instances() -> [Instance; 2] {
    ["server1", "server2"].map(|name| {
        let mut one = instance(name);
        let tail = one.id.as_str().trim_start_matches("i-0").to_owned();
        one.volumes.insert("/dev/sdc".into(), format!("vol-0{tail}2").into());
        one
    })
}

/// The doctor of a node: of its recording what these parts ask for, and the devices of both mirror disks.
fn doctor(recorded: &RecordedNode, instance: &Instance, ask: &Ask) -> Vec<Entry> {
    let parts = &ask.parts;
    let names = [&parts.groups, &parts.disks, &parts.monitors].into_iter().flatten();
    let asked: Vec<String> = names.map(|name| format!("@{name}/")).collect();
    let is_asked = |entry: &&Entry| {
        let path = entry.argv.last().unwrap();
        let own = !path.contains("/server@") || path.contains(&format!("/server@{}/", ask.node));
        entry.argv[0] != "clpcfget" || !path.contains('@') || own && asked.iter().any(|name| path.contains(name))
    };
    let mut entries: Vec<Entry> = recorded.entries.iter().filter(is_asked).cloned().collect();
    for device in parts.devices.iter().filter(|device| *device != NO_DEVICE) {
        let at = if device.contains("md1") { "/dev/sdb" } else { "/dev/sdc" };
        let serial = instance.volumes[at].as_str().replace('-', "");
        entries.push(Entry {
            id: format!("lsblk {device}"),
            argv: ["lsblk", "-s", "-P", "-o", "KNAME,TYPE,SERIAL", device]
                .map(str::to_owned)
                .to_vec(),
            exit: 0,
            ms: 1,
            stdout: format!(
                "KNAME=\"nvme1n1p1\" TYPE=\"part\" SERIAL=\"\"\nKNAME=\"nvme1n1\" TYPE=\"disk\" SERIAL=\"{serial}\"\n"
            ),
            stderr: String::new(),
            cut: false,
            sources: vec![],
        });
    }
    entries
}

/// All rounds; `change` sees each node's answer, with the node's number and the round's.
fn discovered(mut change: impl FnMut(usize, usize, &mut Vec<Entry>)) -> Result<(Discovered, Vec<[Ask; 2]>)> {
    let (nodes, instances) = (recorded(), instances());
    let mut discovery = Discovery::new(instances.clone());
    let mut asked = Vec::new();
    while let Some(asks) = discovery.asks()? {
        let mut answers = [vec![], vec![]];
        for (number, answer) in answers.iter_mut().enumerate() {
            *answer = doctor(&nodes[number], &instances[number], &asks[number]);
            change(number, asked.len(), answer);
        }
        discovery.answered(answers)?;
        asked.push(asks);
        assert!(asked.len() < 20, "it ends");
    }
    Ok((discovery.found()?, asked))
}

fn refused(change: impl FnMut(usize, usize, &mut Vec<Entry>)) -> Kind {
    discovered(change).unwrap_err().kind()
}

#[test]
fn a_cluster_is_found_in_three_rounds() {
    let (found, asked) = discovered(|_, _, _| {}).unwrap();
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0][0].parts.disks, [NOTHING]);
    assert_eq!((asked[1][0].node.as_str(), asked[1][0].parts.disks.len()), (FIRST, 2));
    assert_eq!(found.nodes[0].name, FIRST);
    assert_eq!(found.nodes[0].instance_id, instance("server1").id);
    assert_eq!(found.failover_groups, ["failover-of-the-billing-data", "failover2"]);
    let disks: Vec<_> = found
        .mirror_disks
        .iter()
        .map(|disk| {
            (
                disk.name.as_str(),
                disk.monitor.as_str(),
                disk.device.on(FIRST),
                disk.data_partition.on(FIRST),
            )
        })
        .collect();
    let wanted = [
        ("fci_md", "mdw2", "/dev/sdc", "/dev/nvme2n1p2"),
        (
            "md-of-the-billing-database",
            "mdw-of-the-billing-database",
            "/dev/sdb",
            "/dev/md1/dp",
        ),
    ];
    assert_eq!(disks, wanted);
    assert!(
        found
            .mirror_disks
            .iter()
            .all(|disk| matches!(disk.device, PerNode::Same(_)))
    );
    // The last round is what the doctor of the described cluster asks.
    assert_eq!(asked[2][1].parts.devices.len(), 4);
    assert_eq!(asked[2][1].parts.monitors, ["mdw2", "mdw-of-the-billing-database"]);
}

#[test]
fn the_instances_may_be_named_in_any_order_and_a_table_may_not_say_who_printed_it() {
    let (nodes, [a, b]) = (recorded(), instances());
    let mut discovery = Discovery::new([b.clone(), a.clone()]);
    let ask = discovery.asks().unwrap().unwrap();
    let mut first = doctor(&nodes[1], &b, &ask[0]);
    for entry in first.iter_mut().filter(|entry| entry.argv[0] == "clpstat") {
        entry.stdout = entry.stdout.replace('*', " ");
    }
    discovery.answered([first, doctor(&nodes[0], &a, &ask[1])]).unwrap();
    let names = discovery.asks().unwrap().unwrap().map(|ask| ask.node);
    assert_eq!(names, [nodes[1].name.clone(), nodes[0].name.clone()]);
}

#[test]
fn many_monitors_are_asked_of_in_parts() {
    let one = |n| format!("  Monitor{n} : [genw{n} : Normal]\n   server0 [o|o] : Online\n   server1 [o|o] : Online\n");
    let more = (10..50).map(one).collect::<Vec<_>>().concat();
    let (found, asked) = discovered(|_, _, entries| {
        for entry in entries.iter_mut().filter(|entry| entry.id == "clpstat-monitors") {
            entry.stdout.push_str(&more);
        }
    })
    .unwrap();
    assert!(asked.iter().flatten().all(|ask| ask.parts.monitors.len() <= MONITORS));
    assert_eq!((found.mirror_disks.len(), asked.len()), (2, 5));
}

#[test]
fn what_differs_between_the_nodes_is_named_by_node() {
    let (found, _) = discovered(|number, _, entries| {
        let wanted = format!("md@fci_md/server@{}/parameters/diskdev/dppath", recorded()[1].name);
        for entry in entries
            .iter_mut()
            .filter(|entry| number == 1 && entry.argv.last().unwrap().contains(&wanted))
        {
            (entry.exit, entry.stdout) = (0, "/dev/sdc2\n".to_owned());
        }
    })
    .unwrap();
    let disk = &found.mirror_disks[0];
    assert_eq!(
        (
            disk.data_partition.on(FIRST),
            disk.data_partition.on(&recorded()[1].name)
        ),
        ("/dev/nvme2n1p2", "/dev/sdc2")
    );
}

#[test]
fn what_is_not_shown_is_refused_and_nothing_is_guessed() {
    let without = |command: &'static str| {
        move |_: usize, _: usize, entries: &mut Vec<Entry>| entries.retain(|one| !one.argv.join(" ").contains(command))
    };
    assert_eq!(refused(without("clpstat -s")), Kind::OutputUnreadable);
    assert_eq!(refused(without("clpstat -m")), Kind::OutputUnreadable);
    assert_eq!(refused(without("-e /root/resource/md")), Kind::OutputUnreadable);
    assert_eq!(refused(without("/cppath")), Kind::OutputUnreadable);
    assert_eq!(refused(without("/parameters/object")), Kind::MonitorMismatch);
    assert_eq!(refused(without("lsblk")), Kind::DeviceMismatch);
    // A value for one server that could not be read may be another one than the common value.
    assert_eq!(refused(without("/server@")), Kind::OutputUnreadable);
}

#[test]
fn a_table_may_be_cut_behind_what_is_read_of_it() {
    let cut_at = |mark: &'static str| {
        move |_: usize, _: usize, entries: &mut Vec<Entry>| {
            for entry in entries.iter_mut().filter(|entry| entry.id == "clpstat-long") {
                entry.cut = true;
                entry.stdout = entry.stdout.split_inclusive(mark).next().unwrap().to_owned();
            }
        }
    };
    assert_eq!(
        refused(cut_at("failover-of-the")),
        Kind::OutputUnreadable,
        "a group may be missing"
    );
    assert!(discovered(cut_at("<monitor>")).is_ok());
    let half = |_: usize, _: usize, entries: &mut Vec<Entry>| {
        for entry in entries.iter_mut().filter(|entry| entry.id == "clpstat-monitors") {
            entry.cut = true;
        }
    };
    assert!(discovered(half).is_ok());
}

#[test]
fn two_instances_that_are_not_one_cluster_are_refused() {
    let other = |number: usize, _: usize, entries: &mut Vec<Entry>| {
        for entry in entries.iter_mut().filter(|_| number == 1) {
            entry.stdout = entry.stdout.replace("failover2", "failover3");
        }
    };
    assert_eq!(refused(other), Kind::ServerNameMismatch);
    let same = |number: usize, _: usize, entries: &mut Vec<Entry>| {
        if number == 1 {
            *entries = recorded().remove(0).entries;
        }
    };
    assert_eq!(refused(same), Kind::ServerNameMismatch, "the same node twice");
}

#[test]
fn partitions_on_two_volumes_are_refused() {
    let moved = |_: usize, _: usize, entries: &mut Vec<Entry>| {
        for entry in entries.iter_mut().filter(|entry| entry.id == "lsblk /dev/md1/cp") {
            entry.stdout = entry.stdout.replace("1\"\n", "2\"\n");
        }
    };
    assert_eq!(refused(moved), Kind::DeviceMismatch);
}
