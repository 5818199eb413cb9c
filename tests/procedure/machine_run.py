"""Runs a state machine in this process: which states it enters, with what each Task was called, and how it ends.

Expressions are evaluated as the lab does. A Task's result is told by whoever runs it; time does not pass, and Retry is
not followed: an error is what is left after all repeats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from lab.patches.sfn_jsonata import UNDEFINED, evaluate

NOW = "2026-11-26T12:00:00Z"
MOST = 5000  # states


class TaskError(Exception):
    """A Task's error, after all repeats."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(error)
        self.output = {"Error": error, "Cause": cause}


class Undefined(Exception):
    """An expression that has no value, which ends an execution with States.QueryEvaluationError."""


Answer = Callable[[str, dict[str, Any]], Any]  # the result of a Task, by its name and its Arguments


@dataclass
class Run:
    """One execution. `calls`: each Task with its Arguments."""

    machine: dict[str, Any]
    answer: Answer
    path: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    error: dict[str, Any] | None = None
    output: Any = None

    def start(self, value: Any) -> Run:
        try:
            self.output = self._states(self.machine, value, {})
        except TaskError as error:
            self.error = error.output
        return self

    def _states(self, machine: dict[str, Any], value: Any, outside: dict[str, Any]) -> Any:
        """Run states from `StartAt`; the output. An error that nothing catches leaves as TaskError."""
        name, inside = machine["StartAt"], dict(outside)
        while True:
            self.path.append(name)
            assert len(self.path) < MOST, f"no end: {self.path[-10:]}"
            state = machine["States"][name]
            try:
                fields, value = self._state(name, state, value, inside)
            except TaskError as error:
                fields = next((each for each in state.get("Catch", []) if _catches(each, error)), None)
                if fields is None:
                    raise
                states = {"input": value, "errorOutput": error.output}
                value = self._done(name, fields, states, inside, error.output)
            if "Next" not in fields:
                return value
            name = fields["Next"]

    def _done(self, name: str, fields: dict[str, Any], states: dict[str, Any], inside: dict[str, Any], out: Any) -> Any:
        """Assign and Output of a state, a rule or a catcher, which do not see one another."""
        assigned = self._value(name, fields.get("Assign", {}), states, inside)
        output = self._value(name, fields["Output"], states, inside) if "Output" in fields else out
        inside |= assigned
        return output

    def _state(
        self, name: str, state: dict[str, Any], value: Any, inside: dict[str, Any]
    ) -> tuple[dict[str, Any], Any]:
        states: dict[str, Any] = {"input": value}
        kind, fields, out = state["Type"], state, value
        if kind == "Fail":
            raise TaskError(*(self._value(name, state[key], states, inside) for key in ("Error", "Cause")))
        if kind == "Choice":
            rules = [*state["Choices"], {**state, "Next": state["Default"]}]
            fields = next(rule for rule in rules if self._holds(name, rule, states, inside))
        elif kind == "Wait":
            assert self._value(name, state["Seconds"], states, inside) >= 1, name
        elif kind == "Task":
            arguments = self._value(name, state["Arguments"], states, inside)
            self.calls.append((name, arguments))
            out = self.answer(name, arguments)
            states["result"] = out
        elif kind == "Parallel":
            out = [self._states(branch, value, inside) for branch in state["Branches"]]
            states["result"] = out
        elif kind == "Map":
            out = list(self._items(name, state, states, inside))
            states["result"] = out
        return fields, self._done(name, fields, states, inside, out)

    def _items(self, name: str, state: dict[str, Any], states: dict[str, Any], inside: dict[str, Any]) -> Iterator[Any]:
        for item in self._value(name, state["Items"], states, inside):
            value = self._value(name, state["ItemSelector"], states, inside, item)
            yield self._states(state["ItemProcessor"], value, inside)

    def _holds(self, name: str, rule: dict[str, Any], states: dict[str, Any], inside: dict[str, Any]) -> bool:
        if "Condition" not in rule:
            return True
        holds = self._value(name, rule["Condition"], states, inside)
        assert isinstance(holds, bool), f"{name}: {rule['Condition']} is {holds!r}"
        return holds

    def _value(self, name: str, value: Any, states: dict[str, Any], inside: dict[str, Any], item: Any = None) -> Any:
        if isinstance(value, dict):
            return {key: self._value(name, each, states, inside, item) for key, each in value.items()}
        if isinstance(value, list):
            return [self._value(name, each, states, inside, item) for each in value]
        if not isinstance(value, str) or not value.startswith("{%"):
            return value
        context = {
            "State": {"EnteredTime": NOW, "RetryCount": 0, "Name": name},
            "StateMachine": {"Id": "arn:aws:states:eu-west-1:0:stateMachine:mirrorsnap-recover"},
            "Execution": {"Id": "arn:aws:states:eu-west-1:0:execution:mirrorsnap:me", "Name": "me", "StartTime": NOW},
            "Task": {"Token": "token"},
            "Map": {"Item": {"Value": item}},
        }
        text = value.removeprefix("{%").removesuffix("%}").strip()
        found = evaluate(text, {**inside, "states": {**states, "context": context}})
        if found is UNDEFINED:
            raise Undefined(f"{name}: {text}")
        return found


def _catches(catch: dict[str, Any], error: TaskError) -> bool:
    return bool({"States.ALL", error.output["Error"]} & set(catch["ErrorEquals"]))
