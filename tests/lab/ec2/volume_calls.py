"""CreateVolume, CopyVolumes and DeleteVolume."""

from __future__ import annotations

from typing import Any

from .. import quotas
from ..wire import AwsError
from . import encryption, fsr, snapshots, volumes
from .api import action, dry_run, idempotency, required
from .blocks import Blocks
from .model import store
from .tags import from_specifications
from .volume_rules import initialization_rate, shape
from .volumes import Volume
from .zones import check_zone


def _no_multi_attach(request: dict[str, Any], kind: str | None) -> None:
    if not request.get("MultiAttachEnabled"):
        return
    if kind in ("io1", "io2"):
        raise AwsError("UnsupportedOperation", "The lab does not model Multi-Attach.")
    message = f"The parameter MultiAttachEnabled is not supported for {kind or 'gp2'} volumes."
    raise AwsError("InvalidParameterCombination", message)


def _room(volume: Volume) -> None:
    """The account's storage of that type must hold one more."""
    used = sum(each.gib for each in store.volumes.values() if each.type == volume.type and each.state != "deleted")
    quotas.check_storage(volume.type, volume.gib, used)


def _rendered(volume_id: str) -> dict[str, Any]:
    """A volume as CreateVolume and CopyVolumes return it: without what only DescribeVolumes tells."""
    left_out = ("Attachments", "FastRestored", "SseType", "AvailabilityZoneId")
    return {key: value for key, value in store.volumes[volume_id].render().items() if key not in left_out}


@action("CreateVolume")
def create_volume(request: dict[str, Any]) -> dict[str, Any]:
    return _rendered(idempotency.once("CreateVolume", request, lambda: _create(request)))


def _create(request: dict[str, Any]) -> str:
    az = check_zone(request)
    snapshot_id, gib = request.get("SnapshotId"), request.get("Size")
    if request.get("OutpostArn"):
        raise AwsError("InvalidParameterValue", "The lab has no Outposts.")
    if not snapshot_id and gib is None:
        raise AwsError("MissingParameter", "The request must contain the parameter size or snapshotId")
    volume = from_snapshot_or_new(request, az, snapshot_id, gib)
    dry_run(request)
    _room(volume)
    if snapshot_id and not volume.rate:  # a rate overrides fast snapshot restore and takes no credit
        volume.fast_restored = fsr.fast_restored(snapshot_id, az)
    volume.begin()
    return volume.id


def from_snapshot_or_new(
    request: dict[str, Any], az: str, snapshot_id: str | None, gib: int | None, tags: dict[str, str] | None = None
) -> Volume:
    """A checked volume that is in no store yet. `request` has VolumeType, Iops, …, TagSpecifications."""
    snapshot = snapshots.get(snapshot_id) if snapshot_id else None
    if snapshot:
        snapshot.usable_for_volume()
        gib = snapshot.gib if gib is None else gib
        if gib < snapshot.gib:
            message = f"Volume of {gib}GiB is smaller than snapshot '{snapshot.id}', expect size >= {snapshot.gib}GiB"
            raise AwsError("InvalidParameterValue", message)
    assert gib is not None
    form = shape(request.get("VolumeType"), gib, request.get("Iops"), request.get("Throughput"))
    _no_multi_attach(request, request.get("VolumeType"))
    return Volume(
        az,
        form,
        blocks=snapshot.blocks.copy(gib) if snapshot else Blocks(gib),
        snapshot_id=snapshot.id if snapshot else "",
        kms_key_id=encryption.key_for(
            request, bool(snapshot and snapshot.encrypted), snapshot.kms_key_id if snapshot else None
        ),
        rate=initialization_rate(request.get("VolumeInitializationRate"), snapshot is not None),
        tags=from_specifications(request, "volume")["volume"] if tags is None else tags,
    )


@action("CopyVolumes")
def copy_volumes(request: dict[str, Any]) -> dict[str, Any]:
    """A copy in the same zone, of the bytes at the call."""
    volume_id = idempotency.once("CopyVolumes", request, lambda: _copy(request))
    return {"Volumes": [_rendered(volume_id)]}


def _copy(request: dict[str, Any]) -> str:
    required(request, "SourceVolumeId")
    source = volumes.get(request["SourceVolumeId"])
    if source.state not in ("available", "in-use"):
        raise AwsError("IncorrectState", f"Volume '{source.id}' is in the '{source.state}' state.")
    details = source.initialization()
    if details and details["Progress"] < 100:
        # EBS user guide, "Copy an Amazon EBS volume": the source must be fully initialized
        raise AwsError("IncorrectState", f"Volume '{source.id}' is not fully initialized.")
    gib = request.get("Size", source.gib)
    if gib < source.gib:
        raise AwsError("InvalidParameterValue", f"Size {gib}GiB is smaller than the source volume of {source.gib}GiB.")
    form = shape(request.get("VolumeType"), gib, request.get("Iops"), request.get("Throughput"))
    _no_multi_attach(request, request.get("VolumeType"))
    asked = {**request, "Encrypted": request.get("Encrypted") or source.encrypted or None}  # always, says the API
    key = encryption.key_for(asked, source.encrypted, source.kms_key_id)
    tags = from_specifications(request, "volume")["volume"]
    dry_run(request)
    blocks = source.blocks.copy(gib)
    copy = Volume(source.az, form, blocks=blocks, source_volume_id=source.id, kms_key_id=key, tags=tags)
    _room(copy)
    copy.begin()
    return copy.id


@action("DeleteVolume")
def delete_volume(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "VolumeId")
    volume = volumes.get(request["VolumeId"])
    volumes.check_not_attached(volume)
    if volume.state not in ("available", "error"):
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the '{volume.state}' state.")
    dry_run(request)
    volume.delete()
    return {}


@action("GetEbsEncryptionByDefault")
def get_ebs_encryption_by_default(request: dict[str, Any]) -> dict[str, Any]:
    """The lab's account has it off."""
    dry_run(request)
    return {"EbsEncryptionByDefault": False, "SseType": "none"}
