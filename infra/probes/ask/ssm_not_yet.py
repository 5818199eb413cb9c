"""ssm-not-yet: what GetCommandInvocation answers right after SendCommand, of 20 commands."""

from __future__ import annotations

from ..scratch import Scratch, code_of
from ..verdict import Probe, Verdict, holds, not_asked

COMMANDS = 20


def ask(scratch: Scratch) -> list[str]:
    get, node = scratch.of("ssm").get_command_invocation, scratch.instance()["id"]
    sent = (scratch.send("true") for _ in range(COMMANDS))
    return [code_of(lambda id=id: get(CommandId=id, InstanceId=node)) for id in sent]


def judge(seen: list[str]) -> Verdict:
    refusals = sorted(set(seen) - {""})
    if not refusals:
        return not_asked(f"{COMMANDS} commands were known at once, which proves nothing.")
    other = [code for code in refusals if code != "InvocationDoesNotExist"]
    return holds(refusals, [f"It was refused with {', '.join(other)}."] if other else [])


PROBE = Probe("ssm-not-yet", ask, judge, minutes=0.2, needs=("instance",))
