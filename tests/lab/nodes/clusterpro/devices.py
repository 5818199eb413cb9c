"""What a path under /dev means on a running node: which volume, and which blocks of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...ec2.blocks import SIZE, Blocks
from .. import disks as machine_disks


@dataclass(frozen=True)
class Extent:
    """Blocks [first, end) of a volume, found under `path`."""

    volume: Any
    first: int
    end: int
    path: str

    @property
    def blocks(self) -> Blocks:
        return self.volume.blocks


def resolve(disks: list[machine_disks.Disk], path: str) -> Extent | None:
    """The extent that `path` names on a machine with these disks, links followed; None if there is no such device."""
    block = machine_disks.links(disks).get(path)
    if block is None:
        return None
    return Extent(block.disk.volume, block.start // SIZE, (block.start + block.size) // SIZE, path)
