"""The lab's log as lanes of a drawing: what each node, group, side of a mirror, snapshot and step was, and when.

Pure functions over log entries (tests/lab/README.md lists the kinds). All times are lab seconds.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from lab.phases import phase_of

from . import rto
from .format import PHASES
from .timeline import Entry, Window

# What a node is after each power event; the lab writes them (nodes/machine.py).
POWER = {
    "power_on": "booting",
    "up": "up",
    "shutdown": "shutting down",
    "reboot": "rebooting",
    "restart": "booting",
    "halt": "off",
    "power_cut": "off",
}


@dataclass(frozen=True)
class Segment:
    start: float
    end: float
    state: str
    text: str = ""


@dataclass
class Lane:
    name: str
    kind: str  # node | group | mirror | snapshot | step | command | volume | time
    segments: list[Segment] = field(default_factory=list)


def _segments(changes: Iterable[tuple[float, str, str]], window: Window) -> list[Segment]:
    """Segments out of (t, state, text), cut to the window; a state lasts until the next change."""
    known = list(changes)
    ends = [t for t, _, _ in known[1:]] + [window.end]
    cut = [
        Segment(max(t, window.start), min(end, window.end), state, text)
        for (t, state, text), end in zip(known, ends, strict=True)
    ]
    return [each for each in cut if each.end > each.start and each.state]


def nodes(entries: list[Entry], names: list[str], window: Window) -> list[Lane]:
    return [
        Lane(
            name,
            "node",
            _segments(
                ((e["t"], POWER.get(e["event"], e["event"]), "") for e in entries
                 if e["kind"] == "power" and e["node"] == name),
                window,
            ),
        )
        for name in names
    ]  # fmt: skip


def groups(entries: list[Entry], names: list[str], window: Window) -> list[Lane]:
    """One lane a group: its status, and the node while it is not offline."""
    lanes = []
    for name in names:
        status: dict[str, str] = {}
        changes = []
        for e in entries:
            ours = e["kind"] == "cluster" and e["what"] == "group" and e["group"] == name
            cut = e["kind"] == "power" and e["event"] == "power_cut" and e["node"] in status
            if ours or cut:
                status[e["node"]] = "offline" if cut else e["status"]
                on = [(s, n) for n, s in status.items() if s != "offline"]
                state, node = on[0] if len(on) == 1 else ("offline", "") if not on else ("error", "on both nodes")
                changes.append((e["t"], state, node))
        lanes.append(Lane(name, "group", _segments(changes, window)))
    return lanes


def mirrors(entries: list[Entry], disks: list[str], names: list[str], window: Window) -> list[Lane]:
    lanes = []
    for disk in disks:
        for node in names:
            changes = [
                (e["t"], e["colours"][node], "")
                for e in entries
                if e["kind"] == "cluster" and e["what"] == "mirror" and e["disk"] == disk and node in e["colours"]
            ]
            lanes.append(Lane(f"{disk} on {node}", "mirror", _segments(_merged(changes), window)))
    return lanes


def _merged(changes: list[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    return [c for i, c in enumerate(changes) if i == 0 or c[1:] != changes[i - 1][1:]]


def snapshots(entries: list[Entry], window: Window) -> list[Lane]:
    """One lane for all snapshots that began within the window: pending until the last one is complete."""
    begun = [e for e in entries if e["kind"] == "ec2" and e["id"].startswith("snap-") and e["previous"] is None]
    begun = [e for e in begun if window.start <= e["t"] <= window.end]
    segments = []
    for each in begun:
        done = next(
            (e["t"] for e in entries if e["kind"] == "ec2" and e["id"] == each["id"] and e["state"] == "completed"),
            None,
        )
        segments.append(Segment(each["t"], min(done or window.end, window.end), "pending", each["id"]))
    return [Lane("snapshot" if len(begun) == 1 else "snapshots", "snapshot", segments)] if begun else []


def phases(entries: list[Entry], arns: set[str], beside: tuple[str, ...] = ()) -> list[tuple[float, str]]:
    """(time, phase) of each change of phase in these executions; a state without one belongs to the phase before it.

    `beside`: beginnings of the names of states that wait beside the work that is shown, and change nothing here.
    """
    out: list[tuple[float, str]] = []
    for entry in entries:
        if entry["kind"] != "sfn" or entry["execution"] not in arns or not entry["event"].endswith("StateEntered"):
            continue
        phase = phase_of(entry["state"])
        if phase in PHASES and not entry["state"].startswith(beside or ("\0",)) and (not out or out[-1][1] != phase):
            out.append((entry["t"], phase))
    return out


def steps(phases: list[tuple[float, str]], window: Window) -> Lane:
    return Lane("step", "step", _segments(((t, phase, phase) for t, phase in phases), window))


def commands(entries: list[Entry], names: list[str], window: Window) -> list[Lane]:
    """The clusterware's own state-changing commands, whose time is not ours; a lane for each node that had one."""
    lanes = []
    for name in names:
        found = [
            Segment(max(e["started"], window.start), min(e["t"], window.end), "command", " ".join(e["argv"]))
            for e in entries
            if e["kind"] == "node" and e["node"] == name and rto.changes_state(e["argv"]) and e["t"] > window.start
            and e["started"] < window.end
        ]  # fmt: skip
        lanes += [Lane(f"commands, {name}", "command", found)] if found else []
    return lanes


def volumes(entries: list[Entry], names: list[str], devices: list[str], window: Window) -> list[Lane]:
    """One lane a place: the volume that is attached there, or on its way, by the order in which volumes came there."""
    node_of = {e["instance"]: e["node"] for e in entries if e["kind"] == "power"}
    order = {name: position for position, name in enumerate(names)}
    changes: dict[tuple[str, str], list[tuple[float, str, str]]] = {}
    came: dict[tuple[str, str], list[str]] = {}
    for e in entries:
        node = node_of.get(e["instance"]) if e["kind"] == "attachment" else None
        if node not in order or e["device"] not in devices:
            continue
        place = (node, e["device"])
        known = came.setdefault(place, [])
        if e["volume"] not in known:
            known.append(e["volume"])
        number = known.index(e["volume"])
        name = f"{'original' if number == 0 else f'restored {number}'} {e['volume']}"
        state = {"attached": "original" if number == 0 else "restored", "detached": ""}.get(e["state"], e["state"])
        changes.setdefault(place, []).append((e["t"], state, name))
    return [
        Lane(f"{device} of {node}", "volume", _segments(changes[node, device], window))
        for node, device in sorted(changes, key=lambda place: (order[place[0]], place[1]))
    ]


def spent(entries: list[Entry], window: Window, recovery: Window) -> Lane:
    """What the recovery time was spent on. Where parts overlap, the last one in rto.PARTS counts."""
    found = [Segment(max(a, window.start), min(b, window.end), what) for a, b, what in rto.sequence(entries, recovery)]
    return Lane("time spent on", "time", [each for each in found if each.end > each.start])
