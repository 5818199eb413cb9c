"""The template's schedule starts one backup an occurrence, through its own role; a failed backup raises the alarm."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab, eventually
from lab.nodes.clusterpro.spec import parse
from scenario.deployment import STACK
from scenario.product import Product, wait_until_up


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        schedule(lab, "orders")
        wait_until_up(lab)
        yield made


def schedule(lab: Lab, cluster: str) -> None:
    """What a user does by deploying again with ScheduledCluster=orders."""
    cloudformation = lab.boto("cloudformation")
    described = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]
    kept = [p["ParameterKey"] for p in described["Parameters"] if p["ParameterKey"] != "ScheduledCluster"]
    cloudformation.update_stack(
        StackName=STACK,
        UsePreviousTemplate=True,
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        Parameters=[
            {"ParameterKey": "ScheduledCluster", "ParameterValue": cluster},
            *({"ParameterKey": key, "UsePreviousValue": True} for key in kept),
        ],
    )

    def status() -> str:
        found = cloudformation.describe_stacks(StackName=STACK)["Stacks"][0]["StackStatus"]
        return "" if found.endswith("_IN_PROGRESS") else found

    assert eventually(status, "the stack is updated") == "UPDATE_COMPLETE"


def backups(product: Product) -> list[dict[str, Any]]:
    return [e for e in product.lab.control("executions") if e["machine"] == "mirrorsnap-backup"]


def ended(product: Product, count: int) -> list[dict[str, Any]]:
    def all_over() -> list[dict[str, Any]] | None:
        found = backups(product)
        return found if len(found) == count and all(e["over"] for e in found) else None

    return product.lab.wait_for(all_over, 600, f"the end of {count} backups")


def test_one_occurrence_delivered_twice_is_one_backup(product: Product) -> None:
    product.lab.control("fire_schedule", name="mirrorsnap-backup-orders", twice=True)
    first, second = ended(product, 2)
    results = [json.loads(each["output"]) for each in (first, second)]
    assert {e["status"] for e in (first, second)} == {"SUCCEEDED"}
    assert sorted(bool(r.get("duplicate")) for r in results) == [False, True]
    assert len({json.loads(e["input"])["occurrence"] for e in (first, second)}) == 1
    assert len(product.valid_backups()) == 1
    assert product.lab.control("oracles")["violations"] == []


def test_a_failed_backup_raises_the_alarm(product: Product) -> None:
    cloudwatch = product.lab.boto("cloudwatch")

    def state() -> str:
        alarms = cloudwatch.describe_alarms(AlarmNames=["mirrorsnap-backup-failed"])["MetricAlarms"]
        return alarms[0]["StateValue"]

    assert state() != "ALARM"
    product.configure({"failover_groups": ["failover1", "failover9"]})
    count = len(backups(product))
    product.lab.control("fire_schedule", name="mirrorsnap-backup-orders")
    assert ended(product, count + 1)[-1]["status"] == "FAILED"
    product.lab.wait_for(lambda: state() == "ALARM", 900, "the alarm")


def test_a_scheduled_backup_of_a_cluster_on_hold_is_skipped(product: Product) -> None:
    """No alarm each night while an operator works. A backup that somebody starts by hand is refused all the same."""
    product.lab.wait_for(lambda: not product.lab.control("oracles")["residue"], 300, "a normal cluster")
    assert product.ended(product.start("hold", {"hold": "disk change"}), 600).main["status"] == "SUCCEEDED"
    count, valid = len(backups(product)), product.valid_backups()
    product.lab.control("fire_schedule", name="mirrorsnap-backup-orders")
    last = ended(product, count + 1)[-1]
    assert last["status"] == "SUCCEEDED", last["cause"]
    said = json.loads(last["output"])
    assert (said["skipped"], said["cluster"], said["hold"]) == (True, "orders", "disk change")
    by_hand = product.ended(product.start("backup", {}), 600).main
    assert (by_hand["status"], by_hand["error"]) == ("FAILED", "OperatorHold")
    assert product.ended(product.start("hold", {"unhold": True}), 600).main["status"] == "SUCCEEDED"
    assert product.valid_backups() == valid
