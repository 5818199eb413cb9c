"""ec2-token-same: CreateVolume with one ClientToken three times, the last time with another size."""

from __future__ import annotations

import uuid

from ..scratch import Scratch, code_of
from ..verdict import Probe, Verdict, holds


def ask(scratch: Scratch) -> dict[str, str]:
    create, token = scratch.of("ec2").create_volume, str(uuid.uuid4())
    same = {"AvailabilityZone": scratch.zone(), "ClientToken": token, "TagSpecifications": scratch.tagged("volume")}
    first, second = (create(**same, Size=1)["VolumeId"] for _ in range(2))
    return {"first": first, "second": second, "other": code_of(lambda: create(**same, Size=2))}


def judge(seen: dict[str, str]) -> Verdict:
    wrong = []
    if seen["first"] != seen["second"]:
        wrong.append("The second call made a second volume.")
    if seen["other"] != "IdempotentParameterMismatch":
        wrong.append(f"Another size was answered with {seen['other'] or 'a volume'}.")
    return holds(seen, wrong)


PROBE = Probe("ec2-token-same", ask, judge, minutes=0.1)
