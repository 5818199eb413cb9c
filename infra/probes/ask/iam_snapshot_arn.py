"""iam-snapshot-arn: DeleteSnapshot under a policy that names its ARN without, and with, the account."""

from __future__ import annotations

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds
from .dry_run import allow, outcome, wrong

WANTED = {"without the account": "allowed", "with the account": "denied"}


def ask(scratch: Scratch) -> dict[str, str]:
    snapshot = scratch.snapshot()

    def under(account: str) -> str:
        arn = f"arn:{scratch.partition}:ec2:{scratch.region}:{account}:snapshot/{snapshot}"
        statement = allow("ec2:DeleteSnapshot", arn)
        return outcome(scratch, lambda ec2: ec2.delete_snapshot(SnapshotId=snapshot, DryRun=True), statement)

    return dict(zip(WANTED, (under(""), under(scratch.account)), strict=True))


def judge(seen: dict[str, str]) -> Verdict:
    return holds(seen, wrong(seen, WANTED))


PROBE = Probe("iam-snapshot-arn", ask, judge, minutes=0.2, needs=("snapshot",))
