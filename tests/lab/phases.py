"""Phases of an operation, as scenarios name them: `at: Split` is the first state whose name begins with that word.

The state machine engine reports every state that is entered; whoever has something to do at a phase (a node that
loses its power there, a step that starts there) subscribes with `on_phase`. Needs nothing of the lab, so that any
module may import it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

Callback = Callable[[str, str], None]

_callbacks: list[Callback] = []
_entered: set[tuple[str, str]] = set()
_lock = threading.Lock()


def phase_of(state: str) -> str:
    """`Split`, for states named `Split`, `Split the mirror` and `Split: wait`."""
    return next((word for word in re.split(r"[^A-Za-z0-9]+", state) if word), "")


def on_phase(callback: Callback) -> None:
    """Call `callback(phase, execution_arn)` when an operation enters a phase, before the state does anything.

    It runs on the thread that enters the state, which waits for it; it may block briefly. An exception in it ends the
    execution with States.Runtime, so that a broken hook is not overlooked.
    """
    with _lock:
        _callbacks.append(callback)


def enter(state: str, execution_arn: str, operation_arn: str) -> None:
    """A state was entered in `execution_arn`, which belongs to the operation whose outermost execution is
    `operation_arn`. A phase is entered once per operation, however many states, polls and children it has."""
    phase = phase_of(state)
    with _lock:
        if not phase or (operation_arn, phase) in _entered:
            return
        _entered.add((operation_arn, phase))
        callbacks = list(_callbacks)
    for callback in callbacks:
        callback(phase, execution_arn)
