"""The recovery time and its parts, out of logs written by hand."""

from __future__ import annotations

import itertools
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from scenario import rto
from scenario.rto import OURS, PARTS
from scenario.timeline import Window, union_seconds

Entry = dict[str, Any]


def command(started: float, t: float, line: str, node: str = "server1") -> Entry:
    return {"t": t, "kind": "node", "node": node, "started": started, "argv": line.split()}


def group(t: float, status: str, node: str = "server1") -> Entry:
    return {"t": t, "kind": "cluster", "what": "group", "group": "failover1", "node": node, "status": status}


def daemon(t: float, state: str, node: str = "server1") -> Entry:
    return {"t": t, "kind": "cluster", "what": "daemon", "node": node, "state": state}


def gave_up(t: float, node: str = "server1") -> Entry:
    return {"t": t, "kind": "cluster", "what": "event", "node": node, "module": "cl", "id": 4, "text": "Gave up"}


def power(t: float, event: str, node: str = "server1") -> Entry:
    return {"t": t, "kind": "power", "node": node, "instance": f"i-{node}", "event": event}


def instance(t: float, state: str, node: str = "server1") -> Entry:
    return {"t": t, "kind": "ec2", "id": f"i-{node}", "state": state, "previous": None}


def attachment(t: float, state: str, volume: str = "vol-1") -> Entry:
    return {
        "t": t,
        "kind": "attachment",
        "volume": volume,
        "instance": "i-server1",
        "device": "/dev/sdb",
        "state": state,
    }


def parts(log: list[Entry], start: float, end: float) -> dict[str, float]:
    """The parts that are not zero, and our own share."""
    found = rto.figures(log, Window(start, end))
    return {k: v for k, v in {**found["rto_parts"], OURS: found["rto_own_seconds"]}.items() if v}


# --- from where to where ---


def test_it_runs_from_the_start_of_the_first_stop_to_every_group_online_again() -> None:
    log = [
        group(1, "online"),
        group(10.1, "stopping"),
        group(10.5, "offline"),
        command(10, 10.5, "clpgrp -t failover1"),
        group(20, "online"),
        group(21, "offline"),
        group(25, "online"),
        group(99, "online"),
    ]
    assert rto.recovery(log, ["failover1"], Window(5, 60)) == Window(10, 25)


def test_another_operations_stop_and_outage_are_not_counted() -> None:
    log = [
        group(1, "online"),
        group(2, "offline"),
        command(2, 2.5, "clpgrp -t failover1"),
        group(4, "online"),
        group(30.1, "offline"),
        command(30, 31, "clpgrp -t failover1"),
        group(35, "online"),
    ]
    assert rto.recovery(log, ["failover1"], Window(20, 50)) == Window(30, 35)
    assert rto.recovery(log, ["failover1"], Window(5, 20)) is None


def test_a_group_that_is_not_back_leaves_it_open() -> None:
    log = [group(1, "online"), command(10, 11, "clpgrp -t failover1"), group(11, "offline"), daemon(40, "online")]
    found = rto.recovery(log, ["failover1"], Window(5, 30))
    assert found == Window(10, 40, open=True)


def test_without_a_stop_there_is_no_recovery_time() -> None:
    found = rto.figures([], None)
    assert (found["rto_seconds"], found["rto_own_seconds"]) == (None, None)
    assert set(found["rto_parts"]) == set(PARTS) and not any(found["rto_parts"].values())


# --- what counts as what ---


def test_commands_that_change_the_state_are_the_clusterwares_and_looks_are_ours() -> None:
    log = [
        command(0, 1, "clpgrp -t failover1"),
        command(1, 4, "clpgrp -n failover1"),
        command(4, 6, "clpstat -s"),
        command(6, 7, "clprestore.sh --pre"),
        command(6.5, 8, "clprestore.sh --pre", "server2"),
        command(8, 8.5, "clpsvcctrl.sh --enable -a"),
        command(8.5, 9, "clpsvcctrl.sh --status"),
    ]
    assert parts(log, 0, 10) == {"clusterware": 3.5, OURS: 6.5}


def test_a_groups_own_start_and_stop_count_whoever_ordered_them() -> None:
    log = [group(1, "stopping"), group(2, "offline"), group(5, "starting", "server2"), group(6.5, "online", "server2")]
    assert parts(log, 0, 10) == {"clusterware": 2.5, OURS: 7.5}


def test_shutdown_lasts_from_the_os_order_to_ec2s_stopped() -> None:
    log = [power(1, "shutdown"), power(2, "halt"), instance(2, "stopping"), instance(2.2, "stopped")]
    assert parts(log, 0, 3) == {"shutdown": 1.2, OURS: 1.8}


def test_a_node_that_is_merely_off_waits_for_us() -> None:
    log = [power(0, "shutdown"), power(1, "halt"), instance(1, "stopping"), instance(1, "stopped")]
    log += [instance(9, "pending"), instance(9.5, "running"), power(9.6, "power_on"), power(11, "up")]
    assert parts(log, 0, 12) == {"shutdown": 1, "boot": 2, OURS: 9}


def test_a_node_that_is_up_outside_the_cluster_waits_for_us() -> None:
    log = [instance(0, "pending"), power(2, "up"), daemon(2, "stopped")]
    assert parts(log, 0, 10) == {"boot": 2, OURS: 8}


def test_a_reboot_is_a_boot_from_its_order_on() -> None:
    log = [power(1, "reboot"), power(2, "restart"), power(2, "power_on"), power(4, "up")]
    assert parts(log, 0, 5) == {"boot": 3, OURS: 2}


def test_a_boot_that_loses_its_power_ends_there() -> None:
    log = [instance(1, "pending"), power(2, "power_on"), power(3, "power_cut")]
    assert parts(log, 0, 5) == {"boot": 2, OURS: 3}


def test_a_swap_is_the_time_in_which_a_volume_is_on_its_way() -> None:
    log = [
        attachment(1, "detaching"),
        attachment(1.5, "detaching", "vol-2"),
        attachment(2, "detached"),
        attachment(2.5, "detached", "vol-2"),
        attachment(4, "attaching", "vol-3"),
        attachment(4.5, "attached", "vol-3"),
        attachment(6, "busy", "vol-4"),
        attachment(7, "detaching", "vol-4"),
        attachment(8, "detached", "vol-4"),
    ]
    assert parts(log, 0, 10) == {"swap": 4, OURS: 6}


def both_up(log: list[Entry]) -> list[Entry]:
    start = [e for n in ("server1", "server2") for e in (power(0, "up", n), daemon(0, "stopped", n))]
    return start + log


def test_daemons_that_start_together_are_the_clusterwares() -> None:
    log = both_up([daemon(1, "waiting"), daemon(1.5, "waiting", "server2")])
    log += [daemon(2, "online"), daemon(2, "online", "server2")]
    # server1 waits from 1 on, for a server2 whose service nobody has started yet: ours until 1.5
    assert parts(log, 0, 3) == {"clusterware": 0.5, OURS: 2.5}


def test_a_daemon_that_waits_for_a_node_which_waits_for_us_waits_for_us() -> None:
    log = both_up([power(1, "shutdown", "server2"), power(2, "halt", "server2"), daemon(3, "waiting")])
    log += [power(10, "power_on", "server2"), power(12, "up", "server2"), daemon(12, "waiting", "server2")]
    log += [daemon(13, "online"), daemon(13, "online", "server2")]
    # shutdown 1 to 2, boot 10 to 12; server1's wait counts from server2's power on
    assert parts(log, 0, 14) == {"clusterware": 3, "shutdown": 1, "boot": 2, OURS: 10}


def test_a_daemon_let_wait_until_it_gave_up_is_the_clusterwares() -> None:
    log = both_up([daemon(3, "waiting"), gave_up(10), daemon(10, "online")])
    assert parts(log, 0, 12) == {"clusterware": 7, OURS: 5}


def test_what_began_before_or_ends_after_is_cut_to_the_window() -> None:
    log = [command(0, 5, "clpgrp -t failover1"), power(8, "shutdown")]
    log += [power(20, "halt")]
    assert parts(log, 4, 10) == {"clusterware": 1, "shutdown": 2, OURS: 3}


def test_what_has_not_ended_reaches_to_the_logs_end() -> None:
    log = [power(1, "shutdown"), group(9, "offline")]
    assert parts(log, 0, 9) == {"shutdown": 8, OURS: 1}


def test_parts_that_overlap_are_counted_once_in_the_whole() -> None:
    log = [power(0, "shutdown"), instance(2, "pending", "server2"), power(4, "halt"), power(6, "up", "server2")]
    assert parts(log, 0, 10) == {"shutdown": 4, "boot": 4, OURS: 4}


# --- in order ---


def test_the_sequence_has_no_gaps_and_shows_the_hardware_before_the_software() -> None:
    log = [command(0, 2, "clprestore.sh --pre"), power(1, "shutdown"), power(4, "halt"), power(9, "up")]
    assert rto.sequence(log, Window(0, 9)) == [(0, 1, "clusterware"), (1, 4, "shutdown"), (4, 9, OURS)]


moments = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 9), st.sampled_from(["command", "down", "boot", "volume"]))
)


@given(moments, st.integers(0, 20), st.integers(1, 30))
def test_sequence_and_figures_agree_on_what_is_ours(made: list[tuple[int, int, str]], start: int, length: int) -> None:
    log: list[Entry] = []
    for number, (t, seconds, kind) in enumerate(made):
        name = f"n{number}"
        log += {
            "command": [command(t, t + seconds, "clpgrp -s failover1", name)],
            "down": [power(t, "shutdown", name), power(t + seconds, "halt", name)],
            "boot": [instance(t, "pending", name), power(t + seconds, "up", name)],
            "volume": [attachment(t, "attaching", name), attachment(t + seconds, "attached", name)],
        }[kind]
    log.sort(key=lambda e: e["t"])
    window = Window(start, start + length)
    found = rto.sequence(log, window)
    assert found[0][0] == window.start and found[-1][1] == window.end
    assert all(a[1] == b[0] and a[2] != b[2] for a, b in itertools.pairwise(found))
    ours = sum(end - begun for begun, end, what in found if what == OURS)
    assert abs(rto.figures(log, window)["rto_own_seconds"] - ours) < 1e-6
    assert abs(sum(end - begun for begun, end, _ in found) - union_seconds([(start, start + length)])) < 1e-6
