"""iam-attribute: what ec2:Attribute is for a block device mapping, and that the instance alone is asked for."""

from __future__ import annotations

from typing import Any

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds
from .dry_run import allow, outcome, wrong

WANTED = {"the instance with BlockDeviceMapping": "allowed", "the instance with UserData": "denied"}


def ask(scratch: Scratch) -> dict[str, str]:
    instance = scratch.instance()
    arn = f"arn:{scratch.partition}:ec2:{scratch.region}:{scratch.account}:instance/{instance['id']}"
    mapping = [{"DeviceName": instance["root"], "Ebs": {"DeleteOnTermination": True}}]

    def modify(ec2: Any) -> None:
        ec2.modify_instance_attribute(InstanceId=instance["id"], BlockDeviceMappings=mapping, DryRun=True)

    def under(name: str) -> str:
        action = "ec2:ModifyInstanceAttribute"
        return outcome(scratch, modify, allow(action, arn, StringEquals={"ec2:Attribute": name}))

    return dict(zip(WANTED, (under("BlockDeviceMapping"), under("UserData")), strict=True))


def judge(seen: dict[str, str]) -> Verdict:
    return holds(seen, wrong(seen, WANTED))


PROBE = Probe("iam-attribute", ask, judge, minutes=0.2, needs=("instance",))
