"""Interruption: an execution that ends stops whatever waits inside it, at once.

moto wakes waiting threads by setting and clearing an event, which a thread that is about to wait misses, and a task
in flight is waited for before ABORTED or TIMED_OUT is written. Here each environment keeps the events that threads
wait on below it and sets them when it stops running, and `Interrupted` carries a thread out of a state that no longer
counts. The first end of an execution also stays its end: moto lets a late error overwrite a stop.
"""

from __future__ import annotations

import threading
from typing import Any

from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.program_state import ProgramRunning

from .. import context
from .pins import replace


class Interrupted(BaseException):
    """Leaves a state whose execution, branch or attempt has ended. No `except Exception` of the engine stops it."""


def wait(env: Environment, event: threading.Event, seconds: float | None) -> bool:
    """Wait for `event`, at most `seconds` of lab time, or until `env` stops running; True if the event was set.

    The end of `env` sets the event too: ask `env.is_running()`, or the real condition, afterwards.
    """
    with env._state_mutex:
        if not env.is_running():
            return event.is_set()
        env.lab_waiting.add(event)
    try:
        return context.lab.clock.wait(event, seconds)
    finally:
        with env._state_mutex:
            env.lab_waiting.discard(event)


def sleep(env: Environment, seconds: float) -> None:
    """Sleep lab time; Interrupted if `env` ends meanwhile."""
    wait(env, threading.Event(), seconds)
    if not env.is_running():
        raise Interrupted


def _wake(env: Environment) -> None:
    with env._state_mutex:
        for event in env.lab_waiting:
            event.set()


def _close(frame: Environment) -> None:
    """What a closed frame still does no longer shows in the history."""
    frame.event_history_context.lab_closed = True
    for inner in list(frame._frames):
        _close(inner)


def install() -> None:
    original_init = replace(Environment, "__init__", lambda self, *args, **kwargs: init(self, *args, **kwargs))

    def init(self: Environment, *args: Any, **kwargs: Any) -> None:
        original_init(self, *args, **kwargs)
        self.lab_waiting: set[threading.Event] = set()

    for name in ("set_ended", "set_error", "set_timed_out", "set_stop"):
        _first_end_wins(name)
    for name in ("close_frame", "delete_frame"):
        _closing(name)
    for name in ("next_state_name", "next_field_name"):
        _interrupting_setter(name)

    original_body = replace(CommonStateField, "_eval_body", lambda self, env: state_body(self, env))

    def state_body(self: CommonStateField, env: Environment) -> None:
        try:
            original_body(self, env)
        except Interrupted:
            if env.is_running():
                raise

    hook = threading.excepthook
    threading.excepthook = lambda args: None if issubclass(args.exc_type, Interrupted) else hook(args)


def _first_end_wins(name: str) -> None:
    original = replace(Environment, name, lambda self, *args, **kwargs: end(self, *args, **kwargs))

    def end(self: Environment, *args: Any, **kwargs: Any) -> None:
        with self._state_mutex:
            if self._program_state is None or isinstance(self._program_state, ProgramRunning):
                original(self, *args, **kwargs)
            _wake(self)


def _closing(name: str) -> None:
    original = replace(Environment, name, lambda self, frame: close(self, frame))

    def close(self: Environment, frame: Environment) -> None:
        if frame in self._frames:  # a worker of a Distributed Map "deletes" the frame of the Map itself
            _close(frame)
        original(self, frame)


def _interrupting_setter(name: str) -> None:
    """moto raises RuntimeError when a state goes on in an execution that was stopped meanwhile."""
    original = replace(Environment, name, None)

    def setter(self: Environment, value: Any) -> None:
        with self._state_mutex:
            if self._program_state is not None and not isinstance(self._program_state, ProgramRunning):
                raise Interrupted
            original.fset(self, value)

    setattr(Environment, name, property(original.fget, setter))
