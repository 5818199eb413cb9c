"""Customer KMS keys, starts that come to nothing, and what EC2 shows late: what AWS accepts without carrying it out."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from ec2_steps import ZONE, events, instance, new_volume, reach, refused, state, stopped_instance, volume
from fixtures.identity import (
    REGION,
    allow,
    make_may,  # noqa: F401  (a fixture)
)
from test_volumes import new_snapshot

KEY = "arn:aws:kms:*:*:key/*"
EC2_ONLY = {"StringEquals": {"kms:ViaService": f"ec2.{REGION}.amazonaws.com"}}
GRANT = allow("kms:CreateGrant", KEY, **EC2_ONLY, Bool={"kms:GrantIsForAWSResource": "true"})
USES = ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]
USE = allow(USES, KEY, **EC2_ONLY)
ANYTHING = allow("ec2:*", "*")
ON_LAUNCH = {"Code": "Client.InternalError", "Message": "Client.InternalError: Client error on launch"}


@pytest.fixture(scope="module")
def ec2(lab):
    return lab.boto("ec2")


@pytest.fixture(scope="module")
def key(lab):
    return lab.boto("kms").create_key()["KeyMetadata"]["Arn"]


def encrypted_volume(lab, ec2, key):
    return new_volume(lab, ec2, Encrypted=True, KmsKeyId=key)


def with_encrypted_volume(lab, ec2, key):
    instance_id, volume_id = stopped_instance(lab, ec2), encrypted_volume(lab, ec2, key)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdb")
    lab.wait_for(lambda: [a["State"] for a in volume(ec2, volume_id)["Attachments"]] == ["attached"], 10, "attached")
    return instance_id


@pytest.mark.parametrize(
    "statements",
    [
        [ANYTHING],
        [ANYTHING, USE],
        [ANYTHING, allow("kms:CreateGrant", KEY, StringEquals={"kms:ViaService": "rds.amazonaws.com"})],
        [ANYTHING, allow("kms:CreateGrant", KEY, Bool={"kms:GrantIsForAWSResource": "false"})],
    ],
)
def test_a_start_without_the_key_is_accepted_and_falls_back(lab, ec2, key, may, statements):
    instance_id = with_encrypted_volume(lab, ec2, key)
    answer = may("ec2", *statements).start_instances(InstanceIds=[instance_id])["StartingInstances"]
    assert [each["CurrentState"]["Name"] for each in answer] == ["pending"]
    lab.wait_for(lambda: state(ec2, instance_id) == "stopped", 10, "stopped again")
    assert instance(ec2, instance_id)["StateReason"] == ON_LAUNCH


def test_a_start_with_the_key_runs(lab, ec2, key, may):
    instance_id = with_encrypted_volume(lab, ec2, key)
    may("ec2", ANYTHING, GRANT).start_instances(InstanceIds=[instance_id])
    lab.wait_for(lambda: state(ec2, instance_id) == "running", 10, "running")


def test_the_managed_key_needs_no_permission(lab, ec2, may):
    instance_id, volume_id = stopped_instance(lab, ec2), new_volume(lab, ec2, Encrypted=True)
    caller = may("ec2", ANYTHING)
    caller.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdb")
    lab.wait_for(lambda: [a["State"] for a in volume(ec2, volume_id)["Attachments"]] == ["attached"], 10, "attached")
    caller.start_instances(InstanceIds=[instance_id])
    lab.wait_for(lambda: state(ec2, instance_id) == "running", 10, "running")


@pytest.mark.parametrize(("statements", "ends"), [([ANYTHING], False), ([ANYTHING, GRANT, USE], True)])
def test_an_attachment_needs_the_key(lab, ec2, key, may, statements, ends):
    instance_id, volume_id = stopped_instance(lab, ec2), encrypted_volume(lab, ec2, key)
    may("ec2", *statements).attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdb")
    reach(lab, ec2, volume_id, "in-use" if ends else "available")
    told = lambda: events(lab, "EBS Volume Notification", "event", volume_id)  # noqa: E731
    if ends:
        assert "attachVolume" not in told()
    else:
        lab.wait_for(lambda: "attachVolume" in told(), 10, "its event")
        assert volume(ec2, volume_id)["Attachments"] == []


@pytest.mark.parametrize(
    ("statements", "made"), [([ANYTHING], False), ([ANYTHING, GRANT], False), ([ANYTHING, GRANT, USE], True)]
)
def test_a_volume_under_a_key_that_is_denied_is_dropped(lab, ec2, key, may, statements, made):
    snapshot = new_snapshot(lab, ec2, encrypted_volume(lab, ec2, key))
    volume_id = may("ec2", *statements).create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot)["VolumeId"]
    if made:
        reach(lab, ec2, volume_id, "available")
        return

    def gone():
        try:
            return not ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"]
        except ClientError as error:
            return error.response["Error"]["Code"] == "InvalidVolume.NotFound"

    lab.wait_for(gone, 10, "dropped")
    lab.wait_for(lambda: events(lab, "EBS Volume Notification", "cause", volume_id), 10, "its event")
    assert events(lab, "EBS Volume Notification", "cause", volume_id) == [f"{key} cannot be accessed"]


@pytest.mark.parametrize(
    ("effect", "code"),
    [
        ("stops_again", "Client.InternalError"),
        ({"stops_again": "Client.VolumeLimitExceeded"}, "Client.VolumeLimitExceeded"),
    ],
)
def test_a_start_that_comes_to_nothing_is_a_fault_away(lab, ec2, effect, code):
    instance_id = stopped_instance(lab, ec2)
    lab.fault(call="ec2:StartInstances", effect=effect)
    ec2.start_instances(InstanceIds=[instance_id])
    assert state(ec2, instance_id) == "pending"
    lab.wait_for(lambda: state(ec2, instance_id) == "stopped", 10, "stopped again")
    assert instance(ec2, instance_id)["StateReason"]["Code"] == code
    ec2.start_instances(InstanceIds=[instance_id])
    lab.wait_for(lambda: state(ec2, instance_id) == "running", 10, "running")


def test_a_describe_is_late_by_any_time_and_goes_back(lab, ec2):
    instance_id = stopped_instance(lab, ec2)
    stopped = lab.now()
    ec2.start_instances(InstanceIds=[instance_id])
    lab.wait_for(lambda: state(ec2, instance_id) == "running", 10, "running")
    running = lab.now()
    lab.sleep(10)
    lab.fault(call="ec2:DescribeInstances", nth=2, effect={"stale": (lab.now() - running) / 2})
    lab.fault(call="ec2:DescribeInstances", nth=3, effect={"stale": lab.now() - stopped})
    shown = [state(ec2, instance_id) for _ in range(4)]
    assert shown[2] in ("stopping", "stopped", "pending") and shown[:2] == shown[3:] * 2 == ["running"] * 2


def test_tags_of_what_was_just_made_are_refused(lab, ec2):
    timing = lab.control("timing", values={"tag_lag": 8})
    assert timing["tag_lag"] == 8
    tags = [{"Key": "k", "Value": "v"}]
    volume_id = ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    refused(lab, "InvalidVolume.NotFound", ec2.create_tags, settle=False, Resources=[volume_id], Tags=tags)
    snapshot = ec2.create_snapshot(VolumeId=new_volume(lab, ec2))["SnapshotId"]
    with pytest.raises(ClientError, match=r"InvalidSnapshot\.NotFound"):
        ec2.delete_tags(Resources=[snapshot], Tags=tags)

    def known():
        try:
            ec2.create_tags(Resources=[volume_id, snapshot], Tags=tags)
        except ClientError:
            return False
        return True

    lab.wait_for(known, 30, "both ids are known")
    lab.control("timing", values={"tag_lag": 0})


def test_a_large_store_is_described_in_pages_only(lab, ec2):
    made = {ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"] for _ in range(6)}
    lab.control("large_store", size=5)
    try:
        with pytest.raises(ClientError, match="RequestLimitExceeded"):
            ec2.describe_volumes(Filters=[{"Name": "size", "Values": ["1"]}])
        assert {each["VolumeId"] for each in ec2.describe_volumes(VolumeIds=sorted(made))["Volumes"]} == made
        pages = ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 5})
        found = [[each["VolumeId"] for each in page["Volumes"]] for page in pages]
        assert made <= {each for page in found for each in page} and max(map(len, found)) == 5
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            ec2.describe_volumes(MaxResults=1001)
    finally:
        lab.control("large_store", size=1000)


@pytest.mark.parametrize("order", ["disable_key", "schedule_key_deletion"])
def test_a_start_under_a_key_that_nobody_can_use_falls_back(lab, ec2, order):
    kms = lab.boto("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    instance_id = with_encrypted_volume(lab, ec2, key)
    getattr(kms, order)(KeyId=key)
    ec2.start_instances(InstanceIds=[instance_id])
    lab.wait_for(lambda: state(ec2, instance_id) == "stopped", 10, "stopped again")
    assert instance(ec2, instance_id)["StateReason"] == ON_LAUNCH


def test_a_keys_own_policy_decides_as_well(lab, ec2, may):
    policy = {"Statement": [allow("kms:*") | {"Principal": {"AWS": "arn:aws:iam::444455556666:root"}}]}
    key = lab.boto("kms").create_key(Policy=json.dumps(policy))["KeyMetadata"]["Arn"]
    caller = may("ec2", ANYTHING, GRANT, USE)
    instance_id = with_encrypted_volume(lab, ec2, key)
    caller.start_instances(InstanceIds=[instance_id])
    lab.wait_for(lambda: state(ec2, instance_id) == "stopped", 10, "stopped again")
    assert instance(ec2, instance_id)["StateReason"] == ON_LAUNCH


def test_the_managed_key_is_shown_as_aws_s_own_to_whoever_may_look(lab, ec2, key, may):
    found = volume(ec2, new_volume(lab, ec2, Encrypted=True))["KmsKeyId"]
    look = may("kms", allow(["kms:DescribeKey", "kms:GetKeyPolicy"], "*"))
    managed, ours = (look.describe_key(KeyId=each)["KeyMetadata"] for each in (found, key))
    assert (managed["KeyManager"], managed["KeyState"]) == ("AWS", "Enabled")
    assert (ours["KeyManager"], ours["KeyState"]) == ("CUSTOMER", "Enabled")
    assert look.get_key_policy(KeyId=key)["Policy"]
    with pytest.raises(ClientError, match="AccessDenied"):
        may("kms", ANYTHING).describe_key(KeyId=key)
