"""`make bench`: measures the product beside what its users would do instead, and fails if a target is missed.

Everything runs at life's pace in labs of its own; ONLY=… takes one part. Each run writes its figures under
target/bench/runs as it ends, and RESUME=1 goes on after the last one. What this machine does beside it is in the
figures, so it should do nothing else. A lab mostly waits, so two runs go side by side (lanes.py), but for the parts in
ALONE.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import sys
import time
from dataclasses import asdict
from typing import Any

from seed.steps import TIMING

from scenario.format import Scenario
from scenario.runner import lab_for

from . import figures, growth, lanes, page, starts
from .approaches import APPROACHES, Extent, Failed, mirrorsnap, mirrorsnap_frozen
from .lanes import OUT, Run
from .restores import KINDS, SOON, Restores

PACES = ("0.1", "0.7")  # seconds that each of the vendor's commands takes beside its own work
APPLICATIONS = ("1", "20")  # seconds that the application takes to stop and start
OF_OURS, OF_OTHERS = 5, 3
WHOLE = 3  # of the backups of ours so many go to their end; the others until the group is back, as their outage needs
PEER_WAIT = 20.0  # as in `make demo`
# Lab seconds; a reboot is a shutdown and a boot, and the estimate has 90 s for it.
PARTS_OF_A_FORECAST = {
    "group_stop": 30,
    "shutdown": 30,
    "volume_detach": 10,
    "volume_attach": 10,
    "boot": 60,
    "backup_mode": 20,
    "group_start": 40,
}

Figures = dict[str, Any]


def lab(pace: str, timing: dict[str, float]) -> Any:
    """A fresh lab at life's pace."""
    values = {"clp_command": float(pace), "peer_wait": PEER_WAIT, **timing}
    return lab_for(Scenario("bench", {"timing": values}, []), scale=1)


def approach(name: str, pace: str, extent: Extent) -> Figures:
    with lab(pace, TIMING) as fresh:  # the script needs two durations longer, so all have them
        return APPROACHES[name](fresh, extent)


def frozen(pace: str, extent: Extent) -> Figures:
    with lab(pace, TIMING) as fresh:
        return mirrorsnap_frozen(fresh, extent)


def application(seconds: str, extent: Extent) -> Figures:
    half = float(seconds) / 2
    with lab("0.1", {"group_stop": half, "group_start": half}) as fresh:
        return mirrorsnap(fresh, extent)


def restore(number: int) -> Figures:
    with lab("0.1", {}) as fresh:
        return Restores(fresh).run(KINDS if number == 1 else SOON)


def forecast() -> Figures:
    """The plan's estimate beside a restore whose parts take what the estimate takes for each (restore/forecast.rs). At
    five times life's pace: it is minutes, of which our own part counts five times."""
    values = {"clp_command": 0.1, "peer_wait": PEER_WAIT, **PARTS_OF_A_FORECAST}
    with lab_for(Scenario("bench", {"timing": values}, []), scale=5) as fresh:
        return Restores(fresh).one("none")


def grown(clusters: str) -> Figures:
    mapping = {**growth.mapping(int(clusters)), "timing": {"clp_command": 0.1}}
    with lab_for(Scenario("bench", mapping, []), scale=growth.SIZES[clusters]) as fresh:
        return growth.run(fresh, int(clusters))


def functions() -> Figures:
    with lab("0.1", {}) as fresh:
        return starts.run(fresh)


def extent_of(number: int, whole: int = 1) -> Extent:
    return Extent.WHOLE if number <= whole else Extent.UNTIL_BACK


def outage(of_ours: int, of_others: int) -> list[Run]:
    """Of others the first run of each is whole."""
    counts = {name: of_ours if name == figures.OURS else of_others for name in APPROACHES}
    found = []
    for number in range(1, max(counts.values()) + 1):
        for pace in PACES:
            for name in (each for each in APPROACHES if number <= counts[each]):
                extent = extent_of(number, WHOLE if name == figures.OURS else 1)
                measure = lambda name=name, pace=pace, extent=extent: approach(name, pace, extent)  # noqa: E731
                found.append(Run("outage", (name, pace), number, measure))
    return found


def plan(parts: tuple[str, ...], of_ours: int, of_others: int) -> list[Run]:
    of_each: dict[str, list[Run]] = {
        "outage": outage(of_ours, of_others),
        "frozen": [
            Run("frozen", (figures.FROZEN, pace), n, lambda pace=pace, n=n: frozen(pace, extent_of(n)))
            for n in range(1, of_ours + 1)
            for pace in PACES
        ],
        "applications": [
            Run("applications", (seconds,), n, lambda seconds=seconds, n=n: application(seconds, extent_of(n)))
            for n in range(1, of_others + 1)
            for seconds in APPLICATIONS
        ],
        "restore": [Run("restore", (), n, lambda n=n: restore(n)) for n in range(1, of_others + 1)],
        "forecast": [Run("forecast", (), 1, forecast)],
        "growth": [Run("growth", (size,), 1, lambda size=size: grown(size)) for size in growth.SIZES],
        "functions": [Run("functions", (), n, functions) for n in range(1, of_ours + 1)],
    }
    # In turns, so that what disturbs this machine meets all of them, and a run that is stopped has some of each.
    return sorted((run for part in parts for run in of_each[part]), key=lambda run: run.number)


# The longest first, so that the lanes end together.
PARTS = ("restore", "outage", "forecast", "frozen", "applications", "functions", "growth")
ALONE = ("functions", "growth")  # measured in milliseconds, and by how busy this machine is
LANES = 2


def read(todo: list[Run]) -> figures.Runs:
    """Of the runs that there are."""
    found: figures.Runs = {}
    for run in (each for each in todo if each.file.is_file()):
        found.setdefault((run.part, *run.of), []).append(json.loads(run.file.read_text(encoding="utf-8")))
    return found


def machine() -> str:
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {platform.machine()}, {memory:.0f} GiB of memory"


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=PARTS, action="append", help="a part to be measured; default: all")
    parser.add_argument("--resume", action="store_true", help="keep the runs that are there, and go on")
    parser.add_argument("--ours", type=int, default=OF_OURS, help="runs of mirrorsnap's backup, and of its functions")
    parser.add_argument("--others", type=int, default=OF_OTHERS, help="runs of each other")
    parser.add_argument("--lanes", type=int, default=LANES, help="runs side by side; default: %(default)s")
    parser.add_argument("--report", action="store_true", help="report the runs that are there, and measure nothing")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md out of the report, and no more")
    args = parser.parse_args(argv)
    if args.page:
        page.write(json.loads((OUT / "report.json").read_text(encoding="utf-8")))
        return 0
    begun = time.monotonic()
    todo = plan(tuple(args.only or PARTS), args.ours, args.others)
    failed = None
    try:
        if not args.report:
            lanes.carry_out(todo, ALONE, args.lanes, args.resume)
    except Failed as error:
        failed = error
    runs = read(todo)
    found = figures.report(runs)
    targets = figures.targets(found)
    now = datetime.datetime.now(datetime.UTC).date().isoformat()
    missing = sum(not run.file.is_file() for run in todo)
    made = {"made": len(todo) - missing, "planned": len(todo)}
    report = {
        "date": now,
        "machine": machine(),
        "lanes": args.lanes,
        "busiest": (worst := max((run["host_busy"] for each in runs.values() for run in each), default=0.0)),
        "runs": made,
        **found,
        "targets": [asdict(each) for each in targets],
    }
    (OUT / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\n".join(["", *figures.table(found.get("approaches", {})), ""]))
    for each in targets:
        print(f"{'met   ' if each.met else 'MISSED'}  {each.name}: {each.got:g}, wanted {each.wanted}")
    if missing:
        print(f"\nNOT WHOLE: {missing} of {len(todo)} runs are missing; RESUME=1 goes on")
    print(f"\nthis machine was at most {100 * worst:.0f} % busy in a run; {time.monotonic() - begun:.0f} s in all")
    print(f"report: {OUT.relative_to(OUT.parent.parent)}/report.json")
    if failed:
        print(f"bench: {failed}", file=sys.stderr)
        return 3
    return 0 if not missing and all(each.met for each in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
