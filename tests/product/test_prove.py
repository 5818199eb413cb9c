"""What a backup's own bytes say of it, on the deployed product (safety.md, rule 24)."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from restores import alarms, ended, output, run

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up


def snapshots(product: Product, backup: str) -> dict[str, dict[str, str]]:
    found = product.ec2.describe_snapshots(Filters=[{"Name": "tag:mirrorsnap:backup-id", "Values": [backup]}])
    return {each["SnapshotId"]: {t["Key"]: t["Value"] for t in each["Tags"]} for each in found["Snapshots"]}


def proofs(members: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [output(each) for each in members if each["machine"] == "mirrorsnap-prove"]


def backup(product: Product, **value: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A backup's report, and what its own proof says."""
    members = ended(product, product.start("backup", value))
    assert proofs(members), [(m["machine"], m["status"], m["error"], m["cause"], m["output"]) for m in members]
    (proof,) = proofs(members)
    return output(members[0]), proof


def test_a_backup_is_proved_by_its_own_bytes(product: Product) -> None:
    done, proof = backup(product)
    assert proof["id"] == done["id"] and proof["verdict"] == "clean", proof
    assert "arn:" in done["proof"]["execution"]
    assert (
        0 < proof["blocks"] < 20 and proof["seconds"] < 60 and 0 < proof["cost_usd"] < 0.01 and proof["message"] is None
    )
    for tags in snapshots(product, done["id"]).values():
        assert tags["mirrorsnap:proved"] == "clean" and tags["mirrorsnap:proved-at"] >= tags["mirrorsnap:consistent-at"]
        assert tags["mirrorsnap:proof-took"].startswith(f"blocks={proof['blocks']} lists="), tags
    plan = output(run(product, "restore", {"backup": "latest", "dry_run": True}))["plan"]
    assert any("proved clean by its own bytes" in text for text in plan), plan


@pytest.fixture
def slow() -> Iterator[Product]:
    """A product in a lab whose time is not so fast: what this machine has to work counts in a pause."""
    with Lab(scale=3) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        yield made


def test_a_frozen_backup_is_proved_by_what_a_freeze_leaves(slow: Product) -> None:
    done, proof = backup(slow, consistency="frozen")
    assert proof["id"] == done["id"] and proof["verdict"] == "clean", proof
    assert any("frozen" in text for text in proof["disks"][0]["seen"]), proof
    for tags in snapshots(slow, done["id"]).values():
        assert tags["mirrorsnap:consistency"] == "frozen" and tags["mirrorsnap:proved"] == "clean"


def test_an_image_that_is_not_clean_is_told_and_no_restore_takes_it_by_itself(product: Product) -> None:
    first, _ = backup(product)
    done, _ = backup(product)
    # As if the run had recorded another moment than the one that the snapshot holds.
    for name, tags in snapshots(product, done["id"]).items():
        changed = "0" * 64 + tags["mirrorsnap:disk:md1"][64:]
        product.ec2.create_tags(Resources=[name], Tags=[{"Key": "mirrorsnap:disk:md1", "Value": changed}])
    proof = output(run(product, "prove", {"backup": done["id"]}))
    assert (proof["verdict"], proof["before"]) == ("fingerprint-differs", first["id"])
    text = proof["message"]["text"]
    assert done["id"] in text and first["id"] in text
    product.lab.wait_for(lambda: alarms(product)["mirrorsnap-image-not-clean"] == "ALARM", 900, "the alarm")
    planned = output(run(product, "restore", {"backup": "latest", "dry_run": True}))
    assert planned["backup"] == first["id"]
    assert any(done["id"] in text and "is not taken" in text for text in planned["plan"]), planned["plan"]
    named = output(run(product, "restore", {"backup": done["id"], "dry_run": True}))
    assert named["backup"] == done["id"] and any("NOT CLEAN" in text for text in named["plan"])


def test_a_proof_says_what_is_wrong_with_its_input(product: Product) -> None:
    for value, error in [
        ({"backup": "orders-20200101T000000Z"}, "BackupNotFound"),
        ({"backup": "latest"}, "InputInvalid"),
        ({"backup": 7}, "InputInvalid"),
    ]:
        assert run(product, "prove", value)["error"] == error


def test_blocks_that_are_throttled_damaged_or_refused(product: Product) -> None:
    done, _ = backup(product)
    product.lab.fault(call="ebs:GetSnapshotBlock", nth=1, times=4, effect={"error": "RequestThrottledException"})
    product.lab.fault(call="ebs:ListSnapshotBlocks", nth=1, effect={"error": "InternalServerException"})
    assert output(run(product, "prove", {"backup": done["id"]}))["verdict"] == "clean"
    (name,) = snapshots(product, done["id"])
    product.lab.control("damage_block", snapshot=name, index=0)
    product.lab.control("block_tokens", seconds=0)
    failed = run(product, "prove", {"backup": done["id"]})
    assert failed["status"] == "FAILED" and failed["error"] == "AwsUnavailable", failed
    product.lab.control("damage_block", snapshot=name, index=0, damaged=False)
    product.lab.control("block_tokens", seconds=7 * 86400)
    assert snapshots(product, done["id"])[name]["mirrorsnap:proved"] == "clean"


@pytest.fixture
def xfs(tmp_path: Path) -> Iterator[Product]:
    """A product in a lab whose mirror disk has XFS."""
    cluster = {"mirror_disks": [{"name": "md1", "file_system": "xfs"}]}
    file = tmp_path / "cluster.json"
    file.write_text(json.dumps(cluster), encoding="utf-8")
    with Lab(scale=8, options=["--cluster", str(file)]) as lab:
        made = Product(lab, parse(cluster))
        made.deploy()
        wait_until_up(lab)
        yield made


def test_a_queue_that_was_not_drained_is_found_in_the_bytes(product: Product) -> None:
    undrained(product)


def test_a_queue_that_was_not_drained_is_found_in_the_bytes_of_xfs(xfs: Product) -> None:
    _, proof = backup(xfs)
    assert proof["verdict"] == "clean" and any("XFS" in text for text in proof["disks"][0]["seen"]), proof
    undrained(xfs)


def undrained(product: Product) -> None:
    """An asynchronous mirror whose configuration calls itself synchronous, so that the inspection lets it pass."""
    product.lab.control("undrained", on=True)
    try:
        done, proof = backup(product)
    finally:
        product.lab.control("undrained", on=False)
    assert done["valid"] is True
    assert proof["verdict"] in {"not-unmounted", "fingerprint-differs"} and done["id"] in proof["message"]["text"], (
        proof
    )
    planned = output(run(product, "restore", {"backup": "latest", "dry_run": True}))
    assert planned["backup"] != done["id"]


def changed_description(product: Product, backup: str, old: str, new: str) -> None:
    """As if the standby had told another text of itself with the backup."""
    table, key = product.lab.boto("dynamodb"), {"cluster": {"S": "orders"}, "backup": {"S": backup}}
    item = table.get_item(TableName="mirrorsnap-descriptions", Key=key)["Item"]
    kept = json.loads(item["description"]["S"])
    text = gzip.decompress(base64.b64decode(kept["nodes"]["server2"]["packed"])).decode()
    assert old in text, text
    # As `gzip -n` writes it.
    packed = gzip.compress(text.replace(old, new).encode(), mtime=0)
    kept["nodes"]["server2"]["packed"] = base64.b64encode(packed).decode()
    table.put_item(TableName="mirrorsnap-descriptions", Item={**item, "description": {"S": json.dumps(kept)}})


def test_the_partition_table_in_the_image_is_compared_with_the_one_that_was_saved(product: Product) -> None:
    done, proof = backup(product)
    assert "the partition table is the one that was saved" in proof["disks"][0]["seen"], proof
    product.lab.fault(call="dynamodb:GetItem", nth=1, times=20, effect={"error": "AccessDeniedException"})
    try:
        unread = output(run(product, "prove", {"backup": done["id"]}))
    finally:
        product.lab.control("clear_faults")
    assert unread["verdict"] == "clean" and "AccessDenied" in unread["disks"][0]["seen"][-1], unread
    changed_description(product, done["id"], "size=     2097152", "size=     2097160")
    differs = output(run(product, "prove", {"backup": done["id"]}))
    assert differs["verdict"] == "table-differs" and "partition 1" in differs["message"]["text"], differs
    changed_description(product, done["id"], "size=     2097160", "size=     2097152")
    # Another table with the same partitions.
    changed_description(product, done["id"], "label-id: ", "label-id: 00000000-0000-0000-0000-000000000000\n#")
    assert output(run(product, "prove", {"backup": done["id"]}))["verdict"] == "table-differs"
    product.lab.boto("dynamodb").delete_item(
        TableName="mirrorsnap-descriptions", Key={"cluster": {"S": "orders"}, "backup": {"S": done["id"]}}
    )
    none = output(run(product, "prove", {"backup": done["id"]}))
    assert none["verdict"] == "clean" and "no saved partition table" in none["disks"][0]["seen"][-1], none


def test_an_archived_snapshot_is_not_judged_and_keeps_the_verdict_that_it_had(product: Product) -> None:
    done, _ = backup(product)
    (name,) = snapshots(product, done["id"])
    product.lab.control("timing", values={"snapshot_archive": 1})
    product.ec2.modify_snapshot_tier(SnapshotId=name)

    def is_archived() -> bool:
        return product.ec2.describe_snapshots(SnapshotIds=[name])["Snapshots"][0]["StorageTier"] == "archive"

    product.lab.wait_for(is_archived, 60, "the archival")
    proof = output(run(product, "prove", {"backup": done["id"]}))
    assert proof["verdict"] == "not-judged" and "(archived)" in proof["disks"][0]["sentence"], proof
    assert snapshots(product, done["id"])[name]["mirrorsnap:proved"] == "clean"
