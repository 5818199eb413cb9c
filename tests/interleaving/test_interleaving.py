"""Steps the real scripts of the critical section through their interleavings, and checks P1 to P10 on every run.

Searched completely: every schedule with one stall (an actor waits, for however long, while others act), with one fault
(a crash at any step, any command that fails, hangs or lies, any record that cannot be written), and with one replay,
fence or hold at any step, or with somebody else who stops, starts and moves the group, suspends and resumes monitors,
or deletes the directories, or with a disk that is full from any step on. test_sampled.py has what takes longest: stalls
under Red Hat's shell too, strangers and copies, and what is not searched completely: pairs and random schedules.
"""

from __future__ import annotations

import functools
import json
import os
from itertools import chain, product
from pathlib import Path

import pytest

from lab.nodes.nodecmd import binary

from . import model, scenario, stepper, witness
from .hook_mutants import HOOK_MUTANTS, HOOKS
from .mutants import (
    CORE,
    FENCE_A,
    FENCE_S,
    FULL,
    GONE,
    HOLD,
    MUTANTS,
    RELOAD,
    SOMEBODY,
    WORKS,
    Mutant,
)
from .schedule import Run
from .search import Report, search
from .world import Outcome, Violation

DEEP = int(os.environ.get("MIRRORSNAP_INTERLEAVINGS", "150"))
LAUNCH = ("launch",)
READS = ("clpstat", "clpmdstat")
ORDERS = ("clpgrp", "clpmonctrl", "clpmdctrl")


@pytest.fixture(scope="session")
def nodecmd() -> Path:
    return binary()


@pytest.fixture(scope="session")
def allowed() -> set:
    return model.explore()[1]


@pytest.fixture(scope="session")
def lossy(allowed: set) -> set:
    """Those, and the same where a record could not be written: a disk was full."""
    ends = (product((e.active, "none"), (e.standby, "none"), (e.done, False)) for e in allowed)
    return {Outcome(*each) for each in chain.from_iterable(ends)}


def proved(report: Report, allowed: set, ends_well: bool = True) -> None:
    """`ends_well`: the plain run is among them."""
    print(report)
    assert report.violation is None, f"{report.violation}\nschedule: {' '.join(report.schedule)}"
    assert report.outcomes and set(report.outcomes) <= allowed, "the model does not know this end"
    assert not ends_well or any(end.valid for end in report.outcomes), "no run came to its proper end"


def test_the_model_holds() -> None:
    states, ends = model.explore()
    assert 2_000 < len(states) < 10_000 and any(end.valid for end in ends)
    for state in states:
        assert not (state.group != "on" and state.stopped and not state.watched), f"P1: {state}"
        assert not (state.verdict == "sealed" and (state.broken_while_up or not state.red)), f"P2: {state}"
    for end in ends:
        assert end.done or end.active in ("none", "refused"), f"P6: {end}"


def test_the_units_are_what_the_documents_start(nodecmd: Path) -> None:
    """The other searches begin with the units. This test proves that the documents start exactly these units."""
    run = scenario.prepare(nodecmd, scenario.Scenario("whole", units=False, launches=("docA",)))
    try:
        while actions := run.actions():
            run.perform(actions[0][1])
        assert run.outcome().valid
        for node, role, step, deadlines in (
            ("s", "break", "break-unit", scenario.OF_BREAK),
            ("a", "active", "quiesce", scenario.DEADLINES),
        ):
            home = run.stage.run_dir(node, "r1")
            for name, text in scenario.unit_files(role, scenario.script(step, ("md1",)), deadlines).items():
                assert (home / name).read_text() == text, name
            argv = [stepper.SHELL, str(home / f"{role}.sh"), role, str(home)]
            unit = run.units[f"mirrorsnap-r1-{role}"]
            assert unit.argv == argv and unit.limit == {"break": 31, "active": 80}[role]
    finally:
        run.stage.close()


def test_every_single_stall(nodecmd: Path, allowed: set, monkeypatch: pytest.MonkeyPatch) -> None:
    as_sh("dash", monkeypatch)
    report = search(functools.partial(scenario.prepare, nodecmd, CORE), 1, 0)
    assert report.complete
    proved(report, allowed)


@pytest.mark.parametrize("case", [CORE, HOOKS], ids=lambda c: c.name)
def test_every_single_fault(nodecmd: Path, lossy: set, case: scenario.Scenario) -> None:
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1)
    assert report.complete
    proved(report, lossy)


@pytest.mark.parametrize("case", [FENCE_A, FENCE_S, HOLD, RELOAD, GONE, *FULL, *SOMEBODY], ids=lambda c: c.name)
def test_everything_launched_at_every_step(nodecmd: Path, lossy: set, case: scenario.Scenario) -> None:
    report = search(functools.partial(scenario.prepare, nodecmd, case), 0, 1, focus=LAUNCH)
    assert report.complete
    # Without their directory, or room in it, the scripts leave no records, and the nodes nothing that could be valid.
    proved(report, set(report.outcomes) if case in (GONE, *FULL) else lossy)


@pytest.mark.parametrize("mutant", (*MUTANTS, *HOOK_MUTANTS), ids=lambda m: m.name)
def test_mutants_are_caught(nodecmd: Path, mutant: Mutant) -> None:
    witness.shows(nodecmd, mutant)


def early(nodecmd: Path, edit: scenario.Edit | None = None) -> Run:
    """Somebody else's work makes the standby break early, while the active stalls between two reads of A1.

    He suspends the active's monitors, stops the group, starts it again and resumes them. Then the active goes on.
    """
    run = scenario.prepare(nodecmd, WORKS, edit)
    run.world.fair = False
    active, standby = run.stage.actors["A"], run.stage.actors["S"]
    while active.request and active.request[:2] != ["clpstat", "-m"]:
        run.perform("A")
    while standby.request and standby.request[0] != "sleep":  # until it has seen that there is no baton
        run.perform("S")
    run.perform("launch:works")
    while others := [word for _, word in run.actions() if word not in ("A", "max:A")]:
        run.perform(others[0])
    assert run.world.breaks and run.world.records.get("broke"), "the standby was not to know better"
    while actions := run.actions():
        run.perform(actions[0][1])
    run.world.finish(run.outcome())
    return run


def test_an_early_break_is_not_sealed(nodecmd: Path) -> None:
    run = early(nodecmd)
    assert run.outcome().active == "void" and run.world.group == "on"
    run.stage.close()
    assert GREEN in scenario.script("quiesce", ("md1",))
    with pytest.raises(Violation, match="P2"):
        early(nodecmd, lambda text: text.replace(GREEN, 'until see monitors && [ "$MINE" = online ]; do'))


NEXT = ("A", "S")  # who acts next, whoever was due


def test_no_single_stall_costs_a_healthy_backup(nodecmd: Path) -> None:
    """A unit that is slow, for less than a deadline, voids and taints nothing.

    Wherever it waits, the other one goes on as far as it can.
    """
    report = search(functools.partial(scenario.prepare, nodecmd, CORE), 1, 0, focus=NEXT)
    assert report.complete and report.violation is None
    assert report.outcomes and all(end.valid for end in report.outcomes), report.outcomes


GREEN = 'until see monitors mirrors && [ "$MINE/$OWN/$OTHERS" = online/GREEN/GREEN ]; do'
SUSPENDED = '        suspend_monitor "$each" || return 1\n    done\n'
SLOW = {
    # As the scripts were: a stall before one of these looks lost the backup, though all was well.
    "GREEN is read behind the baton": (
        ("quiesce", GREEN, 'until see monitors && [ "$MINE" = online ]; do'),
        ("quiesce", SUSPENDED, f'{SUSPENDED}    colours\n    [ "$OWN/$OTHERS" = GREEN/GREEN ] || return 1\n'),
    ),
    "the standby wants the groups Offline after its break": (
        ("break-unit", "AGAIN=\n", "AGAIN=groups\n"),
        ("break-unit", "unchanged() {\n    :\n", "unchanged() {\n    [ $WHERE = offline ] || reason=late\n"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("lines", SLOW.values(), ids=list(SLOW))
def test_a_line_that_waits_for_nobody_is_found(nodecmd: Path, lines: tuple[tuple[str, str, str], ...]) -> None:
    def edit(text: str) -> str:
        for _, old, new in lines:
            text = text.replace(old, new)
        return text

    assert all(old in scenario.script(step, ("md1",)) for step, old, _ in lines)
    report = search(functools.partial(scenario.prepare, nodecmd, CORE, edit), 1, 0, focus=NEXT)
    assert not all(end.valid for end in report.outcomes)


def reads_that_fail(nodecmd: Path, edit: scenario.Edit | None = None) -> dict[str, str]:
    """The active's seal if one of its reads fails, once, while the groups are down: which read -> what it wrote."""
    ends: dict[str, str] = {}
    while True:
        run = scenario.prepare(nodecmd, CORE, edit)
        run.world.fair = False
        reads, failed = 0, ""
        while actions := run.actions():
            word = actions[0][1]
            active = run.stage.actors["A"]
            if word == "A" and run.world.group == "off" and active.request and active.request[0] in READS:
                reads += 1
                if reads > len(ends) and not failed:
                    sealing = " under L" if run.locks.get("A") and "baton" in run.world.records else ""
                    failed, word = f"{reads}: {' '.join(active.request)}{sealing}", "fail:A"
            run.perform(word)
        run.world.finish(run.outcome())
        run.stage.close()
        if not failed:
            return ends
        ends[failed] = run.outcome().active


def alone(text: str) -> str:
    """One read after the other, as where CLUSTERPRO has refused some that ran side by side."""
    assert "ALONE=no\n" in text or "see()" not in text
    return text.replace("ALONE=no\n", "ALONE=yes\n")


def test_a_read_that_fails_once_costs_no_backup(nodecmd: Path) -> None:
    for edit in (None, alone):
        ends = reads_that_fail(nodecmd, edit)
        assert {words.split(": ")[1].split()[0] for words in ends} == set(READS)
        assert set(ends.values()) == {"sealed"}, ends
    for repeated in ("online | unreadable) ;;", "GREEN/GREEN | *MIXED*) ;;", "[ $unclear = yes ] || "):
        once = repeated.partition(" | ")[0] + ") ;;" if " | " in repeated else ""
        assert repeated in scenario.script("quiesce", ("md1",))
        # Without the repetition, some read that fails once voids the section.
        ends = reads_that_fail(nodecmd, lambda text, r=repeated, o=once: alone(text).replace(r, o))
        assert "void" in ends.values(), repeated


def orders_that_fail(nodecmd: Path, edit: scenario.Edit | None = None) -> dict[str, tuple[bool, int]]:
    """Each order of a run, if it fails once and does nothing: which -> (valid, how often the break was ordered)."""
    ends: dict[str, tuple[bool, int]] = {}
    while True:
        run = scenario.prepare(nodecmd, CORE, edit)
        run.world.fair = False
        orders, breaks, failed = 0, 0, ""
        while actions := run.actions():
            word = actions[0][1]
            actor = run.stage.actors.get(word)
            if actor and actor.request and actor.request[0] in ORDERS:
                orders += 1
                breaks += actor.request[0] == "clpmdctrl"
                if orders > len(ends) and not failed:
                    failed, word = f"{orders}: {' '.join(actor.request)}", f"fail:{word}"
            run.perform(word)
        run.world.finish(run.outcome())
        run.stage.close()
        if not failed:
            return ends
        assert run.world.group == "on" and run.outcome().done, failed
        ends[failed] = run.outcome().valid, breaks


def test_an_order_that_fails_once_costs_no_backup_but_for_the_break(nodecmd: Path) -> None:
    ends = orders_that_fail(nodecmd)
    valid = {words.split(": ")[1]: end[0] for words, end in ends.items()}
    assert valid == {
        "clpgrp -t failover1": True,
        "clpmonctrl -s -h server1 -m mdw1": True,
        "clpmdctrl --break md1": False,  # S3: once
        "clpgrp -s failover1": True,
    }
    assert {breaks for _, breaks in ends.values()} == {1}
    once = 'run_order "$SPAN" clpmdctrl --break "$each" >&3 2>&3 || :'
    assert once in scenario.script("break-unit", ("md1",))
    twice = orders_that_fail(nodecmd, lambda text: text.replace(once, f"{once}\n{once}"))
    assert {breaks for _, breaks in twice.values()} != {1}, "nobody noticed a second break"
    again = '[ "$MINE" = online ] && order_suspend "$1"'
    assert again in scenario.script("quiesce", ("md1",))
    costly = orders_that_fail(nodecmd, lambda text: text.replace(again, "return 1"))
    assert [words for words, end in costly.items() if "clpmonctrl" in words and not end[0]]


def baton_after(nodecmd: Path, case: scenario.Scenario, boot: str = "") -> bool:
    """Whether the active still says that the suspension is ours, after somebody deleted its records behind the baton.

    `boot`: the id of a boot that came in between.
    """
    run = scenario.prepare(nodecmd, case)
    run.world.fair = False
    while not run.world.suspended:
        run.perform(run.actions()[0][1])
    run.perform("launch:gone")
    while actions := run.actions():
        run.perform(actions[0][1])
    assert not run.stage.run_dir("a", "r1").exists()
    if boot:
        (run.stage.root / "a/proc/sys/kernel/random/boot_id").write_text(boot + "\n")
    run.perform("launch:records")
    while run.stage.actors["records"].alive:
        run.perform("records")
    line = json.loads(run.stage.output("records").splitlines()[0].removeprefix("mirrorsnap "))
    run.stage.close()
    return "baton" in line["records"]


def test_the_root_disk_remembers_whose_the_suspension_is(nodecmd: Path) -> None:
    case = scenario.Scenario("directories-gone", launches=("gone", "records"))
    assert baton_after(nodecmd, case)
    assert not baton_after(nodecmd, case, boot="cccccccc-cccc-4ccc-8ccc-cccccccccccc")


def as_sh(shell: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the scripts by this shell under the name sh, as Red Hat runs bash."""
    path = Path(f"/bin/{shell}")
    assert path.exists(), f"this test needs {path}"
    monkeypatch.setattr(stepper, "INTERPRETER", str(path))
