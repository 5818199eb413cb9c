"""The structures of XFS that say whether it is in use: its superblock, the headers of its groups, and its log.

Sources: Linux, fs/xfs/libxfs/xfs_format.h (`struct xfs_dsb`, `xfs_agf`, `xfs_agi`, `xfs_agfl`) and xfs_log_format.h
(`struct xlog_rec_header`, `xlog_op_header`, `xfs_trans_header`, `xfs_buf_log_format`, `xfs_unmount_log_format`); what
is written when: fs/xfs/xfs_log.c (`xfs_log_quiesce`, `xfs_log_cover`, `xfs_log_unmount_write`).

Each change of the lab's file system logs two records of one sector of header and one of data: the superblock twice when
it is frozen, the second one with the first as its tail; the superblock and an unmount record when it is unmounted; else
an inode's cluster twice, which a mount would have to replay. The log is a ring. It has one group in each TiB.
"""

from __future__ import annotations

import struct
import uuid
from typing import Any

from ...ec2.blocks import SIZE
from .shape import DIRECTORY, Pieces, Shape

MAGIC = b"XFSB"
SECTOR = 512
LOG_AT, LOG_BLOCKS = 1 + DIRECTORY, 2560  # XFS_MIN_LOG_BYTES, 10 MiB
LOG_SECTORS = LOG_BLOCKS * SIZE // SECTOR
RECORD = 2  # sectors
SLOT = 2 * RECORD
CLUSTER_AT, CLUSTER_BLOCKS = LOG_AT + LOG_BLOCKS, 8  # the inodes
FIRST_DATA = CLUSTER_AT + CLUSTER_BLOCKS
MOST_OF_GROUP = (1 << 28) - 1  # XFS_MAX_AG_BLOCKS of 4 KiB, but one
INODES, FREE_INODES, ROOT = 64, 61, CLUSTER_AT * 8
UUID = uuid.uuid5(uuid.NAMESPACE_OID, "LABXFS1").bytes
# `xlog_op_header`: of a transaction, of the log itself; flags: begin, commit, unmount.
TRANSACTION, OF_THE_LOG = 0x69, 0xAA
START, COMMIT, UNMOUNT = 0x01, 0x02, 0x20
BUFFER = 0x123C  # XFS_LI_BUF


def _table() -> list[int]:
    found = []
    for byte in range(256):
        for _ in range(8):
            byte = byte >> 1 ^ (0x82F63B78 if byte & 1 else 0)
        found.append(byte)
    return found


TABLE = _table()


def castagnoli(data: bytes) -> bytes:
    """CRC-32C, as XFS stores it."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 0xFF]
    return struct.pack("<I", crc ^ 0xFFFFFFFF)


def _placed(size: int, fields: dict[int, bytes], crc: int) -> bytes:
    """A structure of its fields by their offsets, with its checksum at `crc`."""
    out = bytearray(size)
    for at, data in fields.items():
        out[at : at + len(data)] = data
    out[crc : crc + 4] = castagnoli(bytes(out))
    return bytes(out)


def _groups(blocks: int) -> list[int]:
    """The blocks of each group."""
    group = min(blocks, MOST_OF_GROUP)
    return [min(group, blocks - first) for first in range(0, blocks, group)]


def _free(number: int, blocks: int) -> int:
    return blocks - (FIRST_DATA if number == 0 else 1)


def _superblock(blocks: int, sequence: int) -> bytes:
    groups = _groups(blocks)
    free = sum(_free(number, each) for number, each in enumerate(groups))
    fields = {
        0: MAGIC + struct.pack(">IQQQ", SIZE, blocks, 0, 0) + UUID,
        48: struct.pack(">QQQQ", LOG_AT, ROOT, ROOT + 1, ROOT + 2),
        80: struct.pack(">IIIII", 1, groups[0], len(groups), 0, LOG_BLOCKS),
        # Version 5 with what mkfs.xfs gives it; inodes of 512 bytes, eight in a block.
        100: struct.pack(">HHHH", 0xB4A5, SECTOR, 512, 8),
        120: bytes((12, 9, 9, 3, (groups[0] - 1).bit_length(), 0, 0, 25)),
        128: struct.pack(">QQQQ", INODES, FREE_INODES, free, 0),
        # features2: lazy counts, attr2, 32-bit project ids, checksums; then finobt, and ftype.
        200: struct.pack(">IIIIII", 0x18A, 0x18A, 0, 1, 1, 0),
        240: struct.pack(">Q", sequence),
    }
    return _placed(SECTOR, fields, crc=224)


def _headers(number: int, blocks: int, sequence: int) -> bytes:
    """Sectors 1 to 3 of a group: what describes its free space, its inodes, and the blocks kept for lists of these."""
    free = _free(number, blocks)
    inodes, spare = (INODES, FREE_INODES) if number == 0 else (0, 0)
    space = {
        0: b"XAGF" + struct.pack(">III", 1, number, blocks),
        28: struct.pack(">II", 1, 1),
        52: struct.pack(">II", free, free),
        64: UUID,
        208: struct.pack(">Q", sequence),
    }
    nodes = {
        0: b"XAGI" + struct.pack(">IIIIII", 1, number, blocks, inodes, 0, 1) + struct.pack(">I", spare),
        32: b"\xff" * (8 + 256),
        296: UUID,
        320: struct.pack(">Q", sequence),
    }
    kept = {0: b"XAFL" + struct.pack(">I", number) + UUID + struct.pack(">Q", sequence)}
    return _placed(SECTOR, space, crc=216) + _placed(SECTOR, nodes, crc=312) + _placed(SECTOR, kept, crc=32)


def _operation(number: int, of: int, flags: int, data: bytes = b"") -> bytes:
    return struct.pack(">IIBBH", number, len(data), of, flags, 0) + data


def _changed(number: int, at: int, data: bytes) -> list[bytes]:
    """A transaction that changes the buffer at sector `at`."""
    header = struct.pack("<IIII", 0x5452414E, 0, number, 1)
    described = struct.pack("<HHHHQII", BUFFER, 2, 0, 1, at, 1, 1)
    return [
        _operation(number, TRANSACTION, START),
        *(_operation(number, TRANSACTION, 0, each) for each in (header, described, data)),
        _operation(number, TRANSACTION, COMMIT),
    ]


def _record(sequence: int, tail: int, before: int, operations: list[bytes]) -> bytes:
    cycle = struct.pack(">I", sequence >> 32)
    data = b"".join(operations).ljust(SECTOR, b"\0")
    # Each sector begins with its cycle; the header has the word whose place that took.
    fields = {
        0: struct.pack(">I", 0xFEEDBABE) + cycle + struct.pack(">IIQQ", 2, SECTOR, sequence, tail),
        36: struct.pack(">II", before, len(operations)) + data[:4],
        300: struct.pack(">I", 1) + UUID + struct.pack(">I", 32768),
    }
    packed, size = cycle + data[4:], 328
    header = bytearray(_placed(SECTOR, fields, crc=32))
    header[32:36] = bytes(4)
    header[32:36] = castagnoli(bytes(header[:size]) + packed)
    return bytes(header) + packed


def _now(blocks: int, header: dict[str, Any]) -> tuple[Pieces, Pieces]:
    number = header["mutations"]
    slots = LOG_SECTORS // SLOT
    sector, cycle = number % slots * SLOT, 1 + number // slots
    first, second = cycle << 32 | sector, cycle << 32 | sector + RECORD
    before = (sector - RECORD) % LOG_SECTORS
    superblock = _superblock(blocks, first)
    in_use = header["mounted"] is not None and not header["frozen"]
    change = (
        _changed(number, CLUSTER_AT * SIZE // SECTOR, b"IN" * 64) if in_use else _changed(number, 0, superblock[:128])
    )
    if header["mounted"] is None:
        body = struct.pack("<HHI", 0x556E, 0, 0)
        last = _record(second, second, sector, [_operation(number, OF_THE_LOG, UNMOUNT, body)])
    else:
        last = _record(second, first, sector, change)
    log = _record(first, first, before, change) + last
    return (
        [(0, superblock + _headers(0, _groups(blocks)[0], first))],
        [(LOG_AT * SIZE + sector * SECTOR, log)],
    )


def _once(blocks: int) -> Pieces:
    groups = _groups(blocks)
    first = _superblock(blocks, 0)
    return [
        (number * groups[0] * SIZE, first + _headers(number, each, 0)) for number, each in enumerate(groups) if number
    ]


SHAPE = Shape("xfs", own=2048, first_data=FIRST_DATA, once=_once, now=_now)
