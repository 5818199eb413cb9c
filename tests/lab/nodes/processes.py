"""Real processes of a node: how they are started, found again, and killed to the last one.

Each process carries `LAB_BOOT=<boot id>` in its environment, its children inherit it, and so whatever a script leaves
behind (in a session of its own, or orphaned) is found by reading /proc/*/environ.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable

from .. import context

DEATH_SECONDS = 60  # real: a killed process dies once it gets a CPU; what is left then cannot die
EXEC_SECONDS = 5  # real: in which an execve that has begun shows the new environment
KERNEL_THREAD = 0x0020_0000  # PF_KTHREAD, proc(5)
OUTPUT_LIMIT = 1 << 20  # bytes kept of each stream: more than any plugin may return


def marked(mark: str) -> list[int]:
    """Pids of live processes of ours with `mark` ("NAME=value") in their environment, zombies left out."""
    wanted = mark.encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if wanted in environment(entry).split(b"\0"):
                found.append(int(entry))
        except OSError:
            continue  # ended meanwhile, or another user's
    return found


def environment(pid: str) -> bytes:
    """In the middle of an execve, which Popen does not wait out, it is empty for a moment: then the new one."""
    text, deadline = _read(pid), time.monotonic() + EXEC_SECONDS
    while not text and time.monotonic() < deadline:
        begun = _in_execve(pid)  # before the look, which may come after the end of the execve
        text = _read(pid)
        if not begun:
            break
        time.sleep(0.0005)
    return text


def _read(pid: str) -> bytes:
    with open(f"/proc/{pid}/environ", "rb") as f:
        return f.read()


def _in_execve(pid: str) -> bool:
    """Whether the process has memory and no environment in it yet. OSError if it has ended."""
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
        fields = f.read().rsplit(")", 1)[1].split()  # from field 3 of proc(5), the state, on
    state, flags, env_end = fields[0], int(fields[6]), int(fields[48])
    return state not in "ZX" and not flags & KERNEL_THREAD and env_end == 0


def signal_all(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # ended meanwhile
            os.kill(pid, number)


def kill_marked(mark: str) -> None:
    """SIGKILL every process with `mark`, again and again until none is left: one found may just have forked."""
    deadline = time.monotonic() + DEATH_SECONDS
    while time.monotonic() < deadline:
        pids = marked(mark)
        if not pids:
            return
        signal_all(pids, signal.SIGKILL)
        time.sleep(0.005)
    raise RuntimeError(f"processes with {mark} survive SIGKILL: {marked(mark)}")


class Process:
    """One process in a session of its own, its output collected. `on_end(process)` is called once it is over.

    `done` is set when the process has ended *and* nobody holds its output open any more, as the SSM agent waits;
    `exited` as soon as the process itself has ended. `rc` is negative for a signal.
    """

    def __init__(
        self,
        argv: list[str],
        *,
        env: dict[str, str],
        cwd: str,
        stdin: bytes | None = None,
        on_end: Callable[[Process], None] | None = None,
    ) -> None:
        self.argv = argv
        self.started = context.lab.clock.monotonic()
        self.exited, self.done = threading.Event(), threading.Event()
        self.rc: int | None = None
        self._streams: dict[str, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}
        self._popen = subprocess.Popen(
            argv,
            env=env,
            cwd=cwd,
            stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        self._on_end = on_end
        readers = [threading.Thread(target=self._read, args=(n,), daemon=True) for n in self._streams]
        for thread in readers:
            thread.start()
        if stdin is not None:
            threading.Thread(target=self._feed, args=(stdin,), daemon=True).start()
        threading.Thread(target=self._wait, args=(readers,), name=f"process-{self.pid}", daemon=True).start()

    @property
    def stdout(self) -> bytes:
        return bytes(self._streams["stdout"])

    @property
    def stderr(self) -> bytes:
        return bytes(self._streams["stderr"])

    def wait(self, seconds: float | None = None) -> int | None:
        """The exit code once the process has ended and its output is complete; None after `seconds` of lab time."""
        return self.rc if context.lab.clock.wait(self.done, seconds) else None

    def signal_group(self, number: int) -> None:
        """Send a signal to the whole process group (that of `setsid`: the group's id is the pid)."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # already over
            os.killpg(self.pid, number)

    def _read(self, name: str) -> None:
        pipe, kept = getattr(self._popen, name), self._streams[name]
        while chunk := pipe.read1(65536):
            kept += chunk[: OUTPUT_LIMIT - len(kept)]
        pipe.close()

    def _feed(self, data: bytes) -> None:
        assert self._popen.stdin
        try:
            self._popen.stdin.write(data)
            self._popen.stdin.close()
        except BrokenPipeError:
            pass  # it did not want to read it

    def _wait(self, readers: list[threading.Thread]) -> None:
        self.rc = self._popen.wait()
        self.exited.set()
        for thread in readers:
            thread.join()
        self.done.set()
        if self._on_end:
            self._on_end(self)
