"""What a path under /dev means on a running node: which volume, and which blocks of it.

The kernel's names are those that the machine gave its disks at boot. LVM groups are found by scanning the disks; a
physical volume that is there twice (an old volume and its copy on one node) activates on neither, as with LVM itself.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Protocol

from ...ec2.blocks import Blocks
from . import layout


class Disk(Protocol):
    """A block device of a running machine (nodes/machine.py)."""

    name: str  # the kernel's: "xvdb", "nvme1n1"
    volume: Any  # ec2 Volume: id, blocks


@dataclass(frozen=True)
class Extent:
    volume: Any
    first: int
    end: int
    path: str  # the kernel's name of it, "/dev/xvdb1"

    @property
    def blocks(self) -> Blocks:
        return self.volume.blocks


_BY_ID = re.compile(r"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_(vol[0-9a-f]+)(?:-part(\d+))?")


def partition_name(disk: str, number: str) -> str:
    """xvdb, 1 -> xvdb1; nvme1n1, 1 -> nvme1n1p1: the kernel puts a p after a digit."""
    return f"{disk}p{number}" if disk[-1].isdigit() else f"{disk}{number}"


def resolve(disks: list[Disk], path: str) -> Extent | None:
    """The extent that `path` names on a machine with these disks; None if there is no such device."""
    if match := _BY_ID.fullmatch(path):
        serial, number = match.groups()
        for disk in disks:
            if disk.name.startswith("nvme") and disk.volume.id.replace("-", "") == serial:
                return _on(disk, number)
        return None
    if path.startswith("/dev/disk/by-partuuid/"):
        wanted = path.rsplit("/", 1)[1]
        found = [_part(d, p) for d in disks for p in layout.partitions(d.volume.blocks) if p.uuid == wanted]
        return found[0] if found else None
    for disk in disks:
        if path == f"/dev/{disk.name}":
            return _on(disk, None)
        for part in layout.partitions(disk.volume.blocks):
            if path == f"/dev/{partition_name(disk.name, part.name)}":
                return _part(disk, part)
    return _logical(disks, path)


def _on(disk: Disk, number: str | None) -> Extent | None:
    if number is None:
        blocks = disk.volume.blocks
        return Extent(disk.volume, 0, blocks.size // 4096, f"/dev/{disk.name}")
    parts = [p for p in layout.partitions(disk.volume.blocks) if p.name == number]
    return _part(disk, parts[0]) if parts else None


def _part(disk: Disk, part: layout.Part) -> Extent:
    return Extent(disk.volume, part.first, part.end, f"/dev/{partition_name(disk.name, part.name)}")


def _logical(disks: list[Disk], path: str) -> Extent | None:
    found = [(d, vg) for d in disks if (vg := layout.volume_group(d.volume.blocks))]
    for disk, vg in found:
        if sum(other.pv_uuid == vg.pv_uuid or other.name == vg.name for _, other in found) > 1:
            continue
        for part in vg.volumes:
            # device mapper doubles the hyphens inside a name
            mapper = f"{vg.name.replace('-', '--')}-{part.name.replace('-', '--')}"
            if path in (f"/dev/{vg.name}/{part.name}", f"/dev/mapper/{mapper}"):
                return Extent(disk.volume, part.first, part.end, f"/dev/mapper/{mapper}")
    return None
