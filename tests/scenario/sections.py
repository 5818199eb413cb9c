"""An operation as a section of the report page: its figures, its drawings, its proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import lanes, report, rto
from .consistency import Consistency
from .drawing import Band, draw
from .journal import Journal
from .operation import Operation
from .page import Bar, Section
from .proof import Claim
from .timeline import Window

# States that wait beside the work that the drawing shows: the snapshots' completion, and the joins after it.
BESIDE = ("Snapshot: ", "StartStandby: converge ended")

# What the report calls each part of the recovery time; rto.py defines them.
MEANING = {
    "clusterware": "the cluster's own commands, and its daemons' and groups' own starts and stops",
    "shutdown": "operating systems going down",
    "swap": "volumes on their way off and on",
    "boot": "instances starting, operating systems booting and rebooting",
    rto.OURS: "none of these: polling, Run Command, Step Functions",
}


@dataclass(frozen=True)
class Scene:
    """Whose log it is: the names by which nodes and places are shown."""

    journal: Journal
    nodes: list[str]
    devices: list[str]


def section(
    scene: Scene, title: str, words: str, begun: Operation, figures: dict[str, Any], claims: list[Claim]
) -> Section:
    return Section(title, words, _figures(figures), _bars(figures), _drawings(scene, title, begun), claims)


def _figures(figures: dict[str, Any]) -> list[tuple[str, str]]:
    own = figures["outage_seconds"] - figures["outage_cluster_seconds"]
    first = [
        (f"{figures['outage_seconds']:.2f} s", "outage"),
        (f"{own:.2f} s", "of it not the clusterware's"),
    ]
    if figures.get("consistency") == Consistency.FROZEN:
        first = [
            (f"{figures['outage_seconds']:.2f} s", "outage"),
            (f"{figures['pause_seconds']:.2f} s", "in which writes waited"),
        ]
    if figures.get("rto_seconds") is not None:
        first = [
            (f"{figures['rto_seconds']:.1f} s", "recovery time"),
            (f"{figures['rto_own_seconds']:.1f} s", "of it mirrorsnap's own"),
        ]
    found = figures.get("proof")
    last = []
    if found:
        after = found["after_completion_seconds"]
        last = [
            (
                f"{found['verdict']}",
                f"is the image of {found['gib']} GiB, by {found['blocks']} blocks in {found['seconds']:.2f} s, "
                f"{found['cost_usd']:.6f} USD",
            ),
            ("-" if after is None else f"{after:.1f} s", "from the snapshot's completion to its proof"),
        ]
    return [
        *first,
        (f"{figures['degraded_seconds']:.1f} s", "without redundancy"),
        (f"{figures['total_seconds']:.1f} s", "from start to end"),
        (f"{figures['transitions']}", "state transitions"),
        *last,
    ]


def _bars(figures: dict[str, Any]) -> list[Bar]:
    whole = figures.get("rto_seconds")
    if not whole:
        return []
    seconds = {**figures["rto_parts"], rto.OURS: figures["rto_own_seconds"]}
    return [Bar(part, MEANING[part], each, each / whole) for part, each in seconds.items()]


def _drawings(scene: Scene, title: str, begun: Operation) -> list[tuple[str, str, str]]:
    journal = scene.journal
    whole, down, held = report.span(begun), report.outage(journal, begun), report.pause(journal, begun)
    single = report.without_redundancy(journal, begun)
    until = max([whole.end, *(w.end for w in single)])
    bands = [Band(w, "degraded", f"without redundancy {w.seconds:.1f} s") for w in single]
    if down:
        bands.append(Band(down, "outage", f"outage {down.seconds:.2f} s"))
    elif held:
        bands.append(Band(held, "pause", f"writes waited {held.seconds:.2f} s"))
    words = "Seconds since the start of the execution."
    svg = _drawing(scene, title, begun, Window(whole.start - 1, until + 1), bands)
    drawings = [("From start to end", words, svg)]
    if close := down or held:
        edge = max(1.0, 0.03 * close.seconds)
        near = Window(close.start - edge, close.end + edge)
        what, since = ("outage", "stop") if down else ("pause", "freeze")
        words = f"The clusterware's own commands, and what lies between them. Seconds since the {since}."
        svg = _drawing(scene, f"{title}, {what}", begun, near, bands[-1:], close.start)
        drawings.append((f"The {what}, enlarged", words, svg))
    return drawings


def _drawing(
    scene: Scene, title: str, begun: Operation, window: Window, bands: list[Band], zero: float | None = None
) -> str:
    assert begun.family is not None
    entries = scene.journal.entries
    phases = lanes.phases(entries, {m["arn"] for m in begun.family.members}, BESIDE)
    recovery = report.recovery(scene.journal, begun)
    swapped = any(e["kind"] == "attachment" and begun.started < e["t"] < window.end for e in entries)
    parts = [
        lanes.steps([*phases, (begun.ended or window.end, "")], window),
        *lanes.groups(entries, scene.journal.groups, window),
        *([lanes.spent(entries, window, recovery)] if zero is not None and recovery and swapped else []),
        *(lanes.commands(entries, scene.nodes, window) if zero is not None else []),
        *(lanes.volumes(entries, scene.nodes, scene.devices, window) if swapped else []),
        *lanes.mirrors(entries, scene.journal.disks, scene.nodes, window),
        *lanes.nodes(entries, scene.nodes, window),
        *lanes.snapshots(entries, window),
    ]
    return draw(title, parts, window, begun.started if zero is None else zero, bands)
