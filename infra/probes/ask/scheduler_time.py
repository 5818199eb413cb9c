"""scheduler-time: the scheduled time that Scheduler puts into the input, of one try."""

from __future__ import annotations

import datetime
import json
from typing import Any

from botocore.exceptions import ClientError

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds

AHEAD = datetime.timedelta(seconds=90)


def ask(scratch: Scratch) -> dict[str, str]:
    queue, scheduler = scratch.queue("schedule"), scratch.of("scheduler")
    text = json.dumps({"at": "<aws.scheduler.scheduled-time>", "try": "<aws.scheduler.attempt-number>"})
    target = {"Arn": queue["arn"], "RoleArn": scratch.service_role(), "Input": text}
    when = (datetime.datetime.now(datetime.UTC) + AHEAD).strftime("%Y-%m-%dT%H:%M:%S")

    def create() -> Any:
        try:
            return scheduler.create_schedule(
                Name=scratch.name,
                ScheduleExpression=f"at({when})",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target=target,
            )
        except ClientError as error:
            if "role" not in str(error):
                raise
            return None  # the role is not known everywhere yet

    scratch.waiting.until(create, "the schedule's role", 60)
    return {"asked": f"{when}Z", **json.loads(scratch.message(queue, 240))}


def judge(seen: dict[str, str]) -> Verdict:
    return holds(
        seen, [] if seen["at"] == seen["asked"] else [f"{seen['at']} was told, {seen['asked']} was asked for."]
    )


PROBE = Probe("scheduler-time", ask, judge, minutes=2)
