"""Instances as EC2 runs them: states, delays, reasons, attributes and refusals."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest
from botocore.exceptions import ClientError
from ec2_steps import (
    IMAGE,
    UNKNOWN_INSTANCE,
    UNKNOWN_SNAPSHOT,
    ZONE,
    events,
    guest_up,
    instance,
    new_instance,
    new_volume,
    reach,
    refused,
    settled,
    state,
    states,
    stopped_instance,
    volume,
)

from lab.client import TESTS

STATE_CHANGE = "EC2 Instance State-change Notification"


@pytest.fixture(scope="module")
def ec2(lab):
    return lab.boto("ec2")


def node(ec2, name):
    found = ec2.describe_instances(Filters=[{"Name": "tag:Name", "Values": [name]}])["Reservations"]
    assert len(found) == 1
    return found[0]["Instances"][0]


# --- the world ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "zone"), [("server1", "ap-northeast-1a"), ("server2", "ap-northeast-1c")])
def test_the_two_nodes_are_there_from_the_start(ec2, name, zone):
    found = node(ec2, name)
    assert found["State"] == {"Code": 16, "Name": "running"}
    assert found["Placement"]["AvailabilityZone"] == zone
    assert (found["RootDeviceName"], found["RootDeviceType"], found["VirtualizationType"]) == (
        "/dev/sda1",
        "ebs",
        "hvm",
    )
    assert "InstanceLifecycle" not in found
    mapping = {m["DeviceName"]: m["Ebs"] for m in found["BlockDeviceMappings"]}
    assert {d: e["DeleteOnTermination"] for d, e in mapping.items()} == {"/dev/sda1": True, "/dev/sdb": False}
    shapes = {d: volume(ec2, e["VolumeId"]) for d, e in mapping.items()}
    assert {d: (v["Size"], v["VolumeType"], v["AvailabilityZone"]) for d, v in shapes.items()} == {
        "/dev/sda1": (10, "gp2", zone),
        "/dev/sdb": (20, "gp3", zone),
    }


def test_zones_are_those_of_the_region(lab, ec2):
    zones = ec2.describe_availability_zones()["AvailabilityZones"]
    assert [z["ZoneName"] for z in zones] == ["ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"]
    subnets = {s["SubnetId"]: s["AvailabilityZone"] for s in ec2.describe_subnets()["Subnets"]}
    assert sorted(subnets.values()) == [z["ZoneName"] for z in zones]
    for name in ("server1", "server2"):
        found = node(ec2, name)
        assert subnets[found["SubnetId"]] == found["Placement"]["AvailabilityZone"]
    refused(lab, "InvalidParameterValue", ec2.describe_availability_zones, ZoneNames=["ap-northeast-1b"])


# --- stop, start, reboot, terminate --------------------------------------------------------------------------------


def test_stop_and_start_go_through_their_states(lab, ec2):
    instance_id = new_instance(lab, ec2)
    launched = instance(ec2, instance_id)["LaunchTime"]
    answer = ec2.stop_instances(InstanceIds=[instance_id])["StoppingInstances"][0]
    assert answer["PreviousState"] == {"Code": 16, "Name": "running"}
    assert answer["CurrentState"] == {"Code": 64, "Name": "stopping"}
    found = reach(lab, ec2, instance_id, "stopped")
    assert found["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    assert found["StateReason"]["Message"] == "Client.UserInitiatedShutdown: User initiated shutdown"
    assert re.fullmatch(r"User initiated \(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT\)", found["StateTransitionReason"])
    assert found["LaunchTime"] == launched
    lab.sleep(10)  # LaunchTime has a resolution of a second
    answer = ec2.start_instances(InstanceIds=[instance_id])["StartingInstances"][0]
    assert (answer["PreviousState"]["Name"], answer["CurrentState"]["Name"]) == ("stopped", "pending")
    found = reach(lab, ec2, instance_id, "running")
    assert found["LaunchTime"] > launched
    assert found["StateTransitionReason"] == ""
    assert "StateReason" not in found
    went = ["pending", "running", "stopping", "stopped", "pending", "running"]
    assert states(lab, instance_id) == went
    lab.wait_for(lambda: events(lab, STATE_CHANGE, "state", instance_id) == went, what="its events")


def test_a_stop_waits_for_the_guest(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.control("timing", values={"shutdown": 8.0})
    try:
        ec2.stop_instances(InstanceIds=[instance_id])
        lab.sleep(4)
        assert state(ec2, instance_id) == "stopping"
        reach(lab, ec2, instance_id, "stopped")
    finally:
        lab.control("timing", values={"shutdown": 1.0})


def test_a_guest_that_hangs_is_cut_off_in_the_end(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.control("guest", instance=instance_id, do="hang")
    lab.control("timing", values={"forced_stop": 15.0})
    try:
        ec2.stop_instances(InstanceIds=[instance_id])
        lab.sleep(10)
        assert state(ec2, instance_id) == "stopping"
        reach(lab, ec2, instance_id, "stopped")
    finally:
        lab.control("timing", values={"forced_stop": 120.0})


def test_force_cuts_a_hanging_guest_off_sooner(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.control("guest", instance=instance_id, do="hang")
    ec2.stop_instances(InstanceIds=[instance_id])
    again = ec2.stop_instances(InstanceIds=[instance_id], Force=True)["StoppingInstances"][0]
    assert (again["PreviousState"]["Name"], again["CurrentState"]["Name"]) == ("stopping", "stopping")
    reach(lab, ec2, instance_id, "stopped", seconds=20)


def test_start_and_stop_of_what_is_there_already_change_nothing(lab, ec2):
    running, stopped = new_instance(lab, ec2), stopped_instance(lab, ec2)
    settled(lab)
    before = lab.control("ec2")
    answer = ec2.start_instances(InstanceIds=[running])["StartingInstances"][0]
    assert answer["PreviousState"] == answer["CurrentState"] == {"Code": 16, "Name": "running"}
    answer = ec2.stop_instances(InstanceIds=[stopped])["StoppingInstances"][0]
    assert answer["PreviousState"] == answer["CurrentState"] == {"Code": 80, "Name": "stopped"}
    assert lab.control("ec2") == before


def test_start_while_stopping_is_refused(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.control("guest", instance=instance_id, do="hang")
    ec2.stop_instances(InstanceIds=[instance_id])
    message = refused(lab, "IncorrectInstanceState", ec2.start_instances, InstanceIds=[instance_id])
    assert message == f"The instance '{instance_id}' is not in a state from which it can be started."
    refused(lab, "IncorrectInstanceState", ec2.reboot_instances, InstanceIds=[instance_id])


def test_stop_of_a_new_pending_instance_is_refused(lab, ec2):
    settled(lab)
    lab.control("timing", values={"instance_pending": 10.0})
    try:
        instance_id = new_instance(lab, ec2, wait=False)
        stop = {"InstanceIds": [instance_id]}
        message = refused(lab, "IncorrectInstanceState", ec2.stop_instances, settle=False, **stop)
        assert message == f"Instance '{instance_id}' cannot be stopped as it has never reached the 'running' state."
    finally:
        lab.control("timing", values={"instance_pending": 0.5})


def test_calls_on_a_terminated_instance(lab, ec2):
    instance_id = new_instance(lab, ec2)
    answer = ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert answer["CurrentState"] == {"Code": 32, "Name": "shutting-down"}
    found = reach(lab, ec2, instance_id, "terminated")
    assert found["StateReason"]["Code"] == "Client.UserInitiatedShutdown"
    lab.sleep(2)  # its root volume goes
    for call in (ec2.start_instances, ec2.stop_instances, ec2.reboot_instances):
        refused(lab, "IncorrectInstanceState", call, InstanceIds=[instance_id])
    again = ec2.terminate_instances(InstanceIds=[instance_id])["TerminatingInstances"][0]
    assert again["CurrentState"]["Name"] == "terminated"
    assert states(lab, instance_id) == ["pending", "running", "shutting-down", "terminated"]


@pytest.mark.parametrize("call", ["start_instances", "stop_instances", "reboot_instances", "terminate_instances"])
def test_dry_run_changes_nothing(lab, ec2, call):
    instance_id = new_instance(lab, ec2)
    message = refused(lab, "DryRunOperation", getattr(ec2, call), InstanceIds=[instance_id], DryRun=True)
    assert message == "Request would have succeeded, but DryRun flag is set."


@pytest.mark.parametrize(
    "call", ["start_instances", "stop_instances", "reboot_instances", "terminate_instances", "describe_instances"]
)
def test_wrong_ids(lab, ec2, call):
    known = node(ec2, "server1")["InstanceId"]
    fn = getattr(ec2, call)
    message = refused(lab, "InvalidInstanceID.NotFound", fn, InstanceIds=[known, UNKNOWN_INSTANCE])
    assert message == f"The instance ID '{UNKNOWN_INSTANCE}' does not exist"
    other = UNKNOWN_INSTANCE[:-1] + "e"
    message = refused(lab, "InvalidInstanceID.NotFound", fn, InstanceIds=[other, UNKNOWN_INSTANCE])
    assert message == f"The instance IDs '{other}, {UNKNOWN_INSTANCE}' do not exist"
    refused(lab, "InvalidInstanceID.Malformed", fn, InstanceIds=["i-nonsense"])


def test_one_bad_instance_of_several_changes_none(lab, ec2):
    good, bad = stopped_instance(lab, ec2), new_instance(lab, ec2)
    lab.control("guest", instance=bad, do="hang")
    ec2.stop_instances(InstanceIds=[bad])
    refused(lab, "IncorrectInstanceState", ec2.start_instances, InstanceIds=[good, bad])


def test_hibernation_is_refused(lab, ec2):
    instance_id = new_instance(lab, ec2)
    refused(lab, "UnsupportedHibernationConfiguration", ec2.stop_instances, InstanceIds=[instance_id], Hibernate=True)


def test_no_capacity_changes_nothing(lab, ec2):
    instance_id = stopped_instance(lab, ec2)
    lab.fault(call="ec2:StartInstances", effect="capacity")
    refused(lab, "InsufficientInstanceCapacity", ec2.start_instances, InstanceIds=[instance_id])
    ec2.start_instances(InstanceIds=[instance_id])
    reach(lab, ec2, instance_id, "running")


def test_a_reboot_keeps_state_and_launch_time(lab, ec2):
    instance_id = new_instance(lab, ec2)
    launched = instance(ec2, instance_id)["LaunchTime"]
    ec2.reboot_instances(InstanceIds=[instance_id])
    lab.wait_for(lambda: lab.control("guest", instance=instance_id, do="state") != "up", what="the guest going down")
    assert state(ec2, instance_id) == "running"
    guest_up(lab, instance_id)
    assert instance(ec2, instance_id)["LaunchTime"] == launched
    assert states(lab, instance_id) == ["pending", "running"]
    lab.sleep(2)
    assert events(lab, STATE_CHANGE, "state", instance_id) == ["pending", "running"]


# --- what guests and hardware do ------------------------------------------------------------------------------------


def test_a_guest_that_halts_stops_its_instance(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.control("guest", instance=instance_id, do="shutdown")
    found = reach(lab, ec2, instance_id, "stopped")
    assert found["StateReason"] == {
        "Code": "Client.InstanceInitiatedShutdown",
        "Message": "Client.InstanceInitiatedShutdown: Instance initiated shutdown",
    }
    assert states(lab, instance_id) == ["pending", "running", "stopping", "stopped"]


def test_a_guest_that_halts_ends_an_instance_whose_behaviour_is_terminate(lab, ec2):
    instance_id = new_instance(lab, ec2, InstanceInitiatedShutdownBehavior="terminate")
    root = instance(ec2, instance_id)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    lab.control("guest", instance=instance_id, do="shutdown")
    found = reach(lab, ec2, instance_id, "terminated")
    assert found["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    lab.sleep(2)
    refused(lab, "InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=[root])


def test_a_guest_that_reboots_by_itself_keeps_its_instance_running(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.control("guest", instance=instance_id, do="reboot")
    lab.sleep(1.5)
    guest_up(lab, instance_id)
    assert states(lab, instance_id) == ["pending", "running"]


def test_failing_hardware_shows_as_no_shutdown_of_user_or_guest(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.control("power_off", instance=instance_id)
    found = reach(lab, ec2, instance_id, "stopped")
    assert found["StateReason"]["Code"] == "Server.InternalError"
    ec2.start_instances(InstanceIds=[instance_id])
    reach(lab, ec2, instance_id, "running")


def test_a_spot_instance(lab, ec2):
    instance_id = new_instance(lab, ec2, InstanceMarketOptions={"MarketType": "spot"})
    assert instance(ec2, instance_id)["InstanceLifecycle"] == "spot"
    refused(lab, "UnsupportedOperation", ec2.stop_instances, InstanceIds=[instance_id])
    lab.control("spot_interrupt", instance=instance_id)
    found = reach(lab, ec2, instance_id, "terminated")
    assert found["StateReason"]["Code"] == "Server.SpotInstanceTermination"


def test_termination_deletes_only_what_says_so(lab, ec2):
    kept, target = new_volume(lab, ec2), new_instance(lab, ec2)
    root = instance(ec2, target)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    ec2.attach_volume(VolumeId=kept, InstanceId=target, Device="/dev/sdb")
    ec2.terminate_instances(InstanceIds=[target])
    reach(lab, ec2, target, "terminated")
    reach(lab, ec2, kept, "available")
    lab.sleep(2)
    refused(lab, "InvalidVolume.NotFound", ec2.describe_volumes, VolumeIds=[root])


# --- attributes ----------------------------------------------------------------------------------------------------


def attribute(ec2, instance_id, name):
    answer = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute=name)
    assert answer["InstanceId"] == instance_id
    return answer[name[0].upper() + name[1:]]["Value"]


def test_shutdown_behaviour_can_be_changed(lab, ec2):
    instance_id = new_instance(lab, ec2)
    name = "instanceInitiatedShutdownBehavior"
    assert attribute(ec2, instance_id, name) == "stop"
    ec2.modify_instance_attribute(InstanceId=instance_id, InstanceInitiatedShutdownBehavior={"Value": "terminate"})
    assert attribute(ec2, instance_id, name) == "terminate"
    ec2.modify_instance_attribute(InstanceId=instance_id, Attribute=name, Value="stop")
    assert attribute(ec2, instance_id, name) == "stop"
    refused(
        lab,
        "InvalidParameterValue",
        ec2.modify_instance_attribute,
        InstanceId=instance_id,
        InstanceInitiatedShutdownBehavior={"Value": "hibernate"},
    )
    refused(
        lab,
        "DryRunOperation",
        ec2.modify_instance_attribute,
        InstanceId=instance_id,
        InstanceInitiatedShutdownBehavior={"Value": "terminate"},
        DryRun=True,
    )


def test_termination_protection(lab, ec2):
    instance_id = new_instance(lab, ec2)
    ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": True})
    message = refused(lab, "OperationNotPermitted", ec2.terminate_instances, InstanceIds=[instance_id])
    assert "'disableApiTermination'" in message
    ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiTermination={"Value": False})
    ec2.modify_instance_attribute(InstanceId=instance_id, DisableApiStop={"Value": True})
    refused(lab, "OperationNotPermitted", ec2.stop_instances, InstanceIds=[instance_id])
    ec2.terminate_instances(InstanceIds=[instance_id])
    reach(lab, ec2, instance_id, "terminated")


def test_delete_on_termination_of_an_attachment(lab, ec2):
    instance_id, volume_id = new_instance(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdb")

    def change(device, value):
        ec2.modify_instance_attribute(
            InstanceId=instance_id,
            BlockDeviceMappings=[{"DeviceName": device, "Ebs": {"DeleteOnTermination": value}}],
        )

    change("/dev/sdb", True)
    assert volume(ec2, volume_id)["Attachments"][0]["DeleteOnTermination"] is True
    mapping = ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="blockDeviceMapping")
    assert {m["DeviceName"]: m["Ebs"]["DeleteOnTermination"] for m in mapping["BlockDeviceMappings"]} == {
        "/dev/sda1": True,
        "/dev/sdb": True,
    }
    change("/dev/sdb", False)
    assert volume(ec2, volume_id)["Attachments"][0]["DeleteOnTermination"] is False
    with pytest.raises(ClientError, match="InvalidInstanceAttributeValue"):
        change("/dev/sdz", True)


def test_the_type_changes_only_when_stopped(lab, ec2):
    running, stopped = new_instance(lab, ec2), stopped_instance(lab, ec2)
    wanted = {"InstanceType": {"Value": "m5.large"}}
    refused(lab, "IncorrectInstanceState", ec2.modify_instance_attribute, InstanceId=running, **wanted)
    ec2.modify_instance_attribute(InstanceId=stopped, **wanted)
    assert instance(ec2, stopped)["InstanceType"] == "m5.large"
    wrong = {"InstanceType": {"Value": "z9.huge"}}
    refused(lab, "InvalidParameterValue", ec2.modify_instance_attribute, InstanceId=stopped, **wrong)


def test_one_attribute_a_call(lab, ec2):
    instance_id = new_instance(lab, ec2)
    refused(lab, "InvalidParameterCombination", ec2.modify_instance_attribute, InstanceId=instance_id)
    refused(
        lab,
        "InvalidParameterCombination",
        ec2.modify_instance_attribute,
        InstanceId=instance_id,
        DisableApiStop={"Value": True},
        DisableApiTermination={"Value": True},
    )
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.describe_instance_attribute(InstanceId=instance_id, Attribute="colour")


# --- describing ----------------------------------------------------------------------------------------------------


def test_filters(lab, ec2):
    found = node(ec2, "server1")
    data = next(m["Ebs"]["VolumeId"] for m in found["BlockDeviceMappings"] if m["DeviceName"] == "/dev/sdb")

    def ids(**filters):
        wanted = [{"Name": k, "Values": v if isinstance(v, list) else [v]} for k, v in filters.items()]
        return {i["InstanceId"] for r in ec2.describe_instances(Filters=wanted)["Reservations"] for i in r["Instances"]}

    assert ids(**{"tag:Name": ["server1", "server2"]}) == {found["InstanceId"], node(ec2, "server2")["InstanceId"]}
    assert ids(**{"tag:Name": "server?", "availability-zone": ZONE}) == {found["InstanceId"]}
    assert ids(**{"block-device-mapping.volume-id": data}) == {found["InstanceId"]}
    assert found["InstanceId"] in ids(**{"instance-state-name": "running", "tag-key": "Na*"})
    assert ids(**{"instance-state-name": "stopped", "tag:Name": "server1"}) == set()
    assert found["InstanceId"] in ids(**{"instance-state-code": "16", "root-device-type": "ebs"})
    with pytest.raises(ClientError, match="The filter 'colour' is invalid"):
        ids(colour="red")


def test_paging(lab, ec2):
    made = {new_instance(lab, ec2, wait=False) for _ in range(6)}
    with pytest.raises(ClientError, match="InvalidParameterValue"):
        ec2.describe_instances(MaxResults=4)
    with pytest.raises(ClientError, match="InvalidParameterCombination"):
        ec2.describe_instances(MaxResults=5, InstanceIds=list(made))
    pages = list(ec2.get_paginator("describe_instances").paginate(PaginationConfig={"PageSize": 5}))
    assert len(pages) >= 2
    seen = [i["InstanceId"] for p in pages for r in p["Reservations"] for i in r["Instances"]]
    assert len(seen) == len(set(seen))
    assert made <= set(seen)
    with pytest.raises(ClientError, match="InvalidNextToken"):
        ec2.describe_instances(NextToken="forged", MaxResults=5)


def test_status_checks_begin_with_initializing(lab, ec2):
    instance_id = stopped_instance(lab, ec2)
    assert ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"] == []
    everything = ec2.describe_instance_status(InstanceIds=[instance_id], IncludeAllInstances=True)
    assert everything["InstanceStatuses"][0]["InstanceStatus"]["Status"] == "not-applicable"
    ec2.start_instances(InstanceIds=[instance_id])
    reach(lab, ec2, instance_id, "running")

    def status():
        found = ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]
        return found["SystemStatus"]["Status"], found["InstanceStatus"]["Status"]

    assert status() == ("initializing", "initializing")
    lab.wait_for(lambda: status() == ("ok", "ok"), what="status checks")


def test_a_stale_describe_tells_of_earlier(lab, ec2):
    instance_id = new_instance(lab, ec2)
    lab.sleep(6)
    ec2.stop_instances(InstanceIds=[instance_id])
    reach(lab, ec2, instance_id, "stopped")
    lab.fault(call="ec2:DescribeInstances", effect="stale")
    assert state(ec2, instance_id) == "running"
    assert state(ec2, instance_id) == "stopped"
    newer = new_instance(lab, ec2, wait=False)
    lab.fault(call="ec2:DescribeInstances", effect="stale")
    with pytest.raises(ClientError, match=r"InvalidInstanceID\.NotFound"):
        instance(ec2, newer)


def test_types_tell_xen_from_nitro(lab, ec2):
    kinds = {t["InstanceType"]: t for t in ec2.describe_instance_types()["InstanceTypes"]}
    assert {k: kinds[k]["Hypervisor"] for k in ("t2.micro", "t3.medium", "m5.large")} == {
        "t2.micro": "xen",
        "t3.medium": "nitro",
        "m5.large": "nitro",
    }
    assert kinds["m5.large"]["EbsInfo"]["NvmeSupport"] == "required"
    refused(lab, "InvalidInstanceType", ec2.describe_instance_types, InstanceTypes=["z9.huge"])


# --- RunInstances ---------------------------------------------------------------------------------------------------


def test_block_device_mappings_are_honoured(lab, ec2):
    source = new_volume(lab, ec2, Size=2)
    digest = lab.control("write_volume", volume=source, offset=8192, hex="c0ffee")
    snapshot = ec2.create_snapshot(VolumeId=source)["SnapshotId"]
    lab.wait_for(
        lambda: ec2.describe_snapshots(SnapshotIds=[snapshot])["Snapshots"][0]["State"] == "completed",
        what="the snapshot",
    )
    instance_id = new_instance(
        lab,
        ec2,
        BlockDeviceMappings=[
            {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 9, "VolumeType": "gp3"}},
            {"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": snapshot, "DeleteOnTermination": False}},
        ],
        TagSpecifications=[{"ResourceType": "volume", "Tags": [{"Key": "made", "Value": "by launch"}]}],
    )
    mapping = {m["DeviceName"]: m["Ebs"] for m in instance(ec2, instance_id)["BlockDeviceMappings"]}
    assert {d: (e["DeleteOnTermination"], e["Status"]) for d, e in mapping.items()} == {
        "/dev/sda1": (True, "attached"),
        "/dev/sdb": (False, "attached"),
    }
    root, data = (volume(ec2, mapping[d]["VolumeId"]) for d in ("/dev/sda1", "/dev/sdb"))
    assert (root["Size"], root["VolumeType"], root["State"]) == (9, "gp3", "in-use")
    assert (data["Size"], data["SnapshotId"], data["Tags"]) == (2, snapshot, [{"Key": "made", "Value": "by launch"}])
    digests = {v["VolumeId"]: v["Digest"] for v in lab.control("ec2")["volumes"]}
    assert digests[data["VolumeId"]] == digest


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ImageId": "ami-00000000000000bad"}, "InvalidAMIID.NotFound"),
        ({"ImageId": "image"}, "InvalidAMIID.Malformed"),
        ({"InstanceType": "z9.huge"}, "InvalidParameterValue"),
        ({"Placement": {"AvailabilityZone": "ap-northeast-1b"}}, "InvalidZone.NotFound"),
        ({"MinCount": 2, "MaxCount": 1}, "InvalidParameterValue"),
        ({"MinCount": 999, "MaxCount": 999}, "InstanceLimitExceeded"),
        ({"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {}}]}, "InvalidBlockDeviceMapping"),
        (
            {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": UNKNOWN_SNAPSHOT}}]},
            "InvalidSnapshot.NotFound",
        ),
        ({"TagSpecifications": [{"ResourceType": "instance", "Tags": [{"Key": "aws:x"}]}]}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_launches_that_are_refused(lab, ec2, change, code):
    right = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1}
    refused(lab, code, ec2.run_instances, **{**right, **change})


def test_a_launch_token_launches_once(lab, ec2):
    request = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "ClientToken": "launch-once"}
    first = ec2.run_instances(**request)["Instances"][0]["InstanceId"]
    reach(lab, ec2, first, "running")
    count = len(lab.control("ec2")["instances"])
    assert ec2.run_instances(**request)["Instances"][0]["InstanceId"] == first
    assert len(lab.control("ec2")["instances"]) == count
    refused(lab, "IdempotentParameterMismatch", ec2.run_instances, **{**request, "InstanceType": "m5.large"})


# --- other worlds, other clients -------------------------------------------------------------------------------------


def test_a_world_of_ones_own(fresh_lab, tmp_path):
    spec = {
        "platform": "nitro",
        "node": {"volumes": [{"device": "/dev/sdb", "size_gib": 5}, {"device": "/dev/sdc", "type": "gp2"}]},
        "nodes": {
            "server1": {"auto_scaling_group": "fleet", "shutdown_behavior": "terminate"},
            "server2": {"lifecycle": "spot", "capacity_reservation": True, "state": "stopped"},
            "witness": {
                "az": "ap-northeast-1d",
                "platform": "xen",
                "volumes": [],
                "tags": {"role": "witness"},
                "capacity_reservation": True,
            },
        },
    }
    path = tmp_path / "world.json"
    path.write_text(json.dumps(spec))
    lab = fresh_lab(options=["--world", str(path)])
    ec2 = lab.boto("ec2")
    one, two, three = (node(ec2, name) for name in ("server1", "server2", "witness"))
    types = {n["InstanceType"] for n in (one, two)}
    assert {t["Hypervisor"] for t in ec2.describe_instance_types(InstanceTypes=list(types))["InstanceTypes"]} == {
        "nitro"
    }
    assert [m["DeviceName"] for m in one["BlockDeviceMappings"]] == ["/dev/sda1", "/dev/sdb", "/dev/sdc"]
    assert {"Key": "aws:autoscaling:groupName", "Value": "fleet"} in one["Tags"]
    member = lab.boto("autoscaling").describe_auto_scaling_instances(InstanceIds=[one["InstanceId"]])
    assert [m["AutoScalingGroupName"] for m in member["AutoScalingInstances"]] == ["fleet"]
    assert (
        lab.boto("autoscaling").describe_auto_scaling_instances(InstanceIds=[two["InstanceId"]])["AutoScalingInstances"]
        == []
    )
    assert attribute(ec2, one["InstanceId"], "instanceInitiatedShutdownBehavior") == "terminate"
    assert (two["InstanceLifecycle"], two["State"]["Name"]) == ("spot", "stopped")
    reserved = ec2.describe_capacity_reservations()["CapacityReservations"]
    zones = {(r["AvailabilityZone"], r["State"]): r["CapacityReservationId"] for r in reserved}
    assert set(zones) == {("ap-northeast-1c", "active"), ("ap-northeast-1d", "active")}
    # An instance uses its reservation while it runs.
    assert three["CapacityReservationId"] == zones["ap-northeast-1d", "active"]
    assert "CapacityReservationId" not in one and "CapacityReservationId" not in two
    assert (three["Placement"]["AvailabilityZone"], len(three["BlockDeviceMappings"])) == ("ap-northeast-1d", 1)


WRONG_WORLDS = [
    ({"planet": "mars"}, "unknown key 'planet'"),
    ({"platform": "kvm"}, "world.platform must be one of xen, nitro"),
    ({"nodes": {"server3": {}}}, "world.nodes.server3 needs an az"),
    ({"nodes": ["server3"]}, "world.nodes must be of type dict"),
    ({"nodes": {"server1": {"state": "tired"}}}, "world.nodes.server1.state must be one of running, stopped"),
    ({"node": {"volumes": [{"size_gib": 5}]}}, "volumes[0] needs a device"),
    ({"node": {"volumes": [{"device": "/dev/sda1"}]}}, "device /dev/sda1 is used twice"),
    ({"node": {"volumes": [{"device": "/dev/sdb", "size_gib": "20"}]}}, "size_gib must be of type int"),
    (
        {"node": {"volumes": [{"device": "/dev/sdb", "type": "gp3", "iops": 9}]}},
        "/dev/sdb: Volume iops of 9 is too low",
    ),
    ({"nodes": {"server1": {"platform": "xen", "instance_type": "m5.large"}}}, "m5.large is nitro, not xen"),
    ([], "world must be a mapping"),
]
# plan() in a process of its own, since the lab's modules must not be imported into the tests' process
PLAN = """
import json, pathlib, sys
from lab import server
server.prepare(1, pathlib.Path(sys.argv[1]))
from lab.ec2 import world
for spec in json.load(sys.stdin):
    try:
        world.plan(spec)
        print("accepted")
    except world.WorldError as error:
        print(error)
"""


def test_a_world_that_cannot_be_built_says_why(tmp_path):
    command = [sys.executable, "-c", PLAN, str(tmp_path)]
    specs = json.dumps([spec for spec, _ in WRONG_WORLDS] + [{}])
    done = subprocess.run(command, cwd=TESTS, input=specs, capture_output=True, text=True, timeout=300, check=True)
    *errors, good = done.stdout.splitlines()
    assert good == "accepted"
    assert len(errors) == len(WRONG_WORLDS)
    for error, (_, text) in zip(errors, WRONG_WORLDS, strict=True):
        assert text in error


def test_a_lab_with_such_a_world_does_not_start(tmp_path):
    path = tmp_path / "world.json"
    path.write_text(json.dumps({"platform": "kvm"}))
    command = [sys.executable, "-m", "lab", "--quiet", "--world", str(path)]
    done = subprocess.run(command, cwd=TESTS, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "lab: world.platform must be one of xen, nitro, not 'kvm'\n"


def test_the_aws_cli_gets_the_same_answers(lab, ec2):
    def aws(*arguments):
        environment = {**os.environ, **lab.environment}
        command = [sys.executable, "-m", "awscli", "ec2", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)

    instance_id = new_instance(lab, ec2)
    done = aws("stop-instances", "--instance-ids", instance_id, "--dry-run")
    assert "(DryRunOperation)" in done.stderr
    assert state(ec2, instance_id) == "running"
    done = aws("stop-instances", "--instance-ids", instance_id)
    assert json.loads(done.stdout)["StoppingInstances"][0]["CurrentState"]["Name"] == "stopping"
    reach(lab, ec2, instance_id, "stopped")  # the CLI's waiter looks every 15 real seconds
    assert aws("wait", "instance-stopped", "--instance-ids", instance_id).returncode == 0
    query = ["--query", "Reservations[].Instances[].StateReason.Code", "--output", "text"]
    assert (
        aws("describe-instances", "--instance-ids", instance_id, *query).stdout.strip()
        == "Client.UserInitiatedShutdown"
    )
    done = aws("start-instances", "--instance-ids", "i-nonsense")
    assert done.returncode != 0
    assert "(InvalidInstanceID.Malformed)" in done.stderr
