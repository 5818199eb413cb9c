"""ebs-no-token: CreateSnapshots with the same parameters twice."""

from __future__ import annotations

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds


def ask(scratch: Scratch) -> list[list[str]]:
    return [scratch.snapshots(twice="yes") for _ in range(2)]


def judge(seen: list[list[str]]) -> Verdict:
    first, second = map(set, seen)
    wrong = (
        []
        if len(first) == len(second) == 2 and not first & second
        else ["The second call did not make a set of its own."]
    )
    return holds(seen, wrong)


PROBE = Probe("ebs-no-token", ask, judge, minutes=0.5, dollars=0.01, needs=("instance",))
