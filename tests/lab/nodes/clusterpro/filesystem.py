"""The data partition's file system: tiny, but in real blocks: what the mirror forgets to copy is really missing.

Block 0 is the superblock: our own in its first KiB (JSON), and behind it that of an ext4, which says of itself whether
it is in use, as Linux writes it. Blocks 1..63 are the directory, block 64 has the superblock of ext4's journal, file
contents follow. Each mutation extends a hash chain, the *lineage*, whose tip lies in the superblock: it travels with
every copy of the bytes, and two images with one tip but other bytes, or with tips of which neither descends from the
other, are corruption or a split.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from typing import Any

from ...ec2.blocks import SIZE, Blocks

MAGIC = "LABFS1"
DIRECTORY = 63  # blocks
JOURNAL = 1 + DIRECTORY
FIRST_DATA = 1 + JOURNAL
OWN = 1024  # bytes of block 0 before ext4's superblock


def _ext4(blocks: int, header: dict[str, Any], origin: str) -> bytes:
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
    out += struct.pack("<HHIHHIII", 0, 0, 11, 128, 0, *features) + uuid.uuid5(uuid.NAMESPACE_OID, origin).bytes
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


class FileSystemError(Exception):
    """No such file, no space, not a file system, or bytes that are not those that were written."""


class FileSystem:
    """The file system in blocks [first, end) of a device. Methods that change it return the blocks touched, counted
    from the partition's start, as the mirror's bitmap does."""

    def __init__(self, blocks: Blocks, first: int, end: int) -> None:
        self.blocks, self.first, self.end = blocks, first, end

    def format(self, label: str) -> list[int]:
        touched = []
        for number in self.blocks.used(self.first, self.end):
            self.blocks.put(number, bytes(SIZE))
            touched.append(number - self.first)
        origin = hashlib.sha256(f"format {label}".encode()).hexdigest()[:16]
        header = {"magic": MAGIC, "lineage": origin, "mutations": 0, "mounted": None, "length": 2}
        header |= {"frozen": False, "logged": False}
        return sorted({*touched, *self._store(header, {})})

    def header(self) -> dict[str, Any]:
        """The superblock: lineage, number of mutations, the node that has it mounted (None after a clean umount),
        whether it is frozen there, and whether its journal holds anything."""
        raw = self.blocks.block(self.first)[:OWN].rstrip(b"\0")
        try:
            value = json.loads(raw)
            if value["magic"] == MAGIC:
                return value
        except (ValueError, KeyError, TypeError):
            pass
        raise FileSystemError("no file system here")

    def readable(self) -> bool:
        try:
            self._directory(self.header())
        except FileSystemError:
            return False
        return True

    def _directory(self, header: dict[str, Any]) -> dict[str, Any]:
        try:
            return json.loads(self.blocks.read((self.first + 1) * SIZE, header["length"]))
        except ValueError:
            raise FileSystemError("the directory is damaged") from None

    def _store(self, header: dict[str, Any], files: dict[str, Any]) -> list[int]:
        text = json.dumps(files, sort_keys=True).encode()
        if len(text) > DIRECTORY * SIZE:
            raise FileSystemError("the directory is full")
        header["length"] = len(text)
        own = json.dumps(header, sort_keys=True).encode()
        if len(own) > OWN:
            raise FileSystemError("the superblock is full")
        touched = self._put(0, own.ljust(OWN, b"\0") + _ext4(self.end - self.first, header, MAGIC))
        return touched + self._put(1, text) + self._put(JOURNAL, _journal(header))

    def _put(self, block: int, data: bytes) -> list[int]:
        """Write whole blocks from `block` on, the last one padded with zeros; only those that change are touched."""
        touched = []
        for i in range(0, len(data), SIZE):
            number, chunk = block + i // SIZE, data[i : i + SIZE].ljust(SIZE, b"\0")
            if self.blocks.block(self.first + number) != chunk:
                self.blocks.put(self.first + number, chunk)
                touched.append(number)
        return touched

    def mutate(self, tip: str, **header: Any) -> list[int]:
        """A change of the superblock alone (mount, umount, freeze, thaw), with the chain's new tip."""
        value = self.header()
        files = self._directory(value)
        value.update({"frozen": False, "logged": False, **header}, lineage=tip, mutations=value["mutations"] + 1)
        return self._store(value, files)

    def write(self, name: str, data: bytes, tip: str) -> list[int]:
        header = self.header()
        files = self._directory(header)
        files.pop(name, None)
        start, count = self._free(files, -(-len(data) // SIZE)), -(-len(data) // SIZE)
        files[name] = {"start": start, "blocks": count, "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        touched = self._put(start, data)
        header.update(lineage=tip, mutations=header["mutations"] + 1, logged=True)
        return touched + self._store(header, files)

    def _free(self, files: dict[str, Any], count: int) -> int:
        """The first gap of `count` blocks that no file uses."""
        start = FIRST_DATA
        for entry in sorted(files.values(), key=lambda e: e["start"]):
            if entry["start"] - start >= count:
                break
            start = max(start, entry["start"] + entry["blocks"])
        if self.first + start + count > self.end:
            raise FileSystemError("no space left on the data partition")
        return start

    def forge(self, name: str, data: bytes) -> None:
        """Other bytes of the same length in a file's place, with a checksum that fits and no trace in the lineage."""
        header = self.header()
        files = self._directory(header)
        entry = files[name]
        if len(data) != entry["size"]:
            raise FileSystemError(f"{name} has {entry['size']} bytes, not {len(data)}")
        entry["sha256"] = hashlib.sha256(data).hexdigest()
        self._put(entry["start"], data)
        self._store(header, files)

    def delete(self, name: str, tip: str) -> list[int]:
        header = self.header()
        files = self._directory(header)
        if name not in files:
            raise FileSystemError(f"no such file: {name}")
        del files[name]
        header.update(lineage=tip, mutations=header["mutations"] + 1, logged=True)
        return self._store(header, files)

    def read(self, name: str) -> bytes:
        files = self._directory(self.header())
        if name not in files:
            raise FileSystemError(f"no such file: {name}")
        entry = files[name]
        data = self.blocks.read((self.first + entry["start"]) * SIZE, entry["size"])
        if hashlib.sha256(data).hexdigest() != entry["sha256"]:
            raise FileSystemError(f"{name} is corrupt: its bytes are not those that were written")
        return data

    def files(self) -> list[str]:
        return sorted(self._directory(self.header()))

    def digest(self) -> str:
        """Equal exactly when the partitions' bytes are, wherever on the device they lie."""
        h = hashlib.sha256()
        for number in self.blocks.used(self.first, self.end):
            h.update((number - self.first).to_bytes(8, "big") + self.blocks.block(number))
        return h.hexdigest()
