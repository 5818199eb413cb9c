"""The structures of ext4 that say whether it is in use: its superblock, and that of its journal."""

from __future__ import annotations

import struct
import uuid
from typing import Any

from ...ec2.blocks import SIZE
from .shape import DIRECTORY, OWN, Pieces, Shape

JOURNAL = 1 + DIRECTORY
FIRST_DATA = 1 + JOURNAL
ORIGIN = "LABFS1"


def _superblock(blocks: int, header: dict[str, Any]) -> bytes:
    """The superblock of an ext4 of so many blocks of 4 KiB. Source: Linux, Documentation/filesystems/ext4/super.rst,
    and fs/ext4/super.c: `needs_recovery` is set at a mount and a thaw, and cleared at a freeze and an unmount."""
    changed, in_use = header["mutations"], header["mounted"] is not None and not header["frozen"]
    groups = -(-blocks // 32768)
    out = struct.pack(
        "<IIIIIIIIIII", 8192 * groups, blocks, 0, blocks - FIRST_DATA, 8192 * groups - 11, 0, 2, 2, 32768, 32768, 8192
    )
    out += struct.pack("<IIHHHHHHIIII", changed, changed, changed & 0xFFFF, 0xFFFF, 0xEF53, 1, 1, 0, 0, 0, 0, 1)
    # A journal, and what every mkfs gives: names with types, few copies of the superblock, large files.
    features = (4, 2 | (4 if in_use else 0), 3)
    out += struct.pack("<HHIHHIII", 0, 0, 11, 128, 0, *features) + uuid.uuid5(uuid.NAMESPACE_OID, ORIGIN).bytes
    # The journal's inode, and a copy of that inode's pointers.
    out = out.ljust(0xE0, b"\0") + struct.pack("<I", 8)
    out = out.ljust(0xFD, b"\0") + b"\1"
    out = out.ljust(0x10C, b"\0") + struct.pack("<I", JOURNAL)
    return out.ljust(1024, b"\0")


def _journal(header: dict[str, Any]) -> bytes:
    """The journal's superblock. Source: Linux, include/linux/jbd2.h (`journal_superblock_s`). It has a start from the
    first write on, until a freeze or an unmount has emptied it (fs/jbd2/journal.c, `jbd2_journal_flush`)."""
    start = int(header["logged"])
    return struct.pack(">IIIIIIII", 0xC03B3998, 4, 0, SIZE, 1, 1, 1, start)


def _now(blocks: int, header: dict[str, Any]) -> tuple[Pieces, Pieces]:
    return [(OWN, _superblock(blocks, header))], [(JOURNAL * SIZE, _journal(header))]


SHAPE = Shape("ext4", own=0, first_data=FIRST_DATA, once=lambda _: [], now=_now)
