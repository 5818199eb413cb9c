"""AttachVolume and DetachVolume, and what happens to attachments when their instance stops or is terminated."""

from __future__ import annotations

import re
from typing import Any

from .. import context
from ..wire import AwsError
from . import encryption, instances, notices, volumes
from .api import action, check_id, dry_run, required
from .instance_types import ATTACHMENT_LIMIT
from .model import Attachment, store

# EC2 user guide, "Device names for volumes": HVM Linux
_DEVICE = re.compile(r"(/dev/)?(sd[a-z]([1-9]|1[0-5])?|xvd([a-z]|[a-d][a-z]))")


@action("AttachVolume")
def attach_volume(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "VolumeId", "InstanceId", "Device")
    volume, instance = volumes.get(request["VolumeId"]), instances.get(request["InstanceId"])
    device = request["Device"]
    if request.get("EbsCardIndex"):
        raise AwsError("InvalidParameterValue", "The lab's instance types have one EBS card: EbsCardIndex must be 0.")
    if not _DEVICE.fullmatch(device):
        message = f"Value ({device}) for parameter device is invalid. {device} is not a valid EBS device name."
        raise AwsError("InvalidParameterValue", message)
    if volume.attachments:
        raise AwsError("VolumeInUse", f"{volume.id} is already attached to an instance")
    if volume.state != "available":
        raise AwsError("IncorrectState", f"{volume.id} is not 'available'.")
    if instance.state not in ("running", "stopped"):
        raise AwsError("IncorrectState", f"Instance '{instance.id}' is not 'running'.")
    if volume.az != instance.az:
        message = f"The volume '{volume.id}' is not in the same availability zone as instance '{instance.id}'"
        raise AwsError("InvalidVolume.ZoneMismatch", message)
    if device in instance.attachments:
        message = f"Invalid value '{device}' for unixDevice. Attachment point {device} is already in use"
        raise AwsError("InvalidParameterValue", message)
    limit = ATTACHMENT_LIMIT[instance.platform]
    if len(instance.attachments) >= limit:
        raise AwsError("AttachmentLimitExceeded", f"Volume attachment limit of {limit} exceeded for {instance.id}")
    dry_run(request)

    attachment = volumes.join(volume, instance, device, "attaching", False)
    answer = volumes.render_attachment(attachment)
    seconds = context.lab.timing.volume_attach
    if instance.state == "stopped":
        seconds /= 5  # no guest to tell

    denied, asked_by = encryption.denied(volume.kms_key_id), notices.request_id()

    def done() -> None:
        with context.lab.lock:
            if attachment.state == "attaching" and denied:
                attachment.state = "detaching"
                _detached(attachment)
                cause = f"{volume.kms_key_id} cannot be accessed"
                notices.volume(volume.id, "attachVolume", "failed", cause=cause, request=asked_by, instance=instance.id)
            elif attachment.state == "attaching":
                attachment.state = "attached"
                volume.touch()
                instance.touch()

    context.lab.timers.after(seconds, done)
    return answer


@action("DetachVolume")
def detach_volume(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "VolumeId")
    volume = volumes.get(request["VolumeId"])
    if request.get("InstanceId"):
        instances.get(check_id(request["InstanceId"], "i"))
    if not volume.attachments:
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the '{volume.state}' state.")
    attachment = volume.attachments[0]
    wanted = request.get("InstanceId") or attachment.instance_id
    device = request.get("Device") or attachment.device
    if (wanted, device) != (attachment.instance_id, attachment.device):
        message = f"The volume '{volume.id}' is not attached to instance '{wanted}' as device '{device}'."
        raise AwsError("InvalidAttachment.NotFound", message)
    instance = store.instances[attachment.instance_id]
    if attachment.device == instance.root_device and instance.state != "stopped":
        message = f"Unable to detach root volume '{volume.id}' from instance '{instance.id}'"
        raise AwsError("OperationNotPermitted", message)
    force = bool(request.get("Force"))
    if attachment.state != "attached" and not force:
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the '{attachment.state}' state.")
    dry_run(request)

    held = instance.state not in ("stopped", "terminated") and _holds(instance.machine, attachment.device)
    if held and not force:
        # EBS waits until the guest closes the device: seen as `busy`, though the call answers `detaching`
        _set(attachment, "busy")
    else:
        _let_go(attachment)
    return {**volumes.render_attachment(attachment), "State": "detaching"}


def _holds(machine: Any, device: str) -> bool:
    """Whether the guest has the device open. A guest that cannot say is taken to hold it while it is not off."""
    holds = getattr(machine, "holds", None)
    return holds(device) if holds else machine.state != "off"


def _set(attachment: Attachment, state: str) -> None:
    attachment.state = state
    store.volumes[attachment.volume_id].touch()
    store.instances[attachment.instance_id].touch()


def _let_go(attachment: Attachment) -> None:
    _set(attachment, "detaching")
    context.lab.timers.after(context.lab.timing.volume_detach, lambda: _detached(attachment))


def _detached(attachment: Attachment) -> None:
    with context.lab.lock:
        if attachment.state != "detaching":
            return
        attachment.state = "detached"
        volume, instance = store.volumes[attachment.volume_id], store.instances[attachment.instance_id]
        volume.attachments.remove(attachment)
        instance.attachments.pop(attachment.device, None)
        volume.state = "available"
        volume.touch()
        instance.touch()


def released(instance: instances.Instance) -> None:
    """The guest is down, so no device is open any more: detachments that waited for it go on."""
    for attachment in list(instance.attachments.values()):
        if attachment.state == "busy":
            _let_go(attachment)


def terminated(instance: instances.Instance) -> None:
    """Volumes with DeleteOnTermination go with their instance, the others become available."""
    for attachment in list(instance.attachments.values()):
        attachment.state = "detaching"
        _detached(attachment)
        if attachment.delete_on_termination:
            store.volumes[attachment.volume_id].delete()
