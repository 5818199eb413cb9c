"""What is beyond test_interleaving.py and test_restore.py: pairs of faults and random schedules, which are sampled.

Also the longest of the complete searches: every stall under a second shell, and strangers and copies at every step.
MIRRORSNAP_INTERLEAVINGS runs of each sample (default 150).
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from . import restore_mutants, scenario, test_restore
from .mutants import BLIPS, COPIES, CORE, FENCE_A, FENCE_S, LENIENT, OLD_BATON, STRANGERS, THAWS, TWO_DISKS, WORKS
from .restore_mutants import DOWN, FENCED
from .scenario import Scenario
from .search import sample, search
from .test_interleaving import DEEP, LAUNCH, allowed, as_sh, lossy, nodecmd, proved  # noqa: F401 (fixtures)


def test_every_single_stall_under_bash(nodecmd: Path, allowed: set, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    as_sh("bash", monkeypatch)
    report = search(functools.partial(scenario.prepare, nodecmd, CORE), 1, 0)
    assert report.complete
    proved(report, allowed)


@pytest.mark.parametrize("case", [COPIES, STRANGERS], ids=lambda c: c.name)
def test_everything_launched_at_every_step(nodecmd: Path, lossy: set, case: Scenario) -> None:  # noqa: F811
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1, focus=LAUNCH)
    assert report.complete
    proved(report, lossy)


@pytest.mark.parametrize("case", [CORE, TWO_DISKS, FENCE_A, WORKS, LENIENT], ids=lambda c: c.name)
def test_combinations_of_two(nodecmd: Path, lossy: set, case: Scenario) -> None:  # noqa: F811
    proved(search(functools.partial(scenario.prepare, nodecmd, case), 2, 2, total=2, runs=DEEP, shuffle=1), lossy)


RANDOM = [CORE, TWO_DISKS, FENCE_A, FENCE_S, COPIES, THAWS, BLIPS, OLD_BATON]


@pytest.mark.parametrize("case", RANDOM, ids=lambda c: c.name)
def test_random_schedules(nodecmd: Path, lossy: set, case: Scenario) -> None:  # noqa: F811
    proved(sample(functools.partial(scenario.prepare, nodecmd, case), seed=20260102, runs=DEEP // 2), lossy, False)


@pytest.mark.parametrize("case", [DOWN, FENCED], ids=lambda c: c.name)
def test_combinations_of_two_in_a_restore(nodecmd: Path, case: Scenario) -> None:  # noqa: F811
    make = functools.partial(scenario.prepare, nodecmd, case)
    test_restore.proved(search(make, 2, 2, total=2, runs=DEEP, shuffle=1))


@pytest.mark.parametrize("case", [DOWN, FENCED, restore_mutants.COPIES], ids=lambda c: c.name)
def test_random_schedules_of_a_restore(nodecmd: Path, case: Scenario) -> None:  # noqa: F811
    test_restore.proved(sample(functools.partial(scenario.prepare, nodecmd, case), seed=20260102, runs=DEEP // 2))
