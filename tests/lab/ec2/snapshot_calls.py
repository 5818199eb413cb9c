"""DeleteSnapshot, and CopySnapshot within a region and between the lab's two regions.

CopySnapshot has no ClientToken. Of the source a copy has the bytes, not the tags. EC2 asks for the keys only after it
has answered: a copy whose key the caller may not use ends in `error`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from .. import context, quotas
from ..wire import AwsError
from . import encryption, fsr, snapshot_locks, snapshot_notices, snapshots
from .api import action, dry_run, required
from .model import here
from .snapshot_create import check_description, take_failure
from .snapshots import Snapshot
from .tags import from_specifications

NO_KEY = "Given key ID is not accessible"  # the StateMessage of a copy whose key cannot be used
COPY_VOLUME = "vol-ffffffff"  # what a copy shows as its volume: an arbitrary id, says the API reference


def _image_of(snapshot_id: str) -> str | None:
    """The registered image that rests on this snapshot."""
    import ministack.services.ec2 as ec2

    for (_, _, image_id), image in ec2._images.all_items():
        for mapping in image.get("BlockDeviceMappings") or []:
            if (mapping.get("Ebs") or {}).get("SnapshotId") == snapshot_id:
                return image_id
    return None


@action("DeleteSnapshot")
def delete_snapshot(request: dict[str, Any]) -> dict[str, Any]:
    """A pending one may go too. Its fast restores are disabled with it ("Configure fast snapshot restore")."""
    required(request, "SnapshotId")
    snapshot = snapshots.get(request["SnapshotId"])
    image = _image_of(snapshot.id)
    if image:
        raise AwsError("InvalidSnapshot.InUse", f"The snapshot {snapshot.id} is currently in use by {image}")
    snapshot_locks.check_unlocked(snapshot)
    dry_run(request)
    snapshot.delete()
    fsr.snapshot_gone(snapshot.id)
    return {}


def _completion_minutes(request: dict[str, Any]) -> int | None:
    minutes = request.get("CompletionDurationMinutes")
    if minutes is not None and (not 15 <= minutes <= 2880 or minutes % 15):
        message = f"Value ({minutes}) for parameter completionDurationMinutes is invalid."
        message += " Expecting a multiple of 15 between 15 and 2880."
        raise AwsError("InvalidParameterValue", message)
    return minutes


def _in_progress() -> int:
    now = context.lab.clock.monotonic()
    return sum(s.volume_id == COPY_VOLUME and s.busy_until > now for s in snapshots.of_region().values())


def _check_presigned(request: dict[str, Any]) -> None:
    """The URL that lets EC2 of this region ask the source's EC2 in the caller's name, as the API reference wants it."""
    url = urlsplit(request.get("PresignedUrl") or "")
    said = {name: values[0] for name, values in parse_qs(url.query).items()}
    wanted = {
        "Action": "CopySnapshot",
        "SourceRegion": request["SourceRegion"],
        "SourceSnapshotId": request["SourceSnapshotId"],
        "DestinationRegion": here(),
    }
    scope = said.get("X-Amz-Credential", "").split("/")[2:]
    signed = scope == [request["SourceRegion"], "ec2", "aws4_request"] and bool(said.get("X-Amz-Signature"))
    if not url.netloc or not signed or any(said.get(name) != value for name, value in wanted.items()):
        raise AwsError("InvalidParameterValue", "Value for parameter PresignedUrl is invalid: it is missing or wrong.")


@action("CopySnapshot")
def copy_snapshot(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "SourceRegion", "SourceSnapshotId")
    description, tags = check_description(request), from_specifications(request, "snapshot")["snapshot"]
    minutes = _completion_minutes(request)
    if request.get("DestinationOutpostArn") or request.get("DestinationAvailabilityZone"):
        raise AwsError("UnsupportedOperation", "Snapshots on Outposts and in Local Zones are not part of the lab.")
    if request.get("DestinationRegion") not in (None, here()):
        raise AwsError("InvalidParameterValue", "The destination of a copy is the region that the call is sent to.")
    if request["SourceRegion"] not in context.REGIONS:
        message = f"Value ({request['SourceRegion']}) for parameter sourceRegion is invalid. Invalid region name."
        raise AwsError("InvalidParameterValue", message)
    source = snapshots.get(request["SourceSnapshotId"], request["SourceRegion"])
    source.usable_for_volume()
    if source.encrypted and source.region != here():
        _check_presigned(request)
    key = encryption.key_of_copy(request, source.region, source.encrypted, source.kms_key_id)
    most = int(quotas.value(quotas.COPIES))
    if _in_progress() >= most:
        raise AwsError("ResourceLimitExceeded", f"Too many snapshot copies in progress. The limit is {most}.")
    dry_run(request)
    copy = Snapshot(COPY_VOLUME, source.gib, source.blocks, description=description, tags=tags, kms_key_id=key)
    copy.completion_minutes = minutes
    cause = take_failure(None) or (NO_KEY if encryption.denied_copy(key, source.kms_key_id) else "")
    copy.begin(context.lab.timing.snapshot_copy, cause, lambda s: snapshot_notices.copied(s, source.id))
    return {"SnapshotId": copy.id, "Tags": copy.tag_list()}
