"""With what each state calls its function, from runs of the machines: functions/tests/payloads.json.

    PYTHONPATH=tests python tests/procedure/payloads.py     writes the file

The functions' crate reads every payload as its function does (functions/tests/payloads.rs).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from machine_run import Run
from procedure_world import (
    ACTS,
    ANSWERS,
    DEAD,
    EVENT,
    HEALTHY,
    INPUTS,
    INTENT,
    MACHINES,
    MORNING,
    ON_BOTH,
    PAIR,
    ROOT,
    UNFINISHED,
    World,
    converge,
    flows,
    run,
)

FILE = ROOT / "functions" / "tests" / "payloads.json"


def runs() -> Iterator[tuple[str, Run]]:
    """Runs that together come by every state that calls a function."""
    for what in INPUTS:
        done, _ = run(what)
        yield what, done
        for name, _ in done.calls:
            item = UNFINISHED | {"intent": {"S": INTENT}} if what == "recover" else None
            yield what, run(what, World(item, fails=name))[0]
        if what in ("backup", "restore", "rollback"):
            yield what, run(what, dry_run=True)[0]
    plan = ANSWERS["PlanRestore plan"]
    fast = {"initialization": "fsr", "give_up_seconds": 1200, "mib_per_second": 100}
    fast_plan = {**plan["plan"], "fast_restores": [PAIR], "fast_needed": [PAIR], "initialization": fast}
    for fails in ("", "PrepareVolumes: is it fast"):
        world = World(fails=fails, error="FastRestoreFailed", **{"PlanRestore plan": {**plan, "plan": fast_plan}})
        yield "restore", run("restore", world, initialization="fsr")[0]
    start = {"verdict": "act", "action": "start", "input": {"node": "server1"}}
    world = World({"holder": {"S": "me"}}, fails="StartStandby: start the instance", error="CapacityLacking")
    yield "converge", converge(start, {"verdict": "wait", "tell": "no capacity"}, HEALTHY, world=world)
    for what in ("backup", "restore"):
        yield what, run(what, World(UNFINISHED))[0]
    yield "recover", Run(MACHINES["recover"], World(UNFINISHED | {"intent": {"S": INTENT}})).start(EVENT)
    stranded = [{"cluster": "orders", "holder": DEAD}, {"cluster": "accounts", "holder": None}]
    fleet = {"Patrol fleet": {**ANSWERS["Patrol fleet"], "stranded": stranded}, "child": {"ExecutionArn": "arn:r"}}
    yield "patrol", run("patrol", World(**fleet))[0]
    yield "patrol", run("patrol", **MORNING)[0]
    for answer in [each for each, _ in ACTS] + [each for each, _, _ in ON_BOTH]:
        yield "converge", converge(answer, HEALTHY, world=World({"holder": {"S": "me"}}))
    yield "converge", converge({"verdict": "wait"}, HEALTHY)


def payloads() -> list[dict[str, Any]]:
    """`machine`, `state`, `function` and `payload`: each differing payload once, in order."""
    found: dict[str, dict[str, Any]] = {}
    for what, done in runs():
        machine = "restore" if what in ("rollback", "release") else what
        for state, arguments in done.calls:
            if "FunctionName" not in arguments:
                continue
            function = arguments["FunctionName"].removeprefix("${").removesuffix("Function}")
            name = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in function).lstrip("-")
            entry = {"machine": machine, "state": state, "function": name, "payload": arguments["Payload"]}
            found.setdefault(json.dumps(entry, sort_keys=True), entry)
    return sorted(found.values(), key=lambda each: json.dumps([each["machine"], each["state"], each], sort_keys=True))


def text() -> str:
    lines = ",\n".join(json.dumps(each, sort_keys=True) for each in payloads())
    return f"[\n{lines}\n]\n"


def uncalled() -> set[tuple[str, str]]:
    """States that call a function, and that no run has come by."""
    states = {
        (machine, name)
        for machine in MACHINES
        for part in flows(MACHINES[machine])
        for name, state in part.states.items()
        if state.get("Resource", "").endswith("lambda:invoke")
    }
    return states - {(each["machine"], each["state"]) for each in payloads()}


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
