"""Judges volumes from the lab's own view of EC2 and its log, never from the product's output.

Pure: each function takes what `lab.control("ec2")["volumes"]` returned (DescribeVolumes' form with `EverAttached` and
`OfWorld` beside it) or log entries, and answers with texts of what is wrong. docs/scenarios.md names the oracles.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .timeline import Entry

CLUSTER, RESTORE = "mirrorsnap:cluster", "mirrorsnap:restore-id"
Volume = dict[str, Any]
Place = tuple[str, str]  # instance id, device

# of a volume, and of its attachment
KEPT = ("AvailabilityZone", "VolumeType", "Iops", "Throughput", "Encrypted", "KmsKeyId")
GONE = frozenset({"deleting", "deleted"})


def tags(volume: Volume) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in volume.get("Tags") or []}


def _users(volume: Volume) -> dict[str, str]:
    """The tags that are neither AWS's nor the product's."""
    return {key: value for key, value in tags(volume).items() if not key.startswith(("aws:", "mirrorsnap:"))}


def places(volumes: Iterable[Volume], devices: Iterable[str]) -> dict[Place, Volume]:
    """What is attached at these devices of every instance."""
    wanted = set(devices)
    return {
        (attachment["InstanceId"], attachment["Device"]): volume
        for volume in volumes
        for attachment in volume["Attachments"]
        if attachment["Device"] in wanted
    }


# --- oracle 2: what is left behind ---


def never_attached(volumes: Iterable[Volume], entries: Iterable[Entry]) -> list[str]:
    """Volumes that the product made, that no node ever had, and that are still there.

    One for which AttachVolume was called has to stay, whatever EC2 answered (safety.md, rule 19).
    """
    called = {e["params"].get("VolumeId") for e in entries if e["kind"] == "api" and e["call"] == "ec2:AttachVolume"}
    return [
        f"volume {v['VolumeId']} of {tags(v)[RESTORE]} was never attached, and is still there ({v['State']})"
        for v in volumes
        if RESTORE in tags(v) and not v["OfWorld"] and not v["EverAttached"] and v["State"] not in GONE
        if v["VolumeId"] not in called
    ]


def unaccounted(volumes: Iterable[Volume], reports: str, released: str = "", foreign: Iterable[str] = ()) -> list[str]:
    """Volumes that no node has and that nobody could find: without our tags, or in no report.

    `reports`: all that the executions have said; `released`: what the releases among them said, whose volumes have no
    tags any more; `foreign`: volumes that a scenario's operator made.
    """
    out, others = [], set(foreign)
    for volume in volumes:
        name = volume["VolumeId"]
        if volume["Attachments"] or volume["State"] in GONE or name in others:
            continue
        if name not in reports:
            out.append(f"volume {name} is attached to nothing, and no report names it")
        if name in released:
            continue
        needed = (RESTORE,) if volume["OfWorld"] else (RESTORE, CLUSTER)
        out += [
            f"volume {name} is attached to nothing, and has no tag {key}" for key in needed if key not in tags(volume)
        ]
    return out


# --- oracle 9: nothing is disturbed before all new volumes are there ---


def made(entries: Iterable[Entry], start: float, end: float) -> list[str]:
    """The volumes that were created within [start, end], in order."""
    return [
        e["id"]
        for e in entries
        if e["kind"] == "ec2" and e["id"].startswith("vol-") and e["previous"] is None and start <= e["t"] <= end
    ]


def _disturbance(entry: Entry) -> str | None:
    """What the entry does to the service, if it does."""
    kind = entry["kind"]
    if kind == "cluster" and entry["what"] == "group" and entry["previous"] == "online":
        return f"group {entry['group']} left online on {entry['node']}"
    if kind == "node" and entry["argv"][:2] == ["clpgrp", "-t"]:
        return f"`{' '.join(entry['argv'])}` on {entry['node']}"
    if kind == "power" and entry["event"] == "shutdown":
        return f"{entry['node']} went down"
    if kind == "api" and entry["call"] in ("ec2:DetachVolume", "ec2:StopInstances") and not entry["error"]:
        return entry["call"]
    return None


def disturbed_early(entries: Iterable[Entry], start: float, end: float, new: Iterable[str], wanted: int) -> list[str]:
    """Disturbances within [start, end] before `wanted` of the `new` volumes had become available."""
    ours, ready, out = set(new), set(), []
    for entry in entries:
        if not start <= entry["t"] <= end:
            continue
        if entry["kind"] == "ec2" and entry["id"] in ours and entry["state"] == "available":
            ready.add(entry["id"])
        text = _disturbance(entry) if len(ready) < wanted else None
        if text:
            out.append(f"{text} when {len(ready)} of {wanted} new volumes were available")
    return out


# --- oracle 10: what was restored is like what it replaced ---


def _attachment(volume: Volume) -> dict[str, Any]:
    return volume["Attachments"][0]


def unlike(old: Volume, new: Volume) -> list[str]:
    """In what `new` differs from `old`, whose place it took; both as they were attached."""
    out = [f"{key} {new.get(key)}, was {old.get(key)}" for key in KEPT if new.get(key) != old.get(key)]
    if new["Size"] < old["Size"]:
        out.append(f"Size {new['Size']}, was {old['Size']}")
    if _users(new) != _users(old):
        out.append(f"tags {_users(new)}, were {_users(old)}")
    now, then = _attachment(new)["DeleteOnTermination"], _attachment(old)["DeleteOnTermination"]
    if now != then:
        out.append(f"DeleteOnTermination {now}, was {then}")
    return [f"{new['VolumeId']} in the place of {old['VolumeId']}: {text}" for text in out]


def restored(before: dict[Place, Volume], after: dict[Place, Volume]) -> list[str]:
    """A restore has succeeded: every place has a new volume like the old one, and each device's are of one snapshot."""
    out = []
    for place, old in before.items():
        new = after.get(place)
        if new is None or new["VolumeId"] == old["VolumeId"]:
            out.append(f"{place[1]} of {place[0]} holds {new['VolumeId'] if new else 'nothing'}, not a new volume")
        else:
            out += unlike(old, new)
    for device in sorted({device for _, device in after}):
        sources = sorted({v["SnapshotId"] for (_, at), v in after.items() if at == device})
        if len(sources) != 1 or not sources[0]:
            out.append(f"the volumes at {device} are not of one snapshot: {sources}")
    return out
