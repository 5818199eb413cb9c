"""What is beyond test_frozen.py: every stall, more disks, hooks, and somebody else, each at every step."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from . import scenario
from .frozen_mutants import BLINKS, CORE, FREEZES, GONE, HOOKS, OTHERS, SHUTDOWN, STOPS, TWO_DISKS, UNFREEZES
from .search import sample, search
from .test_frozen import OPEN_ENDS
from .test_interleaving import DEEP, LAUNCH, allowed, as_sh, lossy, nodecmd, proved  # noqa: F401 (fixtures)


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_every_single_stall(nodecmd: Path, allowed: set, shell: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    as_sh(shell, monkeypatch)
    report = search(functools.partial(scenario.prepare, nodecmd, CORE), 1, 0)
    assert report.complete
    proved(report, allowed)


@pytest.mark.parametrize("case", [HOOKS, TWO_DISKS], ids=lambda c: c.name)
def test_every_single_fault(nodecmd: Path, lossy: set, case: scenario.Scenario) -> None:  # noqa: F811
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1)
    assert report.complete
    proved(report, lossy)


def test_a_kill_of_the_active_and_one_of_the_timer(nodecmd: Path, lossy: set) -> None:  # noqa: F811
    """The active is killed at each of its steps, then the timer, once, at each of its own: the node thaws in all."""
    report = search(functools.partial(scenario.prepare, nodecmd, CORE), 0, 2, focus=("kill:A", "kill:T"))
    assert report.complete and report.runs > 150, "some 30 kills of the active, and 150 of the timer"
    proved(report, lossy)


def test_a_shutdown_while_the_kernel_goes_on_to_freeze(nodecmd: Path, lossy: set) -> None:  # noqa: F811
    """The node shuts down at each step of a run in which a freeze, once, takes longer than its time limit."""
    report = search(functools.partial(scenario.prepare, nodecmd, SHUTDOWN), 0, 2, focus=("launch", "slow"))
    assert report.complete and report.runs > 90
    proved(report, set(report.outcomes))


@pytest.mark.parametrize("case", [GONE, FREEZES, UNFREEZES, BLINKS, STOPS, *OTHERS], ids=lambda c: c.name)
def test_everything_launched_at_every_step(nodecmd: Path, lossy: set, case: scenario.Scenario) -> None:  # noqa: F811
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1, focus=LAUNCH)
    assert report.complete
    proved(report, set(report.outcomes) if case in OPEN_ENDS else lossy)


@pytest.mark.parametrize("case", [CORE, TWO_DISKS, SHUTDOWN, BLINKS], ids=lambda c: c.name)
def test_random_schedules(nodecmd: Path, lossy: set, case: scenario.Scenario) -> None:  # noqa: F811
    report = sample(functools.partial(scenario.prepare, nodecmd, case), seed=20260103, runs=DEEP // 2)
    proved(report, set(report.outcomes) if case in OPEN_ENDS else lossy, False)
