"""`python -m lab.fork_server`: imports what a lab is made of once, and forks a lab for each request.

Requests and replies are JSON, one a line, on stdin and stdout:

    {"start": ["--scale", "8", …], "log": PATH, "env": {…}}  ->  {"pid": N}; the arguments are those of `python -m lab`
    {"poll": N}                                              ->  {"code": null}, or its exit code once it has ended

A lab that has ended stays a zombie until it is polled, so that its pid is nobody else's. When stdin ends, so does this
process, and the labs with it (`--with-parent`).
"""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
from typing import IO, Any, NoReturn

from . import preload
from .__main__ import main as run_lab


def poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def into_lab(log: str, env: dict[str, str]) -> None:
    """What a new process would have had from the start: its own output, its own signals, its starter's environment."""
    with open(log, "a", encoding="utf-8") as out, open(os.devnull, encoding="utf-8") as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(out.fileno(), 1)
        os.dup2(out.fileno(), 2)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(env)


def serve(requests: IO[str], replies: IO[str]) -> dict[str, Any] | None:
    """Answer until the requests end: None. In each fork: the request that it is for."""
    while line := requests.readline():
        request = json.loads(line)
        if "poll" in request:
            answer: dict[str, Any] = {"code": poll(request["poll"])}
        else:
            pid = os.fork()
            if not pid:
                return request
            answer = {"pid": pid}
        print(json.dumps(answer), file=replies, flush=True)
    return None


def main() -> int:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the labs, which end by it, and to the starter
    # Beside stdin and stdout, which are a lab's own: what it prints must never be taken for a reply.
    with os.fdopen(os.dup(0), encoding="utf-8") as requests, os.fdopen(os.dup(1), "w", encoding="utf-8") as replies:
        os.dup2(2, 1)
        preload.load()
        gc.freeze()  # a collection in a fork would write into, and so copy, every page of what was imported
        request = serve(requests, replies)
    if request is None:
        return 0
    into_lab(request["log"], request["env"])
    return run_lab(request["start"], preload.adopt)


def leave(code: int) -> NoReturn:
    """End without taking apart what was imported, which takes a second and, in a fork, copies all of it first."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    leave(main())
