"""Outages and their parts, out of logs written by hand and by chance."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scenario.timeline import Window, cluster_seconds, degraded, longest, outages, pauses, union_seconds


def group(t: float, status: str, node: str = "server1", name: str = "failover1") -> dict:
    return {"t": t, "kind": "cluster", "what": "group", "group": name, "node": node, "status": status}


def mirror(t: float, **colours: str) -> dict:
    return {"t": t, "kind": "cluster", "what": "mirror", "disk": "md1", "colours": colours}


def freeze(t: float, action: str, by: str = "mirrorsnap-r1-active.service", disk: str = "md1") -> dict:
    of = {"disk": disk, "node": "server1", "by": by, "action": action}
    return {"t": t, "kind": "cluster", "what": "freeze", **of}


def command(started: float, t: float, *argv: str) -> dict:
    return {"t": t, "kind": "node", "started": started, "argv": list(argv)}


def test_an_outage_lasts_from_the_stop_to_online_again() -> None:
    log = [
        group(10, "stopping"),
        group(10.5, "offline"),
        group(12, "starting"),
        group(12.5, "online"),
        group(13, "online"),
    ]
    assert outages(log, ["failover1"], {"failover1": "server1"}) == [Window(10, 12.5)]


def test_a_pause_lasts_from_the_freeze_s_begin_to_the_thaw_and_somebody_else_s_is_none() -> None:
    log = [freeze(1, "freezing"), freeze(1.2, "freezing", disk="md2"), freeze(1.5, "frozen"), freeze(2, "thawed")]
    log += [freeze(2.5, "thawed", disk="md2"), freeze(3, "freezing", "somebody"), freeze(4, "thawed", "somebody")]
    assert pauses(log) == [Window(1, 2), Window(1.2, 2.5)]
    assert pauses([freeze(1, "freezing"), group(3, "online")]) == [Window(1, 3, open=True)]
    cut = {"t": 2, "kind": "power", "node": "server1", "event": "power_cut"}
    assert pauses([freeze(1, "freezing"), cut, freeze(5, "freezing"), freeze(6, "thawed")]) == [
        Window(1, 2),
        Window(5, 6),
    ]


def test_any_group_counts_and_windows_that_touch_are_one() -> None:
    log = [
        group(1, "offline"),
        group(2, "offline", name="failover2"),
        group(3, "online"),
        group(4, "online", name="failover2"),
    ]
    both = {"failover1": "server1", "failover2": "server1"}
    assert outages(log, ["failover1", "failover2"], both) == [Window(1, 4)]


def test_online_on_both_nodes_is_an_outage_too() -> None:
    log = [group(5, "online", node="server2"), group(6, "offline", node="server1")]
    assert outages(log, ["failover1"], {"failover1": "server1"}) == [Window(5, 6)]


def test_a_node_without_power_serves_nobody_though_its_peer_does_not_know_yet() -> None:
    cut = {"t": 5, "kind": "power", "node": "server1", "event": "power_cut"}
    log = [
        group(1, "online"),
        cut,
        group(7, "offline"),
        group(7.5, "starting", "server2"),
        group(8, "online", "server2"),
    ]
    assert outages(log, ["failover1"], {})[-1] == Window(5, 8)


def test_what_has_not_ended_is_open_until_the_end_of_the_log() -> None:
    log = [group(1, "offline"), mirror(9, server1="GREEN", server2="GREEN")]
    assert outages(log, ["failover1"], {"failover1": "server1"}) == [Window(1, 9, open=True)]


def test_a_group_that_was_never_online_is_down_from_the_start() -> None:
    log = [mirror(2, server1="GREEN"), group(3, "online")]
    assert outages(log, ["failover1"], {}) == [Window(2, 3)]


def test_degraded_from_the_first_colour_that_is_not_green() -> None:
    log = [mirror(1, server1="GREEN", server2="RED"), mirror(4, server1="YELLOW", server2="YELLOW")]
    log += [mirror(6, server1="GREEN", server2="GREEN"), mirror(8, server1="GREEN", server2="GREEN")]
    assert degraded(log, ["md1"]) == [Window(1, 6)]


def test_cluster_time_is_the_union_of_what_changes_states_within_the_window() -> None:
    log = [
        command(9, 10.5, "clpgrp", "-t", "failover1"),  # began before the window
        command(10.4, 11, "clpmdctrl", "--break", "md1"),  # overlaps the one before
        command(11, 15, "clpstat"),  # polling is overhead
        command(12, 14, "clpgrp", "-s", "failover1"),  # ends after the window
        command(20, 21, "clpgrp", "-t", "failover1"),  # outside
    ]
    assert cluster_seconds(log, Window(10, 13)) == 2.0


def test_longest() -> None:
    assert longest([]) is None
    assert longest([Window(1, 2), Window(5, 9), Window(10, 11)]) == Window(5, 9)


spans = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)).map(lambda p: (min(p), max(p))))


@given(spans)
def test_union_counts_every_second_once(intervals: list[tuple[int, int]]) -> None:
    seconds = {s for a, b in intervals for s in range(a, b)}
    assert union_seconds(intervals) == len(seconds)
