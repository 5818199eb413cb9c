"""Steps the real scripts of a frozen backup through their interleavings: frozen.py says what must hold."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from . import scenario, witness
from .frozen_mutants import CORE, DOCUMENTS, FROZEN_MUTANTS, GONE, HOOKS, SHUTDOWN
from .mutants import Mutant
from .search import search
from .test_interleaving import LAUNCH, NEXT, allowed, lossy, nodecmd, proved  # noqa: F401 (fixtures)

# A node that is gone, or has lost its records, ends as no model says; nothing of it can be valid without both records.
OPEN_ENDS = (SHUTDOWN, GONE)


def test_the_units_are_what_the_documents_start(nodecmd: Path) -> None:  # noqa: F811
    case = DOCUMENTS
    run = scenario.prepare(nodecmd, case)
    try:
        while actions := run.actions():
            run.perform(actions[0][1])
        assert run.outcome().valid
        values = scenario.frozen_values(case.disks)
        for node, role, step, names, more in (
            ("s", "break", "break-unit", scenario.OF_BREAK, {}),
            ("a", "active", "quiesce", scenario.DEADLINES, scenario.computed(case.disks, hooks=False)),
        ):
            text = scenario.script(step, case.disks, **values)
            for name, content in scenario.unit_files(role, text, names, **more).items():
                assert (run.stage.run_dir(node, "r1") / name).read_text() == content, name
            limit = {"break": scenario.FROZEN_WAIT + 13, "active": 78}[role]
            assert run.units[f"mirrorsnap-r1-{role}"].limit == limit
    finally:
        run.stage.close()


def test_every_single_fault(nodecmd: Path, lossy: set) -> None:  # noqa: F811
    report = search(functools.partial(scenario.prepare, nodecmd, CORE), 0, 1)
    assert report.complete
    proved(report, lossy)


def test_no_single_stall_costs_a_healthy_backup(nodecmd: Path) -> None:  # noqa: F811
    report = search(functools.partial(scenario.prepare, nodecmd, CORE), 1, 0, focus=NEXT)
    assert report.complete and report.violation is None
    assert report.outcomes and all(end.valid for end in report.outcomes), report.outcomes


def test_a_shutdown_at_every_step(nodecmd: Path) -> None:  # noqa: F811
    report = search(functools.partial(scenario.prepare, nodecmd, SHUTDOWN), 0, 1, focus=LAUNCH)
    assert report.complete
    proved(report, set(report.outcomes))


def test_a_plain_run_pauses_for_less_than_two_seconds(nodecmd: Path) -> None:  # noqa: F811
    run = scenario.prepare(nodecmd, HOOKS)
    try:
        while actions := run.actions():
            run.perform(actions[0][1])
        assert run.outcome().valid and run.world.hooks == ["before", "after"]
        assert run.world.pauses and max(run.world.pauses) < 2
    finally:
        run.stage.close()


@pytest.mark.parametrize("mutant", FROZEN_MUTANTS, ids=lambda m: m.name)
def test_mutants_are_caught(nodecmd: Path, mutant: Mutant) -> None:  # noqa: F811
    witness.shows(nodecmd, mutant)
