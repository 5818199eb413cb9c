"""`make bench`: measures the product beside what its users would do instead, and fails if a target is missed.

ONLY=outage is the only part so far: how long a backup takes the service away, at two paces of the vendor's commands.
Each run writes its figures under target/bench/runs as it ends; RESUME=1 goes on after the last one. What this machine
does beside it is in the figures, so it should do nothing else.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from scenario.deployment import ProductError
from scenario.format import Scenario
from scenario.runner import lab_for

from . import figures
from .approaches import APPROACHES, Failed

ROOT = Path(__file__).resolve().parent.parent.parent
OUT = ROOT / "target" / "bench"
RUNS = OUT / "runs"
PACES = ("0.1", "0.7")  # seconds that each of the vendor's commands takes beside its own work
OF_OURS, OF_OTHERS = 5, 3


def busy() -> tuple[float, float]:
    """Seconds that this machine's processors have worked and idled so far."""
    times = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = times[3] + times[4]
    return (sum(times) - idle) / 100, idle / 100


def measure(approach: str, pace: str) -> dict[str, object]:
    """One run in a lab of its own, at life's pace."""
    with lab_for(Scenario("bench", {"timing": {"clp_command": float(pace)}}, []), scale=1) as lab:
        return APPROACHES[approach](lab)


def plan(of_ours: int, of_others: int) -> list[tuple[str, str, int]]:
    """(approach, pace, number) of each run; in turns, so that what disturbs this machine meets all of them."""
    counts = {name: of_ours if name == figures.OURS else of_others for name in APPROACHES}
    most = max(counts.values())
    return [(name, pace, n) for n in range(1, most + 1) for pace in PACES for name in APPROACHES if n <= counts[name]]


def run(todo: list[tuple[str, str, int]], resume: bool) -> figures.Runs:
    RUNS.mkdir(parents=True, exist_ok=True)
    found: figures.Runs = {}
    for at, (approach, pace, number) in enumerate(todo, 1):
        file = RUNS / f"outage-{approach}-{pace}-{number}.json"
        if not (resume and file.is_file()):
            file.unlink(missing_ok=True)
            said = f"{at} of {len(todo)}: {approach}, commands of {pace} s, run {number}"
            print(said, file=sys.stderr, flush=True)
            worked, idled = busy()
            result = measure(approach, pace)
            after = busy()
            result["host_busy"] = round((after[0] - worked) / max(0.01, sum(after) - worked - idled), 2)
            file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        found.setdefault((approach, pace), []).append(json.loads(file.read_text(encoding="utf-8")))
    return found


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__.split("\n")[0])
    parser.add_argument("--only", choices=["outage"], default="outage", help="the part that is measured")
    parser.add_argument("--resume", action="store_true", help="keep the runs that are there, and go on")
    parser.add_argument("--ours", type=int, default=OF_OURS, help="runs of mirrorsnap, for each pace")
    parser.add_argument("--others", type=int, default=OF_OTHERS, help="runs of each other, for each pace")
    args = parser.parse_args(argv)
    begun = time.monotonic()
    try:
        runs = run(plan(args.ours, args.others), args.resume)
    except (Failed, ProductError, RuntimeError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 3
    found = figures.approaches(runs)
    targets = figures.targets(found)
    report = {"approaches": found, "targets": [asdict(each) for each in targets]}
    (OUT / "report.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print("\n".join(["", *figures.table(found), ""]))
    for each in targets:
        print(f"{'met   ' if each.met else 'MISSED'}  {each.name}: {each.got:g}, wanted {each.wanted}")
    worst = max(run["host_busy"] for each in runs.values() for run in each)
    print(f"\nthis machine was at most {100 * worst:.0f} % busy in a run; {time.monotonic() - begun:.0f} s in all")
    print(f"report: {OUT.relative_to(ROOT)}/report.json")
    return 0 if all(each.met for each in targets) else 1


if __name__ == "__main__":
    sys.exit(main())
