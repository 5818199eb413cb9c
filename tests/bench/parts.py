"""What an outage was spent on, out of the lab's log. Pure functions; all times are lab seconds."""

from __future__ import annotations

from typing import Any

from scenario.timeline import CLUSTER_COMMANDS, Entry, Window, union_seconds

# A moment counts for the first kind that was at work in it. `cluster` is the clusterware's own: every backup needs it.
KINDS = ("cluster", "monitors", "reads", "between")
BETWEEN = "between"  # no command ran: Run Command, the AWS CLI, scripts, pauses of a poll


def kind(argv: list[str]) -> str:
    """Of a node's command: cluster, monitors, reads, or between for what is none of CLUSTERPRO's."""
    if argv[:2] in CLUSTER_COMMANDS:
        return "cluster"
    if argv[0] == "clpmonctrl":
        return "monitors"
    return "reads" if argv[0].startswith("clp") else BETWEEN


def spent(entries: list[Entry], window: Window) -> dict[str, float]:
    """Seconds of `window` by kind; together they are the window."""
    spans: dict[str, list[tuple[float, float]]] = {each: [] for each in KINDS}
    for entry in entries:
        if entry["kind"] == "node" and entry["t"] > window.start and entry["started"] < window.end:
            spans[kind(entry["argv"])].append((max(entry["started"], window.start), min(entry["t"], window.end)))
    seconds, reached, taken = {}, 0.0, []
    for each in KINDS[:-1]:
        taken += spans[each]
        total = union_seconds(taken)
        seconds[each] = round(total - reached, 3)
        reached = total
    seconds[BETWEEN] = round(window.seconds - reached, 3)
    return seconds


def outage(entries: list[Entry], window: Window) -> dict[str, Any]:
    """The figures of one run: how long the group was down, how much of that was not the clusterware's, and on what."""
    parts = spent(entries, window)
    return {
        "outage_seconds": round(window.seconds, 3),
        "outage_overhead_seconds": round(window.seconds - parts["cluster"], 3),
        "parts": parts,
    }
