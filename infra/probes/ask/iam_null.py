"""iam-null: DeleteVolume under `Null: aws:ResourceTag/mark = true`, of a volume with the tag and of one without."""

from __future__ import annotations

from typing import Any

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds
from .dry_run import allow, outcome, wrong

WANTED = {"with the tag": "denied", "without the tag": "allowed"}


def ask(scratch: Scratch) -> dict[str, str]:
    statement = allow("ec2:DeleteVolume", Null={"aws:ResourceTag/mark": "true"})

    def delete(volume: str) -> str:
        def call(ec2: Any) -> None:
            ec2.delete_volume(VolumeId=volume, DryRun=True)

        return outcome(scratch, call, statement)

    return {"with the tag": delete(scratch.volume({"mark": "yes"})), "without the tag": delete(scratch.volume())}


def judge(seen: dict[str, str]) -> Verdict:
    return holds(seen, wrong(seen, WANTED))


PROBE = Probe("iam-null", ask, judge, minutes=0.2)
