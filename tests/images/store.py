"""Images of disks as they are kept: the pages that are not zero, each once, all states of one disk in one file.

A file is LZMA of a JSON line and of the pool of pages. The line: `{"pages", "states": {NAME: {…, "size", "at": [[first
page, index in the pool, count], …]}}}`.
"""

from __future__ import annotations

import hashlib
import json
import lzma
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

PAGE = 4096
ZEROS = bytes(PAGE)
FIXTURES = Path(__file__).resolve().parent / "fixtures"
FINGERPRINTED = 64 * 1024


@dataclass
class Image:
    """A disk's bytes: pages that are not there are zeros."""

    size: int
    pages: dict[int, bytes] = field(default_factory=dict)

    def copy(self) -> Image:
        return Image(self.size, dict(self.pages))

    def read(self, at: int, length: int) -> bytes:
        first, last = at // PAGE, (at + length + PAGE - 1) // PAGE
        joined = b"".join(self.pages.get(number, ZEROS) for number in range(first, last))
        return joined[at - first * PAGE : at - first * PAGE + length]

    def write(self, at: int, data: bytes) -> None:
        done = 0
        while done < len(data):
            number, offset = divmod(at + done, PAGE)
            part = data[done : done + PAGE - offset]
            page = self.pages.get(number, ZEROS)
            page = page[:offset] + part + page[offset + len(part) :]
            if page == ZEROS:
                self.pages.pop(number, None)
            else:
                self.pages[number] = page
            done += len(part)

    def zero(self, at: int, length: int) -> None:
        """Like `write` of zeros, and quick however much it is."""
        first, last = at // PAGE + 1, (at + length) // PAGE
        if first >= last:
            self.write(at, bytes(length))
            return
        for number in [number for number in self.pages if first <= number < last]:
            del self.pages[number]
        self.write(at, bytes(first * PAGE - at))
        self.write(last * PAGE, bytes(at + length - last * PAGE))

    def save(self, path: Path) -> None:
        """As a sparse file."""
        path.unlink(missing_ok=True)
        with path.open("wb") as file:
            file.truncate(self.size)
            for number, page in self.pages.items():
                file.seek(number * PAGE)
                file.write(page)


def load_file(path: Path) -> Image:
    """The pages of a sparse file that are not zero."""
    image = Image(path.stat().st_size)
    with path.open("rb") as file:
        position = 0
        while position < image.size:
            try:
                position = os.lseek(file.fileno(), position, os.SEEK_DATA)
            except OSError:
                break
            end = os.lseek(file.fileno(), position, os.SEEK_HOLE)
            for number in range(position // PAGE, (end + PAGE - 1) // PAGE):
                page = os.pread(file.fileno(), PAGE, number * PAGE)
                page += bytes(PAGE - len(page))
                if page != ZEROS:
                    image.pages[number] = page
            position = end
    return image


@dataclass
class State:
    """One state of a disk; `about`: where its partitions are, the file system, what it is known to be."""

    image: Image
    about: dict[str, Any]


def _runs(pages: dict[int, int]) -> Iterator[list[int]]:
    run: list[int] = []
    for number, index in sorted(pages.items()):
        if run and number == run[0] + run[2] and index == run[1] + run[2]:
            run[2] += 1
        else:
            if run:
                yield run
            run = [number, index, 1]
    if run:
        yield run


def save(path: Path, states: dict[str, State]) -> None:
    pool: dict[bytes, int] = {}
    pages: list[bytes] = []
    described = {}
    for name, state in states.items():
        found = {}
        for number in sorted(state.image.pages):
            page = state.image.pages[number]
            key = hashlib.sha256(page).digest()
            if key not in pool:
                pool[key] = len(pages)
                pages.append(page)
            found[number] = pool[key]
        described[name] = {**state.about, "size": state.image.size, "at": list(_runs(found))}
    head = json.dumps({"pages": len(pages), "states": described}, separators=(",", ":"), sort_keys=True).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(lzma.compress(head + b"\n" + b"".join(pages), preset=9 | lzma.PRESET_EXTREME))


def load(path: Path) -> dict[str, State]:
    head, pool = lzma.decompress(path.read_bytes()).split(b"\n", 1)
    states = {}
    for name, about in json.loads(head)["states"].items():
        image = Image(about.pop("size"))
        for first, index, count in about.pop("at"):
            for step in range(count):
                image.pages[first + step] = pool[(index + step) * PAGE : (index + step + 1) * PAGE]
        states[name] = State(image, about)
    return states
