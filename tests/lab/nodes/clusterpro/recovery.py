"""A mirror recovery in progress: copies in ten slices over lab time, so that it can be watched, and cut off."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ... import context

if TYPE_CHECKING:
    from .cluster import Node
    from .mirror import Mirror, Side

SLICES = 10


class Recovery:
    """The source's bitmap names the blocks (FAST), or all used blocks of either side are due (NORMAL).

    The target stays RED on its disk until the last slice, so an interrupted copy is never taken for a good one.
    """

    def __init__(
        self, mirror: Mirror, source: Node, source_side: Side, dest: Node, dest_side: Side, reason: str
    ) -> None:
        self.mirror, self.source, self.dest, self.reason = mirror, source, dest, reason
        self.source_side, self.dest_side = source_side, dest_side
        self.mode = "NORMAL" if source_side.record["full"] else "FAST"
        if self.mode == "FAST":
            self.pending = source_side.cp.marked()
        else:
            used = {n - s.fs.first for s in (source_side, dest_side) for n in s.fs.blocks.used(s.fs.first, s.fs.end)}
            self.pending = sorted(used)
        self.total = len(self.pending)
        self.slice = 0
        self.started = context.lab.clock.monotonic()
        timing = context.lab.timing
        self.seconds = timing.recovery_full if self.mode == "NORMAL" else timing.recovery
        self.ended = threading.Event()  # for whoever waits for it
        self.complete = False

    @property
    def percent(self) -> int:
        return self.slice * 100 // SLICES

    def begin(self) -> None:
        self.mirror.breaks.pop(self.dest.name, None)  # from here on the target's image is no longer frozen
        context.lab.timers.after(self.seconds / SLICES, self._step)

    def _step(self) -> None:
        with context.lab.lock:
            if self.mirror.recovery is not self:
                return
            self.slice += 1
            count = -(-len(self.pending) // (SLICES - self.slice + 1))
            part, self.pending = self.pending[:count], self.pending[count:]
            self.mirror.copy(self.source_side, self.dest_side, part)
            self.source_side.cp.mark(part, on=False)
            if self.slice < SLICES:
                context.lab.timers.after(self.seconds / SLICES, self._step)
            else:
                self._finish()

    def _finish(self) -> None:
        mirror = self.mirror
        pair = f"{mirror.cluster.spec.name}-{mirror.cluster.number()}"
        for node, side in ((self.source, self.source_side), (self.dest, self.dest_side)):
            other = self.dest if node is self.source else self.source
            side.cp.clear()
            side.set(mirror="GREEN", outdated=False, full=False, pair=pair, peer_active=other.name in mirror.mounted)
        mirror.recovery = None
        self.complete = True
        self.ended.set()
        mirror._noted("recovered", source=self.source.name, mode=self.mode)

    def abort(self, why: str) -> None:
        self.mirror.recovery = None
        self.ended.set()
        self.mirror._noted("recovery_aborted", source=self.source.name, percent=self.percent, why=why)

    def dump(self) -> dict[str, Any]:
        return {
            "source": self.source.name,
            "dest": self.dest.name,
            "mode": self.mode,
            "percent": self.percent,
            "blocks": self.total,
            "reason": self.reason,
        }
