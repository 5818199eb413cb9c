"""The bytes of a volume: sparse blocks of 4 KiB, frozen by snapshots, copied by the mirror."""

from __future__ import annotations

import hashlib

SIZE = 4096
_ZERO = bytes(SIZE)


class Blocks:
    """A sparse device. Blocks never written read as zeros; a block set to zeros is dropped again."""

    def __init__(self, gib: int, blocks: dict[int, bytes] | None = None) -> None:
        self.size = gib << 30  # bytes
        self._blocks = dict(blocks or {})
        self.puts: dict[int, int] = {}  # block -> completed writes since the device was made
        self._completed = 0  # all of them
        self._counted: dict[tuple[int, int], tuple[int, int]] = {}  # blocks -> their writes, and all at that time

    def copy(self, gib: int | None = None) -> Blocks:
        """An independent device with the same bytes, of another size if given (a snapshot, a volume made from one)."""
        return Blocks(gib or self.size >> 30, self._blocks)

    def block(self, number: int) -> bytes:
        return self._blocks.get(number, _ZERO)

    def put(self, number: int, data: bytes) -> None:
        if len(data) != SIZE or not 0 <= number < self.size // SIZE:
            raise ValueError(f"block {number}: {len(data)} bytes, device of {self.size // SIZE} blocks")
        self.puts[number] = self.puts.get(number, 0) + 1
        self._completed += 1
        if data == _ZERO:
            self._blocks.pop(number, None)
        else:
            self._blocks[number] = bytes(data)

    def writes(self, first: int, end: int) -> int:
        """Completed writes of the blocks in [first, end)."""
        completed = self._completed  # before they are counted: a write meanwhile makes the next call count again
        count, of = self._counted.get((first, end), (0, 0))
        if of != completed:
            count = sum(each for number, each in list(self.puts.items()) if first <= number < end)
            self._counted[first, end] = count, completed
        return count

    def used(self, first: int = 0, end: int | None = None) -> list[int]:
        """Numbers of the blocks that are not all zeros, in [first, end)."""
        return sorted(n for n in self._blocks if n >= first and (end is None or n < end))

    def read(self, offset: int, length: int) -> bytes:
        first, last = offset // SIZE, (offset + length + SIZE - 1) // SIZE
        data = b"".join(self.block(n) for n in range(first, last))
        return data[offset - first * SIZE :][:length]

    def write(self, offset: int, data: bytes) -> list[int]:
        """Write bytes anywhere; returns the numbers of the blocks touched."""
        if offset < 0 or offset + len(data) > self.size:
            raise ValueError("write beyond the end of the device")
        touched = []
        while data:
            number, inside = divmod(offset, SIZE)
            part = data[: SIZE - inside]
            old = self.block(number)
            self.put(number, old[:inside] + part + old[inside + len(part) :])
            touched.append(number)
            offset, data = offset + len(part), data[len(part) :]
        return touched

    def digest(self, first: int = 0, end: int | None = None) -> str:
        """SHA-256 over the used blocks in [first, end) with their numbers: equal exactly when the bytes are."""
        h = hashlib.sha256()
        for number in self.used(first, end):
            h.update(number.to_bytes(8, "big") + self._blocks[number])
        return h.hexdigest()
