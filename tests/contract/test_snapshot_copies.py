"""Copies of snapshots into the lab's second region: what EC2 says of them, what it refuses, and the keys they need."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.handlers import inject_presigned_url_ec2
from fixtures.identity import (
    allow,
    make_may,  # noqa: F401  (a fixture)
)
from snapshot_helpers import behind, code_of, new_snapshot, new_volume

from lab.client import Lab

THERE = "ap-northeast-3"
TAGS = [{"ResourceType": "snapshot", "Tags": [{"Key": "mirrorsnap:copy-of", "Value": "orders-1"}]}]


@pytest.fixture
def there(lab: Lab) -> Any:
    return lab.boto("ec2", region=THERE)


def seen(there: Any, snapshot_id: str) -> dict[str, Any]:
    return there.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]


def copied(lab: Lab, caller: Any, source: str, state: str = "completed", **more: Any) -> dict[str, Any]:
    """A copy at its end, which must be in `state`."""
    copy = caller.copy_snapshot(SourceRegion=lab.region, SourceSnapshotId=source, **more)["SnapshotId"]
    there = lab.boto("ec2", region=THERE)
    lab.wait_for(lambda: seen(there, copy)["State"] != "pending", 60, f"the end of {copy}")
    found = seen(there, copy)
    assert found["State"] == state, found
    return found


def encrypted(lab: Lab, key: str) -> str:
    """A completed snapshot of a volume that is encrypted with this key."""
    return new_snapshot_of(lab, new_volume(lab, Encrypted=True, KmsKeyId=key))


def new_snapshot_of(lab: Lab, volume: str) -> str:
    ec2 = lab.boto("ec2")
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    lab.wait_for(lambda: ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed")
    return snapshot


def test_a_copy_is_seen_in_its_region_only(lab: Lab, there: Any) -> None:
    here, source = lab.boto("ec2"), new_snapshot(lab, TagSpecifications=TAGS)
    assert code_of(there.describe_snapshots, SnapshotIds=[source]) == "InvalidSnapshot.NotFound"
    made = there.copy_snapshot(SourceRegion=lab.region, SourceSnapshotId=source)
    copy = made["SnapshotId"]
    assert seen(there, copy)["State"] == "pending" and made.get("Tags", []) == []
    lab.wait_for(lambda: 0 < int(seen(there, copy)["Progress"].rstrip("%")) < 100)
    lab.wait_for(lambda: seen(there, copy)["State"] == "completed")
    # Of the source it has the bytes, and no tag.
    assert seen(there, copy)["Tags"] == [] and seen(there, copy)["VolumeId"] == "vol-ffffffff"
    assert behind(lab, "snapshots", copy)["Digest"] == behind(lab, "snapshots", source)["Digest"]
    assert code_of(here.describe_snapshots, SnapshotIds=[copy]) == "InvalidSnapshot.NotFound"
    assert code_of(here.create_tags, Resources=[copy], Tags=TAGS[0]["Tags"]) == "InvalidSnapshot.NotFound"
    assert code_of(here.delete_snapshot, SnapshotId=copy) == "InvalidSnapshot.NotFound"
    there.create_tags(Resources=[copy], Tags=TAGS[0]["Tags"])
    assert seen(there, copy)["Tags"] == TAGS[0]["Tags"]
    there.delete_snapshot(SnapshotId=copy)
    assert code_of(there.describe_snapshots, SnapshotIds=[copy]) == "InvalidSnapshot.NotFound"


def test_a_copy_has_no_token_and_is_copied_back(lab: Lab, there: Any) -> None:
    source = new_snapshot(lab)
    first, second = (copied(lab, there, source, TagSpecifications=TAGS) for _ in range(2))
    assert first["SnapshotId"] != second["SnapshotId"]
    assert first["Tags"] == second["Tags"] == TAGS[0]["Tags"]
    back = lab.boto("ec2").copy_snapshot(SourceRegion=THERE, SourceSnapshotId=first["SnapshotId"])["SnapshotId"]
    assert behind(lab, "snapshots", back)["Region"] == lab.region
    assert code_of(lab.boto("ec2").copy_snapshot, SourceRegion=lab.region, SourceSnapshotId=first["SnapshotId"]) == (
        "InvalidSnapshot.NotFound"
    )


def test_a_lost_reply_leaves_a_copy_that_a_late_describe_does_not_show(lab: Lab, there: Any) -> None:
    source = new_snapshot(lab)
    lab.fault(call="ec2:CopySnapshot", effect="lose_reply")
    with pytest.raises(Exception, match=r"Connection was closed|Could not connect|Read timeout"):
        there.copy_snapshot(SourceRegion=lab.region, SourceSnapshotId=source, TagSpecifications=TAGS)
    ours = [{"Name": "tag:mirrorsnap:copy-of", "Values": ["orders-1"]}]
    lab.fault(call="ec2:DescribeSnapshots", effect={"stale": 60})
    assert not [s for s in there.describe_snapshots(Filters=ours)["Snapshots"] if s["State"] == "pending"]
    assert [s for s in there.describe_snapshots(Filters=ours)["Snapshots"] if s["State"] == "pending"]


def test_twenty_at_once(lab: Lab, there: Any) -> None:
    source = new_snapshot(lab)
    lab.control("timing", values={"snapshot_copy": 30})
    arguments = {"SourceRegion": lab.region, "SourceSnapshotId": source}
    lab.wait_for(lambda: not [s for s in there.describe_snapshots()["Snapshots"] if s["State"] == "pending"], 60)
    made = [there.copy_snapshot(**arguments)["SnapshotId"] for _ in range(20)]
    assert code_of(there.copy_snapshot, **arguments) == "ResourceLimitExceeded"
    lab.boto("ec2").copy_snapshot(**arguments)  # each region has a limit of its own
    lab.wait_for(lambda: seen(there, made[-1])["State"] == "completed", 60)
    lab.control("timing", values={"snapshot_copy": 3})
    there.copy_snapshot(**arguments)


def test_a_copy_gets_the_key_that_is_named_or_that_of_its_region(lab: Lab, there: Any) -> None:
    ours = lab.boto("kms").create_key()["KeyMetadata"]["Arn"]
    theirs = lab.boto("kms", region=THERE).create_key()["KeyMetadata"]["Arn"]
    source = encrypted(lab, ours)
    assert copied(lab, there, source)["KmsKeyId"].startswith(f"arn:aws:kms:{THERE}:")
    assert copied(lab, there, source, Encrypted=True, KmsKeyId=theirs)["KmsKeyId"] == theirs
    assert not copied(lab, there, new_snapshot(lab))["Encrypted"]
    # A key of another region is looked for only after the answer.
    wrong = copied(lab, there, source, "error", Encrypted=True, KmsKeyId=ours)
    assert wrong["StateMessage"] == "Given key ID is not accessible"


def test_an_encrypted_source_of_another_region_needs_a_presigned_url(lab: Lab, there: Any) -> None:
    source = encrypted(lab, lab.boto("kms").create_key()["KeyMetadata"]["Arn"])
    there.meta.events.unregister("before-call.ec2.CopySnapshot", inject_presigned_url_ec2)
    arguments = {"SourceRegion": lab.region, "SourceSnapshotId": source}
    assert code_of(there.copy_snapshot, **arguments) == "InvalidParameterValue"
    unsigned = "https://ec2.ap-northeast-1.amazonaws.com/?Action=CopySnapshot"
    assert code_of(there.copy_snapshot, PresignedUrl=unsigned, **arguments) == "InvalidParameterValue"


COPY = allow(["ec2:CopySnapshot", "ec2:CreateTags"], "*")
KEYS = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:ReEncrypt*"]


def test_the_keys_are_asked_for_through_ec2_of_their_regions(lab: Lab, may: Any) -> None:
    ours = lab.boto("kms").create_key()["KeyMetadata"]["Arn"]
    theirs = lab.boto("kms", region=THERE).create_key()["KeyMetadata"]["Arn"]
    source = encrypted(lab, ours)

    def use(key: str, region: str) -> dict[str, Any]:
        return allow(KEYS, key, StringEquals={"kms:ViaService": f"ec2.{region}.amazonaws.com"})

    with_key = {"Encrypted": True, "KmsKeyId": theirs}
    for statements, state in (
        ([], "error"),
        ([use(ours, lab.region)], "error"),
        ([use(theirs, THERE)], "error"),
        ([use(ours, lab.region), use(theirs, lab.region)], "error"),
        ([use(ours, lab.region), use(theirs, THERE)], "completed"),
    ):
        caller = may("ec2", COPY, *statements, region=THERE)
        assert copied(lab, caller, source, state, **with_key).get("StateMessage") == {
            "error": "Given key ID is not accessible"
        }.get(state)


def test_a_key_policy_refuses(lab: Lab, may: Any) -> None:
    kms = lab.boto("kms", region=THERE)
    nobody = {"Sid": "x", "Effect": "Deny", "Principal": "*", "Action": "kms:CreateGrant", "Resource": "*"}
    all_else = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*",
                "Resource": "*"}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [all_else, nobody]})
    key = kms.create_key(Policy=policy, BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    caller = may("ec2", COPY, allow(KEYS, "*"), region=THERE)
    found = copied(lab, caller, new_snapshot(lab), "error", Encrypted=True, KmsKeyId=key)
    assert found["StateMessage"] == "Given key ID is not accessible"


def test_the_rest_of_ec2_is_in_the_first_region(lab: Lab, there: Any) -> None:
    assert code_of(there.describe_instances) == "UnsupportedOperation"
    assert code_of(there.create_volume, AvailabilityZone=f"{THERE}a", Size=1) == "UnsupportedOperation"
    assert code_of(lab.boto("ec2", region="eu-west-1").describe_snapshots) == "AuthFailure"


def test_a_locked_copy_stays(lab: Lab, there: Any) -> None:
    copy = copied(lab, there, new_snapshot(lab))["SnapshotId"]
    there.lock_snapshot(SnapshotId=copy, LockMode="governance", LockDuration=1)
    assert [s["SnapshotId"] for s in there.describe_locked_snapshots()["Snapshots"]] == [copy]
    assert code_of(lab.boto("ec2").describe_locked_snapshots, SnapshotIds=[copy]) == "InvalidSnapshot.NotFound"
    assert code_of(there.delete_snapshot, SnapshotId=copy) == "SnapshotLocked"
    there.unlock_snapshot(SnapshotId=copy)
    there.delete_snapshot(SnapshotId=copy)
