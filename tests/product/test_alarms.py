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
        made = Product(lab, parse({}), {"objective_hours": 26})
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
            message: dict[str, Any] = json.loads(json.loads(mail["Body"])["Message"])
            found.append((message["AlarmName"].removeprefix("mirrorsnap-"), message["NewStateValue"]))
    return found


def metric(product: Product, name: str) -> list[float]:
    found = product.lab.log(kind="embedded_metrics")
    assert not [each for each in found if "invalid" in each]
    return [
        each["value"] for each in found if each.get("name") == name and each["dimensions"] == {"Fleet": "mirrorsnap"}
    ]


def test_an_overdue_backup_and_a_hold_that_was_left_reach_the_mailbox(product: Product) -> None:
    """The schedule patrols; nothing here starts it. The hold is older than a day."""
    mailbox = Mailbox(product.lab, "mirrorsnap-alarms")
    product.lab.boto("dynamodb").put_item(
        TableName="mirrorsnap",
        Item={"id": {"S": "lock#orders"}, "hold": {"S": "disk change"}, "held_since": {"S": "2020-01-01T00:00:00Z"}},
    )
    watched = {"backup-overdue": "BackupsOverdue", "left-behind": "LeftBehind"}
    assert "ALARM" not in {state(product, alarm) for alarm in watched}
    for alarm, name in watched.items():
        product.lab.wait_for(lambda name=name: metric(product, name)[:1], 2 * PERIOD, f"the metric {name}")
        assert metric(product, name)[0] >= 1
        product.lab.wait_for(lambda alarm=alarm: state(product, alarm) == "ALARM", 4 * PERIOD, f"the alarm {alarm}")
    told = alarms_in(mailbox)
    assert sorted(told) == [("backup-overdue", "ALARM"), ("left-behind", "ALARM")]
