"""What must hold of every state machine before it is deployed. infra/build.py refuses what does not.

- every state that is gone to, every error that is caught, repeated or made, every function, document and phase exists;
- what a definition leaves to CloudFormation is filled in, and its role may call each function that it calls;
- every variable is assigned on every way before it is read;
- once the lock is taken, every way comes by its release, or ends where the intent is kept (safety.md, rule 7);
- every loop is counted, and the longest history stays below what an execution may have.

    check_statemachines.py     names what does not hold, and ends with 1 if there is anything
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any

import build_statemachines
import machine_flow
import read_template
import statemachine_verbs as verbs
import step_names
from machine_flow import Flow, Way

EVENTS = 20_000  # an execution ends at 25,000
AWS_ERRORS = {
    *("States.ALL", "States.Timeout"),
    *verbs.LAMBDA,
    *("DynamoDB.ConditionalCheckFailedException", "Sfn.ExecutionDoesNotExistException"),
    *verbs.STEP_FUNCTIONS,
}
# What converge does without a document.
VERDICTS = {"healthy", "stuck", "turn", "start", "stop", "swap"}
# Behind a document that both nodes are to run at once.
ON_BOTH = " on both"
NO_PHASES = {"Clean up"}
# Where an operation ends with the lock and the intent in their places, for recover.
KEPT = {"Failed, and the cluster is not back", "Failed, and not cleaned up"}
Problems = Iterator[str]


def errors_of_ours() -> set[str]:
    """The domain's kinds of errors."""
    text = (step_names.DOMAIN / "error.rs").read_text(encoding="utf-8")
    block = re.search(r"^kinds! \{(.*?)^\}", text, re.M | re.S)
    return set(re.findall(r"^ +([A-Z]\w+),$", block[1] if block else "", re.M))


def _all(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for part in machine_flow.flows(machine):
        yield from part.states.items()


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
    elif isinstance(value, str):
        yield value


def _made(value: Any) -> Iterator[str]:
    """The names of the errors that a state makes itself."""
    if isinstance(value, dict):
        if isinstance(value.get("Error"), str) and not value["Error"].startswith("{%"):
            yield value["Error"]
        for each in value.values():
            yield from _made(each)
    elif isinstance(value, list):
        for each in value:
            yield from _made(each)


def errors(machine: dict[str, Any]) -> Problems:
    known = errors_of_ours() | AWS_ERRORS
    for name, state in _all(machine):
        for field in ("Retry", "Catch"):
            for each in state.get(field, []):
                for error in set(each["ErrorEquals"]) - known:
                    yield f"{name}: nothing ends with the error {error}"
        own = {key: value for key, value in state.items() if key not in ("Branches", "ItemProcessor")}
        for error in set(_made(own)) - known:
            yield f"{name}: {error} is no error of ours"


def names(machine: dict[str, Any]) -> Problems:
    documents = set(step_names.documents())
    for name, state in _all(machine):
        phase, colon, _ = name.partition(":")
        if colon and phase not in {*step_names.phases(), *NO_PHASES}:
            yield f"{name}: {phase} is no phase"
        for text in _texts(state):
            for document in set(re.findall(r"\$\{(\w+Document)\}", text)) - step_names.document_resources():
                yield f"{name}: there is no {document}"
        for rule in state.get("Choices", []):
            condition = rule["Condition"]
            if "$states.input.next " in condition:
                words = {each.removesuffix(ON_BOTH) for each in re.findall(r"'([^']*)'", condition)}
                for word in words - documents - VERDICTS:
                    yield f"{name}: there is no document {word}"


def bare_expressions(machine: dict[str, Any]) -> Problems:
    """A text with a variable in it that is no expression would arrive as it stands, where nothing else looks at it."""
    for name, state in _all(machine):
        own = {key: value for key, value in state.items() if key not in ("Branches", "ItemProcessor", "Comment")}
        for text in _texts(own):
            if not text.startswith("{%") and re.search(r"\$[A-Za-z]", text):
                yield f"{name}: {text!r} is no expression"


def template(name: str, machine: dict[str, Any]) -> Problems:
    resources = read_template.read()["Resources"]
    mine = next(
        (
            each["Properties"]
            for each in resources.values()
            if each["Properties"].get("DefinitionUri") == f"{name}.asl.json"
        ),
        None,
    )
    if mine is None:
        yield "the template has no state machine with this definition"
        return
    used = set(re.findall(r"\$\{(\w+)\}", json.dumps(machine)))
    for each in sorted(used ^ mine["DefinitionSubstitutions"].keys()):
        yield f"${{{each}}} is {'not filled in' if each in used else 'filled in and not used'} by the template"
    functions = {each for each in used if each.endswith("Function")}
    for each in sorted(functions - {name for name, r in resources.items() if r["Type"] == "AWS::Serverless::Function"}):
        yield f"the template has no {each}"
    allowed = {
        resource["Fn::GetAtt"][0]
        for policy in mine["Policies"]
        for statement in policy["Statement"]
        if statement["Action"] == "lambda:InvokeFunction"
        for resource in statement["Resource"]
    }
    for each in sorted(functions ^ allowed):
        yield f"the role may {'not ' if each in functions else ''}call {each}"


# ── variables ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reads(value: Any) -> set[str]:
    """The variables that the expressions in a value read."""
    out: set[str] = set()
    for text in _texts(value):
        if not text.startswith("{%"):
            continue
        bare = re.sub(r"'[^']*'|\"[^\"]*\"|/(?:\\.|[^/\\\n])+/(?=[,) ])", "''", text)
        own = set(re.findall(r"\$(\w+)\s*:=", bare))
        for parameters in re.findall(r"function\(([^)]*)\)", bare):
            own |= set(re.findall(r"\$(\w+)", parameters))
        out |= set(re.findall(r"\$([A-Za-z_]\w*)(?!\w*\s*\()", bare)) - own - {"states"}
    return out


def variables(machine: dict[str, Any], outside: frozenset[str] = frozenset()) -> Problems:
    part = machine_flow.flow(machine)
    set_before: dict[str, frozenset[str]] = {part.start: outside}
    queue = [part.start]
    while queue:
        name = queue.pop()
        for way in part.after(name):
            here = set_before[name] | way.sets.keys()
            there = set_before[way.end] & here if way.end in set_before else here
            if set_before.get(way.end) != there:
                set_before[way.end] = there
                queue.append(way.end)
    for name, state in part.states.items():
        if name not in set_before:
            yield f"{name}: nothing leads here"
            continue
        own = {key: value for key, value in state.items() if key not in ("Branches", "ItemProcessor", "Comment")}
        for variable in sorted(_reads(own) - set_before[name]):
            yield f"{name}: ${variable} is not assigned on every way here"
        for branch in machine_flow.branches(state):
            yield from variables(branch, set_before[name])


# ── the lock ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _updates(state: dict[str, Any]) -> str:
    return state.get("Arguments", {}).get("UpdateExpression", "") if state["Type"] == "Task" else ""


def lock(machine: dict[str, Any]) -> Problems:
    """Ways from where the lock is taken, or an intent may be written, that end without a release or its keeping."""
    part = machine_flow.flow(machine)
    if not any(_updates(state).startswith("SET holder") for state in part.states.values()):
        return  # a child, which has its parent's lock
    begun: dict[str, str] = {}
    released: dict[str, str] = {}
    for way in part.ways:
        update = _updates(part.states[way.start])
        if update.startswith("SET intent") or (update.startswith("SET holder") and not way.caught):
            begun.setdefault(way.end, way.start)
        if update.startswith("REMOVE holder") and not way.caught:
            released.setdefault(way.end, way.start)
    for start, by in begun.items():
        for end in _ends(part, start, stop_at_release=True) - KEPT:
            yield f"{by}: a way from here ends in {end}, and the lock is neither released nor kept for recover"
    for start, by in released.items():
        for end in _ends(part, start, stop_at_release=False) & KEPT:
            yield f"{by}: the lock is released, and a way from here ends in {end}"


def _ends(part: Flow, start: str, stop_at_release: bool) -> set[str]:
    """The states in which the ways from one end."""
    seen: set[str] = set()
    queue, ends = [start], set()
    while queue:
        name = queue.pop()
        if name in seen or (stop_at_release and _updates(part.states[name]).startswith("REMOVE holder")):
            continue
        seen.add(name)
        ways: list[Way] = part.after(name)
        if not ways:
            ends.add(name)
        queue += [way.end for way in ways]
    return ends


# ── loops ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def loops(machine: dict[str, Any]) -> Problems:
    for part in machine_flow.flows(machine):
        try:
            most = machine_flow.worst(part)
        except machine_flow.Unbounded as error:
            yield f"nothing counts the rounds of {error}"
            continue
        if most >= EVENTS:
            yield f"{part.start}: a history of {most} events from here, and an execution may have 25,000"


def targets(machine: dict[str, Any]) -> Problems:
    for part in machine_flow.flows(machine):
        for way in part.ways:
            if way.end not in part.states:
                yield f"{way.start}: there is no state {way.end}"


def problems(name: str, machine: dict[str, Any]) -> Problems:
    if nowhere := list(targets(machine)):
        yield from nowhere
        return
    yield from errors(machine)
    yield from names(machine)
    yield from bare_expressions(machine)
    yield from template(name, machine)
    yield from variables(machine)
    yield from lock(machine)
    yield from loops(machine)


def found(machines: dict[str, dict[str, Any]]) -> list[str]:
    return [f"{name}: {problem}" for name, machine in machines.items() for problem in problems(name, machine)]


if __name__ == "__main__":
    wrong = found(build_statemachines.machines())
    print("\n".join(wrong), file=sys.stderr)
    sys.exit(1 if wrong else 0)
