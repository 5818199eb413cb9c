"""What passes through the gateway: every call is in the log, in order, and can be made to fail, wait or get lost."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from lab.client import ControlError, Lab


def calls(lab: Lab, name: str, since: int) -> list[dict]:
    return lab.log(since, kind="api", call=name)


@pytest.fixture
def mark(lab: Lab):
    """The log's end when the test begins; faults of other tests are gone."""
    lab.control("clear_faults")
    yield lab.control("log")[-1]["seq"] if lab.control("log") else 0
    lab.control("clear_faults")


def test_every_call_is_logged_in_order_with_its_caller_and_result(lab: Lab, mark: int) -> None:
    lab.boto("sts").get_caller_identity()
    with pytest.raises(ClientError):
        lab.boto("ec2").describe_volumes(VolumeIds=["vol-0123456789abcdef0"])
    lab.boto("dynamodb").list_tables()
    log = lab.log(mark)
    assert [e["seq"] for e in log] == list(range(mark + 1, mark + 1 + len(log)))
    assert all(a["t"] <= b["t"] for a, b in itertools.pairwise(log))
    api = [e for e in log if e["kind"] == "api"]
    assert [(e["call"], e["status"], e["error"]) for e in api] == [
        ("sts:GetCallerIdentity", 200, None),
        ("ec2:DescribeVolumes", 400, "InvalidVolume.NotFound"),
        ("dynamodb:ListTables", 200, None),
    ]
    assert {e["caller"] for e in api} == {"arn:aws:iam::000000000000:root"}
    assert api[1]["params"] == {"VolumeId.1": "vol-0123456789abcdef0"}


def test_secrets_do_not_reach_the_log(lab: Lab, mark: int) -> None:
    lab.boto("secretsmanager").create_secret(Name="s", SecretString="hunter2-hunter2")
    assert "hunter2" not in str(lab.log(mark))
    assert calls(lab, "secretsmanager:CreateSecret", mark)


def test_a_lost_reply_was_carried_out_and_the_caller_never_hears(lab: Lab, mark: int) -> None:
    ssm = lab.boto("ssm")
    lab.fault(call="ssm:PutParameter", effect="lose_reply")
    with pytest.raises(ConnectionClosedError):
        ssm.put_parameter(Name="/lost", Value="kept", Type="String")
    assert ssm.get_parameter(Name="/lost")["Parameter"]["Value"] == "kept"
    ssm.put_parameter(Name="/heard", Value="kept", Type="String")


def test_an_injected_error_is_not_carried_out(lab: Lab, mark: int) -> None:
    ssm = lab.boto("ssm")
    lab.fault(call="ssm:PutParameter", nth=2, effect={"error": "ThrottlingException"})
    ssm.put_parameter(Name="/first", Value="1", Type="String")
    with pytest.raises(ClientError, match="ThrottlingException"):
        ssm.put_parameter(Name="/second", Value="2", Type="String")
    ssm.put_parameter(Name="/third", Value="3", Type="String")
    found = ssm.get_parameters(Names=["/first", "/second", "/third"])
    assert {p["Name"] for p in found["Parameters"]} == {"/first", "/third"}
    assert found["InvalidParameters"] == ["/second"]


@pytest.mark.parametrize("service", ["ec2", "dynamodb", "sns", "iam", "stepfunctions"])
def test_an_injected_error_has_the_form_of_its_service(lab: Lab, mark: int, service: str) -> None:
    client = lab.boto(service)
    call = {
        "ec2": ("ec2:DescribeVolumes", client.describe_volumes if service == "ec2" else None),
        "dynamodb": ("dynamodb:ListTables", getattr(client, "list_tables", None)),
        "sns": ("sns:ListTopics", getattr(client, "list_topics", None)),
        "iam": ("iam:ListRoles", getattr(client, "list_roles", None)),
        "stepfunctions": ("states:ListStateMachines", getattr(client, "list_state_machines", None)),
    }[service]
    lab.fault(call=call[0], effect={"error": "Lab.Injected"})
    with pytest.raises(ClientError) as error:
        call[1]()
    assert error.value.response["Error"]["Code"] == "Lab.Injected"
    call[1]()


def test_a_delay_is_lab_time(lab: Lab, mark: int) -> None:
    client = lab.boto("sts")
    client.get_caller_identity()
    lab.fault(call="sts:GetCallerIdentity", effect={"delay": 10})
    started = lab.now()
    client.get_caller_identity()
    assert 10 <= lab.now() - started < 10 + lab.scale


def test_several_times_means_several_times(lab: Lab, mark: int) -> None:
    client = lab.boto("dynamodb")
    lab.fault(call="dynamodb:ListTables", nth=2, times=2, effect={"error": "Lab.Injected"})
    outcome = []
    for _ in range(5):
        try:
            client.list_tables()
            outcome.append("ok")
        except ClientError:
            outcome.append("error")
    assert outcome == ["ok", "error", "error", "ok", "ok"]


@pytest.mark.parametrize(
    "spec",
    [
        {"effect": "lose_reply"},
        {"call": "ec2:X", "effect": "explode"},
        {"call": "ec2:X", "function": "y", "effect": "lose_reply"},
        {"call": "ec2:X", "effect": {"delay": 1, "error": "x"}},
        {"call": "ec2:X", "effect": "lose_reply", "nth": 0},
        {"call": "ec2:X", "effect": "lose_reply", "times": "many"},
        {"call": "ec2:X", "effect": "lose_reply", "colour": "red"},
        {"execution": "pause", "at": "Split"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(lab: Lab, mark: int, spec: dict) -> None:
    with pytest.raises(ControlError):
        lab.control("fault", spec=spec)
    assert lab.control("faults") == []


def test_the_aws_cli_works_against_it(lab: Lab) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "awscli", "sts", "get-caller-identity", "--query", "Account", "--output", "text"],
        env={**os.environ, **lab.environment},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.stdout.strip() == "000000000000", run.stderr


def test_an_unknown_control_operation_names_the_known_ones(lab: Lab) -> None:
    with pytest.raises(ControlError, match="log"):
        lab.control("nonsense")
