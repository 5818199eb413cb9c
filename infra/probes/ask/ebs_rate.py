"""ebs-rate: which VolumeInitializationRate CreateVolume takes, by DryRun."""

from __future__ import annotations

from ..scratch import Scratch, code_of
from ..verdict import Probe, Verdict, holds, not_asked

RATES = (99, 100, 300, 301)


def ask(scratch: Scratch) -> dict[int, str]:
    """Rate -> the code of the answer."""
    given = {"SnapshotId": scratch.snapshot(), "AvailabilityZone": scratch.zone(), "VolumeType": "gp3"}
    create = scratch.of("ec2").create_volume
    return {r: code_of(lambda r=r: create(**given, VolumeInitializationRate=r, DryRun=True)) for r in RATES}


def judge(seen: dict[int, str]) -> Verdict:
    if set(seen.values()) == {"DryRunOperation"}:
        return not_asked("DryRun does not look at the rate.")
    taken = [rate for rate, code in seen.items() if code == "DryRunOperation"]
    return holds(seen, [] if taken == [100, 300] else [f"Of {RATES} {taken} are taken."])


PROBE = Probe("ebs-rate", ask, judge, minutes=0.1, needs=("snapshot",))
