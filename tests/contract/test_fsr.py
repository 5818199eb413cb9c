"""Fast snapshot restore: states, refusals per pair, credits and their metric, events, and what disables it."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from snapshot_helpers import AZ, NOBODY, OTHER_AZ, behind, code_of, events_about, new_snapshot, new_volume

from lab.client import ControlError, Lab

EVENT = "EBS Fast Snapshot Restore State-change Notification"
LIFECYCLE = "Client.UserInitiated - Lifecycle state transition"


@pytest.fixture
def ec2(lab: Lab) -> Iterator[Any]:
    """EC2 without any fast restore from another test, since only five snapshots may have one."""
    client = lab.boto("ec2")
    lab.control("clear_faults")
    lab.control("timing", values={"snapshot": 3, "fsr_enable": 3, "fsr_disable": 8, "fsr_credit": 2})
    yield client
    lab.control("timing", values={"fsr_disable": 0.5})
    on = [r for r in client.describe_fast_snapshot_restores()["FastSnapshotRestores"] if r["State"][:4] != "disa"]
    for each in on:
        client.disable_fast_snapshot_restores(
            AvailabilityZones=[each["AvailabilityZone"]], SourceSnapshotIds=[each["SnapshotId"]]
        )
    lab.wait_for(lambda: all(r["state"] == "disabled" for r in restores(lab)), 30)


def restores(lab: Lab, snapshot_id: str | None = None) -> list[dict[str, Any]]:
    """Every (snapshot, AZ) pair as the API shows it, with its state in `state` too."""
    found = lab.boto("ec2").describe_fast_snapshot_restores()["FastSnapshotRestores"]
    return [{**r, "state": r["State"]} for r in found if snapshot_id in (None, r["SnapshotId"])]


def state(lab: Lab, snapshot_id: str, az: str = AZ) -> str | None:
    return next((r["State"] for r in restores(lab, snapshot_id) if r["AvailabilityZone"] == az), None)


def enable(lab: Lab, snapshot_id: str, *zones: str) -> dict[str, Any]:
    answer = lab.boto("ec2").enable_fast_snapshot_restores(
        AvailabilityZones=list(zones) or [AZ], SourceSnapshotIds=[snapshot_id]
    )
    assert answer["Unsuccessful"] == [], answer
    lab.wait_for(lambda: all(state(lab, snapshot_id, az) == "enabled" for az in zones or [AZ]), 60)
    return answer


def errors(answer: dict[str, Any]) -> dict[tuple[str, str], str]:
    """(snapshot, AZ) -> code of every unsuccessful pair."""
    return {
        (item["SnapshotId"], each["AvailabilityZone"]): each["Error"]["Code"]
        for item in answer["Unsuccessful"]
        for each in item["FastSnapshotRestoreStateErrors"]
    }


def made_fast(lab: Lab, snapshot_id: str, az: str = AZ, **more: Any) -> bool:
    """Whether a volume made now is fast, as DescribeVolumes tells."""
    ec2 = lab.boto("ec2")
    volume = ec2.create_volume(AvailabilityZone=az, SnapshotId=snapshot_id, **more)["VolumeId"]
    return ec2.describe_volumes(VolumeIds=[volume])["Volumes"][0]["FastRestored"]


def metric(lab: Lab, name: str, snapshot_id: str, az: str = AZ) -> list[float]:
    """The metric's points by GetMetricData, oldest first, checked against GetMetricStatistics."""
    now = datetime.datetime.now(datetime.UTC)
    window = {"StartTime": now - datetime.timedelta(minutes=10), "EndTime": now + datetime.timedelta(minutes=1)}
    dimensions = [{"Name": "SnapshotId", "Value": snapshot_id}, {"Name": "AvailabilityZone", "Value": az}]
    which = {"Namespace": "AWS/EBS", "MetricName": name, "Dimensions": dimensions}
    cloudwatch = lab.boto("cloudwatch")
    query = {"Id": "m", "MetricStat": {"Metric": which, "Period": 60, "Stat": "Minimum"}}
    values = cloudwatch.get_metric_data(MetricDataQueries=[query], **window)["MetricDataResults"][0]["Values"]
    points = cloudwatch.get_metric_statistics(**which, **window, Period=60, Statistics=["Maximum"])["Datapoints"]
    # A minute may have begun between the two reads.
    assert len(points) - len(values) in (0, 1)
    return values


# --- states --------------------------------------------------------------------------------------------------------


def test_enabling_takes_its_states_and_tells_of_each(lab: Lab, ec2: Any) -> None:
    """Stock ministack has no fast snapshot restore."""
    snapshot = new_snapshot(lab)
    answer = ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ, OTHER_AZ], SourceSnapshotIds=[snapshot])
    assert {(s["AvailabilityZone"], s["State"]) for s in answer["Successful"]} == {
        (AZ, "enabling"),
        (OTHER_AZ, "enabling"),
    }
    first = answer["Successful"][0]
    assert first["StateTransitionReason"] == "Client.UserInitiated" and first["OwnerId"] == "000000000000"
    assert "EnablingTime" in first and "EnabledTime" not in first
    lab.wait_for(lambda: state(lab, snapshot) == state(lab, snapshot, OTHER_AZ) == "enabled", 30)
    (found,) = [r for r in restores(lab, snapshot) if r["AvailabilityZone"] == AZ]
    assert found["StateTransitionReason"] == LIFECYCLE
    assert found["EnablingTime"] <= found["OptimizingTime"] <= found["EnabledTime"]
    log = lab.log(kind="ec2", id=f"{snapshot}/{AZ}")
    assert [e["state"] for e in log] == ["enabling", "optimizing", "enabled"]
    assert log[-1]["t"] - log[0]["t"] >= 2.9  # timing.fsr_enable is 3 s

    gone = ec2.disable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    assert [s["State"] for s in gone["Successful"]] == ["disabling"] and gone["Unsuccessful"] == []
    assert state(lab, snapshot) == "disabling"
    lab.wait_for(lambda: state(lab, snapshot) == "disabled", 10)
    (found,) = [r for r in restores(lab, snapshot) if r["AvailabilityZone"] == AZ]
    assert found["DisablingTime"] <= found["DisabledTime"]
    assert state(lab, snapshot, OTHER_AZ) == "enabled"
    told = [e for e in events_about(lab, snapshot, EVENT) if e["zone"] == AZ]
    assert [(e["state"], e["message"]) for e in told] == [
        ("enabling", "Client.UserInitiated"),
        ("optimizing", LIFECYCLE),
        ("enabled", LIFECYCLE),
        ("disabling", "Client.UserInitiated"),
        ("disabled", LIFECYCLE),
    ]
    assert {e["snapshot-id"] for e in told} == {snapshot}


def test_enabling_again_changes_nothing_and_a_disabled_one_can_come_back(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    enable(lab, snapshot)
    again = ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    assert [s["State"] for s in again["Successful"]] == ["enabled"]
    ec2.disable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    early = ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    assert errors(early) == {(snapshot, AZ): "InvalidState"}
    lab.wait_for(lambda: state(lab, snapshot) == "disabled")
    lab.control("timing", values={"fsr_credit": 3600})  # none comes while the machine is busy
    enable(lab, snapshot)
    assert made_fast(lab, snapshot) is False  # the credits began at zero again


def test_disabling_while_it_is_being_enabled_is_final(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    ec2.disable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    lab.sleep(9)
    assert state(lab, snapshot) == "disabled"
    states = [e["state"] for e in lab.log(kind="ec2", id=f"{snapshot}/{AZ}")]
    assert states == ["enabling", "disabling", "disabled"]


def test_a_pending_snapshot_waits_in_enabling_and_a_failed_one_is_disabled(lab: Lab, ec2: Any) -> None:
    volume = new_volume(lab)
    lab.control("timing", values={"snapshot": 10})
    good = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    lab.control("fail_snapshot", volume_id=volume)
    bad = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    lab.control("timing", values={"fsr_enable": 1})
    answer = ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[good, bad])
    assert len(answer["Successful"]) == 2 and answer["Unsuccessful"] == []
    lab.wait_for(lambda: state(lab, good) == "enabled" and state(lab, bad) == "disabled", 30)
    completed = next(e["seq"] for e in lab.log(kind="ec2", id=good) if e["state"] == "completed")
    optimizing = next(e["seq"] for e in lab.log(kind="ec2", id=f"{good}/{AZ}") if e["state"] == "optimizing")
    assert completed < optimizing
    last = events_about(lab, bad, EVENT)[-1]
    assert last["state"] == "disabled" and last["message"].startswith("Client.InvalidSnapshot.InvalidState")


def test_a_restore_can_fail_by_itself(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    enable(lab, snapshot)
    lab.control("fsr_fail", snapshot_id=snapshot, az=AZ)
    assert state(lab, snapshot) == "disabling"
    lab.wait_for(lambda: state(lab, snapshot) == "disabled")
    assert restores(lab, snapshot)[0]["StateTransitionReason"].startswith("Server.InsufficientCapacity")


# --- refusals ------------------------------------------------------------------------------------------------------


def test_each_pair_succeeds_or_fails_by_itself(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    lab.control("fsr_unsuccessful", az=OTHER_AZ, code="InsufficientCapacity")
    answer = ec2.enable_fast_snapshot_restores(
        AvailabilityZones=[AZ, OTHER_AZ, "ap-northeast-1b"], SourceSnapshotIds=[snapshot, NOBODY]
    )
    assert [(s["SnapshotId"], s["AvailabilityZone"]) for s in answer["Successful"]] == [(snapshot, AZ)]
    assert errors(answer) == {
        (snapshot, OTHER_AZ): "InsufficientCapacity",
        (snapshot, "ap-northeast-1b"): "InvalidParameterValue",
        (NOBODY, AZ): "InvalidSnapshot.NotFound",
        (NOBODY, OTHER_AZ): "InvalidSnapshot.NotFound",
        (NOBODY, "ap-northeast-1b"): "InvalidParameterValue",
    }
    assert [r["AvailabilityZone"] for r in restores(lab, snapshot)] == [AZ]
    second = ec2.enable_fast_snapshot_restores(AvailabilityZones=[OTHER_AZ], SourceSnapshotIds=[snapshot])
    assert second["Unsuccessful"] == []  # forced once only
    never = ec2.disable_fast_snapshot_restores(AvailabilityZones=["ap-northeast-1d"], SourceSnapshotIds=[snapshot])
    assert never["Successful"] == [] and errors(never) == {(snapshot, "ap-northeast-1d"): "InvalidState"}


def test_five_snapshots_of_a_region_and_no_more(lab: Lab, ec2: Any) -> None:
    volumes = [new_volume(lab) for _ in range(2)]
    ids = [ec2.create_snapshot(VolumeId=volumes[n % 2])["SnapshotId"] for n in range(6)]
    five = ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=ids[:5])
    assert len(five["Successful"]) == 5 and five["Unsuccessful"] == []
    sixth = ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[ids[5]])
    assert errors(sixth) == {(ids[5], AZ): "FastSnapshotRestoreLimitExceeded"}
    more_zones = ec2.enable_fast_snapshot_restores(AvailabilityZones=[OTHER_AZ], SourceSnapshotIds=[ids[0]])
    assert more_zones["Unsuccessful"] == []  # snapshots are counted, not pairs


def test_what_is_refused_as_a_whole(lab: Lab, ec2: Any) -> None:
    call = ec2.enable_fast_snapshot_restores
    assert code_of(call, AvailabilityZones=[AZ], SourceSnapshotIds=["snap-1"]) == "InvalidSnapshotID.Malformed"
    assert code_of(call, SourceSnapshotIds=[NOBODY]) == "MissingParameter"
    both = {"AvailabilityZones": [AZ], "AvailabilityZoneIds": ["apne1-az4"]}
    assert code_of(call, SourceSnapshotIds=[NOBODY], **both) == "InvalidParameterCombination"
    many = [f"snap-0123456789abcde{n:02d}" for n in range(11)]
    assert code_of(call, AvailabilityZones=[AZ], SourceSnapshotIds=many) == "InvalidRequest"
    snapshot = new_snapshot(lab)
    assert code_of(call, AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot], DryRun=True) == "DryRunOperation"
    assert restores(lab, snapshot) == []
    with pytest.raises(ControlError, match="unknown AZ"):
        lab.control("fsr_unsuccessful", az="mars-1a")


def test_filters_pages_and_zone_ids(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    ec2.enable_fast_snapshot_restores(AvailabilityZoneIds=["apne1-az4", "apne1-az1"], SourceSnapshotIds=[snapshot])

    def found(**filters: str) -> set[tuple[str, str]]:
        wanted = [{"Name": n.replace("_", "-"), "Values": [v]} for n, v in filters.items()]
        answer = ec2.describe_fast_snapshot_restores(Filters=wanted)["FastSnapshotRestores"]
        return {(r["SnapshotId"], r["AvailabilityZone"]) for r in answer}

    assert found(snapshot_id=snapshot) == {(snapshot, AZ), (snapshot, OTHER_AZ)}
    assert found(snapshot_id=snapshot, availability_zone=AZ, owner_id="000000000000") == {(snapshot, AZ)}
    assert found(snapshot_id=snapshot, state="enabled") == set()
    lab.wait_for(lambda: found(snapshot_id=snapshot, state="enabled") == {(snapshot, AZ), (snapshot, OTHER_AZ)})
    describe = ec2.describe_fast_snapshot_restores
    assert code_of(describe, Filters=[{"Name": "size", "Values": ["1"]}]) == "InvalidParameterValue"
    all_of_them = describe()["FastSnapshotRestores"]
    if len(all_of_them) > 5:
        page = describe(MaxResults=5)
        rest = describe(MaxResults=5, NextToken=page["NextToken"])["FastSnapshotRestores"]
        assert page["FastSnapshotRestores"] + rest == all_of_them[:10]


def test_a_stale_describe(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    lab.control("timing", values={"fsr_enable": 20})
    ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    lab.fault(call="ec2:DescribeFastSnapshotRestores", effect="stale")
    assert restores(lab, snapshot) == []
    assert state(lab, snapshot) in ("enabling", "optimizing")


# --- credits -------------------------------------------------------------------------------------------------------


def test_enabled_is_not_enough_for_a_fast_volume(lab: Lab, ec2: Any) -> None:
    lab.control("timing", values={"fsr_credit": 20})
    snapshot = new_snapshot(lab)
    assert made_fast(lab, snapshot) is False
    enable(lab, snapshot)
    assert made_fast(lab, snapshot) is False  # enabled without a credit
    assert 0 <= metric(lab, "FastSnapshotRestoreCreditsBalance", snapshot)[-1] < 1
    lab.wait_for(lambda: metric(lab, "FastSnapshotRestoreCreditsBalance", snapshot)[-1] >= 1, 60)
    assert made_fast(lab, snapshot, OTHER_AZ) is False  # a bucket per AZ
    assert made_fast(lab, snapshot) is True
    assert metric(lab, "FastSnapshotRestoreCreditsBalance", snapshot)[-1] < 1
    assert made_fast(lab, snapshot) is False


def test_credits_are_worth_nothing_once_it_is_being_disabled(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    lab.control("timing", values={"fsr_enable": 0.2, "fsr_credit": 0.2})
    enable(lab, snapshot)
    lab.sleep(1)
    assert made_fast(lab, snapshot) is True
    ec2.disable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    assert made_fast(lab, snapshot) is False
    lab.wait_for(lambda: state(lab, snapshot) == "disabled")
    assert made_fast(lab, snapshot) is False


def test_a_rate_takes_no_credit(lab: Lab, ec2: Any) -> None:
    lab.control("timing", values={"fsr_credit": 20})
    snapshot = new_snapshot(lab)
    enable(lab, snapshot)
    lab.wait_for(lambda: metric(lab, "FastSnapshotRestoreCreditsBalance", snapshot)[-1] >= 1, 60)
    assert made_fast(lab, snapshot, VolumeInitializationRate=100) is False
    assert made_fast(lab, snapshot) is True


@pytest.mark.parametrize(("gib", "bucket"), [(1, 10), (128, 8), (300, 3), (1024, 1), (2000, 1)])
def test_the_bucket_follows_the_size_and_is_never_overfull(lab: Lab, ec2: Any, gib: int, bucket: int) -> None:
    snapshot = new_snapshot(lab, gib)
    lab.control("timing", values={"fsr_enable": 0.1, "fsr_credit": 0.05})
    enable(lab, snapshot)
    assert metric(lab, "FastSnapshotRestoreCreditsBucketSize", snapshot)[-1] == bucket
    lab.wait_for(lambda: metric(lab, "FastSnapshotRestoreCreditsBalance", snapshot)[-1] == bucket, 30)
    lab.control("timing", values={"fsr_credit": 3600})  # from here on, what is taken stays taken
    fast = [made_fast(lab, snapshot) for _ in range(bucket + 1)]
    assert fast == [True] * bucket + [False]


def test_fast_volumes_have_the_bytes_too(lab: Lab, ec2: Any) -> None:
    volume = new_volume(lab)
    digest = lab.control("write_volume", volume=volume, offset=8192, hex="beef")
    snapshot = ec2.create_snapshot(VolumeId=volume)["SnapshotId"]
    lab.control("timing", values={"fsr_enable": 0.2, "fsr_credit": 0.2})
    enable(lab, snapshot)
    lab.sleep(1)
    made = ec2.create_volume(AvailabilityZone=AZ, SnapshotId=snapshot, Size=2)["VolumeId"]
    assert behind(lab, "volumes", made)["FastRestored"] is True
    assert behind(lab, "volumes", made)["Digest"] == digest


# --- the end of the snapshot ---------------------------------------------------------------------------------------


def test_deleting_the_snapshot_disables_its_restores(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    enable(lab, snapshot, AZ, OTHER_AZ)
    ec2.delete_snapshot(SnapshotId=snapshot)
    assert {r["State"] for r in restores(lab, snapshot)} == {"disabling"}
    lab.wait_for(lambda: {r["State"] for r in restores(lab, snapshot)} == {"disabled"})
    assert "was deleted" in events_about(lab, snapshot, EVENT)[-1]["message"]
