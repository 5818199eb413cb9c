"""The recovery time of a restore or a rollback, and what it was spent on. Pure functions over the lab's log.

The recovery time (RTO) runs from the stop of the groups, that is the start of the first `clpgrp -t`, to the moment at
which every group is online on one node again. Its parts are unions of intervals, over both nodes:

    clusterware  the cluster's own work: its state-changing commands, and the starts and stops of daemons and groups
    shutdown     an OS that goes down, to the instance's `stopped`
    swap         volumes on their way off or on
    boot         from the instance's `pending` to an OS that runs, and reboots

Parts of two nodes may overlap, so their sum may be more than the whole. Time outside all of them is ours: polling, Run
Command, Step Functions. A node that is off, or up outside the cluster, waits for us, and a daemon that waits for such a
node waits for us too: that time is also ours. One wait is the cluster's own: the one in which a daemon waits for its
peer until it gives up, since that is how a node comes up alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from .timeline import Entry, Window, outages, union_seconds

PARTS = ("clusterware", "shutdown", "swap", "boot")
OURS = "mirrorsnap"

Interval = tuple[float, float]

# Commands that change the cluster's state. Commands that only read count as our own time.
STATE_CHANGING = {
    "clpgrp": frozenset({"-s", "-t"}),
    "clpcl": frozenset({"-s", "-t"}),
    "clpmdctrl": frozenset({"--break", "--recovery"}),
    "clpmonctrl": frozenset({"-s", "-r"}),
    "clpsvcctrl.sh": frozenset({"--enable", "--disable"}),
    "clpbackup.sh": frozenset({"--pre", "--post"}),
    "clprestore.sh": frozenset({"--pre", "--post"}),
}
GAVE_UP = ("cl", 4)  # module and number of the event of a daemon that waits for its peer no longer


def recovery(entries: list[Entry], groups: list[str], whole: Window) -> Window | None:
    """The recovery time within an operation, None if it has stopped no group."""
    stops = (
        e["started"]
        for e in entries
        if e["kind"] == "node" and e["argv"][:2] == ["clpgrp", "-t"] and whole.start <= e["started"] < whole.end
    )
    start = min(stops, default=None)
    if start is None:
        return None
    down = [w for w in outages(entries, groups, {}) if w.end > start and w.start < whole.end]
    end = max((w.end for w in down), default=start)
    return Window(start, end, open=any(w.open for w in down))


def intervals(entries: list[Entry]) -> dict[str, list[Interval]]:
    """part -> its intervals in the whole log; one that has not ended reaches to the log's end."""
    return {
        "clusterware": [*_commands(entries), *_groups(entries), *_daemons(entries)],
        "shutdown": [*_shutdowns(entries)],
        "swap": [*_swaps(entries)],
        "boot": [*_boots(entries)],
    }


def figures(entries: list[Entry], window: Window | None) -> dict[str, Any]:
    """The keys of a report's entry, seconds; nulls for an operation that has stopped no group."""
    if window is None:
        return {"rto_seconds": None, "rto_parts": dict.fromkeys(PARTS), "rto_own_seconds": None}
    found = {part: clipped(each, window) for part, each in intervals(entries).items()}
    spent = union_seconds(i for each in found.values() for i in each)
    return {
        "rto_seconds": round(window.seconds, 3),
        "rto_parts": {part: round(union_seconds(each), 3) for part, each in found.items()},
        "rto_own_seconds": round(window.seconds - spent, 3),
    }


def sequence(entries: list[Entry], window: Window) -> list[tuple[float, float, str]]:
    """(start, end, what the time was spent on) without gaps or overlaps; where parts overlap, the first one of boot,
    swap, shutdown and clusterware is shown."""
    found = {part: clipped(each, window) for part, each in intervals(entries).items()}
    borders = sorted({window.start, window.end, *(t for each in found.values() for i in each for t in i)})
    out: list[tuple[float, float, str]] = []
    for start, end in itertools.pairwise(borders):
        middle = (start + end) / 2
        part = next((p for p in reversed(PARTS) if any(a <= middle < b for a, b in found[p])), OURS)
        if out and out[-1][2] == part:
            out[-1] = (out[-1][0], end, part)
        else:
            out.append((start, end, part))
    return out


def clipped(found: Iterable[Interval], window: Window) -> list[Interval]:
    cut = ((max(start, window.start), min(end, window.end)) for start, end in found)
    return [(start, end) for start, end in cut if end > start]


# --- the parts ---


def changes_state(argv: list[str]) -> bool:
    """Whether a command changes the cluster's state. Ours are written with the option first."""
    return bool(set(argv[1:2]) & STATE_CHANGING.get(argv[0], frozenset()))


def _commands(entries: list[Entry]) -> Iterable[Interval]:
    for e in entries:
        if e["kind"] == "node" and changes_state(e["argv"]):
            yield e["started"], e["t"]


def _groups(entries: list[Entry]) -> Iterable[Interval]:
    changes = (
        ((e["group"], e["node"]), e["t"], e["status"])
        for e in entries
        if e["kind"] == "cluster" and e["what"] == "group"
    )
    return _states(changes, {"starting", "stopping"}, _end(entries))


def _shutdowns(entries: list[Entry]) -> Iterable[Interval]:
    power = ((e["node"], e["t"], e["event"]) for e in entries if e["kind"] == "power")
    instances = ((e["id"], e["t"], e["state"]) for e in entries if e["kind"] == "ec2" and e["id"].startswith("i-"))
    yield from _states(power, {"shutdown"}, _end(entries))
    yield from _states(instances, {"stopping"}, _end(entries))


def _boots(entries: list[Entry]) -> Iterable[Interval]:
    """EC2's part (`pending`) and the guest's are seen in two places of the log, which the instance joins."""
    changes = []
    for e in entries:
        if e["kind"] == "power":
            changes.append((e["instance"], e["t"], "boots" if e["event"] in BOOTING else e["event"]))
        elif e["kind"] == "ec2" and e["id"].startswith("i-") and e["state"] == "pending":
            changes.append((e["id"], e["t"], "boots"))
    return _states(changes, {"boots"}, _end(entries))


BOOTING = frozenset({"power_on", "reboot", "restart"})


def _swaps(entries: list[Entry]) -> Iterable[Interval]:
    changes = ((e["volume"], e["t"], e["state"]) for e in entries if e["kind"] == "attachment")
    return _states(changes, {"attaching", "busy", "detaching"}, _end(entries))


def _daemons(entries: list[Entry]) -> Iterable[Interval]:
    states = [(e["node"], e["t"], e["state"]) for e in entries if e["kind"] == "cluster" and e["what"] == "daemon"]
    end = _end(entries)
    gave_up = {
        (e["node"], e["t"])
        for e in entries
        if e["kind"] == "cluster" and e["what"] == "event" and (e["module"], e["id"]) == GAVE_UP
    }
    yield from _states(states, {"stopping"}, end)
    names = sorted({node for node, _, _ in states})
    for node in names:
        absent = [i for peer in names if peer != node for i in _absent(entries, peer)]
        for wait in _states((s for s in states if s[0] == node), {"waiting"}, end):
            if any(node == who and abs(t - wait[1]) < 0.01 for who, t in gave_up):
                yield wait
            else:
                yield from _without(wait, absent)


def _absent(entries: list[Entry], node: str) -> list[Interval]:
    """When a node is off, or up with its cluster service stopped: it waits for somebody to start it."""
    power, daemon = "off", "stopped"
    changes = []
    for e in entries:
        if e["kind"] == "power" and e["node"] == node:
            power = e["event"]
        elif e["kind"] == "cluster" and e["what"] == "daemon" and e["node"] == node:
            daemon = e["state"]
        else:
            continue
        waits = power in ("off", "halt", "power_cut") or (power == "up" and daemon == "stopped")
        changes.append((node, e["t"], "waits" if waits else "goes on"))
    return list(_states(changes, {"waits"}, _end(entries)))


# --- intervals ---


def _states(changes: Iterable[tuple[Any, float, str]], wanted: set[str], end: float) -> Iterable[Interval]:
    """Intervals in which a subject's state was one of `wanted`, out of (subject, time, new state) in order."""
    since: dict[Any, float] = {}
    for subject, t, state in changes:
        if state in wanted:
            since.setdefault(subject, t)
        elif subject in since:
            yield since.pop(subject), t
    for start in since.values():
        yield start, end


def _without(interval: Interval, holes: list[Interval]) -> Iterable[Interval]:
    at, end = interval
    for start, until in sorted(holes):
        if until > at and start < end:
            if start > at:
                yield at, start
            at = max(at, until)
    if at < end:
        yield at, end


def _end(entries: list[Entry]) -> float:
    return entries[-1]["t"] if entries else 0.0
