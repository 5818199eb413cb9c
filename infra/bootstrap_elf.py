"""What the built bootstrap is: for which processor, and which glibc it asks for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

BOOTSTRAP = Path(__file__).resolve().parent.parent / "target" / "lambda" / "bootstrap" / "bootstrap"
# glibc of Amazon Linux 2023, on which the runtime provided.al2023 stands.
LAMBDA_GLIBC = (2, 34)
# ELF's e_machine, by the name of the template's parameter Architecture.
MACHINES = {62: "x86_64", 183: "arm64"}


class Unusable(Exception):
    """The file does not run on Lambda; the text says why and what to do."""


@dataclass(frozen=True)
class Bootstrap:
    architecture: str
    glibc: tuple[int, ...]  # the newest version that one of its symbols asks for


def read(path: Path = BOOTSTRAP) -> Bootstrap:
    content = path.read_bytes()
    if content[:4] != b"\x7fELF":
        raise Unusable(f"{path.name} is no ELF file: run `make build`")
    machine = int.from_bytes(content[18:20], "little")
    if machine not in MACHINES:
        raise Unusable(f"{path.name} is for ELF machine {machine}; Lambda has {' and '.join(MACHINES.values())}")
    versions = re.findall(rb"\0GLIBC_(\d+(?:\.\d+)*)(?=\0)", content)
    return Bootstrap(MACHINES[machine], max((tuple(map(int, each.split(b"."))) for each in versions), default=()))


def for_lambda(path: Path = BOOTSTRAP) -> Bootstrap:
    """The same; Unusable if it asks for a newer glibc than Lambda has."""
    found = read(path)
    if found.glibc > LAMBDA_GLIBC:
        asked, there = (".".join(map(str, each)) for each in (found.glibc, LAMBDA_GLIBC))
        raise Unusable(
            f"{path.name} was linked with this machine's C library and asks for glibc {asked}; Lambda has {there}. "
            f"Next: build it with `make build ARCH={found.architecture}`, which links it with an older one."
        )
    return found
