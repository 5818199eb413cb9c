"""A two-node CLUSTERPRO X cluster on the lab's machines: what clusterpro.md says, also when it is treated wrongly."""

from __future__ import annotations

from collections.abc import Callable


def install() -> Callable[[], None]:
    from .part import install as install_part  # late: nodes/disks.py needs layout.py of this package alone

    return install_part()
