"""The cluster partition: what the mirror knows of itself on this disk, in bytes that snapshots take along.

Block 0 is the record (JSON behind a magic), from 1 MiB on lies the difference bitmap, one bit per block of the data
partition. NEW means initialised, full copy due.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from ...ec2.blocks import SIZE, Blocks

MAGIC = b"CLPMD-LAB\n"
BITMAP = (1 << 20) // SIZE  # block at which the bitmap begins
DEFAULTS: dict[str, Any] = {
    "mirror": "NEW",  # this side's own state: NEW | GREEN | RED
    "flag": "OFF",  # backup flag
    "pair": "",  # names the moment at which both sides were last equal; a difference is one against that moment
    "outdated": False,  # the peer lacks what the bitmap names
    "full": False,  # the bitmap does not tell: everything has to be copied
    "peer_active": False,  # when last seen, the peer had the disk's group
}


class ClusterPartition:
    """Blocks [first, end) of a device as the cluster partition of mirror disk `disk`."""

    def __init__(self, blocks: Blocks, first: int, end: int, disk: str) -> None:
        self.blocks, self.first, self.end, self.disk = blocks, first, end, disk

    def record(self) -> dict[str, Any] | None:
        """The record, or None if this is not a cluster partition of this mirror disk."""
        value = read_record(self.blocks, self.first)
        return value if value and value["disk"] == self.disk else None

    def blank(self) -> bool:
        return not self.blocks.used(self.first, self.end)

    def initialise(self, **values: Any) -> None:
        """Make it a cluster partition with a fresh record; whatever was there is gone."""
        for number in self.blocks.used(self.first, self.end):
            self.blocks.put(number, bytes(SIZE))
        self._save({"disk": self.disk, **DEFAULTS, **values})

    def update(self, **values: Any) -> None:
        record = self.record()
        if record is None:
            raise ValueError(f"not a cluster partition of {self.disk}")
        if any(record[k] != v for k, v in values.items()):
            self._save({**record, **values})

    def _save(self, record: dict[str, Any]) -> None:
        self.blocks.put(self.first, (MAGIC + json.dumps(record, sort_keys=True).encode()).ljust(SIZE, b"\0"))

    # --- the difference bitmap ---

    def mark(self, numbers: Iterable[int], on: bool = True) -> None:
        """Set (or clear) the bits of these blocks of the data partition."""
        for number in numbers:
            byte, bit = divmod(number, 8)
            offset = (self.first + BITMAP) * SIZE + byte
            old = self.blocks.read(offset, 1)[0]
            new = old | (1 << bit) if on else old & ~(1 << bit)
            if new != old:
                self.blocks.write(offset, bytes([new]))

    def marked(self) -> list[int]:
        """The numbers of the blocks whose bit is set."""
        out = []
        for block in self.blocks.used(self.first + BITMAP, self.end):
            base = (block - self.first - BITMAP) * SIZE * 8
            for i, byte in enumerate(self.blocks.block(block)):
                if byte:
                    out += [base + i * 8 + bit for bit in range(8) if byte >> bit & 1]
        return out

    def clear(self) -> None:
        for block in self.blocks.used(self.first + BITMAP, self.end):
            self.blocks.put(block, bytes(SIZE))


def read_record(blocks: Blocks, first: int) -> dict[str, Any] | None:
    raw = blocks.block(first)
    if not raw.startswith(MAGIC):
        return None
    return json.loads(raw[len(MAGIC) :].rstrip(b"\0"))
