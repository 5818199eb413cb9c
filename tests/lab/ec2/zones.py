"""The region's Availability Zones and the default subnets in them.

ministack fabricates the zones a, b, c; ap-northeast-1 has had a, c and d for accounts made since 2018.
"""

from __future__ import annotations

from typing import Any

from .. import context
from ..wire import AwsError
from .api import action, dry_run, matches

# name -> zone id (the mapping differs per account on AWS; this one is the lab account's)
ZONES = {
    f"{context.REGION}a": "apne1-az4",
    f"{context.REGION}c": "apne1-az1",
    f"{context.REGION}d": "apne1-az2",
}
SUBNETS = dict(zip(ZONES, ("subnet-00000001", "subnet-00000003", "subnet-00000002"), strict=True))  # ministack's ids


def check_zone(request: dict[str, Any]) -> str:
    """The zone that a request names by AvailabilityZone or AvailabilityZoneId; raises InvalidZone.NotFound."""
    name, zone_id = request.get("AvailabilityZone"), request.get("AvailabilityZoneId")
    if name and zone_id:
        message = "Specify either AvailabilityZone or AvailabilityZoneId, not both."
        raise AwsError("InvalidParameterCombination", message)
    if zone_id:
        for zone, known in ZONES.items():
            if known == zone_id:
                return zone
        raise AwsError("InvalidZone.NotFound", f"The zone ID '{zone_id}' does not exist.")
    if not name:
        raise AwsError("MissingParameter", "The request must contain the parameter zone")
    if name not in ZONES:
        raise AwsError("InvalidZone.NotFound", f"The zone '{name}' does not exist.")
    return name


@action("DescribeAvailabilityZones")
def describe_availability_zones(request: dict[str, Any]) -> dict[str, Any]:
    names, ids = request.get("ZoneNames") or [], request.get("ZoneIds") or []
    for name in names:
        if name not in ZONES:
            raise AwsError("InvalidParameterValue", f"Invalid availability zone: [{name}]")
    for zone_id in ids:
        if zone_id not in ZONES.values():
            raise AwsError("InvalidParameterValue", f"Invalid availability zone-id: [{zone_id}]")
    zones = []
    for name, zone_id in ZONES.items():
        if (names and name not in names) or (ids and zone_id not in ids):
            continue
        zones.append(
            {
                "ZoneName": name,
                "ZoneId": zone_id,
                "State": "available",
                "RegionName": context.REGION,
                "GroupName": f"{context.REGION}-zg-1",
                "NetworkBorderGroup": context.REGION,
                "OptInStatus": "opt-in-not-required",
                "ZoneType": "availability-zone",
                "Messages": [],
            }
        )
    known = {"zone-name": "ZoneName", "zone-id": "ZoneId", "state": "State", "region-name": "RegionName"}
    known |= {"group-name": "GroupName", "opt-in-status": "OptInStatus", "zone-type": "ZoneType"}
    zones = [z for z in zones if matches(request.get("Filters"), lambda n, z=z: [z[known[n]]] if n in known else None)]
    dry_run(request)
    return {"AvailabilityZones": zones}


def install() -> None:
    """Move ministack's default subnets into the zones that exist."""
    import ministack.services.ec2 as ec2

    ec2._ensure_defaults_initialized()
    for zone, subnet in SUBNETS.items():
        ec2._subnets[subnet]["AvailabilityZone"] = zone
        if "AvailabilityZoneId" in ec2._subnets[subnet]:
            ec2._subnets[subnet]["AvailabilityZoneId"] = ZONES[zone]
