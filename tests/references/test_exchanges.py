"""Each of these mutants of a call that is right is found by botocore's shapes, and the right one is not.

The right ones are written by botocore itself (what is sent) and by moto's serializer out of the same models (answers).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from botocore.serialize import create_serializer
from botocore.validate import ParamValidator

from lab.wire import AwsError, ec2_response, error_for
from references import exchanges, verdict
from references.reasons import OF_CALLS

Exchange = dict[str, Any]
VOLUME = "vol-0123456789abcdef0"


def exchange(call: str, params: dict[str, Any], answer: str, status: int = 200, **more: Any) -> Exchange:
    """A call as the gateway sees it, sent by botocore."""
    service, _, action = call.partition(":")
    of = exchanges.service(service).operation_model(action)  # type: ignore[union-attr]
    protocol = of.service_model.protocol
    made = create_serializer(protocol, include_validation=False).serialize_to_request(params, of)
    body = made["body"]
    body = urlencode(body) if isinstance(body, dict) else body.decode() if isinstance(body, bytes) else body or ""
    headers = {key.lower(): str(value) for key, value in made["headers"].items()}
    return {
        "call": call,
        "method": made["method"],
        "path": made["url_path"],
        "query": {},
        "headers": headers,
        "request": body,
        "status": status,
        "injected": False,
        "answer_headers": {},
        "answer": answer,
        "test": "t",
        **more,
    }


def described() -> Exchange:
    answer = {"Volumes": [{"VolumeId": VOLUME, "State": "in-use", "Size": 8, "Encrypted": False, "Attachments": []}]}
    body = ec2_response("DescribeVolumes", answer, "r-1")[2].decode()
    filters = [{"Name": "status", "Values": ["in-use"]}]
    return exchange("ec2:DescribeVolumes", {"VolumeIds": [VOLUME], "Filters": filters, "MaxResults": 500}, body)


def started() -> Exchange:
    answer = {"executionArn": "arn:aws:states:eu-west-1:111122223333:execution:a:b", "startDate": 1790000000.5}
    params = {"stateMachineArn": "arn:aws:states:eu-west-1:111122223333:stateMachine:a", "name": "b", "input": "{}"}
    return exchange("states:StartExecution", params, json.dumps(answer))


def sent_command() -> Exchange:
    command = {
        "CommandId": "0" * 36,
        "DocumentName": "mirrorsnap-observe",
        "Status": "Pending",
        "RequestedDateTime": 1790000000.5,
    }
    params = {"DocumentName": "mirrorsnap-observe", "InstanceIds": ["i-0123456789abcdef0"], "TimeoutSeconds": 60}
    return exchange("ssm:SendCommand", params, json.dumps({"Command": command}))


def published() -> Exchange:
    answer = (
        '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m</MessageId>'
        "</PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>"
    )
    attributes = {"kind": {"DataType": "String", "StringValue": "x"}}
    params = {"TopicArn": "arn:aws:sns:eu-west-1:111122223333:t", "Message": "m", "MessageAttributes": attributes}
    return exchange("sns:Publish", params, answer)


def scheduled() -> Exchange:
    target = {
        "Arn": "arn:aws:states:eu-west-1:111122223333:stateMachine:a",
        "RoleArn": "arn:aws:iam::111122223333:role/r",
    }
    params = {
        "Name": "s",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
        "ClientToken": "t",
    }
    arn = "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/s"
    return exchange("scheduler:CreateSchedule", params, json.dumps({"ScheduleArn": arn}))


RIGHT = {each.__name__: each for each in (described, started, sent_command, published, scheduled)}


def body(key: str, value: Any) -> Callable[[Exchange], None]:
    """A member of the JSON that is sent; None takes it away."""

    def change(of: Exchange) -> None:
        sent = json.loads(of["request"])
        sent.pop(key, None)
        of["request"] = json.dumps(sent if value is None else {**sent, key: value})

    return change


def form(text: str) -> Callable[[Exchange], None]:
    return lambda of: of.update(request=f"{of['request']}&{text}")


def text(old: str, new: str, where: str = "answer") -> Callable[[Exchange], None]:
    def change(of: Exchange) -> None:
        assert old in of[where], of[where]
        of[where] = of[where].replace(old, new, 1)

    return change


def refused(code: str, **member: Any) -> Callable[[Exchange], None]:
    return lambda of: of.update(status=400, answer=json.dumps({"__type": code, "message": "m", **member}))


MUTANTS: list[tuple[str, Callable[[], Exchange], Callable[[Exchange], None], str]] = [
    ("a parameter that is unknown", described, form("VolumeIDs.1=vol-1"), "the member VolumeIDs.1 is not known"),
    ("a list under its plural", described, form("VolumeIds.1=vol-1"), "the member VolumeIds.1 is not known"),
    ("a boolean that is none", described, form("DryRun=yes"), ".dryRun: text 'yes' is no boolean"),
    ("a version that is another", described, text("2016-11-15", "2014-10-01", "request"), "the version is 2014-10-01"),
    ("an element that is unknown", described, text("<size>8</size>", "<gib>8</gib>"), "the member gib is not known"),
    ("a number that is text", described, text("<size>8</size>", "<size>big</size>"), "volumeSet[].size: text 'big'"),
    ("a boolean in Python's words", described, text(">false<", ">False<"), ".volumeSet[].encrypted: text 'False'"),
    ("a state that EC2 has not", described, text(">in-use<", ">attached<"), ".volumeSet[].status: 'attached' is none"),
    ("items of another name", described, text("<item>", "<member>"), "no XML"),
    ("a list's items as members", described,
     lambda of: of.update(answer=of["answer"].replace("item>", "member>")), "items called member, not item"),
    ("an answer to another call", described, text("<DescribeVolumesResponse", "<DescribeVolumeResponse"), "no XML"),
    ("no request id", described, text("<requestId>r-1</requestId>", ""), "requestId is missing"),
    ("a namespace of another version", described, text('2016-11-15"', '2013-10-15"'), "the answer's namespace"),
    ("a required member left out", started, body("stateMachineArn", None), "the member stateMachineArn is missing"),
    ("a name that is too long", started, body("name", "n" * 81), ".name: the length 81 is above 80"),
    ("a member in another case", started, body("Input", "{}"), "the member Input is not known"),
    ("an input that is no text", started, body("input", {}), ".input: dict '{}' is no text"),
    ("an answer without its arn", started, text('"executionArn"', '"executionARN"'), "executionArn is missing"),
    ("a date as text", started, text("1790000000.5", '"2026-09-21T14:13:20Z"'), "no timestamp in seconds"),
    ("a null", started, text("1790000000.5", "null"), ".startDate: null"),
    ("an error of another call", started, refused("TaskTimedOut"), "TaskTimedOut is no error of it"),
    ("an error of nobody", started, refused("NotReallyThere"), "NotReallyThere is no error of it"),
    ("an error with more than it has", started, refused("ExecutionAlreadyExists", arn="a"), "the member arn is not"),
    ("an error without a name", started, lambda of: of.update(status=400, answer="{}"), "names no error"),
    ("a status that SSM has not", sent_command, text("Pending", "Waiting"), ".Command.Status: 'Waiting' is none of"),
    ("too short a timeout", sent_command, body("TimeoutSeconds", 29), ".TimeoutSeconds: the value 29 is below 30"),
    ("a name that does not match", sent_command, body("DocumentName", "a b"), ".DocumentName: 'a b' does not match"),
    ("an id of no instance", sent_command, body("InstanceIds", ["x"]), ".InstanceIds[]: 'x' does not match"),
    ("51 instances", sent_command, body("InstanceIds", ["i-0123456789abcdef0"] * 51), "items 51 is above 50"),
    ("parameters that are a list", sent_command, body("Parameters", []), ".Parameters: list '[]' is no map"),
    ("a result without its wrapper", published, text("PublishResult>", "Result>"), "no XML"),
    ("a member outside the result", published,
     lambda of: of.update(answer=of["answer"].replace("PublishResult>", "Result>")), "PublishResult is missing"),
    ("an attribute without its type", published,
     text("MessageAttributes.entry.1.Value.DataType=String&", "", "request"), "the member DataType is missing"),
    ("a mode that is none", scheduled, text('"OFF"', '"MAYBE"', "request"), ".FlexibleTimeWindow.Mode: 'MAYBE'"),
    ("a query that is unknown", scheduled, lambda of: of.update(query={"a": ["b"]}), "the query's a is not known"),
    ("a body that is no JSON", scheduled, text("{", "", "request"), "the body is no JSON"),
]  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_nothing_is_found_in_a_call_that_is_right(name: str) -> None:
    right = RIGHT[name]()
    assert exchanges.judged(right)
    assert exchanges.problems(right) == []


@pytest.mark.parametrize(("made", "change", "said"), [each[1:] for each in MUTANTS], ids=[each[0] for each in MUTANTS])
def test_a_mutant_is_found(made: Callable[[], Exchange], change: Callable[[Exchange], None], said: str) -> None:
    mutant = made()
    change(mutant)
    assert any(said in each for each in exchanges.problems(mutant)), exchanges.problems(mutant)


@pytest.mark.parametrize(
    "params",
    [
        {"stateMachineArn": "a", "name": 5},
        {"name": "b"},
        {"stateMachineArn": ""},
        {"stateMachineArn": "a", "nme": "b"},
        {"stateMachineArn": ["a"]},
    ],
)
def test_what_an_sdk_refuses_to_send_is_found(params: dict[str, Any]) -> None:
    """botocore's own validator judges a request before it is sent: nothing that it finds may pass here."""
    of = exchanges.service("states").operation_model("StartExecution")  # type: ignore[union-attr]
    assert ParamValidator().validate(params, of.input_shape).has_errors()
    assert exchanges.problems({**started(), "request": json.dumps(params)})


def test_an_error_that_a_service_of_json_may_have_is_right() -> None:
    for code in ("ExecutionAlreadyExists", "ThrottlingException", "aws.states#ExecutionAlreadyExists"):
        right = started()
        refused(code)(right)
        assert exchanges.problems(right) == []


def test_ec2s_error_is_read_and_its_code_is_not_judged() -> None:
    status, _, answer = error_for("ec2", AwsError("InvalidVolume.NotFound", "m"), "r")
    assert exchanges.problems({**described(), "status": status, "answer": answer.decode()}) == []
    assert exchanges.problems({**described(), "status": status, "answer": "<Response/>"}) != []


def write(path: Path, *entries: Exchange) -> Path:
    (path / "calls-1.jsonl").write_text("\n".join(map(json.dumps, entries)) + '\n{"call": "ec2:Cut', encoding="utf-8")
    return path


def test_the_verdict_names_what_is_wrong_and_counts_what_has_no_shape(tmp_path: Path, capsys: Any) -> None:
    wrong = started()
    body("Input", "{}")(wrong)
    odd = {**started(), "call": "states:Nothing"}
    assert verdict.main([str(write(tmp_path, started(), started(), wrong, odd))]) == 1
    said = capsys.readouterr().out
    assert "references: states:StartExecution sent .: the member Input is not known [t]" in said
    assert "2 kinds of calls to 1 operations judged by their shapes, 1 without a shape: states:Nothing (1)" in said
    assert verdict.main([str(write(tmp_path, started()))]) == 0


def test_what_has_a_reason_is_no_finding(tmp_path: Path) -> None:
    odd = sent_command()
    text('"DocumentName"', '"OutputS3BucketName": "", "DocumentName"')(odd)
    assert exchanges.problems(odd)
    assert verdict.verdict(write(tmp_path, odd)).problems == {}
    assert all(len(reason.split()) > 10 for reason in OF_CALLS.values())
