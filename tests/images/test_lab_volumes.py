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
from lab.nodes.clusterpro.filesystem import FileSystem
from lab.nodes.clusterpro.formatting import format_volume, parts_of
from lab.nodes.clusterpro.spec import parse


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
def test_a_volume_of_the_lab_is_judged_by_its_own_bytes(judge: Judge, tmp_path: Path, kind: str, disks: int) -> None:
    named = [{"name": f"md{n}", "monitor": f"mdw{n}", "device": "/dev/sdb"} for n in range(1, disks + 1)]
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
