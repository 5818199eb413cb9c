"""Steps that the EC2 contract tests share."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from lab.client import Lab

ZONE, OTHER_ZONE = "ap-northeast-1a", "ap-northeast-1c"
IMAGE = "ami-0c1a2b3c4d5e6f708"
UNKNOWN_INSTANCE, UNKNOWN_VOLUME, UNKNOWN_SNAPSHOT = "i-0" + "f" * 16, "vol-0" + "f" * 16, "snap-0" + "f" * 16
_numbers = itertools.count(1)


def settled(lab: Lab) -> None:
    """Wait until nothing moves by itself, so that a comparison of the whole model sees only the call between."""

    def moves(machine: dict[str, Any]) -> bool:
        going_down = machine["State"]["Name"] in ("stopping", "shutting-down") and machine["Guest"] == "off"
        return going_down or machine["State"]["Name"] == "pending" or machine["Guest"] in ("booting", "shutting_down")

    def still() -> bool:
        now = lab.control("ec2")
        attachments = {a["State"] for v in now["volumes"] for a in v["Attachments"]}
        return not (
            {"creating", "deleting"} & {v["State"] for v in now["volumes"]}
            or {"attaching", "detaching"} & attachments
            or "pending" in {s["State"] for s in now["snapshots"]}
            or any(moves(machine) for machine in now["instances"])
        )

    lab.wait_for(still, 60, "a quiet model")


def refused(lab: Lab, code: str, call: Callable[..., Any], *, settle: bool = True, **arguments: Any) -> str:
    """Make a call that must fail with `code` and change nothing in the whole model; returns the error's message.

    `settle` False where the call is about something that is under way.
    """
    # What moves by itself on a busy machine may fall between the two looks; what the call changes always does.
    for _ in range(3):
        if settle:
            settled(lab)
        before = lab.control("ec2")
        with pytest.raises(ClientError) as caught:
            call(**arguments)
        assert caught.value.response["Error"]["Code"] == code, caught.value
        after = lab.control("ec2")
        if after == before:
            return caught.value.response["Error"]["Message"]
    changed = [(a, b) for kind in before for a, b in zip(before[kind], after[kind], strict=False) if a != b]
    raise AssertionError(f"a refused call changed something: {changed or 'a resource was added or removed'}")


def volume(ec2: Any, volume_id: str) -> dict[str, Any]:
    return ec2.describe_volumes(VolumeIds=[volume_id])["Volumes"][0]


def instance(ec2: Any, instance_id: str) -> dict[str, Any]:
    return ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]


def state(ec2: Any, instance_id: str) -> str:
    return instance(ec2, instance_id)["State"]["Name"]


def reach(lab: Lab, ec2: Any, resource_id: str, wanted: str, seconds: float = 30) -> dict[str, Any]:
    """Wait until an instance or volume is in a state; returns how it is described then."""

    def look() -> dict[str, Any] | None:
        if resource_id.startswith("i-"):
            found = instance(ec2, resource_id)
            return found if found["State"]["Name"] == wanted else None
        found = volume(ec2, resource_id)
        return found if found["State"] == wanted else None

    return lab.wait_for(look, seconds, f"{resource_id} {wanted}")


def guest_up(lab: Lab, instance_id: str) -> None:
    lab.wait_for(lambda: lab.control("guest", instance=instance_id, do="state") == "up", what="the guest's boot")


def new_volume(lab: Lab, ec2: Any, zone: str = ZONE, **arguments: Any) -> str:
    """An available volume."""
    size = {} if "SnapshotId" in arguments else {"Size": 1}
    volume_id = ec2.create_volume(AvailabilityZone=zone, **{**size, **arguments})["VolumeId"]
    reach(lab, ec2, volume_id, "available")
    return volume_id


def new_instance(lab: Lab, ec2: Any, zone: str = ZONE, *, wait: bool = True, **arguments: Any) -> str:
    """A running instance, its guest up, with a root volume and nothing else."""
    name = [{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": f"test{next(_numbers)}"}]}]
    made = ec2.run_instances(
        ImageId=IMAGE,
        MinCount=1,
        MaxCount=1,
        Placement={"AvailabilityZone": zone},
        **{"TagSpecifications": name, **arguments},
    )
    instance_id = made["Instances"][0]["InstanceId"]
    if wait:
        reach(lab, ec2, instance_id, "running")
        guest_up(lab, instance_id)
    return instance_id


def stopped_instance(lab: Lab, ec2: Any, zone: str = ZONE) -> str:
    instance_id = new_instance(lab, ec2, zone)
    ec2.stop_instances(InstanceIds=[instance_id])
    reach(lab, ec2, instance_id, "stopped")
    return instance_id


def states(lab: Lab, resource_id: str) -> list[str]:
    """The states that a resource went through, in order, from the lab's log."""
    return [entry["state"] for entry in lab.log(kind="ec2", id=resource_id)]


def events(lab: Lab, detail_type: str, key: str, resource_id: str) -> list[str]:
    """Values of `key` in the events of that type about a resource, in order."""
    found = lab.log(kind="event", detail_type=detail_type)
    return [e["detail"][key] for e in found if resource_id in str(e["detail"]) + str(e.get("resources"))]
