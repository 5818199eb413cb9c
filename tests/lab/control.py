"""The lab's control plane: `POST /_lab` with `{"op": name, ...}` on the lab's own port, loopback only, unsigned.

Each module registers what a test may ask of it with `@op("name")`. `client.Lab` is the other end.
"""

from __future__ import annotations

import asyncio
import json
import traceback
from collections.abc import Callable
from typing import Any

OPS: dict[str, Callable[..., Any]] = {}


def op(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register `fn(**arguments) -> JSON value` as a control operation. It runs on a worker thread and may block."""

    def register(fn: Callable[..., Any]) -> Callable[..., Any]:
        if name in OPS:
            raise ValueError(f"control operation {name!r} is registered twice")
        OPS[name] = fn
        return fn

    return register


async def _answer(send, status: int, value: Any) -> None:
    body = json.dumps(value, default=str).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve(scope, receive, send) -> None:
    """The ASGI side of /_lab."""
    body = b""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    try:
        request = json.loads(body or b"{}")
        fn = OPS[request.pop("op")]
    except (ValueError, KeyError, AttributeError) as error:
        await _answer(send, 404, {"error": f"no such operation: {error}; known: {', '.join(sorted(OPS))}"})
        return
    try:
        await _answer(send, 200, {"result": await asyncio.to_thread(lambda: fn(**request))})
    except Exception as error:
        text = "".join(traceback.format_exception(error))
        await _answer(send, 400, {"error": f"{type(error).__name__}: {error}", "traceback": text})
