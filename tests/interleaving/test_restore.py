"""Steps the real scripts of a restore's shutdown through their interleavings (safety.md, rule 21).

The group stops behind the timer. Then either the active's shutdown is ordered or the timer starts the group again,
whatever stalls, crashes, fails, repeats or is fenced.

P1, P5, P6, P7 and P8 are those of the backup. R1 and R2 (world.py) are the restore's own.
"""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

from lab.nodes.nodecmd import binary

from . import scenario, witness
from .mutants import Mutant
from .restore_mutants import COPIES, DOWN, FENCED, FULL, HELD, RESTORE_MUTANTS, STAYS
from .scenario import Scenario
from .schedule import Run
from .search import Report, search
from .test_interleaving import LAUNCH, as_sh
from .world import Violation


@pytest.fixture(scope="session")
def nodecmd() -> Path:
    return binary()


def ends(make: functools.partial[Run]) -> tuple[Run, str]:
    """The run without any deviation, and its end."""
    run = make()
    while actions := run.actions():
        run.perform(actions[0][1])
    outcome = run.outcome()
    run.world.finish(outcome)
    return run, outcome.active


def proved(report: Report) -> None:
    print(report)
    assert report.violation is None, f"{report.violation}\nschedule: {' '.join(report.schedule)}"


def test_by_default_the_node_goes_down(nodecmd: Path) -> None:
    run, active = ends(functools.partial(scenario.prepare, nodecmd, DOWN))
    assert run.world.down and active == "none" and not run.world.records.get("done")
    assert {"armed", "stopped", "leaving"} <= set(run.world.records)
    run.stage.close()


def test_if_nobody_orders_it_the_group_comes_back(nodecmd: Path) -> None:
    run, active = ends(functools.partial(scenario.prepare, nodecmd, STAYS))
    assert not run.world.down and active == "void" and run.world.records["done"] == 1
    run.stage.close()


def test_the_unit_is_what_the_document_starts(nodecmd: Path) -> None:
    run, _ = ends(functools.partial(scenario.prepare, nodecmd, Scenario("whole", units=False, restore=True)))
    home = run.stage.run_dir("a", "r1")
    text = scenario.script("quiesce-restore", ("md1",))
    for name, content in scenario.unit_files("active", text, scenario.DEADLINES).items():
        assert (home / name).read_text() == content, name
    assert run.units["mirrorsnap-r1-active"].limit == 80
    assert run.stage.actors["docQ"].rc == 0
    run.stage.close()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_every_single_stall(nodecmd: Path, shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    as_sh(shell, monkeypatch)
    report = search(functools.partial(scenario.prepare, nodecmd, DOWN), 1, 0)
    assert report.complete and len(report.outcomes) > 1, "both ends are reached"
    proved(report)


@pytest.mark.parametrize("case", [DOWN, STAYS], ids=lambda c: c.name)
def test_every_single_fault(nodecmd: Path, case: Scenario) -> None:
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1)
    assert report.complete
    proved(report)


@pytest.mark.parametrize("case", [FENCED, HELD, COPIES, FULL], ids=lambda c: c.name)
def test_everything_launched_at_every_step(nodecmd: Path, case: Scenario) -> None:
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1, focus=LAUNCH)
    assert report.complete and report.runs > 10
    proved(report)


def stalled(nodecmd: Path, edit: scenario.Edit | None = None) -> Run:
    """The unit that orders the shutdown stalls under the lock, just before it writes `leaving`.

    Meanwhile the timer fires and does all that it can do. Then the unit goes on.
    """
    run = scenario.prepare(nodecmd, DOWN, edit)
    run.world.fair = False

    def about_to_write() -> bool:
        unit = run.stage.actors.get("J")
        return bool(unit and unit.request and unit.request[0] == "mv" and unit.request[-1].endswith("/leaving"))

    while not about_to_write():
        run.perform(run.actions()[0][1])
    for _ in range(40):
        others = [word for _, word in run.actions() if word != "J"]
        if not others:
            break
        run.perform(others[0])
    assert any(word.startswith("nolock:T") for word in run.trace), "the timer came to the lock"
    while actions := run.actions():
        run.perform(actions[0][1])
    run.world.finish(run.outcome())
    return run


def test_a_unit_that_stalls_under_the_lock_is_waited_for(nodecmd: Path) -> None:
    run = stalled(nodecmd)
    assert run.world.down and "void" not in run.world.records
    run.stage.close()
    mutant = '[ "$THEN" = down ] && [ -d "$RUN_DIR" ] || { locked=no && break; }'
    assert mutant in scenario.script("quiesce-restore", ("md1",))
    with pytest.raises(Violation, match="R1"):
        stalled(nodecmd, lambda text: text.replace(mutant, "locked=no && break"))


@pytest.mark.parametrize("mutant", RESTORE_MUTANTS, ids=lambda m: m.name)
def test_mutants_are_caught(nodecmd: Path, mutant: Mutant) -> None:
    witness.shows(nodecmd, mutant)
