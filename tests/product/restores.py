"""What the tests of restores ask of the deployed product, and how they run one."""

from __future__ import annotations

import json
from typing import Any

from scenario.product import Product

ZONES = ("ap-northeast-1a", "ap-northeast-1c")


def ended(product: Product, arn: str) -> list[dict[str, Any]]:
    """The execution and all that it caused, once they have ended."""

    return product.ended(arn, 120 * product.lab.scale).members


def recovered(product: Product, arn: str) -> dict[str, Any]:
    """What recover says of an execution that was stopped; an event starts it."""
    product.lab.wait_for(lambda: "mirrorsnap-recover" in [each["machine"] for each in ended(product, arn)], 60)
    members = ended(product, arn)
    assert members[0]["status"] == "ABORTED"
    (found,) = [output(each) for each in members if each["machine"] == "mirrorsnap-recover"]
    return found


def run(product: Product, kind: str, value: dict[str, Any]) -> dict[str, Any]:
    return ended(product, product.start(kind, value))[0]


def restore(product: Product, **value: Any) -> dict[str, Any]:
    return run(product, "restore", {"backup": "latest", "confirm": "orders", **value})


def output(execution: dict[str, Any]) -> dict[str, Any]:
    assert execution["status"] == "SUCCEEDED", (execution["error"], execution["cause"])
    return json.loads(execution["output"])


def on(product: Product) -> set[str]:
    """Zones in which fast snapshot restore is on, or on its way."""
    found = product.ec2.describe_fast_snapshot_restores()["FastSnapshotRestores"]
    return {each["AvailabilityZone"] for each in found if not each["State"].startswith("disab")}


def records(product: Product) -> set[str]:
    items = product.lab.boto("dynamodb").scan(TableName="mirrorsnap")["Items"]
    return {each["id"]["S"] for each in items if each["id"]["S"].startswith("restore#")}


def beside(product: Product) -> dict[str, dict[str, str]]:
    """The volumes that no node has, with their tags."""
    found = product.ec2.describe_volumes()["Volumes"]
    return {v["VolumeId"]: {t["Key"]: t["Value"] for t in v.get("Tags", [])} for v in found if not v["Attachments"]}


def release(product: Product, name: str) -> dict[str, Any]:
    return output(run(product, "restore", {"release": name, "confirm": "orders"}))


def alarms(product: Product) -> dict[str, str]:
    pages = product.lab.boto("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix="mirrorsnap-")
    found = [alarm for page in pages for alarm in page["MetricAlarms"]]
    assert all(alarm["AlarmActions"] for alarm in found)
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}
