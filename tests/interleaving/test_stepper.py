"""The harness itself: a killed script holds nothing any more."""

from __future__ import annotations

import sys

from lab.nodes.nodecmd import binary

from .stepper import SHELL, Stage
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
