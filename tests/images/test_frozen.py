"""What a freeze leaves of XFS and ext4, and what only looks like it: changes of the fixtures `frozen`, each with
checksums that fit and with a fingerprint of its own bytes, so that the structure alone speaks."""

from __future__ import annotations

import struct
from collections.abc import Callable

import pytest

from images.asking import Ask
from images.disks import SECTOR, Data, Ext4, Xfs, castagnoli
from images.mutilate import Case, families

HEADER = 328  # of a record, as 64-bit kernels count it into the checksum
# In a record's data: the transaction's begin, its header, and then the buffer's item.
ITEM = 12 + 12 + 16 + 12


class Record:
    """The last record of a log."""

    def __init__(self, xfs: Xfs) -> None:
        self.xfs = xfs
        self.at, self.size, self.cycle = xfs.unmount_record()

    def read(self) -> bytearray:
        return bytearray(self.xfs.data.read(self.xfs.log_at + self.at, self.size))

    def write(self, record: bytearray, at: int | None = None) -> None:
        """With a checksum that fits; `at`: elsewhere in the log, and said to be there."""
        where = self.at if at is None else at
        struct.pack_into(">I", record, 20, where // SECTOR)
        (length,) = struct.unpack_from(">I", record, 12)
        (capacity,) = struct.unpack_from(">I", record, 320)
        headers = max(1, -(-capacity // 32768))
        record[32:36] = bytes(4)
        crc = castagnoli(bytes(record[:HEADER]))
        for further in range(1, headers):
            crc = castagnoli(bytes(record[further * SECTOR : further * SECTOR + 260]), crc)
        crc = castagnoli(bytes(record[headers * SECTOR : headers * SECTOR + length]), crc)
        struct.pack_into("<I", record, 32, crc ^ 0xFFFFFFFF)
        self.xfs.data.write(self.xfs.log_at + where, bytes(record))


def _record(offset: int, value: bytes, of_data: bool = True) -> Callable[[Case], None]:
    def apply(case: Case) -> None:
        last = Record(Xfs(Data(case.image, case.about)))
        record = last.read()
        at = offset + (SECTOR if of_data else 0)
        record[at : at + len(value)] = value
        last.write(record)

    return apply


def _tail_sectors_before(sectors: int) -> Callable[[Case], None]:
    """As if a recovery had to begin so much earlier."""

    def apply(case: Case) -> None:
        last = Record(Xfs(Data(case.image, case.about)))
        record = last.read()
        cycle, block = struct.unpack_from(">II", record, 24)
        struct.pack_into(">II", record, 24, cycle, block - sectors)
        last.write(record)

    return apply


def _tail_behind(case: Case) -> None:
    last = Record(Xfs(Data(case.image, case.about)))
    record = last.read()
    struct.pack_into(">II", record, 24, last.cycle + 1, 0)
    last.write(record)


def _before_linux_5_12(case: Case) -> None:
    """An unmounted one, and behind its unmount record the superblock once more, with a tail before that record."""
    xfs = Xfs(Data(case.image, case.about))
    unmount = Record(xfs)
    (before,) = struct.unpack_from(">I", unmount.read(), 36)
    covering = bytearray(xfs.data.read(xfs.log_at + before * SECTOR, unmount.at - before * SECTOR))
    assert len(covering) + unmount.at + unmount.size < xfs.log_size
    struct.pack_into(">II", covering, 24, unmount.cycle, before)
    struct.pack_into(">I", covering, 36, unmount.at // SECTOR)
    unmount.write(covering, unmount.at + unmount.size)


def _counted(offset: int, change: int) -> Callable[[Case], None]:
    """Another count in XFS's superblock."""

    def apply(case: Case) -> None:
        data = Data(case.image, case.about)
        sector = bytearray(data.read(0, SECTOR))
        (count,) = struct.unpack_from(">Q", sector, offset)
        struct.pack_into(">Q", sector, offset, count + change)
        sector[224:228] = bytes(4)
        sector[224:228] = struct.pack("<I", castagnoli(bytes(sector)) ^ 0xFFFFFFFF)
        data.write(0, bytes(sector))

    return apply


def _ext4(offset: int, value: bytes) -> Callable[[Case], None]:
    return lambda case: Ext4(Data(case.image, case.about)).change(offset, value)


def _nothing(case: Case) -> None:
    pass


CHANGES: dict[str, tuple[str, str, Callable[[Case], None], str]] = {
    "nothing, Linux 6.1": ("xfs-default", "frozen", _nothing, "clean"),
    "nothing, Linux 6.12": ("kernel-6.12-xfs-default", "frozen", _nothing, "clean"),
    "as before Linux 5.12": ("xfs-default", "unmounted", _before_linux_5_12, "clean"),
    "another place than the superblock's": ("xfs-default", "frozen", _record(ITEM + 8, b"\x08"), "not-as-frozen"),
    "an inode": ("xfs-default", "frozen", _record(ITEM, struct.pack("<H", 0x123B)), "not-as-frozen"),
    "no transaction's header": ("xfs-default", "frozen", _record(24, b"x"), "not-as-frozen"),
    "of no transaction": ("xfs-default", "frozen", _record(8, b"\x01"), "not-as-frozen"),
    "an item that has no end": ("xfs-default", "frozen", _record(ITEM + 2, b"\x09"), "not-as-frozen"),
    "more operations than there are": ("xfs-default", "frozen", _record(41, b"\x01", of_data=False), "not-as-frozen"),
    "a big-endian processor's": ("xfs-default", "frozen", _record(303, b"\x02", of_data=False), "not-judged"),
    "a recovery that begins behind the end": ("xfs-default", "frozen", _tail_behind, "log-damaged"),
    "one inode more": ("xfs-default", "frozen", _counted(128, 64), "torn"),
    "one free inode less": ("xfs-default", "frozen", _counted(136, -1), "torn"),
    "free blocks that are kept back": ("xfs-default", "frozen", _counted(144, -1), "clean"),
    "more kept back than may be": ("xfs-default", "frozen", _counted(144, -20000), "torn"),
    "more free blocks than there are": ("xfs-default", "frozen", _counted(144, 20000), "torn"),
    "a file that was deleted while it is open": ("ext4-default", "frozen", _ext4(0xE8, b"\x0c"), "clean"),
    "a file of orphans": ("ext4-default", "frozen", _ext4(0x66, b"\x01"), "clean"),
    "orphans that are being worked off": ("ext4-default", "frozen", _ext4(0x3A, b"\x05"), "not-as-frozen"),
    "ext4 that needs recovery": ("ext4-default", "mounted", _nothing, "not-as-frozen"),
    "ext4 that was not left in order": ("ext4-default", "frozen", _ext4(0x3A, b"\0"), "not-as-frozen"),
    "ext4 with errors": ("ext4-default", "frozen", _ext4(0x3A, b"\3"), "errors-noted"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_a_freeze_leaves_and_what_it_does_not(what: str, ask: Ask) -> None:
    family, name, apply, right = CHANGES[what]
    state = families()[family][name]
    case = Case("frozen", family, what, state.image.copy(), state.about, consistency="frozen")
    apply(case)
    found = ask(case, alone=True)
    assert found["verdict"] == right, found["sentence"]


def test_a_recovery_that_begins_earlier_is_not_what_a_freeze_leaves(ask: Ask) -> None:
    """Wherever it would begin: at the record before the superblock's, or within one."""
    state = families()["xfs-default"]["frozen"]
    for sectors in (1, 2, 8, 64, 200):
        what = f"{sectors} earlier"
        case = Case("frozen", "xfs-default", what, state.image.copy(), state.about, consistency="frozen")
        _tail_sectors_before(sectors)(case)
        verdict = ask(case, alone=True)["verdict"]
        assert verdict in ("not-as-frozen", "log-damaged"), (sectors, verdict)
