"""Frozen file systems, as the kernel freezes them (freeze_super and thaw_super in fs/super.c).

- A freeze takes as long as there is dirty data. Writers block from its begin. Nothing can kill it: it is completed
  though the process that asked is gone, and what locks that process held stay held until then.
- While it waits for the writers that are under way, a thaw answers EINVAL. While it flushes, s_umount is held: a thaw
  waits, and thaws what has been frozen by then.
- A second freeze answers EBUSY, a thaw of what is not frozen EINVAL. A freeze outlives its process, and ends with the
  boot.
- An umount waits for the thaw here. The kernel would detach the mount, but what is blocked in a write keeps it busy.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ... import context
from .cluster import Cluster, Node

if TYPE_CHECKING:
    from .mirror import Mirror

SOMEBODY = "somebody"
SHORTEST = 0.02  # lab seconds of a freeze without dirty data
WRITERS = 0.1  # lab seconds in which a freeze waits for the writers under way, before it flushes


@dataclass
class Freeze:
    """One file system that is being frozen (`completed` None) or is frozen."""

    by: str  # the unit that asked, or SOMEBODY
    life: int  # of the node: a freeze ends with the boot
    began: float
    completed: float | None = None


def point_of(mirror: Mirror) -> str:
    return f"/mnt/{mirror.spec.name}"


def frozen(mirror: Mirror, node: Node) -> Freeze | None:
    """The freeze of the file system that the group has mounted there."""
    found = mirror.freezes.get(node.name)
    return found if found and found.life == node.life and node.name in mirror.mounted else None


def begin(mirror: Mirror, node: Node, by: str) -> Freeze | None:
    """Begins to freeze; None: it is frozen or being frozen already."""
    if frozen(mirror, node):
        return None
    now = context.lab.clock.monotonic()
    freeze = mirror.freezes[node.name] = Freeze(by, node.life, now)
    _noted(mirror, node, freeze, "freezing")
    seconds = max(SHORTEST, mirror.dirty_seconds)
    context.lab.timers.after(seconds, lambda: _completed(mirror, node, freeze))
    return freeze


def _completed(mirror: Mirror, node: Node, freeze: Freeze) -> None:
    with context.lab.lock:
        if frozen(mirror, node) is not freeze:
            return
        freeze.completed = context.lab.clock.monotonic()
        mirror.dirty_seconds = 0.0
        mirror.frozen_at(node)  # ext4 empties its journal, XFS covers its log
        _noted(mirror, node, freeze, "frozen")


def thaw(mirror: Mirror, node: Node) -> bool:
    """Whether there was something to thaw."""
    found = frozen(mirror, node)
    if not found or found.completed is None:
        return False
    del mirror.freezes[node.name]
    mirror.thawed_at(node)
    _noted(mirror, node, found, "thawed")
    return True


def _noted(mirror: Mirror, node: Node, freeze: Freeze, action: str) -> None:
    now = context.lab.clock.monotonic()
    mirror.cluster.note(
        "freeze",
        disk=mirror.spec.name,
        node=node.name,
        by=freeze.by,
        action=action,
        seconds=round(now - freeze.began, 4),
        since_completed=round(now - (freeze.completed or now), 4),
    )


def still_frozen(cluster: Cluster) -> list[str]:
    """What is frozen now, for whoever asks for what is left."""
    return [
        f"{point_of(mirror)} of {node.name} is frozen by {found.by}"
        for mirror in cluster.mirrors.values()
        for node in cluster.nodes.values()
        if (found := frozen(mirror, node))
    ]
