"""Stateless search over schedules: every run starts from the beginning, follows a prefix, then takes the default
actions and notes the alternatives.

Schedules with fewer deviations are tried first. A deviation is a stall (another actor than the default acts next) or a
fault (one crash, failing command, replay or fence). A state that was reached before with no more of either is not
followed again. The elapsed time is no part of a state.
"""

from __future__ import annotations

import heapq
import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .schedule import Run
from .world import Outcome, Violation

STEPS = 400  # of one run: the longest take about 130


@dataclass
class Report:
    runs: int = 0
    steps: int = 0
    states: int = 0
    seconds: float = 0.0
    complete: bool = True  # nothing within the bounds was left out
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    violation: Violation | None = None
    schedule: list[str] = field(default_factory=list)
    fair: bool = True  # of the run that violated something: see World

    def __str__(self) -> str:
        counts = f"{self.runs} runs, {self.steps} steps, {self.states} states"
        return f"{counts}, {self.seconds:.0f} s, complete={self.complete}"


def search(
    make: Callable[[], Run],
    stalls: int,
    faults: int,
    *,
    total: int | None = None,
    runs: int = 10**9,
    focus: tuple[str, ...] = (),
    shuffle: int | None = None,
) -> Report:
    """Try every schedule with at most so many stalls and faults (and `total` of both); stop at the first violation.

    Of reads that wait side by side each order is tried, at no cost, wherever a stall or a fault may come between them.

    `focus`: only deviations that begin with one of these words, to find a known kind of violation sooner.
    `shuffle`: a seed, to take equally good schedules in a random order, for a search that `runs` cuts short.
    """
    report, started = Report(), time.monotonic()
    seen: dict[int, list[tuple[int, int]]] = {}
    counter: Iterator[float] = itertools.count()
    if shuffle is not None:
        counter = iter(random.Random(shuffle).random, None)
    frontier: list[tuple[int, int, int, float, list[str]]] = [(0, 0, 0, next(counter), [])]
    total = stalls + faults if total is None else total
    while frontier:
        if report.runs >= runs:
            report.complete = False
            break
        _, p, f, _, prefix = heapq.heappop(frontier)
        report.runs += 1
        run = make()
        try:
            run.world.fair = p == 0
            for word in prefix:
                run.perform(word)
            while actions := run.actions():
                default = actions[0][1]
                key = run.key()
                known = seen.setdefault(key, [])
                if any(a <= p and b <= f for a, b in known):
                    break
                known.append((p, f))
                if run.back_in_step(prefix):
                    break  # the other order of the reads has changed nothing by itself
                if p + f < total:
                    for word in run.choices(default):
                        heapq.heappush(frontier, (p + f, p, f, next(counter), [*run.trace, word]))
                    others, bad = run.alternatives(default)
                    if focus:
                        others, bad = ([w for w in ws if w.startswith(focus)] for ws in (others, bad))
                    for word in others if p < stalls else []:
                        heapq.heappush(frontier, (p + f + 1, p + 1, f, next(counter), [*run.trace, word]))
                    for word in bad if f < faults else []:
                        heapq.heappush(frontier, (p + f + 1, p, f + 1, next(counter), [*run.trace, word]))
                run.perform(default)
                if len(run.trace) > STEPS:
                    raise Violation("P6", f"not at an end after {STEPS} steps")
            else:
                outcome = run.outcome()
                report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1
                run.world.finish(outcome)
        except Violation as violation:
            report.violation, report.schedule, report.fair = violation, run.trace, run.world.fair
        finally:
            report.steps += len(run.trace)
            run.stage.close()
        if report.violation:
            break
    report.states, report.seconds = len(seen), time.monotonic() - started
    return report


def sample(make: Callable[[], Run], seed: int, runs: int, share: float = 0.15) -> Report:
    """Random schedules beyond the bounds: at each step a stall with probability `share`, now and then a fault."""
    report, started = Report(), time.monotonic()
    dice = random.Random(seed)
    for _ in range(runs):
        report.runs += 1
        run = make()
        run.world.fair = False
        left = dice.choice((0, 1, 1, 2))
        try:
            while actions := run.actions():
                word = actions[0][1]
                stalls, faults = run.alternatives(word)
                if faults and left and dice.random() < 0.04:
                    word, left = dice.choice(faults), left - 1
                elif stalls and dice.random() < share:
                    word = dice.choice(stalls)
                else:
                    word = dice.choice([word, *run.choices(word)])
                run.perform(word)
                if len(run.trace) > STEPS * 3:
                    raise Violation("P6", "not at an end")
            outcome = run.outcome()
            report.outcomes[outcome] = report.outcomes.get(outcome, 0) + 1
            run.world.finish(outcome)
        except Violation as violation:
            report.violation, report.schedule = violation, run.trace
        finally:
            report.steps += len(run.trace)
            run.stage.close()
        if report.violation:
            break
    report.seconds = time.monotonic() - started
    return report


def follow(make: Callable[[], Run], schedule: list[str], fair: bool = True) -> Report:
    """One run: this schedule, as far as its actions are possible, then the default to the end. `fair`: see World."""
    report, started = Report(runs=1), time.monotonic()
    run = make()
    run.world.fair = fair
    try:
        words = iter(schedule)
        while actions := run.actions():
            word = next(words, actions[0][1])
            if not run.possible(word):
                report.complete = False  # the scripts have changed since the schedule was found
                break
            run.perform(word)
            if len(run.trace) > STEPS * 2:
                raise Violation("P6", "not at an end")
        else:
            run.world.finish(run.outcome())
    except Violation as violation:
        report.violation, report.schedule = violation, run.trace
    finally:
        report.steps, report.seconds = len(run.trace), time.monotonic() - started
        run.stage.close()
    return report
