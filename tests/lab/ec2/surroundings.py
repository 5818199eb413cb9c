"""What the world puts around instances: Auto Scaling membership and capacity reservations. Read only, over the API."""

from __future__ import annotations

from typing import Any

from .. import context
from ..wire import AwsError
from .api import action, dry_run, matches, page
from .instances import Instance
from .model import OWNER, new_id
from .zones import ZONES

_reservations: list[dict[str, Any]] = []


def join_group(instance: Instance, group: str) -> None:
    """Make the instance a member of an Auto Scaling group, as autoscaling and its tag say."""
    from ministack.services import autoscaling

    instance.tags["aws:autoscaling:groupName"] = group
    if group not in autoscaling._asgs:
        autoscaling._create_asg({"AutoScalingGroupName": [group], "MinSize": ["0"], "MaxSize": ["4"]})
    members = autoscaling._asgs[group]
    members["Instances"].append(
        {
            "InstanceId": instance.id,
            "LifecycleState": "InService",
            "HealthStatus": "Healthy",
            "AvailabilityZone": instance.az,
            "ProtectedFromScaleIn": False,
            "LaunchTemplate": {},
            "LaunchConfigurationName": "",
        }
    )
    members["DesiredCapacity"] = len(members["Instances"])
    members["AvailabilityZones"] = sorted({i["AvailabilityZone"] for i in members["Instances"]})
    instance.touch()


def reserve(az: str, instance_type: str, count: int) -> str:
    """Make an active, open reservation of `count` instances, all of them in use. Its id."""
    now = context.lab.clock.now()
    reservation_id = new_id("cr")
    _reservations.append(
        {
            "CapacityReservationId": reservation_id,
            "CapacityReservationArn": f"arn:aws:ec2:{context.REGION}:{OWNER}:capacity-reservation/{reservation_id}",
            "OwnerId": OWNER,
            "AvailabilityZone": az,
            "AvailabilityZoneId": ZONES[az],
            "InstanceType": instance_type,
            "InstancePlatform": "Linux/UNIX",
            "Tenancy": "default",
            "TotalInstanceCount": count,
            "AvailableInstanceCount": 0,
            "EbsOptimized": False,
            "EphemeralStorage": False,
            "State": "active",
            "StartDate": now,
            "CreateDate": now,
            "EndDateType": "unlimited",
            "InstanceMatchCriteria": "open",
            "Tags": [],
        }
    )
    return reservation_id


@action("DescribeCapacityReservations")
def describe_capacity_reservations(request: dict[str, Any]) -> dict[str, Any]:
    wanted = request.get("CapacityReservationIds") or []
    missing = [each for each in wanted if each not in {r["CapacityReservationId"] for r in _reservations}]
    if missing:
        message = f"The capacity reservation '{missing[0]}' does not exist."
        raise AwsError("InvalidCapacityReservationId.NotFound", message)
    known = {"instance-type": "InstanceType", "availability-zone": "AvailabilityZone", "state": "State"}
    known |= {"owner-id": "OwnerId", "instance-match-criteria": "InstanceMatchCriteria", "tenancy": "Tenancy"}

    def fields(r: dict[str, Any], name: str) -> list[str] | None:
        return [r[known[name]]] if name in known else None

    found = [r for r in _reservations if not wanted or r["CapacityReservationId"] in wanted]
    found = [r for r in found if matches(request.get("Filters"), lambda n, r=r: fields(r, n))]
    dry_run(request)
    return page(found, request, "CapacityReservations")
