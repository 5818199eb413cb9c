"""RunInstances, as far as a clean-up test, the probes or a user at the CLI need it.

The guest is a NullMachine; one with an instance profile, with which its agent can register, is a Machine.
"""

from __future__ import annotations

from typing import Any

from ..nodes import life
from ..wire import AwsError
from . import fsr, volumes
from .api import action, dry_run, idempotency, required
from .instance_attributes import BEHAVIORS
from .instance_types import hypervisor
from .instances import IMAGE, Instance
from .model import OWNER, new_id, store
from .tags import from_specifications
from .volume_calls import from_snapshot_or_new
from .zones import SUBNETS, check_zone

ROOT_GIB = 8  # of an image whose root is not mapped
MOST = 20  # instances a call, to keep a mistyped number from filling the lab


def _check_image(image_id: str) -> None:
    import ministack.services.ec2 as ec2

    if not image_id.startswith("ami-"):
        raise AwsError("InvalidAMIID.Malformed", f'Invalid id: "{image_id}" (expecting "ami-...")')
    stock = {row[0] for row in getattr(ec2, "_STUB_AMIS", ())}
    if image_id != IMAGE and image_id not in ec2._images and image_id not in stock:
        raise AwsError("InvalidAMIID.NotFound", f"The image id '[{image_id}]' does not exist")


def _zone(request: dict[str, Any]) -> str:
    placement, subnet = request.get("Placement") or {}, request.get("SubnetId")
    for interface in request.get("NetworkInterfaces") or []:
        subnet = subnet or interface.get("SubnetId")
    zone = check_zone(placement) if placement.get("AvailabilityZone") or placement.get("AvailabilityZoneId") else None
    if subnet:
        by_subnet = {v: k for k, v in SUBNETS.items()}.get(subnet)
        if by_subnet is None:
            raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet}' does not exist")
        if zone not in (None, by_subnet):
            raise AwsError("InvalidParameterValue", f"The availability zone '{zone}' does not match subnet '{subnet}'.")
        return by_subnet
    return zone or next(iter(SUBNETS))


def _profile(given: dict[str, Any]) -> str:
    """The ARN of an instance profile that IAM knows and that has a role."""
    import ministack.services.iam as iam

    found = iam._lookup_instance_profile(given.get("Name", ""), given.get("Arn", ""))
    if not found or not found["Roles"]:
        message = f"Value ({given.get('Name') or given.get('Arn')}) for parameter iamInstanceProfile is invalid."
        raise AwsError("InvalidParameterValue", message)
    return found["Arn"]


def _devices(request: dict[str, Any], az: str, root: str, tags: dict[str, str]) -> list[tuple[str, Any, bool]]:
    """(device, volume, DeleteOnTermination) of a launch; raises InvalidBlockDeviceMapping."""
    out: dict[str, tuple[str, Any, bool]] = {}
    mappings = list(request.get("BlockDeviceMappings") or [])
    if root not in [m.get("DeviceName") for m in mappings]:
        mappings.insert(0, {"DeviceName": root, "Ebs": {"VolumeSize": ROOT_GIB}})
    for mapping in mappings:
        device, ebs = mapping.get("DeviceName"), mapping.get("Ebs")
        if not device or device in out:
            raise AwsError("InvalidBlockDeviceMapping", f"The device '{device}' is missing or used more than once.")
        if "NoDevice" in mapping:
            continue
        if ebs is None:
            raise AwsError("InvalidBlockDeviceMapping", f"The lab has no instance store for '{device}'.")
        size, snapshot_id = ebs.get("VolumeSize"), ebs.get("SnapshotId")
        if device == root and size is None and not snapshot_id:
            size = ROOT_GIB
        if size is None and not snapshot_id:
            message = f"Missing argument for {device}: a volume size or a snapshot ID is needed."
            raise AwsError("InvalidBlockDeviceMapping", message)
        try:
            volume = from_snapshot_or_new(ebs, az, snapshot_id, size, tags)
        except AwsError as error:
            if error.code != "InvalidParameterValue":
                raise
            raise AwsError("InvalidBlockDeviceMapping", error.message) from None
        out[device] = (device, volume, ebs.get("DeleteOnTermination", True))  # a launch's default
    return list(out.values())


@action("RunInstances")
def run_instances(request: dict[str, Any]) -> dict[str, Any]:
    ids = idempotency.once("RunInstances", request, lambda: _run(request))
    found = [store.instances[i] for i in ids]
    return {
        "ReservationId": found[0].reservation_id,
        "OwnerId": OWNER,
        "Groups": [],
        "Instances": [i.render() for i in found],
    }


def _run(request: dict[str, Any]) -> list[str]:
    required(request, "ImageId", "MinCount", "MaxCount")
    _check_image(request["ImageId"])
    least, most = request["MinCount"], request["MaxCount"]
    if not 1 <= least <= most:
        raise AwsError("InvalidParameterValue", f"MinCount {least} and MaxCount {most} must satisfy 1 <= Min <= Max.")
    if least > MOST:
        raise AwsError(
            "InstanceLimitExceeded", f"You have requested more instances ({least}) than your limit of {MOST}"
        )
    behavior = request.get("InstanceInitiatedShutdownBehavior", "stop")
    if behavior not in BEHAVIORS:
        raise AwsError("InvalidParameterValue", f"Invalid value '{behavior}' for InstanceInitiatedShutdownBehavior.")
    kind = request.get("InstanceType", "t3.medium")
    hypervisor(kind)
    az = _zone(request)
    tags = from_specifications(request, "instance", "volume")
    market = (request.get("InstanceMarketOptions") or {}).get("MarketType")
    reservation = new_id("r")
    launches = []
    for _ in range(min(most, MOST)):
        instance = Instance(
            az,
            instance_type=kind,
            tags=tags["instance"],
            shutdown_behavior=behavior,
            lifecycle="spot" if market == "spot" else None,
            image_id=request["ImageId"],
            root_device="/dev/sda1" if request["ImageId"] == IMAGE else "/dev/xvda",
        )
        instance.reservation_id = reservation
        instance.disable_api_termination = bool(request.get("DisableApiTermination"))
        instance.disable_api_stop = bool(request.get("DisableApiStop"))
        instance.user_data = request.get("UserData", "")
        if profile := request.get("IamInstanceProfile"):
            instance.iam_profile_arn, instance.ssm_managed = _profile(profile), True
        instance.use(instance.machine)
        launches.append((instance, _devices(request, az, instance.root_device, tags["volume"])))
    dry_run(request)
    for instance, devices in launches:
        store.instances[instance.id] = instance
        if instance.ssm_managed:
            instance.use(life.make(instance))
        for device, volume, delete in devices:
            if volume.snapshot_id and not volume.rate:
                volume.fast_restored = fsr.fast_restored(volume.snapshot_id, az)
            store.volumes[volume.id] = volume
            volumes.join(volume, instance, device, "attaching", delete).of_launch = True
        instance.start()
    return [instance.id for instance, _ in launches]
