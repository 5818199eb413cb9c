use super::*;
use proptest::prelude::*;
use serde_json::json;

fn config() -> Config {
    Config::parse("orders", &crate::testing::orders().to_string()).unwrap()
}

fn seen(cluster: &str, data: &str) -> BTreeMap<String, Under> {
    [("/dev/xvdb1", cluster), ("/dev/xvdb2", data)]
        .into_iter()
        .filter_map(|(path, text)| Some((path.to_owned(), under(text)?)))
        .collect()
}

fn attached() -> BTreeMap<String, String> {
    [
        ("/dev/sdb".to_owned(), "vol-0aaa1".to_owned()),
        ("/dev/sda1".to_owned(), "vol-0ddd1".to_owned()),
    ]
    .into()
}

const NITRO: &str = "/dev/nvme1n1p1\nNAME=\"nvme1n1p1\" TYPE=\"part\" SERIAL=\"\"\nNAME=\"nvme1n1\" TYPE=\"disk\" SERIAL=\"vol0aaa1\"\n";

#[test]
fn pairs_json_and_tree_say_the_same() {
    let expected = BTreeSet::from([Disk {
        name: "nvme1n1".into(),
        volume: Some("vol-0aaa1".into()),
    }]);
    let json = json!({"blockdevices": [{"name": "nvme1n1p1", "type": "part", "serial": null,
        "children": [{"name": "nvme1n1", "type": "disk", "serial": "vol0aaa1"}]}]});
    let tree = "NAME        TYPE SERIAL\nnvme1n1p1   part \n└─nvme1n1   disk vol0aaa1\n";
    for text in [NITRO.to_owned(), json.to_string(), tree.to_owned()] {
        assert_eq!(under(&text).unwrap().disks, expected, "{text}");
    }
}

#[test]
fn lvm_is_followed_down() {
    let text = "vg0-lv_data lvm\n└─xvdb2 part\n  └─xvdb disk\n";
    assert_eq!(
        under(text).unwrap().disks,
        BTreeSet::from([Disk {
            name: "xvdb".into(),
            volume: None
        }])
    );
    assert!(under(text).unwrap().is_lvm && !under(NITRO).unwrap().is_lvm);
    let two = format!("{text}└─xvdc disk\n");
    assert_eq!(under(&two).unwrap().disks.len(), 2);
    let error = gate(&config(), "server1", &attached(), &seen(text, &two)).unwrap_err();
    assert!(error.to_string().contains("2 disks"));
}

#[test]
fn what_is_not_known_is_no_disk() {
    for text in [
        "",
        "lsblk: /dev/xvdb1: not a block device\n",
        "xvdb1 quantum\n",
        "NAME=\"xvdb\" SERIAL=\"\"\n",
        "xvdb1 part\n",
    ] {
        assert_eq!(under(text), None, "{text}");
    }
}

#[test]
fn nitro_goes_by_serial() {
    assert!(gate(&config(), "server1", &attached(), &seen(NITRO, NITRO)).is_ok());
    let renamed = NITRO.replace("vol0aaa1", "vol0ddd1");
    for pair in [(NITRO, renamed.as_str()), (renamed.as_str(), NITRO)] {
        let error = gate(&config(), "server1", &attached(), &seen(pair.0, pair.1)).unwrap_err();
        assert_eq!(error.kind(), Kind::DeviceMismatch);
        assert!(error.to_string().contains("vol-0ddd1"));
    }
    let mute = NITRO.replace("vol0aaa1", "");
    assert!(gate(&config(), "server1", &attached(), &seen(&mute, &mute)).is_err());
}

#[test]
fn xen_goes_by_attachment() {
    let good = "xvdb1 part\n└─xvdb disk\n";
    assert!(gate(&config(), "server1", &attached(), &seen(good, good)).is_ok());
    let other = "xvdc1 part\n└─xvdc disk\n";
    assert!(gate(&config(), "server1", &attached(), &seen(good, other)).is_err());
    assert!(gate(&config(), "server1", &BTreeMap::new(), &seen(good, good)).is_err());
    assert!(gate(&config(), "server1", &attached(), &seen(good, "")).is_err());
}

proptest! {
    #[test]
    fn garbage_never_passes(text in "(\\PC|\n| part| disk|NAME=\"){0,80}") {
        prop_assert!(gate(&config(), "server1", &attached(), &seen(&text, &text)).is_err() || text.contains("xvdb"));
    }
}
