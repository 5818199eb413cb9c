"""Lab time: the one clock that every wait in the lab obeys.

`scale` is the number of lab seconds that pass in one real second. Whatever waits in the lab (the state machine
engine, Retry intervals, TimeoutSeconds, Run Command, instances, volumes, snapshots, node commands) asks this module,
so one number speeds all of it up together and no order changes. Units are lab seconds unless a name says `real`.

Lab time stands still while a busy host keeps the lab's processes waiting (host.py). So a wait is never one real sleep
of a length that was computed before: it asks again until its moment has come.
"""

from __future__ import annotations

import asyncio
import datetime
import heapq
import itertools
import logging
import threading
import time as _time
from collections.abc import Callable

from .host import LEAST_PAUSE, HostTime, host_time

LONGEST_WAIT = 1e6  # real seconds; threading cannot wait for much longer at once

_log = logging.getLogger("lab.clock")


class Clock:
    def __init__(self, scale: float = 1.0, host: HostTime | None = None) -> None:
        if not 0.01 <= scale <= 1000:
            raise ValueError(f"time scale {scale} is outside 0.01..1000")
        self.scale = scale
        self.host = host or host_time()
        self._start = self.host.monotonic()
        self._wall_start = _time.time()

    def monotonic(self) -> float:
        """Lab seconds since the lab started."""
        return (self.host.monotonic() - self._start) * self.scale

    def time(self) -> float:
        """Lab wall clock, as seconds since the epoch."""
        return self._wall_start + self.monotonic()

    def now(self) -> datetime.datetime:
        """Lab wall clock, in UTC."""
        return datetime.datetime.fromtimestamp(self.time(), tz=datetime.UTC)

    def real(self, seconds: float) -> float:
        """How many real seconds `seconds` of lab time take at least: on a busy host they take longer."""
        return seconds / self.scale

    def lab(self, seconds: float) -> float:
        """How many lab seconds pass in `seconds` of real time, at most: what real processes need, at whatever scale."""
        return seconds * self.scale

    def pause(self, due: float) -> float:
        """Real seconds until it is worth asking again whether lab time `due` has come; 0 once it has."""
        if self.monotonic() >= due:
            return 0.0
        return max(self.host.pause(self._start + due / self.scale), LEAST_PAUSE)

    def sleep(self, seconds: float) -> None:
        due = self.monotonic() + seconds
        while (left := self.pause(due)) > 0:
            _time.sleep(left)

    async def asleep(self, seconds: float) -> None:
        """`sleep` for a coroutine."""
        due = self.monotonic() + seconds
        while (left := self.pause(due)) > 0:
            await asyncio.sleep(left)

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Wait for `event`, at most `seconds` of lab time; True if it was set."""
        if seconds is None:
            return event.wait()
        due = self.monotonic() + seconds
        while not event.is_set():
            left = self.pause(due)
            if left <= 0:
                break
            event.wait(min(left, LONGEST_WAIT))
        return event.is_set()


class Timer:
    """A call that is due; `cancel()` before then makes it do nothing."""

    __slots__ = ("cancelled", "due", "fn")

    def __init__(self, due: float, fn: Callable[[], None]) -> None:
        self.due, self.fn, self.cancelled = due, fn, False

    def cancel(self) -> None:
        self.cancelled = True


class Timers:
    """Runs calls at lab times, one after another, in the order in which they are due.

    One thread, so that two transitions never change places however fast the clock runs. A call must not block: what
    takes time schedules its own end.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._seq = itertools.count()
        self._cond = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="lab-timers", daemon=True)
        self._thread.start()

    def after(self, seconds: float, fn: Callable[[], None]) -> Timer:
        return self.at(self._clock.monotonic() + max(0.0, seconds), fn)

    def at(self, due: float, fn: Callable[[], None]) -> Timer:
        timer = Timer(due, fn)
        with self._cond:
            heapq.heappush(self._heap, (due, next(self._seq), timer))
            self._cond.notify()
        return timer

    def stop(self) -> None:
        with self._cond:
            self._stopped = True
            self._cond.notify()

    def _run(self) -> None:
        while True:
            with self._cond:
                while not self._stopped:
                    if not self._heap:
                        self._cond.wait()
                        continue
                    left = self._clock.pause(self._heap[0][0])
                    if left <= 0:
                        break
                    self._cond.wait(min(left, LONGEST_WAIT))
                if self._stopped:
                    return
                _, _, timer = heapq.heappop(self._heap)
            if timer.cancelled:
                continue
            try:
                timer.fn()
            except Exception:
                _log.exception("a timed transition failed")
