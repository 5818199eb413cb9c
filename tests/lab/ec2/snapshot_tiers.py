"""EBS Snapshots Archive: ModifySnapshotTier, RestoreSnapshotTier, DescribeSnapshotTierStatus.

A snapshot stays usable while it is being archived and is not usable from `archival-completed` until a restore ends.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from .. import context
from ..wire import AwsError
from . import fsr, snapshots
from .api import action, dry_run, matches, page, required, tag_fields
from .model import OWNER
from .snapshots import Snapshot

MAX_DAYS = 180  # of a temporary restore


@dataclass
class Tiering:
    """The latest move of a snapshot between tiers."""

    started: datetime.datetime
    status: str  # <archival|temporary-restore|permanent-restore>-<in-progress|completed>
    archived: datetime.datetime | None = None  # when the archival that it is in, or was, completed


def _busy(snapshot: Snapshot) -> bool:
    return snapshot.tiering is not None and snapshot.tiering.status.endswith("in-progress")


@action("ModifySnapshotTier")
def modify_snapshot_tier(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "SnapshotId")
    if request.get("StorageTier", "archive") != "archive":
        raise AwsError(
            "InvalidParameterValue", f"Value ({request['StorageTier']}) for parameter storageTier is invalid."
        )
    snapshot = snapshots.get(request["SnapshotId"])
    if snapshot.state != "completed":
        raise AwsError("IncorrectState", f"Snapshot '{snapshot.id}' is not 'completed'.")
    temporary = snapshot.restore_expiry is not None
    if _busy(snapshot) or (snapshot.storage_tier == "archive" and not temporary):
        raise AwsError("IncorrectState", f"Snapshot '{snapshot.id}' is archived or moving between tiers.")
    dry_run(request)
    tiering = snapshot.tiering = Tiering(context.lab.clock.now(), "archival-in-progress")
    snapshot.touch()

    def done() -> None:
        with context.lab.lock:
            if snapshot.state == "deleted" or snapshot.tiering is not tiering:
                return
            tiering.status, tiering.archived = "archival-completed", context.lab.clock.now()
            snapshot.storage_tier, snapshot.restore_expiry = "archive", None
            snapshot.touch()
            fsr.snapshot_gone(snapshot.id, archived=True)  # the guide: FSR is disabled once the snapshot is archived

    context.lab.timers.after(context.lab.timing.snapshot_archive, done)
    return {"SnapshotId": snapshot.id, "TieringStartTime": tiering.started}


@action("RestoreSnapshotTier")
def restore_snapshot_tier(request: dict[str, Any]) -> dict[str, Any]:
    """For TemporaryRestoreDays (1 if nothing is said) or, with PermanentRestore, for good."""
    required(request, "SnapshotId")
    days, permanent = request.get("TemporaryRestoreDays"), bool(request.get("PermanentRestore"))
    if permanent and days is not None:
        message = "TemporaryRestoreDays and PermanentRestore cannot be used together."
        raise AwsError("InvalidParameterCombination", message)
    days = 1 if days is None else days
    if not 1 <= days <= MAX_DAYS:
        message = f"Value ({days}) for parameter temporaryRestoreDays is invalid. Expecting 1 to {MAX_DAYS}."
        raise AwsError("InvalidParameterValue", message)
    snapshot = snapshots.get(request["SnapshotId"])
    if snapshot.storage_tier != "archive" or _busy(snapshot):
        raise AwsError("IncorrectState", f"Snapshot '{snapshot.id}' is not archived or is being restored.")
    dry_run(request)
    lab = context.lab
    kind = "permanent-restore" if permanent else "temporary-restore"
    archived = snapshot.tiering.archived
    tiering = snapshot.tiering = Tiering(lab.clock.now(), f"{kind}-in-progress", archived)
    snapshot.touch()

    def done() -> None:
        with lab.lock:
            if snapshot.state == "deleted" or snapshot.tiering is not tiering:
                return
            tiering.status = f"{kind}-completed"
            if permanent:
                snapshot.storage_tier, snapshot.restore_expiry = "standard", None
            else:
                seconds = days * lab.timing.snapshot_day
                snapshot.restore_expiry = lab.clock.now() + datetime.timedelta(seconds=seconds)
                lab.timers.after(seconds, expired)
            snapshot.touch()

    def expired() -> None:
        with lab.lock:
            if snapshot.state != "deleted" and snapshot.tiering is tiering:
                snapshot.restore_expiry = None
                tiering.status = "archival-completed"
                snapshot.touch()
                fsr.snapshot_gone(snapshot.id, archived=True)

    lab.timers.after(lab.timing.snapshot_restore, done)
    out: dict[str, Any] = {"SnapshotId": snapshot.id, "RestoreStartTime": tiering.started}
    return out | {"IsPermanentRestore": permanent} | ({} if permanent else {"RestoreDuration": days})


def _status(snapshot: Snapshot) -> dict[str, Any]:
    out: dict[str, Any] = {
        "SnapshotId": snapshot.id,
        "VolumeId": snapshot.volume_id,
        "Status": snapshot.state,
        "OwnerId": OWNER,
        "Tags": snapshot.tag_list(),
        "StorageTier": snapshot.storage_tier,
    }
    tiering = snapshot.tiering
    if tiering:
        out["LastTieringStartTime"] = tiering.started
        out["LastTieringOperationStatus"] = tiering.status
        out["LastTieringProgress"] = 0 if _busy(snapshot) else 100
        if tiering.archived:
            out["ArchivalCompleteTime"] = tiering.archived
    if snapshot.restore_expiry:
        out["RestoreExpiryTime"] = snapshot.restore_expiry
    return out


def _fields(r: dict[str, Any], name: str) -> list[str] | None:
    known = {
        "snapshot-id": "SnapshotId",
        "volume-id": "VolumeId",
        "last-tiering-operation": "LastTieringOperationStatus",
    }
    if name in known:
        return [r[known[name]]] if known[name] in r else []
    return tag_fields({t["Key"]: t["Value"] for t in r["Tags"]}, name)


@action("DescribeSnapshotTierStatus")
def describe_snapshot_tier_status(request: dict[str, Any]) -> dict[str, Any]:
    found = [_status(s) for s in snapshots.of_region().values() if s.state != "deleted"]
    found = [r for r in found if matches(request.get("Filters"), lambda name, r=r: _fields(r, name))]
    dry_run(request)
    return page(found, request, "SnapshotTierStatuses")
