"""Who may make schedules: each belongs to its group, and its role must be one that the caller may hand on."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from fixtures.functions import allow, role
from fixtures.identity import assume

from lab.client import Lab

ARN = "arn:aws:scheduler:ap-northeast-1:000000000000:schedule"
ALL = ["scheduler:CreateSchedule", "scheduler:GetSchedule", "scheduler:UpdateSchedule", "scheduler:DeleteSchedule"]


@pytest.fixture(scope="module")
def starter(lab: Lab) -> str:
    lab.boto("scheduler").create_schedule_group(Name="ours")
    return role(lab, "starter", service="scheduler.amazonaws.com")


def client(lab: Lab, name: str, *statements: dict[str, Any]) -> Any:
    keys = assume(lab, name, *statements)
    session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="ap-northeast-1")
    return session.client("scheduler", endpoint_url=lab.endpoint)


def schedule(starter: str, group: str, **more: Any) -> dict[str, Any]:
    return {
        "Name": "orders",
        "GroupName": group,
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:states:ap-northeast-1:000000000000:stateMachine:x", "RoleArn": starter},
        **more,
    }


def denied(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    return caught.value.response["Error"]["Message"]


def test_a_group_is_a_boundary(lab: Lab, starter: str) -> None:
    ours = client(lab, "keeper", allow(ALL, f"{ARN}/ours/*"), allow("iam:PassRole", starter))
    denied(ours.create_schedule, **schedule(starter, "default"))
    ours.create_schedule(**schedule(starter, "ours"))
    assert ours.get_schedule(Name="orders", GroupName="ours")["GroupName"] == "ours"
    denied(ours.get_schedule, Name="orders")
    ours.update_schedule(**schedule(starter, "ours"))
    denied(ours.delete_schedule, Name="orders")
    ours.delete_schedule(Name="orders", GroupName="ours")


def test_a_role_is_handed_on_only_by_who_may_and_only_to_scheduler(lab: Lab, starter: str) -> None:
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    without = client(lab, "without", allow(ALL, f"{ARN}/ours/*"))
    assert "iam:PassRole" in denied(without.create_schedule, **schedule(starter, "ours"))
    wrong = client(lab, "wrong", allow(ALL, f"{ARN}/ours/*"), allow("iam:PassRole", starter, **to_lambda))
    denied(wrong.create_schedule, **schedule(starter, "ours"))
    right = client(lab, "right", allow(ALL, f"{ARN}/ours/*"), allow("iam:PassRole", starter, **to_scheduler))
    right.create_schedule(**schedule(starter, "ours", Name="handed-on"))
    other = role(lab, "other", service="scheduler.amazonaws.com")
    denied(right.update_schedule, **schedule(other, "ours", Name="handed-on"))
