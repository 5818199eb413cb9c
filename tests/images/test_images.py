"""The judge against images that other code has mutilated (mutilate.py): none is called clean, no sound one refused."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from images.asking import Ask, counted, never_clean, none_refused
from images.disks import SECTOR, Data, Ext4, Lvm, Xfs, castagnoli
from images.mutilate import BY_CHANCE, CLASSES, OF_FROZEN, Case, families, judged, not_judged, sound, wanted

# Of each class; test_images_more.py takes those that follow.
FEW, FEW_FROZEN = 20, 5


@pytest.mark.parametrize("kind", CLASSES)
def test_a_mutilated_image_is_never_clean(kind: str, ask: Ask) -> None:
    never_clean(kind, range(FEW), ask)


@pytest.mark.parametrize("kind", OF_FROZEN)
def test_a_mutilated_image_of_a_frozen_backup_is_never_clean(kind: str, ask: Ask) -> None:
    never_clean(kind, range(FEW_FROZEN), ask, "frozen")


@pytest.mark.parametrize("kind", BY_CHANCE)
def test_what_is_seen_by_chance_is_counted(kind: str, ask: Ask) -> None:
    counted(kind, range(FEW), ask)


def test_no_sound_image_is_refused(ask: Ask) -> None:
    none_refused(range(2 * FEW), ask)


@pytest.mark.parametrize("consistency", ["stopped", "frozen"])
def test_what_a_kernel_left_is_judged_as_it_is(consistency: str, ask: Ask) -> None:
    """Every state of every fixture, with the fingerprint of its own bytes, for either kind of backup."""
    wrong = []
    for family, states in families().items():
        for name, state in states.items():
            print_ = state.about["fingerprint"]
            case = Case("as it is", family, name, state.image, state.about, print_, consistency=consistency)
            found, right = ask(case, False), wanted(family, name, consistency)
            verdict = found["verdict"]
            if verdict != right and not (right == "unclean" and verdict not in ("clean", "not-judged")):
                wrong.append(f"{family} {name}: {found['sentence']}, and it is {right}")
    assert not wrong


def test_without_a_fingerprint_nothing_is_clean(ask: Ask) -> None:
    for case in sound(range(FEW)):
        case.fingerprint = None  # type: ignore[assignment]
        verdict = ask(case, False)
        assert (verdict["verdict"], verdict["reason"]) == ("not-judged", "no-fingerprint"), (case.family, case.what)


def _xfs_field(offset: int, change: int) -> Callable[[Case], None]:
    """Another value in XFS's superblock, with a checksum that fits."""

    def apply(case: Case) -> None:
        data = Data(case.image, case.about)
        sector = bytearray(data.read(0, SECTOR))
        sector[offset] ^= change
        sector[224:228] = bytes(4)
        sector[224:228] = struct.pack("<I", castagnoli(bytes(sector)) ^ 0xFFFFFFFF)
        data.write(0, bytes(sector))

    return apply


def _unmount_record(offset: int, value: bytes) -> Callable[[Case], None]:
    def apply(case: Case) -> None:
        xfs = Xfs(Data(case.image, case.about))
        xfs.data.write(xfs.log_at + xfs.unmount_record()[0] + offset, value)

    return apply


def _group_header(offset: int, value: bytes) -> Callable[[Case], None]:
    def apply(case: Case) -> None:
        xfs = Xfs(Data(case.image, case.about))
        xfs.data.write(xfs.headers()[2] + offset, value)

    return apply


def _ext4(offset: int, value: bytes) -> Callable[[Case], None]:
    return lambda case: Ext4(Data(case.image, case.about)).change(offset, value)


def _descriptor(case: Case) -> None:
    ext4 = Ext4(Data(case.image, case.about))
    ext4.data.write((1024 // ext4.block + 1) * ext4.block + 12, b"x")


def _extent_skipped(case: Case) -> None:
    """The second stretch begins an extent later, and is as long as before."""
    lvm = Lvm(case.image)
    found = re.findall(r"start_extent = (\d+)", lvm.volume("dp"))
    volume = lvm.volume("dp").replace(f"start_extent = {found[1]}", f"start_extent = {int(found[1]) + 1}")
    lvm.store(lvm.text.replace(lvm.volume("dp"), volume))


ONE_CHANGE: dict[str, tuple[str, Callable[[Case], None], str]] = {
    "a word of the unmount record": ("xfs-default", _unmount_record(SECTOR + 40, b"x"), "log-damaged"),
    "the record's file system": ("xfs-default", _unmount_record(304, b"another one"), "log-damaged"),
    "the record's place": ("xfs-default", _unmount_record(20, b"\0\0\0\1"), "log-damaged"),
    "two operations in it": ("xfs-default", _unmount_record(40, b"\0\0\0\2"), "log-damaged"),
    "XFS's count of free blocks": ("xfs-default", _xfs_field(151, 1), "torn"),
    "XFS's count of inodes": ("xfs-default", _xfs_field(135, 64), "torn"),
    "when XFS's superblock was changed": ("xfs-default", _xfs_field(243, 9), "torn"),
    "XFS's size": ("xfs-default", _xfs_field(13, 16), "superblock-damaged"),
    "XFS needs repair": ("xfs-default", _xfs_field(219, 0x10), "errors-noted"),
    "an unknown feature of XFS": ("xfs-default", _xfs_field(217, 1), "not-judged"),
    "a group's header": ("xfs-default", _group_header(53, b"x"), "groups-damaged"),
    "a group's header without checksums": ("xfs-v4", _group_header(52, b"\0\0\0\1"), "torn"),
    "an extent is skipped": ("xfs-lvm", _extent_skipped, "lvm-incomplete"),
    "ext4's size": ("ext4-default", _ext4(6, b"\1"), "larger-than-its-partition"),
    "ext4 has errors": ("ext4-default", _ext4(0x3A, b"\3"), "errors-noted"),
    "ext4 has orphans": ("ext4-default", _ext4(0xE8, b"\x0c"), "not-unmounted"),
    "an unknown feature of ext4": ("ext4-default", _ext4(0x63, b"\1"), "not-judged"),
    "a descriptor of ext4's": ("ext4-default", _descriptor, "groups-damaged"),
    "ext4's journal elsewhere": ("ext4-default", _ext4(0x10C + 20, b"\x07"), "log-damaged"),
}


@pytest.mark.parametrize("what", ONE_CHANGE)
def test_one_change_has_its_name(what: str, ask: Ask) -> None:
    """Each with a fingerprint of its own bytes, so that the structure alone speaks."""
    family, apply, wanted = ONE_CHANGE[what]
    state = families()[family]["later"]
    case = Case("one change", family, what, state.image.copy(), state.about)
    assert ask(case, alone=True)["verdict"] == "clean"
    apply(case)
    verdict = ask(case, alone=True)
    assert verdict["verdict"] == wanted, verdict["sentence"]


def test_what_cannot_be_judged_says_so(ask: Ask) -> None:
    seen = {}
    for case in not_judged():
        verdict = ask(case, False)
        assert verdict["verdict"] == "not-judged", (case.family, verdict)
        seen[case.family] = verdict["sentence"]
        case.fingerprint = "00" * 32
        assert ask(case, False)["verdict"] == "fingerprint-differs", case.family
    for family, word in {
        "btrfs": "btrfs",
        "luks": "LUKS",
        "swap": "swap",
        "xfs-external-log": "log is on another device",
        "xfs-realtime": "realtime",
        "ext4-external-journal": "journal is on another device",
        "ext4-journal-device": "journal of an ext4",
        "raw": "nothing that is known here",
    }.items():
        assert word in seen[family]


def test_the_fixtures_are_many_and_small() -> None:
    assert len([name for name in judged() if not name.startswith("kernel-")]) >= 12
    assert {"xfs-sector-4096", "xfs-no-bigtime", "xfs-no-reflink", "xfs-external-log"} <= families().keys()
    assert {"ext4-no-metadata-csum", "ext4-no-64bit", "ext4-bigalloc"} <= families().keys()
    kernels = {state.about["kernel"] for states in families().values() for state in states.values()} - {""}
    assert len(kernels) >= 2
    size = sum(path.stat().st_size for path in (Path(__file__).parent / "fixtures").iterdir())
    assert size <= 20 * 1024 * 1024
