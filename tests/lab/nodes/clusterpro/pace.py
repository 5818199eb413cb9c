"""Life's pace while an application waits, in a lab whose time runs faster otherwise.

How long writes wait, or the service is away, is measured there: at ten times life's pace what this machine has to work
would count ten times. What is long and waits for nothing of the application's (boots, snapshots) stays fast.
"""

from __future__ import annotations

import threading
from typing import Any

from ... import context
from ...control import op
from . import part

# Lab seconds of life's pace after each flush of a file system, which comes before its freeze, and after the thaw: what
# an application writes before and after its wait is then seen at life's pace too.
AROUND = 0.7

_lock = threading.Lock()
_reasons: set[tuple[str, ...]] = set()  # for life's pace
_online: dict[str, set[str]] = {}  # where each group is online


@op("life_pace")
def life_pace() -> None:
    """From now on lab time runs at life's pace while a file system is frozen or a group is not online."""
    with context.lab.lock:
        _online.update((name, set(group.on())) for name, group in part.cluster.groups.items())
    context.lab.record.watch(_look)


def _set(reason: tuple[str, ...], holds: bool) -> None:
    clock = context.lab.clock
    with _lock:
        (_reasons.add if holds else _reasons.discard)(reason)
        clock.host.rate = min(1.0, 1 / clock.scale) if _reasons else 1.0


def _around(seq: int) -> None:
    reason = ("around", str(seq))
    _set(reason, True)
    context.lab.timers.after(AROUND, lambda: _set(reason, False))


def _look(entry: dict[str, Any]) -> None:
    if entry["kind"] == "node" and entry["argv"][:2] == ["sync", "-f"]:
        _around(entry["seq"])
    elif entry["kind"] == "cluster" and entry["what"] == "freeze":
        thawed = entry["action"] == "thawed"
        _set(("freeze", entry["node"], entry["disk"]), not thawed)
        if thawed:
            _around(entry["seq"])
    elif entry["kind"] == "cluster" and entry["what"] == "group":
        with _lock:
            online = _online.setdefault(entry["group"], set())
            (online.add if entry["status"] == "online" else online.discard)(entry["node"])
        _set(("group", entry["group"]), not online)
