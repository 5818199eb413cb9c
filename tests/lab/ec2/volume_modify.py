"""ModifyVolume and DescribeVolumesModifications: modifying → optimizing → completed."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Any

from .. import context
from ..wire import AwsError
from . import volumes
from .api import action, check_id, dry_run, matches, page, required
from .model import store
from .volume_describe import text
from .volume_rules import IOPS, Shape, shape

# The API model of ModifyVolume: up to four in a rolling day, each after the last one has completed. (Until 2025 it
# was one in six hours.)
MOST, WINDOW = 4, 86_400.0


@dataclass
class Modification:
    volume_id: str
    before: Shape
    after: Shape
    state: str = "modifying"
    progress: int = 0
    start: datetime.datetime = field(default_factory=lambda: context.lab.clock.now())
    started_at: float = field(default_factory=lambda: context.lab.clock.monotonic())
    end: datetime.datetime | None = None

    def render(self) -> dict[str, Any]:
        out: dict[str, Any] = {"VolumeId": self.volume_id, "ModificationState": self.state, "Progress": self.progress}
        out |= {"StartTime": self.start, "TargetMultiAttachEnabled": False, "OriginalMultiAttachEnabled": False}
        for name, form in (("Original", self.before), ("Target", self.after)):
            out |= {f"{name}Size": form.gib, f"{name}VolumeType": form.type}
            if form.iops is not None:
                out[f"{name}Iops"] = form.iops
            if form.throughput is not None:
                out[f"{name}Throughput"] = form.throughput
        if self.end:
            out["EndTime"] = self.end
        return out


def _target(volume: volumes.Volume, request: dict[str, Any]) -> Shape:
    kind = request.get("VolumeType") or volume.type
    gib = request.get("Size", volume.gib)
    if gib < volume.gib:
        raise AwsError("InvalidParameterValue", "New size cannot be smaller than existing size")
    same = kind == volume.type
    iops = request.get("Iops")
    if iops is None and kind in IOPS:
        iops = volume.iops if same else 3_000
    throughput = request.get("Throughput", volume.throughput if same else None)
    return shape(kind, gib, iops, throughput)


@action("ModifyVolume")
def modify_volume(request: dict[str, Any]) -> dict[str, Any]:
    required(request, "VolumeId")
    volume = volumes.get(request["VolumeId"])
    if request.get("MultiAttachEnabled"):
        raise AwsError("UnsupportedOperation", "The lab does not model Multi-Attach.")
    if not any(request.get(key) for key in ("Size", "VolumeType", "Iops", "Throughput")):
        message = "The request must contain at least one of size, volumeType, iops, throughput"
        raise AwsError("MissingParameter", message)
    if volume.state not in ("available", "in-use"):
        raise AwsError("IncorrectState", f"Volume '{volume.id}' is in the '{volume.state}' state.")
    last = volume.modifications[-1] if volume.modifications else None
    if last and last.state in ("modifying", "optimizing"):
        message = f"Volume {volume.id} cannot be modified in modification state {last.state.upper()}"
        raise AwsError("IncorrectModificationState", message)
    recent = [m for m in volume.modifications if context.lab.clock.monotonic() - m.started_at < WINDOW]
    if len(recent) >= MOST:
        message = "You've reached the maximum modification rate per volume limit. Wait before you modify it again."
        raise AwsError("VolumeModificationRateExceeded", message)
    after = _target(volume, request)
    dry_run(request)

    change = Modification(volume.id, Shape(volume.type, volume.gib, volume.iops, volume.throughput), after)
    volume.modifications.append(change)
    seconds = context.lab.timing.volume_modify
    context.lab.timers.after(seconds, lambda: _optimizing(volume, change))
    context.lab.timers.after(2 * seconds, lambda: _completed(change))
    return {"VolumeModification": change.render()}


def _optimizing(volume: volumes.Volume, change: Modification) -> None:
    """The new size and performance can be used from here on."""
    with context.lab.lock:
        after = change.after
        change.state, change.progress = "optimizing", 50
        volume.type, volume.gib, volume.iops, volume.throughput = after.type, after.gib, after.iops, after.throughput
        volume.blocks.size = after.gib << 30
        volume.touch()


def _completed(change: Modification) -> None:
    with context.lab.lock:
        change.state, change.progress, change.end = "completed", 100, context.lab.clock.now()


_FIELDS = {
    "modification-state": "ModificationState",
    "volume-id": "VolumeId",
    "start-time": "StartTime",
    "original-size": "OriginalSize",
    "original-iops": "OriginalIops",
    "original-volume-type": "OriginalVolumeType",
    "target-size": "TargetSize",
    "target-iops": "TargetIops",
    "target-volume-type": "TargetVolumeType",
    "originalMultiAttachEnabled": "OriginalMultiAttachEnabled",
    "targetMultiAttachEnabled": "TargetMultiAttachEnabled",
}


@action("DescribeVolumesModifications")
def describe_volumes_modifications(request: dict[str, Any]) -> dict[str, Any]:
    ids = request.get("VolumeIds") or []
    for each in ids:
        if not volumes.get(check_id(each, "vol")).modifications:
            raise AwsError("InvalidVolumeModification.NotFound", f"Modification for volume '{each}' does not exist.")
    found = []
    for volume in store.volumes.values():
        if not volume.modifications or volume.state == "deleted" or (ids and volume.id not in ids):
            continue
        r = volume.modifications[-1].render()

        def fields(name: str, r: dict = r) -> list[str] | None:
            if name not in _FIELDS:
                return None
            value = r.get(_FIELDS[name])
            return [] if value is None else [text(value)]

        if matches(request.get("Filters"), fields):
            found.append(r)
    dry_run(request)
    return page(found, request, "VolumesModifications")
