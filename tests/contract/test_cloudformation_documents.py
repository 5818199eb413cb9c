"""Command documents by CloudFormation: made, changed in place or replaced, deleted, refused."""

from __future__ import annotations

import itertools
import json

import pytest
from fixtures.functions import refused

NUMBERS = itertools.count()


def content(command: str, version: str = "2.2") -> dict:
    run = {"action": "aws:runShellScript", "name": "run", "inputs": {"runCommand": [command]}}
    return {"schemaVersion": version, "description": "contract test", "mainSteps": [run]}


def template(**properties) -> str:
    document = {"Type": "AWS::SSM::Document", "Properties": {"DocumentType": "Command", **properties}}
    outputs = {"Name": {"Value": {"Ref": "Doc"}}}
    return json.dumps({"Resources": {"Doc": document}, "Outputs": outputs})


class Stack:
    def __init__(self, lab) -> None:
        self.cfn, self.lab, self.name = lab.boto("cloudformation"), lab, f"docs-{next(NUMBERS)}"

    def put(self, body: str, update: bool = False) -> str:
        """Create or update; the status that it ends with."""
        (self.cfn.update_stack if update else self.cfn.create_stack)(StackName=self.name, TemplateBody=body)
        self.lab.wait_for(lambda: not self.found()["StackStatus"].endswith("_IN_PROGRESS"), 100, "the stack")
        return self.found()["StackStatus"]

    def found(self) -> dict:
        return self.cfn.describe_stacks(StackName=self.name)["Stacks"][0]

    def document(self) -> str:
        return self.found()["Outputs"][0]["OutputValue"]

    def reasons(self) -> str:
        events = self.cfn.describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(e.get("ResourceStatusReason", "") for e in events)


@pytest.fixture
def stack(lab):
    return Stack(lab)


def command(lab, name: str, **version) -> str:
    text = lab.boto("ssm").get_document(Name=name, **version)["Content"]
    return json.loads(text)["mainSteps"][0]["inputs"]["runCommand"][0]


def test_new_version_in_place_and_delete(lab, stack):
    tags = [{"Key": "team", "Value": "a"}]
    assert stack.put(template(Name="Mirror-One", Content=content("one"), Tags=tags)) == "CREATE_COMPLETE"
    assert stack.document() == "Mirror-One" and command(lab, "Mirror-One") == "one"
    changed = template(Name="Mirror-One", Content=content("two"), UpdateMethod="NewVersion")
    assert stack.put(changed, update=True) == "UPDATE_COMPLETE"
    found = lab.boto("ssm").describe_document(Name="Mirror-One")["Document"]
    assert found["DefaultVersion"] == found["LatestVersion"] == "2"
    assert command(lab, "Mirror-One") == "two" and command(lab, "Mirror-One", DocumentVersion="1") == "one"
    stack.cfn.delete_stack(StackName=stack.name)
    lab.wait_for(lambda: refused(command, lab, "Mirror-One") == "InvalidDocument", 50, "the delete")


def test_without_a_name_new_content_replaces_it(lab, stack):
    text = json.dumps(content("one"))
    assert stack.put(template(Content=text, DocumentFormat="JSON")) == "CREATE_COMPLETE"
    first = stack.document()
    assert first.startswith(stack.name) and command(lab, first) == "one"
    assert stack.put(template(Content=content("two")), update=True) == "UPDATE_COMPLETE"
    second = stack.document()
    assert second != first and command(lab, second) == "two"
    assert refused(command, lab, first) == "InvalidDocument"


def test_a_custom_name_cannot_be_replaced(lab, stack):
    stack.put(template(Name="Mirror-Two", Content=content("one")))
    status = stack.put(template(Name="Mirror-Two", Content=content("two")), update=True)
    assert status == "UPDATE_ROLLBACK_COMPLETE" and "custom-named resource" in stack.reasons()
    assert command(lab, "Mirror-Two") == "one"


@pytest.mark.parametrize(
    "properties, reason",
    [
        ({"Content": content("x", version="9.9"), "Name": "Mirror-Bad"}, "InvalidDocument"),
        ({"Content": "{not json", "Name": "Mirror-Bad"}, "InvalidDocumentContent"),
        ({"Content": content("x"), "Name": "AWS-Mine"}, "reserved prefix"),
        ({"Content": content("x"), "Name": "Mirror-Bad", "Contents": "y"}, "extraneous key [Contents]"),
        ({"Name": "Mirror-Bad"}, "required key [Content]"),
    ],
)
def test_what_is_refused_rolls_back(lab, stack, properties, reason):
    assert stack.put(template(**properties)) == "ROLLBACK_COMPLETE"
    assert reason in stack.reasons()
    assert refused(command, lab, "Mirror-Bad") == "InvalidDocument"


def test_a_name_that_is_taken_is_refused(lab, stack):
    assert stack.put(template(Name="Mirror-Three", Content=content("one"))) == "CREATE_COMPLETE"
    other = Stack(lab)
    assert other.put(template(Name="Mirror-Three", Content=content("two"))) == "ROLLBACK_COMPLETE"
    assert command(lab, "Mirror-Three") == "one"
