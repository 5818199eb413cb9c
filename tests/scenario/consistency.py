"""How a backup's file systems became quiet."""

from __future__ import annotations

import enum


class Consistency(enum.StrEnum):
    """As a backup's input, the lab's log and the reports say it."""

    STOPPED = "stopped"  # the groups were stopped
    FROZEN = "frozen"  # their file systems were frozen, and no group was stopped
