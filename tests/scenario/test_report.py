"""Lanes, figures and the page, out of logs written by hand."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from typing import Any

from scenario import lanes
from scenario.drawing import LEFT, RIGHT, WIDTH, Band, draw
from scenario.journal import transitions
from scenario.page import Section, page
from scenario.timeline import Window


def power(t: float, event: str, node: str = "server2") -> dict[str, Any]:
    return {"t": t, "kind": "power", "node": node, "event": event}


def group(t: float, status: str, node: str = "server1") -> dict[str, Any]:
    return {"t": t, "kind": "cluster", "what": "group", "group": "failover1", "node": node, "status": status}


def mirror(t: float, **colours: str) -> dict[str, Any]:
    return {"t": t, "kind": "cluster", "what": "mirror", "disk": "md1", "colours": colours}


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

    text = page("t", "w", [Section("s", "w", [("1 s", "outage")], [], [(True, "held"), (False, "1 < 2 is wrong")])])
    parser = Links()
    parser.links = []
    parser.feed(text)
    assert not parser.links and "url(" not in text and "@import" not in text
    assert "NOT TRUE" in text and "1 &lt; 2 is wrong" in text
