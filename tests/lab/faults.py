"""Faults that a test or a scenario injects while the lab runs.

A fault is a dict of the scenario format: `{call: "ec2:CreateSnapshots", nth: 1, times: 1, effect: lose_reply}`,
likewise `function`, `event`, `command`, `node`, `execution`. This module validates and counts; the place where the
thing happens asks `take()` and carries the effect out. Counting starts when the fault is added.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .record import Record

# subject -> (effects that are plain words, effects that are one-key mappings)
SUBJECTS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "call": (
        frozenset({"lose_reply", "stale", "capacity", "stops_again"}),
        frozenset({"error", "delay", "stale", "stops_again"}),
    ),
    "function": (frozenset({"crash_before", "crash_after"}), frozenset()),
    "event": (frozenset({"lost", "twice"}), frozenset({"late"})),
    "command": (frozenset({"hang"}), frozenset({"exit", "done_but_exit"})),
    "node": (
        frozenset(
            {
                *("power_off", "ssm_lost", "ssm_back", "rename_devices", "replay_command", "agent_restart"),
                *("disk_full", "root_full", "disks_full", "room"),
            }
        ),
        frozenset(),
    ),
    "execution": (frozenset(), frozenset()),  # {execution: abort, at: <phase>} has no effect key
}
KEYS = frozenset({"nth", "times", "effect", "at", "node"})


class FaultError(ValueError):
    """A fault that cannot be understood; the text says what is wrong and what is allowed."""


@dataclass
class Fault:
    id: int
    subject: str
    spec: dict[str, Any]
    nth: int
    times: int
    seen: int = 0
    fired: int = 0
    armed: bool = True  # matches count; one with `at` waits for the entry of that phase

    @property
    def effect(self) -> Any:
        return self.spec.get("effect")


def parse(spec: dict[str, Any], fault_id: int = 0) -> Fault:
    """Validate one fault; raises FaultError with what was found and what is allowed."""
    if not isinstance(spec, dict):
        raise FaultError(f"a fault is a mapping, not {spec!r}")
    # `node` is a subject of its own, and a qualifier beside `command`.
    subjects = [s for s in SUBJECTS if s in spec and not (s == "node" and "command" in spec)]
    if len(subjects) != 1:
        raise FaultError(f"a fault names exactly one of {', '.join(SUBJECTS)}: {spec!r}")
    subject = subjects[0]
    unknown = set(spec) - KEYS - {subject}
    if unknown:
        raise FaultError(f"unknown keys in a fault: {', '.join(sorted(unknown))}")
    words, mappings = SUBJECTS[subject]
    effect = spec.get("effect")
    if subject == "execution":
        if spec["execution"] != "abort":
            raise FaultError(f"an execution can only be aborted, not {spec['execution']!r}")
    elif isinstance(effect, str):
        if effect not in words:
            raise FaultError(f"{subject} has no effect {effect!r}; it has {', '.join(sorted(words | mappings))}")
    elif not (isinstance(effect, dict) and len(effect) == 1 and set(effect) <= mappings):
        raise FaultError(f"{subject} has no effect {effect!r}; it has {', '.join(sorted(words | mappings))}")
    counts = {}
    for key in ("nth", "times"):
        value = spec.get(key, 1)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise FaultError(f"{key} must be a whole number from 1, not {value!r}")
        counts[key] = value
    # A node's and an execution's fault happens at the phase itself; any other one counts from there on.
    armed = "at" not in spec or subject in ("node", "execution")
    return Fault(fault_id, subject, dict(spec), **counts, armed=armed)


class Faults:
    def __init__(self, record: Record) -> None:
        self._record = record
        self._ids = itertools.count(1)
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, spec: dict[str, Any]) -> int:
        fault = parse(spec, next(self._ids))
        with self._lock:
            self._faults.append(fault)
        self._record.add("fault", action="added", id=fault.id, spec=fault.spec)
        return fault.id

    def clear(self, fault_id: int | None = None) -> None:
        with self._lock:
            self._faults = [f for f in self._faults if fault_id is not None and f.id != fault_id]

    def enter(self, phase: str) -> None:
        """A phase was entered: what waits for it counts from now on."""
        with self._lock:
            for fault in self._faults:
                fault.armed = fault.armed or fault.spec.get("at") == phase

    def take(self, subject: str, matches: Callable[[dict[str, Any]], bool], **what: Any) -> Any:
        """The effect of the first fault on `subject` that `matches` and is due now, else None.

        Every matching fault counts this occurrence; one whose `nth` .. `nth + times - 1` window holds it fires.
        For `{execution: abort}`, which has no effect key, the result is "abort".
        """
        hit = None
        with self._lock:
            for fault in self._faults:
                if fault.subject != subject or not fault.armed or not matches(fault.spec):
                    continue
                fault.seen += 1
                if hit is None and fault.nth <= fault.seen < fault.nth + fault.times:
                    fault.fired += 1
                    hit = fault
        if hit is None:
            return None
        effect = hit.effect if hit.subject != "execution" else "abort"
        self._record.add("fault", action="fired", id=hit.id, subject=subject, effect=effect, **what)
        return effect

    def listing(self) -> list[dict[str, Any]]:
        with self._lock:
            return [{"id": f.id, "spec": f.spec, "seen": f.seen, "fired": f.fired} for f in self._faults]
