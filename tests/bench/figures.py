"""From single runs to the report's figures (design: `{"median", "min", "max", "runs"}`), and what they must reach."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

Runs = dict[tuple[str, str], list[dict[str, Any]]]  # (approach, seconds a command takes) -> single runs

MEASURES = ("outage_seconds", "outage_overhead_seconds", "degraded_seconds", "total_seconds", "transitions")
OVERHEAD = "outage_overhead_seconds"
OURS = "mirrorsnap"
MOST = {"0.1": 1.5, "0.7": 7.0}  # seconds of our own in the outage
TIMES_LESS = {"0.1": 10.0, "0.7": 4.0}  # than the script with the AWS CLI's waiters


@dataclass(frozen=True)
class Target:
    name: str
    wanted: str
    got: float
    met: bool


def figure(values: list[float]) -> dict[str, float | int]:
    return {
        "median": round(statistics.median(values), 3),
        "min": round(min(values), 3),
        "max": round(max(values), 3),
        "runs": len(values),
    }


def approaches(runs: Runs) -> dict[str, dict[str, Any]]:
    """`approaches` of the report: by approach, then by a command's seconds."""
    found: dict[str, dict[str, Any]] = {}
    for (approach, seconds), each in runs.items():
        measured = {key: figure([run[key] for run in each]) for key in MEASURES if all(key in run for run in each)}
        kinds = each[0]["parts"]
        measured["parts"] = {kind: figure([run["parts"][kind] for run in each]) for kind in kinds}
        found.setdefault(approach, {})[seconds] = measured
    return found


def targets(found: dict[str, dict[str, Any]]) -> list[Target]:
    """What our figures must reach; nothing is demanded of what was not measured."""
    judged = []
    for seconds, most in MOST.items():
        if seconds not in found.get(OURS, {}):
            continue
        ours = found[OURS][seconds][OVERHEAD]["median"]
        name = f"outage beyond the clusterware's own time, commands of {seconds} s"
        judged.append(Target(name, f"at most {most:g} s", ours, ours <= most))
        if seconds in found.get("cli_waiters", {}):
            times = round(found["cli_waiters"][seconds][OVERHEAD]["median"] / max(ours, 0.001), 1)
            wanted = TIMES_LESS[seconds]
            name = f"the script's, with the AWS CLI's waiters, by ours, commands of {seconds} s"
            judged.append(Target(name, f"at least {wanted:g} times", times, times >= wanted))
    return judged


def table(found: dict[str, dict[str, Any]]) -> list[str]:
    """The report in words, a line for each approach and pace."""
    rows = [("approach", "a command", "outage", "of it overhead", "on monitors", "reads", "between", "runs")]
    for approach, by_seconds in found.items():
        for seconds, each in by_seconds.items():
            over, parts = each[OVERHEAD], each["parts"]
            spread = f"{over['median']:.2f} s ({over['min']:.2f} to {over['max']:.2f})"
            shares = [f"{parts[kind]['median']:.2f} s" for kind in ("monitors", "reads", "between")]
            outage = f"{each['outage_seconds']['median']:.2f} s"
            rows.append((approach, f"{seconds} s", outage, spread, *shares, str(over["runs"])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
