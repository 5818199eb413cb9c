"""Lies about what IAM is asked, and what it makes of conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ministack.core.iam_evaluator as evaluator

from .. import iam_resources
from ..iam_resources import Check, _Call
from . import lie


def _about_modify(change: Callable[[_Call, list[Check]], list[Check]]) -> None:
    true = iam_resources.EC2["ModifyInstanceAttribute"]
    iam_resources.EC2["ModifyInstanceAttribute"] = lambda call: change(call, true(call))


@lie("attribute-in-lower-case")
def _attribute_in_lower_case() -> None:
    def change(_: _Call, checks: list[Check]) -> list[Check]:
        for check in checks:
            if check.keys.get("ec2:Attribute") == "BlockDeviceMapping":
                check.keys["ec2:Attribute"] = "blockDeviceMapping"
        return checks

    _about_modify(change)


@lie("attribute-asks-volume")
def _attribute_asks_volume() -> None:
    def change(call: _Call, checks: list[Check]) -> list[Check]:
        attached = getattr(iam_resources.resource(call.request.get("InstanceId") or ""), "attachments", {})
        named = [attached.get(each.get("DeviceName")) for each in call.request.get("BlockDeviceMappings") or []]
        return checks + [call.on(each.volume_id) for each in named if each]

    _about_modify(change)


Condition = Callable[[str, Any, list[str]], bool]


def _about_conditions(change: Callable[[Condition, str, Any, list[str]], bool]) -> None:
    true = evaluator._evaluate_single_condition
    evaluator._evaluate_single_condition = lambda operator, actual, wanted: change(true, operator, actual, wanted)


@lie("null-always-met")
def _null_always_met() -> None:
    def change(true: Condition, operator: str, actual: Any, wanted: list[str]) -> bool:
        return operator.lower() == "null" or true(operator, actual, wanted)

    _about_conditions(change)


@lie("no-tag-keys-is-not-all")
def _no_tag_keys_is_not_all() -> None:
    def change(true: Condition, operator: str, actual: Any, wanted: list[str]) -> bool:
        empty = operator.lower().startswith("forallvalues:") and not actual
        return not empty and true(operator, actual, wanted)

    _about_conditions(change)


@lie("create-tags-unasked")
def _create_tags_unasked() -> None:
    true = _Call.new

    def new(self: _Call, kind: str, extra: dict[str, Any] | None = None) -> list[Check]:
        return [check for check in true(self, kind, extra) if check.action != "ec2:CreateTags"]

    _Call.new = new  # type: ignore[method-assign]


@lie("snapshot-arn-with-account")
def _snapshot_arn_with_account() -> None:
    true = iam_resources.ec2_arn

    def ec2_arn(kind: str, name: str, region: str = iam_resources.context.REGION) -> str:
        return true(kind, name, region).replace("::snapshot/", f":{iam_resources.context.ACCOUNT}:snapshot/")

    iam_resources.ec2_arn = ec2_arn


@lie("send-command-document-only")
def _send_command_document_only() -> None:
    true = iam_resources._send_command
    iam_resources._send_command = lambda params, region: true(params, region)[:1]


@lie("send-command-without-tags")
def _send_command_without_tags() -> None:
    true = iam_resources._managed_instance

    def managed(instance_id: str, region: str) -> Check:
        check = true(instance_id, region)
        return Check(check.action, check.arn, {k: v for k, v in check.keys.items() if "resourcetag" not in k.lower()})

    iam_resources._managed_instance = managed
