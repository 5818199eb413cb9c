"""DescribeVolumes, DescribeVolumeStatus and DescribeVolumeAttribute."""

from __future__ import annotations

from typing import Any

from ..wire import AwsError
from . import volumes
from .api import action, described, dry_run, matches, page, required, tag_fields
from .model import store

_FIELDS = {
    "availability-zone": "AvailabilityZone",
    "availability-zone-id": "AvailabilityZoneId",
    "encrypted": "Encrypted",
    "fast-restored": "FastRestored",
    "multi-attach-enabled": "MultiAttachEnabled",
    "size": "Size",
    "snapshot-id": "SnapshotId",
    "source-volume-id": "SourceVolumeId",
    "status": "State",
    "volume-id": "VolumeId",
    "volume-type": "VolumeType",
    "create-time": "CreateTime",
}
_ATTACHMENT = {
    "attachment.attach-time": "AttachTime",
    "attachment.delete-on-termination": "DeleteOnTermination",
    "attachment.device": "Device",
    "attachment.instance-id": "InstanceId",
    "attachment.status": "State",
}


def text(value: Any) -> str:
    """A value as a filter compares it: `true`, `20`, `2026-01-02T03:04:05.000Z`."""
    if isinstance(value, bool):
        return str(value).lower()
    if hasattr(value, "isoformat"):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    return str(value)


def _fields(r: dict[str, Any], name: str) -> list[str] | None:
    if name in _FIELDS:
        value = r.get(_FIELDS[name])
        return [] if value in (None, "") else [text(value)]
    if name in _ATTACHMENT:
        return [text(a[_ATTACHMENT[name]]) for a in r["Attachments"]]
    if name == "operator.managed":
        return ["false"]
    if name == "operator.principal":
        return []
    return tag_fields({t["Key"]: t["Value"] for t in r["Tags"]}, name)


def _visible(request: dict[str, Any]) -> list[dict[str, Any]]:
    return described(store.volumes, request.get("VolumeIds"), "vol", lambda r: r["State"] == "deleted", request)


@action("DescribeVolumes")
def describe_volumes(request: dict[str, Any]) -> dict[str, Any]:
    found = [r for r in _visible(request) if matches(request.get("Filters"), lambda n, r=r: _fields(r, n))]
    dry_run(request)
    return page(found, request, "Volumes")


@action("DescribeVolumeStatus")
def describe_volume_status(request: dict[str, Any]) -> dict[str, Any]:
    out = []
    for r in _visible(request):
        status = "insufficient-data" if r["State"] == "creating" else "ok"
        details = [
            {"Name": "io-enabled", "Status": "passed" if status == "ok" else "insufficient-data"},
            {"Name": "io-performance", "Status": "not-applicable"},
        ]

        def fields(name: str, r: dict = r, status: str = status, details: list = details) -> list[str] | None:
            known = {
                "availability-zone": [r["AvailabilityZone"]],
                "volume-status.status": [status],
                "volume-status.details-name": [d["Name"] for d in details],
                "volume-status.details-status": [d["Status"] for d in details],
            }
            return known.get(name, [] if name.startswith(("action.", "event.")) else None)

        if not matches(request.get("Filters"), fields):
            continue
        item: dict[str, Any] = {
            "VolumeId": r["VolumeId"],
            "AvailabilityZone": r["AvailabilityZone"],
            "AvailabilityZoneId": r["AvailabilityZoneId"],
            "VolumeStatus": {"Status": status, "Details": details},
            "Actions": [],
            "Events": [],
            "AttachmentStatuses": [
                {"InstanceId": a["InstanceId"], "IoPerformance": "normal"} for a in r["Attachments"]
            ],
        }
        initialization = store.volumes[r["VolumeId"]].initialization()
        if initialization:
            item["InitializationStatusDetails"] = initialization
        out.append(item)
    dry_run(request)
    return page(out, request, "VolumeStatuses")


@action("DescribeVolumeAttribute")
def describe_volume_attribute(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "VolumeId", "Attribute")
    volume = volumes.get(request["VolumeId"])
    answers: dict[str, dict[str, Any]] = {
        "autoEnableIO": {"AutoEnableIO": {"Value": False}},
        "productCodes": {"ProductCodes": []},
    }
    if request["Attribute"] not in answers:
        message = f"Value ({request['Attribute']}) for parameter attribute is invalid. Unknown attribute."
        raise AwsError("InvalidParameterValue", message)
    dry_run(request)
    return {"VolumeId": volume.id, **answers[request["Attribute"]]}
