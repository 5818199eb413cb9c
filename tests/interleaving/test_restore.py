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

from . import scenario
from .mutants import Mutant, hunt, replay
from .scenario import Scenario
from .schedule import Run
from .search import Report, sample, search
from .test_interleaving import DEEP, LAUNCH, as_sh
from .world import Violation

DOWN = Scenario("down", restore=True, launches=("docE",))
STAYS = Scenario("nobody-orders-the-shutdown", restore=True)
FENCED = Scenario("down-fenced", restore=True, launches=("docE", "fenceA"))
HELD = Scenario("down-held", restore=True, launches=("docE", "hold"))
COPIES = Scenario("down-copies", restore=True, launches=("docE", "copyE"))


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


@pytest.mark.parametrize("case", [FENCED, HELD, COPIES], ids=lambda c: c.name)
def test_everything_launched_at_every_step(nodecmd: Path, case: Scenario) -> None:
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1, focus=LAUNCH)
    assert report.complete and report.runs > 10
    proved(report)


@pytest.mark.parametrize("case", [DOWN, FENCED], ids=lambda c: c.name)
def test_combinations_of_two(nodecmd: Path, case: Scenario) -> None:
    proved(search(functools.partial(scenario.prepare, nodecmd, case), 2, 2, total=2, runs=DEEP, shuffle=1))


@pytest.mark.parametrize("case", [DOWN, FENCED, COPIES], ids=lambda c: c.name)
def test_random_schedules(nodecmd: Path, case: Scenario) -> None:
    proved(sample(functools.partial(scenario.prepare, nodecmd, case), seed=20260102, runs=DEEP // 2))


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


MUTANTS = (
    Mutant(
        "the unit does not look for a timer that came first",
        "R2",
        'if [ -e "$RUN_DIR/void" ] || [ -e "$RUN_DIR/done" ] || [ "$STORED"',
        'if [ "$STORED"',
        scenario=DOWN,
        stalls=2,
    ),
    Mutant(
        "the timer does not look for a shutdown that is being ordered",
        "R2",
        'if [ -e "$RUN_DIR/leaving" ]; then',
        "if false; then",
        scenario=DOWN,
    ),
    Mutant(
        "the timer leaves it to a shutdown that nobody orders any more",
        "P1",
        "        ! departed || exit 0\n",
        "        exit 0\n",
        scenario=DOWN,
        stalls=0,
        faults=1,
        focus=("kill:J",),
    ),
    Mutant(
        "the timer is cancelled once the groups are down",
        "P8",
        "if note stopped; then return; fi",
        'if note stopped; then stop_unit "$UNIT-timer.timer"; return; fi',
        scenario=DOWN,
        stalls=0,
    ),
    Mutant(
        "a fence does not end what would still order the shutdown",
        "P7",
        'if [ -e "$dir/leave.sh" ] && ! no_more_leaving "$dir"; then',
        "if false; then",
        scenario=FENCED,
        stalls=2,
        faults=1,
        focus=("launch", "J", "fenceA"),
    ),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.name)
def test_mutants_are_caught(nodecmd: Path, mutant: Mutant) -> None:
    steps = ("quiesce-restore", "enter-restore-mode", "fence")
    assert any(mutant.old in scenario.script(step, ("md1",)) for step in steps), "adapt the mutant"
    report = hunt(nodecmd, mutant, runs=6000)
    assert report.violation and report.violation.args[0] == mutant.expect, f"{report.violation} {report}"
    honest = replay(nodecmd, Mutant("none", "", "\0", "\0", mutant.scenario), report.schedule, mutant.stalls == 0)
    assert honest.violation is None
