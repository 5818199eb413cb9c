"""A snapshot that is pending for two days: the backup's own loop in the lab's engine, under a limit of the history.

The function is replaced by a call that the engine makes in milliseconds, so that days pass in minutes. What is counted,
asked and waited is the backup's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

import build_statemachines

from lab.client import Lab

DAY = 86_400
# Events. All else that a backup writes leaves more than this (statemachine/README.md).
LIMIT = 5_000


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with Lab(scale=1000) as made:
        yield made


def branch(days: float, every: int | None = None) -> dict[str, Any]:
    """The branch that waits for the snapshots, which are complete after so many days. `every`: seconds of each wait."""
    machine = build_statemachines.expand("backup")
    found = next(b for b in machine["States"]["StartStandby"]["Branches"] if b["StartAt"] == "Snapshot: progress")
    look, wait = found["States"]["Snapshot: progress"], found["States"]["Snapshot: wait"]
    look["Resource"], look["Arguments"] = "arn:aws:states:::aws-sdk:sqs:listQueues", {}
    since = "$millis() - $toMillis($states.context.Execution.StartTime)"
    look["Output"] = look["Output"].replace(
        "$states.result.Payload", f"{{'complete': {since} >= {int(days * DAY * 1000)}}}"
    )
    if every:
        wait["Seconds"] = every
    return {"QueryLanguage": "JSONata", **found}


def run(lab: Lab, definition: dict[str, Any], seconds: float) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"Service": "states.amazonaws.com"}, "Action": "sts:AssumeRole"}
    iam, sfn, name = lab.boto("iam"), lab.boto("stepfunctions"), f"wait-{len(lab.control('executions'))}"
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}]}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=json.dumps(allow))
    machine = sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=role)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=machine)["executionArn"]

    def over() -> dict[str, Any] | None:
        described = sfn.describe_execution(executionArn=execution)
        return described if described["status"] != "RUNNING" else None

    return lab.wait_for(over, seconds, "the end of the wait")


def test_a_snapshot_may_be_pending_for_two_days(lab: Lab) -> None:
    lab.control("history_limit", events=LIMIT)
    ended = run(lab, branch(2), 3 * DAY)
    assert ended["status"] == "SUCCEEDED", ended
    output = json.loads(ended["output"])
    assert output["complete"] is True
    assert 0 < (ended["stopDate"] - ended["startDate"]).total_seconds() - 2 * DAY < 0.1 * 2 * DAY


def test_a_wait_that_does_not_grow_uses_up_the_history(lab: Lab) -> None:
    """So the limit is one, and no Catch sees it."""
    lab.control("history_limit", events=LIMIT // 20)
    ended = run(lab, branch(2, every=15), 3 * DAY)
    assert (ended["status"], ended.get("error")) == ("FAILED", "States.Runtime")
