"""sfn-event: the members of a status-change event that recover reads."""

from __future__ import annotations

import json

from ..verdict import Probe, Verdict, holds
from .delivered import EXECUTED, INPUT, Delivered, delivered


def judge(seen: Delivered) -> Verdict:
    event = json.loads(seen.whole)
    detail = event.get("detail", event)
    wrong = []
    if detail.get("input") != INPUT:
        wrong.append(f"The input is {detail.get('input')!r}.")
    if detail.get("inputDetails", {}).get("included") is not True:
        wrong.append("inputDetails.included is not true.")
    if detail.get("status") != EXECUTED or not detail.get("executionArn"):
        wrong.append("The status or the execution is missing.")
    return holds(sorted(detail), wrong)


PROBE = Probe("sfn-event", delivered, judge, minutes=1.5, needs=("events",))
