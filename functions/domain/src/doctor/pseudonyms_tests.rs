use super::*;
use crate::clusterpro::{mdstat, monitors, stat};
use crate::devices;
use crate::doctor::recording::{Entry, RecordedNode, Recording, Source};
use proptest::prelude::*;

fn entry(id: &str, argv: &[&str], stdout: &str, stderr: &str) -> Entry {
    Entry {
        id: id.to_owned(),
        argv: argv.iter().map(|each| (*each).to_owned()).collect(),
        exit: 0,
        ms: 700,
        stdout: stdout.to_owned(),
        stderr: stderr.to_owned(),
        cut: false,
        sources: vec![],
    }
}

/// What would tell whose cluster it is, and where each stands in `seeded`.
const CANARIES: [&str; 36] = [
    "kakaku-ap01",
    "kakaku-ap02",
    "tkyprd",
    "tkyprd.kakaku.example.co.jp",
    "kakaku-billing-database-primary-node1",
    "kakaku-billing-d",
    "urikake",
    "urikake-data",
    "webshop_group",
    "juchu-no-hozon-wo-suru-group",
    "10.20.31.47",
    "172.31.255.9",
    "2001:db8:85a3::8a2e:370:7334",
    "2001:0db8:85a3:0000:0000:8a2e:0370:7335",
    "fe80::1c2d:3eff:fe4f:5a6b",
    "0a:58:a9:fe:ac:02",
    "0a-58-a9-fe-ac-03",
    "i-0fedcba9876543210",
    "vol-0123456789abcdef0",
    "vol0123456789abcdef0",
    "snap-0abcdef1234567890",
    "123456789012",
    "arn:aws:iam::123456789012:role/kakaku-operator",
    "kakaku-operator",
    "yamada.taro@kakaku.example.co.jp",
    "yamada",
    "d1e2f3a4-b5c6-4d7e-8f90-a1b2c3d4e5f6",
    "x7Qm2p-9kLd-Ab3C-Xy4Z-Qw5E-Rt6Y-Ui7Oxx",
    "766f6c3031323334",
    "受注管理サーバ",
    "価格表の監視",
    "担当は山田",
    "03-1234-5678",
    "sasaki",
    "kakaku_vg",
    "standby",
];

#[allow(clippy::too_many_lines)] // one table
/// A recording with each canary somewhere, `standby` as the name of a server.
fn seeded() -> Recording {
    let stat = " ========================  CLUSTER STATUS  ===========================\n  Cluster : urikake\n  <server>\n   \
        *kakaku-ap01 .....: Online           受注管理サーバ yamada 03-1234-5678\n      lankhb1        : Normal           Kernel Mode LAN \
        Heartbeat\n    standby .........: Online           担当は山田\n      lankhb1        : Normal           Kernel Mode LAN Heartbeat\n  \
        <group>\n    webshop_group ...: Online           \n      current        : kakaku-ap01\n      urikake-data   : Online           \n  \
        <monitor>\n    mdw1             : Normal           価格表の監視\n \
        =====================================================================\n";
    let long = "  <server>\n   *kakaku-billing-database-primary-node1 ....: Online           \n    standby ...: Online\n  <group>\n    \
        juchu-no-hozon-wo-suru-group ....: Offline\n      current        : None\n";
    let first = vec![
        entry("clpstat", &["clpstat", "-s"], stat, ""),
        entry(
            "long",
            &["clpstat", "-s", "--long"],
            long,
            "clpstat: tkyprd.kakaku.example.co.jp: timeout\n",
        ),
        entry(
            "cut",
            &["clpstat"],
            &long.replace("kakaku-billing-database-primary-node1", "kakaku-billing-d"),
            "",
        ),
        entry(
            "clpmdstat urikake-data",
            &["clpmdstat", "-m", "urikake-data"],
            "Mirror Status: Normal\nurikake-data kakaku-ap01 standby\n------\nMirror Color GREEN GREEN\n",
            "",
        ),
        entry(
            "object",
            &["clpcfget", "-g", "/root/monitor/mdw@urikake/parameters/object"],
            "urikake-data\n",
            "",
        ),
        entry(
            "paths",
            &[
                "clpcfget",
                "-g",
                "/root/resource/md@urikake-data/server@kakaku-ap02/parameters/diskdev/cppath",
            ],
            "/dev/kakaku_vg/urikake-data\n",
            "/home/sasaki/.ssh: denied for yamada.taro@kakaku.example.co.jp\n",
        ),
        entry(
            "device /dev/disk/by-uuid/d1e2f3a4-b5c6-4d7e-8f90-a1b2c3d4e5f6",
            &[
                "lsblk",
                "-s",
                "-P",
                "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0-part1",
            ],
            "KNAME=\"nvme1n1\" TYPE=\"disk\" SERIAL=\"vol0123456789abcdef0\"\n",
            "",
        ),
        entry(
            "lvmdevices",
            &["lvmdevices"],
            "  Device /dev/nvme1n1 IDTYPE=sys_wwid IDNAME=nvme.1d0f-766f6c3031323334 \
            DEVNAME=/dev/nvme1n1 PVID=x7Qm2p-9kLd-Ab3C-Xy4Z-Qw5E-Rt6Y-Ui7Oxx\n",
            "",
        ),
    ];
    let second = vec![
        entry(
            "help",
            &["clpbackup.sh", "--help"],
            "usage: clpbackup.sh {--pre|--post} # kakaku-ap02, sasaki@tkyprd\n",
            "",
        ),
        entry(
            "addresses",
            &["ip", "a"],
            "link/ether 0a:58:a9:fe:ac:02 inet 10.20.31.47/20 inet6 fe80::1c2d:3eff:fe4f:5a6b/64\n\
            inet6 2001:db8:85a3::8a2e:370:7334%eth0 peer=2001:0db8:85a3:0000:0000:8a2e:0370:7335:443 \
            [2001:db8:85a3::8a2e:370:7334]:29007\n",
            "0a-58-a9-fe-ac-03 ip-172-31-255-9: 172.31.255.9. no\n",
        ),
        entry(
            "aws",
            &["aws"],
            "{\"Arn\":\"arn:aws:iam::123456789012:role/kakaku-operator\",\"i\":\"i-0fedcba9876543210\",\
            \"v\":\"vol-0123456789abcdef0\",\"s\":\"snap-0abcdef1234567890\",\"a\":123456789012}\n",
            "123456789012 yamada.taro@kakaku.example.co.jp\n",
        ),
        entry(
            "host",
            &["hostname", "-f"],
            "tkyprd.kakaku.example.co.jp\n",
            "http://tkyprd:8080/kakaku-operator?x=2001:db8:85a3::8a2e:370:7334\n",
        ),
    ];
    Recording {
        recording: 1,
        taken: "2026-11-27T05:00:00Z".to_owned(),
        about: "担当は山田 (yamada), kakaku-ap01 in 123456789012".to_owned(),
        nodes: vec![
            RecordedNode {
                name: "kakaku-ap01".to_owned(),
                entries: first,
            },
            RecordedNode {
                name: "standby".to_owned(),
                entries: second,
            },
        ],
    }
}

/// Values of all strings, with no key.
fn values(recording: &Recording) -> String {
    let entries = recording.nodes.iter().flat_map(|node| {
        node.entries.iter().flat_map(|entry| {
            [&entry.id, &entry.stdout, &entry.stderr]
                .into_iter()
                .chain(&entry.argv)
                .cloned()
                .collect::<Vec<_>>()
        })
    });
    let names = recording.nodes.iter().map(|node| node.name.clone());
    entries
        .chain(names)
        .chain([recording.about.clone()])
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn no_canary_is_left() {
    let before = values(&seeded());
    for canary in CANARIES {
        assert!(before.contains(canary), "{canary} is not seeded");
    }
    let hidden = seeded().hidden();
    let after = values(&hidden).to_lowercase();
    for canary in CANARIES {
        assert!(!after.contains(&canary.to_lowercase()), "{canary} is left");
    }
    // Nor any part of one that is a name in itself, nor any other script.
    for part in [
        "kakaku", "example", "taro", "billing", "juchu", "webshop", "31-255", "1c2d", "370", "operator", "85a3",
    ] {
        assert!(!after.contains(part), "{part} is left");
    }
    assert!(after.chars().all(|c| c.is_ascii() || c == OTHER_SCRIPT));
}

#[test]
fn every_place_of_a_recording_is_looked_at() {
    for canary in CANARIES {
        let text = format!("x {canary} y\n");
        let mut one = entry(canary, &["clpstat", canary], &text, &text);
        one.sources = vec![Source {
            lines: "1".to_owned(),
            source: canary.to_owned(),
        }];
        let recording = Recording {
            recording: 1,
            taken: "2026-11-27T05:00:00Z".to_owned(),
            about: text.clone(),
            nodes: vec![RecordedNode {
                name: canary.to_owned(),
                entries: vec![one],
            }],
        };
        let json = serde_json::to_string(&recording.hidden()).unwrap();
        assert!(!json.contains(canary), "{canary} in {json}");
    }
}

#[test]
fn no_word_of_a_comment_stays_and_a_name_goes_though_it_is_a_word() {
    let line = "    standby .........: Online           backup of the mirror on server1\n";
    let mut pseudonyms = Pseudonyms::learned(["standby"], []);
    let hidden = pseudonyms.hide(line);
    for word in ["standby", "backup", "mirror", "server1"] {
        assert!(!hidden.contains(word), "{word} in {hidden}");
    }
    assert!(hidden.contains(": Online           "));
}

#[test]
fn the_vendor_s_own_words_stay() {
    for fixture in [
        include_str!("../../fixtures/clpstat-group-offline.txt"),
        include_str!("../../fixtures/clpstat-daemon-stopped.txt"),
        include_str!("../../fixtures/clpmdstat-normal.txt"),
        include_str!("../../fixtures/clpmdstat-no-construction.txt"),
        include_str!("../../fixtures/clpmdstat-abnormal.txt"),
        include_str!("../../fixtures/clpbackup-pre.txt"),
        include_str!("../../fixtures/clpbackup-post.txt"),
        include_str!("../../fixtures/clprestore-pre.txt"),
        include_str!("../../fixtures/clprestore-post.txt"),
        include_str!("../../fixtures/is-enabled-sysv-auto.txt"),
        include_str!("../../fixtures/clpstat-management-group.txt"),
    ] {
        let hidden = Pseudonyms::default().hide(fixture);
        assert_eq!(
            hidden.replace(&Pseudonyms::default().hide("billing"), "billing"),
            fixture
        );
    }
    for text in [
        "systemd 252 (252-18.el9)\n",
        "sync (GNU coreutils) 8.22\n",
        "/dev/xvda2  10475520 3000 700000  29% /\n",
        "4.18.0-553.el8_10.x86_64 2026-11-27T05:00:00Z 127.0.0.1 ::1\n",
        "KNAME=\"nvme1n1p2\" TYPE=\"part\" SERIAL=\"\"\nKNAME=\"dm-0\" TYPE=\"lvm\" SERIAL=\"\"\n",
    ] {
        assert_eq!(Pseudonyms::default().hide(text), text);
    }
}

#[test]
fn the_same_is_the_same_everywhere() {
    let hidden = seeded().hidden();
    let [first, second] = &hidden.nodes[..] else { panic!() };
    let stat = stat::parse(&first.entries[0].stdout).unwrap();
    assert_eq!(stat.servers.keys().collect::<Vec<_>>().len(), 2);
    assert!(stat.servers.contains_key(&first.name) && stat.servers.contains_key(&second.name));
    assert_eq!(stat.groups[0].current.as_ref(), Some(&first.name));
    let disk = &first.entries[3].argv[2];
    assert_eq!(disk, &stat.groups[0].resources[0]);
    assert!(mdstat::parse(disk, &first.entries[3].stdout).unwrap().is_normal());
    // A name that was cut is still the front of the whole one.
    let (whole, cut) = (
        stat::here(&first.entries[1].stdout).unwrap(),
        stat::here(&first.entries[2].stdout).unwrap(),
    );
    assert!(stat::is_name_of(cut, whole) && cut.len() == 16, "{cut} {whole}");
    // A serial and the id of its volume name one volume.
    let disk = devices::under(&first.entries[6].stdout)
        .unwrap()
        .disks
        .pop_first()
        .unwrap();
    assert!(second.entries[2].stdout.contains(disk.volume.unwrap().as_str()));
    // Lengths stay, so tables stay aligned.
    for (before, after) in seeded().nodes[0].entries[0]
        .stdout
        .lines()
        .zip(first.entries[0].stdout.lines())
    {
        assert_eq!(before.chars().count(), after.chars().count());
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        "[A-Za-z0-9][A-Za-z0-9_-]{0,30}",
        "(backup|mirror|data|node1|md1|exec2|ManagementGroup|restore-of-md)",
        "kakaku-billing-d[a-z]{0,12}",
    ]
}

proptest! {
    #[test]
    fn parsers_answer_the_same(
        names in proptest::collection::btree_set(name(), 6),
        states in proptest::collection::vec(prop_oneof![Just("Online"), Just("Offline"), Just("Online Pending"), Just("Suspend"), Just("Caution")], 6),
        comment in "[ -~受注]{0,20}",
    ) {
        let names: Vec<String> = names.into_iter().map(|name| name.trim_end_matches('-').to_owned()).collect();
        let [a, b, group, disk, monitor, cluster] = &names[..] else { panic!() };
        prop_assume!(names.iter().collect::<BTreeSet<_>>().len() == 6);
        let table = format!(
            "  Cluster : {cluster}\n  <server>\n   *{a} ...: {}   {comment}\n    {b} ...: {}\n  <group>\n    {group} ...: {}\n      current  : {a}\n      \
             {disk} : {}\n  <monitor>\n    {monitor} : {}   {comment}\n", states[0], states[1], states[2], states[3], states[4]);
        let mirror = format!("Mirror Status: Normal\n{disk} {a} {b}\n---------\nMirror Color GREEN RED\n");
        let watched = format!("  *server0 : {a}\n   server1 : {b}\n  Monitor0 [{monitor} : Caution]\n   server0 [o|o] : {}\n   server1 [o|-] : Offline\n", states[5]);
        let config = format!("--- settings {disk} rc=0\ncppath 0 /dev/{group}/{disk}\nown-cppath 1\n");
        let all = [&table, &mirror, &watched, &config];
        let argv = ["clpstat".to_owned()];
        let mut pseudonyms = Pseudonyms::learned([a.as_str(), b.as_str()], all.iter().map(|text| Printed { argv: &argv, text }));
        let hidden = all.map(|text| pseudonyms.hide(text));
        let mut hide = |name: &str| pseudonyms.hide(name);
        let images: BTreeSet<String> = names.iter().map(|name| hide(name)).collect();
        prop_assert_eq!(images.len(), 6);

        let before = stat::parse(&table);
        let after = stat::parse(&hidden[0]);
        prop_assert_eq!(before.is_ok(), after.is_ok());
        if let (Ok(before), Ok(after)) = (before, after) {
            let mapped: BTreeMap<_, _> = before.servers.iter().map(|(name, state)| (hide(name), *state)).collect();
            prop_assert_eq!(mapped, after.servers);
            let mapped: BTreeMap<_, _> = before.monitors.iter().map(|(name, state)| (hide(name), *state)).collect();
            prop_assert_eq!(mapped, after.monitors);
            for (before, after) in before.groups.iter().zip(&after.groups) {
                prop_assert_eq!(before.state, after.state);
                prop_assert_eq!(before.current.as_deref().map(&mut hide), after.current.clone());
                prop_assert_eq!(before.resources.iter().map(|name| hide(name)).collect::<Vec<_>>(), after.resources.clone());
            }
        }
        let (before, after) = (mdstat::parse(disk, &mirror).unwrap(), mdstat::parse(&hide(disk), &hidden[1]).unwrap());
        prop_assert_eq!(before.status, after.status);
        prop_assert_eq!(before.colors.iter().map(|(name, color)| (hide(name), *color)).collect::<BTreeMap<_, _>>(), after.colors);
        let (before, after) = (monitors::parse_monitors(&watched).unwrap(), monitors::parse_monitors(&hidden[2]).unwrap());
        let before: BTreeMap<_, _> = before.iter().map(|(monitor, nodes)| {
            (hide(monitor), nodes.iter().map(|(node, state)| (hide(node), *state)).collect::<BTreeMap<_, _>>())
        }).collect();
        prop_assert_eq!(before, after);
    }

    #[test]
    fn no_word_in_another_script_and_no_address_stays(front in "[ -~]{0,12}", v6 in 0x1_0000_0000u128.., v4 in 0x0100_0000u32..0x7f00_0000, account in "[1-9][0-9]{11}", end in "[ -~]{0,12}") {
        let (v6, v4) = (Ipv6Addr::from(v6).to_string(), Ipv4Addr::from(v4).to_string());
        for secret in [&v6, &v4, &account] {
            let hidden = Pseudonyms::default().hide(&format!("{front} {secret} {end}"));
            prop_assert!(!hidden.contains(secret.as_str()), "{}", hidden);
        }
    }

    #[test]
    fn any_text_can_be_hidden(text in "\\PC*") {
        let mut pseudonyms = Pseudonyms::default();
        let hidden = pseudonyms.hide(&text);
        prop_assert_eq!(&hidden, &pseudonyms.hide(&text));
        prop_assert_eq!(text.lines().count(), hidden.lines().count());
    }
}
