"""sfn-jsonata: the functions that Step Functions adds, some that our expressions use, and what it leaves out."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ..scratch import Scratch, code_of
from ..verdict import Probe, Verdict, holds

TEXT = '{"a": [1, 2, 3], "b": "x \\"y\\""}'
WANTED: dict[str, tuple[str, Any]] = {
    "partition": ("$partition([1, 2, 3, 4, 5], 2)", [[1, 2], [3, 4], [5]]),
    "range": ("$range(0, 10, 5)", [0, 5, 10]),
    "hash": ("$hash('abc', 'SHA-256')", hashlib.sha256(b"abc").hexdigest()),
    "uuid": ("$length($uuid())", 36),
    "random": ("$random(7) = $random(7)", True),
    "parse": ("$parse($states.input.text).a[-1]", 3),
    "merge": ("$merge([{'a': 1}, {'b': 2}])", {"a": 1, "b": 2}),
    "exists": ("$exists($states.input.nothing)", False),
    "count": ("$count($parse($states.input.text).a)", 3),
    "lookup": ("$lookup($parse($states.input.text), 'b')", 'x "y"'),
    "replace": ("$replace('a-b-c', '-', '', 1)", "ab-c"),
    "pad": ("$pad('7', -3, '0')", "007"),
    "time": ("$toMillis('2026-01-02T03:04:05Z')", 1767323045000),
}
LEFT_OUT = {"eval": "$eval('1 + 1')", "context": "$"}


def ask(scratch: Scratch) -> dict[str, Any]:
    output = {name: f"{{% {expression} %}}" for name, (expression, _) in WANTED.items()}
    machine = scratch.machine("jsonata", {"All": {"Type": "Pass", "Output": output, "End": True}})
    ended = scratch.executed(machine, json.dumps({"text": TEXT}))
    found: dict[str, Any] = {"values": json.loads(ended.get("output", "{}")), "status": ended["status"]}
    for name, expression in LEFT_OUT.items():
        found[name] = _refused(scratch, name, expression)
    return found


def _refused(scratch: Scratch, name: str, expression: str) -> str:
    """How it is refused; "" if it has a value."""
    states = {"One": {"Type": "Pass", "Output": f"{{% {expression} %}}", "End": True}}
    made: list[str] = []
    if code := code_of(lambda: made.append(scratch.machine(f"jsonata-{name}", states))):
        return code
    ended = scratch.executed(made[0])
    return str(ended.get("error", "")) if ended["status"] == "FAILED" else ""


def judge(seen: dict[str, Any]) -> Verdict:
    wrong = [] if seen["status"] == "SUCCEEDED" else [f"The expressions ended {seen['status']}."]
    for name, (expression, value) in WANTED.items():
        if seen["values"].get(name) != value:
            wrong.append(f"{expression} is {seen['values'].get(name)!r}.")
    wrong += [f"{expression} has a value." for name, expression in LEFT_OUT.items() if not seen[name]]
    return holds(f"{len(WANTED)} expressions as expected", wrong)


PROBE = Probe("sfn-jsonata", ask, judge, minutes=0.3)
