"""Lab time and its timers: scaled, in due order, one at a time, and cancelled ones do nothing."""

from __future__ import annotations

import random
import threading
import time

import pytest

from lab.clock import Clock, Timers
from lab.host import TICK, HostTime


def test_lab_time_passes_scale_times_as_fast() -> None:
    real = [7.0]
    host = HostTime(lambda: real[0])
    clock = Clock(50, host)
    wall = clock.time()
    for _ in range(101):  # it trails by one tick
        real[0] += TICK
        host.tick()
    assert clock.monotonic() == pytest.approx(50) and clock.time() - wall == pytest.approx(50)
    assert clock.now().timestamp() == pytest.approx(clock.time()) and clock.now().utcoffset().total_seconds() == 0
    assert clock.real(50) == 1.0


def test_a_sleep_takes_lab_time() -> None:
    clock = Clock(50)
    real, lab = time.monotonic(), clock.monotonic()
    clock.sleep(5)
    assert clock.monotonic() - lab >= 5 and time.monotonic() - real >= 0.1 - TICK


def test_waiting_for_an_event_takes_lab_time() -> None:
    clock = Clock(50)
    event = threading.Event()
    began = clock.monotonic()
    assert clock.wait(event, 5) is False
    assert 5 <= clock.monotonic() - began < 250
    event.set()
    assert clock.wait(event, None) is True and clock.wait(event, -1) is True


@pytest.mark.parametrize("scale", [0, 0.001, 1001, -1])
def test_scales_that_make_no_sense(scale: float) -> None:
    with pytest.raises(ValueError, match="scale"):
        Clock(scale)


def test_timers_run_in_due_order_at_or_after_their_time() -> None:
    clock = Clock(50)
    timers = Timers(clock)
    delays = [n / 10 for n in range(100)] * 2  # 0 to 9.9 s, each twice
    random.Random(7).shuffle(delays)
    ran: list[tuple[float, int]] = []
    done = threading.Event()
    base = clock.monotonic() + 1
    try:
        for order, delay in enumerate(delays):

            def fn(due: float = base + delay, order: int = order) -> None:
                assert clock.monotonic() >= due
                ran.append((due, order))

            timers.at(base + delay, fn)
        timers.at(base + 10, done.set)
        assert done.wait(120)
    finally:
        timers.stop()
    # ties in the order in which they were set
    assert ran == sorted(ran) and len(ran) == len(delays)


def test_a_timer_set_from_a_timer_and_an_earlier_one_set_later() -> None:
    clock = Clock(50)
    timers = Timers(clock)
    ran: list[str] = []
    done = threading.Event()
    try:
        timers.after(10, lambda: (ran.append("late"), done.set()))
        timers.after(5, lambda: (ran.append("middle"), timers.after(0, lambda: ran.append("from a timer"))))
        timers.after(0.5, lambda: ran.append("early"))
        assert done.wait(120)
    finally:
        timers.stop()
    assert ran == ["early", "middle", "from a timer", "late"]


def test_cancelled_and_failing_timers_stop_nothing_else() -> None:
    clock = Clock(50)
    timers = Timers(clock)
    ran: list[str] = []
    done = threading.Event()

    def fail() -> None:
        ran.append("failing")
        raise RuntimeError("on purpose")

    try:
        timers.after(3, lambda: ran.append("cancelled")).cancel()
        timers.after(1, fail)
        timers.after(5, done.set)
        assert done.wait(120)
    finally:
        timers.stop()
    assert ran == ["failing"]


def test_nothing_runs_after_stop() -> None:
    timers = Timers(Clock(50))
    ran: list[int] = []
    timers.after(5, lambda: ran.append(1))
    timers.stop()
    time.sleep(0.2)
    assert ran == []
