"""sfn-same-name: StartExecution with the name of a running execution, its input and another."""

from __future__ import annotations

from ..scratch import Scratch, code_of
from ..verdict import Probe, Verdict, holds


def ask(scratch: Scratch) -> dict[str, str]:
    sfn, machine = scratch.of("stepfunctions"), waiting_machine(scratch)
    given = {"stateMachineArn": machine, "name": "same"}
    first = sfn.start_execution(**given, input='{"a": 1}')["executionArn"]
    again: list[str] = []
    code = code_of(lambda: again.append(sfn.start_execution(**given, input='{"a": 1}')["executionArn"]))
    other = code_of(lambda: sfn.start_execution(**given, input='{"a": 2}'))
    sfn.stop_execution(executionArn=first)
    return {"first": first, "again": code or again[0], "other input": other}


def waiting_machine(scratch: Scratch) -> str:
    """One that waits for an hour in a branch that would catch anything."""
    branch = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 3600, "End": True}}}
    caught = [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}]
    within = {"Type": "Parallel", "Branches": [branch], "Catch": caught, "End": True}
    return scratch.machine("waits", {"Within": within, "Caught": {"Type": "Pass", "End": True}})


def judge(seen: dict[str, str]) -> Verdict:
    wrong = []
    if seen["again"] != seen["first"] or not seen["first"].endswith(":same"):
        wrong.append(f"The same input was answered with {seen['again']}.")
    if seen["other input"] != "ExecutionAlreadyExists":
        wrong.append(f"Another input was answered with {seen['other input'] or 'an execution'}.")
    return holds(seen, wrong)


PROBE = Probe("sfn-same-name", ask, judge, minutes=0.2)
