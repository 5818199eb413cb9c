"""Fast snapshot restore on the deployed product: used, refused, left as it was found, and told of."""

from __future__ import annotations

from restores import ZONES, beside, ended, on, output, records, recovered, release, restore

from scenario.product import Product


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


def test_a_restore_that_is_stopped_while_it_waits_leaves_fast_restore_as_it_was(product: Product) -> None:
    arn = product.start("restore", {"backup": "latest", "confirm": "orders", "initialization": "fsr"})
    product.lab.wait_for(lambda: on(product) == set(ZONES), 120, "fast snapshot restore in both zones")
    product.sfn.stop_execution(executionArn=arn, error="Test", cause="stopped")
    found = recovered(product, arn)
    assert found["volumes"] == {"deleted": [], "kept": [], "in_place": []} and found["attachments"] == []
    assert not on(product) and not records(product)


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
