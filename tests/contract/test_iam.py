"""IAM on EC2: every resource that a call touches is authorised by its own tags and by what the call adds."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from fixtures.identity import (  # noqa: F401  (make_*: fixtures)
    ACCOUNT,
    ASKED,
    OWN,
    REGION,
    allow,
    arn,
    filled,
    make_may,
    make_world,
    refused,
    specification,
    tagged,
)

DENIED, DRY = "UnauthorizedOperation", "DryRunOperation"

# name, statements, call, arguments -> allowed? ({x} is an id of the world; all with DryRun)
ATTACH = {"VolumeId": "{free}", "InstanceId": "{instance}", "Device": "/dev/sdf"}
BOTH_OWN = [allow(["ec2:AttachVolume", "ec2:DetachVolume"], [arn("volume"), arn("instance")], **OWN)]
CREATE_VOLUME = [
    allow("ec2:CreateVolume", arn("volume"), **ASKED),
    allow("ec2:CreateVolume", arn("snapshot"), **OWN),
    allow("ec2:CreateTags", arn("volume"), StringEquals={"ec2:CreateAction": "CreateVolume"}),
]
SNAPSHOTS = [
    allow(["ec2:CreateSnapshot", "ec2:CreateSnapshots"], arn("snapshot"), **ASKED),
    allow(["ec2:CreateSnapshot", "ec2:CreateSnapshots"], [arn("volume"), arn("instance")], **OWN),
    allow("ec2:CreateTags", arn("snapshot"), StringLike={"ec2:CreateAction": "CreateSnapshot*"}),
]
TAG_OWN = [
    allow(["ec2:CreateTags", "ec2:DeleteTags"], "*", **OWN, **{"ForAllValues:StringLike": {"aws:TagKeys": "m:*"}})
]
NEW = {"AvailabilityZone": f"{REGION}a", "SnapshotId": "{snapshot}"}
TAGGED = {**NEW, "TagSpecifications": specification("volume")}
BDM = {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"DeleteOnTermination": False}}]}
MODIFY = [allow("ec2:ModifyInstanceAttribute", arn("instance"), StringEquals={"ec2:Attribute": "BlockDeviceMapping"})]
FSR = {"AvailabilityZones": [f"{REGION}a"], "SourceSnapshotIds": ["{snapshot}"]}
SET = {"InstanceSpecification": {"InstanceId": "{instance}", "ExcludeBootVolume": True}}

CASES = [
    (
        "own instance stops",
        [allow("ec2:StopInstances", arn("instance"), **OWN)],
        "stop_instances",
        {"InstanceIds": ["{instance}"]},
        True,
    ),
    (
        "other does not",
        [allow("ec2:StopInstances", arn("instance"), **OWN)],
        "stop_instances",
        {"InstanceIds": ["{other_instance}"]},
        False,
    ),
    (
        "one foreign spoils it",
        [allow("ec2:StopInstances", "*", **OWN)],
        "stop_instances",
        {"InstanceIds": ["{instance}", "{other_instance}"]},
        False,
    ),
    (
        "ec2:ResourceTag too",
        [allow("ec2:StartInstances", "*", **tagged("ec2:ResourceTag"))],
        "start_instances",
        {"InstanceIds": ["{instance}"]},
        True,
    ),
    (
        "a wrong value",
        [allow("ec2:StartInstances", "*", **tagged("aws:ResourceTag", "x"))],
        "start_instances",
        {"InstanceIds": ["{instance}"]},
        False,
    ),
    ("attach needs both", BOTH_OWN, "attach_volume", ATTACH, True),
    ("attach a foreign volume", BOTH_OWN, "attach_volume", {**ATTACH, "VolumeId": "{other_free}"}, False),
    ("attach to a foreign one", BOTH_OWN, "attach_volume", {**ATTACH, "InstanceId": "{other_instance}"}, False),
    ("attach, volume only", [allow("ec2:AttachVolume", arn("volume"))], "attach_volume", ATTACH, False),
    (
        "detach names no instance",
        [allow("ec2:DetachVolume", arn("volume"))],
        "detach_volume",
        {"VolumeId": "{volume}"},
        False,
    ),
    ("volume from own snapshot", CREATE_VOLUME, "create_volume", TAGGED, True),
    ("from a foreign snapshot", CREATE_VOLUME, "create_volume", {**TAGGED, "SnapshotId": "{other_snapshot}"}, False),
    ("without the tag", CREATE_VOLUME, "create_volume", NEW, False),
    ("without snapshot/*", CREATE_VOLUME[::2], "create_volume", TAGGED, False),
    ("without CreateTags", CREATE_VOLUME[:2], "create_volume", TAGGED, False),
    (
        "another CreateAction",
        [*CREATE_VOLUME[:2], allow("ec2:CreateTags", "*", StringEquals={"ec2:CreateAction": "RunInstances"})],
        "create_volume",
        TAGGED,
        False,
    ),
    (
        "snapshot ARN with account",
        [CREATE_VOLUME[0], allow("ec2:CreateVolume", f"arn:aws:ec2:{REGION}:{ACCOUNT}:snapshot/*"), CREATE_VOLUME[2]],
        "create_volume",
        TAGGED,
        False,
    ),
    (
        "snapshot of own volume",
        SNAPSHOTS,
        "create_snapshot",
        {"VolumeId": "{volume}", "TagSpecifications": specification("snapshot")},
        True,
    ),
    (
        "snapshot of a foreign one",
        SNAPSHOTS,
        "create_snapshot",
        {"VolumeId": "{other_volume}", "TagSpecifications": specification("snapshot")},
        False,
    ),
    (
        "a set of own volumes",
        SNAPSHOTS,
        "create_snapshots",
        {**SET, "TagSpecifications": specification("snapshot")},
        True,
    ),
    (
        "a set with the boot volume",
        SNAPSHOTS,
        "create_snapshots",
        {"InstanceSpecification": {"InstanceId": "{instance}"}, "TagSpecifications": specification("snapshot")},
        False,
    ),
    ("a set without the tag", SNAPSHOTS, "create_snapshots", SET, False),
    (
        "tag an own one",
        TAG_OWN,
        "create_tags",
        {"Resources": ["{volume}"], "Tags": [{"Key": "m:x", "Value": "1"}]},
        True,
    ),
    (
        "tag with a foreign key",
        TAG_OWN,
        "create_tags",
        {"Resources": ["{volume}"], "Tags": [{"Key": "y", "Value": "1"}]},
        False,
    ),
    (
        "tag a foreign one",
        TAG_OWN,
        "create_tags",
        {"Resources": ["{volume}", "{other_volume}"], "Tags": [{"Key": "m:x", "Value": "1"}]},
        False,
    ),
    ("untag an own one", TAG_OWN, "delete_tags", {"Resources": ["{snapshot}"], "Tags": [{"Key": "m:x"}]}, True),
    (
        "CreateAction is no free CreateTags",
        CREATE_VOLUME,
        "create_tags",
        {"Resources": ["{free}"], "Tags": [{"Key": "m:x", "Value": "1"}]},
        False,
    ),
    (
        "delete own volume",
        [allow("ec2:DeleteVolume", arn("volume"), **OWN)],
        "delete_volume",
        {"VolumeId": "{free}"},
        True,
    ),
    (
        "delete foreign volume",
        [allow("ec2:DeleteVolume", arn("volume"), **OWN)],
        "delete_volume",
        {"VolumeId": "{other_free}"},
        False,
    ),
    (
        "delete own snapshot",
        [allow("ec2:DeleteSnapshot", arn("snapshot"), **OWN)],
        "delete_snapshot",
        {"SnapshotId": "{snapshot}"},
        True,
    ),
    (
        "delete foreign snapshot",
        [allow("ec2:DeleteSnapshot", arn("snapshot"), **OWN)],
        "delete_snapshot",
        {"SnapshotId": "{other_snapshot}"},
        False,
    ),
    ("mapping may change", MODIFY, "modify_instance_attribute", {"InstanceId": "{instance}", **BDM}, True),
    (
        "shutdown behaviour may not",
        MODIFY,
        "modify_instance_attribute",
        {"InstanceId": "{instance}", "InstanceInitiatedShutdownBehavior": {"Value": "stop"}},
        False,
    ),
    (
        "user data may not",
        MODIFY,
        "modify_instance_attribute",
        {"InstanceId": "{instance}", "UserData": {"Value": b"x"}},
        False,
    ),
    (
        "FSR of an own snapshot",
        [allow("ec2:EnableFastSnapshotRestores", arn("snapshot"), **OWN)],
        "enable_fast_snapshot_restores",
        FSR,
        True,
    ),
    (
        "FSR of a foreign one",
        [allow("ec2:EnableFastSnapshotRestores", arn("snapshot"), **OWN)],
        "enable_fast_snapshot_restores",
        {**FSR, "SourceSnapshotIds": ["{other_snapshot}"]},
        False,
    ),
    (
        "describe takes no ARN",
        [allow("ec2:DescribeInstances", arn("instance"))],
        "describe_instances",
        {"InstanceIds": ["{instance}"]},
        False,
    ),
    (
        "describe takes a star",
        [allow("ec2:DescribeInstances")],
        "describe_instances",
        {"InstanceIds": ["{instance}"]},
        True,
    ),
]


@pytest.mark.parametrize("statements, call, arguments, allowed", [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_ec2(world, may, statements, call, arguments, allowed):
    client = may("ec2", *statements)
    code = refused(getattr(client, call), DryRun=True, **filled(arguments, world))
    assert code == (DRY if allowed else DENIED)


def test_a_denial_names_action_and_resource_and_changes_nothing(lab, world, may):
    client = may("ec2", *CREATE_VOLUME[:2])
    before = len(lab.boto("ec2").describe_volumes()["Volumes"])
    with pytest.raises(ClientError) as caught:
        client.create_volume(**filled(NEW, world), TagSpecifications=specification("volume"))
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 403 and error["Error"]["Code"] == DENIED
    assert "ec2:CreateTags" in error["Error"]["Message"] and arn("volume") in error["Error"]["Message"]
    assert len(lab.boto("ec2").describe_volumes()["Volumes"]) == before


def test_an_explicit_deny_on_one_resource_wins(world, may):
    deny = {"Effect": "Deny", "Action": "ec2:*", "Resource": "*", "Condition": OWN}
    client = may("ec2", allow("ec2:*"), deny)
    assert refused(client.delete_volume, DryRun=True, VolumeId=world["free"]) == DENIED
    assert refused(client.delete_volume, DryRun=True, VolumeId=world["other_free"]) == DRY


def test_an_unknown_volume_is_judged_without_tags(may):
    ghost = "vol-0123456789abcdef0"
    conditional = may("ec2", allow("ec2:DeleteVolume", "*", **OWN))
    assert refused(conditional.delete_volume, VolumeId=ghost) == DENIED
    free = may("ec2", allow("ec2:DeleteVolume"))
    assert refused(free.delete_volume, VolumeId=ghost) == "InvalidVolume.NotFound"


def test_root_is_never_asked(lab, world):
    assert refused(lab.boto("ec2").delete_volume, DryRun=True, VolumeId=world["other_free"]) == DRY


def test_the_record_names_caller_and_denial(lab, world, may):
    client = may("ec2", allow("ec2:DescribeVolumes"))
    refused(client.delete_volume, VolumeId=world["free"])
    entry = lab.log(kind="api", call="ec2:DeleteVolume")[-1]
    assert entry["error"] == DENIED and entry["status"] == 403 and ":user/user" in entry["caller"]
    assert json.dumps(entry["params"]) == json.dumps({"VolumeId": world["free"]})
