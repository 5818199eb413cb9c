"""CreateSnapshot, CreateSnapshots, DescribeSnapshots, DeleteSnapshot, CopySnapshot: states, bytes, errors, events."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import Any

import pytest
from snapshot_helpers import (
    AZ,
    NOBODY,
    behind,
    code_of,
    ended,
    events_about,
    new_snapshot,
    new_volume,
    snapshot_of,
)

from lab.client import Lab

ONE = "EBS Snapshot Notification"
SET = "EBS Multi-Volume Snapshots Completion Status"
TAGS = [{"ResourceType": "snapshot", "Tags": [{"Key": "backup-id", "Value": "b1"}]}]


@pytest.fixture
def ec2(lab: Lab) -> Any:
    lab.control("clear_faults")
    lab.control("timing", values={"snapshot": 3, "snapshot_copy": 3})
    return lab.boto("ec2")


@pytest.fixture
def slow(lab: Lab, ec2: Any) -> None:
    """Snapshots stay pending for a real second, for tests of what happens meanwhile."""
    lab.control("timing", values={"snapshot": 10, "snapshot_copy": 10})


@pytest.fixture
def node(lab: Lab, ec2: Any) -> dict[str, Any]:
    """The instance server1 with `root` and `data`, its volumes, which have no snapshot in progress."""
    found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": ["server1"]}])
    instance = found["Reservations"][0]["Instances"][0]
    volumes = {m["DeviceName"]: m["Ebs"]["VolumeId"] for m in instance["BlockDeviceMappings"]}
    busy = [{"Name": "status", "Values": ["pending"]}, {"Name": "volume-id", "Values": list(volumes.values())}]
    lab.wait_for(lambda: not ec2.describe_snapshots(Filters=busy)["Snapshots"], 60)
    root = volumes.pop(instance["RootDeviceName"])
    return {"id": instance["InstanceId"], "root": root, "data": list(volumes.values())}


# --- CreateSnapshot ------------------------------------------------------------------------------------------------


def test_a_snapshot_takes_time_and_its_progress_only_rises(lab: Lab, ec2: Any) -> None:
    """Stock ministack completes snapshots at once."""
    lab.control("timing", values={"snapshot": 10})
    volume = new_volume(lab)
    made = ec2.create_snapshot(VolumeId=volume, Description="d", TagSpecifications=TAGS)
    assert (made["State"], made["Progress"], made["VolumeSize"]) == ("pending", "", 1)
    assert made["Tags"] == TAGS[0]["Tags"] and made["Description"] == "d" and made["OwnerId"] == "000000000000"
    seen = []
    while not seen or seen[-1]["State"] == "pending":
        seen.append(snapshot_of(lab, made["SnapshotId"]))
        time.sleep(0.02)
    progress = [int(s["Progress"].rstrip("%")) for s in seen]
    assert progress == sorted(progress) and len(set(progress)) >= 3 and progress[-1] == 100
    assert seen[-1]["State"] == "completed" and seen[-1]["CompletionTime"] >= seen[-1]["StartTime"]
    states = lab.log(kind="ec2", id=made["SnapshotId"])
    assert [e["state"] for e in states] == ["pending", "completed"]
    assert states[1]["t"] - states[0]["t"] >= 9.9  # timing.snapshot is 10 s
    (event,) = events_about(lab, made["SnapshotId"], ONE)
    assert (event["event"], event["result"], event["cause"]) == ("createSnapshot", "succeeded", "")
    assert event["source"] == f"arn:aws:ec2::ap-northeast-1:volume/{volume}"
    assert event["snapshot_id"] == f"arn:aws:ec2::ap-northeast-1:snapshot/{made['SnapshotId']}"
    assert event["request-id"] == made["ResponseMetadata"]["RequestId"]
    assert event["startTime"] <= event["endTime"]


def test_the_point_in_time_is_the_call_and_bytes_come_back(lab: Lab, ec2: Any) -> None:
    volume = new_volume(lab)
    before = lab.control("write_volume", volume=volume, offset=4096 * 5 + 17, hex=b"at the call".hex())
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    after = lab.control("write_volume", volume=volume, offset=4096 * 5, hex=b"later".hex())
    assert before != after
    assert behind(lab, "snapshots", snapshot)["Digest"] == before
    ended(lab, snapshot)
    same = ec2.create_volume(AvailabilityZone=AZ, SnapshotId=snapshot)["VolumeId"]
    larger = ec2.create_volume(AvailabilityZone=AZ, SnapshotId=snapshot, Size=9)["VolumeId"]
    assert behind(lab, "volumes", same)["Digest"] == behind(lab, "volumes", larger)["Digest"] == before
    assert behind(lab, "volumes", larger)["Size"] == 9 and behind(lab, "volumes", same)["Size"] == 1
    lab.control("write_volume", volume=same, offset=0, hex="ff")
    assert behind(lab, "snapshots", snapshot)["Digest"] == before  # a volume's writes never reach its snapshot
    assert behind(lab, "volumes", volume)["Digest"] == after


def test_a_second_call_makes_a_second_snapshot_also_when_the_first_reply_was_lost(lab: Lab, ec2: Any) -> None:
    volume = new_volume(lab)
    lab.fault(call="ec2:CreateSnapshot", effect="lose_reply")
    with pytest.raises(Exception, match=r"(?i)connection"):
        ec2.create_snapshot(VolumeId=volume, TagSpecifications=TAGS)
    second = ec2.create_snapshot(VolumeId=volume, TagSpecifications=TAGS)["SnapshotId"]
    found = ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [volume]}])["Snapshots"]
    assert len(found) == 2 and second in {s["SnapshotId"] for s in found}
    assert all(s["Tags"] == TAGS[0]["Tags"] for s in found)


def test_what_create_snapshot_refuses(lab: Lab, ec2: Any) -> None:
    create = ec2.create_snapshot
    assert code_of(create, VolumeId="vol-0123456789abcdef0") == "InvalidVolume.NotFound"
    assert code_of(create, VolumeId="volume") == "InvalidParameterValue"
    new = ec2.create_volume(AvailabilityZone=AZ, Size=1)["VolumeId"]
    assert code_of(create, VolumeId=new) == "IncorrectState"  # still creating
    lab.wait_for(lambda: ec2.describe_volumes(VolumeIds=[new])["Volumes"][0]["State"] == "available")
    assert code_of(create, VolumeId=new, Description="x" * 256) == "InvalidParameterValue"
    assert code_of(create, VolumeId=new, DryRun=True) == "DryRunOperation"
    other = [{"ResourceType": "volume", "Tags": [{"Key": "a", "Value": "b"}]}]
    assert code_of(create, VolumeId=new, TagSpecifications=other) == "InvalidParameterValue"
    reserved = [{"ResourceType": "snapshot", "Tags": [{"Key": "aws:x", "Value": "b"}]}]
    assert code_of(create, VolumeId=new, TagSpecifications=reserved) == "InvalidParameterValue"
    assert ec2.describe_snapshots(Filters=[{"Name": "volume-id", "Values": [new]}])["Snapshots"] == []
    ec2.delete_volume(VolumeId=new)
    assert code_of(create, VolumeId=new) in ("IncorrectState", "InvalidVolume.NotFound")


def test_five_in_progress_per_volume_deleted_ones_included(lab: Lab, ec2: Any, slow: None) -> None:
    volume = new_volume(lab)
    first, *_ = [ec2.create_snapshot(VolumeId=volume)["SnapshotId"] for _ in range(5)]
    assert code_of(ec2.create_snapshot, VolumeId=volume) == "ConcurrentSnapshotLimitExceeded"
    ec2.delete_snapshot(SnapshotId=first)
    assert code_of(ec2.create_snapshot, VolumeId=volume) == "ConcurrentSnapshotLimitExceeded"
    lab.sleep(11)
    ec2.create_snapshot(VolumeId=volume)
    cold = ec2.create_volume(AvailabilityZone=AZ, Size=125, VolumeType="st1")["VolumeId"]
    lab.wait_for(lambda: ec2.describe_volumes(VolumeIds=[cold])["Volumes"][0]["State"] == "available")
    lab.control("timing", values={"snapshot": 60})
    ec2.create_snapshot(VolumeId=cold)
    assert code_of(ec2.create_snapshot, VolumeId=cold) == "ConcurrentSnapshotLimitExceeded"


def test_the_interval_between_snapshots_of_one_volume_can_be_enforced(lab: Lab, ec2: Any, slow: None) -> None:
    volume = new_volume(lab)
    lab.control("timing", values={"snapshot_interval": 15})
    try:
        ec2.create_snapshot(VolumeId=volume)
        assert code_of(ec2.create_snapshot, VolumeId=volume) == "SnapshotCreationPerVolumeRateExceeded"
    finally:
        lab.control("timing", values={"snapshot_interval": 0})


def test_a_snapshot_can_end_in_error(lab: Lab, ec2: Any) -> None:
    volume = new_volume(lab)
    lab.control("fail_snapshot", volume_id=volume, cause="no key")
    bad = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    good = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    found = ended(lab, bad, "error")
    assert found["StateMessage"] == "no key" and found["Progress"] != "100%" and "CompletionTime" not in found
    ended(lab, good)
    (event,) = events_about(lab, bad, ONE)
    assert (event["result"], event["cause"]) == ("failed", "no key")
    assert code_of(ec2.create_volume, AvailabilityZone=AZ, SnapshotId=bad) == "IncorrectState"


def test_no_volume_from_a_pending_or_a_bogus_snapshot(lab: Lab, ec2: Any, slow: None) -> None:
    """Stock ministack makes a volume from any snapshot id."""
    pending = ec2.create_snapshot(VolumeId=new_volume(lab))["SnapshotId"]
    assert code_of(ec2.create_volume, AvailabilityZone=AZ, SnapshotId=pending) == "IncorrectState"
    assert code_of(ec2.create_volume, AvailabilityZone=AZ, SnapshotId=NOBODY) == "InvalidSnapshot.NotFound"
    assert code_of(ec2.create_volume, AvailabilityZone=AZ, SnapshotId="snap") == "InvalidSnapshotID.Malformed"


# --- CreateSnapshots -----------------------------------------------------------------------------------------------


def test_a_set_is_one_instant_with_one_event(lab: Lab, ec2: Any, node: dict[str, Any]) -> None:
    """Stock ministack has no CreateSnapshots."""
    written = lab.control("write_volume", volume=node["data"][0], offset=4096, hex=b"in the set".hex())
    answer = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": node["id"]}, Description="set", TagSpecifications=TAGS
    )
    lab.control("write_volume", volume=node["data"][0], offset=4096, hex=b"after".hex())
    made = answer["Snapshots"]
    assert {s["VolumeId"] for s in made} == {node["root"], *node["data"]}
    assert {s["State"] for s in made} == {"pending"} and len({s["StartTime"] for s in made}) == 1
    assert all(s["Tags"] == TAGS[0]["Tags"] and s["Description"] == "set" for s in made)
    of_data = next(s["SnapshotId"] for s in made if s["VolumeId"] == node["data"][0])
    assert behind(lab, "snapshots", of_data)["Digest"] == written
    for each in made:
        ended(lab, each["SnapshotId"])
        assert len(events_about(lab, each["SnapshotId"], SET)) == 1
        assert events_about(lab, each["SnapshotId"], ONE) == []
    (event,) = events_about(lab, of_data, SET)
    assert (event["event"], event["result"]) == ("createSnapshots", "succeeded")
    arns = {(s["snapshot_id"].split("/")[1], s["source"].split("/")[1], s["status"]) for s in event["snapshots"]}
    assert arns == {(s["SnapshotId"], s["VolumeId"], "completed") for s in made}


def test_a_set_leaves_out_what_it_is_told_to(lab: Lab, ec2: Any, node: dict[str, Any]) -> None:
    def made(**more: Any) -> set[str]:
        answer = ec2.create_snapshots(InstanceSpecification={"InstanceId": node["id"], **more})
        return {s["VolumeId"] for s in answer["Snapshots"]}

    assert made(ExcludeBootVolume=True) == set(node["data"])
    assert made(ExcludeDataVolumeIds=node["data"]) == {node["root"]}

    def code(**more: Any) -> str:
        return code_of(ec2.create_snapshots, InstanceSpecification={"InstanceId": node["id"], **more})

    before = len(ec2.describe_snapshots()["Snapshots"])
    assert code(ExcludeBootVolume=True, ExcludeDataVolumeIds=node["data"]) == "InvalidParameterValue"
    assert code(ExcludeDataVolumeIds=[node["root"]]) == "InvalidParameterValue"
    assert code(ExcludeDataVolumeIds=[new_volume(lab)]) == "InvalidParameterValue"  # attached to nothing
    assert code(ExcludeDataVolumeIds=["disk"]) == "InvalidParameterValue"
    gone = {"InstanceId": "i-0123456789abcdef0"}
    assert code_of(ec2.create_snapshots, InstanceSpecification=gone) == "InvalidInstanceID.NotFound"
    whole = {"InstanceId": node["id"]}
    assert code_of(ec2.create_snapshots, InstanceSpecification=whole, DryRun=True) == "DryRunOperation"
    assert len(ec2.describe_snapshots()["Snapshots"]) == before


def test_a_set_copies_the_tags_of_its_volumes_and_its_own_win(lab: Lab, ec2: Any, node: dict[str, Any]) -> None:
    (data,) = node["data"]
    ec2.create_tags(Resources=[data], Tags=[{"Key": "owner", "Value": "db"}, {"Key": "backup-id", "Value": "old"}])
    answer = ec2.create_snapshots(
        InstanceSpecification={"InstanceId": node["id"], "ExcludeBootVolume": True},
        TagSpecifications=TAGS,
        CopyTagsFromSource="volume",
    )
    tags = {t["Key"]: t["Value"] for t in answer["Snapshots"][0]["Tags"]}
    assert tags["owner"] == "db" and tags["backup-id"] == "b1"
    plain = ec2.create_snapshots(InstanceSpecification={"InstanceId": node["id"], "ExcludeBootVolume": True})
    assert plain["Snapshots"][0].get("Tags", []) == []


def test_one_failed_member_fails_the_set(lab: Lab, ec2: Any, node: dict[str, Any]) -> None:
    lab.control("fail_snapshot", volume_id=node["data"][0], cause="broken")
    made = ec2.create_snapshots(InstanceSpecification={"InstanceId": node["id"]})["Snapshots"]
    ids = {s["VolumeId"]: s["SnapshotId"] for s in made}
    ended(lab, ids[node["root"]])
    bad = ended(lab, ids[node["data"][0]], "error")["SnapshotId"]
    (event,) = events_about(lab, bad, SET)
    assert event["result"] == "failed" and bad in event["cause"]
    assert [s["status"] for s in event["snapshots"]] == ["error"]


# --- DescribeSnapshots ---------------------------------------------------------------------------------------------


def test_filters_owners_and_pages(lab: Lab, ec2: Any) -> None:
    volume = new_volume(lab)
    mark = f"mark-{volume}"
    specification = [{"ResourceType": "snapshot", "Tags": [{"Key": mark, "Value": "x"}]}]
    ids = []
    for number in range(5):
        done = ec2.create_snapshot(VolumeId=volume, Description=f"number {number}", TagSpecifications=specification)
        ids.append(done["SnapshotId"])
    for each in ids:
        ended(lab, each)
    lab.control("timing", values={"snapshot": 60})
    late = ec2.create_snapshot(VolumeId=volume, Description="late", TagSpecifications=specification)["SnapshotId"]

    def found(*filters: tuple[str, str], **more: Any) -> set[str]:
        wanted = [{"Name": n, "Values": [v]} for n, v in (("tag-key", mark), *filters)]
        return {s["SnapshotId"] for s in ec2.describe_snapshots(Filters=wanted, **more)["Snapshots"]}

    assert found() == {*ids, late}
    assert found((f"tag:{mark}", "x"), ("volume-id", volume), ("volume-size", "1")) == {*ids, late}
    assert found((f"tag:{mark}", "y")) == set()
    assert found(("status", "pending")) == {late} and found(("status", "completed")) == set(ids)
    assert found(("progress", "100%")) == set(ids)
    assert found(("description", "number ?")) == set(ids)
    assert found(("snapshot-id", ids[0])) == {ids[0]}
    assert found(("storage-tier", "standard"), ("encrypted", "false"), ("owner-id", "000000000000")) == {*ids, late}
    year = f"{snapshot_of(lab, late)['StartTime']:%Y}-*"
    assert found(("start-time", year)) == {*ids, late} and found(("start-time", "1999-*")) == set()
    assert found(OwnerIds=["self"]) == found(OwnerIds=["000000000000"]) == {*ids, late}
    assert found(OwnerIds=["amazon"]) == found(OwnerIds=["111122223333"]) == set()
    assert found(RestorableByUserIds=["self"]) == {*ids, late} and found(RestorableByUserIds=["all"]) == set()
    pages = ec2.get_paginator("describe_snapshots").paginate(
        Filters=[{"Name": "tag-key", "Values": [mark]}], PaginationConfig={"PageSize": 5}
    )
    sizes = [[s["SnapshotId"] for s in p["Snapshots"]] for p in pages]
    assert [len(s) for s in sizes] == [5, 1] and {i for s in sizes for i in s} == {*ids, late}

    describe = ec2.describe_snapshots
    assert code_of(describe, SnapshotIds=[ids[0], NOBODY]) == "InvalidSnapshot.NotFound"
    assert code_of(describe, SnapshotIds=["snap-xyz"]) == "InvalidSnapshotID.Malformed"
    assert code_of(describe, SnapshotIds=ids, MaxResults=5) == "InvalidParameterCombination"
    assert code_of(describe, MaxResults=4) == "InvalidParameterValue"
    assert code_of(describe, NextToken="bogus") == "InvalidNextToken"
    assert code_of(describe, Filters=[{"Name": "colour", "Values": ["red"]}]) == "InvalidParameterValue"
    assert code_of(describe, OwnerIds=["nobody"]) == "InvalidUserID.Malformed"


def test_a_stale_describe_answers_as_of_a_while_ago(lab: Lab, ec2: Any, slow: None) -> None:
    snapshot = ec2.create_snapshot(VolumeId=new_volume(lab))["SnapshotId"]
    lab.fault(call="ec2:DescribeSnapshots", effect="stale")
    assert code_of(ec2.describe_snapshots, SnapshotIds=[snapshot]) == "InvalidSnapshot.NotFound"
    assert snapshot_of(lab, snapshot)["State"] == "pending"
    ended(lab, snapshot)
    lab.sleep(6)  # a stale describe looks 5 s back
    ec2.delete_snapshot(SnapshotId=snapshot)
    lab.fault(call="ec2:DescribeSnapshots", effect="stale")
    assert snapshot_of(lab, snapshot)["State"] == "completed"  # seen although it is deleted
    assert code_of(ec2.describe_snapshots, SnapshotIds=[snapshot]) == "InvalidSnapshot.NotFound"


def test_attributes(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    answer = ec2.describe_snapshot_attribute(SnapshotId=snapshot, Attribute="createVolumePermission")
    assert answer["SnapshotId"] == snapshot and answer["CreateVolumePermissions"] == []
    assert code_of(ec2.describe_snapshot_attribute, SnapshotId=snapshot, Attribute="x") == "InvalidParameterValue"


def test_the_cli_waiter(lab: Lab, ec2: Any) -> None:
    snapshot = ec2.create_snapshot(VolumeId=new_volume(lab))["SnapshotId"]
    ended(lab, snapshot)  # the waiter's own pause is 15 real seconds
    command = [sys.executable, "-m", "awscli", "ec2", "wait", "snapshot-completed", "--snapshot-ids", snapshot]
    run = subprocess.run(command, env={**os.environ, **lab.environment}, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    lab.control("fail_snapshot")
    bad = ec2.create_snapshot(VolumeId=new_volume(lab))["SnapshotId"]
    ended(lab, bad, "error")
    run = subprocess.run(
        [*command[:-1], bad], env={**os.environ, **lab.environment}, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 255 and "terminal failure" in run.stderr


# --- DeleteSnapshot and CopySnapshot -------------------------------------------------------------------------------


def test_deleting(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    assert code_of(ec2.delete_snapshot, SnapshotId=snapshot, DryRun=True) == "DryRunOperation"
    ec2.delete_snapshot(SnapshotId=snapshot)
    assert code_of(ec2.describe_snapshots, SnapshotIds=[snapshot]) == "InvalidSnapshot.NotFound"
    assert code_of(ec2.delete_snapshot, SnapshotId=snapshot) == "InvalidSnapshot.NotFound"
    assert snapshot not in {s["SnapshotId"] for s in ec2.describe_snapshots()["Snapshots"]}
    assert code_of(ec2.create_tags, Resources=[snapshot], Tags=TAGS[0]["Tags"]) == "InvalidSnapshot.NotFound"


def test_deleting_a_pending_one_stops_its_events(lab: Lab, ec2: Any, slow: None) -> None:
    snapshot = ec2.create_snapshot(VolumeId=new_volume(lab))["SnapshotId"]
    ec2.delete_snapshot(SnapshotId=snapshot)
    lab.sleep(11)
    assert [e["state"] for e in lab.log(kind="ec2", id=snapshot)] == ["pending", "deleted"]
    assert events_about(lab, snapshot, ONE) == []


def test_a_snapshot_of_an_image_stays(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    image = ec2.register_image(
        Name=f"of-{snapshot}",
        RootDeviceName="/dev/sda1",
        BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": snapshot}}],
    )["ImageId"]
    assert code_of(ec2.delete_snapshot, SnapshotId=snapshot) == "InvalidSnapshot.InUse"
    ec2.deregister_image(ImageId=image)
    ec2.delete_snapshot(SnapshotId=snapshot)


def test_copies(lab: Lab, ec2: Any, slow: None) -> None:
    region = lab.region
    volume = new_volume(lab)
    digest = lab.control("write_volume", volume=volume, offset=0, hex="00ff")
    source = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]

    def code(**more: Any) -> str:
        return code_of(ec2.copy_snapshot, **{"SourceRegion": region, "SourceSnapshotId": source, **more})

    assert code() == "IncorrectState"  # still pending
    ended(lab, source)
    for minutes in (14, 20, 1, 2895):
        assert code(CompletionDurationMinutes=minutes) == "InvalidParameterValue"
    assert code(SourceSnapshotId=NOBODY) == "InvalidSnapshot.NotFound"
    assert code(KmsKeyId="alias/aws/ebs") == "InvalidParameterDependency"
    assert code(DryRun=True) == "DryRunOperation"
    assert code(SourceRegion="us-east-1") == "InvalidParameterValue"
    assert code(SourceRegion="ap-northeast-3") == "InvalidSnapshot.NotFound"
    made = ec2.copy_snapshot(
        SourceRegion=region,
        SourceSnapshotId=source,
        CompletionDurationMinutes=15,
        Encrypted=True,
        TagSpecifications=TAGS,
    )
    copy = made["SnapshotId"]
    assert made["Tags"] == TAGS[0]["Tags"] and snapshot_of(lab, copy)["State"] == "pending"
    found = ended(lab, copy)
    assert found["Encrypted"] and found["KmsKeyId"].startswith("arn:aws:kms:")
    assert (found["TransferType"], found["CompletionDurationMinutes"]) == ("time-based", 15)
    assert behind(lab, "snapshots", copy)["Digest"] == digest
    (event,) = events_about(lab, copy, ONE)
    assert (event["event"], event["result"], event["transferType"]) == ("copySnapshot", "succeeded", "time-based")
    assert event["source"].endswith(f"snapshot/{source}")
    # a copy of an encrypted snapshot is encrypted, whatever is said
    assert code(SourceSnapshotId=copy, Encrypted=False) == "InvalidParameterValue"
    again = ec2.copy_snapshot(SourceRegion=region, SourceSnapshotId=copy)["SnapshotId"]
    assert snapshot_of(lab, again)["KmsKeyId"] == found["KmsKeyId"]
