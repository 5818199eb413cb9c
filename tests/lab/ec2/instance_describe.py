"""DescribeInstances and DescribeInstanceStatus."""

from __future__ import annotations

from typing import Any

from .. import context
from ..wire import AwsError
from .api import action, described, dry_run, matches, page, tag_fields
from .instances import gone
from .model import OWNER, store
from .volume_describe import text
from .zones import ZONES

_FIELDS = {
    "architecture": "Architecture",
    "hypervisor": "Hypervisor",
    "image-id": "ImageId",
    "instance-id": "InstanceId",
    "instance-lifecycle": "InstanceLifecycle",
    "instance-type": "InstanceType",
    "launch-time": "LaunchTime",
    "private-dns-name": "PrivateDnsName",
    "private-ip-address": "PrivateIpAddress",
    "reason": "StateTransitionReason",
    "root-device-name": "RootDeviceName",
    "root-device-type": "RootDeviceType",
    "source-dest-check": "SourceDestCheck",
    "spot-instance-request-id": "SpotInstanceRequestId",
    "subnet-id": "SubnetId",
    "virtualization-type": "VirtualizationType",
    "vpc-id": "VpcId",
}
_MAPPING = {
    "block-device-mapping.attach-time": "AttachTime",
    "block-device-mapping.delete-on-termination": "DeleteOnTermination",
    "block-device-mapping.status": "Status",
    "block-device-mapping.volume-id": "VolumeId",
}


def _fields(r: dict[str, Any], name: str) -> list[str] | None:
    nested: dict[str, Any] = {
        "availability-zone": r["Placement"]["AvailabilityZone"],
        "availability-zone-id": ZONES[r["Placement"]["AvailabilityZone"]],
        "instance-state-name": r["State"]["Name"],
        "instance-state-code": r["State"]["Code"],
        "state-reason-code": r.get("StateReason", {}).get("Code"),
        "state-reason-message": r.get("StateReason", {}).get("Message"),
        "iam-instance-profile.arn": r.get("IamInstanceProfile", {}).get("Arn"),
        "tenancy": "default",
        "owner-id": OWNER,
        "reservation-id": store.instances[r["InstanceId"]].reservation_id,
    }
    if name in nested or name in _FIELDS:
        value = nested[name] if name in nested else r.get(_FIELDS[name])
        return [] if value in (None, "") else [text(value)]
    if name in _MAPPING:
        return [text(m["Ebs"][_MAPPING[name]]) for m in r["BlockDeviceMappings"]]
    if name == "block-device-mapping.device-name":
        return [m["DeviceName"] for m in r["BlockDeviceMappings"]]
    return tag_fields({t["Key"]: t["Value"] for t in r["Tags"]}, name)


def _visible(request: dict[str, Any]) -> list[dict[str, Any]]:
    if request.get("InstanceIds") and request.get("MaxResults") is not None:
        message = "The parameter instancesSet cannot be used with the parameter maxResults"
        raise AwsError("InvalidParameterCombination", message)
    return described(
        store.instances, request.get("InstanceIds"), "i", lambda r: gone(store.instances[r["InstanceId"]]), request
    )


@action("DescribeInstances")
def describe_instances(request: dict[str, Any]) -> dict[str, Any]:
    found = [r for r in _visible(request) if matches(request.get("Filters"), lambda n, r=r: _fields(r, n))]
    dry_run(request)
    paged = page(found, request, "Instances")
    reservations: dict[str, dict[str, Any]] = {}
    for r in paged.pop("Instances"):
        reservation_id = store.instances[r["InstanceId"]].reservation_id
        empty: dict[str, Any] = {"ReservationId": reservation_id, "OwnerId": OWNER, "Groups": [], "Instances": []}
        reservations.setdefault(reservation_id, empty)["Instances"].append(r)
    return {"Reservations": list(reservations.values()), **paged}


def _check(r: dict[str, Any]) -> str:
    """The status of the system, instance and attached EBS checks, which pass together in the lab."""
    if r["State"]["Name"] != "running":
        return "not-applicable"
    instance = store.instances[r["InstanceId"]]
    age = context.lab.clock.monotonic() - instance.started_at
    return "ok" if age >= context.lab.timing.status_checks else "initializing"


@action("DescribeInstanceStatus")
def describe_instance_status(request: dict[str, Any]) -> dict[str, Any]:
    out = []
    for r in _visible(request):
        if not request.get("IncludeAllInstances") and r["State"]["Name"] != "running":
            continue
        status = _check(r)
        reachability = {"ok": "passed", "initializing": "initializing"}.get(status)
        known: dict[str, list[str]] = {
            "availability-zone": [r["Placement"]["AvailabilityZone"]],
            "availability-zone-id": [ZONES[r["Placement"]["AvailabilityZone"]]],
            "instance-state-name": [r["State"]["Name"]],
            "instance-state-code": [str(r["State"]["Code"])],
        }
        for kind in ("instance-status", "system-status", "attached-ebs-status"):
            known[f"{kind}.status"] = [status]
            known[f"{kind}.reachability"] = [reachability] if reachability else []
        if not matches(request.get("Filters"), lambda n, k=known: k.get(n, [] if n.startswith("event.") else None)):
            continue
        detail: dict[str, Any] = {"Status": status}
        if reachability:
            detail["Details"] = [{"Name": "reachability", "Status": reachability}]
        out.append(
            {
                "InstanceId": r["InstanceId"],
                "AvailabilityZone": r["Placement"]["AvailabilityZone"],
                "AvailabilityZoneId": ZONES[r["Placement"]["AvailabilityZone"]],
                "InstanceState": r["State"],
                "InstanceStatus": detail,
                "SystemStatus": detail,
                "AttachedEbsStatus": detail,
                "Events": [],
            }
        )
    dry_run(request)
    return page(out, request, "InstanceStatuses")
