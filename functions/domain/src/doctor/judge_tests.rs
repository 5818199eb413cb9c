use super::*;
use crate::doctor::recording::{Entry, RecordedNode, Recording};
use crate::edits;
use crate::sentence::Said;
use crate::testing::config;
use proptest::prelude::*;

const STAT: &str = include_str!("../../fixtures/clpstat-long.txt");
const OFFLINE: &str = include_str!("../../fixtures/clpstat-group-offline.txt");
const STOPPED: &str = include_str!("../../fixtures/clpstat-daemon-stopped.txt");
const MIRROR: &str = "Mirror Status: Normal\nmd1 server1 server2\n------------\nMirror Color GREEN GREEN\n";

fn entry(argv: &str, exit: i32, stdout: &str) -> Entry {
    Entry {
        id: argv.to_owned(),
        argv: argv.split(' ').map(str::to_owned).collect(),
        exit,
        ms: 100,
        stdout: stdout.to_owned(),
        stderr: String::new(),
        cut: false,
        sources: vec![],
    }
}

/// One node of the seed's cluster.
fn of_server1(entries: Vec<Entry>) -> Recording {
    let name = "server1".to_owned();
    Recording {
        recording: 1,
        taken: "2026-11-27T05:00:00Z".to_owned(),
        about: String::new(),
        nodes: vec![RecordedNode { name, entries }],
    }
}

fn table(fixture: &str) -> String {
    fixture.replace("node1", "server1").replace("node2", "server2")
}

/// What a node without a fault prints.
fn healthy() -> Vec<Entry> {
    let online = table(OFFLINE)
        .replace("Offline", "Online")
        .replace(": None", ": server1");
    let path = "clpcfget -g /root/resource/md@md1/parameters/diskdev";
    let own = "clpcfget -g /root/resource/md@md1/server@server1/parameters/diskdev";
    vec![
        entry("clpstat -s --long", 0, &online),
        entry("clpmdstat -m md1", 4, MIRROR),
        entry(&format!("{path}/cppath"), 0, "/dev/xvdb1\n"),
        entry(&format!("{path}/dppath"), 0, "/dev/xvdb2\n"),
        entry(&format!("{own}/cppath"), 1, ""),
        entry(&format!("{own}/dppath"), 1, ""),
        entry("clpcfget -g /root/resource/md@md1/deact/action", 0, "4\n"),
        entry(
            "clpcfget -g /root/resource/md@md1/parameters/umount/timeout",
            0,
            "300\n",
        ),
        entry("clpcfget -e /root/resource/md", 0, "md1\n"),
        entry("command -v clpsvcctrl.sh", 0, "/opt/nec/clusterpro/bin/clpsvcctrl.sh\n"),
    ]
}

fn verdict(entries: Vec<Entry>, id: &str) -> Verdict {
    let report = judge(&of_server1(entries), &config());
    report.findings.iter().find(|one| one.belief == id).unwrap().verdict
}

#[test]
fn a_healthy_node_refutes_nothing() {
    let report = judge(&of_server1(healthy()), &config());
    let refuted: Vec<_> = report
        .findings
        .iter()
        .filter(|one| one.verdict == Verdict::Refuted)
        .collect();
    assert!(refuted.is_empty(), "{refuted:?}");
    let confirmed = report.findings.iter().filter(|one| one.verdict == Verdict::Confirmed);
    assert_eq!(
        confirmed.map(|one| one.belief).collect::<Vec<_>>(),
        [
            "clp-stop-fails",
            "clp-umount-retries",
            "clp-clpcfget",
            "clp-mdstat-rc",
            "clp-columns",
            "clp-blanks",
            "clp-server-values",
        ]
    );
    assert!(report.readings.iter().all(|reading| reading.understood.is_ok()));
    assert!(report.findings.iter().all(|one| one.change.is_none()));
}

#[test]
#[allow(clippy::too_many_lines)] // one table
fn each_belief_can_be_refuted_and_confirmed() {
    use Verdict::{Confirmed, NotShown, Refuted};
    let mirror = |from: &str, to: &str, rc| vec![entry("clpmdstat -m md1", rc, &MIRROR.replace(from, to))];
    let stat = |text: &str| vec![entry("clpstat -s --long", 0, text)];
    let get = |path: &str, rc, text: &str| vec![entry(&format!("clpcfget -g /root/resource/md@md1/{path}"), rc, text)];
    let copy = |row: &str| {
        MIRROR
            .replace("Normal\n", "Recovering\n")
            .replace("GREEN GREEN", "YELLOW YELLOW")
            + row
    };
    let neither = "clpcfget -g /root/resource/md@md1";
    let cases: Vec<(&str, Verdict, Vec<Entry>)> = vec![
        ("clp-stop-fails", Confirmed, get("deact/action", 1, "")),
        ("clp-stop-fails", Refuted, get("deact/action", 0, "stop\n")),
        ("clp-stop-fails", NotShown, get("deact/action", 137, "")),
        (
            "clp-umount-retries",
            Refuted,
            get("parameters/umount/retry", 0, "three\n"),
        ),
        ("clp-fullcopy-guard", NotShown, get("parameters/fullcopy", 0, "0\n")),
        ("clp-fullcopy-guard", Refuted, get("parameters/fullcopy", 0, "off\n")),
        ("clp-clpcfget", Refuted, get("parameters/fullcopy", 127, "")),
        ("clp-clpcfget", Refuted, get("parameters/fullcopy", 0, "fullcopy\n0\n")),
        (
            "clp-clpcfget",
            Refuted,
            vec![entry("clpcfget -e /root/resource/md", 0, "name : md1\n")],
        ),
        ("clp-recovery-details", NotShown, mirror("x", "x", 0)),
        (
            "clp-recovery-details",
            Refuted,
            vec![entry("clpmdstat -m md1", 0, &copy(""))],
        ),
        (
            "clp-recovery-details",
            Confirmed,
            vec![entry(
                "clpmdstat -m md1",
                0,
                &copy("Direction: src server1\nRecovering: 40%\n"),
            )],
        ),
        ("clp-gray-status", NotShown, mirror("x", "x", 0)),
        ("clp-gray-status", Refuted, mirror("GREEN GREEN", "GREEN GRAY", 0)),
        (
            "clp-gray-status",
            Confirmed,
            mirror(
                "Normal\nmd1 server1 server2\n------------\nMirror Color GREEN GREEN",
                "Abnormal\nmd1 server1 server2\n------------\nMirror Color GREEN GRAY",
                0,
            ),
        ),
        ("clp-mdstat-rc", NotShown, mirror("x", "x", 0)),
        ("clp-mdstat-rc", Confirmed, mirror("x", "x", 4)),
        ("clp-mdstat-rc", Refuted, mirror("x", "x", 137)),
        ("clp-mdstat-rc", Refuted, mirror("Mirror", "Disk", 3)),
        (
            "clp-columns",
            Confirmed,
            mirror("server1 server2", "server2 server1", 0),
        ),
        ("clp-columns", Refuted, mirror("server1 server2", "local remote", 0)),
        ("clp-blanks", Confirmed, mirror("GREEN GREEN", "  GREEN     GREEN", 0)),
        ("clp-blanks", Refuted, mirror("GREEN GREEN", "GREEN,GREEN", 0)),
        ("clp-stopped-table", Confirmed, stat(&table(STOPPED))),
        ("clp-stopped-table", NotShown, stat(&table(OFFLINE))),
        (
            "clp-stopped-table",
            Refuted,
            stat(&table(STOPPED).replace("failover1 .......: Offline", "failover1 .......: Online")),
        ),
        ("clp-current-none", Confirmed, stat(&table(OFFLINE))),
        (
            "clp-current-none",
            Refuted,
            stat(&table(OFFLINE).replace(": None", ": server1")),
        ),
        (
            "clp-server-values",
            Refuted,
            ["parameters", "server@server1/parameters"]
                .iter()
                .map(|part| entry(&format!("{neither}/{part}/diskdev/cppath"), 1, ""))
                .collect(),
        ),
        ("clp-server-values", NotShown, get("parameters/diskdev/cppath", 1, "")),
        ("clp-long-names", Confirmed, stat(STAT)),
        ("clp-long-names", NotShown, stat(&table(OFFLINE))),
        (
            "clp-long-names",
            Refuted,
            vec![entry("clpstat -s --long", 0, STAT), entry("clpstat -s", 0, STAT)],
        ),
        (
            "clp-enable",
            NotShown,
            vec![entry("command -v clpsvcctrl.sh", 0, "/x\n")],
        ),
        ("clp-enable", Refuted, vec![entry("command -v clpsvcctrl.sh", 127, "")]),
        (
            "clp-alert-log",
            NotShown,
            vec![entry("command -v clplogcmd", 0, "/x\n")],
        ),
        ("clp-alert-log", Refuted, vec![entry("command -v clplogcmd", 127, "")]),
        ("clp-fails-once", NotShown, mirror("x", "x", 0)),
        ("clp-fails-once", NotShown, mirror("Mirror", "Disk", 1)),
        (
            "clp-fails-once",
            NotShown,
            [mirror("Mirror", "Disk", 1), mirror("Mirror", "Disk", 1)].concat(),
        ),
        (
            "clp-fails-once",
            Confirmed,
            [mirror("Mirror", "Disk", 1), mirror("x", "x", 0)].concat(),
        ),
    ];
    for (id, wanted, entries) in cases {
        let seen = format!("{entries:?}");
        assert_eq!(verdict(entries, id), wanted, "{id}: {seen}");
    }
}

#[test]
fn what_would_end_an_operation_in_the_outage_is_told_apart() {
    let mut entries = healthy();
    entries[1].stdout = MIRROR.replace("server1 server2", "local remote");
    let report = judge(&of_server1(entries), &config());
    let found: Vec<_> = report.ends_in_outage().collect();
    assert_eq!(found.iter().map(|one| one.belief).collect::<Vec<_>>(), ["clp-columns"]);
    assert!(found[0].change.is_some());
    let words = Said(report.words()).words();
    assert!(
        words.len() == 1 && words[0].contains("server1 refutes clp-columns"),
        "{words:?}"
    );
    assert!(judge(&of_server1(healthy()), &config()).words().is_empty());
    assert!(report.brief().readings.is_empty());
}

/// What is missing in an output that was cut may have been printed.
#[test]
fn an_output_that_was_cut_shows_nothing() {
    let whole = judge(&of_server1(healthy()), &config());
    for (at, entry) in healthy().iter().enumerate().filter(|(_, one)| Probe::of(one).is_some()) {
        let mut entries = healthy();
        entries[at].cut = true;
        // Half of what was printed, as the doctor cuts it.
        let lines = entry.stdout.lines().count();
        entries[at].stdout = entry
            .stdout
            .lines()
            .take(lines / 2)
            .flat_map(|line| [line, "\n"])
            .collect();
        let report = judge(&of_server1(entries), &config());
        for (before, after) in whole.findings.iter().zip(&report.findings) {
            let same = before.verdict == after.verdict;
            assert!(same || after.verdict == Verdict::NotShown, "{entry:?}: {after:?}");
        }
        let changed = whole.findings.iter().zip(&report.findings).any(|(a, b)| a != b);
        assert!(changed, "{entry:?} was judged as if it were whole");
        assert_eq!(report.words(), vec![], "{entry:?}");
        assert_eq!(report.readings.iter().filter(|one| one.cut).count(), 1);
    }
    // One that is whole and refutes still does.
    let mut wrong = entry(
        "clpmdstat -m md1",
        0,
        &MIRROR.replace("server1 server2", "local remote"),
    );
    let cut = Entry {
        cut: true,
        ..entry("clpmdstat -m md2", 0, "")
    };
    assert_eq!(
        verdict(vec![wrong.clone(), cut.clone()], "clp-columns"),
        Verdict::Refuted
    );
    wrong.cut = true;
    assert_eq!(verdict(vec![wrong, cut], "clp-columns"), Verdict::NotShown);
}

#[test]
fn what_cannot_be_read_in_the_outage_is_told() {
    let bad = |argv: &str| entry(argv, 1, "Another command is running.\n");
    let words = |entries: Vec<Entry>| Said(judge(&of_server1(entries), &config()).words()).words();
    for argv in ["clpstat -s --long", "clpstat -m --long", "clpmdstat -m md1"] {
        let said = words(vec![bad(argv)]);
        assert!(
            said.len() == 1 && said[0].contains("could not read the output of") && said[0].contains(argv),
            "{said:?}"
        );
        // Asked once more it could be read.
        let good = match argv {
            "clpmdstat -m md1" => MIRROR.to_owned(),
            "clpstat -m --long" => include_str!("../../fixtures/clpstat-monitors.txt").to_owned(),
            _ => table(OFFLINE),
        };
        assert!(words(vec![bad(argv), entry(argv, 0, &good)]).is_empty(), "{argv}");
    }
    let path = "clpcfget -g /root/resource/md@md1/parameters/diskdev/dppath";
    assert_eq!(words(vec![entry(path, 137, "")]).len(), 1);
    // The inspection refuses these, or nothing depends on them.
    for argv in [
        "clpstat -s",
        "df -Pk /var",
        "systemctl --version",
        "clpcfget -g /root/haltp/action",
    ] {
        assert!(words(vec![entry(argv, 137, "")]).is_empty(), "{argv}");
    }
}

/// The cluster that a recording is of, by what was asked on its first node.
fn config_of(recording: &Recording) -> Config {
    let asked = |command: &str| {
        let entries = recording.nodes[0].entries.iter();
        let last = |entry: &Entry| entry.argv.last().unwrap().clone();
        entries
            .filter(|one| one.argv[0] == command)
            .map(last)
            .collect::<Vec<_>>()
    };
    let disks: Vec<_> = asked("clpmdstat")
        .iter()
        .map(|disk| {
            serde_json::json!({"name": disk, "monitor": format!("w-{disk}"), "device": "/dev/sdb",
                "cluster_partition": "/dev/xvdb1", "data_partition": "/dev/xvdb2"})
        })
        .collect();
    let mut json = crate::testing::orders();
    for (number, node) in recording.nodes.iter().enumerate() {
        json["nodes"][number]["name"] = node.name.clone().into();
    }
    json["mirror_disks"] = disks.into();
    serde_json::from_value(json).unwrap()
}

#[test]
fn the_synthetic_recordings_are_judged_and_refute_nothing_that_ends_in_an_outage() {
    for name in ["clusterpro-4.3", "clusterpro-5.x", "clusterpro-6.0"] {
        let path = format!("{}/../../tests/recordings/{name}.json", env!("CARGO_MANIFEST_DIR"));
        let recording = Recording::parse(&std::fs::read_to_string(path).unwrap()).unwrap();
        let report = judge(&recording, &config_of(&recording));
        let refuted: Vec<_> = report.ends_in_outage().collect();
        assert!(refuted.is_empty(), "{name}: {refuted:?}");
        assert!(report.readings.iter().all(|one| one.understood.is_ok()), "{name}");
        assert!(report.likely_lines > 0 && report.likely_lines < report.lines, "{name}");
        eprintln!(
            "{name}: {} of {} lines rest on [likely]",
            report.likely_lines, report.lines
        );
    }
}

#[test]
fn each_line_is_needed_read_or_ignored() {
    let report = judge(&of_server1(vec![entry("clpmdstat -m md1", 0, MIRROR)]), &config());
    assert_eq!(
        report.readings[0].lines,
        [Use::Needed, Use::Needed, Use::Ignored, Use::Needed]
    );
    let bad = judge(&of_server1(vec![entry("clpmdstat -m md1", 0, "Killed\n")]), &config());
    assert!(bad.readings[0].understood.is_err() && bad.readings[0].lines.is_empty());
    let other = judge(&of_server1(vec![entry("uname -r", 0, "4.18\n")]), &config());
    assert!(other.readings.is_empty());
}

#[test]
fn lines_that_rest_on_our_belief_are_counted() {
    let mut one = entry("clpmdstat -m md1", 0, MIRROR);
    one.sources = vec![crate::doctor::recording::Source {
        lines: "2-3".to_owned(),
        source: "[likely]".to_owned(),
    }];
    let report = judge(&of_server1(vec![one]), &config());
    assert_eq!((report.likely_lines, report.lines), (2, 4));
}

/// A belief that nobody can be asked would be judged by a guess. A stopped service is not asked for, and may be met.
#[test]
fn every_belief_is_on_the_page_and_can_be_asked() {
    let page = include_str!("../../../../docs/assumptions.md");
    let ids: std::collections::BTreeSet<_> = Belief::ALL.iter().map(|belief| belief.id()).collect();
    assert_eq!(ids.len(), Belief::ALL.len());
    for id in ids {
        let row = page.lines().find(|line| line.starts_with(&format!("| `{id}` |")));
        let how = row.unwrap_or_else(|| panic!("{id} is not on the page"));
        let how = how.trim_end_matches('|').rsplit('|').next().unwrap().trim();
        assert!(
            !how.starts_with("not asked") || id == "clp-stopped-table",
            "{id}: {how}"
        );
    }
}

proptest! {
    #[test]
    fn no_output_makes_the_judge_panic(
        at in any::<prop::sample::Index>(),
        edits in prop::collection::vec(edits::edit(), 0..6),
        exit in prop_oneof![Just(0), Just(1), Just(127), Just(137), any::<i32>()],
        noise in ".{0,60}",
    ) {
        let mut entries = healthy();
        let one = at.index(entries.len());
        entries[one].stdout = edits.iter().fold(entries[one].stdout.clone(), |text, edit| edit.apply(&text));
        entries[one].stderr = noise;
        entries[one].exit = exit;
        let report = judge(&of_server1(entries), &config());
        prop_assert_eq!(report.findings.len(), Belief::ALL.len());
        let whole = serde_json::to_string(&report);
        prop_assert!(whole.is_ok());
    }
}
