"""docs/permissions.md says what the template grants, and each `*` of it has a reason that holds."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from references import iam_data, roles

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "infra"))

import build  # noqa: E402
import permissions_page  # noqa: E402

TEMPLATE = json.loads(json.dumps(build.build()))
# Whoever has one of these can take more than the page says.
NEVER = (
    "iam:",
    "sts:",
    "secretsmanager:",
    "kms:PutKeyPolicy",
    "ssm:CreateDocument",
    "ssm:UpdateDocument",
    "lambda:Update",
)


@pytest.fixture
def template() -> dict[str, Any]:
    return copy.deepcopy(TEMPLATE)


def statements(template: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for role in permissions_page.roles(template) for each in role.statements]


def test_the_page_is_the_template_s() -> None:
    assert permissions_page.PAGE.read_text(encoding="utf-8") == permissions_page.page(TEMPLATE)


def test_a_permission_more_makes_another_page(template: dict[str, Any]) -> None:
    statements(template)[0]["Action"] = ["dynamodb:GetItem", "dynamodb:Query"]
    assert permissions_page.page(template) != permissions_page.PAGE.read_text(encoding="utf-8")


def test_every_statement_of_a_role_is_on_the_page() -> None:
    found = [each.text for each in roles.statements(TEMPLATE) if not each.trust]
    policies = [
        r for r in TEMPLATE["Resources"].values() if r["Type"].endswith("Policy") and "Roles" not in r["Properties"]
    ]
    of_resources = [each for r in policies for each in r["Properties"]["PolicyDocument"]["Statement"]]
    assert len(found) == len(statements(TEMPLATE)) + len(of_resources) > 50


@pytest.mark.parametrize(
    "statement",
    [
        {
            "Action": ["ec2:DeleteVolume"],
            "Resource": {"Fn::Sub": "arn:aws:ec2:${AWS::Region}:${AWS::AccountId}:volume/*"},
        },
        # One that has a reason, and another beside it that has none.
        {
            "Action": ["ec2:CreateTags", "ec2:ModifyVolume"],
            "Resource": {"Fn::Sub": "arn:aws:ec2:${AWS::Region}:${AWS::AccountId}:volume/*"},
            "Condition": {"StringEquals": {"ec2:CreateAction": "CreateVolume"}},
        },
    ],
)
def test_a_pattern_without_a_reason_makes_no_page(template: dict[str, Any], statement: dict[str, Any]) -> None:
    policies = template["Resources"]["AssessFunctionRole"]["Properties"]["Policies"]
    policies[0]["PolicyDocument"]["Statement"].append(statement)
    with pytest.raises(permissions_page.Unexplained, match=r"AssessFunctionRole: nothing says why .* on ec2 volume/\*"):
        permissions_page.page(template)


def test_a_reason_that_explains_nothing_makes_no_page(template: dict[str, Any]) -> None:
    for each in statements(template):
        if "kms:CreateGrant" in each["Action"]:
            each["Action"] = ["kms:DescribeKey"]
    with pytest.raises(permissions_page.Unexplained, match="nothing is explained any more by kms:CreateGrant on"):
        permissions_page.page(template)


def test_where_the_page_says_that_iam_knows_no_resource_the_reference_lists_none() -> None:
    asked = set()
    for each in statements(TEMPLATE):
        found = permissions_page.grant(each)
        if permissions_page.NO_RESOURCE in permissions_page.why("", found, set()):
            for name in found.actions:
                action = iam_data.action(name)
                assert action and action.types == (), name
                asked.add(name)
    assert len(asked) > 10


def test_no_role_can_take_more_than_the_page_says() -> None:
    granted = {action for each in statements(TEMPLATE) for action in permissions_page.listed(each["Action"])}
    assert [each for each in granted if each == "*" or each.startswith(NEVER)] == ["iam:PassRole"]
    passing = [each for each in statements(TEMPLATE) if "iam:PassRole" in each["Action"]]
    assert [each["Resource"] for each in passing] == [{"Fn::GetAtt": ["BackupScheduleRole", "Arn"]}]
    assert passing[0]["Condition"] == {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}


def test_every_role_of_the_stack_has_the_boundary() -> None:
    makes = ("AWS::IAM::Role", "AWS::Serverless::StateMachine")
    found = [each["Properties"] for each in TEMPLATE["Resources"].values() if each["Type"] in makes]
    assert len(found) == 27
    for each in found:
        assert each["PermissionsBoundary"]["Fn::If"][:2] == ["HasBoundary", {"Ref": "PermissionsBoundary"}]
    # SAM makes no role of a function that has one.
    functions = [each for each in TEMPLATE["Resources"].values() if each["Type"] == "AWS::Serverless::Function"]
    assert all("Role" in each["Properties"] and "Policies" not in each["Properties"] for each in functions)


def test_a_function_writes_its_own_log_only() -> None:
    for role in permissions_page.roles(TEMPLATE):
        logs = [each for each in role.statements if "logs:PutLogEvents" in each["Action"]]
        expected = [{"Fn::GetAtt": [f"{role.logical_id.removesuffix('FunctionRole')}Logs", "Arn"]}]
        assert [each["Resource"] for each in logs] == (expected if role.title.startswith("Function") else []), role
