"""statelint over the state machines, with an exit status, and what it does not look at: timeouts and retries.

A Task without TimeoutSeconds waits for ever, and one without Catch or Retry ends an operation with a disturbed cluster.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATELINT = Path(sys.executable).with_name("statelint")


def states(machine: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every state of a definition, branches and iterations included."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]:
            yield from states(inner)


def problems(machine: dict[str, Any]) -> Iterator[str]:
    if "TimeoutSeconds" not in machine:
        yield "the machine has no TimeoutSeconds"
    for name, state in states(machine):
        if state["Type"] == "Task":
            if "TimeoutSeconds" not in state:
                yield f"{name}: no TimeoutSeconds"
            if "Catch" not in state:
                yield f"{name}: no Catch"


def statelint(machine: dict[str, Any]) -> str:
    """What statelint says. It does not know that a number may be an expression, and is shown a number there."""
    for _, state in states(machine):
        for field in ("TimeoutSeconds", "Seconds"):
            if str(state.get(field, "")).startswith("{%"):
                state[field] = 1
    with tempfile.NamedTemporaryFile("w", suffix=".asl.json", encoding="utf-8") as file:
        json.dump(machine, file)
        file.flush()
        run = subprocess.run([STATELINT, file.name], capture_output=True, text=True, check=False)
    bad = run.returncode or run.stdout.strip() or run.stderr.strip()
    return f"statelint:\n{run.stdout}{run.stderr}" if bad else ""


def main(paths: list[str]) -> int:
    if not paths:
        print("usage: lint_statemachines.py FILE…", file=sys.stderr)
        return 2
    bad = False
    for path in map(Path, paths):
        machine = json.loads(path.read_text(encoding="utf-8"))
        found = list(problems(machine))
        if said := statelint(machine):
            found.append(said)
        for problem in found:
            bad = True
            print(f"{path}: {problem}", file=sys.stderr)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
