"""The executions of this lab: who started whom, how far each is, and how much it would be billed.

ministack's record of an execution stays the one that its API answers from; a `Run` adds what neither package keeps.
"""

from __future__ import annotations

import itertools
import threading
from dataclasses import dataclass, field
from typing import Any

from moto.stepfunctions.parser.asl.eval.environment import Environment

from ..control import op

_lock = threading.Lock()
_ended = threading.Condition(_lock)
LONGEST_WAIT = 10.0  # real seconds
_order = itertools.count()
_expected: dict[str, str] = {}  # name of an execution about to be started by a task -> ARN of the task's execution
RUNS: dict[str, Run] = {}


@dataclass
class Run:
    record: dict[str, Any]  # ministack's own
    machine: str
    definition: str
    role_arn: str
    env: Environment
    parent: str | None  # the execution whose task started this one
    cause: str | None  # the execution whose event started this one
    order: int = field(default_factory=lambda: next(_order))
    transitions: int = 0
    over: bool = False  # its last event is written
    begun_at: float = 0.0  # lab time
    ended_at: float | None = None  # lab time at which its status changed
    watchers: set[threading.Event] = field(default_factory=set)  # set when it is over

    @property
    def arn(self) -> str:
        return self.record["executionArn"]

    def count_transition(self) -> None:
        with _lock:
            self.transitions += 1

    def watch(self, event: threading.Event) -> None:
        with _lock:
            self.watchers.add(event)
            if self.over:
                event.set()

    def finish(self) -> None:
        with _lock:
            self.over = True
            for event in self.watchers:
                event.set()
            self.watchers.clear()
            _ended.notify_all()


def expect_child(name: str, parent: str) -> None:
    """A task of `parent` is about to start an execution called `name`."""
    with _lock:
        _expected[name] = parent


def expected_parent(name: str) -> str | None:
    with _lock:
        return _expected.pop(name, None)


def operation_of(run: Run) -> Run:
    """The outermost execution that started this one, through tasks alone."""
    while run.parent and (parent := RUNS.get(run.parent)):
        run = parent
    return run


def outermost_running(run: Run) -> Run:
    while run.parent and (parent := RUNS.get(run.parent)) and not parent.over:
        run = parent
    return run


@op("executions")
def executions(ended: int = 0, wait: float = 0.0) -> list[dict[str, Any]]:
    """Every execution of this lab, in the order of their starts. Dates are ISO 8601 in lab time; `transitions` are
    states entered and retries, children excluded, as AWS bills standard workflows.

    `wait`: for so many real seconds at most, until more than `ended` of them are over.
    """
    with _lock:
        if wait:
            _ended.wait_for(lambda: sum(run.over for run in RUNS.values()) > ended, min(wait, LONGEST_WAIT))
        runs = sorted(RUNS.values(), key=lambda run: run.order)
    return [
        {
            "arn": run.arn,
            "name": run.record["name"],
            "machine": run.machine,
            "status": run.record["status"],
            "error": run.record.get("error"),
            "cause": run.record.get("cause"),
            "input": run.record["input"],
            "output": run.record.get("output"),
            "started": run.record["startDate"],
            "stopped": run.record.get("stopDate"),
            "transitions": run.transitions,
            "parent": run.parent,
            "caused_by": run.cause,
            "over": run.over,
        }
        for run in runs
    ]


def install() -> None:
    """Importing this module has registered its operation."""
