"""Host time: exact on an idle host, held up by as much as a busy one keeps the lab's processes from running."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node_steps import out, up

from lab import host
from lab.client import TESTS, Lab, eventually
from lab.clock import Clock, Timers
from lab.host import ASK_AGAIN, LEAST_SHARE, LIMIT, TICK, HostTime, RunQueues
from scenario.product import wait_until_up

BUSY = "while :; do :; done"
BUSY_LOOPS = 9


class Host:
    """A host whose time and whose run queues the test moves."""

    def __init__(self) -> None:
        self.real = self.waiting = 0.0
        self.stalled = False
        self.time = HostTime(lambda: self.real, self._waited, lambda: self.stalled)

    def _waited(self) -> float:
        waited, self.waiting = self.waiting, 0.0
        return waited

    def tick(self, real: float = TICK, waited: float = 0.0) -> None:
        self.real += real
        self.waiting += waited
        self.time.tick()


def test_on_an_idle_host_it_is_real_time_one_tick_late() -> None:
    host = Host()
    for n in range(100):
        host.tick()
        assert host.time.monotonic() == pytest.approx(n * TICK)
        host.real += TICK / 2
        assert host.time.monotonic() == pytest.approx((n + 0.5) * TICK)
        host.real -= TICK / 2
    assert host.time.withheld == 0


def test_at_a_lower_rate_less_passes_and_never_back() -> None:
    host = Host()
    for _ in range(10):
        host.tick()
    host.time.rate, seen = 0.1, []
    for _ in range(10):
        host.tick()
        for _ in range(2):
            seen.append(host.time.monotonic())
            host.real += TICK / 2
        host.real -= TICK
    # A tick grants what passes after it: ten at the old rate have passed, and nine at the new one.
    assert seen == sorted(seen) and host.time.monotonic() == pytest.approx(10.9 * TICK)
    left = host.time.pause(host.time.monotonic() + 1)
    assert left == ASK_AGAIN, "the rate may be another one before the moment has come"
    host.time.rate = 1.0
    for _ in range(5):
        host.tick()
    assert host.time.monotonic() == pytest.approx(15 * TICK)


def test_what_the_labs_processes_waited_does_not_pass() -> None:
    host = Host()
    for _ in range(10):
        host.tick(waited=TICK / 2)
    host.tick()
    assert host.time.monotonic() == pytest.approx(5 * TICK) and host.time.withheld == pytest.approx(5 * TICK)


def test_a_wait_that_is_longer_than_a_tick_is_made_up_for_later() -> None:
    """A task's wait is counted once it has got its CPU, so it may come at once for several ticks."""
    host = Host()
    host.tick()
    host.tick(waited=3 * TICK)
    for _ in range(9):
        host.tick()
    host.tick()
    assert host.time.monotonic() == pytest.approx(8 * TICK)


def test_a_wait_holds_time_up_before_it_is_over_and_not_once_more_after_it() -> None:
    host = Host()
    host.tick()
    host.stalled = True
    for _ in range(30):
        host.tick()
    host.real += TICK
    assert host.time.monotonic() == pytest.approx(TICK + 30 * TICK * LEAST_SHARE)
    host.real -= TICK
    host.stalled = False
    before = host.time.withheld
    host.tick(waited=30 * TICK)
    for _ in range(9):
        host.tick()
    assert host.time.withheld - before <= 30 * TICK * LEAST_SHARE + 1e-9


def test_a_wait_that_ended_without_being_counted_pays_for_no_other() -> None:
    host = Host()
    host.stalled = True
    for _ in range(30):
        host.tick()
    host.stalled = False
    host.tick()  # the process was killed
    before = host.time.withheld
    host.tick(waited=TICK / 2)
    assert host.time.withheld - before == pytest.approx(TICK / 2)


def test_it_never_stands_still_for_good() -> None:
    host = Host()
    for _ in range(101):
        host.tick(waited=10 * TICK)
    host.real += TICK
    assert host.time.monotonic() == pytest.approx(101 * TICK * LEAST_SHARE)


def test_a_late_tick_grants_no_more_than_two() -> None:
    host = Host()
    host.tick(real=60)
    host.real += 60
    assert host.time.monotonic() == pytest.approx(LIMIT) and host.time.withheld == pytest.approx(60 - LIMIT)
    host.tick(real=0)
    assert host.time.monotonic() == pytest.approx(LIMIT)


@given(st.lists(st.tuples(st.floats(0, 0.1), st.floats(0, 0.1), st.booleans(), st.booleans()), max_size=60))
@settings(max_examples=300, deadline=None)
def test_it_never_goes_back_nor_ahead_of_real_time(steps: list[tuple[float, float, bool, bool]]) -> None:
    host, before = Host(), 0.0
    for real, waited, ticks, host.stalled in steps:
        if ticks:
            host.tick(real, waited)
        else:
            host.real += real
        now = host.time.monotonic()
        assert before <= now <= host.real + 1e-9
        assert host.time.pause(now) == 0 and host.time.pause(now + 1) > 0
        before = now


def test_every_wait_of_the_clock_lasts_until_lab_time_has_come() -> None:
    host = Host()
    clock = Clock(10, host.time)
    timers, ended, event = Timers(clock), [], threading.Event()
    waits: dict[str, Callable[[], Any]] = {
        "sleep": lambda: clock.sleep(1),
        "wait": lambda: clock.wait(event, 1),
        "host's own": lambda: host.time.sleep(0.1),
    }

    def end(name: str) -> None:
        ended.append((name, clock.monotonic() >= 1))

    for name, wait in waits.items():
        threading.Thread(target=lambda n=name, w=wait: (w(), end(n)), daemon=True).start()
    timers.after(1, lambda: end("timer"))
    for _ in range(20):  # 0.2 real seconds, of which the lab could use half
        host.tick(waited=TICK / 2)
        time.sleep(0.02)
    assert ended == [] and clock.monotonic() < 1
    host.tick()
    host.tick()
    host.tick()
    eventually(lambda: len(ended) == 4, "the end of all four")
    assert sorted(ended) == [("host's own", True), ("sleep", True), ("timer", True), ("wait", True)]
    timers.stop()


@contextlib.contextmanager
def busy_loops(count: int, cpu: int) -> Iterator[list[int]]:
    """Processes that keep one CPU busy, each in a session of its own, which the kernel schedules apart."""
    command = [
        sys.executable,
        "-c",
        f"import os; os.sched_setaffinity(0, {{{cpu}}}); os.execv('/bin/sh', ['sh', '-c', {BUSY!r}])",
    ]
    started = [subprocess.Popen(command, start_new_session=True) for _ in range(count)]
    try:
        for each in started:
            eventually(lambda p=each: b"while" in Path(f"/proc/{p.pid}/cmdline").read_bytes(), "a busy loop")
        yield [each.pid for each in started]
    finally:
        for each in started:
            each.kill()
            each.wait()


# Run by a process of its own, so that the busy loops are no descendants of it; on a thread, as the ticker is one.
MEASURE = """
import os, subprocess, sys, threading, time
from lab.host import RunQueues
from scenario.product import wait_until_up

def measure():
    os.sched_setaffinity(0, {int(sys.argv[1])})
    queues = RunQueues()
    for pid in sys.argv[2:]:
        queues.watch(int(pid))
    queues.waited()
    began, waited = time.monotonic(), 0.0
    while child.poll() is None if child else time.monotonic() < began + 1:
        time.sleep(0.01)
        waited += queues.waited()
    print(waited / (time.monotonic() - began))

script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done"
child = None
if len(sys.argv) == 2:
    command = ["taskset", "-c", sys.argv[1], "sh", "-c", f"sh -c '{script}' & wait"]
    child = subprocess.Popen(command, start_new_session=True)
thread = threading.Thread(target=measure)
thread.start()
thread.join()
"""


def measured(cpu: int, *others: int) -> float:
    """How many tasks, on an average, waited for a CPU: of a starved grandchild, or of those other processes."""
    command = [sys.executable, "-c", MEASURE, str(cpu), *map(str, others)]
    return float(subprocess.run(command, cwd=TESTS, capture_output=True, text=True, check=True).stdout)


def test_the_waits_of_descendants_count_and_those_of_strangers_only_if_they_take_part() -> None:
    if not RunQueues().supported:
        assert RunQueues().waited() == 0
        return
    cpu = min(os.sched_getaffinity(0))
    with busy_loops(2, cpu) as pids:
        # Whoever else is busy may keep the one that measures from looking in time: then once more.
        eventually(lambda: measured(cpu) > 0.3, "a grandchild beside two busy loops waits most of its life")
        stranger = measured(cpu, pids[0])
        assert 0.2 < stranger < 1.2, "one of the two busy loops takes part, and at least the other is in its way"


def test_looks_that_cost_much_are_seldom_and_miss_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    queues, looked, now, used = RunQueues(), [], [100.0], [0.0]
    monkeypatch.setattr(host.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(host.time, "thread_time", lambda: used[0])
    monkeypatch.setattr(queues, "_worth_a_look", lambda: True)

    def look() -> float:
        looked.append(now[0])
        used[0] += 0.02  # as long as two ticks
        queues.stalled = True
        return 0.5

    monkeypatch.setattr(queues, "_look_at_all", look)
    queues.supported = True
    waited = []
    for _ in range(24):
        waited.append(queues.waited())
        assert queues.stalled  # no look has shown that it is over
        now[0] += TICK
    assert [round((each - 100) / TICK) for each in looked] == [0, 8, 16]
    assert [each for each in waited if each] == [0.5] * 3


def test_a_wait_is_seen_before_it_is_over() -> None:
    queues = RunQueues()
    if not queues.supported:
        return
    cpu = min(os.sched_getaffinity(0))
    with busy_loops(BUSY_LOOPS, cpu) as pids:
        queues.watch(pids[0])
        queues.waited()
        what = "a look at which the busy loop has not run since the last"
        eventually(lambda: (queues.waited(), queues.stalled)[1], what)


# The script needs some tenths of a real second of CPU, so a few lab seconds, and then takes the timer away.
WORK = """
set -- {}
rm -f $HOME/fired
systemd-run --on-active=$1 --timer-property=AccuracySec=100ms --unit=rival sh -c "touch $HOME/fired"
i=0; while [ $i -lt 400000 ]; do i=$((i+1)); done
systemctl stop rival.timer
sleep 1
[ -e $HOME/fired ] && echo fired || echo stopped
"""


def test_a_starved_lab_keeps_its_verdict() -> None:
    """A node's timer against a script of the same node: who is first does not hang on what else the machine does."""
    with Lab(scale=10) as lab:
        up(lab)
        assert out(lab, WORK.format("15s")).split()[-1] == "stopped"
        assert out(lab, WORK.format("0.1s")).split()[-1] == "fired"
        cpu = min(os.sched_getaffinity(0))
        for tid in os.listdir(f"/proc/{lab.process.pid}/task"):
            os.sched_setaffinity(int(tid), {cpu})
        with busy_loops(BUSY_LOOPS, cpu):
            began, real = lab.now(), time.monotonic()
            assert out(lab, WORK.format("15s")).split()[-1] == "stopped"
            took, real = lab.now() - began, time.monotonic() - real
    assert took < real * lab.scale / 2, "nothing was starved, so this test says nothing"


def test_a_fast_lab_runs_at_lifes_pace_while_a_file_system_is_frozen() -> None:
    def passed(lab: Lab) -> float:
        began, real = lab.now(), time.monotonic()
        time.sleep(1)
        return (lab.now() - began) / (time.monotonic() - real)

    with Lab(scale=20) as lab:
        up(lab)
        wait_until_up(lab)
        lab.control("life_pace")
        assert passed(lab) > 2
        lab.control("freeze", frozen=True)
        time.sleep(0.1)
        assert 0 < passed(lab) <= 1.1
        lab.control("freeze", frozen=False)
        lab.sleep(1.5)  # a second of life's pace comes after it
        assert passed(lab) > 2
