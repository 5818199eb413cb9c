"""Fast snapshot restore: enabling → optimizing → enabled per snapshot and AZ, and the credits that make a volume fast."""

from __future__ import annotations

from .model import store


def fast_restored(snapshot_id: str, az: str) -> bool:
    """Whether a volume made now from the snapshot in that AZ is fully initialised; takes one credit if so."""
    restore = store.fsr.get((snapshot_id, az))
    return bool(restore and restore.take_credit())
