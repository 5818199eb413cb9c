"""Copies of valid backups in the lab's second region, by the real functions, roles and machines."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

THERE = "ap-northeast-3"
KEEP = {"region": THERE, "keep": {"keep_last": 1}}


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    with Lab(scale=10) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        made.configure({"copy": KEEP})
        wait_until_up(lab)
        yield made


@pytest.fixture(autouse=True)
def _as_it_was(product: Product) -> Iterator[None]:
    yield
    product.lab.control("clear_faults")
    product.configure({"copy": KEEP})


def copies(product: Product) -> list[dict[str, Any]]:
    """What there is in the second region, with the tags as a dict."""
    found = product.lab.boto("ec2", region=THERE).describe_snapshots(OwnerIds=["self"])["Snapshots"]
    return [{**each, "tags": {t["Key"]: t["Value"] for t in each.get("Tags", [])}} for each in found]


def copied(product: Product, name: str) -> list[dict[str, Any]]:
    return [each for each in copies(product) if each["tags"].get("mirrorsnap:copy-of") == name]


def backup(product: Product) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """A backup's id, its execution, and that of the copy which it started, both at their ends."""
    members = product.ended(product.start("backup", {}), 3000).members
    (main,) = [each for each in members if each["machine"] == "mirrorsnap-backup"]
    (copy,) = [each for each in members if each["machine"] == "mirrorsnap-copy"]
    assert main["status"] == "SUCCEEDED", main
    return json.loads(main["output"])["id"], main, copy


def again(product: Product, name: str) -> dict[str, Any]:
    return product.ended(product.start("copy", {"backup": name}), 3000).main


def test_a_valid_backup_is_copied_once_and_after_its_end(product: Product) -> None:
    name, main, copy = backup(product)
    assert copy["status"] == "SUCCEEDED", copy
    assert json.loads(main["output"])["copy"] == copy["arn"]
    (one,) = copied(product, name)
    (source,) = [each for each in product.snapshots() if each["tags"]["mirrorsnap:backup-id"] == name]
    tags = one["tags"]
    assert tags["mirrorsnap:copied-snapshot"] == source["SnapshotId"] and tags["mirrorsnap:valid"] == "true"
    assert tags["mirrorsnap:copied-from"] == product.lab.region and "mirrorsnap:backup-id" not in tags
    kept = ("mirrorsnap:cluster", "mirrorsnap:consistent-at", "mirrorsnap:mirror-disks", "mirrorsnap:source-node")
    assert {key: tags[key] for key in kept} == {key: source["tags"][key] for key in kept}
    output = json.loads(copy["output"])
    assert output["copies"] == {source["SnapshotId"]: one["SnapshotId"]} and output["expired"]["kept"] == []
    # Started by hand, it finds what is there.
    assert json.loads(again(product, name)["output"])["copies"] == output["copies"]
    assert len(copied(product, name)) == 1
    # The next one takes its place, by the copies' own retention; the backup stays.
    later, _, _ = backup(product)
    assert [each["tags"]["mirrorsnap:copy-of"] for each in copies(product)] == [later]
    assert name in product.valid_backups() and product.lab.control("oracles")["violations"] == []


def test_a_lost_reply_makes_no_second_copy(product: Product) -> None:
    product.lab.fault(call="ec2:CopySnapshot", effect="lose_reply")
    name, _, copy = backup(product)
    assert copy["status"] == "SUCCEEDED", copy
    assert len(copied(product, name)) == 1
    asked = [e for e in product.lab.log(kind="api", call="ec2:CopySnapshot") if "copy-snapshots" in e["caller"]]
    assert sum(e["params"]["SourceSnapshotId"] == copied(product, name)[0]["tags"]["mirrorsnap:copied-snapshot"]
               for e in asked) == 1  # fmt: skip


def patrol(product: Product) -> list[dict[str, Any]]:
    """What a patrol finds."""
    arn = product.sfn.start_execution(stateMachineArn=product.machines["mirrorsnap-patrol"], input="{}")["executionArn"]
    ended = product.ended(arn, 300).main
    assert ended["status"] == "SUCCEEDED", ended
    return json.loads(ended["output"])["findings"]


def test_the_patrol_names_a_backup_of_yesterday_without_a_copy_and_a_region_that_is_closed(product: Product) -> None:
    name, _, _ = backup(product)
    there = product.lab.boto("ec2", region=THERE)

    def aged(days: int) -> None:
        now = product.lab.control("time")["epoch"]
        at = datetime.datetime.fromtimestamp(now - days * 86400, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ours = [each["SnapshotId"] for each in product.snapshots() if each["tags"].get("mirrorsnap:backup-id") == name]
        product.ec2.create_tags(Resources=ours, Tags=[{"Key": "mirrorsnap:consistent-at", "Value": at}])
        product.lab.sleep(6)

    aged(2)
    of_copies = {"copy-missing", "copies-unreadable"}
    assert not [each for each in patrol(product) if each["what"] in of_copies], "its copy is there"
    for each in copies(product):
        there.delete_snapshot(SnapshotId=each["SnapshotId"])
    product.lab.sleep(6)
    (missing,) = [each for each in patrol(product) if each["what"] in of_copies]
    assert missing == {"what": "copy-missing", "cluster": "orders", "backup": name, "region": THERE}
    # Once the machine is started again, nothing is missing.
    assert again(product, name)["status"] == "SUCCEEDED"
    product.lab.sleep(6)
    assert not [each for each in patrol(product) if each["what"] in of_copies]
    product.configure({"copy": {**KEEP, "region": "eu-south-2"}})
    (closed,) = [each for each in patrol(product) if each["what"] in of_copies]
    assert (closed["what"], closed["region"]) == ("copies-unreadable", "eu-south-2") and "AuthFailure" in closed["why"]


def test_the_quota_is_waited_out(product: Product) -> None:
    product.lab.fault(call="ec2:CopySnapshot", effect={"error": "ResourceLimitExceeded"}, times=2)
    name, _, copy = backup(product)
    assert copy["status"] == "SUCCEEDED", copy
    assert len(copied(product, name)) == 1


def test_a_refusal_fails_the_copy_and_not_the_backup_and_is_told(product: Product) -> None:
    product.lab.fault(call="ec2:CopySnapshot", effect={"error": "UnauthorizedOperation"})
    name, main, copy = backup(product)
    assert main["status"] == "SUCCEEDED" and name in product.valid_backups()
    assert (copy["status"], copy["error"]) == ("FAILED", "CopyFailed")
    assert f"ec2:CopySnapshot in {THERE}" in copy["cause"] and "role of copy-snapshots" in copy["cause"]
    alarms = product.lab.boto("cloudwatch")

    def rung() -> bool:
        found = alarms.describe_alarms(AlarmNames=["mirrorsnap-copy-failed"])["MetricAlarms"]
        return found[0]["StateValue"] == "ALARM"

    product.lab.wait_for(rung, 900, "the alarm copy-failed")
    assert again(product, name)["status"] == "SUCCEEDED" and len(copied(product, name)) == 1


def test_a_key_policy_that_refuses_is_named_and_the_key_is_used_once_it_allows(product: Product) -> None:
    kms = product.lab.boto("kms", region=THERE)
    root = {"AWS": "arn:aws:iam::000000000000:root"}
    all_of = {"Effect": "Allow", "Principal": root, "Action": "kms:*", "Resource": "*"}
    no_grant = {"Effect": "Deny", "Principal": "*", "Action": "kms:CreateGrant", "Resource": "*"}

    def policy(*statements: dict[str, Any]) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})

    made = kms.create_key(Policy=policy(all_of, no_grant), BypassPolicyLockoutSafetyCheck=True)
    key = made["KeyMetadata"]["Arn"]
    product.configure({"copy": {**KEEP, "kms_key": key}})
    name, _, copy = backup(product)
    assert (copy["status"], copy["error"]) == ("FAILED", "CopyFailed")
    assert key in copy["cause"] and "Given key ID is not accessible" in copy["cause"]
    kms.put_key_policy(KeyId=key, Policy=policy(all_of), PolicyName="default")
    assert again(product, name)["status"] == "SUCCEEDED"
    (one,) = copied(product, name)
    assert one["KmsKeyId"] == key and one["State"] == "completed"


def test_an_encrypted_backup_is_copied(product: Product) -> None:
    """The volume is not encrypted; what its snapshot would be is, by a key of the first region."""
    key = product.lab.boto("kms").create_key()["KeyMetadata"]["Arn"]
    name = product.valid_backups()[-1]
    (source,) = [each for each in product.snapshots() if each["tags"]["mirrorsnap:backup-id"] == name]
    made = product.ec2.copy_snapshot(
        SourceRegion=product.lab.region, SourceSnapshotId=source["SnapshotId"], Encrypted=True, KmsKeyId=key
    )["SnapshotId"]

    def state() -> bool:
        return product.ec2.describe_snapshots(SnapshotIds=[made])["Snapshots"][0]["State"] == "completed"

    product.lab.wait_for(state, 60, "the encrypted snapshot")
    encrypted = "orders-20260102T030405Z"
    tags = {**source["tags"], "mirrorsnap:backup-id": encrypted, "Name": encrypted}
    tags |= {"mirrorsnap:consistent-at": "2026-01-02T03:04:05Z"}
    product.ec2.create_tags(Resources=[made], Tags=[{"Key": k, "Value": v} for k, v in tags.items()])
    ended = again(product, encrypted)
    assert ended["status"] == "SUCCEEDED", ended
    (one,) = copied(product, encrypted)
    assert one["Encrypted"] and one["KmsKeyId"].startswith(f"arn:aws:kms:{THERE}:")


def test_a_copy_that_was_copied_back_is_restored_by_its_backups_id(product: Product) -> None:
    name, _, _ = backup(product)
    (there,) = copied(product, name)
    (source,) = [each for each in product.snapshots() if each["tags"].get("mirrorsnap:backup-id") == name]
    tags = [{"ResourceType": "snapshot", "Tags": there["Tags"]}]
    back = product.ec2.copy_snapshot(SourceRegion=THERE, SourceSnapshotId=there["SnapshotId"], TagSpecifications=tags)[
        "SnapshotId"
    ]

    def whole() -> bool:
        return product.ec2.describe_snapshots(SnapshotIds=[back])["Snapshots"][0]["State"] == "completed"

    product.lab.wait_for(whole, 60, "the copy that is back")
    assert name in product.valid_backups()
    product.ec2.delete_snapshot(SnapshotId=source["SnapshotId"])
    product.lab.sleep(6)
    latest = product.ended(product.start("restore", {"backup": "latest", "dry_run": True}), 600).main
    assert latest["status"] != "SUCCEEDED" or json.loads(latest["output"])["backup"] != name
    asked = {"backup": name, "confirm": "orders", "initialization": "none"}
    done = product.ended(product.start("restore", asked), 3000).main
    assert done["status"] == "SUCCEEDED", done
    made = [each for each in product.volumes() if each.get("SnapshotId") == back]
    assert len(made) == 2 and product.lab.control("oracles")["violations"] == []


def test_locked_copies_stay_and_the_output_says_so(product: Product) -> None:
    product.configure({"copy": {**KEEP, "lock": {"mode": "governance", "days": 2}}})
    first, _, _ = backup(product)
    locked = product.lab.boto("ec2", region=THERE).describe_locked_snapshots()["Snapshots"]
    (one,) = copied(product, first)
    assert [(s["SnapshotId"], s["LockState"], s["LockDuration"]) for s in locked] == [
        (one["SnapshotId"], "governance", 2)
    ]
    _, _, copy = backup(product)
    (kept,) = json.loads(copy["output"])["expired"]["kept"]
    assert (kept["copy"], kept["backup"]) == (one["SnapshotId"], first) and "locked until" in kept["why"]
    assert copied(product, first)
