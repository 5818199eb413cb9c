"""The end of the demonstration on the terminal: a line for each operation, and every claim that did not hold."""

from __future__ import annotations

from typing import Any

from . import proved
from .consistency import Consistency
from .proof import Claim

COLUMNS = (
    "operation",
    "status",
    "outage",
    "pause",
    "recovery",
    "of it ours",
    "one copy",
    "in all",
    "transitions",
    "image",
    "claims",
)


def summary(operations: list[dict[str, Any]], claims: list[list[Claim]]) -> list[str]:
    """Lines of text. `claims`: those of each operation, in the same order."""
    rows = [COLUMNS, *(_row(each, told) for each, told in zip(operations, claims, strict=True))]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = [
        "",
        *(
            "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ),
    ]
    wrong = [
        f"  NOT TRUE, {each['kind']}: {text}"
        for each, told in zip(operations, claims, strict=True)
        for held, text in told
        if not held
    ]
    return [*lines, *(["", *wrong] if wrong else [])]


def _row(each: dict[str, Any], claims: list[Claim]) -> tuple[str, ...]:
    held = sum(1 for good, _ in claims if good)
    recovery, own = each.get("rto_seconds"), each.get("rto_own_seconds")
    if recovery is None:
        own = each["outage_seconds"] - each["outage_cluster_seconds"]
    return (
        f"{each['kind']}, frozen" if each.get("consistency") == Consistency.FROZEN else each["kind"],
        each["status"],
        f"{each['outage_seconds']:.2f} s",
        f"{each['pause_seconds']:.2f} s" if each.get("pause_seconds") else "-",
        "-" if recovery is None else f"{recovery:.1f} s",
        f"{own:.2f} s",
        f"{each['degraded_seconds']:.1f} s",
        f"{each['total_seconds']:.1f} s",
        str(each["transitions"]),
        proved.words(each["proof"]) if each.get("proof") else "-",
        f"all {held} proved" if held == len(claims) else f"{len(claims) - held} of {len(claims)} NOT TRUE",
    )
