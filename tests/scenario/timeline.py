"""What the lab's log says about time: outages, the clusterware's own share of them, pauses, time without redundancy.

Pure functions over log entries (tests/lab/README.md lists the kinds), for scenarios, the demo's report and benchmarks
alike. All times are lab seconds since the lab's start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Entry = dict[str, Any]

# The state-changing commands whose time is the clusterware's own (the definition of `outage_cluster_seconds`).
CLUSTER_COMMANDS = (["clpgrp", "-t"], ["clpgrp", "-s"], ["clpmdctrl", "--break"])


@dataclass(frozen=True)
class Window:
    """From `start` to `end`; an open one ends at the log's end, and says so."""

    start: float
    end: float
    open: bool = False

    @property
    def seconds(self) -> float:
        return self.end - self.start


def _windows(changes: Iterable[tuple[float, bool]], end: float) -> list[Window]:
    """The windows in which a condition held, from its changes in order; `end` closes the last one."""
    windows, since = [], None
    for t, holds in changes:
        if holds and since is None:
            since = t
        elif not holds and since is not None:
            windows.append(Window(since, t))
            since = None
    if since is not None:
        windows.append(Window(since, end, open=True))
    return windows


def outages(entries: list[Entry], groups: list[str], initial: dict[str, str]) -> list[Window]:
    """Windows in which any of `groups` was not online on exactly one node.

    `initial` gives the node on which each group is online before the first entry (absent: on none).
    """
    status = {group: {initial[group]: "online"} if group in initial else {} for group in groups}

    def down() -> bool:
        return any(list(nodes.values()).count("online") != 1 for nodes in status.values())

    changes = [(entries[0]["t"] if entries else 0.0, down())]
    for entry in entries:
        if entry["kind"] == "cluster" and entry["what"] == "group" and entry["group"] in status:
            status[entry["group"]][entry["node"]] = entry["status"]
            changes.append((entry["t"], down()))
        elif entry["kind"] == "power" and entry["event"] == "power_cut":
            # The peer notices when its heartbeat times out; the service's users notice now.
            for nodes in status.values():
                nodes[entry["node"]] = "offline"
            changes.append((entry["t"], down()))
    return _windows(changes, entries[-1]["t"] if entries else 0.0)


def degraded(entries: list[Entry], disks: list[str]) -> list[Window]:
    """Windows in which any mirror disk was not GREEN on both nodes; before the first entry all are taken to be."""
    colours: dict[str, dict[str, str]] = {disk: {} for disk in disks}

    def single() -> bool:
        return any(set(by_node.values()) - {"GREEN"} for by_node in colours.values())

    changes = []
    for entry in entries:
        if entry["kind"] == "cluster" and entry["what"] == "mirror" and entry["disk"] in colours:
            colours[entry["disk"]].update(entry["colours"])
            changes.append((entry["t"], single()))
    return _windows(changes, entries[-1]["t"] if entries else 0.0)


def pauses(entries: list[Entry]) -> list[Window]:
    """Windows in which a freeze of the product's blocked the writers of one file system: from its begin to the thaw, or
    to the loss of the node's power."""
    found, since = [], dict[tuple[str, str], float]()
    for entry in entries:
        if entry["kind"] == "power" and entry["event"] == "power_cut":
            for key in [key for key in since if key[0] == entry["node"]]:
                found.append(Window(since.pop(key), entry["t"]))
        elif entry["kind"] == "cluster" and entry["what"] == "freeze" and entry["by"].startswith("mirrorsnap-"):
            key = (entry["node"], entry["disk"])
            if entry["action"] == "freezing":
                since[key] = entry["t"]
            elif entry["action"] == "thawed" and key in since:
                found.append(Window(since.pop(key), entry["t"]))
    return found + [Window(begun, entries[-1]["t"], open=True) for begun in since.values()]


def union_seconds(intervals: Iterable[tuple[float, float]]) -> float:
    """Length of the union of intervals."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        if end > reached:
            total += end - max(start, reached)
            reached = end
    return total


def cluster_seconds(entries: list[Entry], window: Window) -> float:
    """How much of `window` the clusterware's state-changing commands took; the rest is overhead, polling included."""
    return union_seconds(
        (max(entry["started"], window.start), min(entry["t"], window.end))
        for entry in entries
        if entry["kind"] == "node"
        and entry["argv"][:2] in CLUSTER_COMMANDS
        and entry["t"] > window.start
        and entry["started"] < window.end
    )


def longest(windows: list[Window]) -> Window | None:
    return max(windows, key=lambda window: window.seconds, default=None)
