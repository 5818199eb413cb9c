"""fsfreeze and `sync -f` of a mirror disk's mount."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ... import context
from ..shell_commands import host_tool
from ..socket import Exec, Result
from .commands import Cli, command, lock
from .freezing import SOMEBODY, WRITERS, begin, frozen, point_of, thaw
from .mirror import Mirror

STEP = 0.05  # lab seconds between looks at whether the kernel is done


def _uninterruptible(c: Cli, over: Callable[[], bool]) -> None:
    """Waits in the kernel: a killed caller goes on waiting, with the locks that it holds."""
    held = _locks(c.call)
    kept: list[int] = []
    try:
        while True:
            with lock():
                if over():
                    return
            if held and not c.call.alive():
                kept, held = list(_keep(held)), []
            context.lab.clock.sleep(STEP)
    finally:
        for fd in kept:
            os.close(fd)


def _locks(call: Any) -> list[Path]:
    """What the caller may hold a lock on: its open regular files."""
    found = []
    directory = Path(f"/proc/{getattr(call, 'pid', 0)}/fd")
    with contextlib.suppress(OSError):
        for entry in directory.iterdir():
            with contextlib.suppress(OSError):
                if int(entry.name) > 2 and entry.resolve().is_file():
                    found.append(entry.resolve())
    return found


def _keep(paths: list[Path]) -> Iterator[int]:
    for path in paths:
        with contextlib.suppress(OSError):
            fd = os.open(path, os.O_RDWR)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                yield fd
            except BlockingIOError:
                os.close(fd)


def _mounted(c: Cli, path: str) -> Mirror | None:
    for mirror in c.cluster.mirrors.values():
        if path == point_of(mirror) and c.node.name in mirror.mounted:
            return mirror
    return None


@command("fsfreeze")
def fsfreeze(c: Cli) -> Result:
    """`fsfreeze -f|-u MOUNTPOINT`."""
    if len(c.args) != 2 or c.args[0] not in ("-f", "--freeze", "-u", "--unfreeze"):
        return c.fail(1, "the lab knows `fsfreeze -f|-u MOUNTPOINT`")
    freezes, path = c.args[0] in ("-f", "--freeze"), c.args[1]
    c.work(context.lab.timing.fsfreeze)
    with lock():
        mirror = _mounted(c, path)
        if mirror is None:
            return Result(1, "", f"fsfreeze: cannot open {path}: No such file or directory\n")
        by = c.call.env.get("LAB_UNIT", SOMEBODY)
        freeze = begin(mirror, c.node, by) if freezes else frozen(mirror, c.node)
    if freezes:
        if freeze is None:
            return Result(1, "", f"fsfreeze: {path}: freeze failed: Device or resource busy\n")
        _uninterruptible(c, lambda: freeze.completed is not None or freeze.life != c.node.life)
        # What the freeze itself has written is counted when it returns.
        if machine := getattr(c.call, "machine", None):
            machine.refresh_proc()
        return Result()
    if freeze and freeze.completed is None and context.lab.clock.monotonic() - freeze.began > WRITERS:
        _uninterruptible(c, lambda: freeze.completed is not None or freeze.life != c.node.life)
    with lock():
        if thaw(mirror, c.node):
            return Result()
    return Result(1, "", f"fsfreeze: {path}: unfreeze failed: Invalid argument\n")


@command("sync", root=False)
def sync(c: Cli) -> Result | Exec:
    """`sync -f PATH` of a mirror disk's mount takes as long as there is dirty data; anything else is the host's own."""
    mirror = None
    if c.args[:1] in (["-f"], ["--file-system"]) and len(c.args) == 2:
        with lock():
            mirror = _mounted(c, c.args[1])
    if mirror is None:
        tool = host_tool("sync")
        return Exec(tool, c.call.argv) if tool else Result(127, "", "sync: command not found\n")
    c.work(mirror.dirty_seconds)
    mirror.dirty_seconds = mirror.dirty_again
    return Result()
