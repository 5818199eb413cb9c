"""EBS volumes: making, describing, changing, copying and deleting them, right and wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError
from ec2_steps import (
    OTHER_ZONE,
    UNKNOWN_SNAPSHOT,
    UNKNOWN_VOLUME,
    ZONE,
    events,
    new_instance,
    new_volume,
    reach,
    refused,
    settled,
    states,
    volume,
)

NOTIFICATION = "EBS Volume Notification"


@pytest.fixture(scope="module")
def ec2(lab):
    return lab.boto("ec2")


def new_snapshot(lab, ec2, volume_id, wait=True):
    snapshot_id = ec2.create_snapshot(VolumeId=volume_id)["SnapshotId"]
    if wait:
        lab.wait_for(
            lambda: ec2.describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]["State"] == "completed",
            what="the snapshot",
        )
    return snapshot_id


@pytest.fixture(scope="module")
def snapshot(lab, ec2):
    """A completed snapshot of 2 GiB with some bytes in it."""
    source = new_volume(lab, ec2, Size=2)
    lab.control("write_volume", volume=source, offset=4096, hex="facade")
    return new_snapshot(lab, ec2, source)


def digest(lab, volume_id):
    return {v["VolumeId"]: v["Digest"] for v in lab.control("ec2")["volumes"]}[volume_id]


# --- CreateVolume ----------------------------------------------------------------------------------------------------


def test_a_volume_takes_time_and_tells_of_its_end(lab, ec2):
    answer = ec2.create_volume(AvailabilityZone=ZONE, Size=20)
    volume_id = answer["VolumeId"]
    assert (answer["State"], answer["VolumeType"], answer["Size"], answer["Iops"]) == ("creating", "gp2", 20, 100)
    assert (answer["SnapshotId"], answer["Encrypted"]) == ("", False)
    assert volume(ec2, volume_id)["State"] == "creating"
    reach(lab, ec2, volume_id, "available")
    assert states(lab, volume_id) == ["creating", "available"]
    lab.wait_for(lambda: events(lab, NOTIFICATION, "result", volume_id) == ["available"], what="its event")
    assert events(lab, NOTIFICATION, "event", volume_id) == ["createVolume"]


@pytest.mark.parametrize(
    ("request_", "shape"),
    [
        ({"Size": 100, "VolumeType": "gp2"}, ("gp2", 100, 300, None)),
        ({"Size": 1, "VolumeType": "gp3"}, ("gp3", 1, 3000, 125)),
        ({"Size": 100, "VolumeType": "gp3", "Iops": 4000, "Throughput": 1000}, ("gp3", 100, 4000, 1000)),
        ({"Size": 4, "VolumeType": "io1", "Iops": 200}, ("io1", 4, 200, None)),
        ({"Size": 4, "VolumeType": "io2", "Iops": 4000}, ("io2", 4, 4000, None)),
        ({"Size": 125, "VolumeType": "st1"}, ("st1", 125, None, None)),
    ],
)
def test_shapes(lab, ec2, request_, shape):
    volume_id = ec2.create_volume(AvailabilityZone=ZONE, **request_)["VolumeId"]
    seen = reach(lab, ec2, volume_id, "available")
    assert (seen["VolumeType"], seen["Size"], seen.get("Iops"), seen.get("Throughput")) == shape


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"AvailabilityZone": "ap-northeast-1b"}, "InvalidZone.NotFound"),
        ({"AvailabilityZone": "eu-west-1a"}, "InvalidZone.NotFound"),
        ({"AvailabilityZone": ""}, "MissingParameter"),
        ({"AvailabilityZoneId": "apne1-az4"}, "InvalidParameterCombination"),  # beside AvailabilityZone
        ({"Size": 0}, "InvalidParameterValue"),
        ({"Size": 16_385}, "InvalidParameterValue"),
        ({"Size": 65_537, "VolumeType": "gp3"}, "InvalidParameterValue"),
        ({"Size": 100, "VolumeType": "st1"}, "InvalidParameterValue"),
        ({"VolumeType": "gp4"}, "InvalidParameterValue"),
        ({"Iops": 3000}, "InvalidParameterCombination"),
        ({"Throughput": 125}, "InvalidParameterCombination"),
        ({"VolumeType": "io2"}, "InvalidParameterCombination"),
        ({"VolumeType": "io1", "Size": 4, "Iops": 201}, "InvalidParameterValue"),
        ({"VolumeType": "io1", "Size": 4, "Iops": 99}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Iops": 2999}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Iops": 80_001, "Size": 1000}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Iops": 5001, "Size": 10}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Throughput": 124}, "InvalidParameterValue"),
        ({"VolumeType": "gp3", "Throughput": 751}, "InvalidParameterValue"),  # over 0.25 MiB/s per IOPS
        ({"MultiAttachEnabled": True}, "InvalidParameterCombination"),
        ({"VolumeInitializationRate": 200}, "InvalidParameterCombination"),  # without a snapshot
        ({"KmsKeyId": "alias/x"}, "InvalidParameterDependency"),
        ({"SnapshotId": UNKNOWN_SNAPSHOT}, "InvalidSnapshot.NotFound"),
        ({"SnapshotId": "snap-nonsense"}, "InvalidSnapshotID.Malformed"),
        ({"SnapshotId": "bogus"}, "InvalidSnapshotID.Malformed"),
        ({"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "a"}]}]}, "InvalidParameterValue"),
        ({"TagSpecifications": [{"ResourceType": "volume", "Tags": [{"Key": "aws:a"}]}]}, "InvalidParameterValue"),
        ({"ClientToken": "x" * 65}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_wrong_requests(lab, ec2, change, code):
    refused(lab, code, ec2.create_volume, **{"AvailabilityZone": ZONE, "Size": 10, **change})


def test_neither_size_nor_snapshot(lab, ec2):
    refused(lab, "MissingParameter", ec2.create_volume, AvailabilityZone=ZONE)


def test_a_zone_may_be_named_by_its_id(lab, ec2):
    answer = ec2.create_volume(AvailabilityZoneId="apne1-az1", Size=1)
    assert answer["AvailabilityZone"] == OTHER_ZONE


def test_a_volume_from_a_snapshot_has_its_bytes(lab, ec2, snapshot):
    volume_id = new_volume(lab, ec2, SnapshotId=snapshot)
    seen = volume(ec2, volume_id)
    assert (seen["Size"], seen["SnapshotId"], seen["FastRestored"]) == (2, snapshot, False)
    dump = {s["SnapshotId"]: s["Digest"] for s in lab.control("ec2")["snapshots"]}
    assert digest(lab, volume_id) == dump[snapshot] != digest(lab, new_volume(lab, ec2, Size=2))
    bigger = new_volume(lab, ec2, SnapshotId=snapshot, Size=3)
    assert (volume(ec2, bigger)["Size"], digest(lab, bigger)) == (3, dump[snapshot])


def test_smaller_than_its_snapshot_is_refused(lab, ec2, snapshot):
    refused(lab, "InvalidParameterValue", ec2.create_volume, AvailabilityZone=ZONE, SnapshotId=snapshot, Size=1)


def test_a_pending_snapshot_makes_no_volume(lab, ec2):
    source = new_volume(lab, ec2)
    lab.control("timing", values={"snapshot": 100.0})
    try:
        pending = new_snapshot(lab, ec2, source, wait=False)
    finally:
        lab.control("timing", values={"snapshot": 3.0})
    with pytest.raises(ClientError, match="IncorrectState"):
        ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=pending)
    ec2.delete_snapshot(SnapshotId=pending)  # it would keep the model moving for long


def test_tags_at_creation(lab, ec2):
    tags = [{"Key": "mirrorsnap:cluster", "Value": "orders"}, {"Key": "empty", "Value": ""}]
    volume_id = new_volume(lab, ec2, TagSpecifications=[{"ResourceType": "volume", "Tags": tags}])
    assert volume(ec2, volume_id)["Tags"] == tags


def test_the_same_token_makes_one_volume(lab, ec2):
    request = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "make-once"}
    first = ec2.create_volume(**request)["VolumeId"]
    reach(lab, ec2, first, "available")
    count = len(lab.control("ec2")["volumes"])
    again = ec2.create_volume(**request)
    assert (again["VolumeId"], again["State"]) == (first, "available")
    assert len(lab.control("ec2")["volumes"]) == count
    refused(lab, "IdempotentParameterMismatch", ec2.create_volume, **{**request, "Size": 2})
    refused(lab, "IdempotentParameterMismatch", ec2.create_volume, **{**request, "AvailabilityZone": OTHER_ZONE})
    refused(lab, "DryRunOperation", ec2.create_volume, **request, DryRun=True)
    assert ec2.create_volume(**{**request, "ClientToken": "another"})["VolumeId"] != first


def test_a_failed_call_does_not_use_its_token_up(lab, ec2):
    wrong = {"AvailabilityZone": ZONE, "Size": 0, "ClientToken": "second-try"}
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.create_volume(**wrong)
    assert ec2.create_volume(**{**wrong, "Size": 1})["State"] == "creating"


def test_a_lost_reply_made_the_volume_and_the_token_finds_it(lab, ec2):
    lab.fault(call="ec2:CreateVolume", effect="lose_reply")
    request = {"AvailabilityZone": ZONE, "Size": 1, "ClientToken": "lost-reply"}
    before = {v["VolumeId"] for v in lab.control("ec2")["volumes"]}
    with pytest.raises(Exception, match=r"closed|reset|Connection"):
        ec2.create_volume(**request)
    made = {v["VolumeId"] for v in lab.control("ec2")["volumes"]} - before
    assert {ec2.create_volume(**request)["VolumeId"]} == made


def test_a_quota_is_a_fault_away(lab, ec2):
    lab.fault(call="ec2:CreateVolume", effect={"error": "VolumeLimitExceeded"})
    refused(lab, "VolumeLimitExceeded", ec2.create_volume, AvailabilityZone=ZONE, Size=1)


def test_a_volume_can_end_in_error(lab, ec2):
    lab.control("fail_volume", cause="the disk is on fire")
    volume_id = ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    reach(lab, ec2, volume_id, "error")
    lab.wait_for(lambda: events(lab, NOTIFICATION, "cause", volume_id) == ["the disk is on fire"], what="its event")
    assert events(lab, NOTIFICATION, "result", volume_id) == ["failed"]
    target = new_instance(lab, ec2)
    refused(lab, "IncorrectState", ec2.attach_volume, VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")
    ec2.delete_volume(VolumeId=volume_id)
    assert ec2.create_volume(AvailabilityZone=ZONE, Size=1)["State"] == "creating"  # only the next one failed


# --- encryption ------------------------------------------------------------------------------------------------------


def test_encryption(lab, ec2):
    key = lab.boto("kms").create_key()["KeyMetadata"]["Arn"]
    source = new_volume(lab, ec2, Encrypted=True, KmsKeyId=key.rsplit("/", 1)[1])
    seen = volume(ec2, source)
    assert (seen["Encrypted"], seen["KmsKeyId"], seen["SseType"]) == (True, key, "sse-kms")
    encrypted = new_snapshot(lab, ec2, source)
    inherits = volume(ec2, new_volume(lab, ec2, SnapshotId=encrypted))
    assert (inherits["Encrypted"], inherits["KmsKeyId"]) == (True, key)
    refused(
        lab,
        "InvalidParameterValue",
        ec2.create_volume,
        AvailabilityZone=ZONE,
        SnapshotId=encrypted,
        Encrypted=False,
    )
    default = volume(ec2, new_volume(lab, ec2, Encrypted=True))
    assert default["KmsKeyId"].startswith("arn:aws:kms:ap-northeast-1:")
    assert "KmsKeyId" not in volume(ec2, new_volume(lab, ec2))


def test_a_key_that_cannot_be_used_fails_later(lab, ec2):
    volume_id = ec2.create_volume(AvailabilityZone=ZONE, Size=1, Encrypted=True, KmsKeyId="alias/none")["VolumeId"]
    lab.wait_for(lambda: events(lab, NOTIFICATION, "result", volume_id) == ["failed"], what="its event")
    with pytest.raises(ClientError, match=r"InvalidVolume\.NotFound"):
        volume(ec2, volume_id)


# --- DeleteVolume ----------------------------------------------------------------------------------------------------


def test_delete_takes_time_and_then_the_volume_is_unknown(lab, ec2):
    volume_id = new_volume(lab, ec2)
    ec2.delete_volume(VolumeId=volume_id)
    assert volume(ec2, volume_id)["State"] == "deleting"

    def unknown():
        try:
            volume(ec2, volume_id)
        except ClientError as error:
            return error.response["Error"]

    error = lab.wait_for(unknown, what="the end")
    assert error == {"Code": "InvalidVolume.NotFound", "Message": f"The volume '{volume_id}' does not exist."}
    refused(lab, "InvalidVolume.NotFound", ec2.delete_volume, VolumeId=volume_id)
    lab.wait_for(
        lambda: events(lab, NOTIFICATION, "event", volume_id) == ["createVolume", "deleteVolume"], what="its events"
    )
    assert states(lab, volume_id) == ["creating", "available", "deleting", "deleted"]


def test_what_is_attached_or_unfinished_cannot_be_deleted(lab, ec2):
    volume_id, target = new_volume(lab, ec2), new_instance(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")
    lab.wait_for(lambda: volume(ec2, volume_id)["Attachments"][0]["State"] == "attached", what="attached")
    message = refused(lab, "VolumeInUse", ec2.delete_volume, VolumeId=volume_id)
    assert message == f"Volume {volume_id} is currently attached to {target}"
    refused(lab, "InvalidVolume.NotFound", ec2.delete_volume, VolumeId=UNKNOWN_VOLUME)
    refused(lab, "InvalidParameterValue", ec2.delete_volume, VolumeId="vol-12")
    refused(lab, "DryRunOperation", ec2.delete_volume, VolumeId=new_volume(lab, ec2), DryRun=True)
    creating = ec2.create_volume(AvailabilityZone=ZONE, Size=1)["VolumeId"]
    with pytest.raises(ClientError, match="IncorrectState"):
        ec2.delete_volume(VolumeId=creating)
    reach(lab, ec2, creating, "available")


# --- describing ------------------------------------------------------------------------------------------------------


def test_filters(lab, ec2, snapshot):
    tag = {"ResourceType": "volume", "Tags": [{"Key": "suite", "Value": "filters"}]}
    one = new_volume(lab, ec2, Size=3, TagSpecifications=[tag])
    two = new_volume(lab, ec2, OTHER_ZONE, SnapshotId=snapshot, VolumeType="gp3", TagSpecifications=[tag])
    target = new_instance(lab, ec2)
    ec2.attach_volume(VolumeId=one, InstanceId=target, Device="/dev/sdb")

    def ids(**filters):
        wanted = [{"Name": k, "Values": v if isinstance(v, list) else [v]} for k, v in filters.items()]
        return {v["VolumeId"] for v in ec2.describe_volumes(Filters=wanted)["Volumes"]}

    assert ids(**{"tag:suite": "filters"}) == {one, two}
    assert ids(**{"tag:suite": "fil*", "status": "in-use"}) == {one}
    assert ids(**{"tag:suite": "filters", "availability-zone": OTHER_ZONE}) == {two}
    assert ids(**{"tag:suite": "filters", "snapshot-id": snapshot}) == {two}
    assert ids(**{"tag:suite": "filters", "size": ["3", "4"]}) == {one}
    assert ids(**{"tag:suite": "filters", "volume-type": "gp3", "fast-restored": "false"}) == {two}
    assert ids(**{"attachment.instance-id": target, "attachment.device": "/dev/sdb"}) == {one}
    assert ids(**{"tag:suite": "f\\*"}) == set()
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ids(colour="red")


def test_paging(lab, ec2):
    pages = list(ec2.get_paginator("describe_volumes").paginate(PaginationConfig={"PageSize": 5}))
    seen = [v["VolumeId"] for p in pages for v in p["Volumes"]]
    assert len(pages) >= 2
    assert len(seen) == len(set(seen))
    known = {v["VolumeId"] for v in lab.control("ec2")["volumes"] if v["State"] not in ("deleted", "deleting")}
    assert known <= set(seen)


def test_a_stale_describe_misses_a_new_volume(lab, ec2):
    volume_id = new_volume(lab, ec2)
    lab.fault(call="ec2:DescribeVolumes", effect="stale")
    with pytest.raises(ClientError, match=r"InvalidVolume\.NotFound"):
        volume(ec2, volume_id)
    lab.fault(call="ec2:DescribeVolumes", effect="stale")
    wanted = [{"Name": "volume-id", "Values": [volume_id]}]
    assert ec2.describe_volumes(Filters=wanted)["Volumes"] == []
    assert volume(ec2, volume_id)["State"] == "available"


def test_initialization_at_a_rate(lab, ec2, snapshot):
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot, VolumeInitializationRate=99)
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.create_volume(AvailabilityZone=ZONE, SnapshotId=snapshot, VolumeInitializationRate=301)
    volume_id = new_volume(lab, ec2, SnapshotId=snapshot, Size=6, VolumeInitializationRate=300)
    assert volume(ec2, volume_id)["VolumeInitializationRate"] == 300

    def details():
        found = ec2.describe_volume_status(VolumeIds=[volume_id])["VolumeStatuses"][0]
        return found["InitializationStatusDetails"]

    first = details()
    assert first["InitializationType"] == "provisioned-rate"
    assert 0 <= first["Progress"] < 100
    assert 0 < first["EstimatedTimeToCompleteInSeconds"] <= 21  # 6 GiB at 300 MiB/s
    lab.wait_for(lambda: details()["Progress"] > first["Progress"], what="progress")
    lab.wait_for(lambda: details()["Progress"] == 100, what="its end")
    assert details()["EstimatedTimeToCompleteInSeconds"] == 0


def test_volume_status(lab, ec2, snapshot):
    empty, filled = new_volume(lab, ec2), new_volume(lab, ec2, SnapshotId=snapshot)
    found = {v["VolumeId"]: v for v in ec2.describe_volume_status(VolumeIds=[empty, filled])["VolumeStatuses"]}
    assert {v["VolumeStatus"]["Status"] for v in found.values()} == {"ok"}
    assert "InitializationStatusDetails" not in found[empty]
    assert found[filled]["InitializationStatusDetails"]["InitializationType"] == "default"
    assert "EstimatedTimeToCompleteInSeconds" not in found[filled]["InitializationStatusDetails"]
    assert ec2.describe_volume_attribute(VolumeId=empty, Attribute="autoEnableIO")["AutoEnableIO"] == {"Value": False}


# --- ModifyVolume and CopyVolumes -------------------------------------------------------------------------------------


def modification(ec2, volume_id):
    return ec2.describe_volumes_modifications(VolumeIds=[volume_id])["VolumesModifications"][0]


def test_modify(lab, ec2):
    volume_id = new_volume(lab, ec2, Size=10)
    with pytest.raises(ClientError, match=r"InvalidVolumeModification\.NotFound"):
        modification(ec2, volume_id)
    settled(lab)
    lab.control("timing", values={"volume_modify": 10.0})
    try:
        answer = ec2.modify_volume(VolumeId=volume_id, Size=20, VolumeType="gp3", Iops=4000)["VolumeModification"]
    finally:
        lab.control("timing", values={"volume_modify": 2.0})
    assert answer["ModificationState"] == "modifying"
    assert (answer["OriginalSize"], answer["OriginalVolumeType"], answer["OriginalIops"]) == (10, "gp2", 100)
    assert (answer["TargetSize"], answer["TargetVolumeType"], answer["TargetIops"]) == (20, "gp3", 4000)
    assert volume(ec2, volume_id)["Size"] == 10
    message = refused(lab, "IncorrectModificationState", ec2.modify_volume, settle=False, VolumeId=volume_id, Size=30)
    assert message == f"Volume {volume_id} cannot be modified in modification state MODIFYING"
    lab.wait_for(lambda: modification(ec2, volume_id)["ModificationState"] == "optimizing", what="optimizing")
    seen = volume(ec2, volume_id)
    assert (seen["Size"], seen["VolumeType"], seen["Iops"], seen["Throughput"]) == (20, "gp3", 4000, 125)
    lab.wait_for(lambda: modification(ec2, volume_id)["ModificationState"] == "completed", what="completed")
    assert modification(ec2, volume_id)["Progress"] == 100


def test_modifications_that_are_refused(lab, ec2):
    volume_id = new_volume(lab, ec2, Size=10)
    refused(lab, "InvalidParameterValue", ec2.modify_volume, VolumeId=volume_id, Size=9)
    refused(lab, "InvalidParameterCombination", ec2.modify_volume, VolumeId=volume_id, Iops=3000)
    refused(lab, "MissingParameter", ec2.modify_volume, VolumeId=volume_id)
    refused(lab, "InvalidVolume.NotFound", ec2.modify_volume, VolumeId=UNKNOWN_VOLUME, Size=30)
    refused(lab, "DryRunOperation", ec2.modify_volume, VolumeId=volume_id, Size=11, DryRun=True)


def test_four_modifications_a_day(lab, ec2):
    volume_id = new_volume(lab, ec2, Size=10)
    lab.control("timing", values={"volume_modify": 0.1})
    try:
        for gib in (11, 12, 13, 14):
            ec2.modify_volume(VolumeId=volume_id, Size=gib)
            lab.wait_for(lambda: modification(ec2, volume_id)["ModificationState"] == "completed", what="completed")
    finally:
        lab.control("timing", values={"volume_modify": 2.0})
    refused(lab, "VolumeModificationRateExceeded", ec2.modify_volume, VolumeId=volume_id, Size=15)


def test_a_copy_has_the_bytes_of_the_call(lab, ec2):
    source = new_volume(lab, ec2, OTHER_ZONE, Size=2)
    wanted = lab.control("write_volume", volume=source, offset=0, hex="beef")
    tags = [{"ResourceType": "volume", "Tags": [{"Key": "copy", "Value": "yes"}]}]
    request = {"SourceVolumeId": source, "VolumeType": "gp3", "TagSpecifications": tags, "ClientToken": "copy-once"}
    answer = ec2.copy_volumes(**request)["Volumes"][0]
    assert lab.control("write_volume", volume=source, offset=0, hex="dead") != wanted
    copy = reach(lab, ec2, answer["VolumeId"], "available")
    assert (copy["SourceVolumeId"], copy["AvailabilityZone"], copy["Size"]) == (source, OTHER_ZONE, 2)
    assert (copy["VolumeType"], copy["Tags"]) == ("gp3", tags[0]["Tags"])
    assert digest(lab, copy["VolumeId"]) == wanted
    assert ec2.copy_volumes(**request)["Volumes"][0]["VolumeId"] == copy["VolumeId"]
    status = ec2.describe_volume_status(VolumeIds=[copy["VolumeId"]])["VolumeStatuses"][0]
    assert status["InitializationStatusDetails"]["InitializationType"] == "volume-copy"
    refused(lab, "IdempotentParameterMismatch", ec2.copy_volumes, **{**request, "Size": 3})
    refused(lab, "InvalidParameterValue", ec2.copy_volumes, SourceVolumeId=source, Size=1)
    refused(lab, "InvalidVolume.NotFound", ec2.copy_volumes, SourceVolumeId=UNKNOWN_VOLUME)
    refused(lab, "DryRunOperation", ec2.copy_volumes, SourceVolumeId=source, DryRun=True)


# --- another client ---------------------------------------------------------------------------------------------------


def test_the_aws_cli_gets_the_same_answers(lab, ec2):
    def aws(*arguments):
        environment = {**os.environ, **lab.environment}
        command = [sys.executable, "-m", "awscli", "ec2", *arguments, "--output", "text"]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    made = aws("create-volume", "--availability-zone", ZONE, "--size", "1", "--query", "VolumeId")
    volume_id = made.stdout.strip()
    reach(lab, ec2, volume_id, "available")
    assert aws("wait", "volume-available", "--volume-ids", volume_id).returncode == 0
    done = aws("create-volume", "--availability-zone", ZONE, "--snapshot-id", UNKNOWN_SNAPSHOT)
    assert "(InvalidSnapshot.NotFound)" in done.stderr
    done = aws("detach-volume", "--volume-id", volume_id)
    assert f"(IncorrectState) when calling the DetachVolume operation: Volume '{volume_id}' is in the" in done.stderr
    assert aws("delete-volume", "--volume-id", volume_id).returncode == 0
