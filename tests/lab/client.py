"""The lab's client: start a lab from a test, talk to its control plane, get AWS clients for it."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from . import forks

TESTS = Path(__file__).resolve().parent.parent
START_SECONDS = 300  # real; they end a start that hangs


class ControlError(Exception):
    """The lab refused a control operation; the text is the lab's own."""


class Lab:
    """A lab in a process of its own. A context manager; `stop()` ends the process and waits for it."""

    def __init__(self, scale: float = 1.0, options: list[str] | None = None) -> None:
        self._dir = tempfile.TemporaryDirectory(prefix="mirrorsnap-lab-env-")
        env_file = Path(self._dir.name) / "env"
        self.log_path = Path(self._dir.name) / "lab.stderr"
        arguments = ["--quiet", "--with-parent", "--scale", str(scale), "--env-file", str(env_file), *(options or [])]
        self.process = forks.start(arguments, self.log_path, os.environ)
        deadline = time.monotonic() + START_SECONDS
        while not env_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"the lab did not start:\n{self.log_path.read_text()[-4000:]}")
            time.sleep(0.02)
        pairs = (line.removeprefix("export ").split("=", 1) for line in env_file.read_text().splitlines())
        self.environment = dict(pairs)
        self.endpoint = self.environment["AWS_ENDPOINT_URL"]
        self.region = self.environment["AWS_DEFAULT_REGION"]
        self.scale = scale
        self._kept = threading.local()  # each thread's connection to the control plane, which is asked all the time
        self.control("watch", pid=os.getpid())

    def __enter__(self) -> Lab:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._dir.cleanup()

    def control(self, op: str, **arguments: Any) -> Any:
        status, answer = self._post(json.dumps({"op": op, **arguments}).encode())
        value = json.loads(answer)
        if status != 200:
            raise ControlError(value["error"])
        return value["result"]

    def _post(self, body: bytes) -> tuple[int, bytes]:
        kept: http.client.HTTPConnection | None = self._kept.__dict__.pop("connection", None)
        if kept:
            try:
                return self._post_on(kept, body)
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                kept.close()  # the lab had closed it, having heard nothing for long
        return self._post_on(http.client.HTTPConnection(self.endpoint.removeprefix("http://"), timeout=300), body)

    def _post_on(self, connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
        """On a connection that is kept for the next one, unless it fails."""
        connection.request("POST", "/_lab", body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = response.status, response.read()
        self._kept.connection = connection
        return answer

    def boto(
        self, service: str, *, retries: int = 0, credentials: dict[str, str] | None = None, region: str = ""
    ) -> Any:
        """A boto3 client of the lab; `credentials` as STS returns them, default: the account's root."""
        keys = credentials or {"AccessKeyId": "test", "SecretAccessKey": "test"}
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name=region or self.region,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys.get("SessionToken"),
            config=Config(retries={"total_max_attempts": retries + 1}, read_timeout=300, inject_host_prefix=False),
        )

    def log(self, since: int = 0, **equal: Any) -> list[dict[str, Any]]:
        """Log entries after `since` whose fields equal those given."""
        entries = self.control("log", since=since)
        return [e for e in entries if all(e.get(k) == v for k, v in equal.items())]

    def fault(self, **spec: Any) -> int:
        return self.control("fault", spec=spec)

    def now(self) -> float:
        """Lab seconds since the lab started."""
        return float(self.control("time")["t"])

    def sleep(self, seconds: float) -> None:
        """Sleep `seconds` of lab time."""
        due = self.now() + seconds
        while (left := due - self.now()) > 0:
            time.sleep(max(0.001, left / self.scale))

    def deadline(self, seconds: float, least: float = 2.0) -> Deadline:
        """So much lab time from now, and at least `least` real seconds, however fast the lab's clock is."""
        return Deadline(self, seconds, least)

    def wait_for(self, condition: Any, seconds: float = 30.0, what: str = "condition") -> Any:
        """Poll `condition()` until it is truthy, at most `seconds` of lab time (and at least 2 real ones)."""
        deadline = self.deadline(seconds)
        while True:
            value = condition()
            if value:
                return value
            if deadline.passed():
                raise AssertionError(f"{what} did not come true within {seconds} s of lab time")
            time.sleep(0.02)


class Deadline:
    """When to give up, in lab time: a busy host, which holds that up, takes nothing away from what is waited for."""

    def __init__(self, lab: Lab, seconds: float, least: float) -> None:
        self._lab, self._due = lab, lab.now() + seconds
        self._real = time.monotonic() + max(least, seconds / lab.scale)  # it cannot come before

    def passed(self) -> bool:
        return time.monotonic() > self._real and self._lab.now() > self._due


def eventually(condition: Any, what: str, seconds: float = 120.0) -> Any:
    """Poll `condition()` until it is truthy. `seconds` are real ones and say nothing about speed: they only end a test
    of something that never comes, so they are many."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(f"never: {what}")
        time.sleep(0.01)
    return value
