"""Lies that a switch seeds in the lab: `python -m lab --lie ID`, and ID once more for each further one.

Each makes the lab answer other than a document of AWS's says. tests/lies/lies.yaml lists them: what each does, which
belief of docs/assumptions.md it breaks, and the line of which document. `make probe-aws` asks AWS those beliefs, and
is worth as much as it finds of these. A lie is a function that changes what the lab's parts do, run once they are in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import context
from ..wire import Handler
from . import mutations

LIES: dict[str, Callable[[], None]] = {}


def lie(name: str) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register the function that tells this lie from now on."""

    def register(fn: Callable[[], None]) -> Callable[[], None]:
        if name in LIES:
            raise ValueError(f"the lie {name!r} is registered twice")
        LIES[name] = fn
        return fn

    return register


def around(action: str, change: Callable[[Handler, dict[str, Any]], dict[str, Any] | None]) -> None:
    """Have `change(inner, request)` answer an EC2 action; `inner(request)` is the true handler."""
    from ..ec2.api import ACTIONS

    true = ACTIONS[action]
    ACTIONS[action] = lambda request: change(true, request)


def known() -> dict[str, Callable[[], None]]:
    """All lies by their names."""
    from . import commands, machines, permissions, storage, workflows  # noqa: F401 - each registers its own

    return LIES


def check(names: Iterable[str]) -> list[str]:
    """These names; ValueError for one that no lie has."""
    names = list(names)
    if unknown := sorted(set(names) - set(known())):
        raise ValueError(f"no lie is called {', '.join(unknown)}; there are {', '.join(sorted(known()))}")
    return names


def install() -> None:
    for name in check(context.lab.lies):
        LIES[name]()
    if context.lab.mutation is not None:
        mutations.tell(context.lab.mutation)
