"""A recording played back as nodes: what tests/recordings holds is answered as it was recorded, byte for byte.

CLUSTERPRO's commands come from the recording alone: one with arguments that were not recorded is refused. The system's
commands come from it as far as their arguments were recorded; everything else is the lab's own.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..machine import Machine
from ..socket import Command, Exec, NodeCall, Result

FORM = 1
REFUSED = 126


@dataclass(frozen=True)
class Answer:
    """What a command answers, and how many lab seconds it takes."""

    result: Result
    seconds: float


Answers = dict[tuple[str, ...], Answer]


def load(path: Path) -> dict[str, Answers]:
    """By node: arguments to the answer. ValueError: the file is no recording that can be played back."""
    try:
        read: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if read["recording"] != FORM:
            raise ValueError(f"its form is {read['recording']}, and {FORM} is known")
        return {node["name"]: _answers(node) for node in read["nodes"]}
    except (OSError, json.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: no recording that can be played back: {error!r}") from None


def _answers(node: dict[str, Any]) -> Answers:
    """The first answer counts where arguments were recorded twice."""
    out: Answers = {}
    for entry in node["entries"]:
        if entry.get("cut"):
            continue  # its end is not known
        result = Result(int(entry["exit"]), str(entry["stdout"]), str(entry["stderr"]))
        out.setdefault(tuple(map(str, entry["argv"])), Answer(result, int(entry["ms"]) / 1000))
    return out


def play(machine: Machine, answers: Answers) -> None:
    """Let `machine` answer from now on as was recorded."""
    for name in {argv[0] for argv in answers} | {name for name in machine.commands if name.startswith("clp")}:
        machine.command(name)(_command(name, answers, machine.commands.get(name)))


def _command(name: str, answers: Answers, own: Command | None) -> Command:
    def run(call: NodeCall) -> Result | Exec:
        answer = answers.get(tuple(call.argv))
        if answer is not None:
            call.sleep(answer.seconds)
            return answer.result
        if own is not None and not name.startswith("clp"):
            return own(call)
        return Result(REFUSED, "", f"{name}: not in the recording: {call.line}\n")

    return run
