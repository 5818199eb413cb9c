"""Images that nobody may call clean, made from sound ones by a seed; and sound ones that nobody may refuse.

Each mutilated image is judged with the fingerprint that the active would have recorded for the sound one, and once more
with a fingerprint of its own bytes (`alone`), which says what the structures show without it. Those of a frozen backup
begin with what a kernel's freeze left. It shares no code with the judge.
"""

from __future__ import annotations

import hashlib
import random
import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from images.disks import SECTOR, Data, Ext4, Lvm, Table, Xfs
from images.store import FINGERPRINTED, FIXTURES, Image, State, load

CLEAN = ("made", "unmounted", "later", "lost")
WITHOUT_JOURNAL = ("ext4-no-journal", "ext2")


@dataclass
class Case:
    """One image and what is asked of it."""

    kind: str
    family: str
    what: str
    image: Image
    about: dict[str, Any]
    fingerprint: str = ""
    with_table: bool = True
    consistency: str = "stopped"

    def request(self, path: str, alone: bool = False) -> dict[str, Any]:
        own = self.own_fingerprint() if alone else self.fingerprint
        about = self.about
        saved = about["table"] if self.with_table else None
        return {
            "image": path,
            "cluster": about["cluster"],
            "data": about["data"],
            "fingerprint": own,
            "table": saved,
            "consistency": self.consistency,
        }

    def own_fingerprint(self) -> str:
        try:
            first = Data(self.image, self.about).read(0, FINGERPRINTED)
        except AssertionError:  # LVM's metadata are gone
            return self.fingerprint
        return hashlib.sha256(first).hexdigest()


@cache
def families() -> dict[str, dict[str, State]]:
    return {path.stem: load(path) for path in sorted(FIXTURES.glob("*.xz"))}


def judged() -> list[str]:
    """The families that can be clean."""
    return [
        name for name, states in families().items() if any(each.about["verdict"] == "clean" for each in states.values())
    ]


def wanted(family: str, name: str, consistency: str) -> str:
    """What the judge has to say of a state as it is; `unclean`: any reason against it."""
    about = families()[family][name].about
    known = about["verdict"]
    if consistency == "stopped" or known == "not-judged":
        return known
    if family in WITHOUT_JOURNAL:
        # It says the same of itself while it is frozen and while it is in use.
        return "clean" if known == "clean" else "not-judged"
    # A frozen ext4 and an unmounted one say the same of themselves. An XFS says which it is.
    clean = name == "frozen" if about["file_system"] == "xfs" else known == "clean"
    return "clean" if clean else "not-as-frozen"


def _clean(family: str, consistency: str) -> list[str]:
    names = CLEAN if consistency == "stopped" else ("frozen",)
    states = families()[family]
    return [name for name in names if name in states and wanted(family, name, consistency) == "clean"]


class Dice(random.Random):
    """A seed's random numbers, and what kind of backup the image is of."""

    def __init__(self, seed: str, consistency: str) -> None:
        super().__init__(seed)
        self.consistency = consistency


@dataclass
class Draw:
    """One sound image to begin with."""

    random: Dice
    family: str
    state: str
    image: Image
    about: dict[str, Any]
    notes: list[str] = field(default_factory=list)

    @property
    def data(self) -> Data:
        return Data(self.image, self.about)

    @property
    def is_xfs(self) -> bool:
        return self.about["file_system"] == "xfs"

    def junk(self, length: int) -> bytes:
        return self.random.randbytes(length)

    def other(self, states: tuple[str, ...]) -> State:
        """Another state of the same disk."""
        found = families()[self.family]
        names = [name for name in states if name in found and name != self.state]
        name = self.random.choice(names)
        self.notes.append(f"and {name}")
        return found[name]


def draw(rng: Dice, fits: Callable[[dict[str, Any]], bool] = lambda about: True) -> Draw:
    while True:
        family = rng.choice(judged())
        states, clean = families()[family], _clean(family, rng.consistency)
        if not clean:
            continue
        state = rng.choice(clean)
        about = states[state].about
        if fits(about):
            return Draw(rng, family, state, states[state].image.copy(), about)


def _like(about: dict[str, Any], data: bytes, image: Image) -> None:
    """The data partition's bytes of another disk."""
    target = Data(image, about)
    target.zero(0, target.size)
    target.write(0, data)


def torn_set(rng: Dice) -> Draw:
    """A set of two disks, the second one of which is from another moment."""
    made = draw(rng)
    made.image = made.other(("unmounted", "later", "made", "lost")).image.copy()
    return made


def older_image(rng: Dice) -> Draw:
    made = draw(rng)
    while made.state == "made":
        made = draw(rng)
    older = CLEAN[: CLEAN.index(made.state)]
    made.image = made.other(older).image.copy()
    return made


def swapped_partition(rng: Dice) -> Draw:
    made = draw(rng, lambda about: about["data_at"] is not None)
    which = rng.randrange(3)
    table = Table(made.image, made.about["table"]["kind"])
    if which == 0:
        table.store({1: table.entry(2), 2: table.entry(1)})
        made.notes.append("the table's entries")
    elif which == 1:
        # The configuration says so, or the node does.
        made.about = {**made.about, "cluster": 2, "data": 1, "table": None}
        made.notes.append("the configuration")
    else:
        other = draw(rng, lambda about: about["data_at"] is not None)
        while other.family == made.family or other.about["data_size"] > made.about["data_size"]:
            other = draw(rng, lambda about: about["data_at"] is not None)
        offset = made.about["data_at"] // 4096
        made.image.zero(made.about["data_at"], made.about["data_size"])
        last = (other.about["data_at"] + other.about["data_size"]) // 4096
        for number, page in other.image.pages.items():
            if offset <= number < last:
                made.image.pages[number] = page
        made.notes.append(f"the data of {other.family}")
    return made


def foreign_volume(rng: Dice) -> Draw:
    made, other = draw(rng), draw(rng)
    while other.family == made.family:
        other = draw(rng)
    made.notes.append(f"is {other.family} {other.state}")
    # Asked as the backup has it; that the table fits would be chance, so it is not asked.
    made.about = {**other.about, "fingerprint": made.about["fingerprint"], "table": None}
    made.image = other.image
    return made


def truncated_log(rng: Dice) -> Draw:
    made = draw(rng)
    if not made.is_xfs:
        while made.is_xfs or not Ext4(made.data).journaled:
            made = draw(rng)
        ext4, which = Ext4(made.data), rng.randrange(3)
        if which == 0:
            made.data.zero(ext4.journal, ext4.block)
        elif which == 1:
            made.data.write(ext4.journal, made.junk(rng.randrange(16, 1024)))
        else:
            made.image.size = (made.data.places(ext4.journal, 1)[0][0]) // SECTOR * SECTOR
            made.image.zero(made.image.size, 1 << 40)
        made.notes.append(("zeros", "junk", "the end of the volume")[which])
        return made
    xfs = Xfs(made.data)
    at, size, _ = xfs.unmount_record()
    which = rng.randrange(5)
    if which == 0:
        made.data.zero(xfs.log_at, xfs.log_size)
    elif which == 1:
        # From within the last record on.
        cut = at + rng.randrange(size // SECTOR) * SECTOR
        made.data.zero(xfs.log_at + cut, xfs.log_size - cut)
    elif which == 2:
        # Some records before it too.
        cut = max(0, at - rng.randrange(1, 200) * SECTOR)
        made.data.zero(xfs.log_at + cut, xfs.log_size - cut)
        # Where the log begins with that record, or what is left ends in an older unmount, an older log is left.
        made.notes.append(f"at {cut}")
    elif which == 3:
        made.image.size = made.data.places(xfs.log_at + at + rng.randrange(size), 1)[0][0] // SECTOR * SECTOR
        made.image.zero(made.image.size, 1 << 40)
    else:
        made.data.zero(xfs.log_at + at, SECTOR)
    made.notes.append(("all of it", "in the last record", "before it", "the end of the volume", "one sector")[which])
    return made


def _record(xfs: Xfs, made: Draw) -> None:
    """One more record behind the unmount record: the file system was mounted again."""
    at, size, cycle = xfs.unmount_record()
    begin = at + size
    if begin + 2 * SECTOR > xfs.log_size:
        begin, cycle = 0, cycle + 1
    header = bytearray(SECTOR)
    sequence = (cycle, begin // SECTOR)
    struct.pack_into(">IIIIII", header, 0, 0xFEEDBABE, cycle, 2, SECTOR, *sequence)
    struct.pack_into(">IIII", header, 24, *sequence, 0, at // SECTOR)
    struct.pack_into(">I", header, 40, 2)
    struct.pack_into(">I", header, 300, 1)
    header[304:320] = xfs.uuid
    struct.pack_into(">I", header, 320, 32768)
    body = bytearray(made.junk(SECTOR))
    struct.pack_into(">I", body, 0, cycle)
    # A transaction's operation, in place of an unmount.
    struct.pack_into(">IBBH", body, 4, 100, 0x69, 0x01, 0)
    made.data.write(xfs.log_at + begin, bytes(header + body))


def dirty_log(rng: Dice) -> Draw:
    if rng.random() < 0.5:
        # As a kernel left it, with the fingerprint of just these bytes.
        while True:
            family = rng.choice(judged())
            states = families()[family]
            names = [name for name in states if wanted(family, name, rng.consistency) in ("unclean", "not-as-frozen")]
            if rng.consistency == "frozen":
                names = [name for name in names if name not in CLEAN]
            if names:
                break
        name = rng.choice(names)
        return Draw(rng, family, name, states[name].image.copy(), states[name].about)
    made = draw(rng)
    if made.is_xfs:
        if rng.random() < 0.5 and made.about["data_at"] is not None:
            log = Xfs(made.data)
            dirty = made.other(("load", "mounted"))
            source = Data(dirty.image, dirty.about)
            made.data.write(log.log_at, source.read(log.log_at, log.log_size))
            made.notes.append("the log of it")
        else:
            _record(Xfs(made.data), made)
            made.notes.append("one more record")
        return made
    ext4, which = Ext4(made.data), rng.randrange(3)
    if which == 0 or not ext4.journaled:
        ext4.change(0x3A, b"\0\0")
    elif which == 1:
        incompatible = made.data.read(1024 + 0x60, 1)[0]
        ext4.change(0x60, bytes([incompatible | 4]))
    else:
        ext4.change_journal(28, struct.pack(">I", rng.randrange(1, 100)))
    made.notes.append(("state", "needs_recovery", "the journal's start")[which])
    return made


def superblock(rng: Dice) -> Draw:
    """Zeroed, or older."""
    made, which = draw(rng), rng.randrange(3)
    at, size = (0, SECTOR) if made.is_xfs else (1024, 1024)
    if which == 0:
        made.data.zero(at, size)
    elif which == 1:
        made.data.zero(0, rng.choice((4096, 65536, 524288)))
    else:
        older = made.other(("made", "unmounted", "later", "lost"))
        made.data.write(at, Data(older.image, older.about).read(at, size))
    made.notes.append(("zeroed", "zeroed with what follows", "of another state")[which])
    return made


def shifted_partition(rng: Dice) -> Draw:
    made = draw(rng, lambda about: about["data_at"] is not None)
    table = Table(made.image, made.about["table"]["kind"])
    which, sectors = rng.randrange(3), rng.choice((1, 2, 7, 8, 63, 64, 128, 1024, 2048))
    if which == 0:
        table.store({2: table.shifted(2, sectors)})
    elif which == 1:
        table.store({1: table.shifted(1, sectors % 1024 or 1)})
    else:
        start, length = made.about["data_at"], made.about["data_size"]
        kept = made.image.copy()
        made.image.zero(start, length)
        for number, page in kept.pages.items():
            if start <= number * 4096 < start + length - sectors * SECTOR - 4096:
                made.image.write(number * 4096 + sectors * SECTOR, page)
    made.notes.append(f"{('the data', 'the cluster', 'the bytes')[which]} by {sectors}")
    return made


def lv_missing_extent(rng: Dice) -> Draw:
    made = draw(rng, lambda about: about["data_at"] is None)
    lvm = Lvm(made.image)
    volume, which = lvm.volume("dp"), rng.randrange(6)
    segments = lvm.number("segment_count", volume)
    if which == 0:
        changed = volume.replace(f"segment_count = {segments}", f"segment_count = {segments + rng.randrange(1, 4)}")
        lvm.store(lvm.text.replace(volume, changed))
    elif which == 1:
        count = lvm.number("extent_count", volume)
        fewer = volume.replace(f"extent_count = {count}", f"extent_count = {rng.randrange(1, count)}", 1)
        lvm.store(lvm.text.replace(volume, fewer))
    elif which == 2:
        # Only the first stretch is left.
        first = volume.replace(f"segment_count = {segments}", "segment_count = 1")
        lvm.store(lvm.text.replace(volume, first))
    elif which == 3:
        count = lvm.number("pe_count")
        lvm.store(lvm.text.replace(f"pe_count = {count}", f"pe_count = {rng.randrange(1, 4)}"))
    elif which == 4:
        made.image.size -= rng.randrange(5, 40) * 1024 * 1024
        made.image.zero(made.image.size, 1 << 40)
    else:
        start, length = rng.choice(lvm.stretches("dp")[:1])
        made.image.zero(start, min(length, rng.randrange(1, 20) * 4 * 1024 * 1024))
    kinds = ("a segment", "extents of a segment", "all but one segment", "the volume's", "the disk's end", "zeros")
    made.notes.append(kinds[which])
    return made


def _checked(made: Draw) -> list[int]:
    """Sectors of the disk whose every byte is covered by a checksum that is looked at, as bytes."""
    found = [place for at in range(0, FINGERPRINTED, SECTOR) for place, _ in made.data.places(at, SECTOR)]
    sectors = found[:: max(1, len(found) // 8)]
    if made.about["table"]["kind"] == "gpt":
        sectors += [SECTOR, 2 * SECTOR, 9 * SECTOR]
    if made.is_xfs:
        xfs = Xfs(made.data)
        at, _, _ = xfs.unmount_record()
        inside = [xfs.log_at + at]
        if xfs.version & 0xF == 5:
            inside += [each for each in xfs.headers() if each]
        sectors += [place for each in inside for place, _ in made.data.places(each, SECTOR)]
    else:
        ext4 = Ext4(made.data)
        inside = [ext4.journal] if ext4.journaled else []
        if ext4.group_sums and not ext4.meta_groups:
            inside.append((1024 // ext4.block + 1) * ext4.block)
        sectors += [place for each in inside for place, _ in made.data.places(each, SECTOR)]
    if made.about["data_at"] is None:
        lvm = Lvm(made.image)
        sectors += [lvm.AT + SECTOR, lvm.AT + 4096, lvm.AT + 4096 + lvm.offset]
    return sectors


def stray_inside(rng: Dice) -> Draw:
    """A sector of something else where a checksum is looked at."""
    made = draw(rng)
    at = rng.choice(_checked(made))
    made.image.write(at, made.junk(SECTOR))
    made.notes.append(f"at byte {at}")
    return made


def _random_place(made: Draw) -> int:
    """Somewhere in the data partition behind the fingerprint, mostly where something is."""
    pages = [number * 4096 for number in made.image.pages if number * 4096 >= 2 * 1024 * 1024 + FINGERPRINTED]
    if pages and made.random.random() < 0.8:
        return made.random.choice(pages)
    return made.random.randrange(2 * 1024 * 1024 + FINGERPRINTED, made.image.size - 64 * 1024) // SECTOR * SECTOR


def stray_outside(rng: Dice) -> Draw:
    """A sector of something else anywhere: mostly nobody looks there."""
    made = draw(rng)
    for _ in range(rng.randrange(1, 4)):
        made.image.write(_random_place(made), made.junk(SECTOR))
    return made


def torn_image(rng: Dice) -> Draw:
    """From some block on from another moment, as if blocks of two snapshots were mixed."""
    made = draw(rng)
    other = made.other(("made", "unmounted", "later", "lost"))
    cut = rng.randrange(4 * 1024 * 1024, made.image.size, 512 * 1024) // 4096
    kept = {number: page for number, page in made.image.pages.items() if number < cut}
    made.image.pages = kept | {number: page for number, page in other.image.pages.items() if number >= cut}
    return made


# What may never be called clean.
CLASSES: dict[str, Callable[[Dice], Draw]] = {
    "torn set": torn_set,
    "swapped partition": swapped_partition,
    "foreign volume": foreign_volume,
    "truncated log": truncated_log,
    "dirty log": dirty_log,
    "zeroed or older superblock": superblock,
    "older image": older_image,
    "shifted partition": shifted_partition,
    "logical volume with a missing extent": lv_missing_extent,
    "stray sector where a checksum is": stray_inside,
}
# Of these, what a frozen backup's image may be: no fixture is an LVM's or older than another one that is frozen.
OF_FROZEN = tuple(each for each in CLASSES if each not in ("older image", "logical volume with a missing extent"))
# What the structures show without a fingerprint.
SEEN_ALONE = ("truncated log", "dirty log", "shifted partition", "logical volume with a missing extent")
# What is seen by chance: counted, and no promise.
BY_CHANCE: dict[str, Callable[[Dice], Draw]] = {
    "stray sectors anywhere": stray_outside,
    "blocks of two moments": torn_image,
}


def _changed(case: Draw) -> bool:
    """Whether the mutilation did anything: an older state may have the same bytes in one place."""
    sound = families()[case.family][case.state]
    same = case.image.pages == sound.image.pages and case.image.size == sound.image.size
    is_sound = case.state in _clean(case.family, case.random.consistency)
    return not same or case.about is not sound.about or not is_sound


def mutilated(kind: str, seed: int, consistency: str = "stopped") -> Case:
    """Number `seed` of a class."""
    make = {**CLASSES, **BY_CHANCE}[kind]
    for attempt in range(100):
        dice = Dice(f"{kind} {seed} {attempt}", consistency)
        made = make(dice)
        if _changed(made):
            what = " ".join((made.state, *made.notes))
            print_ = made.about["fingerprint"]
            return Case(kind, made.family, what, made.image, made.about, print_, consistency=consistency)
    raise AssertionError(f"{kind} {seed} changes nothing")


def sound(numbers: Iterable[int]) -> Iterator[Case]:
    """Sound images: each clean state as it is, then with what an operator may have done."""
    every = [(name, state) for name in judged() for state in _clean(name, "stopped")]
    for number in numbers:
        (family, name), turn = every[number % len(every)], number // len(every)
        state = families()[family][name]
        rng, image, what = random.Random(number), state.image.copy(), name
        if turn:
            which = rng.randrange(3)
            if which == 0:
                # A volume that grew: the GPT's second copy is where it was.
                image.size += rng.randrange(1, 4000) * 1024 * 1024
                what = f"{name}, grown"
            elif which == 1 and state.about["data_at"] is not None:
                image.write(1024 * 1024 + rng.randrange(0, 1000) * SECTOR, rng.randbytes(SECTOR))
                what = f"{name}, another cluster partition"
            elif state.about["data_at"] is not None:
                end = state.about["data_at"] + state.about["data_size"]
                image.write(end, rng.randbytes(4096))
                what = f"{name}, something behind the partition"
        yield Case("sound", family, what, image, state.about, state.about["fingerprint"], with_table=number % 3 != 0)


def not_judged() -> Iterator[Case]:
    for family, states in families().items():
        for name, state in states.items():
            if state.about["verdict"] == "not-judged":
                yield Case("not judged", family, name, state.image, state.about, state.about["fingerprint"])
