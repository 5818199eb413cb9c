"""The Service Authorization Reference finds each of these mutants in the template's roles, and nothing in ours."""

from __future__ import annotations

import copy
import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build  # noqa: E402

from references import iam_data, roles  # noqa: E402
from references.reasons import REASONS  # noqa: E402

Template = dict[str, Any]
Text = dict[str, Any]


@functools.cache
def ours() -> Template:
    return build.build()


def statement(template: Template, owner: str, *actions: str, resource: str = "") -> Text:
    """The statement of that role with these actions, and this word in its resources."""
    properties = template["Resources"][owner]["Properties"]
    for policy in properties["Policies"]:
        for each in policy.get("PolicyDocument", policy)["Statement"]:
            if roles.listed(each["Action"]) == list(actions) and resource in str(each["Resource"]):
                return each
    raise AssertionError(f"{owner} has no statement with {actions} and {resource}")


POWER = ("SetPowerFunctionRole", "ec2:StartInstances", "ec2:StopInstances")
ATTACH = ("SwapVolumesFunctionRole", "ec2:AttachVolume", "ec2:DetachVolume")
FROM_SNAPSHOT = ("CreateVolumesFunctionRole", "ec2:CreateVolume")


def drop(owner: str, *actions: str, resource: str) -> Callable[[Template], None]:
    def change(template: Template) -> None:
        found = statement(template, owner, *actions, resource=resource)
        for policy in template["Resources"][owner]["Properties"]["Policies"]:
            document = policy.get("PolicyDocument", policy)
            document["Statement"] = [each for each in document["Statement"] if each is not found]

    return change


def edit(owner: str, *actions: str, resource: str = "", **change: Any) -> Callable[[Template], None]:
    return lambda template: statement(template, owner, *actions, resource=resource).update(change)


SNAPSHOT_OF_AN_ACCOUNT = {"Fn::Sub": "arn:${AWS::Partition}:ec2:${AWS::Region}:${AWS::AccountId}:snapshot/*"}
MUTANTS: dict[str, tuple[Callable[[Template], None], str]] = {
    "an action that does not exist": (
        edit(*POWER, Action=["ec2:StartInstance"]),
        "ec2:StartInstance: there is no such action",
    ),
    "an action of another service": (
        edit("ScheduleRole", "sqs:SendMessage", Action="sns:SendMessage"),
        "sns:SendMessage: there is no such action",
    ),
    "an action in another case": (
        edit(*POWER, Action=["ec2:startInstances"]),
        "ec2:startInstances: AWS writes ec2:StartInstances",
    ),
    "a star that means nothing": (edit(*POWER, Action="ec2:Begin*"), "ec2:Begin*: there is no such action"),
    "a snapshot of an account": (
        edit(*FROM_SNAPSHOT, resource="snapshot", Resource=SNAPSHOT_OF_AN_ACCOUNT),
        "ec2:CreateVolume: is never asked for",
    ),
    "one resource too many": (
        edit(
            "ScheduleRole",
            "sqs:SendMessage",
            Resource=[{"Ref": "AlarmTopic"}, {"Fn::GetAtt": ["MissedBackups", "Arn"]}],
        ),
        "no action of the statement has such a resource",
    ),
    "a resource for an action without resources": (
        edit("PlanRestoreFunctionRole", "servicequotas:ListServiceQuotas", Resource="arn:aws:servicequotas:*:*:ebs/*"),
        "servicequotas:ListServiceQuotas: is never asked for",
    ),
    "every resource": (edit(*POWER, Resource="*"), "ec2:StartInstances: granted on every resource"),
    "a required resource type left out": (
        drop(*ATTACH, resource="volume"),
        "ec2:AttachVolume: not granted on any volume",
    ),
    "a set without its instance": (
        drop("CreateSnapshotsFunctionRole", "ec2:CreateSnapshots", resource="instance"),
        "ec2:CreateSnapshots: not granted on any instance",
    ),
    "a condition key that does not exist": (
        edit(*POWER, Condition={"StringLike": {"ec2:ResourceTags/mirrorsnap:cluster": "*"}}),
        "ec2:StartInstances: ec2:ResourceTags/mirrorsnap:cluster is not in its request",
    ),
    "a condition key of another service": (
        edit(*POWER, Condition={"StringLike": {"ssm:resourceTag/mirrorsnap:cluster": "*"}}),
        "ec2:StartInstances: ssm:resourceTag/mirrorsnap:cluster is not in its request",
    ),
    "a request's tag of what exists": (
        edit(*FROM_SNAPSHOT, resource="snapshot", Condition={"StringLike": {"aws:RequestTag/mirrorsnap:cluster": "*"}}),
        "ec2:CreateVolume: aws:RequestTag/mirrorsnap:cluster is not in its request for a snapshot",
    ),
    "a resource's tag of what is made": (
        edit(*FROM_SNAPSHOT, resource="volume", Condition={"StringLike": {"aws:ResourceTag/mirrorsnap:cluster": "*"}}),
        "ec2:CreateVolume: aws:ResourceTag/mirrorsnap:cluster is not in its request for a volume",
    ),
    "a list compared as one text": (
        edit(
            "SwapVolumesFunctionRole",
            "ec2:CreateTags",
            Condition={"StringLike": {"aws:TagKeys": "mirrorsnap:*"}},
        ),
        "aws:TagKeys is of type ArrayOfString, which StringLike does not compare",
    ),
    "a key's own condition elsewhere": (
        edit("SwapVolumesFunctionRole", "ec2:ModifyInstanceAttribute", Action="ec2:StartInstances"),
        "ec2:StartInstances: ec2:Attribute is not in its request for a instance",
    ),
}


def found(template: Template) -> set[str]:
    return set(roles.problems(template))


def test_nothing_is_found_in_ours() -> None:
    assert roles.problems(ours()) == []


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_found(name: str) -> None:
    change, text = MUTANTS[name]
    template = copy.deepcopy(ours())
    change(template)
    new = found(template)
    assert any(text in each for each in new), new


def test_a_reason_for_nothing_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REASONS, "ec2:Nothing: there is no such action", "a test")
    assert roles.problems(ours()) == ["reasons.py: nothing is found any more of ec2:Nothing: there is no such action"]


def test_each_reason_says_why() -> None:
    assert all(len(reason.split()) > 5 for reason in REASONS.values())


def test_a_template_without_statements_is_no_proof() -> None:
    assert roles.problems({"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}) != []


def test_every_role_is_judged() -> None:
    """Each function and machine that has policies, each role, and the trust of each role."""
    judged = {each.owner for each in roles.statements(ours())}
    with_policies = {
        name
        for name, resource in ours()["Resources"].items()
        if {"Policies", "PolicyDocument", "AssumeRolePolicyDocument"} & resource.get("Properties", {}).keys()
    }
    assert judged == with_policies
    assert {each.owner for each in roles.statements(ours()) if each.trust} >= {"ScheduleRole", "RuleRole"}


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("arn:*:a/*", "arn:aws:a/b", True),
        ("a*c", "ab*", True),
        ("a*c", "b*", False),
        ("snapshot/*", "snapshot", False),
        ("*", "", True),
        ("ab", "abc", False),
    ],
)
def test_patterns_that_overlap(one: str, other: str, both: bool) -> None:
    assert roles.overlap(one, other) is both
    assert roles.overlap(other, one) is both


def test_the_reference_knows_what_is_new_in_ec2() -> None:
    """The data are of September 2026: an older copy would let nothing of these pass."""
    assert iam_data.action("ec2:CopyVolumes")
    assert iam_data.action("ec2:RestoreVolumeFromRecycleBin")
