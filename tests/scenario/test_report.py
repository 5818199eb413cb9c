"""Lanes, figures and the page, out of logs written by hand."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from typing import Any

from scenario import lanes
from scenario.drawing import LEFT, RIGHT, WIDTH, Band, draw
from scenario.format import Step
from scenario.journal import Journal, transitions
from scenario.operation import Operation
from scenario.page import Bar, Section, page
from scenario.report import of_a_backup, own_time
from scenario.summary import summary
from scenario.timeline import Window


def power(t: float, event: str, node: str = "server2") -> dict[str, Any]:
    return {"t": t, "kind": "power", "node": node, "instance": f"i-{node}", "event": event}


def group(t: float, status: str, node: str = "server1") -> dict[str, Any]:
    return {"t": t, "kind": "cluster", "what": "group", "group": "failover1", "node": node, "status": status}


def mirror(t: float, **colours: str) -> dict[str, Any]:
    return {"t": t, "kind": "cluster", "what": "mirror", "disk": "md1", "colours": colours}


def attachment(t: float, volume: str, state: str, device: str = "/dev/sdb", node: str = "server1") -> dict[str, Any]:
    return {"t": t, "kind": "attachment", "volume": volume, "instance": f"i-{node}", "device": device, "state": state}


def spans(lane: lanes.Lane) -> list[tuple[float, float, str]]:
    return [(s.start, s.end, s.state) for s in lane.segments]


def test_a_nodes_lane_follows_its_power_and_is_cut_to_the_window() -> None:
    log = [power(1, "power_on"), power(3, "up"), power(10, "shutdown"), power(11, "halt"), power(20, "power_on")]
    (lane,) = lanes.nodes(log, ["server2"], Window(2, 15))
    assert spans(lane) == [(2, 3, "booting"), (3, 10, "up"), (10, 11, "shutting down"), (11, 15, "off")]


def test_a_groups_lane_says_where_and_online_twice_is_an_error() -> None:
    log = [group(1, "online"), group(5, "online", "server2"), group(6, "offline"), group(8, "offline", "server2")]
    (lane,) = lanes.groups(log, ["failover1"], Window(0, 10))
    assert [(s.start, s.end, s.state, s.text) for s in lane.segments] == [
        (1, 5, "online", "server1"),
        (5, 6, "error", "on both nodes"),
        (6, 8, "online", "server2"),
        (8, 10, "offline", ""),
    ]


def test_a_mirror_has_a_lane_for_each_side_and_no_seams() -> None:
    log = [mirror(1, server1="GREEN", server2="GREEN"), mirror(4, server1="GREEN", server2="RED")]
    first, second = lanes.mirrors(log, ["md1"], ["server1", "server2"], Window(0, 9))
    assert spans(first) == [(1, 9, "GREEN")]
    assert spans(second) == [(1, 4, "GREEN"), (4, 9, "RED")]


def test_a_place_has_a_lane_that_says_which_volume_is_there_and_when_none_is() -> None:
    log = [
        attachment(0, "vol-a", "attached"),
        attachment(0, "vol-root", "attached", "/dev/sda1"),
        power(1, "up", "server1"),
        attachment(4, "vol-a", "detaching"),
        attachment(5, "vol-a", "detached"),
        attachment(7, "vol-b", "attaching"),
        attachment(8, "vol-b", "attached"),
        attachment(11, "vol-b", "detaching"),
        attachment(12, "vol-b", "detached"),
        attachment(12, "vol-a", "attaching"),
        attachment(13, "vol-a", "attached"),
        attachment(13, "vol-x", "attached", node="elsewhere"),
    ]
    (lane,) = lanes.volumes(log, ["server1", "server2"], ["/dev/sdb"], Window(2, 20))
    assert lane.name == "/dev/sdb of server1"
    assert [(s.start, s.end, s.state, s.text) for s in lane.segments] == [
        (2, 4, "original", "original vol-a"),
        (4, 5, "detaching", "original vol-a"),
        (7, 8, "attaching", "restored 1 vol-b"),
        (8, 11, "restored", "restored 1 vol-b"),
        (11, 12, "detaching", "restored 1 vol-b"),
        (12, 13, "attaching", "original vol-a"),
        (13, 20, "original", "original vol-a"),
    ]


def test_each_node_with_commands_has_a_lane_of_them_and_looks_are_not_shown() -> None:
    def command(started: float, t: float, line: str, node: str) -> dict[str, Any]:
        return {"t": t, "kind": "node", "node": node, "started": started, "argv": line.split()}

    log = [
        command(1, 2, "clpgrp -t failover1", "server1"),
        command(2, 3, "clpstat -s", "server1"),
        command(4, 5, "clprestore.sh --pre", "server2"),
        command(50, 51, "clpgrp -s failover1", "server1"),
    ]
    found = lanes.commands(log, ["server1", "server2"], Window(0, 10))
    assert [(lane.name, [s.text for s in lane.segments]) for lane in found] == [
        ("commands, server1", ["clpgrp -t failover1"]),
        ("commands, server2", ["clprestore.sh --pre"]),
    ]


def test_the_recovery_times_lane_shows_what_it_was_spent_on() -> None:
    log = [power(2, "shutdown"), power(4, "halt"), power(9, "power_on"), power(12, "up")]
    lane = lanes.spent(log, Window(0, 20), Window(1, 10))
    assert spans(lane) == [(1, 2, "mirrorsnap"), (2, 4, "shutdown"), (4, 9, "mirrorsnap"), (9, 10, "boot")]


def test_phases_change_with_what_is_done_and_not_with_what_waits_beside_it() -> None:
    def entered(t: float, execution: str, state: str) -> dict[str, Any]:
        return {"t": t, "kind": "sfn", "execution": execution, "event": "TaskStateEntered", "state": state}

    log = [
        entered(1, "a", "StopBoth: stop the groups"),
        entered(2, "a", "StopBoth"),
        entered(3, "a", "Rollback"),
        entered(4, "b", "Assess"),
        entered(5, "a", "Snapshot: wait"),
        entered(6, "b", "PostProcess"),
        entered(7, "b", "Rollback: put the volumes back"),
        entered(8, "stranger", "Plan"),
    ]
    wanted = [(1, "StopBoth"), (3, "Rollback"), (6, "PostProcess"), (7, "Rollback")]
    assert lanes.phases(log, {"a", "b"}, ("Snapshot: ",)) == wanted


def test_transitions_count_children_and_tell_polls_apart() -> None:
    def entered(execution: str, state: str) -> dict[str, Any]:
        return {"t": 1, "kind": "sfn", "execution": execution, "event": "TaskStateEntered", "state": state}

    log = [
        entered("a", "Inspect"),
        entered("a", "Snapshot: wait"),
        entered("b", "Assess"),
        entered("c", "Snapshot: wait"),
    ]
    members = [{"arn": "a", "transitions": 2}, {"arn": "b", "transitions": 1}]
    assert transitions(members, log, ("Snapshot: wait",)) == (3, 1)
    assert transitions(members, log) == (3, 0)


def test_the_drawing_is_xml_to_scale_and_escapes_what_it_shows() -> None:
    window = Window(100, 110)
    lane = lanes.Lane("a<b", "step", [lanes.Segment(102, 107, "Split", "Split & more")])
    root = ElementTree.fromstring(draw("t", [lane], window, 100, [Band(Window(103, 104), "outage", "outage 1 s")]))
    found = {r.get("class"): r for r in root.iter("{http://www.w3.org/2000/svg}rect")}
    scale = (WIDTH - LEFT - RIGHT) / 10
    assert abs(float(found["step split"].get("width")) - 5 * scale) < 0.2  # type: ignore[arg-type]
    assert abs(float(found["band outage"].get("x")) - (LEFT + 3 * scale)) < 0.2  # type: ignore[arg-type]
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert {"a<b", "Split & more", "outage 1 s", "0 s", "10 s"} <= set(texts)


def test_the_page_needs_nothing_but_itself_and_shows_what_is_not_true() -> None:
    class Links(HTMLParser):
        links: list[str]

        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            self.links += [str(value) for name, value in attrs if name in ("src", "href")]

    text = page("t", "w", [Section("s", "w", [("1 s", "outage")], [], [], [(True, "held"), (False, "1 < 2 is wrong")])])
    parser = Links()
    parser.links = []
    parser.feed(text)
    assert not parser.links and "url(" not in text and "@import" not in text
    assert "NOT TRUE" in text and "1 &lt; 2 is wrong" in text


def test_parts_of_the_recovery_time_are_bars_to_scale() -> None:
    bars = [Bar("boot", "booting", 4.0, 0.4), Bar("mirrorsnap", "the rest", 1.04, 0.104)]
    text = page("t", "w", [Section("s", "w", [], bars, [], [])])
    assert re.findall(r'class="(\w+)" style="width: ([0-9.]+)%"', text) == [("boot", "40.0"), ("mirrorsnap", "10.4")]
    assert "4.0 s" in text and "1.0 s" in text
    assert "class=bars" not in page("t", "w", [Section("s", "w", [], [], [], [])])


def test_a_page_of_several_operations_begins_with_a_line_for_each() -> None:
    good, bad = [(True, "a")], [(True, "a"), (False, "b")]
    sections = [Section("First", "w", [("1 s", "outage")], [], [], good), Section("Other", "w", [], [], [], bad)]
    text = page("t", "w", sections)
    head = text[: text.index("<h2>")]
    assert "outage 1 s" in head and "all 1 claims proved" in head and "1 of 2 claims NOT TRUE" in head
    assert "<h2>1. First" in text and "<h2>2. Other" in text


def test_our_own_part_has_a_bound_that_is_kept_or_not() -> None:
    assert own_time({"rto_seconds": 30.0, "rto_own_seconds": 10.0}, 10)[0]
    assert not own_time({"rto_seconds": 30.0, "rto_own_seconds": 10.001}, 10)[0]
    assert not own_time({"rto_seconds": None, "rto_own_seconds": None}, 10)[0]


def test_a_frozen_backup_s_entry_has_its_pause_and_no_outage() -> None:
    """As the lab saw it: nothing is believed that the product says of itself."""

    def freeze(t: float, action: str) -> dict[str, Any]:
        of = {"disk": "md1", "node": "server1", "by": "mirrorsnap-r-active.service", "action": action}
        return {"t": t, "kind": "cluster", "what": "freeze", **of}

    def quiet(t: float, how: str) -> dict[str, Any]:
        return {**mirror(t), "action": "quiesce", "how": how}

    journal = Journal(None, ["failover1"], ["md1"])  # type: ignore[arg-type]
    journal.entries = [group(1, "online"), freeze(11, "freezing"), quiet(11.1, "frozen"), freeze(12.5, "thawed")]
    journal.entries += [quiet(31, "stopped")]
    step = Step(0, "backup", {})
    begun = [Operation(step, "", start, [], ended=start + 9, over=start + 9) for start in (10, 30, 50)]
    assert [of_a_backup(journal, each) for each in begun] == [
        {"consistency": "frozen", "pause_seconds": 1.5, "proof": None},
        {"consistency": "stopped", "pause_seconds": 0.0, "proof": None},
        {"consistency": None, "pause_seconds": 0.0, "proof": None},
    ]
    row = {"kind": "backup", "status": "SUCCEEDED", "outage_seconds": 0.0, "outage_cluster_seconds": 0.0}
    row |= {"degraded_seconds": 1.0, "total_seconds": 9.0, "transitions": 1, **of_a_backup(journal, begun[0])}
    assert re.split(r"  +", summary([row], [[]])[2].strip())[:4] == ["backup, frozen", "SUCCEEDED", "0.00 s", "1.50 s"]


def test_the_summary_has_a_line_an_operation_and_repeats_only_what_is_not_true() -> None:
    backup = {"kind": "backup", "status": "SUCCEEDED", "outage_seconds": 1.5, "outage_cluster_seconds": 1.0}
    backup |= {"degraded_seconds": 20.0, "total_seconds": 30.0, "transitions": 42}
    restore = {**backup, "kind": "restore", "rto_seconds": 16.25, "rto_own_seconds": 6.5}
    lines = summary([backup, restore], [[(True, "fine")], [(True, "fine"), (False, "a file is missing")]])
    rows = [re.split(r"  +", line.strip()) for line in lines[2:4]]
    assert rows[0][:6] == ["backup", "SUCCEEDED", "1.50 s", "-", "-", "0.50 s"] and rows[0][-1] == "all 1 proved"
    assert rows[1][4:6] == ["16.2 s", "6.50 s"] and rows[1][-1] == "1 of 2 NOT TRUE"
    assert [line.strip() for line in lines if "fine" in line or "missing" in line] == [
        "NOT TRUE, restore: a file is missing"
    ]
