"""Lies that a seed draws: one member of one call's answers, left out or changed, from the lab's start on.

`--mutate SEED`. What may be drawn is below: the members that mirrorsnap's code reads or that a belief is about, and the
codes of refusals. Written before the probes that look for such things.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from dataclasses import dataclass
from typing import Any

from .. import gateway
from ..wire import Response

# call -> members of its answer; "!" is the code of a refusal
MEMBERS: dict[str, tuple[str, ...]] = {
    "ec2:DescribeInstances": ("launchTime", "code"),
    "ec2:DescribeVolumes": ("volumeType", "deleteOnTermination"),
    "ec2:CreateVolume": ("volumeId", "!"),
    "ec2:AttachVolume": ("!",),
    "ec2:DeleteVolume": ("!",),
    "ec2:DeleteTags": ("!",),
    "ec2:DeleteSnapshot": ("!",),
    "ec2:ModifyInstanceAttribute": ("!",),
    "ec2:DescribeSnapshots": ("key",),
    "ssm:GetCommandInvocation": ("StandardOutputContent", "ExecutionStartDateTime", "!"),
    "ssm:DescribeInstanceInformation": ("PingStatus", "LastPingDateTime"),
    "ssm:GetDocument": ("Content",),
    "ssm:SendCommand": ("!",),
    "states:DescribeExecution": ("status", "cause", "output"),
    "states:StartExecution": ("executionArn", "!"),
    "dynamodb:GetItem": ("Item",),
    "dynamodb:PutItem": ("!",),
    "sqs:ReceiveMessage": ("Body",),
}
KINDS = ("left out", "changed")


@dataclass(frozen=True)
class Mutation:
    call: str
    member: str
    kind: str


def drawn(seed: int) -> Mutation:
    """The one of this seed; a refusal always keeps some code."""
    choice = random.Random(seed)
    call, member = choice.choice([(call, member) for call, members in MEMBERS.items() for member in members])
    return Mutation(call, member, "changed" if member == "!" else choice.choice(KINDS))


def _changed(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 3600
    if isinstance(value, dict):
        return {key: _changed(each) for key, each in value.items()}
    if isinstance(value, str) and value in ("true", "false"):
        return "false" if value == "true" else "true"
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\dT.*", value):
        return f"{(int(value[:4]) + 1):04d}{value[4:]}"
    return f"{value}x" if isinstance(value, str) else value


def _in_json(value: Any, mutation: Mutation) -> Any:
    if isinstance(value, list):
        return [_in_json(each, mutation) for each in value]
    if not isinstance(value, dict):
        return value
    out = {}
    for key, each in value.items():
        if key != mutation.member:
            out[key] = _in_json(each, mutation)
        elif mutation.kind == "changed":
            out[key] = _changed(each)
    return out


def mutated(text: str, mutation: Mutation, refused: bool) -> str:
    """The body of an answer as this mutation has it."""
    if mutation.member == "!":
        pattern = r'(<Code>|"__type": ?")([^<"]*)' if refused else r"(?!)"
        return re.sub(pattern, lambda found: f"{found[1]}{found[2]}x", text)
    if refused:
        return text
    if text.startswith("{"):
        return json.dumps(_in_json(json.loads(text), mutation))
    pattern = rf"<{mutation.member}>([^<]*)</{mutation.member}>"
    if mutation.kind == "left out":
        return re.sub(pattern, "", text)
    return re.sub(pattern, lambda found: f"<{mutation.member}>{_changed(found[1])}</{mutation.member}>", text)


def tell(seed: int) -> None:
    mutation, true = drawn(seed), gateway._inner

    async def inner(*arguments: Any) -> Response:
        response = await true(*arguments)
        call = gateway.current_call()
        if call is None or call.name != mutation.call:
            return response
        status, headers, body = response
        text = body if isinstance(body, str) else bytes(body).decode("utf-8", "replace")
        new = mutated(text, mutation, status >= 400).encode()
        headers = {k: v for k, v in headers.items() if k.lower() not in ("content-length", "x-amz-crc32")}
        if call.service == "dynamodb":
            headers["x-amz-crc32"] = str(zlib.crc32(new))
        return status, headers, new

    gateway._inner = inner
