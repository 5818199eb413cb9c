"""What a restore says, and what it leaves, on the deployed product: plan, volumes, record, alarms."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from restores import ZONES, alarms, beside, on, output, records, recovered, release, restore, run

from scenario.product import Product

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "infra"))

import step_names


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


def test_every_end_without_success_has_an_alarm(product: Product) -> None:
    ends = {
        f"{kind}-{end}" for kind in ("backup", "restore", "hold", "copy") for end in ("failed", "timed-out", "aborted")
    }
    ends |= {"cluster-not-back", "recover-timed-out", "recover-aborted", "patrol-failed", "patrol-timed-out"}
    lost = {"backup-missed", "event-undelivered", "recover-not-started", "recover-not-restarted"}
    found = {name.removeprefix("mirrorsnap-") for name in alarms(product)}
    functions = {name for name in found if name.endswith(("-errors", "-throttles"))}
    looks = {"backup-overdue", "left-behind", "fast-restore-left", "schedules-wrong", "degraded-too-long", "stuck"}
    looks |= {"image-not-clean", "prove-failed"}
    assert found - functions == ends | lost | looks | {"patrol-silent"}
    assert functions == {f"{name}-{what}" for name in step_names.functions() for what in ("errors", "throttles")}


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
