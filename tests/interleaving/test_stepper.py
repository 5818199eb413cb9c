"""The harness itself: a killed script holds nothing any more, and reads that run side by side wait side by side."""

from __future__ import annotations

import itertools
import sys

import pytest

from lab.nodes.nodecmd import binary

from .scenario import build_documents
from .stepper import SHELL, Actor, Stage
from .test_interleaving import as_sh
from .world import World

# Holds L and dies as a large process does: its memory goes first, which takes a while, its files after that.
CHILD = """
import fcntl, os, time
held = open("L", "ab")
fcntl.flock(held, fcntl.LOCK_EX)
much = bytearray(b"x") * (300 << 20)
os.system("sleep 0")
"""


def test_a_killed_script_s_children_have_ended_too() -> None:
    stage = Stage(binary(), World())
    try:
        lock = stage.root / "a" / "L"
        program = stage.root / "child.py"
        program.write_text(CHILD)
        actor = stage.spawn("A", "a", 1, [SHELL, "-c", f"'{sys.executable}' '{program}' & wait"])
        stage.settle()  # until its `sleep` asks
        assert actor.request and not stage.lock_free(lock)
        stage.kill(actor)
        assert stage.lock_free(lock)
    finally:
        stage.close()


SEES = """
SELF=server1 PEER=server2 DISKS='md1 md2' FAILOVER_GROUPS=failover1 MONITORS='mdw1 mdw2'
exec 9>>L
flock 9
see groups monitors mirrors
echo "$READ/$WHERE $MINE/$THEIRS $OWN/$OTHERS"
look
"""
ALL_WELL = "yes/self online/suspended GREEN/GREEN\n"
# What is left of it where one of the reads fails.
LACKING = {
    "clpmdstat -m md1": "yes/self online/suspended MIXED/MIXED\n",
    "clpmdstat -m md2": "yes/self online/suspended MIXED/MIXED\n",
    "clpstat -m --long": "yes/self unreadable/unreadable GREEN/GREEN\n",
    "clpstat -s --long": "no/other online/suspended GREEN/GREEN\n",
}


def seeing(stage: Stage, *, again: bool = False) -> Actor:
    """A script that reads everything, once all of its reads wait."""
    parts = ("base", "cluster", "monitors")
    path = stage.root / "sees.sh"
    sees = SEES.replace("mirrors\n", "mirrors\nsee groups monitors mirrors\n" if again else "mirrors\n")
    path.write_text("".join(build_documents.expand(build_documents.SOURCES / f"lib/{p}.sh") for p in parts) + sees)
    actor = stage.spawn("A", "a", 1, [SHELL, str(path)])
    stage.settle()
    assert actor.request == ["flock", "9"]
    stage.become(actor, "/usr/bin/flock", ["flock", "-n", "9"])
    stage.settle()
    return actor


def answer(stage: Stage, actor: Actor, rc: int = 0) -> None:
    """The next of its reads is answered, by nothing where it fails."""
    world = stage.world
    assert actor.request
    command, how, what = actor.request
    said = world.clpmdstat(what) if command == "clpmdstat" else world.clpstat("a")
    said = world.clpstat_monitors("a") if command == "clpstat" and how == "-m" else said
    stage.answer(actor, rc, said if rc == 0 else "")
    stage.settle()


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_reads_wait_side_by_side_and_their_order_makes_no_difference(
    shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_sh(shell, monkeypatch)
    histories = set()
    for order in itertools.permutations(LACKING):
        stage = Stage(binary(), World(disks=("md1", "md2")))
        try:
            actor = seeing(stage)
            assert [" ".join(each.argv) for each in actor.requests] == list(LACKING)
            for wanted in order:
                assert stage.output("A") == ""
                while actor.request != wanted.split():
                    actor.turn()
                answer(stage, actor)
            assert stage.output("A") == ALL_WELL
            assert actor.request == ["clpstat", "-s", "--long"] and actor.waiting == 1  # `look` reads one thing
            histories.add(repr(actor.segment))
        finally:
            stage.close()
    assert len(histories) == 1


@pytest.mark.parametrize("fails", LACKING)
def test_what_fails_beside_others_is_read_alone_and_costs_them_nothing(fails: str) -> None:
    """As where CLUSTERPRO refuses a command while another one runs; once, and always."""
    for always in (False, True):
        stage = Stage(binary(), World(disks=("md1", "md2")))
        try:
            actor = seeing(stage)
            for _ in LACKING:
                answer(stage, actor, 1 if actor.request == fails.split() else 0)
            for _ in LACKING:
                assert stage.output("A") == "" and actor.waiting == 1
                answer(stage, actor, 1 if always and actor.request == fails.split() else 0)
            assert stage.output("A") == (LACKING[fails] if always else ALL_WELL)
        finally:
            stage.close()


def test_whoever_was_refused_once_reads_alone_from_then_on() -> None:
    stage = Stage(binary(), World(disks=("md1", "md2")))
    try:
        actor = seeing(stage, again=True)
        answer(stage, actor, 1)
        for _ in range(3 + 4):
            answer(stage, actor)
        for _ in LACKING:
            assert actor.waiting == 1
            answer(stage, actor)
        assert stage.output("A") == ALL_WELL
    finally:
        stage.close()


def test_reads_keep_no_lock_of_a_script_that_was_killed() -> None:
    stage = Stage(binary(), World(disks=("md1", "md2")))
    try:
        actor = seeing(stage)
        assert not stage.lock_free(stage.root / "a/L")
        actor.process.kill()  # it alone: what it started lives on
        actor.process.wait()
        assert stage.lock_free(stage.root / "a/L")
    finally:
        stage.close()
