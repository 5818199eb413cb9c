use super::*;
use crate::testing;
use serde_json::{Value, json};

/// The seed's cluster, with these partitions of md1 on either node.
fn parse(server1: [&str; 2], server2: [&str; 2]) -> Result<Config> {
    let mut json = testing::orders();
    let by_node = |at: usize| json!({"server1": server1[at], "server2": server2[at]});
    json["mirror_disks"][0]["cluster_partition"] = by_node(0);
    json["mirror_disks"][0]["data_partition"] = by_node(1);
    Config::parse("orders", &json.to_string())
}

fn survives(server1: [&str; 2], server2: [&str; 2]) -> bool {
    let config = parse(server1, server2).unwrap();
    let result = refuse_names_of_volumes(&config);
    if let Err(error) = &result {
        assert_eq!(error.kind(), Kind::DeviceNameNotPersistent);
        let accepted = Config {
            accept_device_name_risk: true,
            ..config
        };
        assert!(refuse_names_of_volumes(&accepted).is_ok());
    }
    result.is_ok()
}

#[test]
fn the_attachment_s_name_survives_a_restore() {
    for pair in [
        ["/dev/xvdb1", "/dev/xvdb2"],
        ["/dev/sdb1", "/dev/sdb2"],
        ["/dev/sdbp1", "/dev/sdbp2"],
        ["/dev/ebs/sdb-part1", "/dev/ebs/sdb-part2"],
        ["/dev/xvdb", "/dev/xvdc"],
    ] {
        assert!(survives(pair, pair), "{pair:?}");
    }
    assert!(survives(["/dev/sdb1", "/dev/sdb2"], ["/dev/xvdc1", "/dev/xvdc2"]));
}

#[test]
fn what_is_written_on_the_volume_survives_if_it_is_the_same_on_both_nodes() {
    let names = |front: &str| [format!("{front}_cp"), format!("{front}_dp")];
    for front in [
        "/dev/vg_md1/md1",
        "/dev/mapper/vg_md1-md1",
        "/dev/disk/by-uuid/6b0a",
        "/dev/disk/by-partuuid/6b0a",
        "/dev/disk/by-label/md1",
        "/dev/disk/by-partlabel/md1",
        "/dev/disk/by-id/dm-name-vg_md1-md1",
        "/dev/disk/by-id/dm-uuid-LVM-abc",
    ] {
        let (here, there) = (
            names(front),
            names(
                &front
                    .replacen("md1", "md9", 1)
                    .replace("6b0a", "77aa")
                    .replace("abc", "xyz"),
            ),
        );
        let [here, there] = [&here, &there].map(|pair| [pair[0].as_str(), pair[1].as_str()]);
        assert!(survives(here, here), "{front}");
        assert!(!survives(here, there), "{front}: {there:?}");
        assert!(!survives(here, ["/dev/sdb1", "/dev/sdb2"]), "{front}");
    }
}

#[test]
fn names_of_the_volume_or_of_a_boot_do_not() {
    for front in [
        "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0-part",
        "/dev/disk/by-id/nvme-nvme.1d0f-766f6c-part",
        "/dev/disk/by-path/pci-0000:00:1f.0-nvme-1-part",
        "/dev/disk/by-diskseq/9-part",
        "/dev/ebs/vol-0123456789abcdef0-part",
        "/dev/mapper/vol0123456789abcdef0p",
        "/dev/nvme1n1p",
        "/dev/dm-",
        "/dev/md12",
        "/dev/mirror",
        "/dev/a/b/c",
        "/dev/sdb-x",
        "/dev/xvd",
    ] {
        let pair = [format!("{front}1"), format!("{front}2")];
        let pair = [pair[0].as_str(), pair[1].as_str()];
        assert!(!survives(pair, pair), "{front}");
        let text = refuse_names_of_volumes(&parse(pair, pair).unwrap())
            .unwrap_err()
            .to_string();
        let of_volume = front.contains("vol") || front.contains("by-id");
        assert_eq!(text.contains("names the volume itself"), of_volume, "{text}");
        assert!(!survives(["/dev/sdb1", "/dev/sdb2"], pair), "{front}");
    }
}

#[test]
fn a_link_of_two_parts_counts_only_if_it_is_a_logical_volume() {
    let link = ["/dev/mirror/cluster", "/dev/mirror/data"];
    let config = parse(link, link).unwrap();
    let mut node = testing::node("server1");
    let disk = node.devices["/dev/xvdb1"].clone();
    for path in link {
        node.devices.insert(path.into(), disk.clone());
    }
    let error = refuse_unknown_links(&config, "server1", &node).unwrap_err();
    assert_eq!(error.kind(), Kind::DeviceNameNotPersistent);
    for under in node.devices.values_mut() {
        under.is_lvm = true;
    }
    assert!(refuse_unknown_links(&config, "server1", &node).is_ok());
    assert!(refuse_unknown_links(&testing::config(), "server1", &testing::node("server1")).is_ok());
}

fn two_disks(change: impl FnOnce(&mut Value)) -> Result<Config> {
    let mut json = testing::orders();
    json["mirror_disks"] = json!([
        {"name": "md1", "monitor": "mdw1", "device": "/dev/sdb", "cluster_partition": "/dev/xvdb1", "data_partition": "/dev/xvdb2"},
        {"name": "md2", "monitor": "mdw2", "device": "/dev/sdb", "cluster_partition": "/dev/xvdb3", "data_partition": "/dev/xvdb4"}]);
    change(&mut json["mirror_disks"]);
    Config::parse("orders", &json.to_string())
}

#[test]
fn disks_share_a_volume_on_both_nodes_or_on_none() {
    assert!(two_disks(|_| ()).is_ok());
    let apart = |disks: &mut Value, node: &str| {
        let mut device = json!({"server1": "/dev/sdb", "server2": "/dev/sdb"});
        device[node] = "/dev/sdc".into();
        disks[1]["device"] = device;
    };
    for node in ["server1", "server2"] {
        let error = two_disks(|disks| apart(disks, node)).unwrap_err();
        assert_eq!(error.kind(), Kind::ConfigInvalid);
        assert!(error.to_string().contains("share a volume"), "{error}");
    }
    // Other names of the attachment alone are no other layout.
    let moved = two_disks(|disks| {
        for disk in disks.as_array_mut().unwrap() {
            disk["device"] = json!({"server1": "/dev/sdb", "server2": "/dev/sdc"});
        }
    });
    assert!(moved.is_ok());
}

#[test]
fn partitions_have_one_order_on_both_nodes() {
    let crossed = two_disks(|disks| {
        disks[0]["cluster_partition"] = json!({"server1": "/dev/xvdb1", "server2": "/dev/xvdb3"});
        disks[0]["data_partition"] = json!({"server1": "/dev/xvdb2", "server2": "/dev/xvdb4"});
        disks[1]["cluster_partition"] = json!({"server1": "/dev/xvdb3", "server2": "/dev/xvdb1"});
        disks[1]["data_partition"] = json!({"server1": "/dev/xvdb4", "server2": "/dev/xvdb2"});
    });
    assert!(crossed.unwrap_err().to_string().contains("partition 1 on server1"));
    for (here, there) in [
        (["/dev/xvdb1", "/dev/xvdb2"], ["/dev/xvdb2", "/dev/xvdb1"]),
        (["/dev/xvdb1", "/dev/xvdb2"], ["/dev/xvdb1", "/dev/xvdb3"]),
        (
            ["/dev/nvme1n1p1", "/dev/nvme1n1p2"],
            ["/dev/nvme2n1p2", "/dev/nvme2n1p3"],
        ),
        (
            ["/dev/disk/by-id/x-part1", "/dev/disk/by-id/x-part2"],
            ["/dev/sdb2", "/dev/sdb3"],
        ),
    ] {
        assert_eq!(parse(here, there).unwrap_err().kind(), Kind::ConfigInvalid, "{there:?}");
    }
    assert!(parse(["/dev/nvme1n1p1", "/dev/nvme1n1p2"], ["/dev/nvme2n1p1", "/dev/sdc2"]).is_ok());
}

#[test]
fn a_name_on_the_volume_means_the_same_on_both_nodes() {
    let error = parse(["/dev/vg/a", "/dev/vg/b"], ["/dev/vg/b", "/dev/vg/a"]).unwrap_err();
    assert_eq!(error.kind(), Kind::ConfigInvalid);
    assert!(
        error.to_string().contains("/dev/vg/a is the cluster_partition of md1"),
        "{error}"
    );
    // The name of an attachment may be another disk's on the other node: it is another volume there.
    let exchanged = two_disks(|disks| {
        for (at, [here, there]) in [["b", "c"], ["c", "b"]].into_iter().enumerate() {
            let path =
                |n: u8| json!({"server1": format!("/dev/xvd{here}{n}"), "server2": format!("/dev/xvd{there}{n}")});
            disks[at]["device"] = json!({"server1": format!("/dev/sd{here}"), "server2": format!("/dev/sd{there}")});
            (disks[at]["cluster_partition"], disks[at]["data_partition"]) = (path(1), path(2));
        }
    });
    assert!(exchanged.is_ok());
}

/// `count` mirror disks with names of 31 characters, on so many volumes.
fn many(count: usize, volumes: usize) -> Result<Config> {
    two_disks(|disks| {
        *disks = (0..count)
            .map(|n| {
                let device = format!("/dev/sd{}", char::from(b'b' + u8::try_from(n % volumes).unwrap()));
                json!({"name": format!("mirror_disk_with_a_long_name_{n:02}"), "monitor": format!("mdw{n}"), "device": device,
                       "cluster_partition": format!("/dev/vg/cp{n}"), "data_partition": format!("/dev/vg/dp{n}")})
            })
            .collect();
    })
}

#[test]
fn the_names_on_one_volume_fit_a_tag() {
    assert!(many(8, 1).is_ok());
    let error = many(9, 1).unwrap_err();
    assert_eq!(error.kind(), Kind::ConfigInvalid);
    assert!(error.to_string().contains("287 characters"), "{error}");
    assert!(many(16, 2).is_ok());
}
