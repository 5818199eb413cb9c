"""Service Quotas: what EBS may have, as it is told and as EC2 keeps it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from fixtures.functions import allow, assume
from snapshot_helpers import AZ, code_of, new_snapshot

from lab.client import ControlError, Lab

GP3, FAST = "L-7A658B76", "L-631ECBD3"


@pytest.fixture
def quotas(lab: Lab) -> Iterator[Any]:
    yield lab.boto("service-quotas")
    lab.control("quota", code=GP3, value=50)
    lab.control("quota", code=FAST, value=5)


def test_what_an_account_begins_with_page_by_page(lab: Lab, quotas: Any) -> None:
    """Stock ministack has no Service Quotas."""
    pages = quotas.get_paginator("list_service_quotas").paginate(ServiceCode="ebs", PaginationConfig={"PageSize": 3})
    found = {each["QuotaCode"]: each for page in pages for each in page["Quotas"]}
    assert len(found) == 9
    assert found[GP3]["QuotaName"] == "Storage for General Purpose SSD (gp3) volumes, in TiB"
    assert (found[GP3]["Value"], found[FAST]["Value"], found["L-09BD8365"]["Value"]) == (50.0, 5.0, 20.0)
    assert quotas.get_service_quota(ServiceCode="ebs", QuotaCode=FAST)["Quota"] == found[FAST]
    one = quotas.list_service_quotas(ServiceCode="ebs", QuotaCode=GP3)["Quotas"]
    assert one == [found[GP3]]
    assert code_of(quotas.list_service_quotas, ServiceCode="ebz") == "NoSuchResourceException"
    assert code_of(quotas.get_service_quota, ServiceCode="ebs", QuotaCode="L-1") == "NoSuchResourceException"
    assert code_of(quotas.list_service_quotas, ServiceCode="ebs", NextToken="x") == "InvalidPaginationTokenException"
    assert code_of(quotas.list_services) == "UnknownOperationException"
    with pytest.raises(ControlError):
        lab.control("quota", code="L-1", value=1)


def test_who_may_not_read_them(lab: Lab, quotas: Any) -> None:
    def client(name: str, *statements: dict[str, Any]) -> Any:
        keys = assume(lab, name, *statements)
        session = boto3.Session(keys["AccessKeyId"], keys["SecretAccessKey"], region_name="ap-northeast-1")
        return session.client("service-quotas", endpoint_url=lab.endpoint)

    nobody = client("nobody", allow("ec2:DescribeVolumes"))
    assert code_of(nobody.list_service_quotas, ServiceCode="ebs") == "AccessDeniedException"
    reader = client("reader", allow("servicequotas:ListServiceQuotas"))
    assert reader.list_service_quotas(ServiceCode="ebs")["Quotas"]


def test_ec2_keeps_the_quota_of_storage(lab: Lab, quotas: Any) -> None:
    ec2 = lab.boto("ec2")
    lab.control("quota", code=GP3, value=1)
    used = sum(v["Size"] for v in ec2.describe_volumes()["Volumes"] if v["VolumeType"] == "gp3")
    rest = {"AvailabilityZone": AZ, "VolumeType": "gp3"}
    assert code_of(ec2.create_volume, Size=1024 - used + 1, **rest) == "VolumeLimitExceeded"
    # Another type has room of its own, and what is just within the quota is made.
    other = ec2.create_volume(AvailabilityZone=AZ, VolumeType="gp2", Size=1024 - used + 1)["VolumeId"]
    last = ec2.create_volume(Size=1024 - used, **rest)["VolumeId"]
    assert code_of(ec2.create_volume, Size=1, **rest) == "VolumeLimitExceeded"
    for volume in (other, last):
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume], WaiterConfig={"Delay": 1})
        ec2.delete_volume(VolumeId=volume)
    lab.wait_for(lambda: not ec2.describe_volumes(Filters=[{"Name": "volume-id", "Values": [last]}])["Volumes"])
    assert ec2.create_volume(Size=1, **rest)["VolumeId"]


def test_ec2_keeps_the_quota_of_fast_restores(lab: Lab, quotas: Any) -> None:
    ec2 = lab.boto("ec2")
    lab.control("quota", code=FAST, value=1)
    first, second = new_snapshot(lab), new_snapshot(lab)
    call = {"AvailabilityZones": [AZ]}
    assert not ec2.enable_fast_snapshot_restores(SourceSnapshotIds=[first], **call)["Unsuccessful"]
    (refused,) = ec2.enable_fast_snapshot_restores(SourceSnapshotIds=[second], **call)["Unsuccessful"]
    assert refused["FastSnapshotRestoreStateErrors"][0]["Error"]["Code"] == "FastSnapshotRestoreLimitExceeded"
    lab.control("quota", code=FAST, value=2)
    assert not ec2.enable_fast_snapshot_restores(SourceSnapshotIds=[second], **call)["Unsuccessful"]
