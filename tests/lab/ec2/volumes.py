"""What an EBS volume is: its states over time, its bytes, how far it is initialised, and the events of its life.

A deleted volume stays in the store with the state `deleted`, so that the oracles and a stale describe still find it.
"""

from __future__ import annotations

from typing import Any

from .. import context
from ..wire import AwsError
from . import encryption, notices
from .api import check_id, not_found
from .blocks import Blocks
from .model import Attachment, Resource, new_id, store
from .volume_rules import Shape, shape
from .zones import ZONES

# MiB/s at which a volume without a rate of its own fills from its snapshot; AWS promises no number
DEFAULT_RATE = 50
COPY_RATE = 100  # the same for CopyVolumes

_failures: list[str] = []  # causes with which the next volumes will end in `error` (control op fail_volume)


class Volume(Resource):
    """One EBS volume. `state` is creating, available, in-use, deleting, deleted or error."""

    def __init__(
        self,
        az: str,
        form: Shape,
        *,
        blocks: Blocks | None = None,
        snapshot_id: str = "",
        source_volume_id: str | None = None,
        kms_key_id: str | None = None,
        rate: int | None = None,
        fast_restored: bool = False,
        tags: dict[str, str] | None = None,
        of_world: bool = False,
    ) -> None:
        self.id = new_id("vol")
        self.az = az
        self.type, self.gib, self.iops, self.throughput = form.type, form.gib, form.iops, form.throughput
        self.blocks = blocks or Blocks(form.gib)
        self.snapshot_id = snapshot_id
        self.source_volume_id = source_volume_id
        self.kms_key_id = kms_key_id
        self.rate = rate  # VolumeInitializationRate, MiB/s
        self.fast_restored = fast_restored
        self.tags = dict(tags or {})
        self.of_world = of_world  # there from the start
        self.state = "creating"
        self.error_cause = ""  # why it ended in `error`
        self.create_time = context.lab.clock.now()
        self.created_at = context.lab.clock.monotonic()
        self.attachments: list[Attachment] = []  # at most one: Multi-Attach is not modelled
        self.ever_attached = False
        self._attached: dict[tuple[str, str], str] = {}  # (instance, device) -> state, as logged last
        self.modifications: list[Any] = []  # volume_modify.Modification, oldest first
        self.request_id = notices.request_id()

    @property
    def encrypted(self) -> bool:
        return self.kms_key_id is not None

    def state_name(self) -> str:
        return self.state

    def touch(self) -> None:
        """Beside its own state, log those of its attachments: EBS moves them without the volume's state moving."""
        super().touch()
        before, now = self._attached, {(a.instance_id, a.device): a.state for a in self.attachments}
        for place, state in {**dict.fromkeys(before, "detached"), **now}.items():
            if before.get(place) != state:
                instance, device = place
                context.lab.record.add(
                    "attachment",
                    volume=self.id,
                    instance=instance,
                    device=device,
                    state=state,
                    previous=before.get(place),
                )
        self._attached = now

    def render(self) -> dict[str, Any]:
        out: dict[str, Any] = {
            "VolumeId": self.id,
            "Size": self.gib,
            "SnapshotId": self.snapshot_id,
            "AvailabilityZone": self.az,
            "AvailabilityZoneId": ZONES[self.az],
            "State": self.state,
            "CreateTime": self.create_time,
            "VolumeType": self.type,
            "Encrypted": self.encrypted,
            "FastRestored": self.fast_restored,
            "MultiAttachEnabled": False,
            "SseType": "sse-kms" if self.encrypted else "none",
            "Operator": {"Managed": False},
            "Attachments": [render_attachment(a) for a in self.attachments],
            "Tags": self.tag_list(),
        }
        optional = {
            "Iops": self.iops,
            "Throughput": self.throughput,
            "KmsKeyId": self.kms_key_id,
            "VolumeInitializationRate": self.rate,
            "SourceVolumeId": self.source_volume_id,
        }
        return out | {key: value for key, value in optional.items() if value is not None}

    # --- life --------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Put the new volume into the store as `creating`; it ends `available`, `error`, or unknown to EC2."""
        store.volumes[self.id] = self
        cause = _failures.pop(0) if _failures else ""
        denied = f"{self.kms_key_id} cannot be accessed" if encryption.denied(self.kms_key_id) else ""
        self.touch()
        context.lab.timers.after(context.lab.timing.volume_create, lambda: self._created(cause, denied))

    def _created(self, cause: str, denied: str) -> None:
        with context.lab.lock:
            if self.state != "creating":
                return
            no_key = encryption.usable(self.kms_key_id) or denied
            if cause:
                self.state, self.error_cause = "error", cause
            elif no_key:
                self.state = "deleted"  # EBS drops a volume whose key it may not use
            else:
                self.state = "available"
            self.touch()
        result = "available" if self.state == "available" else "failed"
        notices.volume(self.id, "createVolume", result, cause=cause or no_key, request=self.request_id)

    def delete(self) -> None:
        """available or error → deleting → deleted. The caller has checked that it may go."""
        self.state = "deleting"
        self.touch()
        request = notices.request_id()

        def done() -> None:
            with context.lab.lock:
                self.state = "deleted"
                self.touch()
            notices.volume(self.id, "deleteVolume", "deleted", request=request)

        context.lab.timers.after(context.lab.timing.volume_delete, done)

    def initialization(self) -> dict[str, Any] | None:
        """InitializationStatusDetails of a volume made from a snapshot or a volume; None for others."""
        if not self.snapshot_id and not self.source_volume_id:
            return None
        kind = "provisioned-rate" if self.rate else "volume-copy" if self.source_volume_id else "default"
        rate = self.rate or (COPY_RATE if self.source_volume_id else DEFAULT_RATE)
        seconds = 0.0 if self.fast_restored else self.gib * 1024 / rate
        elapsed = context.lab.clock.monotonic() - self.created_at - context.lab.timing.volume_create
        elapsed = max(0.0, elapsed)
        out = {"InitializationType": kind, "Progress": 100 if elapsed >= seconds else int(100 * elapsed / seconds)}
        if self.rate:
            out["EstimatedTimeToCompleteInSeconds"] = max(0, round(seconds - elapsed))
        return out


def render_attachment(a: Attachment) -> dict[str, Any]:
    return {
        "VolumeId": a.volume_id,
        "InstanceId": a.instance_id,
        "Device": a.device,
        "State": a.state,
        "AttachTime": a.attach_time,
        "DeleteOnTermination": a.delete_on_termination,
    }


def get(volume_id: str) -> Volume:
    """The volume of that id; raises InvalidParameterValue (malformed) or InvalidVolume.NotFound."""
    volume = store.volumes.get(check_id(volume_id, "vol"))
    if volume is None or volume.state == "deleted":
        raise not_found(volume_id, "vol")
    return volume


def fail_next(cause: str, times: int = 1) -> None:
    """Let the next volumes that are made end in the state `error`."""
    if not cause or times < 1:
        raise ValueError("fail_volume needs a cause, and times of 1 or more")
    _failures.extend([cause] * times)


def create_now(az: str, gib: int, kind: str = "gp3", **options: Any) -> Volume:
    """A volume of the initial world, `available` from the start, without an API call or an event.

    `options`: iops, throughput, kms_key_id, tags.
    """
    form = shape(kind, gib, options.pop("iops", None), options.pop("throughput", None))
    encryption.know(options.get("kms_key_id"))
    volume = Volume(az, form, of_world=True, **options)
    volume.state = "available"
    store.volumes[volume.id] = volume
    volume.touch()
    return volume


def attach_now(volume: Volume, instance: Any, device: str, *, delete_on_termination: bool = False) -> Attachment:
    """Attach a volume of the initial world, without an API call."""
    if volume.attachments or volume.state != "available":
        raise ValueError(f"{volume.id} is {volume.state}, it cannot be attached")
    if device in instance.attachments:
        raise ValueError(f"{device} of {instance.name} is in use")
    if volume.az != instance.az:
        raise ValueError(f"{volume.id} is in {volume.az}, {instance.name} in {instance.az}")
    return join(volume, instance, device, "attached", delete_on_termination)


def join(volume: Volume, instance: Any, device: str, state: str, delete_on_termination: bool) -> Attachment:
    """Make the attachment that both sides show."""
    now = context.lab.clock.now()
    attachment = Attachment(volume.id, instance.id, device, state, now, delete_on_termination)
    volume.attachments.append(attachment)
    volume.state, volume.ever_attached = "in-use", True
    instance.attachments[device] = attachment
    volume.touch()
    instance.touch()
    return attachment


def check_not_attached(volume: Volume) -> None:
    """Raises VolumeInUse for a volume with an attachment in any state."""
    if volume.attachments:
        holder = volume.attachments[0].instance_id
        raise AwsError("VolumeInUse", f"Volume {volume.id} is currently attached to {holder}")
