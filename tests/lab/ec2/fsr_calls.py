"""EnableFastSnapshotRestores, DisableFastSnapshotRestores and DescribeFastSnapshotRestores.

Enabling and disabling never fail as a whole for one pair: each (snapshot, AZ) is either Successful or Unsuccessful.
AWS publishes no list of the codes in Unsuccessful items; those here are EC2's own for the same causes where it has one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import context, quotas
from ..control import op
from ..wire import AwsError
from .api import action, check_id, dry_run, matches, not_found, page, required
from .fsr import SETTLED, Restore
from .model import store
from .zones import ZONES

MAX_PER_CALL = 10  # "Number of values of parameter SourceSnapshotIds must be less than or equal to 10."
MAX_GIB = 16 * 1024

_forced: list[tuple[str | None, str]] = []  # (AZ or None for any, code): pairs to come out as Unsuccessful


@op("fsr_unsuccessful")
def fsr_unsuccessful(code: str = "InsufficientCapacity", az: str | None = None, times: int = 1) -> None:
    """The next `times` pairs that are enabled (in that AZ) are Unsuccessful with `code`."""
    if az is not None and az not in ZONES:
        raise ValueError(f"unknown AZ {az!r}; known: {', '.join(ZONES)}")
    with context.lab.lock:
        _forced.extend([(az, code)] * times)


@op("fsr_fail")
def fsr_fail(snapshot_id: str, az: str, reason: str = "") -> None:
    """A restore goes to disabling and disabled by itself, as for want of capacity."""
    default = "Server.InsufficientCapacity - There was insufficient capacity available to satisfy the request"
    with context.lab.lock:
        store.fsr[(snapshot_id, az)].disable(reason or default)


def _zones(request: dict[str, Any]) -> list[str]:
    names, ids = request.get("AvailabilityZones") or [], request.get("AvailabilityZoneIds") or []
    if names and ids:
        message = "Specify either AvailabilityZones or AvailabilityZoneIds, not both."
        raise AwsError("InvalidParameterCombination", message)
    if not names and not ids:
        raise AwsError("MissingParameter", "The request must contain the parameter AvailabilityZones")
    by_id = {zone_id: name for name, zone_id in ZONES.items()}
    return list(dict.fromkeys(names or [by_id.get(each, each) for each in ids]))


def _each_pair(request: dict[str, Any], refuse: Callable[[str, str], AwsError | None], act: Callable[[Restore], None]):
    """The response: `act` on every pair that is not refused."""
    required(request, "SourceSnapshotIds")
    snapshot_ids, zones = list(dict.fromkeys(request["SourceSnapshotIds"])), _zones(request)
    if len(snapshot_ids) > MAX_PER_CALL:
        message = f"Number of values of parameter SourceSnapshotIds must be less than or equal to {MAX_PER_CALL}."
        raise AwsError("InvalidRequest", message)
    for each in snapshot_ids:
        check_id(each, "snap")
    dry_run(request)
    successful, unsuccessful = [], []
    for snapshot_id in snapshot_ids:
        errors = []
        for az in zones:
            error = refuse(snapshot_id, az)
            if error:
                item = {"AvailabilityZone": az, "Error": {"Code": error.code, "Message": error.message}}
                errors.append(item | ({"AvailabilityZoneId": ZONES[az]} if az in ZONES else {}))
                continue
            restore = store.fsr.setdefault((snapshot_id, az), Restore(snapshot_id, az))
            act(restore)
            successful.append(restore.render())
        if errors:
            unsuccessful.append({"SnapshotId": snapshot_id, "FastSnapshotRestoreStateErrors": errors})
    return {"Successful": successful, "Unsuccessful": unsuccessful}


def _refuse_enable(snapshot_id: str, az: str) -> AwsError | None:
    if az not in ZONES:
        return AwsError("InvalidParameterValue", f"Invalid availability zone: [{az}]")
    snapshot = store.snapshots.get(snapshot_id)
    if snapshot is None or snapshot.state == "deleted":
        return not_found(snapshot_id, "snap")
    # a pending one may be enabled: its restore waits for it (aws-ebs-csi-driver enables right after CreateSnapshot)
    archived = snapshot.storage_tier == "archive" and snapshot.restore_expiry is None
    if snapshot.state == "error" or archived:
        return AwsError("InvalidSnapshot.InvalidState", f"The snapshot '{snapshot_id}' is not in a valid state.")
    if snapshot.gib > MAX_GIB:
        return AwsError("InvalidParameterValue", f"Snapshots of more than {MAX_GIB} GiB have no fast snapshot restore.")
    restore = store.fsr.get((snapshot_id, az))
    if restore and restore.state == "disabling":
        return AwsError("InvalidState", f"Fast snapshot restore of {snapshot_id} in {az} is being disabled.")
    if restore and restore.state in SETTLED:
        return None
    for item in _forced:
        if item[0] in (None, az):
            _forced.remove(item)
            return AwsError(item[1], f"Fast snapshot restore of {snapshot_id} in {az} could not be enabled.")
    # a restore that is being disabled still counts; one snapshot counts once, in however many AZs
    counted = {r.snapshot_id for r in store.fsr.values() if r.state != "disabled"} | {snapshot_id}
    most = int(quotas.value(quotas.FAST_RESTORES))
    if len(counted) > most:
        message = f"You have reached the limit of {most} snapshots with fast snapshot restore."
        return AwsError("FastSnapshotRestoreLimitExceeded", message)
    return None


@action("EnableFastSnapshotRestores")
def enable_fast_snapshot_restores(request: dict[str, Any]) -> dict[str, Any]:
    """A pair that is enabled or being enabled stays as it is and is Successful."""
    return _each_pair(request, _refuse_enable, lambda r: r.enable() if r.state not in SETTLED else None)


def _refuse_disable(snapshot_id: str, az: str) -> AwsError | None:
    if az not in ZONES:
        return AwsError("InvalidParameterValue", f"Invalid availability zone: [{az}]")
    restore = store.fsr.get((snapshot_id, az))
    if restore is None or restore.state not in SETTLED:
        return AwsError("InvalidState", f"Fast snapshot restore of {snapshot_id} is not enabled in {az}.")
    return None


@action("DisableFastSnapshotRestores")
def disable_fast_snapshot_restores(request: dict[str, Any]) -> dict[str, Any]:
    return _each_pair(request, _refuse_disable, lambda r: r.disable())


@action("DescribeFastSnapshotRestores")
def describe_fast_snapshot_restores(request: dict[str, Any]) -> dict[str, Any]:
    known = {"snapshot-id": "SnapshotId", "availability-zone": "AvailabilityZone", "state": "State"}
    known |= {"owner-id": "OwnerId", "availability-zone-id": "AvailabilityZoneId"}
    seen = [rendering for r in store.fsr.values() if (rendering := r.seen()) is not None]
    found = [r for r in seen if matches(request.get("Filters"), lambda n, r=r: [r[known[n]]] if n in known else None)]
    dry_run(request)
    return page(found, request, "FastSnapshotRestores")
