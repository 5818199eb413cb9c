"""The template's parameter EncryptionKey: what is encrypted by it, and who may use it."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

from build import build


def _names(value: object) -> set[str]:
    """What a part of the template refers to."""
    if isinstance(value, list):
        return set().union(*map(_names, value))
    if not isinstance(value, dict):
        return set()
    if "Fn::GetAtt" in value:
        return {value["Fn::GetAtt"][0]}
    return {value["Ref"]} if "Ref" in value else _names(list(value.values()))


def test_whatever_holds_data_takes_the_key_and_whoever_uses_it_may() -> None:
    """With a key of the operator's: both tables, the topic, both queues and all logs; without one nothing changes."""
    resources = build()["Resources"]
    data = ("AWS::DynamoDB::Table", "AWS::SNS::Topic", "AWS::SQS::Queue", "AWS::Logs::LogGroup")
    held = {name: each["Properties"] for name, each in resources.items() if each["Type"] in data}
    assert len(held) == 2 + 1 + 2 + 1 + len([1 for each in resources.values() if each["Type"].endswith("::Function")])
    given, none = {"Ref": "EncryptionKey"}, {"Ref": "AWS::NoValue"}
    for name, each in held.items():
        key = each.get("KmsMasterKeyId") or each.get("KmsKeyId")
        if name in ("Table", "DescriptionsTable"):
            with_key, without = each["SSESpecification"]["Fn::If"][1:]
            assert with_key == {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": given}
            assert without == {"SSEEnabled": True}
        else:
            assert key == {"Fn::If": ["HasKey", given, none]}, name
    # A log group is written and read by services, under the key's own policy.
    used = {name for name in held if not resources[name]["Type"].endswith("LogGroup")}
    users = set()
    for name, each in resources.items():
        policies = each["Properties"].get("Policies") if each["Type"] != "AWS::SQS::QueuePolicy" else None
        if policies and _names(policies) & used:
            users.add(name if each["Type"] == "AWS::IAM::Role" else f"{name}Role")
    policy = resources["UseEncryptionKey"]
    assert policy["Condition"] == "HasKey"
    assert {each["Ref"] for each in policy["Properties"]["Roles"]} == users
