"""Command documents: the calls, the versions, what is refused, what parameters may be and become."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError
from node_steps import Runner, up

from lab.client import Lab

_numbers = itertools.count(1)


def document(script: str | list[str] = "true", parameters: dict | None = None, **inputs: Any) -> dict[str, Any]:
    lines = [script] if isinstance(script, str) else script
    step = {"action": "aws:runShellScript", "name": "step", "inputs": {"runCommand": lines, **inputs}}
    return {"schemaVersion": "2.2", "description": "d", "parameters": parameters or {}, "mainSteps": [step]}


@pytest.fixture
def create(lab: Lab) -> Callable[..., str]:
    ssm = lab.boto("ssm")

    def make(content: Any, **more: Any) -> str:
        name = f"Doc-{next(_numbers)}"
        text = content if isinstance(content, str) else json.dumps(content)
        ssm.create_document(**{"Name": name, "Content": text, "DocumentType": "Command", **more})
        return name

    return make


def error(fn: Callable[..., Any], *args: Any, **more: Any) -> str:
    with pytest.raises(ClientError) as caught:
        fn(*args, **more)
    return caught.value.response["Error"]["Code"]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "InvalidDocumentContent"),
        ("[]", "InvalidDocumentContent"),
        ({**document(), "schemaVersion": "1.0"}, "InvalidDocumentSchemaVersion"),
        ({**document(), "mainSteps": []}, "InvalidDocumentContent"),
        ({**document(), "surprise": 1}, "InvalidDocumentContent"),
        (document(parameters={"A": {"type": "Text"}}), "InvalidDocumentContent"),
        (document(parameters={"A": {"type": "String", "allowedPattern": "("}}), "InvalidDocumentContent"),
        (
            document(parameters={"A": {"type": "String", "default": "x", "allowedPattern": "^y$"}}),
            "InvalidDocumentContent",
        ),
        (document(parameters={"A": {"type": "String", "defualt": "x"}}), "InvalidDocumentContent"),
        ({**document(), "mainSteps": document()["mainSteps"] * 2}, "InvalidDocumentContent"),
        (document("x" * 70_000), "MaxDocumentSizeExceeded"),
    ],
)
def test_contents_that_are_refused(create: Callable[..., str], content: Any, code: str) -> None:
    assert error(create, content) == code


def test_names(lab: Lab, create: Callable[..., str]) -> None:
    ssm = lab.boto("ssm")
    name = create(document())
    assert error(create, document(), Name=name) == "DocumentAlreadyExists"
    assert error(create, document(), Name="AWS-Mine") == "ValidationException"
    assert error(create, document(), Name="a b") == "ValidationException"
    ssm.delete_document(Name=name)
    for call in (ssm.describe_document, ssm.get_document, ssm.delete_document):
        assert error(call, Name=name) == "InvalidDocument"
    assert error(ssm.delete_document, Name="AWS-RunShellScript") == "InvalidDocumentOperation"


def test_versions(lab: Lab, create: Callable[..., str]) -> None:
    ssm, runner = lab.boto("ssm"), Runner(lab)
    up(lab)
    name = create(document("echo one"), VersionName="first")
    assert error(ssm.update_document, Name=name, Content=json.dumps(document("echo one"))) == "DuplicateDocumentContent"
    new = ssm.update_document(Name=name, Content=json.dumps(document("echo two")), DocumentVersion="$LATEST")
    described = new["DocumentDescription"]
    assert (described["DocumentVersion"], described["DefaultVersion"], described["LatestVersion"]) == ("2", "1", "2")
    stale = {"Name": name, "Content": json.dumps(document("echo three")), "DocumentVersion": "1"}
    assert error(ssm.update_document, **stale) == "InvalidDocumentVersion"

    send = {"DocumentName": name, "InstanceIds": [runner.instance]}
    outputs = []
    for version in (None, "$LATEST", "1"):
        more = {"DocumentVersion": version} if version else {}
        command = ssm.send_command(**send, **more)["Command"]
        outputs.append(runner.until(command["CommandId"])["StandardOutputContent"])
    assert outputs == ["one\n", "two\n", "one\n"]
    ssm.update_document_default_version(Name=name, DocumentVersion="2")
    assert ssm.describe_document(Name=name)["Document"]["DocumentVersion"] == "2"
    assert error(ssm.send_command, **send, DocumentVersion="9") == "InvalidDocumentVersion"
    listed = ssm.list_document_versions(Name=name)["DocumentVersions"]
    assert [(v["DocumentVersion"], v["IsDefaultVersion"]) for v in listed] == [("2", True), ("1", False)]
    wrong = ssm.describe_document(Name=name, DocumentVersion="1")["Document"]["Hash"]
    assert error(ssm.send_command, **send, DocumentHash=wrong) == "InvalidDocument"


def test_yaml_tags_and_lists(lab: Lab, create: Callable[..., str]) -> None:
    ssm = lab.boto("ssm")
    content = document("true", {"A": {"type": "StringList", "default": ["x"]}})
    name = create(yaml.safe_dump(content), DocumentFormat="YAML", Tags=[{"Key": "team", "Value": "a"}])
    assert json.loads(ssm.get_document(Name=name, DocumentFormat="JSON")["Content"]) == content
    found = ssm.list_documents(Filters=[{"Key": "tag:team", "Values": ["a"]}])["DocumentIdentifiers"]
    assert [d["Name"] for d in found] == [name]
    own = ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]
    assert "AWS-RunShellScript" not in [d["Name"] for d in own]
    ssm.add_tags_to_resource(ResourceType="Document", ResourceId=name, Tags=[{"Key": "team", "Value": "b"}])
    assert ssm.describe_document(Name=name)["Document"]["Tags"] == [{"Key": "team", "Value": "b"}]
    ssm.remove_tags_from_resource(ResourceType="Document", ResourceId=name, TagKeys=["team"])
    assert ssm.list_tags_for_resource(ResourceType="Document", ResourceId=name)["TagList"] == []


DECLARED = {
    "Name": {"type": "String", "allowedPattern": "^[a-z]+$", "maxChars": 5, "minChars": 2},
    "Mode": {"type": "String", "default": "on", "allowedValues": ["on", "off"]},
    "Count": {"type": "Integer", "default": 3},
    "Flag": {"type": "Boolean", "default": False},
    "Names": {"type": "StringList", "default": ["a"], "allowedPattern": "^[a-z]$", "maxItems": 2},
}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"Name": ["ok"], "Unknown": ["x"]},
        {"Name": ["a; rm"]},
        {"Name": ["x"]},
        {"Name": ["toolong"]},
        {"Name": ["ok", "two"]},
        {"Name": ["ok"], "Mode": ["maybe"]},
        {"Name": ["ok"], "Count": ["three"]},
        {"Name": ["ok"], "Flag": ["yes"]},
        {"Name": ["ok"], "Names": ["a", "B"]},
        {"Name": ["ok"], "Names": ["a", "b", "c"]},
    ],
)
def test_parameters_that_are_refused_before_anything_is_sent(lab: Lab, create: Callable[..., str], given: dict) -> None:
    up(lab)
    runner = Runner(lab)
    name = create(document("true", DECLARED))
    request = {"DocumentName": name, "InstanceIds": [runner.instance], "Parameters": given}
    assert error(runner.ssm.send_command, **request) == "InvalidParameters"
    assert not lab.log(kind="command", document=name)


def test_values_are_put_in_raw(lab: Lab, create: Callable[..., str]) -> None:
    up(lab)
    runner = Runner(lab)
    any_text = {"Raw": {"type": "String"}, "Safe": {"type": "String", "interpolationType": "ENV_VAR"}}
    script = [
        "echo '{{ Raw }}' {{Count}} {{ Flag }} '{{ Names }}'",
        'printf "%s\\n" "$SSM_Safe"',
        "echo '{{ NotDeclared }}'",
    ]
    name = create(document(script, {**DECLARED, **any_text}))
    given = {"Name": ["ok"], "Raw": ["a'; echo injected; echo '"], "Safe": ["$(echo no)'\""], "Names": ["x", "y"]}
    command = runner.ssm.send_command(DocumentName=name, InstanceIds=[runner.instance], Parameters=given)["Command"]
    text = runner.until(command["CommandId"])["StandardOutputContent"]
    assert text.splitlines() == ["a", "injected", ' 3 false ["x", "y"]', "$(echo no)'\"", "{{ NotDeclared }}"]


def test_a_pattern_without_anchors_lets_more_through(lab: Lab, create: Callable[..., str]) -> None:
    up(lab)
    runner = Runner(lab)
    name = create(document("echo {{ A }}", {"A": {"type": "String", "allowedPattern": "[a-z]+"}}))
    more = {"DocumentName": name, "InstanceIds": [runner.instance], "Parameters": {"A": ["b; echo c"]}}
    command = runner.ssm.send_command(**more)["Command"]["CommandId"]
    assert runner.until(command)["StandardOutputContent"] == "b\nc\n"
