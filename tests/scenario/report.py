"""What an operation was, in figures: an entry of `operations` in target/demo/report.json (design.md, Reports)."""

from __future__ import annotations

from typing import Any

from . import proved, rto
from .consistency import Consistency
from .journal import Journal, transitions
from .operation import Operation
from .product import Product
from .proof import Claim
from .timeline import Window, cluster_seconds, degraded, longest

# States that only wait for EBS, before or beside the disturbance: how many there are depends on how long EBS takes.
POLLS = (
    *("Snapshot: progress", "Snapshot: are they complete?", "Snapshot: wait"),
    *("PrepareVolumes: are they there", "PrepareVolumes: go on when there", "PrepareVolumes: wait for the volumes"),
    *("PrepareVolumes: is it fast", "PrepareVolumes: go on when fast", "PrepareVolumes: wait for fast restore"),
)
# What follows a backup and is no part of it: its proof and its copy, with the states that start them.
APART = ("Start the proof", "Copy elsewhere?", "Start the copy")
MACHINES_APART = ("mirrorsnap-prove", "mirrorsnap-copy")
RESTORES = ("restore", "rollback")  # kinds whose entry has the recovery time


def span(operation: Operation) -> Window:
    assert operation.ended is not None
    return Window(operation.started, operation.ended)


def outage(journal: Journal, operation: Operation) -> Window | None:
    """The longest single window in which a group was not online, None if there was none."""
    whole = span(operation)
    return longest(journal.outages(whole.start, operation.over or whole.end))


def pause(journal: Journal, operation: Operation) -> Window | None:
    """The longest single window in which the product's freeze held the writes of a file system, None without one."""
    whole = span(operation)
    return longest(journal.pauses(whole.start, operation.over or whole.end))


def consistency(journal: Journal, operation: Operation) -> Consistency | None:
    """How the file systems became quiet, as the lab saw it; None: they did not."""
    whole = span(operation)
    found = [
        Consistency(entry["how"])
        for entry in journal.entries
        if entry["kind"] == "cluster" and entry["what"] == "mirror" and entry["action"] == "quiesce"
        and whole.start <= entry["t"] <= (operation.over or whole.end)
    ]  # fmt: skip
    return found[0] if found else None


def of_a_backup(journal: Journal, operation: Operation) -> dict[str, Any]:
    """What only a backup's entry has."""
    held = pause(journal, operation)
    return {
        "consistency": consistency(journal, operation),
        "pause_seconds": round(held.seconds, 3) if held else 0.0,
        "proof": proved.figures(operation.family.members if operation.family else [], journal.entries, journal.lab),
    }


def recovery(journal: Journal, operation: Operation) -> Window | None:
    """The recovery time of a restore or a rollback (rto.py), None if it has stopped no group."""
    whole = span(operation)
    return rto.recovery(journal.entries, journal.groups, Window(whole.start, operation.over or whole.end))


def own_time(figures: dict[str, Any], bound: float) -> Claim:
    """That our own part of the recovery time is at most `bound` seconds."""
    whole, own = figures["rto_seconds"], figures["rto_own_seconds"]
    if whole is None:
        return False, "no group was stopped: there is no recovery time"
    return own <= bound, f"of the recovery time of {whole:.1f} s, {own:.1f} s are mirrorsnap's own: at most {bound:g} s"


def without_redundancy(journal: Journal, operation: Operation) -> list[Window]:
    whole = span(operation)
    end = operation.over or whole.end
    return [w for w in degraded(journal.entries, journal.disks) if w.end > whole.start and w.start < end]


def apart(members: list[dict[str, Any]], journal: Journal) -> int:
    """The state transitions of the proof and of the copy, of those that `members` have in all."""
    proofs = [each for each in members if each["machine"] in MACHINES_APART]
    _, starts = transitions([each for each in members if each not in proofs], journal.entries, APART)
    return starts + sum(each["transitions"] for each in proofs)


def figures(
    product: Product, journal: Journal, operation: Operation, kind: str, snapshots: list[str], violations: list[Any]
) -> dict[str, Any]:
    assert operation.family is not None
    whole, down = span(operation), outage(journal, operation)
    total, polls = transitions(operation.family.members, journal.entries, POLLS)
    return {
        "kind": kind,
        "status": operation.family.main["status"],
        "outage_seconds": round(down.seconds, 3) if down else 0.0,
        "outage_cluster_seconds": round(cluster_seconds(journal.entries, down), 3) if down else 0.0,
        "degraded_seconds": round(sum(w.seconds for w in without_redundancy(journal, operation)), 3),
        "total_seconds": round(whole.seconds, 3),
        "transitions": total - polls,
        "completion_poll_transitions": polls,
        "proof_and_copy_transitions": apart(operation.family.members, journal),
        "snapshots": snapshots,
        "violations": violations,
        **(of_a_backup(journal, operation) if kind == "backup" else {}),
        **(rto.figures(journal.entries, recovery(journal, operation)) if kind in RESTORES else {}),
        "phases": [
            {"phase": phase, "at_seconds": round(t - whole.start, 3)}
            for t, phase in journal.phases({m["arn"] for m in operation.family.members})
        ],
    }
