"""One execution environment of a `provided.*` function: a real process that speaks the Runtime API.

ministack's own worker is kept for the Runtime API server and the spawn; the invocation is written anew, since it must
know what ministack's does not: the init time (spawn to the first /next), the duration, the process's own peak memory,
a Timeout in lab time, and how to die before or after the work on demand.
"""

from __future__ import annotations

import fcntl
import os
import queue
import signal
import subprocess
import sys
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ministack.core.lambda_runtime as runtime

from .. import context

POLL = 0.02  # seconds between two looks at the process while it works: real ones, or the lab's where these are longer


@dataclass
class Outcome:
    """What came of one invocation. Times are real milliseconds: the function's own code runs at real speed."""

    outcome: str  # ok | error | timeout | crashed
    body: Any = None  # the response, or the error payload {errorType, errorMessage, …}
    log: str = ""
    init_ms: float | None = None  # of a cold start, else None
    duration_ms: float = 0.0
    peak_mb: float = 0.0  # the process's own high-water mark (VmHWM)


class _Subprocess:
    """`subprocess` for ministack's runtime module: stamps the start, and puts each process into a group of its own.

    The group lets a kill take along whatever the function has started.
    """

    def __getattr__(self, name: str) -> Any:
        return getattr(subprocess, name)

    def Popen(self, *args: Any, **kwargs: Any) -> subprocess.Popen:
        started = time.perf_counter()
        process = subprocess.Popen(*args, start_new_session=True, **kwargs)
        process.lab_started = started  # type: ignore[attr-defined]
        return process


def kill(process: subprocess.Popen | None) -> None:
    """End a function's process group at once: Lambda gives a runtime without extensions no grace either."""
    if process is None or process.poll() is not None:
        return
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        process.kill()


def peak_mb(process: subprocess.Popen | None) -> float:
    """VmHWM in MB, 0 once the process is gone. It starts at the exec, so nothing of the lab's own is counted."""
    try:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if process else []:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    except (OSError, ValueError):
        pass
    return 0.0


class LabWorker(runtime.ProvidedWorker):
    first_poll_at: float | None = None  # perf_counter of this generation's first /next

    def _mark_first_poll(self, generation: int) -> Any:
        now = time.perf_counter()
        current = super()._mark_first_poll(generation)
        if current and self.first_poll_at is None:
            self.first_poll_at = now
        return current

    def _build_handler_class(self, generation: int, pending: queue.Queue) -> Any:
        """Without Nagle: ministack writes headers and body apart, and the body would wait 40 ms for an ACK."""
        handler = super()._build_handler_class(generation, pending)
        handler.disable_nagle_algorithm = True
        return handler

    def _spawn(self, init_timeout: float | None = None) -> None:
        self.first_poll_at = None
        super()._spawn(init_timeout)

    def serve(self, event: Any, request_id: str, arn: str, trace_id: str | None, effect: str | None) -> Outcome:
        """Run one invocation; `effect` is a fault: crash_before, crash_after or None."""
        with self._lock:
            init_ms = self._warm_up()
            if effect == "crash_before":
                result = Outcome("crashed", _exit_error(request_id, "signal: killed"), peak_mb=peak_mb(self._proc))
                self._teardown()
                result.log = self._drain_stderr()
            else:
                result = self._run(event, request_id, arn, trace_id)
                if effect == "crash_after" and result.outcome == "ok":
                    self._teardown()
                    result.outcome, result.body = "crashed", _exit_error(request_id, "signal: killed")
            result.init_ms = init_ms
            return result

    def _warm_up(self) -> float | None:
        """Start the process if there is none; its init time in ms, None if it was warm."""
        if self._proc is not None and self._proc.poll() is None:
            return None
        try:
            self._spawn()
        except runtime.ProvidedInitTimeout:
            # AWS runs an init that overran its 10 s once more, under the function's own Timeout
            # (lambda-runtime-environment.html).
            self._spawn(init_timeout=context.lab.clock.real(float(self.config.get("Timeout", 3))))
        self._cold = False
        started = getattr(self._proc, "lab_started", None)
        if started is None or self.first_poll_at is None:
            return 0.0
        return (self.first_poll_at - started) * 1000

    def _run(self, event: Any, request_id: str, arn: str, trace_id: str | None) -> Outcome:
        clock, timeout = context.lab.clock, float(self.config.get("Timeout", 3))
        with self._state_lock:
            self._result = {}
            self._response_ready.clear()
            self._current_request_id = request_id
            pending: queue.Queue = self._pending
        process = self._proc
        started, due = time.perf_counter(), clock.monotonic() + timeout
        pending.put((request_id, event, int((time.time() + clock.real(timeout)) * 1000), trace_id, arn))
        peak, failure = peak_mb(process), None
        poll = POLL * max(1.0, clock.real(1))
        while not self._response_ready.wait(min(poll, clock.pause(due))):
            peak = max(peak, peak_mb(process))
            code = process.poll() if process else -1
            if code is not None:
                # It may have answered and exited before the answer was taken in.
                if not self._response_ready.wait(POLL):
                    reason = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
                    failure = Outcome("crashed", _exit_error(request_id, reason))
                break
            if clock.monotonic() >= due:
                text = f"RequestId: {request_id} Error: Task timed out after {timeout:.2f} seconds"
                failure = Outcome("timeout", {"errorType": "Sandbox.Timedout", "errorMessage": text})
                break
        duration_ms = (time.perf_counter() - started) * 1000
        peak = max(peak, peak_mb(process))
        if failure is not None:
            self._teardown()
            failure.log = "\n".join(x for x in (self._drain_stderr(), failure.body["errorMessage"]) if x)
            failure.duration_ms, failure.peak_mb = duration_ms, peak
            return failure
        with self._state_lock:
            result, self._result = self._result, {}
            self._current_request_id = None
        log = self._drain_log(process)
        if self._proc is None or self._proc.poll() is not None:
            self._teardown()  # it answered and left: the next invocation starts cold
        if "error" in result:
            body = result["error"]
            if not isinstance(body, dict):
                body = {"errorType": "Runtime.Unknown", "errorMessage": str(body)}
            return Outcome("error", body, log, None, duration_ms, peak)
        return Outcome("ok", result.get("response"), log, None, duration_ms, peak)

    def _drain_log(self, process: subprocess.Popen | None) -> str:
        """What the function printed before it answered; ministack's own drain waits 50 ms where nothing was printed."""
        host = context.lab.clock.host
        end = host.monotonic() + 0.05
        try:
            while process and process.stdout and host.monotonic() < end:
                waiting = fcntl.ioctl(process.stdout.fileno(), termios.FIONREAD, bytes(4))
                if not int.from_bytes(waiting, sys.byteorder):
                    break
                time.sleep(0.001)
        except (OSError, ValueError):
            pass  # the pipe is closed: the pump has taken everything
        host.sleep(0.001)  # the pump may hold a line that it has read but not passed on
        return self._drain_stderr()


def _exit_error(request_id: str, reason: str) -> dict[str, str]:
    """What a caller gets when the process is gone: AWS's words."""
    text = f"RequestId: {request_id} Error: Runtime exited with error: {reason}"
    return {"errorType": "Runtime.ExitError", "errorMessage": text}


def install() -> None:
    stock = runtime._worker_class_for
    runtime._worker_class_for = lambda config: LabWorker if stock(config) is runtime.ProvidedWorker else stock(config)
    runtime.subprocess = _Subprocess()
    runtime._signal = kill
