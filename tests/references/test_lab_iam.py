"""What the lab asks the policies about each call (lab/iam_resources.py) against the Service Authorization Reference.

For each action of the lab's table, of a request with all that matters: every resource type that the reference requires
is asked for, no other than it lists, and every condition key is one that the reference has for that action and type.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "infra"))

import build  # noqa: E402

from lab import context, iam_resources, wire  # noqa: E402
from lab.gateway import Call  # noqa: E402
from references import iam_data, roles  # noqa: E402

VOLUME, SNAPSHOT, INSTANCE = "vol-0a", "snap-0b", "i-0c"
TAG = {"Key": "mirrorsnap:cluster", "Value": "orders"}
TAGS = {"mirrorsnap:cluster": "orders"}
EXISTING = {
    VOLUME: SimpleNamespace(
        id=VOLUME, tags=TAGS, az="eu-west-1a", type="gp3", gib=20, encrypted=True, snapshot_id=SNAPSHOT
    ),
    SNAPSHOT: SimpleNamespace(id=SNAPSHOT, tags=TAGS, gib=20, encrypted=True, volume_id=VOLUME),
    INSTANCE: SimpleNamespace(
        id=INSTANCE, tags=TAGS, az="eu-west-1a", instance_type="t3.large",
        attachments={"/dev/sdb": SimpleNamespace(volume_id=VOLUME)},
    ),
}  # fmt: skip
MEMBERS: dict[str, Any] = {
    "VolumeId": VOLUME,
    "VolumeIds": [VOLUME],
    "SourceVolumeId": VOLUME,
    "SnapshotId": SNAPSHOT,
    "SourceSnapshotId": SNAPSHOT,
    "SourceSnapshotIds": [SNAPSHOT],
    "InstanceId": INSTANCE,
    "InstanceIds": [INSTANCE],
    "AvailabilityZone": "eu-west-1a",
    "VolumeType": "gp3",
    "Size": 20,
    "Iops": 3000,
    "Throughput": 125,
    "Encrypted": True,
    "InstanceSpecification": {"InstanceId": INSTANCE},
    "Resources": [VOLUME, SNAPSHOT, INSTANCE],
    "Tags": [TAG],
    "Attribute": "blockDeviceMapping",
}
# What the reference lists and the lab does not ask, or the other way round, and why.
REASONS: dict[tuple[str, str], str] = {
    (
        "ec2:RunInstances",
        "image",
    ): "the lab's instances start without an image's policy; no role of ours runs instances",
    ("ec2:RunInstances", "network-interface"): "the lab has no network; no role of ours runs instances",
    ("ec2:RunInstances", "security-group"): "the lab has no network; no role of ours runs instances",
    ("ec2:RunInstances", "subnet"): "the lab has no network; no role of ours runs instances",
}


def request(action: str) -> dict[str, Any]:
    """A request of that action with all of the members above that it has, and tags on whatever it makes."""
    shape = wire.operation("ec2", action).input_shape
    members = {name: value for name, value in MEMBERS.items() if name in shape.members}
    if "TagSpecifications" in shape.members:
        members["TagSpecifications"] = [
            {"ResourceType": kind, "Tags": [TAG]} for kind in ("volume", "snapshot", "instance")
        ]
    return members


@pytest.fixture(autouse=True)
def existing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iam_resources, "resource", EXISTING.get)


def ec2_checks(action: str) -> list[iam_resources.Check]:
    return iam_resources.EC2[action](iam_resources._Call(action, request(action), context.REGION))


def send_command() -> list[iam_resources.Check]:
    params = {"DocumentName": "mirrorsnap-observe", "InstanceIds": [INSTANCE]}
    found = iam_resources.checks_for(Call("ssm", "SendCommand", params, "", ""), context.REGION)
    assert found
    return found


CHECKS: dict[str, Callable[[], list[iam_resources.Check]]] = {
    **{f"ec2:{name}": (lambda name=name: ec2_checks(name)) for name in iam_resources.EC2},
    "ssm:SendCommand": send_command,
}


def kinds(check: iam_resources.Check) -> list[iam_data.ResourceType]:
    action = iam_data.action(check.action)
    assert action, f"{check.action} is no action"
    arn = check.arn.replace(context.REGION, roles.REGION).replace(context.ACCOUNT, roles.ACCOUNT)
    return roles.touched(action, (arn,))


def differences(name: str, checks: list[iam_resources.Check]) -> set[tuple[str, str]]:
    """(action, resource type or key) in which the lab's questions are not the reference's."""
    action = iam_data.action(name)
    assert action, f"{name} is no action"
    out: set[tuple[str, str]] = set()
    asked = {kind.name for check in checks if check.action == name for kind in kinds(check)}
    out |= {(name, kind.name) for kind in action.types if kind.required and kind.name not in asked}
    for check in checks:
        found, of = kinds(check), iam_data.action(check.action)
        assert of
        if not found:
            out.add((check.action, check.arn))
        for key in map(iam_data.base, check.keys):
            if not any(key in kind.keys | of.keys for kind in found):
                out.add((check.action, f"{key} on {', '.join(kind.name for kind in found)}"))
    return out


@pytest.mark.parametrize("name", CHECKS)
def test_the_lab_asks_what_the_reference_lists(name: str) -> None:
    assert {each for each in differences(name, CHECKS[name]()) if each not in REASONS} == set()


def test_each_reason_is_needed() -> None:
    found = {each for name in CHECKS for each in differences(name, CHECKS[name]())}
    assert not REASONS.keys() - found


def test_the_lab_knows_each_key_that_a_role_of_ours_is_limited_by() -> None:
    """A condition on a key that the lab never sets would refuse in the lab what AWS allows. `Null` wants it absent."""
    asked = [check for call in CHECKS.values() for check in call()]
    given = {
        (check.action, kind.name, iam_data.base(key)) for check in asked for kind in kinds(check) for key in check.keys
    }
    wanted = {
        (name, kind.name, iam_data.base(key))
        for statement in roles.statements(build.build())
        for name in CHECKS.keys() & set(statement.actions)
        for kind in roles.touched(iam_data.action(name), statement.resources)  # type: ignore[arg-type]
        for operator, key in roles.conditions(statement.text)
        if operator != "Null"
    }
    assert len(wanted) > 15
    assert wanted - given == set()


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (lambda checks: checks[:1], ("ec2:CreateVolume", "volume")),
        (lambda checks: [c for c in checks if ":volume/" not in c.arn], ("ec2:CreateVolume", "volume")),
    ],
)
def test_a_lab_that_asks_too_little_is_found(change: Any, difference: tuple[str, str]) -> None:
    checks = list(reversed(ec2_checks("CreateVolume")))
    assert difference in differences("ec2:CreateVolume", change(checks))


def test_a_lab_that_asks_with_wrong_keys_is_found() -> None:
    checks = ec2_checks("StartInstances")
    checks[0].keys["ec2:CreateAction"] = "x"
    assert ("ec2:StartInstances", "ec2:createaction on instance") in differences("ec2:StartInstances", checks)


def test_a_lab_that_asks_for_a_snapshot_of_an_account_is_found() -> None:
    checks = ec2_checks("DeleteSnapshot")
    checks[0].arn = re.sub("::snapshot", f":{context.ACCOUNT}:snapshot", checks[0].arn)
    assert ("ec2:DeleteSnapshot", checks[0].arn) in differences("ec2:DeleteSnapshot", checks)
