"""Fast snapshot restore: what a snapshot has in one AZ, its states over time, and the credits that make volumes fast.

`enabled` alone makes no volume fast. Each volume takes one whole credit; the bucket starts empty when the restore is
enabled. On AWS it fills by min(10, 1024/GiB) an hour, so the first credit takes max(6 min, GiB/1024 h); here a credit
takes `timing.fsr_credit` lab seconds whatever the size, and only the bucket's size follows the snapshot's.
"""

from __future__ import annotations

import datetime
from typing import Any

from .. import context
from . import fsr_metrics, snapshot_notices
from .model import OWNER, Resource, store
from .zones import ZONES

# StateTransitionReason and the messages of the events: the EBS user guide's "EBS fast snapshot restore events"
USER = "Client.UserInitiated"
LIFECYCLE = "Client.UserInitiated - Lifecycle state transition"
BAD_SNAPSHOT = "Client.InvalidSnapshot.InvalidState - The requested snapshot transitioned to an invalid state (Error)"
GONE = "Client.InvalidSnapshot.InvalidState - The requested snapshot was deleted or access permissions were revoked"
OPTIMIZING_AT = 0.25  # part of timing.fsr_enable that `enabling` takes
SETTLED = ("enabling", "optimizing", "enabled")  # states of a restore that is wanted


def bucket_size(gib: int) -> int:
    """Most credits that a snapshot of this size collects in one AZ."""
    return max(1, min(10, 1024 // gib))


class Restore(Resource):
    """One (snapshot, AZ) pair. `state` is enabling, optimizing, enabled, disabling or disabled."""

    def __init__(self, snapshot_id: str, az: str) -> None:
        self.id = f"{snapshot_id}/{az}"  # in the log; EC2 gives such a pair no id
        self.snapshot_id, self.az = snapshot_id, az
        self.tags: dict[str, str] = {}
        self.state = "disabled"
        self.reason = USER
        self.times: dict[str, datetime.datetime] = {}
        self.generation = 0  # moves with every order, so that the timers of an earlier one do nothing
        self._credits, self._as_of = 0.0, 0.0  # balance at a lab time
        self._publishing: object = None  # the latest turn of _publish

    @property
    def size(self) -> int:
        return bucket_size(store.snapshots[self.snapshot_id].gib)

    def state_name(self) -> str:
        return self.state

    def render(self) -> dict[str, Any]:
        return {
            "SnapshotId": self.snapshot_id,
            "AvailabilityZone": self.az,
            "AvailabilityZoneId": ZONES[self.az],
            "State": self.state,
            "StateTransitionReason": self.reason,
            "OwnerId": OWNER,
            **self.times,
        }

    # --- states ------------------------------------------------------------------------------------------------

    def _enter(self, state: str, reason: str) -> None:
        self.state, self.reason = state, reason
        self.times[f"{state.capitalize()}Time"] = context.lab.clock.now()
        self.touch()
        snapshot_notices.fast_restore(self.snapshot_id, self.az, self, reason)

    def _later(self, seconds: float, fn: Any) -> None:
        order = self.generation

        def due() -> None:
            with context.lab.lock:
                if self.generation == order:
                    fn()

        context.lab.timers.after(seconds, due)

    def enable(self) -> None:
        self.generation += 1
        self.times = {}
        self._enter("enabling", USER)
        self._later(context.lab.timing.fsr_enable * OPTIMIZING_AT, self._optimize)

    def _optimize(self) -> None:
        snapshot = store.snapshots[self.snapshot_id]
        if snapshot.state == "pending":  # asked for before the snapshot was complete: it waits in `enabling`
            wait = max(0.01, snapshot.busy_until - context.lab.clock.monotonic())
            self._later(wait, self._optimize)
        elif snapshot.state != "completed":
            self.disable(BAD_SNAPSHOT)
        else:
            self._enter("optimizing", LIFECYCLE)
            self._later(context.lab.timing.fsr_enable * (1 - OPTIMIZING_AT), self._enabled)

    def _enabled(self) -> None:
        self._credits, self._as_of = 0.0, context.lab.clock.monotonic()
        self._enter("enabled", LIFECYCLE)
        self._publish()

    def disable(self, reason: str = USER) -> None:
        self.generation += 1
        self._enter("disabling", reason)
        after = LIFECYCLE if reason == USER else reason
        self._later(context.lab.timing.fsr_disable, lambda: self._enter("disabled", after))

    # --- credits -----------------------------------------------------------------------------------------------

    def balance(self) -> float:
        """Credits now; a part of one counts in the metric and makes no volume fast."""
        if self.state != "enabled":
            return 0.0
        filled = (context.lab.clock.monotonic() - self._as_of) / max(context.lab.timing.fsr_credit, 1e-6)
        return min(float(self.size), self._credits + filled)

    def take_credit(self) -> bool:
        balance = self.balance()
        if balance < 1:
            return False
        self._credits, self._as_of = balance - 1, context.lab.clock.monotonic()
        self._publish()
        return True

    def _publish(self) -> None:
        """The metrics now, when the next credit is whole, and every minute."""
        if self.state != "enabled":
            return
        balance = self.balance()
        # what has been collected stays when the timing is changed
        self._credits, self._as_of = balance, context.lab.clock.monotonic()
        fsr_metrics.put(self.snapshot_id, self.az, balance, self.size)
        to_next = (int(balance + 1e-6) + 1 - balance) * context.lab.timing.fsr_credit
        wait = min(60.0, to_next) if balance < self.size else 60.0
        self._publishing = turn = object()  # a credit taken meanwhile begins a turn of its own
        self._later(max(wait, 0.05), lambda: self._publish() if self._publishing is turn else None)


def fast_restored(snapshot_id: str, az: str) -> bool:
    """Whether a volume made now from the snapshot in that AZ is fully initialised; takes one credit if so."""
    restore = store.fsr.get((snapshot_id, az))
    return bool(restore and restore.take_credit())


def snapshot_gone(snapshot_id: str, archived: bool = False) -> None:
    """The snapshot was deleted or archived: its restores are disabled in every AZ."""
    for (of, _), restore in store.fsr.items():
        if of == snapshot_id and restore.state in SETTLED:
            restore.disable(LIFECYCLE if archived else GONE)
