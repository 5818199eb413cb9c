"""The lab's own mirror volumes are images that the judge takes for what they are: tables, LVM, and whether the file
system is mounted, frozen or unmounted. So a backup in the lab is really proved."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from images.judge import Judge
from images.judge import judge as started
from lab.ec2.blocks import SIZE, Blocks
from lab.nodes.clusterpro import xfs
from lab.nodes.clusterpro.filesystem import FileSystem
from lab.nodes.clusterpro.formatting import format_volume, parts_of
from lab.nodes.clusterpro.spec import parse

SECTOR = xfs.SECTOR


@pytest.fixture(scope="module")
def judge() -> Iterator[Judge]:
    with started() as asked:
        yield asked


def saved(blocks: Blocks, path: Path) -> Path:
    with path.open("wb") as file:
        file.truncate(blocks.size)
        for number in blocks.used():
            file.seek(number * SIZE)
            file.write(blocks.block(number))
    return path


@pytest.mark.parametrize("disks", [1, 2])
@pytest.mark.parametrize("kind", ["raw", "lvm"])
@pytest.mark.parametrize("file_system", ["ext4", "xfs"])
def test_a_volume_of_the_lab_is_judged_by_its_own_bytes(
    judge: Judge, tmp_path: Path, file_system: str, kind: str, disks: int
) -> None:
    named = [
        {"name": f"md{n}", "monitor": f"mdw{n}", "device": "/dev/sdb", "file_system": file_system}
        for n in range(1, disks + 1)
    ]
    spec = parse({"layout": kind, "mirror_disks": named})
    blocks = Blocks(spec.disks[0].size_gib)
    format_volume(blocks, spec.disks, kind, "server1", "pair")
    for disk in spec.disks:
        _, data = parts_of(blocks, disk)
        files = FileSystem(blocks, data.first, data.end)
        place: Any = f"vg_{spec.disks[0].name}/{disk.name}_" if kind == "lvm" else 2 * disk.index + 1
        asked = (
            {"cluster": f"{place}cp", "data": f"{place}dp"} if kind == "lvm" else {"cluster": place, "data": place + 1}
        )

        def verdict(fingerprint: str, consistency: str = "stopped", asked: dict[str, Any] = asked) -> str:
            image = saved(blocks, tmp_path / "image")
            asked = {"image": str(image), "fingerprint": fingerprint, "consistency": consistency, **asked}
            return judge(asked)["verdict"]

        def first(data: Any = data) -> str:
            return hashlib.sha256(blocks.read(data.first * SIZE, 65536)).hexdigest()

        assert verdict(first()) == "clean"
        files.mutate("a1", mounted="server1")
        files.write("hello", b"world", "a2")
        assert (verdict(first()), verdict(first(), "frozen")) == ("not-unmounted", "not-as-frozen")
        files.mutate("a3", mounted="server1", frozen=True)
        frozen = first()
        assert verdict(frozen, "frozen") == "clean"
        files.mutate("a3", mounted="server1")
        assert (verdict(frozen, "frozen"), verdict(first(), "frozen")) == ("not-as-frozen", "not-as-frozen")
        files.mutate("a3", mounted=None)
        quiet = first()
        assert verdict(quiet) == "clean"
        files.mutate("a4", mounted="server1")
        files.mutate("a5", mounted=None)
        assert verdict(quiet) == "fingerprint-differs" and verdict(first()) == "clean"


class Xfs:
    """A lab's XFS on a volume of its own, and the judge's verdict on its bytes as they are."""

    def __init__(self, judge: Judge, path: Path, gib: int = 3) -> None:
        self.judge, self.path = judge, path
        spec = parse({"mirror_disks": [{"name": "md1", "size_gib": gib, "file_system": "xfs"}]})
        self.blocks = Blocks(gib)
        format_volume(self.blocks, spec.disks, "raw", "server1", "pair")
        _, self.data = parts_of(self.blocks, spec.disks[0])
        self.files = FileSystem(self.blocks, self.data.first, self.data.end)

    def verdict(self, consistency: str = "stopped", fingerprint: str | None = None) -> str:
        first = fingerprint or self.fingerprint()
        asked = {"fingerprint": first, "consistency": consistency, "cluster": 1, "data": 2}
        return self.judge({"image": str(saved(self.blocks, self.path)), **asked})["verdict"]

    def fingerprint(self) -> str:
        return hashlib.sha256(self.blocks.read(self.data.first * SIZE, 65536)).hexdigest()

    def stray(self, at: int, data: bytes = b"stray") -> None:
        """Somebody writes past the mirror, at a place within the file system."""
        self.blocks.write(self.data.first * SIZE + at, data)


def test_stray_writes_show_in_the_structures_of_the_labs_xfs(judge: Judge, tmp_path: Path) -> None:
    log = xfs.LOG_AT * SIZE
    for at, found in [
        (130, "superblock-damaged"),
        (SECTOR + 54, "groups-damaged"),
        (2 * SECTOR + 18, "groups-damaged"),
        (log + xfs.SLOT * SECTOR + 3 * SECTOR + 20, "log-damaged"),
    ]:
        volume = Xfs(judge, tmp_path / "image")
        volume.files.mutate("a1", mounted=None)
        assert volume.verdict() == "clean"
        volume.stray(at)
        assert volume.verdict() == found, at
    # Nobody reads what files hold.
    volume = Xfs(judge, tmp_path / "image")
    volume.stray((xfs.FIRST_DATA + 1000) * SIZE)
    assert volume.verdict() == "clean"


def test_a_queue_that_was_not_drained_shows_in_the_labs_xfs(judge: Judge, tmp_path: Path) -> None:
    volume = Xfs(judge, tmp_path / "image")
    unmounted = volume.blocks.copy()
    volume.files.mutate("a1", mounted="server1")
    mounted = volume.blocks.copy()
    volume.files.write("hello", b"world", "a2")
    volume.files.mutate("a3", mounted=None)
    active, quiet = volume.blocks, volume.fingerprint()
    for standby, found, alone in [
        (active, "clean", "clean"),
        (mounted, "not-unmounted", "not-unmounted"),
        # Clean by itself, and of another moment.
        (unmounted, "fingerprint-differs", "clean"),
    ]:
        volume.blocks = standby
        volume.files = FileSystem(standby, volume.data.first, volume.data.end)
        assert (volume.verdict(fingerprint=quiet), volume.verdict()) == (found, alone)


def test_the_log_of_the_labs_xfs_goes_round(judge: Judge, tmp_path: Path) -> None:
    volume = Xfs(judge, tmp_path / "image")
    slots = xfs.LOG_SECTORS // xfs.SLOT
    header = volume.files.header()
    for number in range(slots):
        _, log = xfs.SHAPE.now(volume.data.end - volume.data.first, {**header, "mutations": number})
        for at, data in log:
            volume.blocks.write(volume.data.first * SIZE + at, data)
    for number in (slots - 1, slots, slots + 1):
        for state, clean in [
            ({"mounted": None}, "stopped"),
            ({"mounted": "server1", "frozen": True}, "frozen"),
            ({"mounted": "server1", "frozen": False}, None),
        ]:
            volume.files._store({**header, "mutations": number, **state}, {})
            assert [how for how in ("stopped", "frozen") if volume.verdict(how) == "clean"] == [clean] * bool(clean)


def test_an_xfs_of_the_lab_has_a_group_in_each_tib(judge: Judge, tmp_path: Path) -> None:
    volume = Xfs(judge, tmp_path / "image", gib=3000)
    assert volume.verdict() == "clean"
    volume.stray(2 * xfs.MOST_OF_GROUP * SIZE + SECTOR + 54)
    assert volume.verdict() == "groups-damaged"
