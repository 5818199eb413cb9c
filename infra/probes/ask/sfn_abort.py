"""sfn-abort: StopExecution of an execution within a Catch of everything. Children are not asked about."""

from __future__ import annotations

from typing import Any

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds
from .sfn_same_name import waiting_machine


def ask(scratch: Scratch) -> dict[str, Any]:
    sfn = scratch.of("stepfunctions")
    execution = sfn.start_execution(stateMachineArn=waiting_machine(scratch))["executionArn"]

    def history() -> list[dict[str, Any]]:
        return sfn.get_execution_history(executionArn=execution, maxResults=100)["events"]

    scratch.waiting.until(lambda: any(each["type"] == "WaitStateEntered" for each in history()), "the wait", 60)
    sfn.stop_execution(executionArn=execution, error="Probe", cause="asked")
    ended = scratch.ended(execution)
    entered = [each.get("stateEnteredEventDetails", {}).get("name") for each in history()]
    return {"status": ended["status"], "caught": "Caught" in entered, "last": history()[-1]["type"]}


def judge(seen: dict[str, Any]) -> Verdict:
    wrong = []
    if seen["status"] != "ABORTED" or seen["last"] != "ExecutionAborted":
        wrong.append(f"It ended {seen['status']}, with {seen['last']}.")
    if seen["caught"]:
        wrong.append("A Catch saw it.")
    return holds(seen, wrong)


PROBE = Probe("sfn-abort", ask, judge, minutes=0.2)
