"""Labs as forks of one process that has imported everything (fork_server.py): seconds less for each lab.

The fork server is started with the first lab, and ends with this process.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TESTS = Path(__file__).resolve().parent.parent


class ForkServerError(RuntimeError):
    """The fork server has ended; the text says what it printed."""


class ForkServer:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.fork_server"],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        with self._lock:
            try:
                print(json.dumps(request), file=self._process.stdin, flush=True)
                reply = self._process.stdout.readline()
            except BrokenPipeError:
                reply = ""
        if not reply:
            raise ForkServerError(f"the labs' fork server has ended with {self._process.wait(20)}: see its stderr")
        return json.loads(reply)


class Process:
    """A lab's process, with what subprocess.Popen has of it."""

    def __init__(self, server: ForkServer, pid: int) -> None:
        self._server, self.pid = server, pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = self._server.ask(poll=self.pid)["code"]
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline = None if timeout is None else time.monotonic() + timeout
        while (code := self.poll()) is None:
            if timeout is not None and deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired("lab", timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:  # until it is polled its pid is its own, even if it has ended by now
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


_server: ForkServer | None = None
_starting = threading.Lock()


def start(arguments: list[str], log: Path, env: Mapping[str, str]) -> Process:
    """A lab with these arguments of `python -m lab`, its output appended to `log`. ForkServerError."""
    global _server
    with _starting:
        _server = _server or ForkServer()
    return Process(_server, _server.ask(start=arguments, log=str(log), env=dict(env))["pid"])
