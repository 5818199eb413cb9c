"""The patrol keeps the schedules of the stack's group equal to the clusters' configurations, and they start backups."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

GROUP = "mirrorsnap"
NIGHTLY = {"expression": "cron(0 3 * * ? *)", "time_zone": "Asia/Tokyo", "flexible_minutes": 15}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=12) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        made.patrolled()
        yield made


def patrol(product: Product) -> dict[str, Any]:
    """What a patrol did with the schedules."""
    arn = product.sfn.start_execution(stateMachineArn=product.machines["mirrorsnap-patrol"], input="{}")["executionArn"]
    main = product.ended(arn, 300).main
    assert main["status"] == "SUCCEEDED", main
    found = json.loads(product.sfn.describe_execution(executionArn=arn)["output"])["schedules"]
    assert "not_looked_at" not in found, found
    return found


def others(product: Product, names: list[str], schedule: dict[str, Any] | None) -> None:
    """Configurations of further clusters, of which there is nothing else."""
    mine = json.loads(product.ssm.get_parameter(Name="/mirrorsnap/clusters/orders")["Parameter"]["Value"])
    mine.pop("schedule", None)
    for name in names:
        value = {**mine, "name": name, **({"schedule": schedule} if schedule else {})}
        path = f"/mirrorsnap/clusters/{name}"
        product.ssm.put_parameter(Name=path, Value=json.dumps(value), Type="String", Overwrite=True)


def names(product: Product) -> set[str]:
    scheduler = product.lab.boto("scheduler")
    return {each["Name"] for each in scheduler.list_schedules(GroupName=GROUP)["Schedules"]}


def test_a_schedule_follows_its_configuration_and_what_is_foreign_stays(product: Product) -> None:
    scheduler, lab = product.lab.boto("scheduler"), product.lab
    assert patrol(product) == {"created": [], "updated": [], "deleted": [], "failed": []}
    product.configure({"schedule": NIGHTLY})
    others(product, ["accounts", "taken"], NIGHTLY)
    foreign = {
        "Name": "taken",
        "GroupName": GROUP,
        "ScheduleExpression": "rate(7 days)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": product.machines["mirrorsnap-patrol"], "RoleArn": "arn:aws:iam::000000000000:role/mine"},
    }
    scheduler.create_schedule(**foreign)
    kept = scheduler.get_schedule(Name="taken", GroupName=GROUP)
    said = patrol(product)
    assert (said["created"], said["updated"], said["deleted"]) == (["accounts", "orders"], [], [])
    assert [each["cluster"] for each in said["failed"]] == ["taken"]
    made = scheduler.get_schedule(Name="orders", GroupName=GROUP)
    assert made["ScheduleExpression"] == NIGHTLY["expression"]
    assert made["ScheduleExpressionTimezone"] == "Asia/Tokyo"
    assert made["FlexibleTimeWindow"] == {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    assert made["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 10}
    assert patrol(product)["updated"] == []

    # An operator disables it. Another time in the configuration changes it, and it stays disabled.
    target = {key: made[key] for key in ("Name", "GroupName", "ScheduleExpression", "FlexibleTimeWindow", "Target")}
    scheduler.update_schedule(**target, Description=made["Description"], State="DISABLED")
    product.configure({"schedule": {"expression": "rate(12 hours)"}})
    assert patrol(product)["updated"] == ["orders"]
    changed = scheduler.get_schedule(Name="orders", GroupName=GROUP)
    assert (changed["State"], changed["ScheduleExpression"]) == ("DISABLED", "rate(12 hours)")

    # One that cannot be read keeps its schedule; one that wants none loses it, and so does one that is gone.
    product.ssm.put_parameter(Name="/mirrorsnap/clusters/accounts", Value="{", Type="String", Overwrite=True)
    assert patrol(product)["deleted"] == []
    product.ssm.delete_parameter(Name="/mirrorsnap/clusters/accounts")
    product.configure({"schedule": None})
    assert patrol(product)["deleted"] == ["accounts", "orders"]
    assert names(product) == {"taken"}
    again = scheduler.get_schedule(Name="taken", GroupName=GROUP)
    assert {**again, "ResponseMetadata": None} == {**kept, "ResponseMetadata": None}
    assert lab.control("oracles")["violations"] == []


def test_a_schedule_that_the_patrol_made_starts_backups(product: Product) -> None:
    product.configure({"schedule": {"expression": "cron(0 3 * * ? *)"}})
    assert patrol(product)["created"] == ["orders"]
    product.lab.control("fire_schedule", name="orders", group=GROUP, twice=True)
    backups = [each for each in product.lab.control("executions") if each["machine"] == "mirrorsnap-backup"]
    assert len(backups) == 2
    for each in backups:
        product.ended(each["arn"], 3600)
    assert len(product.valid_backups()) == 1


def test_one_that_scheduler_refuses_is_named_and_keeps_no_other(product: Product) -> None:
    others(product, ["b", "c"], {"expression": "rate(1 day)", "time_zone": "Mars/Olympus"})
    others(product, ["d"], {"expression": "rate(1 day)"})
    said = patrol(product)
    assert "d" in said["created"]
    refused = {each["cluster"]: each["why"] for each in said["failed"]}
    assert {"b", "c"} <= set(refused) and "Mars/Olympus" in refused["b"]
