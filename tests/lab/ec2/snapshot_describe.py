"""DescribeSnapshots and DescribeSnapshotAttribute."""

from __future__ import annotations

from typing import Any

from ..wire import AwsError
from . import snapshots
from .api import action, described, dry_run, matches, page, required, tag_fields
from .model import OWNER
from .volume_describe import text

_FIELDS = {
    "description": "Description",
    "encrypted": "Encrypted",
    "owner-id": "OwnerId",
    "progress": "Progress",
    "snapshot-id": "SnapshotId",
    "start-time": "StartTime",
    "status": "State",
    "storage-tier": "StorageTier",
    "transfer-type": "TransferType",
    "volume-id": "VolumeId",
    "volume-size": "VolumeSize",
}
_OWNERS = frozenset({"self", "amazon", "aws-marketplace", "aws-backup-vault"})


def _fields(r: dict[str, Any], name: str) -> list[str] | None:
    if name in _FIELDS:
        value = r.get(_FIELDS[name])
        return [] if value in (None, "") else [text(value)]
    if name == "owner-alias":
        return []  # no snapshot of the lab belongs to amazon
    return tag_fields({t["Key"]: t["Value"] for t in r["Tags"]}, name)


def _ours(users: list[str], words: frozenset[str]) -> bool:
    """Whether the lab's account is among `users`: account ids, or some of `words`."""
    for user in users:
        if user not in words and not (user.isdigit() and len(user) == 12):
            raise AwsError("InvalidUserID.Malformed", f'Invalid user id: "{user}"')
    return "self" in users or OWNER in users


@action("DescribeSnapshots")
def describe_snapshots(request: dict[str, Any]) -> dict[str, Any]:
    ids = request.get("SnapshotIds") or []
    if ids and request.get("MaxResults") is not None:
        message = "The parameter SnapshotIds cannot be used with the parameter MaxResults"
        raise AwsError("InvalidParameterCombination", message)
    found = described(snapshots.of_region(), ids, "snap", lambda r: r["State"] == "deleted", request)
    owners, users = request.get("OwnerIds") or [], request.get("RestorableByUserIds") or []
    mine = not owners or _ours(owners, _OWNERS)
    # `all` asks for public snapshots, and the lab has none
    mine = mine and (not users or _ours(users, frozenset({"self", "all"})))
    found = [r for r in found if matches(request.get("Filters"), lambda name, r=r: _fields(r, name)) and mine]
    dry_run(request)
    return page(found, request, "Snapshots")


@action("DescribeSnapshotAttribute")
def describe_snapshot_attribute(request: dict[str, Any]) -> dict[str, Any]:
    """No snapshot of the lab is shared or has product codes."""
    required(request, "Attribute", "SnapshotId")
    lists = {"createVolumePermission": "CreateVolumePermissions", "productCodes": "ProductCodes"}
    if request["Attribute"] not in lists:
        raise AwsError("InvalidParameterValue", f"Value ({request['Attribute']}) for parameter attribute is invalid.")
    snapshot = snapshots.get(request["SnapshotId"])
    dry_run(request)
    return {"SnapshotId": snapshot.id, lists[request["Attribute"]]: []}
