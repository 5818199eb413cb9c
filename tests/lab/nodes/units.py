"""The life of transient units: a service that is one process with its descendants, and a timer that starts one.

States and properties are systemd's (systemd.service(5), systemd.timer(5)): a service that ended well is unloaded at
once, one that failed stays until reset-failed unless it was made with --collect; RuntimeMaxSec does nothing for a
oneshot, which has TimeoutStartSec; a timer fires up to AccuracySec late, a minute unless it was told otherwise.
"""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .. import context
from . import processes
from .processes import Process

if TYPE_CHECKING:
    from .systemd import Systemd

STOP_SECONDS = 90.0  # DefaultTimeoutStopSec
CLEAN_SIGNALS = (-signal.SIGHUP, -signal.SIGINT, -signal.SIGTERM, -signal.SIGPIPE)  # a clean end, systemd.service(5)


@dataclass
class ServiceUnit:
    systemd: Systemd
    name: str
    argv: list[str]
    description: str
    type: str = "simple"  # simple, exec, oneshot
    env: dict[str, str] = field(default_factory=dict)
    cwd: str | None = None
    runtime_max: float | None = None
    start_timeout: float | None = None  # of a oneshot
    stop_timeout: float = STOP_SECONDS
    collect: bool = False
    remain: bool = False  # RemainAfterExit
    tag: str = ""  # SyslogIdentifier: under which the journal has what the process prints
    group: bool = True  # KillMode=control-group: what the process leaves behind is killed with it
    restart: str = "no"  # Restart=
    restart_after: float = 0.1  # RestartSec
    limit_interval: float = 10.0  # StartLimitIntervalSec; 0 switches the limit off
    limit_burst: int = 5  # StartLimitBurst
    timer: TimerUnit | None = None  # which keeps the unit loaded while it waits
    state: str = "inactive"  # inactive, activating, active, deactivating, failed
    sub: str = "dead"
    result: str = "success"
    rc: int = 0
    pid: int = 0
    ended: threading.Event = field(default_factory=threading.Event)
    _process: Process | None = None
    _timers: list = field(default_factory=list)
    _stopping: bool = False
    _gone: bool = False
    _starts: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Run the process; FileNotFoundError if there is no such program, RuntimeError if the node is down."""
        with self.systemd.lock:
            if self._process and not self._process.exited.is_set():
                return
            self.ended.clear()
            self.result, self._stopping, self.rc = "success", False, 0
            mark = {"LAB_UNIT": self.name, "INVOCATION_ID": f"{id(self):032x}"}
            self._process = self.systemd.machine.spawn(self.argv, env={**self.env, **mark}, cwd=self.cwd)
            self.pid = self._process.pid
            self._starts.append(context.lab.clock.monotonic())
            self.state, self.sub = ("activating", "start") if self.type == "oneshot" else ("active", "running")
            limit = self.start_timeout if self.type == "oneshot" else self.runtime_max
            if limit is not None:
                self._timers.append(context.lab.timers.after(limit, lambda p=self._process: self._overdue(p)))
        threading.Thread(target=self._watch, args=(self._process,), name=self.name, daemon=True).start()

    def stop(self) -> None:
        """SIGTERM to all its processes, SIGKILL after TimeoutStopSec; returns when it has ended."""
        with self.systemd.lock:
            if self.state not in ("active", "activating", "deactivating"):
                return
            self._stopping = True
            if not self._process or self._process.exited.is_set():
                self._finish()  # active (exited)
                return
            process = self._process
            self._terminate(process)
        if process:
            self.ended.wait()

    def kill(self, number: int) -> None:
        processes.signal_all(self._pids() if self.group else [self.pid], number)

    def forget(self) -> None:
        """The boot is over: whatever is due later does nothing."""
        self._gone = True
        self.state, self.sub = "inactive", "dead"
        for timer in self._timers:
            timer.cancel()
        self.ended.set()

    def _pids(self) -> list[int]:
        boot = self.systemd.machine.boot_id
        here = set(processes.marked(f"LAB_BOOT={boot}"))
        return [pid for pid in processes.marked(f"LAB_UNIT={self.name}") if pid in here]

    def _terminate(self, process: Process) -> None:
        self.state, self.sub = "deactivating", "stop-sigterm"
        self.kill(signal.SIGTERM)

        def make_it() -> None:
            if not self._gone and not process.exited.is_set():
                self.kill(signal.SIGKILL)

        self._timers.append(context.lab.timers.after(self.stop_timeout, make_it))

    def _overdue(self, process: Process) -> None:
        with self.systemd.lock:
            if not self._gone and not process.exited.is_set() and self.state in ("active", "activating"):
                self.result = "timeout"
                self._terminate(process)

    def _watch(self, process: Process) -> None:
        process.exited.wait()
        self._over(process)
        if self.tag:
            process.done.wait(processes.DEATH_SECONDS)  # what it has left was killed, and holds its output no more
            for text in process.stdout.decode("utf-8", "replace").splitlines():
                context.lab.record.add("journal", node=self.systemd.machine.name, tag=self.tag, text=text)

    def _over(self, process: Process) -> None:
        with self.systemd.lock:
            if self._gone or process is not self._process:
                return
            if self.group:
                self.kill(signal.SIGKILL)  # systemd asks first, with SIGTERM; nothing here may depend on it
            rc = process.rc or 0
            self.rc = rc if rc >= 0 else -rc
            if self.result == "success" and rc != 0 and not (rc in CLEAN_SIGNALS and self.type != "oneshot"):
                self.result = "exit-code" if rc > 0 else "signal"
            if self._stopping and self.result == "signal" and rc == -signal.SIGTERM:
                self.result = "success"
            if self.remain and self.result == "success" and not self._stopping:
                self.state, self.sub = "active", "exited"
                self.ended.set()
                return
            self._finish()

    def _restarts(self) -> bool:
        """By the table of Restart= in systemd.service(5); a unit that was told to stop stays down."""
        kinds = {
            "always": True,
            "on-success": self.result == "success",
            "on-failure": self.result != "success",
            "on-abnormal": self.result in ("signal", "timeout"),
            "on-abort": self.result == "signal",
        }
        if self._stopping or not kinds.get(self.restart, False):
            return False
        now = context.lab.clock.monotonic()
        self._starts = [t for t in self._starts if t > now - self.limit_interval]
        if self.limit_interval and len(self._starts) >= self.limit_burst:
            self.result = "start-limit-hit"
            return False
        self.state, self.sub, self.pid = "activating", "auto-restart", 0
        self._timers.append(context.lab.timers.after(self.restart_after, self._again))
        return True

    def _again(self) -> None:
        with self.systemd.lock:
            if self._gone or self.sub != "auto-restart":
                return
            try:
                self.start()
            except (RuntimeError, OSError):
                self.result = "resources"
                self._finish()

    def _finish(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self._restarts():
            return
        failed = self.result != "success"
        self.state, self.sub = ("failed", "failed") if failed else ("inactive", "dead")
        self.pid = 0
        if (not failed or self.collect) and not (self.timer and self.timer.state == "active"):
            self.unload()
        self.ended.set()

    def unload(self) -> None:
        if self.systemd.units.get(self.name) is self:
            del self.systemd.units[self.name]


@dataclass
class TimerUnit:
    systemd: Systemd
    name: str
    service: ServiceUnit
    on_active: float | None  # s from its activation or, up to systemd 253, from the last daemon-reload
    on_boot: float | None  # s from the boot
    accuracy: float = 60.0  # AccuracySec's default, systemd.timer(5)
    random_delay: float = 0.0  # RandomizedDelaySec
    state: str = "inactive"
    sub: str = "dead"
    due: float = 0.0  # lab time of the nominal elapse
    _timer: object = None

    def start(self) -> None:
        clock = context.lab.clock
        late = self.accuracy + self.random_delay if self.systemd.late_timers else 0.0
        with self.systemd.lock:
            after = self._after()
            self.state, self.sub, self.due = "active", "waiting", clock.monotonic() + after
            self._timer = context.lab.timers.after(after + late, self._elapse)

    def _after(self) -> float:
        """Seconds from now to the earlier of its moments, if systemd starts to count now."""
        moments = [] if self.on_active is None else [self.on_active]
        if self.on_boot is not None:
            moments.append(max(0.0, self.on_boot - self.systemd.machine.uptime()))
        return min(moments)

    def reload(self) -> None:
        """What a daemon-reload does to it up to systemd 253: --on-active begins anew, --on-boot does not."""
        with self.systemd.lock:
            if self.state == "active":
                self.forget()
                self.start()

    def stop(self) -> None:
        with self.systemd.lock:
            self.forget()
            self._unload()

    def forget(self) -> None:
        self.state, self.sub = "inactive", "dead"
        if self._timer:
            self._timer.cancel()  # type: ignore[attr-defined]

    def _unload(self) -> None:
        if self.systemd.units.get(self.name) is self:
            del self.systemd.units[self.name]
        if self.service.state == "inactive":
            self.service.unload()

    def _elapse(self) -> None:
        with self.systemd.lock:
            if self.state != "active" or self.systemd.units.get(self.name) is not self:
                return
            self.state, self.sub = "inactive", "dead"  # RemainAfterElapse=no, as systemd-run makes its timers
            try:
                self.service.start()
            except (RuntimeError, FileNotFoundError):
                self.service.state, self.service.sub, self.service.result = "failed", "failed", "resources"
            if self.systemd.units.get(self.name) is self:
                del self.systemd.units[self.name]
