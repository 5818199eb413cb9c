"""AttachVolume and DetachVolume as AWS does them, right and wrong."""

from __future__ import annotations

import pytest
from ec2_steps import (
    OTHER_ZONE,
    UNKNOWN_INSTANCE,
    UNKNOWN_VOLUME,
    guest_up,
    instance,
    new_instance,
    new_volume,
    reach,
    refused,
    settled,
    stopped_instance,
    volume,
)


@pytest.fixture(scope="module")
def ec2(lab):
    return lab.boto("ec2")


@pytest.fixture(scope="module")
def running(lab, ec2):
    """A running instance whose devices the tests share by different names."""
    return new_instance(lab, ec2)


def attached(lab, ec2, volume_id):
    return lab.wait_for(lambda: (volume(ec2, volume_id)["Attachments"] or [{}])[0].get("State") == "attached")


def test_attach_takes_time_and_shows_on_both_sides(lab, ec2, running):
    volume_id = new_volume(lab, ec2)
    answer = ec2.attach_volume(VolumeId=volume_id, InstanceId=running, Device="/dev/sdf")
    assert (answer["State"], answer["Device"], answer["InstanceId"]) == ("attaching", "/dev/sdf", running)
    seen = volume(ec2, volume_id)
    assert seen["State"] == "in-use"
    attached(lab, ec2, volume_id)
    seen = volume(ec2, volume_id)["Attachments"]
    assert [(a["State"], a["Device"], a["DeleteOnTermination"]) for a in seen] == [("attached", "/dev/sdf", False)]
    mapping = {m["DeviceName"]: m["Ebs"] for m in instance(ec2, running)["BlockDeviceMappings"]}
    assert (mapping["/dev/sdf"]["VolumeId"], mapping["/dev/sdf"]["Status"]) == (volume_id, "attached")


def test_attach_to_a_stopped_instance(lab, ec2):
    instance_id, volume_id = stopped_instance(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdb")
    attached(lab, ec2, volume_id)


def test_the_log_tells_each_step_of_an_attachment(lab, ec2):
    instance_id, volume_id = stopped_instance(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=instance_id, Device="/dev/sdb")
    attached(lab, ec2, volume_id)
    ec2.create_tags(Resources=[volume_id], Tags=[{"Key": "k", "Value": "v"}])  # a change that moves nothing
    ec2.detach_volume(VolumeId=volume_id)
    reach(lab, ec2, volume_id, "available")
    told = lab.log(kind="attachment", volume=volume_id)
    assert [(e["previous"], e["state"]) for e in told] == [
        (None, "attaching"),
        ("attaching", "attached"),
        ("attached", "detaching"),
        ("detaching", "detached"),
    ]
    assert {(e["instance"], e["device"]) for e in told} == {(instance_id, "/dev/sdb")}


def test_attaching_twice_is_refused(lab, ec2, running):
    volume_id, other = new_volume(lab, ec2), new_instance(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=running, Device="/dev/sdg")
    attached(lab, ec2, volume_id)
    for target, device in ((running, "/dev/sdg"), (running, "/dev/sdh"), (other, "/dev/sdg")):
        message = refused(lab, "VolumeInUse", ec2.attach_volume, VolumeId=volume_id, InstanceId=target, Device=device)
        assert message == f"{volume_id} is already attached to an instance"


def test_a_device_in_use_is_refused(lab, ec2, running):
    first, second = new_volume(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=first, InstanceId=running, Device="/dev/sdi")
    attached(lab, ec2, first)
    message = refused(
        lab, "InvalidParameterValue", ec2.attach_volume, VolumeId=second, InstanceId=running, Device="/dev/sdi"
    )
    assert message == "Invalid value '/dev/sdi' for unixDevice. Attachment point /dev/sdi is already in use"
    assert volume(ec2, second)["State"] == "available"


def test_attaching_across_zones_is_refused(lab, ec2, running):
    volume_id = new_volume(lab, ec2, OTHER_ZONE)
    message = refused(
        lab, "InvalidVolume.ZoneMismatch", ec2.attach_volume, VolumeId=volume_id, InstanceId=running, Device="/dev/sdj"
    )
    assert message == f"The volume '{volume_id}' is not in the same availability zone as instance '{running}'"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"VolumeId": UNKNOWN_VOLUME}, "InvalidVolume.NotFound"),
        ({"VolumeId": "vol-nonsense"}, "InvalidParameterValue"),
        ({"VolumeId": "snap-0123456789abcdef0"}, "InvalidParameterValue"),
        ({"InstanceId": UNKNOWN_INSTANCE}, "InvalidInstanceID.NotFound"),
        ({"InstanceId": "i-xyz"}, "InvalidInstanceID.Malformed"),
        ({"Device": "sd?"}, "InvalidParameterValue"),
        ({"Device": "/dev/nvme1n1"}, "InvalidParameterValue"),
        ({"Device": "/dev/sdb; reboot"}, "InvalidParameterValue"),
        ({"DryRun": True}, "DryRunOperation"),
    ],
)
def test_wrong_arguments(lab, ec2, running, change, code):
    volume_id = new_volume(lab, ec2)
    right = {"VolumeId": volume_id, "InstanceId": running, "Device": "/dev/sdk"}
    refused(lab, code, ec2.attach_volume, **{**right, **change})


def test_attach_needs_an_available_volume_and_a_settled_instance(lab, ec2, running):
    settled(lab)
    lab.control("timing", values={"volume_create": 15.0})
    try:
        creating = ec2.create_volume(AvailabilityZone="ap-northeast-1a", Size=1)["VolumeId"]
        wrong = {"VolumeId": creating, "InstanceId": running, "Device": "/dev/sdl"}
        refused(lab, "IncorrectState", ec2.attach_volume, settle=False, **wrong)
    finally:
        lab.control("timing", values={"volume_create": 1.0})
    volume_id, target = new_volume(lab, ec2), new_instance(lab, ec2)
    reach(lab, ec2, creating, "available")
    lab.control("guest", instance=target, do="hang")
    ec2.stop_instances(InstanceIds=[target])
    message = refused(
        lab, "IncorrectState", ec2.attach_volume, VolumeId=volume_id, InstanceId=target, Device="/dev/sdb"
    )
    assert message == f"Instance '{target}' is not 'running'."
    ec2.terminate_instances(InstanceIds=[target], SkipOsShutdown=True)
    reach(lab, ec2, target, "terminated")
    lab.sleep(2)
    refused(lab, "IncorrectState", ec2.attach_volume, VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")


def test_the_attachment_limit(lab, ec2):
    """Nitro instances of the lab take 27 volumes, root included."""
    target = new_instance(lab, ec2, InstanceType="t3.micro")
    volumes = [ec2.create_volume(AvailabilityZone="ap-northeast-1a", Size=1)["VolumeId"] for _ in range(27)]
    for volume_id in volumes:
        reach(lab, ec2, volume_id, "available")
    for number, volume_id in enumerate(volumes[:26]):
        ec2.attach_volume(VolumeId=volume_id, InstanceId=target, Device=f"/dev/xvdb{chr(97 + number)}")
    attached(lab, ec2, volumes[25])
    refused(
        lab,
        "AttachmentLimitExceeded",
        ec2.attach_volume,
        VolumeId=volumes[26],
        InstanceId=target,
        Device="/dev/sdc",
    )


def test_detach_takes_time_and_frees_volume_and_device(lab, ec2):
    target, volume_id = stopped_instance(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")
    attached(lab, ec2, volume_id)
    settled(lab)
    lab.control("timing", values={"volume_detach": 10.0})
    try:
        assert ec2.detach_volume(VolumeId=volume_id)["State"] == "detaching"
    finally:
        lab.control("timing", values={"volume_detach": 0.5})
    assert volume(ec2, volume_id)["Attachments"][0]["State"] == "detaching"
    message = refused(lab, "IncorrectState", ec2.detach_volume, settle=False, VolumeId=volume_id)
    assert "'detaching'" in message
    seen = reach(lab, ec2, volume_id, "available")
    assert seen["Attachments"] == []
    assert [m["DeviceName"] for m in instance(ec2, target)["BlockDeviceMappings"]] == ["/dev/sda1"]
    ec2.attach_volume(VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")


def test_detaching_what_is_free_is_refused(lab, ec2):
    volume_id = new_volume(lab, ec2)
    message = refused(lab, "IncorrectState", ec2.detach_volume, VolumeId=volume_id)
    assert message == f"Volume '{volume_id}' is in the 'available' state."


def test_detaching_from_the_wrong_place_is_refused(lab, ec2, running):
    volume_id, other = new_volume(lab, ec2), stopped_instance(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=running, Device="/dev/sdm")
    attached(lab, ec2, volume_id)
    refused(lab, "InvalidAttachment.NotFound", ec2.detach_volume, VolumeId=volume_id, InstanceId=other)
    refused(lab, "InvalidAttachment.NotFound", ec2.detach_volume, VolumeId=volume_id, Device="/dev/sdn")
    refused(lab, "InvalidInstanceID.NotFound", ec2.detach_volume, VolumeId=volume_id, InstanceId=UNKNOWN_INSTANCE)
    refused(lab, "InvalidVolume.NotFound", ec2.detach_volume, VolumeId=UNKNOWN_VOLUME)
    refused(lab, "DryRunOperation", ec2.detach_volume, VolumeId=volume_id, DryRun=True)


def test_the_root_volume_goes_only_when_the_instance_is_stopped(lab, ec2):
    target = new_instance(lab, ec2)
    root = instance(ec2, target)["BlockDeviceMappings"][0]["Ebs"]["VolumeId"]
    message = refused(lab, "OperationNotPermitted", ec2.detach_volume, VolumeId=root)
    assert message == f"Unable to detach root volume '{root}' from instance '{target}'"
    refused(lab, "OperationNotPermitted", ec2.detach_volume, VolumeId=root, Force=True)
    ec2.stop_instances(InstanceIds=[target])
    reach(lab, ec2, target, "stopped")
    ec2.detach_volume(VolumeId=root)
    reach(lab, ec2, root, "available")
    message = refused(lab, "InvalidParameterValue", ec2.start_instances, InstanceIds=[target])
    assert "does not have a volume attached at root (/dev/sda1)" in message


def test_a_device_that_the_guest_holds_stays_busy_until_the_guest_lets_go(lab, ec2):
    target, volume_id = new_instance(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")
    attached(lab, ec2, volume_id)
    lab.control("guest", instance=target, do="hold", device="/dev/sdb")
    assert ec2.detach_volume(VolumeId=volume_id)["State"] == "detaching"
    lab.sleep(3)
    assert volume(ec2, volume_id)["Attachments"][0]["State"] == "busy"
    assert volume(ec2, volume_id)["State"] == "in-use"
    ec2.stop_instances(InstanceIds=[target])
    reach(lab, ec2, target, "stopped")
    reach(lab, ec2, volume_id, "available")


def test_force_takes_a_busy_device_from_the_guest(lab, ec2):
    target, volume_id = new_instance(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")
    attached(lab, ec2, volume_id)
    lab.control("guest", instance=target, do="hold", device="/dev/sdb")
    ec2.detach_volume(VolumeId=volume_id)
    ec2.detach_volume(VolumeId=volume_id, Force=True)
    reach(lab, ec2, volume_id, "available")


def test_a_rebooting_guest_lets_go(lab, ec2):
    target, volume_id = new_instance(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=volume_id, InstanceId=target, Device="/dev/sdb")
    attached(lab, ec2, volume_id)
    lab.control("guest", instance=target, do="hold", device="/dev/sdb")
    ec2.detach_volume(VolumeId=volume_id)
    lab.sleep(1)
    assert volume(ec2, volume_id)["Attachments"][0]["State"] == "busy"
    ec2.reboot_instances(InstanceIds=[target])
    reach(lab, ec2, volume_id, "available")
    guest_up(lab, target)


def test_a_volume_that_was_once_attached_is_remembered(lab, ec2, running):
    never, once = new_volume(lab, ec2), new_volume(lab, ec2)
    ec2.attach_volume(VolumeId=once, InstanceId=running, Device="/dev/sdo")
    attached(lab, ec2, once)
    ec2.detach_volume(VolumeId=once)
    reach(lab, ec2, once, "available")
    ever = {v["VolumeId"]: v["EverAttached"] for v in lab.control("ec2")["volumes"]}
    assert (ever[never], ever[once]) == (False, True)
