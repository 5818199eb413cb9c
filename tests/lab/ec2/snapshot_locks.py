"""LockSnapshot, UnlockSnapshot, DescribeLockedSnapshots: a locked snapshot cannot be deleted.

The code of that refusal is in no public list of EC2 error codes; `SnapshotLocked` stands for it here.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from .. import context
from ..wire import AwsError
from . import snapshots
from .api import action, check_id, dry_run, matches, page, required
from .model import OWNER
from .snapshots import Snapshot

MAX_DAYS = 36_500
MAX_COOL_OFF = 72  # hours


@dataclass
class Lock:
    mode: str  # governance or compliance
    days: int
    created: datetime.datetime
    expires: datetime.datetime
    cool_off: int | None = None  # hours
    cool_off_ends: datetime.datetime | None = None

    def state(self) -> str:
        now = context.lab.clock.now()
        if now >= self.expires:
            return "expired"
        if self.cool_off_ends and now < self.cool_off_ends:
            return "compliance-cooloff"
        return self.mode

    def render(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "LockState": self.state(),
            "LockDuration": self.days,
            "LockCreatedOn": self.created,
            "LockDurationStartTime": self.created,
            "LockExpiresOn": self.expires,
        }
        if self.cool_off:
            out |= {"CoolOffPeriod": self.cool_off, "CoolOffPeriodExpiresOn": self.cool_off_ends}
        return out


def check_unlocked(snapshot: Snapshot) -> None:
    """Raises SnapshotLocked if the snapshot may not be deleted now."""
    if snapshot.lock and snapshot.lock.state() != "expired":
        raise AwsError("SnapshotLocked", f"The snapshot {snapshot.id} is locked until {snapshot.lock.expires}.")


def _day() -> datetime.timedelta:
    return datetime.timedelta(seconds=context.lab.timing.snapshot_day)


def _new_lock(request: dict[str, Any]) -> Lock:
    mode, days, until = request["LockMode"], request.get("LockDuration"), request.get("ExpirationDate")
    cool_off = request.get("CoolOffPeriod")
    if mode not in ("governance", "compliance"):
        raise AwsError("InvalidParameterValue", f"Value ({mode}) for parameter lockMode is invalid.")
    if (days is None) == (until is None):
        raise AwsError("InvalidParameterCombination", "Specify either LockDuration or ExpirationDate.")
    if cool_off is not None and mode == "governance":
        raise AwsError("InvalidParameterCombination", "CoolOffPeriod cannot be used with the lock mode governance.")
    if cool_off is not None and not 1 <= cool_off <= MAX_COOL_OFF:
        raise AwsError("InvalidParameterValue", f"CoolOffPeriod is 1 to {MAX_COOL_OFF} hours, not {cool_off}.")
    now = context.lab.clock.now()
    if until is not None:
        until = until if until.tzinfo else until.replace(tzinfo=datetime.UTC)
        days = round((until - now) / _day())
        if until < now + _day():
            raise AwsError("InvalidParameterValue", "ExpirationDate must be at least one day from now.")
    if not 1 <= days <= MAX_DAYS:
        raise AwsError("InvalidParameterValue", f"LockDuration is 1 to {MAX_DAYS} days, not {days}.")
    lock = Lock(mode, days, now, until or now + days * _day())
    if cool_off:
        lock.cool_off, lock.cool_off_ends = cool_off, now + cool_off * _day() / 24
    return lock


@action("LockSnapshot")
def lock_snapshot(request: dict[str, Any]) -> dict[str, Any]:
    """A lock in compliance mode, its cooling-off over, can only be made longer."""
    required(request, "SnapshotId", "LockMode")
    snapshot, lock = snapshots.get(request["SnapshotId"]), _new_lock(request)
    if snapshot.state not in ("pending", "completed"):
        raise AwsError("IncorrectState", f"Snapshot '{snapshot.id}' is in the state '{snapshot.state}'.")
    old = snapshot.lock
    longer = lock.mode == "compliance" and not lock.cool_off and old and lock.expires > old.expires
    if old and old.state() == "compliance" and not longer:
        raise AwsError("SnapshotLocked", f"The lock of {snapshot.id} can only be extended.")
    dry_run(request)
    snapshot.lock = lock
    return {"SnapshotId": snapshot.id, **lock.render()}


@action("UnlockSnapshot")
def unlock_snapshot(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "SnapshotId")
    snapshot = snapshots.get(request["SnapshotId"])
    if snapshot.lock is None:
        raise AwsError("IncorrectState", f"The snapshot {snapshot.id} is not locked.")
    if snapshot.lock.state() == "compliance":
        raise AwsError("SnapshotLocked", f"The snapshot {snapshot.id} is locked in compliance mode.")
    dry_run(request)
    snapshot.lock = None
    return {"SnapshotId": snapshot.id}


@action("DescribeLockedSnapshots")
def describe_locked_snapshots(request: dict[str, Any]) -> dict[str, Any]:
    ids = request.get("SnapshotIds") or []
    for each in ids:
        snapshots.get(check_id(each, "snap"))
    found = [
        {"OwnerId": OWNER, "SnapshotId": s.id, **s.lock.render()}
        for s in snapshots.of_region().values()
        if s.lock and s.state != "deleted" and (not ids or s.id in ids)
    ]
    known = {"lock-state": "LockState"}
    found = [r for r in found if matches(request.get("Filters"), lambda n, r=r: [r[known[n]]] if n in known else None)]
    dry_run(request)
    return page(found, request, "Snapshots")
