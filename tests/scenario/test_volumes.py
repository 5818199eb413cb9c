"""The oracles on volumes: each sees its own kind of harm, and nothing in a restore as it should be."""

from __future__ import annotations

from typing import Any

import pytest

from scenario import volumes

RESTORE = "orders-r-20260101T000000Z"
OURS = {"mirrorsnap:cluster": "orders", "mirrorsnap:restore-id": RESTORE}


def volume(name: str, at: tuple[str, str] | None = None, tags: dict[str, str] | None = None, **other: Any) -> Any:
    attachment = {"DeleteOnTermination": other.pop("keep", False)}
    return {
        "VolumeId": name,
        "Attachments": [{"InstanceId": at[0], "Device": at[1], **attachment}] if at else [],
        "State": "in-use" if at else "available",
        "Tags": [{"Key": key, "Value": value} for key, value in (tags or {}).items()],
        "EverAttached": True,
        "OfWorld": False,
        "SnapshotId": "snap-1",
        "AvailabilityZone": "a",
        "VolumeType": "gp3",
        "Iops": 3000,
        "Throughput": 125,
        "Size": 20,
        "Encrypted": False,
        **other,
    }


def test_what_was_never_attached_has_to_go() -> None:
    left = volume("vol-1", tags=OURS, EverAttached=False)
    said = [f"volume vol-1 of {RESTORE} was never attached, and is still there (available)"]
    other = entry(1, "api", call="ec2:AttachVolume", params={"VolumeId": "vol-2"}, error=None)
    assert volumes.never_attached([left], []) == volumes.never_attached([left], [other]) == said
    fine = [
        volume("vol-2", tags=OURS, EverAttached=False, State="deleted"),
        volume("vol-3", tags=OURS),
        volume("vol-4", EverAttached=False),  # somebody else's
        volume("vol-5", tags=OURS, EverAttached=False, OfWorld=True),
    ]
    assert volumes.never_attached(fine, []) == []
    refused = entry(1, "api", call="ec2:AttachVolume", params={"VolumeId": "vol-1"}, error="AttachmentLimitExceeded")
    assert volumes.never_attached([left], [refused]) == []


def test_a_volume_that_no_node_has_is_tagged_and_named() -> None:
    old = volume("vol-old", tags={"mirrorsnap:restore-id": RESTORE}, OfWorld=True)
    turned = volume("vol-new", tags=OURS)
    attached = volume("vol-on", at=("i-1", "/dev/sdb"))
    assert volumes.unaccounted([old, turned, attached], "vol-old vol-new") == []
    assert volumes.unaccounted([old], "") == ["volume vol-old is attached to nothing, and no report names it"]
    bare = [volume("vol-a"), volume("vol-b", OfWorld=True)]
    assert volumes.unaccounted(bare, "vol-a vol-b") == [
        "volume vol-a is attached to nothing, and has no tag mirrorsnap:restore-id",
        "volume vol-a is attached to nothing, and has no tag mirrorsnap:cluster",
        "volume vol-b is attached to nothing, and has no tag mirrorsnap:restore-id",
    ]


def test_a_released_volume_has_no_tags_but_is_named() -> None:
    bare = volume("vol-a", OfWorld=True)
    assert volumes.unaccounted([bare], "vol-a", released="vol-a") == []
    assert volumes.unaccounted([bare], "", released="vol-a") == [
        "volume vol-a is attached to nothing, and no report names it"
    ]
    assert volumes.unaccounted([volume("vol-x")], "", foreign=["vol-x"]) == []
    assert volumes.unaccounted([volume("vol-x", State="deleted")], "") == []


def entry(t: float, kind: str, **fields: Any) -> dict[str, Any]:
    return {"t": t, "kind": kind, **fields}


LIFE = [
    entry(1, "ec2", id="vol-1", state="creating", previous=None),
    entry(2, "ec2", id="vol-2", state="creating", previous=None),
    entry(3, "ec2", id="vol-1", state="available", previous="creating"),
    entry(5, "ec2", id="vol-2", state="available", previous="creating"),
]
DISTURBANCES = [
    entry(4, "cluster", what="group", group="failover1", node="server1", previous="online", status="stopping"),
    entry(4, "node", node="server1", argv=["clpgrp", "-t", "failover1"]),
    entry(4, "power", node="server1", event="shutdown"),
    entry(4, "api", call="ec2:DetachVolume", error=None),
    entry(4, "api", call="ec2:StopInstances", error=None),
]
HARMLESS = [
    entry(4, "cluster", what="group", group="failover1", node="server1", previous="starting", status="online"),
    entry(4, "cluster", what="mirror", previous="online"),
    entry(4, "node", node="server1", argv=["clpgrp", "-n", "failover1"]),
    entry(4, "power", node="server1", event="up"),
    entry(4, "api", call="ec2:DetachVolume", error="UnauthorizedOperation"),
    entry(4, "api", call="ec2:CreateVolume", error=None),
]


@pytest.mark.parametrize("what", DISTURBANCES, ids=lambda e: e["kind"] + e.get("call", ""))
def test_a_disturbance_before_the_last_volume_is_seen(what: dict[str, Any]) -> None:
    log = [*LIFE[:3], what, LIFE[3], {**what, "t": 6}]
    assert volumes.made(log, 0, 9) == ["vol-1", "vol-2"]
    (found,) = volumes.disturbed_early(log, 0, 9, ["vol-1", "vol-2"], 2)
    assert found.endswith("when 1 of 2 new volumes were available")
    assert volumes.disturbed_early(log, 4.5, 9, ["vol-2"], 1) == []


def test_a_disturbance_without_all_volumes_is_seen_however_few_were_made() -> None:
    log = [*LIFE[:3], DISTURBANCES[0]]
    assert len(volumes.disturbed_early(log, 0, 9, ["vol-1"], 2)) == 1
    assert len(volumes.disturbed_early(log, 0, 9, [], 2)) == 1


def test_what_disturbs_nothing_may_happen_at_any_time() -> None:
    assert volumes.disturbed_early([*LIFE[:3], *HARMLESS, LIFE[3]], 0, 9, ["vol-1", "vol-2"], 2) == []


OLD = volume("vol-old", at=("i-1", "/dev/sdb"), tags={"Name": "data", "mirrorsnap:x": "1"}, SnapshotId="")


def test_a_new_volume_like_the_old_one() -> None:
    new = volume("vol-new", at=("i-1", "/dev/sdb"), tags={"Name": "data", **OURS}, Size=30)
    assert volumes.unlike(OLD, new) == []


@pytest.mark.parametrize(
    "other",
    [
        *({"AvailabilityZone": "c"}, {"VolumeType": "gp2"}, {"Iops": 4000}, {"Throughput": 250}, {"Size": 10}),
        *({"Encrypted": True}, {"KmsKeyId": "arn:key"}, {"tags": OURS}, {"keep": True}),
    ],
    ids=lambda other: next(iter(other)),
)
def test_each_difference_is_seen(other: dict[str, Any]) -> None:
    new = volume("vol-new", at=("i-1", "/dev/sdb"), **{"tags": {"Name": "data"}, **other})
    assert len(volumes.unlike(OLD, new)) == 1


def test_every_place_has_a_new_volume_of_its_devices_one_snapshot() -> None:
    before = volumes.places(
        [volume("vol-1", at=("i-1", "/dev/sdb")), volume("vol-2", at=("i-2", "/dev/sdb"))], ["/dev/sdb"]
    )
    good = [volume("vol-3", at=("i-1", "/dev/sdb")), volume("vol-4", at=("i-2", "/dev/sdb"))]
    root = volume("vol-0", at=("i-1", "/dev/sda1"), SnapshotId="snap-root")
    assert volumes.restored(before, volumes.places([*good, root], ["/dev/sdb"])) == []
    other = [good[0], {**good[1], "SnapshotId": "snap-2"}]
    assert volumes.restored(before, volumes.places(other, ["/dev/sdb"])) == [
        "the volumes at /dev/sdb are not of one snapshot: ['snap-1', 'snap-2']"
    ]
    kept = volumes.restored(before, {**before, ("i-2", "/dev/sdb"): good[1]})
    assert kept == ["/dev/sdb of i-1 holds vol-1, not a new volume"]
    moved = volumes.places([volume("vol-3", at=("i-1", "/dev/sdc")), good[1]], ["/dev/sdb"])
    assert volumes.restored(before, moved) == ["/dev/sdb of i-1 holds nothing, not a new volume"]
