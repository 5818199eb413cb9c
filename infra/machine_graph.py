"""What draw_statemachines.py draws of a state machine: its states in bands, and the arrows between them.

A band is a phase: the words before the colon in `Quiesce: write the intent`, or a state's whole name if it is a
phase. States without a phase are in the band `Begin` (before every phase), `End` (after them) or `Failure` (after
them, and whatever follows ends in a Fail).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import step_names

FOLDED = 3  # so many states with one error target have a number instead of its name


@dataclass
class State:
    """One state. `does` is what a Task calls: a function's name, `lock`, a child machine, an AWS call."""

    name: str
    kind: str  # ASL's Type in lower case; of a Task: function, lock, child, call
    does: str
    comment: str
    following: list[str]  # Next, Choices, Default
    errors: list[str]  # Catch
    branches: list[list[State]] = field(default_factory=list)

    @property
    def band(self) -> str:
        head, colon, _ = self.name.partition(":")
        return head if colon or head in step_names.phases() else ""

    @property
    def short(self) -> str:
        """Without the band's name."""
        return self.name.partition(": ")[2] or self.name

    @property
    def documents(self) -> list[str]:
        """The command documents that the comment names: `Document quiesce.`, `Documents observe and read-records.`"""
        found = re.search(r"\bDocuments? ([a-z-]+(?: (?:and|or) [a-z-]+)*)", self.comment)
        return re.split(r" and | or ", found[1]) if found else []

    @property
    def look(self) -> str:
        """How it is drawn: as its kind, but a function that sends a document to a node as that document."""
        return "document" if self.does == "run-node-step" and self.documents else self.kind

    @property
    def after(self) -> list[str]:
        return [*self.following, *self.errors]


@dataclass
class Graph:
    title: str
    comment: str
    start: str
    states: dict[str, State]
    bands: dict[str, list[State]] = field(default_factory=dict)
    folded: dict[str, str] = field(default_factory=dict)  # error target -> its number


def read(title: str, machine: dict[str, Any]) -> Graph:
    """The graph of a plain ASL definition."""
    states = {name: _state(name, body) for name, body in machine["States"].items()}
    graph = Graph(title, machine.get("Comment", ""), machine["StartAt"], states)
    graph.bands = _bands(graph)
    graph.folded = _folded(graph)
    return graph


def every(graph: Graph) -> Iterator[State]:
    """All states, those of branches included."""
    for state in graph.states.values():
        yield state
        for branch in state.branches:
            yield from branch


def _state(name: str, body: dict[str, Any]) -> State:
    kind, does = _does(body) if body["Type"] == "Task" else (body["Type"].lower(), "")
    choices = [choice["Next"] for choice in body.get("Choices", [])]
    following = [body["Next"]] if "Next" in body else []
    following += [*choices, *([body["Default"]] if "Default" in body else [])]
    inner = [*body.get("Branches", []), *([body["ItemProcessor"]] if "ItemProcessor" in body else [])]
    branches = [list(read("", branch).states.values()) for branch in inner]
    errors = [catch["Next"] for catch in body.get("Catch", [])]
    return State(name, kind, does, body.get("Comment", ""), _once(following), _once(errors), branches)


def _does(task: dict[str, Any]) -> tuple[str, str]:
    resource, arguments = task["Resource"], task.get("Arguments", {})
    if "lambda:invoke" in resource:
        word = re.sub(r"\W|Function", "", str(arguments.get("FunctionName", "")))
        return "function", re.sub(r"(?<!^)(?=[A-Z])", "-", word).lower()
    if ":dynamodb:" in resource:
        verb = {"getItem": "reads", "deleteItem": "deletes"}.get(resource.rpartition(":")[2], "writes")
        return "lock", f"{verb} an item"
    if "states:startExecution" in resource:
        word = re.sub(r"\W|StateMachine", "", str(arguments.get("StateMachineArn", "")))
        return "child", f"runs {word.lower()}"
    service, action = resource.replace("aws-sdk:", "").split(":::")[1].split(":")[:2]
    return "call", f"{service}:{action}"


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))


def reachable(states: dict[str, State], start: Iterable[str], without: str = "") -> set[str]:
    found: set[str] = set()
    todo = [name for name in start if name != without]
    while todo:
        name = todo.pop()
        if name not in found and name in states:
            found.add(name)
            todo += [each for each in states[name].after if each != without]
    return found


def ends_well(states: dict[str, State], name: str) -> bool:
    return any(states[each].kind == "succeed" for each in reachable(states, [name]))


def order(graph: Graph) -> list[str]:
    """The states as they are passed: what leads on to a success follows directly, errors and failures come last."""
    distance = _distances(graph)
    done: list[str] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        seen.add(name)
        state = graph.states[name]
        # Visited last, so placed first: of the ways on, the longest.
        ways = sorted(_once(state.following), key=lambda each: (distance[each], -state.following.index(each)))
        for each in [*reversed(state.errors), *ways]:
            if each not in seen:
                visit(each)
        done.append(name)

    visit(graph.start)
    return done[::-1]


def _distances(graph: Graph) -> dict[str, int]:
    """State -> how many states lie between it and a success at most, as far as none is passed twice."""
    states = graph.states
    memo: dict[str, int] = {}

    def walk(name: str, path: frozenset[str]) -> int:
        if name in memo:
            return memo[name]
        state = states[name]
        if state.kind in ("succeed", "fail"):
            best = 0 if state.kind == "succeed" else -1000
        else:
            ways = [walk(each, path | {name}) for each in state.following if each not in path]
            best = 1 + max(ways, default=-1000)
        memo[name] = best
        return best

    return {name: walk(name, frozenset()) for name in states}


def _bands(graph: Graph) -> dict[str, list[State]]:
    states, names = graph.states, order(graph)
    phases = [name for name in names if states[name].band]
    later = reachable(states, (each for name in phases for each in states[name].after))

    def first(name: str) -> bool:
        """Not after any phase, or on every way to one."""
        return name not in later or not phases or not reachable(states, [graph.start], without=name) & set(phases)

    def band(name: str) -> str:
        state = states[name]
        if state.band:
            return state.band
        loops = bool(state.following) and all(first(each) and not states[each].band for each in state.following)
        if first(name) or loops:
            return "Begin"
        return "End" if ends_well(states, name) else "Failure"

    grouped: dict[str, list[State]] = {}
    for name in names:
        grouped.setdefault(band(name), []).append(states[name])
    place = {"Begin": -1, "End": 1, "Failure": 2}
    return {each: grouped[each] for each in sorted(grouped, key=lambda each: place.get(each, 0))}


def _folded(graph: Graph) -> dict[str, str]:
    counts: dict[str, int] = {}
    for state in graph.states.values():
        for target in state.errors:
            counts[target] = counts.get(target, 0) + 1
    often = sorted((name for name, count in counts.items() if count >= FOLDED), key=lambda name: -counts[name])
    return {name: str(number) for name, number in zip(often, itertools.count(1))}
