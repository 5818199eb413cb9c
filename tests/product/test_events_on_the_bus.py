"""The events of our own as a rule of somebody's gets them: of a backup, a refused one and a recovered one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from restores import ended, output, recovered, run

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.deployment import ROOT
from scenario.product import Product, wait_until_up

SCHEMAS = {
    schema["title"]: schema
    for file in (ROOT / "infra" / "events").glob("*.schema.json")
    for schema in [json.loads(file.read_text(encoding="utf-8"))]
}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        yield made


class Subscriber:
    """A queue behind a rule for all that mirrorsnap says."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.sqs = lab, lab.boto("sqs")
        self.url = self.sqs.create_queue(QueueName="a-subscriber")["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        events = lab.boto("events")
        rule = events.put_rule(Name="all-of-mirrorsnap", EventPattern=json.dumps({"source": ["mirrorsnap"]}))["RuleArn"]
        allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
        allow |= {"Resource": arn, "Condition": {"ArnEquals": {"aws:SourceArn": rule}}}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
        self.sqs.set_queue_attributes(QueueUrl=self.url, Attributes={"Policy": policy})
        events.put_targets(Rule="all-of-mirrorsnap", Targets=[{"Id": "queue", "Arn": arn}])
        self.got: list[dict[str, Any]] = []

    def of(self, execution: str, count: int) -> list[dict[str, Any]]:
        """The details of so many events of an execution, each judged by its schema."""

        def read() -> bool:
            received = self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get("Messages", [])
            for message in received:
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
                event = json.loads(message["Body"])
                jsonschema.Draft202012Validator(SCHEMAS[event["detail-type"]]).validate(event["detail"])
                assert event["source"] == "mirrorsnap" and event["detail"]["execution"] in event["resources"]
                self.got.append(event["detail"])
            return len(found()) >= count

        def found() -> list[dict[str, Any]]:
            return [each for each in self.got if each["execution"] == execution]

        self.lab.wait_for(read, 120, f"{count} events of {execution}")
        return found()


@pytest.fixture(scope="module")
def subscriber(product: Product) -> Subscriber:
    return Subscriber(product.lab)


def test_a_backup_a_refused_one_and_a_recovered_one_tell_of_themselves(
    product: Product, subscriber: Subscriber
) -> None:
    arn = product.start("backup", {})
    done = output(product.ended(arn, 1200).main)
    began, over = subscriber.of(arn, 2)
    assert (began["state"], over["state"]) == ("started", "succeeded")
    assert began["id"] == over["id"] == over["report"]["id"] == done["id"]
    assert over["report"]["valid"] and over["report"]["outage_seconds"] > 0

    product.configure({"failover_groups": ["another"]})
    refused = run(product, "backup", {})
    (event,) = subscriber.of(refused["arn"], 1)
    assert (event["state"], event["error"]) == ("refused", refused["error"])
    product.configure({"failover_groups": ["failover1"]})

    product.lab.fault(execution="abort", at="StopStandby")
    arn = product.start("backup", {})
    told = recovered(product, arn)
    (began,) = subscriber.of(arn, 1)  # it was stopped from outside, and could say no more
    assert (began["state"], began["id"]) == ("started", told["recovered"])
    (recover,) = [each["arn"] for each in ended(product, arn) if each["machine"] == "mirrorsnap-recover"]
    events = subscriber.of(recover, 2)
    assert [(each["operation"], each["state"]) for each in events] == [("recover", "started"), ("recover", "succeeded")]
    assert {each["id"] for each in events} == {told["recovered"]}


def test_events_that_cannot_be_put_stop_nothing(product: Product, subscriber: Subscriber) -> None:
    product.lab.fault(call="events:PutEvents", times=20, effect={"error": "InternalException"})
    lost = run(product, "backup", {})
    assert (lost["status"], lost["error"], lost["cause"]) == ("SUCCEEDED", None, None)
    assert subscriber.of(lost["arn"], 0) == []
