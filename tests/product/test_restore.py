"""What a restore says, and what it leaves, on the deployed product: plan, fast snapshot restore, volumes, record."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from lab.client import Lab
from lab.nodes.clusterpro.spec import parse
from scenario.product import Product, wait_until_up

ZONES = ("ap-northeast-1a", "ap-northeast-1c")


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """A deployed product with one valid backup."""
    with Lab(scale=12) as lab:
        made = Product(lab, parse({}))
        made.deploy()
        wait_until_up(lab)
        assert run(made, "backup", {})["status"] == "SUCCEEDED"
        yield made


@pytest.fixture(autouse=True)
def as_before(product: Product) -> Iterator[None]:
    product.lab.control("clear_faults")
    yield
    product.lab.control("clear_faults")
    wait_until_up(product.lab)
    assert not on(product), "fast snapshot restore is still on"


def ended(product: Product, arn: str) -> list[dict[str, Any]]:
    """The execution and all that it caused, once they have ended."""

    def over() -> list[dict[str, Any]] | None:
        found = product.family(arn)
        return found.members if found.over else None

    return product.lab.wait_for(over, 120 * product.lab.scale, f"the end of {arn}")


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


def test_a_dry_run_answers_in_words_and_as_data(product: Product) -> None:
    found = output(run(product, "restore", {"backup": "latest", "dry_run": True}))
    assert found["dry_run"] is True and found["source"] == "server1"
    assert [each["phase"] for each in found["phases"]][-2:] == ["PostProcess", "Verify"]
    assert found["expected_outage_seconds"] == found["outage"]["expected_seconds"] > 60
    assert {each["error"] for each in found["may_still_end"]} >= {"GroupNotOnline", "DeviceMismatch", "RestoreOverdue"}
    how = found["initialization"]
    assert how["initialization"] == "rate" and how["fsr"]["cost_usd"] == 1.5 and found["fast_restores"] == []
    assert len(found["volumes"]) == 2 and "an estimate" in "\n".join(found["plan"])
    # The template lets it read the quotas.
    assert any(text.startswith("storage quota of gp3: ") and "not known" not in text for text in found["plan"])
    assert not beside(product) and not records(product)


def test_fast_restore_makes_every_volume_fast_and_leaves_on_what_somebody_else_switched_on(product: Product) -> None:
    (snapshot,) = (each["SnapshotId"] for each in product.snapshots())
    theirs = {"SourceSnapshotIds": [snapshot], "AvailabilityZones": [ZONES[0]]}
    product.ec2.enable_fast_snapshot_restores(**theirs)
    found = output(restore(product, initialization="fsr"))
    assert found["initialization"] == {"chosen": "fsr", "fell_back": None, "fast_restored": True, "slow": []}
    volumes = {v["VolumeId"]: v for v in product.ec2.describe_volumes()["Volumes"]}
    assert all(volumes[each["new"]]["FastRestored"] for each in found["replaced"])
    assert on(product) == {ZONES[0]}
    product.ec2.disable_fast_snapshot_restores(**theirs)
    release(product, found["id"])


def test_a_zone_without_capacity_makes_it_go_on_by_rate_and_the_report_says_why(product: Product) -> None:
    product.lab.control("fsr_unsuccessful", code="InsufficientCapacity", az=ZONES[1])
    since = len(product.lab.log())
    found = output(restore(product, initialization="fsr"))
    how = found["initialization"]
    assert how["chosen"] == "fsr" and "InsufficientCapacity" in how["fell_back"] and how["fast_restored"] is None
    assert found["leftovers"] == [] and found["deleted"] == []
    calls = [e["call"] for e in product.lab.log()[since:] if e["kind"] == "api" and not e["error"]]
    assert calls.index("ec2:DisableFastSnapshotRestores") < calls.index("ec2:CreateVolume"), "billed meanwhile"
    volumes = {v["VolumeId"]: v for v in product.ec2.describe_volumes()["Volumes"]}
    assert all(volumes[each["new"]]["VolumeInitializationRate"] == 300 for each in found["replaced"])
    assert [(each["volume"], each["data"]) for each in found["stay"]] == [
        (each["old"], "replaced") for each in found["replaced"]
    ]
    assert records(product) == {f"restore#{found['id']}"}
    answer = release(product, found["id"])
    assert set(answer["released"]) == {each["old"] for each in found["replaced"]}
    assert set(answer["in_place"]) == {each["new"] for each in found["replaced"]}
    left = {volume: tags for volume, tags in beside(product).items() if volume in answer["released"]}
    assert len(left) == 2 and not [key for tags in left.values() for key in tags if "mirrorsnap" in key]
    assert not records(product)


def test_fast_restore_that_cannot_be_switched_off_stops_no_restore_and_is_told(product: Product) -> None:
    product.lab.control("fsr_unsuccessful", code="InsufficientCapacity", az=ZONES[1])
    call = "ec2:DisableFastSnapshotRestores"
    product.lab.fault(call=call, times=1000, effect={"error": "UnauthorizedOperation"})
    found = output(restore(product, initialization="fsr"))
    (left,) = found["leftovers"]
    assert left.startswith("AwsRefused: ") and call in left and "UnauthorizedOperation" in left
    assert on(product) == {ZONES[0]}
    product.lab.control("clear_faults")
    snapshots = [each["SnapshotId"] for each in product.snapshots()]
    product.ec2.disable_fast_snapshot_restores(SourceSnapshotIds=snapshots, AvailabilityZones=[ZONES[0]])
    release(product, found["id"])


def test_a_restore_that_fails_after_the_exchange_names_the_volumes_that_stay(product: Product) -> None:
    before = set(beside(product))
    product.lab.fault(call="ec2:AttachVolume", nth=2, effect={"error": "AttachmentLimitExceeded"})
    failed = restore(product)
    assert (failed["status"], failed["error"]) == ("FAILED", "AwsRefused"), failed
    # AttachVolume was sent for both, so neither is deleted, though EC2 refused one of the calls (safety.md, rule 19).
    stay = set(beside(product)) - before
    assert len(stay) == 2
    assert "Volumes that stay until the restore is released: " in failed["cause"]
    assert all(volume in failed["cause"] for volume in stay), failed["cause"]
    assert all(beside(product)[volume]["mirrorsnap:replaced"] == "true" for volume in stay)
    # The record is the entry by which they are released.
    (record,) = records(product)
    assert set(release(product, record.removeprefix("restore#"))["released"]) == stay
    assert not records(product)


def test_a_restore_that_fails_before_the_outage_leaves_nothing(product: Product) -> None:
    before = beside(product)
    product.lab.fault(call="ec2:CreateVolume", nth=2, effect={"error": "VolumeLimitExceeded"})
    failed = restore(product)
    assert failed["error"] == "AwsRefused" and "Volumes that stay" not in failed["cause"], failed
    assert beside(product) == before and not records(product)


def test_a_restore_that_is_stopped_while_it_waits_leaves_fast_restore_as_it_was(product: Product) -> None:
    arn = product.start("restore", {"backup": "latest", "confirm": "orders", "initialization": "fsr"})
    product.lab.wait_for(lambda: on(product) == set(ZONES), 120, "fast snapshot restore in both zones")
    product.sfn.stop_execution(executionArn=arn, error="Test", cause="stopped")
    found = recovered(product, arn)
    assert found["volumes"] == {"deleted": [], "kept": [], "in_place": []} and found["attachments"] == []
    assert not on(product) and not records(product)


def test_a_restore_that_is_stopped_after_the_exchange_and_its_recovery_name_the_volumes(product: Product) -> None:
    before = set(beside(product))
    product.lab.fault(execution="abort", at="StartBoth")
    found = recovered(product, product.start("restore", {"backup": "latest", "confirm": "orders"}))
    stay = set(beside(product)) - before
    assert len(stay) == 2 and set(found["volumes"]["kept"]) == stay
    assert {each["new"] for each in found["attachments"]} == stay
    (record,) = records(product)
    assert set(release(product, record.removeprefix("restore#"))["released"]) == stay
    # Both of these were stopped, and no Catch of theirs sees that.
    states = alarms(product)
    product.lab.wait_for(lambda: alarms(product)["mirrorsnap-restore-aborted"] == "ALARM", 900, f"the alarm: {states}")


def alarms(product: Product) -> dict[str, str]:
    found = product.lab.boto("cloudwatch").describe_alarms(AlarmNamePrefix="mirrorsnap-")["MetricAlarms"]
    assert all(alarm["AlarmActions"] for alarm in found)
    return {alarm["AlarmName"]: alarm["StateValue"] for alarm in found}


def test_every_end_without_success_has_an_alarm(product: Product) -> None:
    ends = {f"mirrorsnap-{kind}-{end}" for kind in ("backup", "restore") for end in ("failed", "timed-out", "aborted")}
    assert set(alarms(product)) == ends | {"mirrorsnap-cluster-not-back"}


def test_a_rollback_names_the_restore_s_volumes_and_keeps_its_record(product: Product) -> None:
    before = set(beside(product))
    done = output(restore(product, initialization="none"))
    assert done["initialization"] == {"chosen": "none", "fell_back": None, "fast_restored": None, "slow": []}
    made = {each["new"] for each in done["replaced"]}
    planned = output(run(product, "restore", {"rollback": done["id"], "dry_run": True}))
    assert all(volume in "\n".join(planned["plan"]) for volume in made), planned
    assert (planned["source"], planned["attachments"]) == ("server1", done["replaced"])
    back = output(run(product, "restore", {"rollback": done["id"], "confirm": "orders"}))
    assert (back["kind"], {each["volume"] for each in back["stay"]}) == ("rollback", made)
    assert {each["data"] for each in back["stay"]} == {"restored"} and set(beside(product)) - before == made
    again = run(product, "restore", {"rollback": done["id"], "confirm": "orders"})
    assert again["error"] == "AttachmentUnexpected", again
    assert set(release(product, done["id"])["released"]) == made
    assert run(product, "restore", {"release": done["id"], "confirm": "orders"})["error"] == "RestoreNotFound"


def test_a_recovery_that_is_stuck_names_the_volumes_and_switches_fast_restore_off(product: Product) -> None:
    """The intent of a restore whose volumes somebody has exchanged: a person must come."""
    (snapshot,) = product.snapshots()
    pair = {"snapshot": snapshot["SnapshotId"], "zone": ZONES[0]}
    place = {"node": "server1", "device": "/dev/sdb", "old": "vol-0aaaaaaaaaaaaaaa1", "new": "vol-0aaaaaaaaaaaaaaa2"}
    attachment = {**place, "snapshot": snapshot["SnapshotId"], "delete_on_termination": False}
    intent = {
        "operation": "restore",
        "id": "orders-r-20260502T030405Z",
        "phase": "Attach",
        "started": "2026-05-02T03:04:05Z",
        "active": "server1",
        "standby": "server2",
        "boots": {"server1": "a", "server2": "b"},
        "quiet_after_seconds": 10,
        "disturbances": [{"kind": "attachment", **attachment}, {"kind": "fast-restore", **pair}],
        "restore": {"course": "swap", "source": "server1"},
    }
    table = product.lab.boto("dynamodb")
    key = {"id": {"S": "lock#orders"}}
    values = {":intent": {"S": json.dumps(intent)}}
    table.update_item(
        TableName="mirrorsnap", Key=key, UpdateExpression="SET intent = :intent", ExpressionAttributeValues=values
    )
    enabled = {"SourceSnapshotIds": [pair["snapshot"]], "AvailabilityZones": [pair["zone"]]}
    product.ec2.enable_fast_snapshot_restores(**enabled)
    try:
        stuck = run(product, "recover", {})
    finally:
        table.update_item(TableName="mirrorsnap", Key=key, UpdateExpression="REMOVE intent, holder, since")
    assert stuck["status"] == "FAILED", stuck
    named = "Volumes in place or beside the nodes: vol-0aaaaaaaaaaaaaaa1 and vol-0aaaaaaaaaaaaaaa2 (server1 /dev/sdb)."
    assert named in stuck["cause"], stuck
    assert not on(product)


def test_a_hold_while_it_waits_does_not_leave_fast_restore_on(product: Product) -> None:
    """Nothing is disturbed, so nothing is brought back; but it would be billed until the operator has finished."""
    arn = product.start("restore", {"backup": "latest", "confirm": "orders", "initialization": "fsr"})
    product.lab.wait_for(lambda: on(product) == set(ZONES), 120, "fast snapshot restore in both zones")
    product.lab.fault(call="ec2:CreateVolume", effect={"error": "VolumeLimitExceeded"})
    # As an operator who only marks the lock: the `hold` machine is not needed for what is asked here.
    product.lab.boto("dynamodb").update_item(
        TableName="mirrorsnap",
        Key={"id": {"S": "lock#orders"}},
        UpdateExpression="SET #hold = :why",
        ExpressionAttributeNames={"#hold": "hold"},
        ExpressionAttributeValues={":why": {"S": "disk replacement"}},
    )
    failed = ended(product, arn)[0]
    assert failed["status"] == "FAILED" and "THE CLUSTER IS NOT BACK: OperatorHold" in failed["cause"], failed
    assert not on(product)
    # The recover that the failure starts finds the hold too.
    product.lab.wait_for(lambda: "mirrorsnap-recover" in [each["machine"] for each in ended(product, arn)], 60)
    assert ended(product, arn)[-1]["error"] == "OperatorHold"
    members = ended(product, product.start("hold", {"unhold": True}))
    assert [each["machine"] for each in members[:2]] == ["mirrorsnap-hold", "mirrorsnap-recover"]
    assert output(members[0])["recover"] == members[1]["arn"]
    found = output(members[1])
    assert found["volumes"] == {"deleted": [], "kept": [], "in_place": []}
    items = product.lab.boto("dynamodb").scan(TableName="mirrorsnap")["Items"]
    assert not [each for each in items if {"holder", "intent"} & set(each)]
