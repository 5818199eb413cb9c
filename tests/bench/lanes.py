"""Carries the benchmark's runs out, some of them side by side: a lab at life's pace mostly waits.

Each lane is a process of its own, forked from this one, with labs of its own. How busy the machine was in a run is in
that run's figures, whatever it was busy with, and lab time stands still while a lab waits for a processor
(lab/host.py). So a run beside another one counts no waiting for it.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scenario.deployment import ProductError

from .approaches import Failed

OUT = Path(__file__).resolve().parent.parent.parent / "target" / "bench"
RUNS = OUT / "runs"


@dataclass(frozen=True)
class Run:
    """One measurement in a lab of its own. `of`: what is measured, the keys of the report below the part's."""

    part: str
    of: tuple[str, ...]
    number: int
    measure: Callable[[], dict[str, Any]]

    @property
    def name(self) -> str:
        return "-".join((self.part, *self.of, str(self.number)))

    @property
    def file(self) -> Path:
        return RUNS / f"{self.name}.json"


def busy() -> tuple[float, float]:
    """Seconds that this machine's processors have worked and idled so far."""
    times = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = times[3] + times[4]
    return (sum(times) - idle) / 100, idle / 100


def share(before: tuple[float, float], after: tuple[float, float]) -> float:
    """How much of its time this machine has worked between two answers of `busy`."""
    return round((after[0] - before[0]) / max(0.01, sum(after) - sum(before)), 2)


def _measure(run: Run) -> None:
    before = busy()
    result = run.measure()
    result.setdefault("host_busy", share(before, busy()))  # unless the run says it of its own part
    run.file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _lane(todo: list[Run], taken: Any) -> None:
    """Takes one run after another, until none is left. One that fails says so, and ends the lane's process badly."""
    failed = False
    while True:
        with taken.get_lock():
            at = taken.value
            taken.value = at + 1
        if at >= len(todo):
            sys.exit(int(failed))
        run = todo[at]
        print(f"{at + 1} of {len(todo)}: {run.part} {' '.join(run.of)}, run {run.number}", file=sys.stderr, flush=True)
        try:
            _measure(run)
        except Exception as error:
            failed = True
            if isinstance(error, Failed | ProductError | RuntimeError):
                print(f"bench: {run.name}: {error}", file=sys.stderr)
            else:
                traceback.print_exc()


def _together(todo: list[Run], lanes: int) -> bool:
    """Whether every run did what is measured; one that did not has said why."""
    context = multiprocessing.get_context("fork")
    taken = context.Value("i", 0)
    processes = [context.Process(target=_lane, args=(todo, taken)) for _ in range(min(lanes, len(todo)))]
    for each in processes:
        each.start()
    for each in processes:
        each.join()
    return not any(each.exitcode for each in processes)


def carry_out(todo: list[Run], alone: tuple[str, ...], lanes: int, resume: bool) -> None:
    """The parts `alone` first, one run after another; then the others, so many at a time.

    Failed if one has failed, once all others are made: an hour's figures are not lost with one of them.
    """
    RUNS.mkdir(parents=True, exist_ok=True)
    left = [run for run in todo if not (resume and run.file.is_file())]
    for run in left:
        run.file.unlink(missing_ok=True)
    first = _together([run for run in left if run.part in alone], 1)
    then = _together([run for run in left if run.part not in alone], lanes)
    if not (first and then):
        raise Failed("a run has failed; RESUME=1 makes it again")
