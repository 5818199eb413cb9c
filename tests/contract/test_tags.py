"""Tags of instances, volumes and snapshots, and of what ministack keeps."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from ec2_steps import (
    UNKNOWN_INSTANCE,
    UNKNOWN_SNAPSHOT,
    UNKNOWN_VOLUME,
    instance,
    new_instance,
    new_volume,
    refused,
    volume,
)


@pytest.fixture(scope="module")
def ec2(lab):
    return lab.boto("ec2")


@pytest.fixture
def target(lab, ec2):
    return new_volume(lab, ec2)


def tags(ec2, resource_id):
    found = ec2.describe_tags(Filters=[{"Name": "resource-id", "Values": [resource_id]}])["Tags"]
    return {t["Key"]: t["Value"] for t in found}


def test_tags_of_all_kinds(lab, ec2, target):
    snapshot = ec2.create_snapshot(VolumeId=target)["SnapshotId"]
    machine = new_instance(lab, ec2)
    mine = [target, snapshot, machine]
    ec2.create_tags(Resources=mine, Tags=[{"Key": "mirrorsnap:valid", "Value": "yes"}])
    assert [tags(ec2, each)["mirrorsnap:valid"] for each in mine] == ["yes"] * 3
    assert volume(ec2, target)["Tags"] == [{"Key": "mirrorsnap:valid", "Value": "yes"}]
    assert {"Key": "mirrorsnap:valid", "Value": "yes"} in instance(ec2, machine)["Tags"]
    seen = ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["Tags"]
    assert seen == [{"Key": "mirrorsnap:valid", "Value": "yes"}]
    ec2.create_tags(Resources=[target], Tags=[{"Key": "mirrorsnap:valid", "Value": "no"}])
    assert tags(ec2, target) == {"mirrorsnap:valid": "no"}
    wanted = [{"Name": "tag:mirrorsnap:valid", "Values": ["yes"]}, {"Name": "resource-id", "Values": mine}]
    found = {t["ResourceId"]: t["ResourceType"] for t in ec2.describe_tags(Filters=wanted)["Tags"]}
    assert found == {snapshot: "snapshot", machine: "instance"}
    wanted = [{"Name": "resource-type", "Values": ["volume"]}, {"Name": "key", "Values": ["mirrorsnap:*"]}]
    assert target in {t["ResourceId"] for t in ec2.describe_tags(Filters=wanted)["Tags"]}


def test_delete_with_and_without_a_value(lab, ec2, target):
    def put():
        ec2.create_tags(Resources=[target], Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])

    put()
    ec2.delete_tags(Resources=[target], Tags=[{"Key": "a", "Value": "other"}])
    assert tags(ec2, target) == {"a": "1", "b": "2"}
    ec2.delete_tags(Resources=[target], Tags=[{"Key": "a", "Value": ""}])
    assert tags(ec2, target) == {"a": "1", "b": "2"}
    ec2.delete_tags(Resources=[target], Tags=[{"Key": "a", "Value": "1"}])
    assert tags(ec2, target) == {"b": "2"}
    ec2.delete_tags(Resources=[target], Tags=[{"Key": "b"}])
    assert tags(ec2, target) == {}
    ec2.delete_tags(Resources=[target], Tags=[{"Key": "b"}])  # gone already: no error
    put()
    ec2.delete_tags(Resources=[target])
    assert tags(ec2, target) == {}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ([{"Key": "aws:x", "Value": "1"}], "InvalidParameterValue"),
        ([{"Key": "k" * 129, "Value": "1"}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "v" * 257}], "InvalidParameterValue"),
        ([{"Key": "", "Value": "1"}], "InvalidParameterValue"),
        ([{"Key": "k", "Value": "1"}, {"Key": "k", "Value": "2"}], "InvalidParameterValue"),
        ([{"Key": f"k{n}", "Value": ""} for n in range(51)], "TagLimitExceeded"),
    ],
)
def test_tags_that_are_refused(lab, ec2, target, wrong, code):
    refused(lab, code, ec2.create_tags, Resources=[target], Tags=wrong)


def test_the_limits_themselves_are_allowed(lab, ec2, target):
    ec2.create_tags(Resources=[target], Tags=[{"Key": "k" * 128, "Value": "v" * 256}])
    ec2.create_tags(Resources=[target], Tags=[{"Key": f"k{n}", "Value": ""} for n in range(49)])
    assert len(tags(ec2, target)) == 50
    refused(lab, "TagLimitExceeded", ec2.create_tags, Resources=[target], Tags=[{"Key": "one more", "Value": ""}])
    ec2.create_tags(Resources=[target], Tags=[{"Key": "k1", "Value": "changed"}])
    assert tags(ec2, target)["k1"] == "changed"


@pytest.mark.parametrize(
    ("unknown", "code"),
    [
        (UNKNOWN_VOLUME, "InvalidVolume.NotFound"),
        (UNKNOWN_INSTANCE, "InvalidInstanceID.NotFound"),
        (UNKNOWN_SNAPSHOT, "InvalidSnapshot.NotFound"),
        ("i-nonsense", "InvalidInstanceID.Malformed"),
        ("nonsense", "InvalidID"),
    ],
)
def test_one_unknown_resource_of_two_tags_none(lab, ec2, target, unknown, code):
    refused(lab, code, ec2.create_tags, Resources=[target, unknown], Tags=[{"Key": "a", "Value": "1"}])
    refused(lab, code, ec2.delete_tags, Resources=[target, unknown], Tags=[{"Key": "a"}])


def test_dry_run(lab, ec2, target):
    refused(lab, "DryRunOperation", ec2.create_tags, Resources=[target], Tags=[{"Key": "a", "Value": "1"}], DryRun=True)
    ec2.create_tags(Resources=[target], Tags=[{"Key": "a", "Value": "1"}])
    refused(lab, "DryRunOperation", ec2.delete_tags, Resources=[target], DryRun=True)


def test_a_deleted_volume_cannot_be_tagged(lab, ec2, target):
    ec2.create_tags(Resources=[target], Tags=[{"Key": "a", "Value": "1"}])
    ec2.delete_volume(VolumeId=target)
    lab.sleep(2)
    refused(lab, "InvalidVolume.NotFound", ec2.create_tags, Resources=[target], Tags=[{"Key": "a", "Value": "2"}])
    assert tags(ec2, target) == {}


def test_what_ministack_keeps_is_tagged_too(lab, ec2, target):
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_tags(Resources=[vpc, target], Tags=[{"Key": "both", "Value": "yes"}])
    assert tags(ec2, vpc) == tags(ec2, target) == {"both": "yes"}
    assert ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"][0]["Tags"] == [{"Key": "both", "Value": "yes"}]
    ec2.delete_tags(Resources=[vpc, target], Tags=[{"Key": "both"}])
    assert tags(ec2, vpc) == tags(ec2, target) == {}


def test_paging(lab, ec2, target):
    ec2.create_tags(Resources=[target], Tags=[{"Key": f"k{n:02}", "Value": ""} for n in range(12)])
    wanted = [{"Name": "resource-id", "Values": [target]}]
    pages = list(ec2.get_paginator("describe_tags").paginate(Filters=wanted, PaginationConfig={"PageSize": 5}))
    assert [len(p["Tags"]) for p in pages] == [5, 5, 2]
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.describe_tags(Filters=[{"Name": "colour", "Values": ["red"]}])


def test_a_stale_describe_misses_a_new_tag(lab, ec2, target):
    lab.sleep(6)
    ec2.create_tags(Resources=[target], Tags=[{"Key": "late", "Value": "1"}])
    lab.fault(call="ec2:DescribeTags", effect="stale")
    assert tags(ec2, target) == {}
    assert tags(ec2, target) == {"late": "1"}
