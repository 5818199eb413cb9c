"""What a real file system adds to the lab's own: where it leaves room, and what says whether it is in use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

DIRECTORY = 63  # blocks, from block 1 on
OWN = 1024  # bytes of the lab's own superblock

Pieces = list[tuple[int, bytes]]  # (place in bytes from the partition's begin, bytes), each within one block


@dataclass(frozen=True)
class Shape:
    name: str  # as /proc/mounts has it
    own: int  # where in block 0 the lab's own superblock lies
    first_data: int  # the first block of files
    once: Callable[[int], Pieces]  # (blocks): what mkfs writes, and nobody after it
    now: Callable[[int, dict[str, Any]], tuple[Pieces, Pieces]]  # (blocks, header): in block 0; journal or log
