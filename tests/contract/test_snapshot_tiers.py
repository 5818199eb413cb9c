"""Archive and locks of snapshots."""

from __future__ import annotations

import datetime
from typing import Any

import pytest
from snapshot_helpers import AZ, NOBODY, behind, code_of, new_snapshot, new_volume, snapshot_of

from lab.client import Lab


@pytest.fixture
def ec2(lab: Lab) -> Any:
    lab.control("timing", values={"snapshot_day": 86_400})
    return lab.boto("ec2")


def tier(lab: Lab, snapshot_id: str) -> dict[str, Any]:
    wanted = [{"Name": "snapshot-id", "Values": [snapshot_id]}]
    (found,) = lab.boto("ec2").describe_snapshot_tier_status(Filters=wanted)["SnapshotTierStatuses"]
    return found


def archived(lab: Lab) -> str:
    snapshot = new_snapshot(lab)
    lab.boto("ec2").modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")
    lab.wait_for(lambda: tier(lab, snapshot)["LastTieringOperationStatus"] == "archival-completed")
    return snapshot


def test_archiving_takes_time_and_ends_use(lab: Lab, ec2: Any) -> None:
    pending = ec2.create_snapshot(VolumeId=new_volume(lab))["SnapshotId"]
    assert code_of(ec2.modify_snapshot_tier, SnapshotId=pending, StorageTier="archive") == "IncorrectState"
    snapshot = new_snapshot(lab)
    ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    assert "TieringStartTime" in ec2.modify_snapshot_tier(SnapshotId=snapshot, StorageTier="archive")
    assert tier(lab, snapshot)["LastTieringOperationStatus"] == "archival-in-progress"
    assert code_of(ec2.modify_snapshot_tier, SnapshotId=snapshot) == "IncorrectState"
    ec2.create_volume(AvailabilityZone=AZ, SnapshotId=snapshot)  # usable until the archival is complete
    lab.wait_for(lambda: snapshot_of(lab, snapshot)["StorageTier"] == "archive")
    assert snapshot_of(lab, snapshot)["State"] == "completed"
    assert code_of(ec2.create_volume, AvailabilityZone=AZ, SnapshotId=snapshot) == "IncorrectState"
    assert code_of(ec2.copy_snapshot, SourceRegion=lab.region, SourceSnapshotId=snapshot) == "IncorrectState"
    wanted = [{"Name": "snapshot-id", "Values": [snapshot]}]
    restores = ec2.describe_fast_snapshot_restores(Filters=wanted)["FastSnapshotRestores"]
    assert {r["State"] for r in restores} <= {"disabling", "disabled"}
    again = ec2.enable_fast_snapshot_restores(AvailabilityZones=[AZ], SourceSnapshotIds=[snapshot])
    assert again["Successful"] == []
    tier_filter = [{"Name": "storage-tier", "Values": ["archive"]}]
    assert snapshot in {s["SnapshotId"] for s in ec2.describe_snapshots(Filters=tier_filter)["Snapshots"]}


def test_a_restore_for_good_brings_the_bytes_back(lab: Lab, ec2: Any) -> None:
    snapshot = archived(lab)
    digest = behind(lab, "snapshots", snapshot)["Digest"]
    both = {"TemporaryRestoreDays": 1, "PermanentRestore": True}
    assert code_of(ec2.restore_snapshot_tier, SnapshotId=snapshot, **both) == "InvalidParameterCombination"
    assert code_of(ec2.restore_snapshot_tier, SnapshotId=snapshot, TemporaryRestoreDays=181) == "InvalidParameterValue"
    assert ec2.restore_snapshot_tier(SnapshotId=snapshot, PermanentRestore=True)["IsPermanentRestore"] is True
    assert tier(lab, snapshot)["LastTieringOperationStatus"] == "permanent-restore-in-progress"
    assert code_of(ec2.create_volume, AvailabilityZone=AZ, SnapshotId=snapshot) == "IncorrectState"
    lab.wait_for(lambda: snapshot_of(lab, snapshot)["StorageTier"] == "standard")
    volume = ec2.create_volume(AvailabilityZone=AZ, SnapshotId=snapshot)["VolumeId"]
    assert behind(lab, "volumes", volume)["Digest"] == digest
    assert code_of(ec2.restore_snapshot_tier, SnapshotId=snapshot, PermanentRestore=True) == "IncorrectState"


def test_a_temporary_restore_expires(lab: Lab, ec2: Any) -> None:
    snapshot = archived(lab)
    lab.control("timing", values={"snapshot_day": 5})
    assert ec2.restore_snapshot_tier(SnapshotId=snapshot, TemporaryRestoreDays=2)["RestoreDuration"] == 2
    lab.wait_for(lambda: "RestoreExpiryTime" in snapshot_of(lab, snapshot))
    assert tier(lab, snapshot)["LastTieringOperationStatus"] == "temporary-restore-completed"
    ec2.create_volume(AvailabilityZone=AZ, SnapshotId=snapshot)
    lab.wait_for(lambda: "RestoreExpiryTime" not in snapshot_of(lab, snapshot))
    assert code_of(ec2.create_volume, AvailabilityZone=AZ, SnapshotId=snapshot) == "IncorrectState"


def locks(lab: Lab) -> dict[str, str]:
    found = lab.boto("ec2").describe_locked_snapshots()["Snapshots"]
    return {s["SnapshotId"]: s["LockState"] for s in found}


def test_a_governance_lock_forbids_deletion_until_it_is_taken_off(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    made = ec2.lock_snapshot(SnapshotId=snapshot, LockMode="governance", LockDuration=2)
    assert made["LockState"] == "governance" and made["LockDuration"] == 2
    assert made["LockExpiresOn"] - made["LockCreatedOn"] == datetime.timedelta(days=2)
    assert locks(lab)[snapshot] == "governance"
    assert code_of(ec2.delete_snapshot, SnapshotId=snapshot) == "SnapshotLocked"
    assert snapshot_of(lab, snapshot)["State"] == "completed"
    ec2.unlock_snapshot(SnapshotId=snapshot)
    assert snapshot not in locks(lab)
    assert code_of(ec2.unlock_snapshot, SnapshotId=snapshot) == "IncorrectState"
    ec2.delete_snapshot(SnapshotId=snapshot)


def test_a_lock_expires(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    lab.control("timing", values={"snapshot_day": 4})
    ec2.lock_snapshot(SnapshotId=snapshot, LockMode="compliance", LockDuration=1)
    assert code_of(ec2.delete_snapshot, SnapshotId=snapshot) == "SnapshotLocked"
    lab.wait_for(lambda: locks(lab)[snapshot] == "expired")
    ec2.delete_snapshot(SnapshotId=snapshot)


def test_a_compliance_lock_can_only_grow_once_its_cooling_off_is_over(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)
    lab.control("timing", values={"snapshot_day": 96})  # an hour is 4 s
    ec2.lock_snapshot(SnapshotId=snapshot, LockMode="compliance", LockDuration=9, CoolOffPeriod=1)
    assert locks(lab)[snapshot] == "compliance-cooloff"
    ec2.unlock_snapshot(SnapshotId=snapshot)
    ec2.lock_snapshot(SnapshotId=snapshot, LockMode="compliance", LockDuration=9, CoolOffPeriod=1)
    lab.wait_for(lambda: locks(lab)[snapshot] == "compliance")
    assert code_of(ec2.unlock_snapshot, SnapshotId=snapshot) == "SnapshotLocked"
    again = {"SnapshotId": snapshot, "LockDuration": 5}
    assert code_of(ec2.lock_snapshot, **again, LockMode="compliance") == "SnapshotLocked"
    assert code_of(ec2.lock_snapshot, **again, LockMode="governance") == "SnapshotLocked"
    ec2.lock_snapshot(SnapshotId=snapshot, LockMode="compliance", LockDuration=20)


def test_what_lock_snapshot_refuses(lab: Lab, ec2: Any) -> None:
    snapshot = new_snapshot(lab)

    def code(**more: Any) -> str:
        return code_of(ec2.lock_snapshot, **{"SnapshotId": snapshot, "LockMode": "governance", **more})

    soon = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    assert code() == code(LockDuration=1, ExpirationDate=soon) == "InvalidParameterCombination"
    assert code(LockDuration=1, CoolOffPeriod=1) == "InvalidParameterCombination"
    assert code(ExpirationDate=soon) == "InvalidParameterValue"
    assert code(LockDuration=1, LockMode="iron") == "InvalidParameterValue"
    assert code(LockDuration=1, SnapshotId=NOBODY) == "InvalidSnapshot.NotFound"
    assert code(LockDuration=1, DryRun=True) == "DryRunOperation"
    assert snapshot not in locks(lab)
