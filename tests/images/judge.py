"""The judge of functions/prove-image, asked through its example."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = "mirrorsnap-prove-image"


def build() -> Path:
    """Compile it, in seconds: it needs no SDK. Where it is then."""
    command = ["cargo", "build", "--quiet", "--release", "--locked", "--package", PACKAGE, "--example", "prove-image"]
    command += ["--message-format", "json"]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    found = [json.loads(line).get("executable") for line in printed.splitlines()]
    return Path(next(each for each in found if each))


class Judge:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def __call__(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, f"the judge ended at {request}"
        return json.loads(line)


@contextmanager
def judge() -> Iterator[Judge]:
    process = subprocess.Popen(
        [build()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "RUST_BACKTRACE": "1"}
    )
    try:
        yield Judge(process)
    finally:
        assert process.stdin
        process.stdin.close()
        process.wait()
