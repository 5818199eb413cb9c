"""How a mirror volume is cut up, in its own bytes: a GUID partition table, or an LVM physical volume with logical ones.

The table lies on the volume, so it travels with snapshots like everything else. Offsets are those that partitioning
tools choose: the first partition begins at 1 MiB, a cluster partition has 1 GiB, the data partition has the rest.
"""

from __future__ import annotations

import re
import struct
import uuid
import zlib
from dataclasses import dataclass

from ...ec2.blocks import SIZE, Blocks

MIB = 1 << 20
GIB = 1 << 30
SECTOR = 512
_GPT = b"EFI PART"
_LVM = b"LABELONE"
# Of each logical volume: name, id, extents, the first of them.
_VOLUME = re.compile(
    r'\n(\S+) {\nid = "([^"]+)"\nstatus = \["READ", "WRITE", "VISIBLE"\].*?extent_count = (\d+).*?"pv0", (\d+)', re.S
)
_LINUX = uuid.UUID("0fc63daf-8483-4772-8e79-3d69d8477de4")  # "Linux filesystem data", as the UEFI registry names it


@dataclass(frozen=True)
class Part:
    """A piece of a volume, in blocks of 4 KiB: [first, end)."""

    first: int
    end: int
    name: str  # "1", "2" for partitions; the logical volume's name for LVM
    uuid: str
    kind: str = ""  # a partition's type


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
    """A partition table with two partitions per mirror disk; `seed` makes the GUIDs, the same every time. Both copies,
    with their checksums, and the protective MBR: UEFI Specification 2.10, section 5."""
    entries = b""
    for number, (offset, length) in enumerate(plan(blocks.size, disks), 1):
        first, last = offset // SECTOR, (offset + length) // SECTOR - 1
        entries += struct.pack("<16s16sQQQ72s", _LINUX.bytes_le, guid(seed, number).bytes_le, first, last, 0, b"")
    entries = entries.ljust(128 * 128, b"\0")
    disk, sectors = uuid.uuid5(uuid.NAMESPACE_OID, seed), blocks.size // SECTOR

    def header(at: int, other: int, entries_at: int) -> bytes:
        def packed(crc: int) -> bytes:
            return struct.pack(
                "<8sIIIIQQQQ16sQIII", _GPT, 0x00010000, 92, crc, 0, at, other, 34, sectors - 34, disk.bytes_le,
                entries_at, 128, 128, zlib.crc32(entries),
            )  # fmt: skip

        return packed(zlib.crc32(packed(0))).ljust(SECTOR, b"\0")

    protective = struct.pack("<446xB3xB3xII", 0, 0xEE, 1, min(sectors - 1, 0xFFFFFFFF)).ljust(510, b"\0") + b"\x55\xaa"
    blocks.write(0, protective + header(1, sectors - 1, 2) + entries)
    blocks.write((sectors - 33) * SECTOR, entries + header(sectors - 1, 1, sectors - 33))


def _lvm_sum(data: bytes) -> int:
    """zlib inverts before and after, LVM does neither."""
    return zlib.crc32(data, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


def _lvm_id(seed: str) -> str:
    """As LVM writes it: 32 characters, in groups."""
    text = uuid.uuid5(uuid.NAMESPACE_OID, seed).hex
    return "-".join(text[at:to] for at, to in ((0, 6), (6, 10), (10, 14), (14, 18), (18, 22), (22, 26), (26, 32)))


def write_lvm(blocks: Blocks, vg: str, names: list[str], seed: str) -> None:
    """The whole volume as one physical volume of group `vg`, with `<disk>_cp` and `<disk>_dp` for each disk. Label,
    header, metadata area and its text, with their checksums: LVM2, lib/format_text. Extents have 1 MiB."""
    pv = _lvm_id(seed)
    volumes = ""
    for i, (offset, length) in enumerate(plan(blocks.size, len(names))):
        name = f"{names[i // 2]}_{'dp' if i % 2 else 'cp'}"
        segment = (
            f'segment1 {{\nstart_extent = 0\nextent_count = {length // MIB}\n\ntype = "striped"\nstripe_count = 1\n\n'
            f'stripes = [\n"pv0", {(offset - MIB) // MIB}\n]\n}}\n'
        )
        volumes += (
            f'\n{name} {{\nid = "{_lvm_id(f"{seed}/{name}")}"\nstatus = ["READ", "WRITE", "VISIBLE"]\nflags = []\n'
            f"segment_count = 1\n\n{segment}}}\n"
        )
    text = (
        f'{vg} {{\nid = "{_lvm_id(vg + seed)}"\nseqno = 1\nformat = "lvm2"\nstatus = ["RESIZEABLE", "READ", "WRITE"]\n'
        f"flags = []\nextent_size = {MIB // SECTOR}\nmax_lv = 0\nmax_pv = 0\nmetadata_copies = 0\n\n"
        "physical_volumes {\n\n"
        f'pv0 {{\nid = "{pv}"\ndevice = "unknown"\n\nstatus = ["ALLOCATABLE"]\nflags = []\n'
        f"dev_size = {blocks.size // SECTOR}\npe_start = {MIB // SECTOR}\npe_count = {blocks.size // MIB - 1}\n"
        "}\n}\n\n"
        f"logical_volumes {{\n{volumes}}}\n}}\n"
    ).encode() + b"\0"
    area, size = SIZE, MIB - SIZE
    header = pv.replace("-", "").encode() + struct.pack("<Q", blocks.size)
    header += struct.pack("<QQQQQQQQ", MIB, 0, 0, 0, area, size, 0, 0)
    label = (struct.pack("<I", 32) + b"LVM2 001" + header).ljust(SECTOR - 20, b"\0")
    blocks.write(SECTOR, _LVM + struct.pack("<QI", 1, _lvm_sum(label)) + label)
    place = struct.pack("<QQII", SECTOR, len(text), _lvm_sum(text), 0)
    head = (b" LVM2 x[5A%r0N*>" + struct.pack("<IQQ", 1, area, size) + place).ljust(SECTOR - 4, b"\0")
    blocks.write(area, struct.pack("<I", _lvm_sum(head)) + head + text)


def partitions(blocks: Blocks) -> list[Part]:
    """The partitions that the volume's table names; none if it has no table."""
    header = blocks.read(SECTOR, SECTOR)
    if header[:8] != _GPT:
        return []
    count = struct.unpack_from("<I", header, 80)[0]
    out = []
    for i in range(min(count, 128)):
        kind, guid, first, last, _, _ = struct.unpack("<16s16sQQQ72s", blocks.read(2 * SECTOR + 128 * i, 128))
        if kind == bytes(16):
            continue  # unused
        name = str(uuid.UUID(bytes_le=guid))
        type_ = str(uuid.UUID(bytes_le=kind))
        out.append(Part(first * SECTOR // SIZE, (last + 1) * SECTOR // SIZE, str(i + 1), name, type_))
    return out


def table_id(blocks: Blocks) -> str:
    """The GUID of the volume's table."""
    return str(uuid.UUID(bytes_le=blocks.read(SECTOR, SECTOR)[56:72]))


def volume_group(blocks: Blocks) -> VolumeGroup | None:
    """The LVM volume group whose physical volume this is, if it is one."""
    if blocks.read(SECTOR, 8) != _LVM:
        return None
    (length,) = struct.unpack("<Q", blocks.read(SIZE + 48, 8))
    text = blocks.read(SIZE + SECTOR, length).decode()
    parts = []
    for found in _VOLUME.finditer(text):
        first = MIB // SIZE * (int(found[4]) + 1)
        parts.append(Part(first, first + MIB // SIZE * int(found[3]), found[1], found[2]))
    physical = re.search(r'pv0 {\nid = "([^"]+)"', text)
    assert physical
    return VolumeGroup(text.partition(" ")[0], physical[1], tuple(parts))
