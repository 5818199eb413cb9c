"""The order of a deployment: changes are shown, then asked about, then made under the guard, and nothing is left."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import change_set  # noqa: E402
import deploy  # noqa: E402
from change_set import Refused  # noqa: E402
from deploy_settings import Settings  # noqa: E402
from update_guard import OperationRunning  # noqa: E402

SETTINGS = Settings("artifacts", "eu-west-1", {"LogRetentionDays": "30"}, {"team": "ops"})
MADE = "aws cloudformation describe-change-set --change-set-name arn:aws:cloudformation:eu-west-1:1:changeSet/a/b\n"
CHANGES = [
    {"Action": "Modify", "ResourceType": "AWS::Lambda::Function", "LogicalResourceId": name, "Replacement": "False"}
    for name in ("AssessFunction", "ReportFunction")
] + [
    {"Action": "Modify", "ResourceType": "AWS::SSM::Document", "LogicalResourceId": "Fence", "Replacement": "True"},
    {"Action": "Remove", "ResourceType": "AWS::SQS::Queue", "LogicalResourceId": "Old"},
]


class Aws:
    """CloudFormation and S3 that note what is asked of them."""

    def __init__(self, status: str = "", buckets: tuple[str, ...] = ("artifacts",)) -> None:
        self.status, self.buckets, self.calls = status, list(buckets), []
        self.events: list[dict[str, str]] = []
        self.fails = False

    def client(self, name: str) -> Aws:
        return self

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda **given: self.calls.append(name)

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        if not self.status:
            raise ClientError({"Error": {"Code": "ValidationError", "Message": "it does not exist"}}, "DescribeStacks")
        tags = [{"Key": "cost", "Value": "7"}, {"Key": "team", "Value": "old"}]
        outputs = [{"OutputKey": "BackupStateMachineArn", "OutputValue": "arn:backup"}]
        return {"Stacks": [{"StackStatus": self.status, "Tags": tags, "Outputs": outputs}]}

    def head_bucket(self, Bucket: str) -> None:
        if Bucket not in self.buckets:
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadBucket")

    def create_bucket(self, Bucket: str, **_: Any) -> None:
        self.buckets.append(Bucket)

    def get_paginator(self, _: str) -> Any:
        return SimpleNamespace(paginate=lambda **_: [{"Changes": [{"ResourceChange": each} for each in CHANGES]}])

    def get_waiter(self, name: str) -> Any:
        def wait(**_: Any) -> None:
            self.calls.append(name)
            if self.fails:
                raise WaiterError(name, "failed", {})

        return SimpleNamespace(wait=wait)

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        return {"StackEvents": self.events}


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What the AWS CLI is told; it answers with a change set."""
    out: list[tuple[str, ...]] = []

    def cli(_: Path, region: str, *arguments: str) -> str:
        assert region == "eu-west-1"
        out.append(arguments)
        if arguments[0] == "package":
            Path(arguments[-1]).write_text('{\n    "Resources": {}\n}')
        else:
            packed = Path(arguments[arguments.index("--template-file") + 1])
            assert packed.read_text() == '{"Resources":{}}'
        return MADE if arguments[0] == "deploy" else ""

    monkeypatch.setattr(change_set, "cli", cli)
    monkeypatch.setattr(deploy, "refuse_if_running", lambda session, stack: session.calls.append("looked"))
    monkeypatch.setattr(deploy, "for_lambda", lambda: SimpleNamespace(architecture="x86_64"))
    return out


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """When the guard is taken and given back."""
    out: list[str] = []

    @contextlib.contextmanager
    def guard(session: Aws, stack: str) -> Iterator[None]:
        session.calls.append("guard")
        yield
        session.calls.append("guard given back")

    monkeypatch.setattr(deploy, "no_operation", guard)
    return out


def test_an_update_is_shown_then_asked_then_made_under_the_guard(said, guarded, capsys) -> None:
    aws = Aws("UPDATE_COMPLETE")
    asked: list[str] = []

    def confirm(question: str) -> bool:
        assert "modify     2 AWS::Lambda::Function" in capsys.readouterr().out
        assert "guard" not in aws.calls  # a person may take its time
        asked.append(question)
        return True

    assert deploy.put(aws, "mirrorsnap", SETTINGS, confirm) and len(asked) == 1
    assert aws.calls[:5] == ["looked", "guard", "execute_change_set", "stack_update_complete", "guard given back"]
    assert aws.calls[5:] == ["update_termination_protection", "set_stack_policy"]
    package, deployed = said
    assert package[0] == "package" and "--no-execute-changeset" in deployed
    at = deployed.index("--parameter-overrides")
    assert deployed[at + 1 :] == (
        *("Architecture=x86_64", "LogRetentionDays=30"),
        *("--tags", "cost=7", "team=ops"),  # the stack's own tag stays
    )


def test_a_new_stack_needs_no_guard_and_has_the_tags_that_were_said(said, guarded) -> None:
    aws = Aws("")
    assert deploy.put(aws, "mirrorsnap", SETTINGS, None)
    assert aws.calls[:2] == ["execute_change_set", "stack_create_complete"] and "guard" not in aws.calls
    assert said[1][-2:] == ("--tags", "team=ops")


@pytest.mark.parametrize(
    ("status", "left"),
    [("UPDATE_COMPLETE", ["looked", "delete_change_set"]), ("", ["delete_change_set", "delete_stack"])],
)
def test_whoever_says_no_leaves_nothing(said, guarded, status: str, left: list[str]) -> None:
    aws = Aws(status)
    assert not deploy.put(aws, "mirrorsnap", SETTINGS, lambda _: False)
    assert aws.calls == left


def test_an_operation_that_runs_ends_the_deployment_before_anything_changes(said, monkeypatch) -> None:
    def guard(session: Aws, stack: str) -> Any:
        raise OperationRunning("orders: in use")

    monkeypatch.setattr(deploy, "no_operation", guard)
    aws = Aws("UPDATE_COMPLETE")
    with pytest.raises(OperationRunning):
        deploy.put(aws, "mirrorsnap", SETTINGS, None)
    assert aws.calls == ["looked", "delete_change_set"]


def test_an_operation_that_runs_already_ends_it_before_anything_is_uploaded(said, monkeypatch) -> None:
    def look(session: Aws, stack: str) -> None:
        raise OperationRunning("orders: in use")

    monkeypatch.setattr(deploy, "refuse_if_running", look)
    with pytest.raises(OperationRunning):
        deploy.put(Aws("UPDATE_COMPLETE"), "mirrorsnap", SETTINGS, lambda _: pytest.fail("nothing to ask"))
    assert said == []


@pytest.mark.parametrize("status", ["ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS"])
def test_what_a_first_creation_left_is_no_stack_to_update(said, guarded, status: str) -> None:
    aws = Aws(status)
    assert deploy.prepared(aws, "mirrorsnap") is False
    assert ("delete_stack" in aws.calls) is (status == "ROLLBACK_COMPLETE")


def test_nothing_to_change_changes_nothing(said, guarded, monkeypatch) -> None:
    cli = change_set.cli

    def unchanged(*arguments: Any) -> str:
        cli(*arguments)
        return "No changes to deploy. Stack mirrorsnap is up to date\n"

    monkeypatch.setattr(change_set, "cli", unchanged)
    aws = Aws("UPDATE_COMPLETE")
    assert deploy.put(aws, "mirrorsnap", SETTINGS, lambda _: pytest.fail("nothing to ask"))
    assert "execute_change_set" not in aws.calls and "set_stack_policy" in aws.calls


def test_what_is_replaced_or_removed_is_named() -> None:
    assert change_set.shown(CHANGES).splitlines() == [
        "  modify     2 AWS::Lambda::Function",
        "  REPLACE      AWS::SSM::Document Fence",
        "  REMOVE       AWS::SQS::Queue Old",
    ]


def test_a_failure_names_the_first_reason_of_this_attempt() -> None:
    aws = Aws("UPDATE_ROLLBACK_COMPLETE")
    aws.fails = True
    events = [
        ("mirrorsnap", "UPDATE_ROLLBACK_COMPLETE", ""),
        ("Table", "UPDATE_FAILED", "Resource update cancelled"),
        ("Topic", "UPDATE_FAILED", "no such key"),
        ("mirrorsnap", "UPDATE_IN_PROGRESS", "User Initiated"),
        ("Table", "UPDATE_FAILED", "of last week"),
    ]
    keys = ("LogicalResourceId", "ResourceStatus", "ResourceStatusReason")
    aws.events = [dict(zip(keys, each, strict=True)) for each in events]
    with pytest.raises(Refused, match=r"UPDATE_ROLLBACK_COMPLETE: Topic: no such key\. Next"):
        change_set.executed(aws, change_set.ChangeSet("mirrorsnap", "arn", creates=False))


def test_a_bucket_is_made_only_when_a_person_says_so() -> None:
    aws = Aws(buckets=())
    for confirm in (None, lambda _: False):
        with pytest.raises(Refused, match=r"aws s3 mb s3://artifacts --region eu-west-1"):
            deploy.with_bucket(aws, "artifacts", "eu-west-1", confirm)
    assert aws.buckets == []
    deploy.with_bucket(aws, "artifacts", "eu-west-1", lambda _: True)
    assert aws.buckets == ["artifacts"]
    deploy.with_bucket(aws, "artifacts", "eu-west-1", None)


@pytest.mark.parametrize(
    ("known", "stack", "command"),
    [
        (set(), "mirrorsnap", "mirrorsnap cluster add --region eu-west-1"),
        (set(), "ops", "mirrorsnap cluster add --region eu-west-1 --stack ops"),
        ({"web", "orders"}, "mirrorsnap", "mirrorsnap status --region eu-west-1"),
    ],
)
def test_it_ends_with_the_next_command(monkeypatch, known: set[str], stack: str, command: str) -> None:
    monkeypatch.setattr(deploy, "clusters", lambda *_: known)
    said = deploy.next_command(Aws("CREATE_COMPLETE"), stack, SETTINGS)
    assert said.startswith("Next: ") and said.splitlines()[-1] == f"  {command}"


def test_on_a_pipe_a_first_deployment_without_a_bucket_is_refused(monkeypatch, tmp_path, capsys) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setattr(deploy, "TEMPLATE", Path(__file__))
    assert deploy.main(["--stack", "mirrorsnap"]) == 2
    assert "BUCKET=" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_whoever_updates_is_not_asked_for_the_mail_again(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    wanted = argparse.Namespace(bucket="artifacts", region="eu-west-1", parameters=[], tag=[], stack="mirrorsnap")
    for status, asked in (("UPDATE_COMPLETE", 0), ("", 1)):
        aws, questions = Aws(status), []
        monkeypatch.setattr(deploy.boto3, "Session", lambda aws=aws, **_: aws)
        monkeypatch.setattr(Aws, "region_name", "", raising=False)

        def ask(question: str, questions: list[str] = questions) -> str:
            questions.append(question)
            return ""

        _, settings = deploy.known(wanted, ask)
        assert len(questions) == asked and ("AlarmEmail" in settings.parameters) == bool(asked)
