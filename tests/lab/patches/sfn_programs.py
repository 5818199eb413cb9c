"""Parsed machines, kept: in memory for the lab, and under target/lab/programs for the labs after it.

ANTLR in Python takes a second for our five machines, and an unpickled program a hundredth of that. What is kept counts
for the very same text, parser, Python and patches (a patch may replace what a program is made of).
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import importlib.metadata
import pickle
import sys
import tempfile
from pathlib import Path

from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser

KEPT = Path(__file__).resolve().parents[3] / "target" / "lab" / "programs"
# A shorter text is parsed as fast as it is read, and the contract tests make hundreds of them.
LEAST = 8_000
PACKAGES = ("moto", "antlr4-python3-runtime")


@functools.lru_cache(maxsize=512)
def program(definition: str) -> Program:
    """The parsed machine; raises what the parser raises. It keeps no state, so executions share it."""
    if len(definition) < LEAST:
        return AmazonStateLanguageParser.parse(definition)[0]
    path = KEPT / hashlib.sha256((made_of() + definition).encode()).hexdigest()
    # Whatever is wrong with what is kept, the parser is asked.
    with contextlib.suppress(Exception):
        return pickle.loads(path.read_bytes())
    parsed = AmazonStateLanguageParser.parse(definition)[0]
    with contextlib.suppress(OSError, pickle.PicklingError, AttributeError, TypeError, RecursionError):
        _keep(path, pickle.dumps(parsed))
    return parsed


@functools.cache
def made_of() -> str:
    """What a program's pickle depends on beside its text."""
    sources = b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("sfn_*.py")))
    versions = [importlib.metadata.version(package) for package in PACKAGES]
    return " ".join([sys.version, *versions, hashlib.sha256(sources).hexdigest()])


def _keep(path: Path, content: bytes) -> None:
    """Written beside it and moved, since labs that run side by side read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as side:
        side.write(content)
    Path(side.name).replace(path)
