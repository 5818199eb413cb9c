"""The critical section as a small model, searched exhaustively: it lists the ends that the real scripts may reach.

One state holds everything that matters between two steps. `steps()` lists what may happen next. The model does not read
the scripts: the interleaving test compares the ends of real runs with the model's, so a change of either one is seen.
The model allows more than real nodes do: a standby may see any past state of the group any number of times, a stall may
last without limit, and every process may crash once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from .world import Outcome


@dataclass(frozen=True)
class State:
    group: str = "on"  # on, stopping, off
    seen: frozenset[str] = frozenset({"on"})  # what the standby may still be told of the group
    red: bool = False
    broken_while_up: bool = False
    active: str = "begin"  # begin, armed, stopping, waiting, seal?, void?, start, end, crashed
    timer: str = "none"  # none, armed, fired, watching, end
    standby: str = "look"  # look, look again, break, read, end, crashed
    result: str = "none"  # the standby's record
    verdict: str = "none"  # sealed, void: the record under the lock
    refused: bool = False
    done: bool = False
    fenced: bool = False
    stopped: bool = False  # our script has stopped the group

    @property
    def active_over(self) -> bool:
        return self.active in ("end", "crashed")

    @property
    def watched(self) -> bool:
        return self.timer in ("armed", "fired", "watching")

    def outcome(self) -> Outcome:
        verdict = self.verdict if self.verdict != "none" else "refused" if self.refused else "none"
        return Outcome(verdict, self.result, self.done)


def _group(state: State, value: str) -> State:
    return replace(state, group=value, seen=state.seen | {value})


def active_steps(s: State) -> Iterator[State]:
    if s.active_over:
        return
    yield replace(s, active="crashed")
    if s.active == "begin":
        yield replace(s, active="end", refused=True)
        yield replace(s, active="end", refused=True, done=True)  # refused after it had armed: the timer is cancelled
        if s.group == "on" and not s.red and not s.fenced:
            yield replace(s, active="armed", timer="armed")
    elif s.active == "armed":
        yield replace(s, active="void?")  # overtaken, overruled
        if s.group == "on":
            yield _group(replace(s, active="stopping", stopped=True), "stopping")
    elif s.active == "stopping":
        yield replace(s, active="void?")
        if s.group == "stopping":
            yield _group(replace(s, active="waiting"), "off")
            yield _group(replace(s, active="void?"), "on")
    elif s.active == "waiting":
        yield replace(s, active="void?")
        if s.group == "off" and s.red:
            yield replace(s, active="seal?")
    elif s.active in ("seal?", "void?"):
        if s.verdict != "none":
            yield replace(s, active="start")
        elif s.active == "seal?" and s.group == "off" and s.red and not s.fenced:
            yield replace(s, active="start", verdict="sealed")
        else:
            yield replace(s, active="start", verdict="void")
    elif s.active == "start":
        if s.group == "off":
            yield _group(s, "on")
        elif s.group == "on":
            yield replace(s, active="end", done=True, timer="end" if s.timer == "armed" else s.timer)
            yield replace(s, active="crashed", done=True)  # between the record and the cancelled timer


def timer_steps(s: State) -> Iterator[State]:
    if s.timer == "armed":
        yield replace(s, timer="fired")
    elif s.timer == "fired":
        if s.done:
            yield replace(s, timer="end")
        else:
            yield replace(s, timer="watching", verdict="void" if s.verdict == "none" else s.verdict)
    elif s.timer == "watching":
        if s.group == "off":
            yield _group(s, "on")
        elif s.group == "on" and s.active_over:
            yield replace(s, timer="end", done=True)
    if s.group == "stopping" and s.active_over:
        yield _group(s, "off")


def standby_steps(s: State) -> Iterator[State]:
    if s.standby in ("end", "crashed"):
        return
    yield replace(s, standby="crashed")
    if s.standby in ("look", "look again"):
        yield replace(s, standby="end", result="gave_up")
        if "off" in s.seen and not s.red:
            yield replace(s, standby={"look": "look again", "look again": "break"}[s.standby])
        if s.seen - {"off"}:
            yield replace(s, standby="look")
    elif s.standby == "break":
        yield replace(s, standby="read", red=True, broken_while_up=s.broken_while_up or s.group != "off")
        yield replace(s, standby="end", result="tainted")  # the command fails, with or without effect
        yield replace(s, standby="end", result="tainted", red=True, broken_while_up=s.group != "off")
    elif s.standby == "read":
        yield replace(s, standby="end", result="tainted")
        if "off" in s.seen:
            yield replace(s, standby="end", result="broke")


def steps(s: State) -> Iterator[State]:
    if s.seen != {s.group}:
        yield replace(s, seen=frozenset({s.group}))
    yield from active_steps(s)
    yield from timer_steps(s)
    yield from standby_steps(s)
    if not s.fenced:
        timer = "fired" if s.timer == "armed" and not s.done else s.timer
        yield replace(s, fenced=True, timer=timer)


def explore() -> tuple[set[State], set[Outcome]]:
    """(all states, the outcomes of the states in which nothing more happens by itself)."""
    start = State()
    states, todo, ends = {start}, [start], set()
    while todo:
        state = todo.pop()
        alive = not state.active_over or state.watched or state.standby not in ("end", "crashed")
        if not alive:
            ends.add(state.outcome())
        for following in steps(state):
            if following not in states:
                states.add(following)
                todo.append(following)
    return states, ends
