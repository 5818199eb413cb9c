"""What the template's roles could do to a volume that was ever attached, by any calls (docs/safety.md, rule 19).

The lab's evaluator is asked about every call that changes tags, until no new set of tags comes up, and then about
DeleteVolume. Each action's resource types and keys are those of the Service Authorization Reference (iam_resources.py).
"""

from __future__ import annotations

import itertools
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import ministack.core.iam_evaluator as evaluator
import pytest

from lab.iam_resources import _keys_of, _request_tags, ec2_arn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "infra"))

import read_template

REGION, ACCOUNT = "ap-northeast-1", "000000000000"
PSEUDO = {"AWS::Partition": "aws", "AWS::Region": REGION, "AWS::AccountId": ACCOUNT, "AWS::StackName": "mirrorsnap"}
PSEUDO |= {"AWS::URLSuffix": "amazonaws.com"}
OURS = ("mirrorsnap:cluster", "mirrorsnap:restore-id", "mirrorsnap:attached", "mirrorsnap:replaced")
KEYS = (*OURS, "Name")
Tags = frozenset[str]  # keys
# A volume of a restore, one that a restore took out, two that no restore has touched, one of a restore that was undone.
ATTACHED: list[Tags] = [
    frozenset({*OURS[:3], "Name"}),
    frozenset({OURS[1], OURS[3], "Name"}),
    frozenset({"Name"}),
    frozenset(),
    frozenset(OURS),
]
NEVER_ATTACHED = frozenset(OURS[:2])
OLD_UNTAG = {
    "Effect": "Allow",
    "Action": "ec2:DeleteTags",
    "Resource": f"arn:aws:ec2:{REGION}:{ACCOUNT}:volume/*",
    "Condition": {"ForAllValues:StringLike": {"aws:TagKeys": "mirrorsnap:*"}},
}


def plain(value: Any) -> Any:
    """A part of the template with its parameters filled in."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::Sub" in value:
        text = value["Fn::Sub"]
        for name, filled in PSEUDO.items():
            text = text.replace("${" + name + "}", filled)
        return text
    if "Fn::GetAtt" in value or "Ref" in value:
        return "arn:aws:other:::thing"
    return {key: plain(each) for key, each in value.items()}


def roles() -> dict[str, list[dict[str, Any]]]:
    """The statements of each role of the template, by its function or state machine."""
    return {
        name: [plain(each) for policy in resource["Properties"].get("Policies", []) for each in policy["Statement"]]
        for name, resource in read_template.read()["Resources"].items()
        if resource["Type"] in ("AWS::Serverless::Function", "AWS::Serverless::StateMachine")
    }


ROLES = roles()


def allowed(statements: list[dict[str, Any]], action: str, arn: str, keys: dict[str, Any]) -> bool:
    context = evaluator.EvalContext(
        principal_arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
        principal_type="AssumedRole",
        principal_account=ACCOUNT,
        action=action,
        resource_arn=arn,
        region=REGION,
        service_context={"aws:tagkeys": None} | {key.lower(): value for key, value in keys.items()},
    )
    policy = evaluator.parse_policy_document(json.dumps({"Version": "2012-10-17", "Statement": statements}))
    return evaluator.evaluate(context, [policy]).decision == "Allow"


VOLUME = ec2_arn("volume", "vol-0123456789abcdef0")


def keys_of(tags: Tags) -> dict[str, Any]:
    found = SimpleNamespace(id="vol-0123456789abcdef0", tags=dict.fromkeys(tags, "value"), encrypted=False)
    return _keys_of(found, REGION)


SUBSETS = [frozenset(some) for n in range(1, len(KEYS) + 1) for some in itertools.combinations(KEYS, n)]


def after_one_call(statements: list[dict[str, Any]], tags: Tags) -> set[Tags]:
    """What one allowed call leaves: CreateTags and DeleteTags of any keys and values, and DeleteTags without tags."""
    found = set()
    for some in SUBSETS:
        request = keys_of(tags) | _request_tags({"Key": key, "Value": "value"} for key in some)
        if allowed(statements, "ec2:CreateTags", VOLUME, request):
            found.add(tags | some)
        if allowed(statements, "ec2:DeleteTags", VOLUME, request):
            # A tag stays if the call names another value than it has.
            found |= {tags - removed for removed in SUBSETS if removed <= some}
    if allowed(statements, "ec2:DeleteTags", VOLUME, keys_of(tags)):
        found.add(frozenset())
    return found


def reachable(statements: list[dict[str, Any]], tags: Tags) -> set[Tags]:
    seen, queue = {tags}, [tags]
    while queue:
        new = after_one_call(statements, queue.pop()) - seen
        seen |= new
        queue += new
    return seen


def deletable(statements: list[dict[str, Any]], tags: Tags) -> bool:
    """Whether any calls of this role, however many, end with a DeleteVolume that is allowed."""
    if not any(
        "ec2:DeleteVolume" in each["Action"] for each in statements if isinstance(each.get("Action"), (str, list))
    ):
        return False
    return any(allowed(statements, "ec2:DeleteVolume", VOLUME, keys_of(each)) for each in reachable(statements, tags))


@pytest.mark.parametrize("role", ROLES)
def test_no_role_can_delete_a_volume_that_was_attached_by_any_calls(role: str) -> None:
    assert [sorted(tags) for tags in ATTACHED if deletable(ROLES[role], tags)] == []


def test_one_role_can_delete_what_was_never_attached() -> None:
    assert [role for role in ROLES if deletable(ROLES[role], NEVER_ATTACHED)] == ["CreateVolumesFunction"]


def test_all_roles_together_cannot_either() -> None:
    together = [each for role in ROLES.values() for each in role if "ec2:" in json.dumps(each)]
    assert [sorted(tags) for tags in ATTACHED if deletable(together, tags)] == []


@pytest.mark.parametrize("tags", [ATTACHED[0], ATTACHED[4]])
def test_a_role_that_deletes_and_untags_is_seen(tags: Tags) -> None:
    assert deletable([*ROLES["CreateVolumesFunction"], OLD_UNTAG], tags)


def test_a_role_that_untags_without_tags_in_the_request_is_seen() -> None:
    """ForAllValues holds for no values at all, and DeleteTags without tags removes every one."""
    assert frozenset() in after_one_call([OLD_UNTAG], ATTACHED[0])
    assert frozenset() not in after_one_call(ROLES["SwapVolumesFunction"], ATTACHED[0])


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ["ec2:TerminateInstances", "ec2:RunInstances", "ec2:CopyVolumes"])
def test_no_role_ends_an_instance_with_its_volumes(role: str, action: str) -> None:
    keys = {"aws:ResourceTag/mirrorsnap:cluster": "orders"}
    assert not allowed(ROLES[role], action, ec2_arn("instance", "i-0123456789abcdef0"), keys)


@pytest.mark.parametrize("role", ROLES)
def test_attributes_are_read_of_tagged_nodes_only_and_by_the_inspections_only(role: str) -> None:
    """The action reads user data too, and AWS offers no condition key for the attribute."""
    instance = ec2_arn("instance", "i-0123456789abcdef0")
    ours = {"aws:ResourceTag/mirrorsnap:cluster": "orders"}
    action = "ec2:DescribeInstanceAttribute"
    assert not allowed(ROLES[role], action, instance, {})
    assert allowed(ROLES[role], action, instance, ours) == (role in ("AssessFunction", "PlanRestoreFunction"))


@pytest.mark.parametrize("role", ROLES)
def test_keys_are_used_through_ec2_only_and_grants_are_for_aws_only(role: str) -> None:
    key = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1"
    through = {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}
    # A copy under a customer's key needs a grant too (EBS user guide, permissions to use keys).
    grants = role in ("SetPowerFunction", "CreateVolumesFunction", "SwapVolumesFunction", "CopySnapshotsFunction")
    assert allowed(ROLES[role], "kms:CreateGrant", key, through | {"kms:GrantIsForAWSResource": "true"}) == grants
    for keys in (through, {"kms:GrantIsForAWSResource": "true"}, through | {"kms:GrantIsForAWSResource": "false"}, {}):
        assert not allowed(ROLES[role], "kms:CreateGrant", key, keys)
    assert not allowed(ROLES[role], "kms:Decrypt", key, {})


INSTANCE = ec2_arn("instance", "i-0123456789abcdef0")
# AWS documents ec2:Attribute for attributes of one value, and names no value for a block device mapping. Published
# policies have both spellings. The role works with each of them, and where the key is absent.
MAPPING = (
    {"ec2:Attribute": "BlockDeviceMapping"},
    {"ec2:Attribute": "blockDeviceMapping"},
    {"ec2:Attribute": "BlockDeviceMappings"},
    {},
)


def modifies(keys: dict[str, Any], tags: tuple[str, ...] = OURS[:1]) -> bool:
    found = {f"aws:ResourceTag/{key}": "alpha" for key in tags} | keys
    return allowed(ROLES["SwapVolumesFunction"], "ec2:ModifyInstanceAttribute", INSTANCE, found)


@pytest.mark.parametrize("keys", MAPPING, ids=lambda each: each.get("ec2:Attribute", "absent"))
def test_swap_volumes_may_set_a_block_device_mapping_however_its_attribute_is_spelt(keys: dict[str, str]) -> None:
    assert modifies(keys)
    assert not modifies(keys, tags=())


@pytest.mark.parametrize("name", ["UserData", "userData", "InstanceType", "Kernel", "SourceDestCheck"])
def test_swap_volumes_may_set_no_other_attribute(name: str) -> None:
    assert not modifies({"ec2:Attribute": name})
