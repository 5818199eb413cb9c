"""What the tests of snapshots, tiers, locks and fast snapshot restore share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.client import Lab

AZ = "ap-northeast-1a"
OTHER_AZ = "ap-northeast-1c"
NOBODY = "snap-0123456789abcdef0"


def code_of(call: Callable[..., Any], **arguments: Any) -> str:
    """The error code with which a call fails; the test fails if it does not."""
    with pytest.raises(ClientError) as error:
        call(**arguments)
    return error.value.response["Error"]["Code"]


def new_volume(lab: Lab, gib: int = 1, az: str = AZ, **more: Any) -> str:
    """An available volume of the test's own."""
    ec2 = lab.boto("ec2")
    volume = ec2.create_volume(AvailabilityZone=az, Size=gib, VolumeType="gp3", **more)["VolumeId"]
    lab.wait_for(lambda: ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["State"] == "available")
    return volume


def snapshot_of(lab: Lab, snapshot_id: str) -> dict[str, Any]:
    return lab.boto("ec2").describe_snapshots(SnapshotIds=[snapshot_id])["Snapshots"][0]


def ended(lab: Lab, snapshot_id: str, state: str = "completed") -> dict[str, Any]:
    """The snapshot once it is no longer pending, which must be in `state`."""
    lab.wait_for(lambda: snapshot_of(lab, snapshot_id)["State"] != "pending", 60, f"the end of {snapshot_id}")
    found = snapshot_of(lab, snapshot_id)
    assert found["State"] == state, found
    return found


def new_snapshot(lab: Lab, gib: int = 1, **more: Any) -> str:
    """A completed snapshot of a volume of its own."""
    snapshot = lab.boto("ec2").create_snapshot(VolumeId=new_volume(lab, gib), **more)["SnapshotId"]
    ended(lab, snapshot)
    return snapshot


def behind(lab: Lab, kind: str, resource_id: str) -> dict[str, Any]:
    """What the lab itself knows of a volume or a snapshot, with its `Digest`."""
    name = {"volumes": "VolumeId", "snapshots": "SnapshotId"}[kind]
    return next(r for r in lab.control("ec2")[kind] if r[name] == resource_id)


def events_about(lab: Lab, resource_id: str, detail_type: str) -> list[dict[str, Any]]:
    """Details of the events of a type that name the resource, in order."""
    found = lab.log(kind="event", detail_type=detail_type)
    return [e["detail"] for e in found if any(arn.endswith(resource_id) for arn in e["resources"])]
