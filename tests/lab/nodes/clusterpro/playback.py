"""A recording played back as nodes: what tests/recordings holds is answered as it was recorded, byte for byte.

CLUSTERPRO's commands come from the recording alone: one with arguments that were not recorded is refused. The system's
commands come from it as far as their arguments were recorded; everything else is the lab's own.
"""

from __future__ import annotations

from ..machine import Machine
from ..socket import Command, Exec, NodeCall, Result
from .recorded import Answers

REFUSED = 126


def play(machine: Machine, answers: Answers) -> None:
    """Let `machine` answer from now on as was recorded."""
    for name in {argv[0] for argv in answers} | {name for name in machine.commands if name.startswith("clp")}:
        machine.command(name)(_command(name, answers, machine.commands.get(name)))


def _command(name: str, answers: Answers, own: Command | None) -> Command:
    def run(call: NodeCall) -> Result | Exec:
        answer = answers.get(tuple(call.argv))
        if answer is not None:
            call.sleep(answer.seconds)
            return Result(answer.exit, answer.stdout, answer.stderr)
        if own is not None and not name.startswith("clp"):
            return own(call)
        return Result(REFUSED, "", f"{name}: not in the recording: {call.line}\n")

    return run
