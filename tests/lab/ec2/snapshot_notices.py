"""The events of snapshots and fast snapshot restores, in the shapes of the EBS user guide's "EventBridge events".

ARNs in snapshot events have region and account swapped there (`arn:aws:ec2::<region>:snapshot/…`); so they are here.
"""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from .. import context
from .model import Resource
from .snapshots import Snapshot


def _arn(kind: str, resource_id: str) -> str:
    return f"arn:aws:ec2::{context.REGION}:{kind}/{resource_id}"


def _send(detail_type: str, detail: dict[str, Any], resources: list[str]) -> None:
    from .. import events  # late: events.py needs ministack's event bus, which must not be imported before patches

    events.emit("aws.ec2", detail_type, detail, resources)


def _times(start: datetime.datetime) -> dict[str, str]:
    return {"startTime": f"{start:%Y-%m-%dT%H:%M:%SZ}", "endTime": f"{context.lab.clock.now():%Y-%m-%dT%H:%M:%SZ}"}


def created(snapshot: Snapshot) -> None:
    """The end of CreateSnapshot."""
    _ended("createSnapshot", snapshot, _arn("volume", snapshot.volume_id), {})


def copied(snapshot: Snapshot, source_id: str) -> None:
    transfer = "time-based" if snapshot.completion_minutes else "standard"
    extra = {"incremental": "true", "transferType": transfer} if snapshot.state == "completed" else {}
    if extra and snapshot.completion_minutes:
        extra["completionDurationStartTime"] = f"{snapshot.start_time:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
    _ended("copySnapshot", snapshot, _arn("snapshot", source_id), extra)


def _ended(event: str, snapshot: Snapshot, source: str, extra: dict[str, str]) -> None:
    if snapshot.region != context.REGION:
        return  # the event goes to that region's own bus, which the lab has not
    arn = _arn("snapshot", snapshot.id)
    detail = {
        "event": event,
        "result": "succeeded" if snapshot.state == "completed" else "failed",
        "cause": snapshot.state_message,
        "request-id": snapshot.request_id,
        "snapshot_id": arn,
        "source": source,
        **_times(snapshot.start_time),
        **extra,
    }
    _send("EBS Snapshot Notification", detail, [arn])


def set_created(snapshots: Sequence[Snapshot]) -> None:
    """The end of CreateSnapshots: every member has ended. A failure names those that failed, and no others."""
    failed = [s for s in snapshots if s.state != "completed"]
    named = failed or snapshots
    detail = {
        "event": "createSnapshots",
        "result": "failed" if failed else "succeeded",
        "cause": f"Snapshot {failed[0].id} is in status error" if failed else "",
        "request-id": snapshots[0].request_id,
        **_times(snapshots[0].start_time),
        "snapshots": [
            {"snapshot_id": _arn("snapshot", s.id), "source": _arn("volume", s.volume_id), "status": s.state}
            for s in named
        ],
    }
    resources = [_arn("snapshot", s.id) for s in named]
    _send("EBS Multi-Volume Snapshots Completion Status", detail, resources)


def fast_restore(snapshot_id: str, az: str, restore: Resource, message: str) -> None:
    detail = {"snapshot-id": snapshot_id, "state": restore.state_name(), "zone": az, "message": message}
    resources = [f"arn:aws:ec2:{context.REGION}::snapshot/{snapshot_id}"]
    _send("EBS Fast Snapshot Restore State-change Notification", detail, resources)
