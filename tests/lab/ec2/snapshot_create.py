"""CreateSnapshot and CreateSnapshots: copies of volumes as they were at the instant of the call.

Neither has a ClientToken: each call that gets through makes new snapshots, whatever was made before.
"""

from __future__ import annotations

from typing import Any

from .. import context
from ..control import op
from ..wire import AwsError
from . import instances, snapshot_notices, volumes
from .api import action, check_id, dry_run, required
from .instances import Instance
from .model import store
from .snapshots import Snapshot
from .tags import check_limit, from_specifications
from .volumes import Volume

MAX_PENDING = 5  # in progress per volume (EBS endpoints and quotas: "Concurrent snapshots per …")
MAX_PENDING_HDD = 1  # the same for st1 and sc1
MAX_EXCLUDED = 40  # API reference of InstanceSpecification

_failures: list[tuple[str | None, str]] = []  # (volume id or None for any, cause), taken by snapshots as they begin


@op("fail_snapshot")
def fail_snapshot(times: int = 1, volume_id: str | None = None, cause: str = "Internal error") -> None:
    """The next `times` snapshots (of that volume) or copies (volume_id None) end in `error` with that StateMessage."""
    if times < 1 or not cause:
        raise ValueError("fail_snapshot needs times >= 1 and a cause")
    with context.lab.lock:
        _failures.extend([(volume_id, cause)] * times)


def take_failure(volume_id: str | None) -> str:
    """The cause with which a snapshot of that volume is to fail; "" if it is not."""
    for item in _failures:
        if item[0] in (None, volume_id):
            _failures.remove(item)
            return item[1]
    return ""


def check_description(request: dict[str, Any]) -> str:
    text = request.get("Description") or ""
    if len(text) > 255:
        raise AwsError("InvalidParameterValue", "Value for parameter description is invalid. Maximum length is 255.")
    return text


def _check_location(request: dict[str, Any]) -> None:
    if request.get("OutpostArn") or request.get("Location") == "local":
        raise AwsError("UnsupportedOperation", "Snapshots on Outposts and in Local Zones are not part of the lab.")


def _check_volume(volume: Volume) -> None:
    """Raises unless a snapshot of this volume may begin now."""
    if volume.state not in ("available", "in-use"):
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the state '{volume.state}'.")
    now = context.lab.clock.monotonic()
    # one that was deleted while pending counts until its transfer has ended (AWS re:Post, ebs-snapshot-stuck)
    busy = [s for s in store.snapshots.values() if s.volume_id == volume.id and s.busy_until > now]
    interval = context.lab.timing.snapshot_interval
    if any(now - s.began < interval for s in busy):
        message = "The maximum per volume CreateSnapshot request rate has been exceeded."
        message += " Use an increasing or variable sleep interval between requests."
        raise AwsError("SnapshotCreationPerVolumeRateExceeded", message)
    if len(busy) >= (MAX_PENDING_HDD if volume.type in ("st1", "sc1") else MAX_PENDING):
        message = "Maximum allowed in-progress snapshots for a single volume exceeded."
        raise AwsError("ConcurrentSnapshotLimitExceeded", message)


def _of(volume: Volume, description: str, tags: dict[str, str]) -> Snapshot:
    return Snapshot(
        volume.id, volume.gib, volume.blocks, description=description, tags=tags, kms_key_id=volume.kms_key_id
    )


@action("CreateSnapshot")
def create_snapshot(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "VolumeId")
    description, tags = check_description(request), from_specifications(request, "snapshot")["snapshot"]
    _check_location(request)
    volume = volumes.get(request["VolumeId"])
    _check_volume(volume)
    dry_run(request)
    snapshot = _of(volume, description, tags)
    snapshot.begin(context.lab.timing.snapshot, take_failure(volume.id), snapshot_notices.created)
    return snapshot.render() | {"Progress": ""}  # the answer has no progress yet


def _chosen(instance: Instance, wanted: dict[str, Any]) -> list[Volume]:
    """The volumes that an InstanceSpecification names: all that are attached but those it excludes."""
    excluded = wanted.get("ExcludeDataVolumeIds") or []
    if len(excluded) > MAX_EXCLUDED:
        raise AwsError("InvalidParameterValue", f"At most {MAX_EXCLUDED} volumes can be excluded, not {len(excluded)}.")
    attached = {a.volume_id: a.device for a in instance.attachments.values() if a.state != "detached"}
    for each in excluded:
        check_id(each, "vol")
        if each not in attached:
            message = f"The volume '{each}' in ExcludeDataVolumeIds is not attached to the instance '{instance.id}'."
            raise AwsError("InvalidParameterValue", message)
        if attached[each] == instance.root_device:
            message = f"The volume '{each}' in ExcludeDataVolumeIds is the root volume; use ExcludeBootVolume."
            raise AwsError("InvalidParameterValue", message)
    chosen = [
        volume_id
        for volume_id, device in attached.items()
        if volume_id not in excluded and not (wanted.get("ExcludeBootVolume") and device == instance.root_device)
    ]
    if not chosen:
        message = f"No volume of the instance '{instance.id}' is left to make a snapshot of."
        raise AwsError("InvalidParameterValue", message)
    return [volumes.get(each) for each in chosen]


@action("CreateSnapshots")
def create_snapshots(request: dict[str, Any]) -> dict[str, Any]:
    """One crash-consistent set: the lab's lock is held, so no write falls between two of its volumes."""
    required(request, "InstanceSpecification")
    wanted = request["InstanceSpecification"]
    required(wanted, "InstanceId")
    description, tags = check_description(request), from_specifications(request, "snapshot")["snapshot"]
    _check_location(request)
    copy_tags = request.get("CopyTagsFromSource")
    if copy_tags not in (None, "volume"):
        raise AwsError("InvalidParameterValue", f"Value ({copy_tags}) for parameter CopyTagsFromSource is invalid.")
    instance = instances.get(wanted["InstanceId"])
    if instance.state not in ("running", "stopping", "stopped"):
        message = f"The instance '{instance.id}' is in the state '{instance.state}'."
        raise AwsError("IncorrectInstanceState", message)
    chosen = _chosen(instance, wanted)
    per_volume = {}
    for volume in chosen:
        _check_volume(volume)
        # aws:-tags stay behind, since nobody may set them; of two tags of one key the request's own holds
        copied = {k: v for k, v in volume.tags.items() if not k.startswith("aws:")} if copy_tags else {}
        per_volume[volume.id] = {**copied, **tags}
        check_limit(per_volume[volume.id])
    dry_run(request)
    made = [_of(volume, description, per_volume[volume.id]) for volume in chosen]
    for snapshot in made:
        snapshot.start_time, snapshot.began = made[0].start_time, made[0].began

    def done(_: Snapshot) -> None:
        # the guide has no event of a single member; none of the set either once a pending member was deleted
        if all(s.state in ("completed", "error") for s in made):
            snapshot_notices.set_created(made)

    for snapshot in made:
        snapshot.begin(context.lab.timing.snapshot, take_failure(snapshot.volume_id), done)
    names = ("Description", "Tags", "Encrypted", "VolumeId", "State", "VolumeSize", "StartTime", "OwnerId")
    names += ("SnapshotId", "SseType")  # SnapshotInfo has fewer members than Snapshot
    return {"Snapshots": [{n: s.render()[n] for n in names} | {"Progress": ""} for s in made]}
