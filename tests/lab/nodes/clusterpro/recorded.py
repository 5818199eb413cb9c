"""A recording as the lab's nodes play it back (playback.py): which arguments were recorded, and what each answered.

Imports nothing of the lab, since the options of a lab are read before anything of ministack may be imported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FORM = 1


@dataclass(frozen=True)
class Answer:
    """What a command answers, and how many lab seconds it takes."""

    exit: int
    stdout: str
    stderr: str
    seconds: float


Answers = dict[tuple[str, ...], Answer]


def read(path: Path) -> dict[str, Answers]:
    """By node: arguments to the answer. ValueError: the file is no recording that can be played back."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if found["recording"] != FORM:
            raise ValueError(f"its form is {found['recording']}, and {FORM} is known")
        return {node["name"]: _answers(node) for node in found["nodes"]}
    except (OSError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no recording that can be played back: {error!r}") from None


def _answers(node: dict[str, Any]) -> Answers:
    """The last answer counts where arguments were recorded twice: the doctor repeats what could not be read."""
    out: Answers = {}
    for entry in node["entries"]:
        if entry.get("cut"):
            continue  # its end is not known
        answer = Answer(int(entry["exit"]), str(entry["stdout"]), str(entry["stderr"]), int(entry["ms"]) / 1000)
        out[tuple(map(str, entry["argv"]))] = answer
    return out
