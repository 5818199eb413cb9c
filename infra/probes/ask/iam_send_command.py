"""iam-send-command: SendCommand under policies for the document alone, and for nodes with the right or another tag."""

from __future__ import annotations

from typing import Any

from ..scratch import TAG, Scratch, code_of
from ..verdict import Probe, Verdict, holds
from .dry_run import allow, wrong

ANSWERS = {"": "allowed", "AccessDeniedException": "denied"}
WANTED = {"the document alone": "denied", "nodes with the tag": "allowed", "nodes with another value": "denied"}


def ask(scratch: Scratch) -> dict[str, str]:
    base, node = f"arn:{scratch.partition}", scratch.instance()["id"]
    document = allow("ssm:SendCommand", f"{base}:ssm:{scratch.region}:{scratch.account}:document/{scratch.shell()}")

    def nodes(value: str) -> dict[str, Any]:
        arn = f"{base}:ec2:{scratch.region}:{scratch.account}:instance/*"
        return allow("ssm:SendCommand", arn, StringEquals={f"ssm:resourceTag/{TAG}": value})

    def send(*statements: dict[str, Any]) -> str:
        ssm = scratch.as_caller("ssm", *statements)
        order = {"DocumentName": scratch.shell(), "InstanceIds": [node], "Parameters": {"script": ["true"]}}
        code = code_of(lambda: ssm.send_command(**order))
        return ANSWERS.get(code, code)

    found = (send(document), send(document, nodes(scratch.run)), send(document, nodes("another")))
    return dict(zip(WANTED, found, strict=True))


def judge(seen: dict[str, str]) -> Verdict:
    return holds(seen, wrong(seen, WANTED))


PROBE = Probe("iam-send-command", ask, judge, minutes=0.2, needs=("instance",))
