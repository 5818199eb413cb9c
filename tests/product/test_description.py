"""What a rebuild needs is kept with a backup, without secrets, told by a restore's plan, and gone with the backup."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from restores import output, run

from lab.client import Lab
from lab.nodes.clusterpro.configuration import SECRETS
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

TABLE = "mirrorsnap-descriptions"


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=12) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        yield made


def items(product: Product) -> dict[str, dict[str, Any]]:
    """The stored descriptions by their backups' ids."""
    found = product.lab.boto("dynamodb").scan(TableName=TABLE)["Items"]
    assert all(each["cluster"] == {"S": "orders"} for each in found)
    return {each["backup"]["S"]: json.loads(each["description"]["S"]) for each in found}


def unpacked(told: dict[str, str]) -> str:
    return gzip.decompress(base64.b64decode(told["packed"])).decode()


def node(product: Product, name: str, script: str) -> None:
    assert product.lab.control("node_run", name=name, script=script, timeout=60)["rc"] == 0


def test_a_backup_keeps_both_nodes_and_their_instances_without_secrets(product: Product) -> None:
    said = output(run(product, "backup", {}))
    assert said["description"] == {"kept": True, "missing": [], "why": None}
    (kept,) = items(product).values()
    assert set(kept["nodes"]) == set(kept["instances"]) == {"server1", "server2"}
    assert all(facts["type"] and facts["image"] for facts in kept["instances"].values())
    for told in kept["nodes"].values():
        text = unpacked(told)
        assert '<md name="md1">' in text and "start=" in text and "/root/webmgr/security/operationpwd" in text
        assert not [secret for secret in SECRETS if secret in text]
    # Nor has Run Command's history one, nor an execution's.
    ssm = product.lab.boto("ssm")
    outputs = [
        ssm.get_command_invocation(CommandId=each["CommandId"], InstanceId=each["InstanceId"])
        for each in ssm.list_command_invocations(MaxResults=50)["CommandInvocations"]
    ]
    assert any(".describe." in each["DocumentName"] for each in outputs)
    assert not [secret for secret in SECRETS if secret in str(outputs) + str(product.lab.control("executions"))]


def test_a_plan_says_what_has_changed_since(product: Product) -> None:
    def plan() -> list[str]:
        words = output(run(product, "restore", {"backup": "latest", "dry_run": True}))["plan"]
        return [each for each in words if "since the backup" in each or "as they were with the backup" in each]

    assert plan() == ["the nodes' clp.conf, partition tables, versions and instances are as they were with the backup"]
    node(product, "server1", 'sed -i "s/orders/orders2/" "$MIRRORSNAP_ETC/clp.conf"')
    try:
        assert plan() == ["since the backup: server1: clp.conf differs"]
    finally:
        node(product, "server1", 'sed -i "s/orders2/orders/" "$MIRRORSNAP_ETC/clp.conf"')


def test_without_one_a_backup_is_valid_all_the_same_and_says_so(product: Product) -> None:
    product.lab.control(
        "fault", spec={"call": "dynamodb:PutItem", "times": 50, "effect": {"error": "AccessDeniedException"}}
    )
    try:
        said = output(run(product, "backup", {}))
    finally:
        product.lab.control("clear_faults")
    assert said["valid"] and said["description"]["kept"] is False and "AccessDenied" in said["description"]["why"], said
    assert said["id"] not in items(product)


def test_it_goes_with_its_backup(product: Product) -> None:
    before = set(items(product))
    assert len(before) == 1
    product.configure({"retention": {"keep_last": 1}})
    # As `backups --keep` does, or somebody by hand.
    (kept,) = before
    ours = [{"Name": "tag:mirrorsnap:backup-id", "Values": [kept]}]
    ids = [each["SnapshotId"] for each in product.ec2.describe_snapshots(Filters=ours)["Snapshots"]]
    product.ec2.create_tags(Resources=ids, Tags=[{"Key": "mirrorsnap:kept", "Value": "audit"}])
    said = output(run(product, "backup", {}))
    assert kept not in {each["backup"] for each in said["expired"]["deleted"]} and said["expired"]["failed"] == []
    assert set(items(product)) == {kept, said["id"]} and kept in product.valid_backups()
    product.ec2.delete_tags(Resources=ids, Tags=[{"Key": "mirrorsnap:kept"}])
    said = output(run(product, "backup", {}))
    assert set(items(product)) == {said["id"]}
    assert kept in said["expired"]["descriptions_deleted"]
