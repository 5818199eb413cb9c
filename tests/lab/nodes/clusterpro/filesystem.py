"""The data partition's file system: tiny, but in real blocks: what the mirror forgets to copy is really missing.

Block 0 has our own superblock (one KiB of JSON) and, beside it, that of a real file system (ext4.py, xfs.py), which
says of itself whether it is in use, as Linux writes it; so does its journal or log. Blocks 1..63 are the directory;
what files hold follows behind the journal. Each mutation extends a hash chain, the *lineage*, whose tip lies in the
superblock: it travels with every copy of the bytes, and two images with one tip but other bytes, or with tips of which
neither descends from the other, are corruption or a split.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ...ec2.blocks import SIZE, Blocks
from . import ext4, xfs
from .shape import DIRECTORY, OWN, Shape

MAGIC = "LABFS1"
SHAPES: dict[str, Shape] = {shape.name: shape for shape in (ext4.SHAPE, xfs.SHAPE)}


class FileSystemError(Exception):
    """No such file, no space, not a file system, or bytes that are not those that were written."""


class FileSystem:
    """The file system in blocks [first, end) of a device. Methods that change it return the blocks touched, counted
    from the partition's start, as the mirror's bitmap does."""

    def __init__(self, blocks: Blocks, first: int, end: int) -> None:
        self.blocks, self.first, self.end = blocks, first, end

    @property
    def shape(self) -> Shape:
        """As the first bytes say."""
        is_xfs = self.blocks.block(self.first)[: len(xfs.MAGIC)] == xfs.MAGIC
        return xfs.SHAPE if is_xfs else ext4.SHAPE

    def format(self, label: str, kind: str = ext4.SHAPE.name) -> list[int]:
        shape = SHAPES[kind]
        if self.end - self.first < shape.first_data:
            raise FileSystemError(f"{self.end - self.first} blocks are too few for {kind}")
        touched = []
        for number in self.blocks.used(self.first, self.end):
            self.blocks.put(number, bytes(SIZE))
            touched.append(number - self.first)
        origin = hashlib.sha256(f"format {label}".encode()).hexdigest()[:16]
        header = {"magic": MAGIC, "lineage": origin, "mutations": 0, "mounted": None, "length": 2}
        header |= {"frozen": False, "logged": False}
        touched += self._patch(shape.once(self.end - self.first))
        return sorted({*touched, *self._store(header, {}, shape)})

    def header(self) -> dict[str, Any]:
        """The superblock: lineage, number of mutations, the node that has it mounted (None after a clean umount),
        whether it is frozen there, and whether its journal holds anything."""
        at = self.shape.own
        raw = self.blocks.block(self.first)[at : at + OWN].rstrip(b"\0")
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

    def _store(self, header: dict[str, Any], files: dict[str, Any], shape: Shape | None = None) -> list[int]:
        shape = shape or self.shape
        text = json.dumps(files, sort_keys=True).encode()
        if len(text) > DIRECTORY * SIZE:
            raise FileSystemError("the directory is full")
        header["length"] = len(text)
        own = json.dumps(header, sort_keys=True).encode()
        if len(own) > OWN:
            raise FileSystemError("the superblock is full")
        superblock, log = shape.now(self.end - self.first, header)
        touched = self._patch([*superblock, (shape.own, own.ljust(OWN, b"\0"))])
        return touched + self._put(1, text) + self._patch(log)

    def _patch(self, pieces: list[tuple[int, bytes]]) -> list[int]:
        """Write bytes, each piece within one block, at places in bytes; only blocks that change are touched, once."""
        changed: dict[int, bytes] = {}
        for at, data in pieces:
            number, inside = divmod(at, SIZE)
            old = changed.get(number, self.blocks.block(self.first + number))
            changed[number] = old[:inside] + data + old[inside + len(data) :]
        return [touched for number, data in changed.items() for touched in self._put(number, data)]

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
        start = self.shape.first_data
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
