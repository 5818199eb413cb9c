use super::*;
use proptest::prelude::*;

fn config() -> Config {
    Config::parse("orders", &crate::testing::orders().to_string()).unwrap()
}

fn seen(cluster: &str, data: &str) -> BTreeMap<String, Under> {
    [("/dev/xvdb1", cluster), ("/dev/xvdb2", data)]
        .into_iter()
        .filter_map(|(path, text)| Some((path.to_owned(), under(text)?)))
        .collect()
}

fn attached() -> BTreeMap<String, VolumeId> {
    [
        ("/dev/sdb".to_owned(), "vol-0aaa1".into()),
        ("/dev/sda1".to_owned(), "vol-0ddd1".into()),
    ]
    .into()
}

const NITRO: &str =
    "KNAME=\"nvme1n1p1\" TYPE=\"part\" SERIAL=\"\"\nKNAME=\"nvme1n1\" TYPE=\"disk\" SERIAL=\"vol0aaa1\"\n";

/// What `lsblk -s -P` prints of these devices, without serials.
fn printed(devices: &[(&str, &str)]) -> String {
    let line = |(name, kind): &(&str, &str)| format!("KNAME=\"{name}\" TYPE=\"{kind}\" SERIAL=\"\"\n");
    devices.iter().map(line).collect()
}

#[test]
fn the_disk_and_its_volume_are_read() {
    let expected = BTreeSet::from([Disk {
        name: "nvme1n1".into(),
        volume: Some("vol-0aaa1".into()),
    }]);
    // As util-linux calls the column in either case.
    for text in [NITRO.to_owned(), NITRO.replace("KNAME", "NAME")] {
        assert_eq!(under(&text).unwrap().disks, expected, "{text}");
    }
}

#[test]
fn lvm_is_followed_down() {
    let text = printed(&[("dm-0", "lvm"), ("xvdb2", "part"), ("xvdb", "disk")]);
    assert_eq!(
        under(&text).unwrap().disks,
        BTreeSet::from([Disk {
            name: "xvdb".into(),
            volume: None
        }])
    );
    assert!(under(&text).unwrap().is_lvm && !under(NITRO).unwrap().is_lvm);
    let two = format!("{text}{}", printed(&[("xvdc", "disk")]));
    assert_eq!(under(&two).unwrap().disks.len(), 2);
    let error = on_their_volumes(&config(), "server1", &attached(), &seen(&text, &two)).unwrap_err();
    assert!(error.to_string().contains("2 disks"));
}

#[test]
fn what_is_not_known_is_no_disk() {
    let quantum = printed(&[("xvdb1", "quantum"), ("xvdb", "disk")]);
    let partition = printed(&[("xvdb1", "part")]);
    let warned = format!("lsblk: dm-1: not found\n{NITRO}");
    for text in [
        "",
        "lsblk: /dev/xvdb1: not a block device\n",
        "KNAME=\"xvdb\" SERIAL=\"\"\n",
        "TYPE=\"disk\"\n",
        &quantum,
        &partition,
        &warned,
    ] {
        assert_eq!(under(text), None, "{text}");
    }
}

#[test]
fn nitro_goes_by_serial() {
    assert!(on_their_volumes(&config(), "server1", &attached(), &seen(NITRO, NITRO)).is_ok());
    let renamed = NITRO.replace("vol0aaa1", "vol0ddd1");
    for pair in [(NITRO, renamed.as_str()), (renamed.as_str(), NITRO)] {
        let error = on_their_volumes(&config(), "server1", &attached(), &seen(pair.0, pair.1)).unwrap_err();
        assert_eq!(error.kind(), Kind::DeviceMismatch);
        assert!(error.to_string().contains("vol-0ddd1"));
    }
    let mute = NITRO.replace("vol0aaa1", "");
    assert!(on_their_volumes(&config(), "server1", &attached(), &seen(&mute, &mute)).is_err());
}

#[test]
fn xen_goes_by_attachment() {
    let good = printed(&[("xvdb1", "part"), ("xvdb", "disk")]);
    assert!(on_their_volumes(&config(), "server1", &attached(), &seen(&good, &good)).is_ok());
    let other = printed(&[("xvdc1", "part"), ("xvdc", "disk")]);
    assert!(on_their_volumes(&config(), "server1", &attached(), &seen(&good, &other)).is_err());
    assert!(on_their_volumes(&config(), "server1", &BTreeMap::new(), &seen(&good, &good)).is_err());
    assert!(on_their_volumes(&config(), "server1", &attached(), &seen(&good, "")).is_err());
}

proptest! {
    #[test]
    fn garbage_never_passes(text in "(\\PC|\n|KNAME=\"|\"| TYPE=\"disk\"| TYPE=\"part\"| SERIAL=\"vol0){0,40}") {
        prop_assert!(on_their_volumes(&config(), "server1", &attached(), &seen(&text, &text)).is_err() || text.contains("xvdb"));
    }
}

#[test]
fn clusterpro_s_own_paths_are_those_of_the_json() {
    let instance = crate::testing::instance("server1");
    let passes = |change: &dyn Fn(&mut Node)| {
        let mut node = crate::testing::node("server1");
        change(&mut node);
        gate(&config(), "server1", &instance.volumes, &node)
    };
    assert!(passes(&|_| ()).is_ok());
    let opened: [Setting; 4] = [
        Setting::Set("/dev/xvdc2".into()),
        Setting::Set("/dev/xvdb1".into()),
        Setting::Absent,
        Setting::Unread,
    ];
    for path in &opened {
        let error =
            passes(&|node| node.settings.disks.get_mut("md1").unwrap().data_partition = path.clone()).unwrap_err();
        assert_eq!(error.kind(), Kind::DeviceMismatch, "{path:?}");
    }
    let other = |node: &mut Node| node.settings.disks.get_mut("md1").unwrap().cluster_partition = opened[0].clone();
    let error = passes(&other).unwrap_err().to_string();
    assert!(error.contains("/dev/xvdb1") && error.contains("/dev/xvdc2"), "{error}");
    assert!(passes(&|node| node.settings.disks.clear()).is_err());
}
