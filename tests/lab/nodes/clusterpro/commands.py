"""What the simulated `clp*` commands share: how they are registered, answer, and wait.

A command is `fn(c: Cli) -> Result`. Exit codes and error texts that clusterpro.md does not give are [likely]: the
product may rely on zero or not zero, and on the success lines, no more.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ... import context
from ..socket import Exec, Result
from .cluster import Cluster, Node, Refused
from .lagging import COMMANDS as LAGGING

SUCCEEDED = "Command succeeded.\n"
POLL = 0.02  # real seconds between looks at whether the caller still lives


class Call(Protocol):
    """One call as the machine hands it over (nodes.socket.NodeCall)."""

    argv: list[str]
    env: dict[str, str]

    def alive(self) -> bool: ...

    def sleep(self, seconds: float) -> bool: ...

    def last_words(self) -> None: ...


@dataclass
class Cli:
    cluster: Cluster
    node: Node
    call: Call

    @property
    def args(self) -> list[str]:
        return self.call.argv[1:]

    @property
    def name(self) -> str:
        return self.call.argv[0]

    def fail(self, rc: int, text: str) -> Result:
        return Result(rc, "", f"{self.name} : {text}\n")

    def work(self, seconds: float) -> None:
        """Spend lab time without the lock; raises Killed if the caller dies meanwhile."""
        if not self.call.sleep(seconds):
            raise Killed

    def wait(self, event: threading.Event) -> None:
        """Wait for what the daemon does; raises Killed if the caller dies first (the daemon goes on)."""
        while not event.wait(POLL):
            if not self.call.alive():
                raise Killed


class Killed(Exception):
    """The process that called is gone: nobody reads an answer."""


Handler = Callable[["Cli"], Result | Exec]
COMMANDS: dict[str, Handler] = {}


def command(name: str, root: bool = True) -> Callable[[Handler], Handler]:
    """Register the handler of a simulated command; `root`: it refuses other users, as all that change something do."""

    def register(fn: Handler) -> Handler:
        def run(c: Cli) -> Result | Exec:
            # Run Command gives root; a test says otherwise by this variable, since the lab itself needs no root.
            if root and c.call.env.get("LAB_UID", "0") != "0":
                return c.fail(1, "This command must be run by root.")
            try:
                return _at_its_pace(c, fn)
            except Killed:
                return Result(137)
            except Refused as error:
                return c.fail(error.rc, error.text)

        COMMANDS[name] = run
        return fn

    return register


def _at_its_pace(c: Cli, fn: Handler) -> Result | Exec:
    """Half of a command's time passes before it looks or acts, half after: what it says is old when it is read."""
    half = context.lab.timing.clp_command / 2 if c.name.startswith("clp") else 0.0
    c.work(half)
    if _fails_this_once(c):
        return c.fail(1, "Another command is running. Try again later.")
    if c.name in LAGGING:
        result = c.cluster.lagging.answer((c.node.name, *c.call.argv), c.node, lambda: _shown(c, fn))
    else:
        result = fn(c)
    c.work(half)
    return result


def _shown(c: Cli, fn: Handler) -> Result | Exec:
    try:
        return fn(c)
    except Refused as error:
        return c.fail(error.rc, error.text)


READS = ("clpstat", "clpmdstat", "clpcfget")


def _fails_this_once(c: Cli) -> bool:
    """With the switch `fails_once`: whether this is the node's first call of the command with that first argument."""
    kind = c.cluster.switches.fails_once
    if not c.name.startswith("clp") or c.name == "clplogcmd" or kind != ("reads" if c.name in READS else "orders"):
        return False
    with lock():
        call = (c.node.name, *c.call.argv[:2])
        first = call not in c.cluster.failed_once
        c.cluster.failed_once.add(call)
        return first


def options(args: list[str], flags: dict[str, str], values: dict[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Parse options: `flags` and `values` map spellings to keys. Raises Refused(rc 2) for anything unknown."""
    out: dict[str, Any] = {}
    rest: list[str] = []
    it = iter(args)
    for arg in it:
        if arg in flags:
            out[flags[arg]] = True
        elif arg in values:
            value = next(it, None)
            if value is None:
                raise Refused(f"The option {arg} needs a value.", 2)
            out[values[arg]] = value
        elif arg.startswith("-"):
            raise Refused(f"Invalid option {arg}.", 2)
        else:
            rest.append(arg)
    return out, rest


def lock() -> threading.RLock:
    return context.lab.lock
