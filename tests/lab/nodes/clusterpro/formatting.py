"""Making and reading mirror volumes without a running node: the lab's first world, the oracles' view of an image."""

from __future__ import annotations

from typing import Any

from ...ec2.blocks import Blocks
from . import layout
from .filesystem import FileSystem
from .partition import ClusterPartition, read_record
from .spec import DiskSpec


def format_volume(blocks: Blocks, disks: list[DiskSpec], kind: str, owner: str, pair: str) -> None:
    """Lay out `blocks` for `disks` (raw | lvm), with a GREEN mirror and an empty file system each."""
    if kind == "lvm":
        layout.write_lvm(blocks, f"vg_{disks[0].name}", [d.name for d in disks], owner)
    else:
        layout.write_gpt(blocks, len(disks), owner)
    for disk in disks:
        cluster_part, data_part = parts_of(blocks, disk)
        ClusterPartition(blocks, cluster_part.first, cluster_part.end, disk.name).initialise(mirror="GREEN", pair=pair)
        FileSystem(blocks, data_part.first, data_part.end).format(disk.name, disk.file_system)


def parts_of(blocks: Blocks, disk: DiskSpec) -> tuple[layout.Part, layout.Part]:
    """Cluster and data partition of `disk` by its place in the layout."""
    group = layout.volume_group(blocks)
    parts = group.volumes if group else layout.partitions(blocks)
    return parts[2 * disk.index], parts[2 * disk.index + 1]


def _all_parts(blocks: Blocks) -> list[layout.Part]:
    group = layout.volume_group(blocks)
    return list(group.volumes) if group else layout.partitions(blocks)


def find_record(blocks: Blocks, disk: str) -> dict[str, Any] | None:
    """The cluster partition's record of mirror disk `disk`, wherever on the volume or image it lies."""
    for part in _all_parts(blocks):
        record = read_record(blocks, part.first)
        if record and record["disk"] == disk:
            return record
    return None


def find_files(blocks: Blocks, disk: DiskSpec) -> FileSystem | None:
    """The file system of `disk`'s data partition on a volume or image, if there is one."""
    parts = _all_parts(blocks)
    if len(parts) <= 2 * disk.index + 1:
        return None
    part = parts[2 * disk.index + 1]
    files = FileSystem(blocks, part.first, part.end)
    return files if files.readable() else None
