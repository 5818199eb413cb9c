"""How a mirror volume is cut up, in its own bytes: a GUID partition table, or an LVM physical volume with logical ones.

The table lies on the volume, so it travels with snapshots like everything else. Offsets are those that partitioning
tools choose: the first partition begins at 1 MiB, a cluster partition has 1 GiB, the data partition has the rest.
"""

from __future__ import annotations

import json
import struct
import uuid
from dataclasses import dataclass

from ...ec2.blocks import SIZE, Blocks

MIB = 1 << 20
GIB = 1 << 30
SECTOR = 512
_GPT = b"EFI PART"
_LVM = b"LABELONE"
_LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")  # "Linux filesystem data", as the UEFI registry names it


@dataclass(frozen=True)
class Part:
    """A piece of a volume, in blocks of 4 KiB: [first, end)."""

    first: int
    end: int
    name: str  # "1", "2" for partitions; the logical volume's name for LVM
    uuid: str


@dataclass(frozen=True)
class VolumeGroup:
    name: str
    pv_uuid: str
    volumes: tuple[Part, ...]


def plan(size: int, disks: int) -> list[tuple[int, int]]:
    """(offset, length) in bytes of cluster and data partition of each of `disks` mirror disks on `size` bytes."""
    share = (size - 2 * MIB) // disks // MIB * MIB
    out = []
    for i in range(disks):
        start = MIB + i * share
        out += [(start, GIB), (start + GIB, share - GIB)]
    return out


def guid(seed: str, number: int) -> uuid.UUID:
    """Of the partition with that number in the table that `seed` makes."""
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}/{number}")


def write_gpt(blocks: Blocks, disks: int, seed: str) -> None:
    """A partition table with two partitions per mirror disk; `seed` makes the GUIDs, the same every time."""
    entries = b""
    for number, (offset, length) in enumerate(plan(blocks.size, disks), 1):
        first, last = offset // SECTOR, (offset + length) // SECTOR - 1
        entries += struct.pack("<16s16sQQQ72s", _LINUX.bytes_le, guid(seed, number).bytes_le, first, last, 0, b"")
    count = 2 * disks
    disk = uuid.uuid5(uuid.NAMESPACE_OID, seed)
    header = struct.pack(
        "<8sIIIIQQQQ16sQIII", _GPT, 0x00010000, 92, 0, 0, 1, blocks.size // SECTOR - 1, 34,
        blocks.size // SECTOR - 34, disk.bytes_le, 2, count, 128, 0,
    )  # fmt: skip
    blocks.write(SECTOR, header.ljust(SECTOR, b"\0") + entries)


def write_lvm(blocks: Blocks, vg: str, names: list[str], seed: str) -> None:
    """The whole volume as one physical volume of group `vg`, with `<disk>_cp` and `<disk>_dp` for each disk."""
    lvs = []
    for i, (offset, length) in enumerate(plan(blocks.size, len(names))):
        name = f"{names[i // 2]}_{'dp' if i % 2 else 'cp'}"
        lvs.append([name, str(uuid.uuid5(uuid.NAMESPACE_OID, f"{seed}/{name}")), offset, length])
    text = json.dumps({"vg": vg, "pv": str(uuid.uuid5(uuid.NAMESPACE_OID, seed)), "lvs": lvs}).encode()
    blocks.write(SECTOR, _LVM.ljust(SECTOR, b"\0"))
    blocks.write(SIZE, struct.pack("<I", len(text)) + text)


def partitions(blocks: Blocks) -> list[Part]:
    """The partitions that the volume's table names; none if it has no table."""
    header = blocks.read(SECTOR, SECTOR)
    if header[:8] != _GPT:
        return []
    count = struct.unpack_from("<I", header, 80)[0]
    out = []
    for i in range(min(count, 128)):
        _, guid, first, last, _, _ = struct.unpack("<16s16sQQQ72s", blocks.read(2 * SECTOR + 128 * i, 128))
        name = str(uuid.UUID(bytes_le=guid))
        out.append(Part(first * SECTOR // SIZE, (last + 1) * SECTOR // SIZE, str(i + 1), name))
    return out


def volume_group(blocks: Blocks) -> VolumeGroup | None:
    """The LVM volume group whose physical volume this is, if it is one."""
    if blocks.read(SECTOR, 8) != _LVM:
        return None
    (length,) = struct.unpack("<I", blocks.read(SIZE, 4))
    value = json.loads(blocks.read(SIZE + 4, length))
    parts = [Part(offset // SIZE, (offset + size) // SIZE, name, id) for name, id, offset, size in value["lvs"]]
    return VolumeGroup(value["vg"], value["pv"], tuple(parts))
