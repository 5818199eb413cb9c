"""An execution's status-change event as a rule delivers it: whole, and through an input transformer."""

from __future__ import annotations

import json
from dataclasses import dataclass

from ..scratch import TAG, Scratch

INPUT = json.dumps({"cluster": 'a "quoted" name'})
EXECUTED = "SUCCEEDED"


@dataclass(frozen=True)
class Delivered:
    whole: str
    transformed: str  # of `{"input": <input>}`; "" if it did not come


def delivered(scratch: Scratch) -> Delivered:
    return scratch.once("events", lambda: _delivered(scratch))


def _delivered(scratch: Scratch) -> Delivered:
    events, name = scratch.of("events"), f"{scratch.name}-rule"
    machine = scratch.machine("event", {"Done": {"Type": "Pass", "End": True}})
    whole, part = (scratch.queue(each, "events.amazonaws.com") for each in ("whole", "part"))
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine], "status": [EXECUTED]}}
    events.put_rule(Name=name, EventPattern=json.dumps(pattern), Tags=[{"Key": TAG, "Value": scratch.run}])
    transformer = {"InputPathsMap": {"input": "$.detail.input"}, "InputTemplate": '{"input": <input>}'}
    targets = [
        {"Id": "whole", "Arn": whole["arn"]},
        {"Id": "part", "Arn": part["arn"], "InputTransformer": transformer},
    ]
    events.put_targets(Rule=name, Targets=targets)
    scratch.waiting.sleep(60)  # a new rule is not known everywhere at once
    scratch.executed(machine, INPUT)
    text = scratch.message(whole)
    try:
        return Delivered(text, scratch.message(part, 30))
    except Exception:  # a target refuses what is no JSON, and nothing tells
        return Delivered(text, "")
