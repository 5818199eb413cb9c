"""From single runs to the report's figures (design: `{"median", "min", "max", "runs"}`), and what they must reach."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

# (part, what is measured …) -> single runs
Runs = dict[tuple[str, ...], list[dict[str, Any]]]
Report = dict[str, Any]

MEASURES = (
    *("outage_seconds", "outage_overhead_seconds", "degraded_seconds", "total_seconds", "transitions"),
    *("completion_poll_transitions", "proof_and_copy_transitions", "lambda_ms", "api_calls", "cost_usd"),
    "degraded_parts",
)
OVERHEAD = "outage_overhead_seconds"
OURS, FROZEN = "mirrorsnap", "mirrorsnap_frozen"
PAUSE = {"0.1": 1.5, "0.7": 7.0}  # seconds in which writes wait for a frozen backup
SHORTER = 3.0  # times, than the service's absence for a stopped backup, with the application that takes longest
MOST = {"0.1": 1.5, "0.7": 7.0}  # seconds of our own in the outage
TIMES_LESS = {"0.1": 10.0, "0.7": 4.0}  # than the script with the AWS CLI's waiters, and than the polling state machine
COMPARED = {
    "cli_waiters": "the script's with the AWS CLI's waiters",
    "polling_state_machine": "the polling state machine's",
}
TRANSITIONS = 45  # of a backup, nested ones included; waits for completion, proof and copy apart
OF_A_RESTORE, OF_A_ROLLBACK = 7.0, 12.0  # seconds of our own in the recovery time
FORECAST = 0.2  # of what came
CONSTANT = 1.1  # the most that a cluster among many may take, of what one alone takes
BUSY = 0.7  # of this machine's time, else the figures of many clusters are void
COLD_START, MEMORY = 1 / 5, 1 / 3  # of Python's


@dataclass(frozen=True)
class Target:
    name: str
    wanted: str
    got: float
    met: bool


def figure(values: list[float]) -> dict[str, float | int]:
    return {
        "median": round(statistics.median(values), 6),
        "min": round(min(values), 6),
        "max": round(max(values), 6),
        "runs": len(values),
    }


def figures_of(runs: list[dict[str, Any]], keys: tuple[str, ...]) -> dict[str, Any]:
    """Each measure that a run has, over those runs that have it. Of what has parts, each part."""
    found = {key: [run[key] for run in runs if run.get(key) is not None] for key in keys}
    return {
        key: parted(values) if isinstance(values[0], dict) else figure(values)
        for key, values in found.items()
        if values
    }


def parted(values: list[dict[str, float]]) -> dict[str, Any]:
    """A part that a run lacks took no time in it. The largest first."""
    names = {name for each in values for name in each}
    found = {name: figure([each.get(name, 0.0) for each in values]) for name in names}
    return dict(sorted(found.items(), key=lambda each: -each[1]["median"]))


def report(runs: Runs) -> Report:
    """What the report holds beside its targets."""
    found: Report = {}
    for (part, *of), each in runs.items():
        if part == "outage":
            kinds = each[0]["parts"]
            spent = {kind: figure([run["parts"][kind] for run in each]) for kind in kinds}
            measured = {**figures_of(each, MEASURES), "parts": spent}
            found.setdefault("approaches", {}).setdefault(of[0], {})[of[1]] = measured
        elif part == "frozen":
            measured = figures_of(each, (*MEASURES, "pause_seconds", "given_up"))
            found.setdefault("approaches", {}).setdefault(of[0], {})[of[1]] = measured
        elif part == "applications":
            found.setdefault("applications", {})[of[0]] = figures_of(each, ("outage_seconds", OVERHEAD))
        elif part == "growth":
            found.setdefault("growth", []).extend(each)
        else:  # by name within each run: the kinds of a restore, the languages of a function
            names = list(dict.fromkeys(name for run in each for name in run if name != "host_busy"))
            of_each = {name: [run[name] for run in each if name in run] for name in names}
            found[part] = {name: figures_of(some, tuple(some[0])) for name, some in of_each.items()}
    return found


def _at_most(name: str, unit: str, most: float, got: float) -> Target:
    return Target(name, f"at most {most:g} {unit}".strip(), round(got, 3), got <= most)


def targets(found: Report) -> list[Target]:
    """What our figures must reach; nothing is demanded of what was not measured."""
    return [*_outages(found), *_pauses(found), *_restores(found), *_functions(found), *_growth(found)]


def _outages(found: Report) -> list[Target]:
    judged, approaches = [], found.get("approaches", {})
    for seconds, most in MOST.items():
        if seconds not in approaches.get(OURS, {}):
            continue
        ours = approaches[OURS][seconds][OVERHEAD]["median"]
        pace = f"commands of {seconds} s"
        judged.append(_at_most(f"outage beyond the clusterware's own time, {pace}", "s", most, ours))
        for other, name in COMPARED.items():
            if seconds in approaches.get(other, {}):
                times = round(approaches[other][seconds][OVERHEAD]["median"] / max(ours, 0.001), 1)
                wanted = TIMES_LESS[seconds]
                judged.append(Target(f"{name} by ours, {pace}", f"at least {wanted:g} times", times, times >= wanted))
        counted = approaches[OURS][seconds].get("transitions")
        if counted:
            judged.append(_at_most(f"state transitions of a backup, {pace}", "", TRANSITIONS, counted["median"]))
    return judged


def _pauses(found: Report) -> list[Target]:
    by_pace = found.get("approaches", {}).get(FROZEN, {})
    judged = [
        _at_most(f"pause of a frozen backup, commands of {pace} s", "s", most, by_pace[pace]["pause_seconds"]["median"])
        for pace, most in PAUSE.items()
        if pace in by_pace
    ]
    judged += [
        _at_most(f"of these given up, commands of {pace} s", "", 0, each["given_up"]["max"])
        for pace, each in by_pace.items()
        if "given_up" in each
    ]
    applications = found.get("applications", {})
    if "0.1" in by_pace and applications:  # the pace at which the applications are measured
        seconds = max(applications, key=float)
        pause = by_pace["0.1"]["pause_seconds"]["median"]
        times = round(applications[seconds]["outage_seconds"]["median"] / max(pause, 0.001), 1)
        name = f"a stopped backup's outage with an application of {seconds} s by a frozen one's pause"
        judged.append(Target(name, f"at least {SHORTER:g} times", times, times >= SHORTER))
    return judged


def _restores(found: Report) -> list[Target]:
    judged = []
    for kind, each in found.get("restore", {}).items():
        most = OF_A_ROLLBACK if kind == "rollback" else OF_A_RESTORE
        own = each["rto_own_seconds"]["median"]
        judged.append(_at_most(f"recovery time of our own, {kind}", "s", most, own))
    for each in found.get("forecast", {}).values():
        off = abs(each["forecast_seconds"]["median"] / max(each["outage_seconds"]["median"], 0.001) - 1)
        judged.append(_at_most("the plan's forecast of a restore's outage is off by", "of it", FORECAST, off))
    return judged


def _functions(found: Report) -> list[Target]:
    if not (each := found.get("functions")):
        return []
    rust, python = each["rust"], each["python"]

    def share(key: str) -> float:
        return rust[key]["median"] / python[key]["median"]

    return [
        _at_most("a function's cold start, of Python's", "of it", COLD_START, share("cold_start_ms")),
        _at_most("a function's peak memory, of Python's", "of it", MEMORY, share("peak_memory_mb")),
    ]


def _growth(found: Report) -> list[Target]:
    """Each cluster takes as much among 50 as alone; void where this machine did not keep up."""
    judged = []
    if len(sizes := found.get("growth", [])) > 1:
        for key, name in (("transitions_per_cluster", "transitions"), ("calls_per_cluster", "calls")):
            alone, most = sizes[0][key], max(each[key] for each in sizes)
            judged.append(_at_most(f"{name} of a cluster among many, of one alone", "of it", CONSTANT, most / alone))
    for each in sizes:
        name = f"this machine's work for {each['clusters']} clusters at once"
        judged.append(_at_most(name, "of its time", BUSY, each["host_busy"]))
        if "lab_busy" in each:
            name = f"the lab's own process's work for {each['clusters']} clusters at once"
            judged.append(_at_most(name, "of one processor's time", BUSY, each["lab_busy"]))
    return judged


def table(found: dict[str, dict[str, Any]]) -> list[str]:
    """The report in words, a line for each approach and pace."""
    rows = [("approach", "a command", "outage", "of it overhead", "on monitors", "reads", "between", "runs")]
    for approach, by_seconds in found.items():
        for seconds, each in by_seconds.items():
            if OVERHEAD not in each:  # a frozen backup has no outage
                continue
            over, parts = each[OVERHEAD], each["parts"]
            spread = f"{over['median']:.2f} s ({over['min']:.2f} to {over['max']:.2f})"
            shares = [f"{parts[kind]['median']:.2f} s" for kind in ("monitors", "reads", "between")]
            outage = f"{each['outage_seconds']['median']:.2f} s"
            rows.append((approach, f"{seconds} s", outage, spread, *shares, str(over["runs"])))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows]
