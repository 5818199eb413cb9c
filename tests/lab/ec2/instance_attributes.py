"""DescribeInstanceAttribute and ModifyInstanceAttribute."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from ..wire import AwsError
from .api import action, dry_run, required
from .instance_types import hypervisor
from .instances import Instance, get
from .model import store

BEHAVIORS = ("stop", "terminate")


def _mappings(instance: Instance) -> list[dict[str, Any]]:
    return [{"DeviceName": m["DeviceName"], "Ebs": m["Ebs"]} for m in instance.render()["BlockDeviceMappings"]]


READERS: dict[str, Callable[[Instance], dict[str, Any]]] = {
    "instanceType": lambda i: {"InstanceType": {"Value": i.instance_type}},
    "disableApiTermination": lambda i: {"DisableApiTermination": {"Value": i.disable_api_termination}},
    "disableApiStop": lambda i: {"DisableApiStop": {"Value": i.disable_api_stop}},
    "instanceInitiatedShutdownBehavior": lambda i: {
        "InstanceInitiatedShutdownBehavior": {"Value": i.shutdown_behavior}
    },
    "rootDeviceName": lambda i: {"RootDeviceName": {"Value": i.root_device}},
    "blockDeviceMapping": lambda i: {"BlockDeviceMappings": _mappings(i)},
    "ebsOptimized": lambda i: {"EbsOptimized": {"Value": i.ebs_optimized}},
    "enaSupport": lambda i: {"EnaSupport": {"Value": i.ena_support}},
    "sourceDestCheck": lambda i: {"SourceDestCheck": {"Value": i.source_dest_check}},
    "userData": lambda i: {"UserData": {"Value": i.user_data} if i.user_data else {}},
    "productCodes": lambda i: {"ProductCodes": []},
    "kernel": lambda i: {"KernelId": {}},
    "ramdisk": lambda i: {"RamdiskId": {}},
    "sriovNetSupport": lambda i: {"SriovNetSupport": {"Value": "simple"}},
    "groupSet": lambda i: {"Groups": []},
    "enclaveOptions": lambda i: {"EnclaveOptions": {"Enabled": False}},
}


@action("DescribeInstanceAttribute")
def describe_instance_attribute(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "InstanceId", "Attribute")
    instance = get(request["InstanceId"])
    reader = READERS.get(request["Attribute"])
    if reader is None:
        message = f"Value ({request['Attribute']}) for parameter attribute is invalid. Unknown attribute."
        raise AwsError("InvalidParameterValue", message)
    dry_run(request)
    return {"InstanceId": instance.id, **reader(instance)}


def _stopped(instance: Instance, what: str) -> None:
    if instance.state != "stopped":
        message = f"The instance '{instance.id}' is not in the 'stopped' state: {what} cannot be changed."
        raise AwsError("IncorrectInstanceState", message)


def _behavior(instance: Instance, value: str) -> Callable[[], None]:
    if value not in BEHAVIORS:
        message = f"Invalid value '{value}' for InstanceInitiatedShutdownBehavior. Valid values: {', '.join(BEHAVIORS)}"
        raise AwsError("InvalidParameterValue", message)
    return lambda: setattr(instance, "shutdown_behavior", value)


def _type(instance: Instance, value: str) -> Callable[[], None]:
    hypervisor(value)
    _stopped(instance, "its instance type")
    return lambda: setattr(instance, "instance_type", value)


def _user_data(instance: Instance, value: bytes | str) -> Callable[[], None]:
    _stopped(instance, "its user data")
    text = base64.b64encode(value).decode() if isinstance(value, bytes) else value
    return lambda: setattr(instance, "user_data", text)


def _flag(instance: Instance, field: str, value: Any) -> Callable[[], None]:
    flag = value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())
    if flag is None:
        raise AwsError("InvalidParameterValue", f"Value ({value}) is invalid: true or false is expected.")
    return lambda: setattr(instance, field, flag)


def _devices(instance: Instance, mappings: list[dict[str, Any]]) -> Callable[[], None]:
    """DeleteOnTermination of attachments: all that a block device mapping of an existing instance can change."""
    changes = []
    for mapping in mappings:
        device, ebs = mapping.get("DeviceName"), mapping.get("Ebs") or {}
        attachment = instance.attachments.get(device or "")
        if attachment is None:
            raise AwsError("InvalidInstanceAttributeValue", f"No device is currently mapped at {device}")
        if ebs.get("VolumeId") not in (None, attachment.volume_id):
            message = f"Volume '{ebs['VolumeId']}' is not attached to '{instance.id}' as {device}"
            raise AwsError("InvalidInstanceAttributeValue", message)
        if "DeleteOnTermination" in ebs:
            changes.append((attachment, ebs["DeleteOnTermination"]))

    def change() -> None:
        for attachment, value in changes:
            attachment.delete_on_termination = value
            store.volumes[attachment.volume_id].touch()

    return change


# member of the request (and, lower-cased at its start, name of `Attribute`) -> how it is changed
_VALUES: dict[str, Callable[[Instance, Any], Callable[[], None]]] = {
    "InstanceInitiatedShutdownBehavior": _behavior,
    "InstanceType": _type,
    "UserData": _user_data,
    "DisableApiTermination": lambda i, v: _flag(i, "disable_api_termination", v),
    "DisableApiStop": lambda i, v: _flag(i, "disable_api_stop", v),
    "SourceDestCheck": lambda i, v: _flag(i, "source_dest_check", v),
    "EbsOptimized": lambda i, v: _flag(i, "ebs_optimized", v),
    "EnaSupport": lambda i, v: _flag(i, "ena_support", v),
}
_NEEDS_STOP = frozenset({"EbsOptimized", "EnaSupport"})


@action("ModifyInstanceAttribute")
def modify_instance_attribute(request: dict[str, Any]) -> dict[str, Any]:
    """One attribute a call, as a member of its own or as Attribute and Value."""
    required(request, "InstanceId")
    instance = get(request["InstanceId"])
    asked = [name for name in (*_VALUES, "BlockDeviceMappings") if request.get(name) not in (None, [])]
    attribute = request.get("Attribute")
    values = {name: request[name] for name in asked}
    if attribute and attribute != "blockDeviceMapping":
        member = attribute[0].upper() + attribute[1:]
        if member not in _VALUES or "Value" not in request:
            raise AwsError(
                "InvalidParameterValue", f"Attribute {attribute} cannot be modified to {request.get('Value')!r}"
            )
        values = {member: {"Value": request["Value"]}}
    refused = [
        name for name in ("Kernel", "Ramdisk", "SriovNetSupport", "Groups", "EnclaveOptions") if request.get(name)
    ]
    if refused:
        raise AwsError("UnsupportedOperation", f"The lab does not model changes of {refused[0]}.")
    if len(values) != 1:
        message = (
            "Exactly one attribute must be specified" if not values else "Fields for multiple attribute types specified"
        )
        raise AwsError("InvalidParameterCombination", f"{message}: {', '.join(values) or 'none'}")
    ((name, value),) = values.items()
    if instance.state in ("shutting-down", "terminated"):
        raise AwsError("IncorrectInstanceState", f"The instance '{instance.id}' is {instance.state}.")
    if name in _NEEDS_STOP:
        _stopped(instance, name)
    change = _devices(instance, value) if name == "BlockDeviceMappings" else _VALUES[name](instance, value.get("Value"))
    dry_run(request)
    change()
    instance.touch()
    return {}
