"""Starts one lab: ministack with the lab's patches and models, on one loopback port, until a signal.

Nothing of ministack may be imported before `prepare()` has set its environment, since it reads it at import.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import context

# What the lab is made of, in the order in which it is installed. Each module has `install()`.
PARTS = (
    "patches.lambda_reaper",  # first, so that it stops last
    "witness",
    "gateway",
    "events",
    "patches",
    "iam",
    "patches.alarms",
    "patches.lambda_functions",
    "patches.scheduler_schedules",
    "patches.scheduler_rules",
    "patches.sns_limits",
    "patches.sqs_metrics",
    "patches.cloudformation_resources",
    "patches.cloudformation_documents",
    "ops",
    "quotas",
    "ebs",
    "ec2",
    "nodes.life",
    "ssm",
    "nodes.clusterpro",  # gives the world its machines
    "ec2.world",  # after everything that gives machines to its instances
    "lies",  # last: they change what the others do
)

Adopt = Callable[[int, Path], None]


def nothing_to_adopt(port: int, home: Path) -> None:
    """For a process that imports its parts itself, after `prepare()`."""


def listen(port: int | None) -> socket.socket:
    """A loopback socket, bound now and handed to the server, so that two labs never race for one port."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port or 0))
    except (OSError, OverflowError) as error:
        sock.close()
        raise OSError(
            f"port {port} on 127.0.0.1 cannot be used: {error}; choose another, or leave --port out"
        ) from error
    sock.listen(1024)
    sock.set_inheritable(False)
    return sock


def prepare(port: int, home: Path) -> None:
    """The environment in which ministack is imported."""
    endpoint = f"http://127.0.0.1:{port}"
    os.environ.update(
        {
            "BIND_HOST": "127.0.0.1",  # ministack's default is every interface
            "IOT_MTLS_ENABLED": "0",  # [full] opens an MQTT port otherwise
            "SFTP_ENABLED": "0",
            "GATEWAY_PORT": str(port),
            "MOTO_PORT": str(port),
            "AWS_ENDPOINT_URL": endpoint,  # handed to the Lambda processes; read at import
            "AUTH": "true",
            "MINISTACK_REGION": context.REGION,
            "AWS_DEFAULT_REGION": context.REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "TMPDIR": str(home / "tmp"),  # whatever the packages leave behind goes with the lab
            "LAMBDA_EXECUTOR": "local",
            "AWS_CONFIG_FILE": os.devnull,  # the user's own profile must not leak in
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
    )
    os.environ.pop("AWS_SESSION_TOKEN", None)
    os.environ.pop("AWS_PROFILE", None)
    tempfile.tempdir = str(home / "tmp")


def _asgi(inner):
    """ministack's app with the control plane before it, and replies that can be lost."""
    from .control import serve
    from .gateway import DropReply

    async def app(scope, receive, send):
        if scope["type"] == "http" and scope["path"] == "/_lab":
            await serve(scope, receive, send)
            return
        try:
            await inner(scope, receive, send)
        except DropReply:
            scope["state"]["lab_drop"] = True

    return app


def _patch_hypercorn() -> None:
    """A lost reply closes the connection without a byte: hypercorn would answer 500 where an app sends nothing."""
    from hypercorn.events import Closed  # noqa: F401  (asserts that the pinned version is the one patched here)
    from hypercorn.protocol.events import StreamClosed
    from hypercorn.protocol.http_stream import HTTPStream

    original = HTTPStream.app_send

    async def app_send(self, message):
        if message is None and self.scope and self.scope.get("state", {}).get("lab_drop"):
            self.closed = True
            await self.send(StreamClosed(stream_id=self.stream_id))
            return
        await original(self, message)

    HTTPStream.app_send = app_send


async def _serve(sock: socket.socket, ready: Callable[[], None]) -> None:
    import ministack.app
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    _patch_hypercorn()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Whoever starts the lab in the background may ignore it, and the nodes' processes would inherit that.
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(sig, stop.set)
    config = Config()
    config.bind = [f"fd://{os.dup(sock.fileno())}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 0.1  # idle connections of clients that are not closed use it up every time
    config.loglevel = "WARNING"
    server = asyncio.create_task(serve(_asgi(ministack.app.app), config, shutdown_trigger=stop.wait))
    # Requests wait in the socket's backlog from the start, so the lab is ready once the application has started.
    while not server.done() and not ministack.app._MAIN_LOOP:
        await asyncio.sleep(0.02)
    if not server.done():
        ready()
    await server


def run(
    *,
    scale: float,
    port: int | None,
    ready: Callable[[context.Lab], None],
    world: dict[str, Any] | None = None,
    cluster: dict[str, Any] | None = None,
    lies: Sequence[str] = (),
    mutation: int | None = None,
    adopt: Adopt = nothing_to_adopt,
) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP; `ready` is called once requests are answered.

    `adopt`: what makes the port and the directory known to parts that have been imported already (preload.py).
    """
    logging.basicConfig(level=os.environ.get("LAB_LOG_LEVEL", "WARNING"), stream=sys.stderr)
    home = Path(tempfile.mkdtemp(prefix="mirrorsnap-lab-"))
    stops: list[Callable[[], None]] = []
    try:
        sock = listen(port)
        chosen = sock.getsockname()[1]
        prepare(chosen, home)
        (home / "tmp").mkdir()
        adopt(chosen, home)
        lab = context.install(home, scale)
        lab.endpoint = f"http://127.0.0.1:{chosen}"
        lab.world = world or {}
        lab.cluster = cluster or {}
        lab.lies, lab.mutation = tuple(lies), mutation
        for name in PARTS:
            stop = importlib.import_module(f".{name}", __package__).install()
            if stop:
                stops.append(stop)
        asyncio.run(_serve(sock, lambda: ready(lab)))
    finally:
        for stop in reversed(stops):
            stop()
        if context.lab:
            context.lab.timers.stop()
            context.lab.record.close()
        shutil.rmtree(home, ignore_errors=True)
