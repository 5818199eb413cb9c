"""Real time without the part that a busy host withheld from the lab: what lab time is made of.

The lab's processes (this one's threads, functions, scripts, node commands, the test that calls it) race against
deadlines in lab time. On a busy host they wait for a CPU while real time goes on, and a verdict would say how busy the
machine was. So real time passes here through ticks. Each tick grants the time since the one before, less what those
processes waited on run queues meanwhile (/proc/<pid>/task/<tid>/schedstat), and never more than LIMIT: a ticker that
ran late, since the host or this very process was too busy for it, shows that nothing else had run either. The kernel
counts a wait once it is over, so while one of the processes has waited for longer than a tick, LEAST_SHARE is all that
is granted. Where the kernel has no schedstat, LIMIT alone holds.

What a tick grants passes after it, at real speed: `monotonic()` trails real time by one tick, never goes back, and is
as exact as real time on an idle host. Units are real seconds.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

TICK = 0.01
LIMIT = 2 * TICK  # the most that one tick grants
# Least share of a tick that is granted. A lab that waits for its own time by polling would otherwise wait for ever.
LEAST_SHARE = 0.1
OWED = 5 * TICK  # the most that is left over for later ticks
QUIET = 20  # looks without a move, after which only each FIFTH look asks whether a task waits
FIFTH = 5
# After a look at all tasks the next one comes only after so many times its own processor time: with a thousand tasks
# the looks alone would keep the lab from running. The kernel counts on meanwhile, so that a wait is counted later.
REST = 4
LEAST_PAUSE = 0.0002  # between two questions whether a moment has come
ASK_AGAIN = 0.05  # the longest between two of them while time goes slower
PRESSURE = Path("/proc/pressure/cpu")
PART = 4096  # bytes of a file in /proc that are read at once
WORTH_A_LOOK = 0.0005  # seconds of pressure on the host's CPUs


class RunQueues:
    """How long the tasks of this process, of whoever takes part in its time, and of all their descendants have waited
    for a CPU.

    A task that lives and dies between two looks is missed, and so is an orphan.
    """

    def __init__(self) -> None:
        self._tasks: dict[tuple[int, int], _Task] = {}
        self._own = os.getpid()
        self._roots = {self._own}
        self._pressure = _open(str(PRESSURE))
        self._total = 0
        self._looks = 0
        self._rest_until = 0.0
        self.stalled = False  # whether a task has waited since before the last call, and waits still
        self.supported = Path(f"/proc/{self._own}/schedstat").exists()

    def waited(self) -> float:
        """Seconds since the last call, summed over all tasks but the caller's own thread. Between two looks that cost
        much it is 0, and `stalled` is what it was.
        """
        if time.monotonic() < self._rest_until:
            return 0.0
        self.stalled = False
        self._looks += 1
        if not self.supported or not self._worth_a_look():
            return 0.0
        before = time.thread_time()
        waited = self._look_at_all()
        self._rest_until = time.monotonic() + REST * (time.thread_time() - before)
        return waited

    def _look_at_all(self) -> float:
        waited, me = 0.0, threading.get_native_id()
        new = [(root, tid) for root in list(self._roots) for tid in _threads(root)]
        new = [key for key in new if key not in self._tasks and key[1] != me]
        for key in list(self._tasks):
            waited += self._look(key, new)
        while new:
            key = new.pop()
            if key not in self._tasks and (task := _Task.of(*key)):
                self._tasks[key] = task
                waited += self._look(key, new)
        return waited

    def watch(self, pid: int) -> None:
        """Count the tasks of another process, and of its descendants, as well."""
        self._roots.add(pid)

    def _look(self, key: tuple[int, int], new: list[tuple[int, int]]) -> float:
        """What one task has waited. What it may have started meanwhile is added to `new`."""
        task = self._tasks[key]
        waited = task.waited()
        if waited is None:
            self._tasks.pop(key).close()
            return 0.0
        if task.moved:
            new += [(pid, pid) for pid in task.children() if (pid, pid) not in self._tasks]
            if key[0] not in self._roots and key[0] == key[1]:
                new += [(key[0], tid) for tid in _threads(key[0]) if (key[0], tid) not in self._tasks]
        elif task.waits(self._looks % FIFTH == 0):
            self.stalled = True
        return waited

    def _worth_a_look(self) -> bool:
        """Whether anything at all has waited for a CPU of this host; True where the kernel does not tell."""
        if self._pressure is None:
            return True
        try:
            some = os.pread(self._pressure, 128, 0).split(b"\n", 1)[0]
            total = int(some.rsplit(b"total=", 1)[1])
        except (OSError, ValueError, IndexError):
            return True
        if total - self._total < WORTH_A_LOOK * 1e6:
            return False
        self._total = total
        return True


class _Task:
    """One thread of one process."""

    def __init__(self, schedstat: int, stat: int | None, children: int | None) -> None:
        self._schedstat, self._stat, self._children = schedstat, stat, children
        self._quiet = 0  # looks since it moved, or was found on a run queue
        self._runnable = False  # at the last look
        self._last, self._nanoseconds = b"", 0
        self.moved = False  # whether it has run or waited since the look before

    @classmethod
    def of(cls, pid: int, tid: int) -> _Task | None:
        directory = f"/proc/{pid}/task/{tid}"
        schedstat = _open(f"{directory}/schedstat")
        return None if schedstat is None else cls(schedstat, _open(f"{directory}/stat"), _open(f"{directory}/children"))

    def waited(self) -> float | None:
        """Seconds since the last call, at the first one since its start; None once it is gone."""
        try:
            text = os.pread(self._schedstat, 64, 0)
        except OSError:
            return None
        self.moved = text != self._last
        if not self.moved:
            return 0.0
        self._quiet, self._runnable = 0, False
        self._last, before = text, self._nanoseconds
        self._nanoseconds = int(text.split()[1])  # CPU time, time on run queues, number of slices
        return (self._nanoseconds - before) / 1e9

    def waits(self, each: bool) -> bool:
        """Whether it has not moved, and was on a run queue at the last look as at this one. `each`: ask a quiet one."""
        self._quiet += 1
        if self._stat is None or (self._quiet > QUIET and not each):
            return False
        before, self._runnable = self._runnable, False
        with contextlib.suppress(OSError):  # it is gone
            self._runnable = os.pread(self._stat, PART, 0).rpartition(b")")[2].startswith(b" R")
        if self._runnable:
            self._quiet = 0
        return before and self._runnable

    def children(self) -> list[int]:
        if self._children is None:
            return []
        read = b""
        with contextlib.suppress(OSError):  # it is gone
            while part := os.pread(self._children, PART, len(read)):
                read += part
        return [int(pid) for pid in read.split()]

    def close(self) -> None:
        for fd in (self._schedstat, self._stat, self._children):
            if fd is not None:
                os.close(fd)


def _open(path: str) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except OSError:
        return None


def _threads(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(tid) for tid in os.listdir(f"/proc/{pid}/task")]
    return []


class HostTime:
    """The ticks. `real`, `waited` and `stalled` are the host's; a test brings its own, and calls `tick()` itself."""

    def __init__(
        self,
        real: Callable[[], float] = time.monotonic,
        waited: Callable[[], float] = lambda: 0.0,
        stalled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._real, self._waited, self._stalled = real, waited, stalled
        self._debt = 0.0  # what is to be withheld still; below 0: what was withheld of a wait that has not ended
        # Replaced as a whole, so that a reader needs no lock: time at the last tick, what it granted, when it came, and
        # the rate of that.
        self._granted = (0.0, 0.0, real(), 1.0)
        self.withheld = 0.0  # in all
        # Of what a tick grants, how much passes: less than 1 where a lab goes slower for a while (clusterpro/pace.py).
        self.rate = 1.0
        self.on_tick: Callable[[], object] = lambda: None

    def monotonic(self) -> float:
        """Seconds that the lab could use; never goes back."""
        base, granted, at, rate = self._granted
        return base + min(max(0.0, self._real() - at) * rate, granted)

    def pause(self, due: float) -> float:
        """Real seconds until it is worth asking again whether `due` has come; 0 once it has."""
        base, granted, at, rate = self._granted
        left = due - self.monotonic()
        if left <= 0:
            return 0.0
        if rate < 1:  # it may be another one before this moment has come
            return max(min(left / rate, ASK_AGAIN), LEAST_PAUSE)
        if due > base + granted:  # not granted yet: the next tick says more
            left = max(left, at + TICK - self._real())
        return max(left, LEAST_PAUSE)

    def sleep(self, seconds: float) -> None:
        due = self.monotonic() + seconds
        while (left := self.pause(due)) > 0:
            time.sleep(left)

    def module(self) -> Any:
        """The module `time`, its `sleep` as long as this host time: for a package that computes its sleeps itself."""
        known = {name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
        return SimpleNamespace(**{**known, "sleep": self.sleep})

    def tick(self) -> None:
        base, granted, at, _ = self._granted
        now, rate = self._real(), self.rate
        share = min(now - at, LIMIT)
        most = share * (1 - LEAST_SHARE)
        self._debt += self._waited()
        if self._stalled():
            kept = most
        else:
            kept = min(max(0.0, self._debt), most)
            self._debt = max(0.0, self._debt)
        self._debt = min(self._debt - kept, OWED)
        self.withheld += now - at - share + kept
        self._granted = (base + granted, (share - kept) * rate, now, rate)
        self.on_tick()


_host: HostTime | None = None
_queues: RunQueues | None = None
_pid = 0
_lock = threading.Lock()


def host_time() -> HostTime:
    """This process's own, with its ticker. Begun at the first call, and anew in a process that was forked after it."""
    global _host, _queues, _pid
    with _lock:
        if _host is None or _pid != os.getpid():
            _pid, _queues = os.getpid(), RunQueues()
            queues = _queues
            _host = HostTime(waited=queues.waited, stalled=lambda: queues.stalled)
            threading.Thread(target=_run, args=(_host,), name="lab-host-time", daemon=True).start()
        return _host


def watch(pid: int) -> None:
    """That process takes part in this one's host time: a test, whose next call the lab must not outrun."""
    host_time()
    if _queues:
        _queues.watch(pid)


def _run(host: HostTime) -> None:
    while True:
        time.sleep(TICK)
        host.tick()
