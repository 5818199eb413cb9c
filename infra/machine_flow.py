"""A state machine as a graph of ways, for what check_statemachines.py asks of it: which variables are set on each way,
which loops there are and what ends them, how many events a history may have at most.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

ENTER_AND_EXIT = 2  # events of a state that only passes on
TASK_EVENTS = 6  # StateEntered, Scheduled, Started, Submitted (of .sync), Succeeded, StateExited
RETRY_EVENTS = 3  # Failed, Scheduled, Started
JOIN_EVENTS = 4  # of Parallel and Map
MAP_ITEMS = 10  # more than any Map of ours has that does not say how many: nodes, children
SLICE = re.compile(r"\[\[0\.\.(\d+)\]\]")  # so many items at most: `$all[[0..49]]`
ITEM_EVENTS = 2


@dataclass(frozen=True)
class Way:
    """From a state to another: by `Next`, a rule of a Choice, or a caught error."""

    start: str
    end: str
    assigns: tuple[tuple[str, str], ...] = ()  # variable -> its value as JSON
    output: str | None = None  # as JSON; None: what came in goes on
    caught: tuple[str, ...] = ()
    condition: str = ""

    @property
    def sets(self) -> dict[str, str]:
        return dict(self.assigns)


@dataclass
class Flow:
    """The states of a machine or of one branch, and the ways between them."""

    start: str
    states: dict[str, dict[str, Any]]
    ways: list[Way] = field(default_factory=list)

    def after(self, name: str) -> list[Way]:
        return [way for way in self.ways if way.start == name]


def flow(machine: dict[str, Any]) -> Flow:
    """The graph of a definition, or of a branch or item processor in it."""
    return Flow(
        machine["StartAt"],
        machine["States"],
        [way for name, each in machine["States"].items() for way in _ways(name, each)],
    )


def _way(name: str, fields: dict[str, Any], output: Any, end: str | None = None) -> Way:
    return Way(
        name,
        end or fields["Next"],
        tuple((key, json.dumps(value)) for key, value in fields.get("Assign", {}).items()),
        None if output is None else json.dumps(output),
        tuple(fields.get("ErrorEquals", ())),
        fields.get("Condition", ""),
    )


def _ways(name: str, state: dict[str, Any]) -> Iterator[Way]:
    passes = state["Type"] in ("Choice", "Wait", "Pass")
    result = state.get("Output", None if passes else {"the": "result"})
    for rule in state.get("Choices", []):
        yield _way(name, rule, rule.get("Output"))
    if "Default" in state:
        yield _way(name, {**state, "Choices": []}, state.get("Output"), state["Default"])
    elif "Next" in state:
        yield _way(name, state, result)
    for catch in state.get("Catch", []):
        yield _way(name, catch, catch.get("Output", {"the": "error"}))


def branches(state: dict[str, Any]) -> list[dict[str, Any]]:
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def flows(machine: dict[str, Any]) -> Iterator[Flow]:
    """The machine's graph, and that of each branch in it."""
    yield flow(machine)
    for state in machine["States"].values():
        for branch in branches(state):
            yield from flows(branch)


# ── loops ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Unbounded(ValueError):
    """A loop that nothing counts; the text names its states."""


def components(names: Iterable[str], ways: Iterable[Way]) -> list[list[str]]:
    """The strongly connected components (Tarjan), each before those that lead to it."""
    next_of: dict[str, list[str]] = {name: [] for name in names}
    for way in ways:
        if way.start in next_of and way.end in next_of:
            next_of[way.start].append(way.end)
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    out: list[list[str]] = []

    def visit(name: str) -> None:
        index[name] = low[name] = len(index)
        stack.append(name)
        for other in next_of[name]:
            if other not in index:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], index[other])
        if low[name] == index[name]:
            out.append(stack[stack.index(name) :])
            del stack[stack.index(name) :]

    for name in next_of:
        if name not in index:
            visit(name)
    return out


POLL = re.compile(r"'poll': '([^']*)', 'looks': \(\$states\.input\.poll = '\1' \? \$states\.input\.looks : 0\) \+ 1")
PASSED_ON = ('"{% $states.input', '"{% $merge([$states.input, ')


@dataclass(frozen=True)
class Counter:
    """What bounds a loop: the ways in it that add one, and how often they can be gone."""

    adds: frozenset[Way]
    most: int


def counters(names: set[str], ways: list[Way], states: dict[str, dict[str, Any]]) -> Iterator[Counter]:
    """What counts the rounds of a loop.

    A counter counts if a Choice leaves the loop once the counter is high enough, before any rule that stays; if each
    round that adds one comes by that Choice; and if nothing in the loop sets it otherwise.
    """
    inside = [way for way in ways if way.start in names and way.end in names]
    for choice in sorted(name for name in names if states[name]["Type"] == "Choice"):
        for way in (each for each in ways if each.start == choice):
            if way.end in names:
                break  # a rule that stays comes before
            if not (limit := _limit(way.condition)):
                continue
            variable, most = limit
            adds = _adds(variable, inside)
            rest = [each for each in inside if choice not in (each.start, each.end)]
            if adds and not any(in_a_loop(add.start, names - {choice}, [*rest]) and add in rest for add in adds):
                yield Counter(frozenset(adds), most)


def _limit(condition: str) -> tuple[str, int] | None:
    text = condition.removeprefix("{%").removesuffix("%}").strip()
    if match := re.fullmatch(r"\$([\w.]+) >= (\d+)", text):
        return match[1], int(match[2])
    return (match[1], 1) if (match := re.fullmatch(r"\$(\w+)", text)) else None  # a flag


def _adds(variable: str, inside: list[Way]) -> set[Way]:
    """The ways that count, or none if something in the loop sets the counter otherwise."""
    if variable == "states.input.looks":
        adds = {way for way in inside if way.output and POLL.search(way.output)}
        others = [way for way in inside if way not in adds]
        kept = all(way.output is None or way.output.startswith(PASSED_ON) for way in others)
        return adds if len({way.start for way in adds}) == 1 and kept else set()
    counting = {json.dumps("{% $" + variable + " + 1 %}"), "true"}
    setting = [way for way in inside if variable in way.sets]
    return set(setting) if all(way.sets[variable] in counting for way in setting) else set()


def in_a_loop(name: str, names: set[str], ways: list[Way]) -> bool:
    return any(name in part and _is_loop(part, ways) for part in components(names, ways))


def _is_loop(names: list[str], ways: list[Way]) -> bool:
    return len(names) > 1 or any(way.start == way.end == names[0] for way in ways)


def _covering(choice: list[Counter], names: set[str], ways: list[Way], name: str | None = None) -> list[Counter] | None:
    """The fewest counters without whose ways there is no loop left (through `name`)."""
    for size in range(1, len(choice) + 1):
        for some in sorted(itertools.combinations(choice, size), key=lambda some: sum(each.most for each in some)):
            left = [way for way in ways if not any(way in each.adds for each in some)]
            loops = [part for part in components(names, left) if _is_loop(part, left)]
            if not any(name is None or name in part for part in loops):
                return list(some)
    return None


def worst(part: Flow) -> int:
    """How many events a run through these states writes at most. Raises Unbounded."""
    parts = components(part.states, part.ways)
    member = {name: number for number, each in enumerate(parts) for name in each}
    longest: list[int] = []
    for number, each in enumerate(parts):  # those that it leads to come before it
        own = _loop(part, set(each)) if _is_loop(each, part.ways) else events(part.states[each[0]])
        following = {member[way.end] for way in part.ways if way.start in each} - {number}
        longest.append(own + max((longest[other] for other in following), default=0))
    return longest[member[part.start]]


def _loop(part: Flow, names: set[str]) -> int:
    """How many events a loop writes at most: its rounds times the longest round, and what its joins hold by their own
    rounds."""
    inside = [way for way in part.ways if way.start in names and way.end in names]
    found = list(counters(names, part.ways, part.states))
    cover = _covering(found, names, inside)
    if cover is None:
        raise Unbounded(", ".join(sorted(names)))
    heavy = {name for name in names if branches(part.states[name])}
    left = [way for way in inside if not any(way in each.adds for each in cover)]
    length: dict[str, int] = {}
    for (name,) in components(names, left):
        own = 0 if name in heavy else events(part.states[name])
        length[name] = own + max((length[way.end] for way in left if way.start == name), default=0)
    total = _rounds(cover) * max(length.values())
    for name in heavy:
        total += _rounds(_covering(found, names, inside, name) or cover) * events(part.states[name])
    return total


def _rounds(some: list[Counter]) -> int:
    return 1 + sum(each.most for each in some)


def events(state: dict[str, Any]) -> int:
    """How many events one state writes at most, with all its retries."""
    inner = sum(worst(flow(branch)) for branch in branches(state))
    if state["Type"] == "Task":
        return TASK_EVENTS + RETRY_EVENTS * sum(retry.get("MaxAttempts", 3) for retry in state.get("Retry", []))
    if state["Type"] == "Parallel":
        return JOIN_EVENTS + inner
    if state["Type"] == "Map":
        slices = SLICE.search(json.dumps(state.get("Items")))
        return JOIN_EVENTS + (int(slices[1]) + 1 if slices else MAP_ITEMS) * (ITEM_EVENTS + inner)
    return ENTER_AND_EXIT
