"""What an EBS snapshot is: its state over time, its frozen bytes, and the events at its end.

A snapshot's point in time is the call that made it; `pending` only means that the bytes are still on their way to S3.
Deleted snapshots stay in the store with the state `deleted`, invisible to every call, so that a stale describe and the
oracles still find them. The Recycle Bin is not modelled: a deleted snapshot never becomes `recoverable`.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

from .. import context
from ..wire import AwsError
from . import notices
from .api import check_id, not_found
from .blocks import SIZE, Blocks
from .model import OWNER, Resource, here, new_id, store

STEPS = 10  # how often Progress moves between the call and the end


class Snapshot(Resource):
    """One EBS snapshot. `state` is pending, completed, error or deleted; times are lab time, sizes GiB."""

    def __init__(
        self,
        volume_id: str,
        gib: int,
        blocks: Blocks,
        *,
        description: str = "",
        tags: dict[str, str] | None = None,
        kms_key_id: str | None = None,
    ) -> None:
        self.id = new_id("snap")
        self.region = here()
        self.volume_id = volume_id
        self.gib = gib
        self.blocks = blocks.copy()  # frozen here: later writes to the source must not show
        self.description = description
        self.tags = dict(tags or {})
        self.kms_key_id = kms_key_id
        self.state = "pending"
        self.state_message = ""
        self.progress = 0  # percent
        self.start_time = context.lab.clock.now()
        self.completion_time: datetime.datetime | None = None
        self.storage_tier = "standard"  # or "archive"
        self.tiering: Any = None  # snapshot_tiers.Tiering of the last move between tiers
        self.restore_expiry: datetime.datetime | None = None
        self.lock: Any = None  # snapshot_locks.Lock
        self.request_id = notices.request_id()
        self.completion_minutes: int | None = None  # of a time-based copy
        self.began = context.lab.clock.monotonic()
        self.busy_until = 0.0  # lab time up to which it counts as in progress, even when it was deleted before

    @property
    def encrypted(self) -> bool:
        return self.kms_key_id is not None

    @property
    def arn(self) -> str:
        return f"arn:aws:ec2:{self.region}::snapshot/{self.id}"

    def state_name(self) -> str:
        return self.state

    def render(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "SnapshotId": self.id,
            "VolumeId": self.volume_id,
            "VolumeSize": self.gib,
            "State": self.state,
            "Progress": f"{self.progress}%",
            "StartTime": self.start_time,
            "OwnerId": OWNER,
            "Description": self.description,
            "Encrypted": self.encrypted,
            "StorageTier": self.storage_tier,
            "SseType": "sse-kms" if self.encrypted else "none",
            "TransferType": "time-based" if self.completion_minutes else "standard",
            "Tags": self.tag_list(),
        }
        if self.encrypted:
            out["KmsKeyId"] = self.kms_key_id
        if self.state_message:
            out["StateMessage"] = self.state_message
        if self.completion_time:
            out["CompletionTime"] = self.completion_time
            out["FullSnapshotSizeInBytes"] = len(self.blocks.used()) * SIZE
        if self.completion_minutes:
            out["CompletionDurationMinutes"] = self.completion_minutes
        if self.restore_expiry:
            out["RestoreExpiryTime"] = self.restore_expiry
        return out

    def usable_for_volume(self) -> None:
        """Raises IncorrectState unless a volume can be made from this snapshot now."""
        if self.state != "completed":
            raise AwsError("IncorrectState", f"Snapshot '{self.id}' is not 'completed'.")
        if self.storage_tier == "archive" and self.restore_expiry is None:
            raise AwsError("IncorrectState", f"Snapshot '{self.id}' is archived. Restore it before you use it.")

    def begin(self, seconds: float, fails: str, done: Callable[[Snapshot], None]) -> None:
        """Into the store as `pending` for `seconds`; ends `completed` or, with a cause, `error`. Then `done(self)`."""
        lab = context.lab
        store.snapshots[self.id] = self
        self.busy_until = self.began + seconds
        for step in range(1, STEPS):
            lab.timers.after(seconds * step / STEPS, lambda step=step: self._advance(100 * step // STEPS))
        lab.timers.after(seconds, lambda: self._end(fails, done))
        self.touch()

    def delete(self) -> None:
        """Gone for EC2 at once; what is under way for a pending one goes on to its end unseen."""
        self.state = "deleted"
        self.touch()

    def _advance(self, percent: int) -> None:
        with context.lab.lock:
            if self.state == "pending":
                self.progress = percent
                self.touch()

    def _end(self, fails: str, done: Callable[[Snapshot], None]) -> None:
        with context.lab.lock:
            if self.state != "pending":  # deleted meanwhile: no event tells of its end
                return
            if fails:
                self.state, self.state_message = "error", fails
            else:
                self.state, self.progress = "completed", 100
                self.completion_time = context.lab.clock.now()
            self.touch()
            done(self)


def of_region(region: str | None = None) -> dict[str, Snapshot]:
    """The snapshots of a region, deleted ones too; without one: of the region of the call being served."""
    region = region or here()
    return {each.id: each for each in store.snapshots.values() if each.region == region}


def get(snapshot_id: str, region: str | None = None) -> Snapshot:
    """The snapshot of that id there; raises InvalidSnapshotID.Malformed or InvalidSnapshot.NotFound."""
    snapshot = store.snapshots.get(check_id(snapshot_id, "snap"))
    if snapshot is None or snapshot.state == "deleted" or snapshot.region != (region or here()):
        raise not_found(snapshot_id, "snap")
    return snapshot
