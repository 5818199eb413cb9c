"""From a line of the patrol's log to a mail: the metric, the alarm on it, and who is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.mailbox import Mailbox
from scenario.product import Product, wait_until_up

PERIOD = 900  # of both alarms, and of the patrol


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=60) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        yield made


def state(product: Product, alarm: str) -> str:
    found = product.lab.boto("cloudwatch").describe_alarms(AlarmNames=[f"mirrorsnap-{alarm}"])["MetricAlarms"]
    return found[0]["StateValue"]


def alarms_in(mailbox: Mailbox) -> list[tuple[str, str]]:
    """Alarm and new state of each mail since the last call."""
    found: list[tuple[str, str]] = []
    while mails := mailbox.sqs.receive_message(QueueUrl=mailbox.url, MaxNumberOfMessages=10).get("Messages", []):
        for mail in mails:
            mailbox.sqs.delete_message(QueueUrl=mailbox.url, ReceiptHandle=mail["ReceiptHandle"])
            text = json.loads(mail["Body"])["Message"]
            if text.startswith("{"):  # a state machine's own mail is plain text
                message: dict[str, Any] = json.loads(text)
                found.append((message["AlarmName"].removeprefix("mirrorsnap-"), message["NewStateValue"]))
    return found


def metric(product: Product, name: str) -> list[float]:
    found = product.lab.log(kind="embedded_metrics")
    assert not [each for each in found if "invalid" in each]
    return [
        each["value"] for each in found if each.get("name") == name and each["dimensions"] == {"Fleet": "mirrorsnap"}
    ]


# An operation that broke the mirror of a cluster and is not over.
INTENT = {
    "operation": "backup",
    "id": "orders-20260503T020304Z",
    "phase": "Split",
    "started": "2026-05-03T02:03:04Z",
    "active": "server1",
    "standby": "server2",
    "boots": {},
    "quiet_after_seconds": 300,
    "disturbances": [{"kind": "mirror", "node": "server2", "disk": "md1"}],
}


def test_what_the_patrol_finds_reaches_the_mailbox(product: Product) -> None:
    """The schedule patrols; nothing here starts it. The hold is older than a day, so nobody goes on with the operation.

    Of `gone` there is no configuration any more, so that recover fails.
    """
    mailbox = Mailbox(product.lab, "mirrorsnap-alarms")
    watched = {
        "backup-overdue": "BackupsOverdue",
        "left-behind": "LeftBehind",
        "degraded-too-long": "LongestDegradedSeconds",
        "stuck": "Stuck",
    }
    assert "ALARM" not in {state(product, alarm) for alarm in watched}
    product.configure({"objective_hours": 26})
    held = {"hold": {"S": "disk change"}, "held_since": {"S": "2020-01-01T00:00:00Z"}}
    unfinished = {"epoch": {"N": "7"}, "intent": {"S": json.dumps(INTENT)}}
    for item in ({"id": {"S": "lock#orders"}, **held, **unfinished}, {"id": {"S": "lock#gone"}, **unfinished}):
        product.lab.boto("dynamodb").put_item(TableName="mirrorsnap", Item=item)
    for alarm, name in watched.items():
        product.lab.wait_for(lambda name=name: any(metric(product, name)), 2 * PERIOD, f"the metric {name}")
        product.lab.wait_for(lambda alarm=alarm: state(product, alarm) == "ALARM", 4 * PERIOD, f"the alarm {alarm}")
    told = dict(alarms_in(mailbox))
    # Recover's own failure has an alarm too, and so has a function that fails again and again.
    assert watched.keys() <= told.keys() and set(told.values()) == {"ALARM"}
    assert not told.keys() & {"patrol-silent", "patrol-failed", "fast-restore-left"}


def test_a_patrol_that_falls_silent_reaches_the_mailbox(product: Product) -> None:
    product.lab.wait_for(lambda: state(product, "patrol-silent") == "OK", 2 * PERIOD, "a patrol")
    mailbox = Mailbox(product.lab, "mirrorsnap-alarms")
    scheduler = product.lab.boto("scheduler")
    schedule = scheduler.get_schedule(Name="mirrorsnap-patrol")
    keep = ("Name", "ScheduleExpression", "FlexibleTimeWindow", "Target")
    scheduler.update_schedule(**{key: schedule[key] for key in keep}, State="DISABLED")
    product.lab.sleep(6 * PERIOD)
    # The lab evaluates its alarms when a metric arrives; CloudWatch does so each period.
    point = {"MetricName": "Anything", "Value": 1.0}
    product.lab.boto("cloudwatch").put_metric_data(Namespace="somebody", MetricData=[point])
    product.lab.wait_for(lambda: state(product, "patrol-silent") == "ALARM", PERIOD, "the alarm")
    assert ("patrol-silent", "ALARM") in alarms_in(mailbox)
