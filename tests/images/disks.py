"""What the mutilator knows of the structures on a disk. It shares nothing with the judge in functions/prove-image."""

from __future__ import annotations

import re
import struct
import zlib
from typing import Any

from images.store import Image

SECTOR = 512


def castagnoli(data: bytes, crc: int = 0xFFFFFFFF) -> int:
    """CRC-32C as Linux goes on with it: no inversion at the end. Bit by bit, tables are for those in a hurry."""
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc


def lvm_sum(data: bytes) -> int:
    """zlib inverts before and after, LVM does neither."""
    return zlib.crc32(data, 0xF597A6CF ^ 0xFFFFFFFF) ^ 0xFFFFFFFF


class Data:
    """A data partition within a disk's image; a logical volume may have several stretches."""

    def __init__(self, image: Image, about: dict[str, Any]) -> None:
        self.image, self.size = image, about["data_size"]
        if about["data_at"] is not None:
            self.stretches = [(about["data_at"], self.size)]
        else:
            self.stretches = Lvm(image).stretches("dp")

    def places(self, at: int, length: int) -> list[tuple[int, int]]:
        found = []
        for start, size in self.stretches:
            if length and at < size:
                take = min(length, size - at)
                found.append((start + at, take))
                at, length = 0, length - take
            else:
                at -= min(at, size)
        return found

    def read(self, at: int, length: int) -> bytes:
        return b"".join(self.image.read(*place) for place in self.places(at, length))

    def write(self, at: int, data: bytes) -> None:
        for place, length in self.places(at, len(data)):
            self.image.write(place, data[:length])
            data = data[length:]

    def zero(self, at: int, length: int) -> None:
        for place in self.places(at, length):
            self.image.zero(*place)


class Xfs:
    """Where an XFS has its log and its groups."""

    def __init__(self, data: Data) -> None:
        self.data, sector = data, data.read(0, SECTOR)
        assert sector[:4] == b"XFSB"
        (self.block,) = struct.unpack_from(">I", sector, 4)
        (start,) = struct.unpack_from(">Q", sector, 48)
        self.group_blocks, self.groups = struct.unpack_from(">II", sector, 84)
        (blocks,) = struct.unpack_from(">I", sector, 96)
        (self.version, self.sector) = struct.unpack_from(">HH", sector, 100)
        shift = sector[124]
        self.log_at = ((start >> shift) * self.group_blocks + (start & (1 << shift) - 1)) * self.block
        self.log_size = blocks * self.block
        self.uuid = sector[32:48]

    def unmount_record(self) -> tuple[int, int, int]:
        """Where in the log its last record is (byte), how long it is, and its cycle: found by what the records say."""
        log, best = self.data.read(self.log_at, self.log_size), None
        for at in range(0, self.log_size, SECTOR):
            magic, cycle, _, length = struct.unpack_from(">IIII", log, at)
            if magic == 0xFEEDBABE:
                size = SECTOR + (length + SECTOR - 1) // SECTOR * SECTOR
                best = max(best or (0, 0, 0), (cycle, at, size))
        assert best
        cycle, at, size = best
        (h_size,) = struct.unpack_from(">I", log, at + 320)
        return at, size + (max(h_size, 32768) - 1) // 32768 * SECTOR, cycle

    def headers(self) -> list[int]:
        """The sectors that describe the groups' free space and inodes."""
        return [
            number * self.group_blocks * self.block + which * self.sector
            for number in range(self.groups)
            for which in (1, 2)
        ]


class Ext4:
    """Where an ext4 has its journal, and its superblock with a checksum that fits."""

    def __init__(self, data: Data) -> None:
        self.data, found = data, data.read(1024, 1024)
        assert found[0x38:0x3A] == b"\x53\xef"
        self.block = 1024 << struct.unpack_from("<I", found, 0x18)[0]
        self.journaled = bool(struct.unpack_from("<I", found, 0x5C)[0] & 4)
        self.summed = bool(struct.unpack_from("<I", found, 0x64)[0] & 0x400)
        self.group_sums = bool(struct.unpack_from("<I", found, 0x64)[0] & 0x410)
        self.meta_groups = bool(struct.unpack_from("<I", found, 0x60)[0] & 0x10)
        magic = struct.unpack_from("<H", found, 0x10C)[0]
        # The one extent of a fresh file system, or the first pointer.
        self.journal = struct.unpack_from("<I", found, 0x10C + (20 if magic == 0xF30A else 0))[0] * self.block

    def change(self, at: int, value: bytes) -> None:
        """A field of the superblock, and the checksum over it."""
        found = bytearray(self.data.read(1024, 1024))
        found[at : at + len(value)] = value
        if self.summed:
            found[0x3FC:] = struct.pack("<I", castagnoli(bytes(found[:0x3FC])))
        self.data.write(1024, bytes(found))

    def change_journal(self, at: int, value: bytes) -> None:
        found = bytearray(self.data.read(self.journal, 1024))
        found[at : at + len(value)] = value
        if struct.unpack_from(">I", found, 40)[0] & 0x18:
            found[0xFC:0x100] = bytes(4)
            found[0xFC:0x100] = struct.pack(">I", castagnoli(bytes(found)))
        self.data.write(self.journal, bytes(found))


class Lvm:
    """The metadata text of the one physical volume, in partition 1 at 1 MiB."""

    AT = 1024 * 1024

    def __init__(self, image: Image) -> None:
        self.image = image
        header = image.read(self.AT + 4096, SECTOR)
        assert header[4:20] == b" LVM2 x[5A%r0N*>"
        self.area_size = struct.unpack_from("<Q", header, 32)[0]
        self.offset, self.length = struct.unpack_from("<QQ", header, 40)
        # The texts of these few changes do not go round.
        assert self.offset + self.length <= self.area_size
        self.text = image.read(self.AT + 4096 + self.offset, self.length).rstrip(b"\0").decode()

    def number(self, name: str, within: str = "") -> int:
        found = re.search(rf"\b{name} = (\d+)", within or self.text)
        assert found, name
        return int(found[1])

    def volume(self, name: str) -> str:
        """The section of a logical volume, with those of its segments."""
        begin = self.text.index(f"\n{name} {{")
        depth = 0
        for at in range(begin, len(self.text)):
            depth += {"{": 1, "}": -1}.get(self.text[at], 0)
            if self.text[at] == "}" and depth == 0:
                return self.text[begin : at + 1]
        raise AssertionError(name)

    def stretches(self, name: str) -> list[tuple[int, int]]:
        extent, start = self.number("extent_size") * SECTOR, self.number("pe_start") * SECTOR
        found = re.findall(r"extent_count = (\d+).*?\"pv0\", (\d+)", self.volume(name), re.S)
        return [(self.AT + start + int(at) * extent, int(count) * extent) for count, at in found]

    def store(self, text: str) -> None:
        """The text anew, with its length and both checksums."""
        data = text.encode() + b"\0"
        self.image.zero(self.AT + 4096 + self.offset, self.length)
        self.image.write(self.AT + 4096 + self.offset, data)
        header = bytearray(self.image.read(self.AT + 4096, SECTOR))
        struct.pack_into("<Q", header, 48, len(data))
        struct.pack_into("<I", header, 56, lvm_sum(data))
        struct.pack_into("<I", header, 0, lvm_sum(bytes(header[4:])))
        self.image.write(self.AT + 4096, bytes(header))


class Table:
    """The partition table, changed with its checksums."""

    def __init__(self, image: Image, kind: str) -> None:
        self.image, self.gpt = image, kind == "gpt"

    def entry(self, number: int) -> bytes:
        return self.image.read(1024 + (number - 1) * 128, 128) if self.gpt else self.image.read(430 + number * 16, 16)

    def store(self, entries: dict[int, bytes]) -> None:
        if not self.gpt:
            for number, entry in entries.items():
                self.image.write(430 + number * 16, entry)
            return
        primary = self.image.read(SECTOR, SECTOR)
        for header_at in (1, struct.unpack_from("<Q", primary, 32)[0]):
            header = bytearray(self.image.read(header_at * SECTOR, SECTOR))
            at = struct.unpack_from("<Q", header, 72)[0] * SECTOR
            for number, entry in entries.items():
                self.image.write(at + (number - 1) * 128, entry)
            struct.pack_into("<I", header, 88, zlib.crc32(self.image.read(at, 128 * 128)))
            header[16:20] = bytes(4)
            header[16:20] = struct.pack("<I", zlib.crc32(bytes(header[:92])))
            self.image.write(header_at * SECTOR, bytes(header))

    def shifted(self, number: int, sectors: int) -> bytes:
        entry = bytearray(self.entry(number))
        if self.gpt:
            first, last = struct.unpack_from("<QQ", entry, 32)
            struct.pack_into("<QQ", entry, 32, first + sectors, last + min(sectors, 0))
        else:
            first, count = struct.unpack_from("<II", entry, 8)
            struct.pack_into("<II", entry, 8, first + sectors, count - max(sectors, 0))
        return bytes(entry)
