"""iam-create-tags: CreateVolume with tags, under policies with and without CreateTags, and CreateTags by itself."""

from __future__ import annotations

from typing import Any

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds
from .dry_run import allow, outcome, wrong

WANTED = {
    "without CreateTags": "denied",
    "no tags, without CreateTags": "allowed",
    "CreateAction CreateVolume": "allowed",
    "CreateAction RunInstances": "denied",
    "CreateTags by itself": "denied",
}


def ask(scratch: Scratch) -> dict[str, str]:
    arn = f"arn:{scratch.partition}:ec2:{scratch.region}:{scratch.account}:volume/*"
    create, existing, zone = allow("ec2:CreateVolume", arn), scratch.volume(), scratch.zone()

    def tags(made_by: str) -> dict[str, Any]:
        return allow("ec2:CreateTags", arn, StringEquals={"ec2:CreateAction": made_by})

    def tagged(ec2: Any) -> None:
        ec2.create_volume(AvailabilityZone=zone, Size=1, TagSpecifications=scratch.tagged("volume"), DryRun=True)

    def plain(ec2: Any) -> None:
        ec2.create_volume(AvailabilityZone=zone, Size=1, DryRun=True)

    def tag(ec2: Any) -> None:
        ec2.create_tags(Resources=[existing], Tags=[{"Key": "mark", "Value": "yes"}], DryRun=True)

    found = (
        outcome(scratch, tagged, create),
        outcome(scratch, plain, create),
        outcome(scratch, tagged, create, tags("CreateVolume")),
        outcome(scratch, tagged, create, tags("RunInstances")),
        outcome(scratch, tag, create, tags("CreateVolume")),
    )
    return dict(zip(WANTED, found, strict=True))


def judge(seen: dict[str, str]) -> Verdict:
    return holds(seen, wrong(seen, WANTED))


PROBE = Probe("iam-create-tags", ask, judge, minutes=0.2)
