"""The proofs of a restore, each with the lies that it must see through."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from scenario import proof_disks, proof_volumes

FILES = {"customers": "all of them", "order-1": "one"}
PLACES = {("server1", "/dev/sdb"): "vol-1", ("server2", "/dev/sdb"): "vol-2"}
NEW = {("server1", "/dev/sdb"): "vol-3", ("server2", "/dev/sdb"): "vol-4"}


def contents(**lies: Any) -> proof_disks.Contents:
    """Both nodes alike; `lies` are those of server2."""
    side = {"volume": "vol", "files": FILES, "digest": "d" * 64, "lineage": "tip"}
    return {"server1": {"md1": copy.deepcopy(side)}, "server2": {"md1": {**copy.deepcopy(side), **lies}}}


def volume(name: str, state: str = "available", snapshot: str = "", attached: bool = True) -> dict[str, Any]:
    return {"VolumeId": name, "State": state, "SnapshotId": snapshot, "EverAttached": attached}


def ec2(*volumes: dict[str, Any]) -> dict[str, Any]:
    return {"volumes": list(volumes)}


RESTORED = ec2(
    volume("vol-1"),
    volume("vol-2"),
    volume("vol-3", "in-use", "snap-1"),
    volume("vol-4", "in-use", "snap-1"),
)


class Ancestry:
    """The one control operation that these proofs ask for."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = set(pairs)

    def control(self, op: str, tip: str, ancestor: str) -> bool:
        assert op == "descends"
        return (tip, ancestor) in self.pairs


# --- the disks ---


@pytest.mark.parametrize(
    ("lies", "same"), [({}, True), ({"digest": "e" * 64}, False), ({"digest": None}, False)], ids=str
)
def test_same_bytes(lies: dict[str, Any], same: bool) -> None:
    assert proof_disks.same_bytes(contents(**lies), "md1")[0] is same


def test_two_disks_that_cannot_be_read_are_not_the_same() -> None:
    assert not proof_disks.same_bytes({"server1": {}, "server2": {}}, "md1")[0]
    assert not proof_disks.same_bytes({"server1": contents()["server1"]}, "md1")[0]


@pytest.mark.parametrize(
    "files",
    [{"customers": "all of them"}, {**FILES, "order-2": "two"}, {**FILES, "order-1": "uno"}, {}],
    ids=["one missing", "one too many", "another text", "none"],
)
def test_exactly_these_files_on_each_node(files: dict[str, str]) -> None:
    assert [held for held, _ in proof_disks.exactly(contents(), "md1", FILES, "w")] == [True, True]
    assert [held for held, _ in proof_disks.exactly(contents(files=files), "md1", FILES, "w")] == [True, False]


def test_a_file_is_back_only_if_both_have_it_with_its_text() -> None:
    wanted = {"customers": "all of them"}
    assert proof_disks.has(contents(), "md1", wanted, "w")[0]
    assert not proof_disks.has(contents(files={"order-1": "one"}), "md1", wanted, "w")[0]
    assert not proof_disks.has(contents(files={**FILES, "customers": "few"}), "md1", wanted, "w")[0]
    assert not proof_disks.has(contents(), "md1", {}, "w")[0], "nothing was written: nothing is proved"


def test_files_are_gone_only_if_neither_has_any() -> None:
    assert proof_disks.lacks(contents(), "md1", {"order-9"}, "w")[0]
    held, text = proof_disks.lacks(contents(files={**FILES, "order-9": "x"}), "md1", {"order-8", "order-9"}, "w")
    assert not held and "order-9 on server2" in text
    assert not proof_disks.lacks(contents(), "md1", set(), "w")[0], "nothing was to go: nothing is proved"
    assert not proof_disks.lacks({}, "md1", {"order-9"}, "w")[0]


def test_both_sides_descend_or_the_claim_is_false() -> None:
    known: Any = Ancestry(("tip", "image"))
    assert proof_disks.descends(known, contents(), "md1", "image", "w")[0]
    assert not proof_disks.descends(known, contents(lineage="fork"), "md1", "image", "w")[0]
    assert not proof_disks.descends(known, contents(), "md1", "another", "w")[0]
    assert not proof_disks.descends(known, contents(), "md1", None, "w")[0]


# --- the volumes ---


def test_places_are_the_mirror_devices_of_the_nodes() -> None:
    def instance(name: str, **devices: str) -> dict[str, Any]:
        mappings = [{"DeviceName": f"/dev/{d}", "Ebs": {"VolumeId": v}} for d, v in devices.items()]
        return {"Name": name, "BlockDeviceMappings": mappings}

    found = {"instances": [instance("server1", sda1="vol-0", sdb="vol-1"), instance("other", sdb="vol-9")]}
    assert proof_volumes.places(found, ["server1", "server2"], ["/dev/sdb"]) == {("server1", "/dev/sdb"): "vol-1"}


def test_every_place_has_a_new_volume_of_the_snapshot() -> None:
    assert proof_volumes.exchanged(RESTORED, PLACES, NEW, "snap-1")[0]
    assert not proof_volumes.exchanged(RESTORED, PLACES, {**NEW, ("server2", "/dev/sdb"): "vol-2"}, "snap-1")[0]
    assert not proof_volumes.exchanged(RESTORED, PLACES, NEW, "snap-2")[0]
    assert not proof_volumes.exchanged(RESTORED, PLACES, {("server1", "/dev/sdb"): "vol-3"}, "snap-1")[0]
    assert not proof_volumes.exchanged(RESTORED, {}, {}, "snap-1")[0]
    assert not proof_volumes.exchanged(RESTORED, NEW, NEW, "snap-1")[0], "those of an earlier restore are not new"


def test_put_back_means_the_very_volumes_in_the_very_places() -> None:
    crossed = {("server1", "/dev/sdb"): "vol-2", ("server2", "/dev/sdb"): "vol-1"}
    assert proof_volumes.put_back(dict(PLACES), PLACES)[0]
    assert not proof_volumes.put_back(crossed, PLACES)[0]
    assert not proof_volumes.put_back(NEW, PLACES)[0]
    assert not proof_volumes.put_back({}, {})[0]


def test_a_volume_that_was_attached_must_stay() -> None:
    known = {"vol-1", "vol-2"}
    assert proof_volumes.none_deleted(RESTORED, known)[0]
    for state in ("deleting", "deleted", "error"):
        held, text = proof_volumes.none_deleted(ec2(volume("vol-1", state), volume("vol-2")), known)
        assert not held and "vol-1" in text
    assert not proof_volumes.none_deleted(ec2(volume("vol-1")), known)[0], "EC2 does not know it any more"
    never = volume("vol-5", "deleted", "snap-1", attached=False)
    assert proof_volumes.none_deleted(ec2(*RESTORED["volumes"], never), known)[0]


def test_fast_restore_is_compared_by_snapshot_and_zone() -> None:
    def seen(**states: str) -> set[tuple[str, str]]:
        pairs = [{"SnapshotId": "snap-1", "AvailabilityZone": z, "State": s} for z, s in states.items()]
        return proof_volumes.fast_restores({"fsr": pairs})

    assert seen(a="enabled", b="disabled", c="disabling") == {("snap-1", "a")}
    assert proof_volumes.as_found(seen(a="enabled"), seen(a="optimizing", b="disabled"))[0]
    assert not proof_volumes.as_found(seen(), seen(a="enabling"))[0]
    assert not proof_volumes.as_found(seen(a="enabled"), seen(a="disabled"))[0]


def replaced(**change: str) -> dict[str, Any]:
    rows = [
        {"node": "server1", "device": "/dev/sdb", "old": "vol-1", "new": "vol-3"},
        {"node": "server2", "device": "/dev/sdb", "old": "vol-2", "new": "vol-4", **change},
    ]
    return {"replaced": rows}


def test_the_report_names_what_went_and_what_came() -> None:
    assert proof_volumes.named(replaced(), PLACES, NEW, back=False)[0]
    assert not proof_volumes.named(replaced(old="vol-9"), PLACES, NEW, back=False)[0]
    assert not proof_volumes.named(replaced(new="vol-9"), PLACES, NEW, back=False)[0]
    assert not proof_volumes.named({"replaced": replaced()["replaced"][:1]}, PLACES, NEW, back=False)[0]
    assert not proof_volumes.named({}, PLACES, NEW, back=False)[0]
    assert proof_volumes.named(replaced(), NEW, PLACES, back=True)[0]
    assert not proof_volumes.named(replaced(), PLACES, NEW, back=True)[0]


def test_no_volume_lies_about_that_no_report_names() -> None:
    assert proof_volumes.accounted(RESTORED, [replaced()])[0]
    stray = ec2(*RESTORED["volumes"], volume("vol-7", attached=False))
    held, text = proof_volumes.accounted(stray, [replaced()])
    assert not held and "vol-7" in text
    assert proof_volumes.accounted(ec2(volume("vol-7", "deleted"), volume("vol-8", "in-use")), [])[0]
