"""Lab time: the one clock that every wait in the lab obeys.

`scale` is the number of lab seconds that pass in one real second. Whatever waits in the lab (the state machine
engine, Retry intervals, TimeoutSeconds, Run Command, instances, volumes, snapshots, node commands) asks this module,
so one number speeds all of it up together and no order changes. Units are lab seconds unless a name says `real`.
"""

from __future__ import annotations

import datetime
import heapq
import itertools
import logging
import threading
import time as _time
from collections.abc import Callable

_log = logging.getLogger("lab.clock")


class Clock:
    def __init__(self, scale: float = 1.0) -> None:
        if not 0.01 <= scale <= 1000:
            raise ValueError(f"time scale {scale} is outside 0.01..1000")
        self.scale = scale
        self._real_start = _time.monotonic()
        self._wall_start = _time.time()

    def monotonic(self) -> float:
        """Lab seconds since the lab started."""
        return (_time.monotonic() - self._real_start) * self.scale

    def time(self) -> float:
        """Lab wall clock, as seconds since the epoch."""
        return self._wall_start + self.monotonic()

    def now(self) -> datetime.datetime:
        """Lab wall clock, in UTC."""
        return datetime.datetime.fromtimestamp(self.time(), tz=datetime.UTC)

    def real(self, seconds: float) -> float:
        """How many real seconds `seconds` of lab time take."""
        return seconds / self.scale

    def sleep(self, seconds: float) -> None:
        if seconds > 0:
            _time.sleep(self.real(seconds))

    def wait(self, event: threading.Event, seconds: float | None) -> bool:
        """Wait for `event`, at most `seconds` of lab time; True if it was set."""
        return event.wait(None if seconds is None else max(0.0, self.real(seconds)))


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
                    delay = self._clock.real(self._heap[0][0] - self._clock.monotonic())
                    if delay <= 0:
                        break
                    self._cond.wait(delay)
                if self._stopped:
                    return
                _, _, timer = heapq.heappop(self._heap)
            if timer.cancelled:
                continue
            try:
                timer.fn()
            except Exception:
                _log.exception("a timed transition failed")
