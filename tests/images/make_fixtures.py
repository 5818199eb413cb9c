"""Makes the images under tests/images/fixtures with the real tools and a real kernel. Not needed by any test.

    PYTHONPATH=tests python -m images.make_fixtures WORKDIR KERNEL.deb [KERNEL.deb …]

Needs root, e2fsprogs, xfsprogs, lvm2, fdisk, gdisk, btrfs-progs, cryptsetup-bin, busybox-static, kmod, cpio and
qemu-system-x86 of Debian, and a package linux-image-…-cloud-amd64 for each kernel: the first one makes all images, each
further one those that are named `kernel-…` after it.
The bytes differ each time (UUIDs, times); what they are does not.

States: `made` (by mkfs, never mounted), `mounted` (idle, all written), `load` (while files are written: what a loss of
power leaves), `frozen` (by fsfreeze), `unmounted`, `later` (mounted, written and unmounted again), `lost` (after a loss
of power, mounted, unmounted).
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from images.store import FINGERPRINTED, FIXTURES, State, load_file, save
from images.vm import Machine

MIB = 1024 * 1024
CLUSTER_AT, DATA_AT = 1 * MIB, 2 * MIB
NODE_BYTES = b"CLUSTER PARTITION OF A FIXTURE\0" * 16
LETTERS = "abcdefghijklmnopqrstuvwxyz"
WITHOUT_JOURNAL = ("ext4-no-journal", "ext2")


@dataclass
class Family:
    """One file system on one disk."""

    name: str
    kind: str
    mkfs: Sequence[str]
    mib: int
    table: str = "gpt"
    mount: str = ""
    # What the judge must say of its clean states.
    verdict: str = "clean"
    kernel: bool = True
    beside: list[str] = field(default_factory=list)


def _xfs(name: str, *options: str, **more: Any) -> Family:
    return Family(f"xfs-{name}", "xfs", ("mkfs.xfs", "-q", "-f", "-K", *options), more.pop("mib", 304), **more)


def _ext4(name: str, *options: str, **more: Any) -> Family:
    return Family(f"ext4-{name}", "ext4", ("mkfs.ext4", "-q", "-F", *options), more.pop("mib", 48), **more)


FAMILIES = (
    _xfs("default"),
    _xfs("sector-4096", "-s", "size=4096"),
    _xfs("no-bigtime", "-m", "bigtime=0,inobtcount=0", table="mbr"),
    _xfs("no-reflink", "-m", "reflink=0"),
    _xfs("v4", "-m", "crc=0"),
    _xfs("rmapbt", "-m", "rmapbt=1", "-i", "nrext64=1"),
    _xfs("block-1024", "-b", "size=1024"),
    _xfs("groups-16", "--unsupported", "-d", "agcount=16"),
    # Small, and long records or many: both go round.
    _xfs("log-round", "--unsupported", "-l", "size=8m,su=64k"),
    _xfs("log-round-short", "--unsupported", "-l", "size=6m,su=16k"),
    _xfs("log-256k", "-l", "su=256k"),
    _xfs("lvm", table="lvm"),
    _ext4("default", "-b", "4096"),
    _ext4("no-metadata-csum", "-b", "4096", "-O", "^metadata_csum,^metadata_csum_seed,^orphan_file"),
    _ext4("no-64bit", "-O", "^64bit,^metadata_csum,uninit_bg", table="mbr"),
    _ext4("bigalloc", "-b", "4096", "-O", "bigalloc", "-C", "65536"),
    _ext4("bigalloc-block-1024", "-b", "1024", "-O", "bigalloc", "-C", "16384"),
    _ext4("block-1024", "-b", "1024", "-I", "256"),
    _ext4("no-journal", "-O", "^has_journal"),
    _ext4("meta-bg", "-O", "meta_bg,^resize_inode"),
    _ext4("fast-commit", "-O", "fast_commit"),
    _ext4("no-seed", "-b", "4096", "-O", "^metadata_csum_seed,^orphan_file"),
    _ext4("lvm", "-b", "4096", table="lvm"),
    Family("ext3", "ext4", ("mkfs.ext3", "-q", "-F"), 48, mount="-t ext4"),
    Family("ext2", "ext4", ("mkfs.ext2", "-q", "-F"), 48, mount="-t ext4"),
)
# What has one state only: not judged.
OTHERS = (
    ("xfs-external-log", 304, "mkfs.xfs -q -f -K -l logdev={other} {part}"),
    ("xfs-realtime", 304, "mkfs.xfs -q -f -K -r rtdev={other} {part}"),
    ("ext4-external-journal", 48, "mke2fs -q -F -O journal_dev {other} && mkfs.ext4 -q -F -J device={other} {part}"),
    ("ext4-journal-device", 48, "mke2fs -q -F -O journal_dev {part}"),
    ("btrfs", 128, "mkfs.btrfs -q -f {part}"),
    ("luks", 48, "echo secret | cryptsetup -q luksFormat --pbkdf pbkdf2 --pbkdf-force-iterations 1000 {part} -"),
    ("swap", 16, "mkswap -q {part}"),
    ("raw", 16, "printf 'a database of its own' | dd of={part} conv=notrunc status=none"),
    ("empty", 16, "true"),
)


def run(*command: str, text: str | None = None) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, input=text).stdout


def table(disk: Path, kind: str, mib: int) -> None:
    """A cluster partition of 1 MiB and a data partition, or one for LVM."""
    with disk.open("wb") as file:
        file.truncate((mib + (8 if kind == "lvm" else 4)) * MIB)
    if kind == "lvm":
        # No extent is left beside those of `logical_volumes`, so that the data volume has to go into the gap.
        run("sfdisk", "-q", str(disk), text="label: gpt\nstart=2048, type=lvm\n")
        return
    label = {"gpt": "gpt", "mbr": "dos"}[kind]
    run("sfdisk", "-q", str(disk), text=f"label: {label}\nstart=2048, size=2048\nstart=4096, size={mib * 2048}\n")
    with disk.open("r+b") as file:
        file.seek(CLUSTER_AT)
        file.write(NODE_BYTES)


def saved_table(disk: Path) -> dict[str, Any]:
    """What sfdisk says of the table, in the judge's form."""
    found = json.loads(run("sfdisk", "--json", str(disk)))["partitiontable"]
    gpt = found["label"] == "gpt"

    def guid(text: str) -> str:
        a, b, c, d, e = text.split("-")
        return (
            "".join(bytes.fromhex(each)[::-1].hex() for each in (a, b, c)) + (bytes.fromhex(d) + bytes.fromhex(e)).hex()
        )

    partitions = [
        {
            "number": number,
            "first": each["start"],
            "sectors": each["size"],
            "kind": guid(each["type"]) if gpt else f"{int(each['type'], 16):02x}",
            "id": guid(each["uuid"]) if gpt else "",
        }
        for number, each in enumerate(found["partitions"], 1)
    ]
    return {"kind": "gpt" if gpt else "mbr", "partitions": partitions}


def make(family: Family, disk: Path) -> None:
    table(disk, family.table, family.mib)
    if family.table == "lvm":
        return
    part = disk.with_suffix(".part")
    with part.open("wb") as file:
        file.truncate(family.mib * MIB)
    run(*family.mkfs, str(part))
    run("dd", f"if={part}", f"of={disk}", f"seek={DATA_AT // MIB}", "bs=1M", "conv=notrunc,sparse", "status=none")
    part.unlink()


LVM = "lvm {} --config 'activation{{udev_sync=0 udev_rules=0}} devices{{use_devicesfile=0}}'"


def logical_volumes(machine: Machine, family: Family, part: str) -> str:
    """A data volume of two stretches, the second one before the first on the disk; its device."""
    group, size = f"vg_{family.name.replace('-', '_')}", family.mib
    for line in (
        f"pvcreate -y -q {part}",
        f"vgcreate -y -q -s 4M {group} {part}",
        f"lvcreate -y -q -W n -Z n -l 1 -n gap {group}",
        f"lvcreate -y -q -W n -Z n -l 1 -n cp {group}",
        f"lvcreate -y -q -W n -Z n -L {size - 4}M -n dp {group}",
        f"lvremove -y -q {group}/gap",
        f"lvextend -y -q -l +1 {group}/dp",
    ):
        machine.sh(LVM.format(line))
    machine.sh(f"echo {NODE_BYTES.split(bytes(1))[0].decode()!r} > /dev/{group}/cp; sync")
    machine.sh(" ".join((*family.mkfs, f"/dev/{group}/dp")))
    return f"/dev/{group}/dp"


class Disk:
    """A family's disk in the machine, and the states that it went through."""

    def __init__(self, family: Family, path: Path, letter: str, kernel: str) -> None:
        self.family, self.path, self.part, self.kernel = family, path, f"/dev/vd{letter}2", kernel
        self.states: dict[str, State] = {}
        self.lvm = family.table == "lvm"
        self.group = f"vg_{family.name.replace('-', '_')}"

    def places(self) -> dict[str, Any]:
        if self.lvm:
            return {"cluster": f"{self.group}/cp", "data": f"{self.group}/dp"}
        return {"cluster": 1, "data": 2}

    def keep(self, machine: Machine, name: str, clean: bool) -> None:
        print_of_lvm = ""
        if self.lvm:
            machine.sh("sync; echo 3 > /proc/sys/vm/drop_caches")
            print_of_lvm = machine.sh(f"dd if={self.part} bs=65536 count=1 2>/dev/null | sha256sum").split()[0]
        with machine.stopped():
            image = load_file(self.path)
        print_ = print_of_lvm or hashlib.sha256(image.read(DATA_AT, FINGERPRINTED)).hexdigest()
        about = {
            **self.places(),
            "file_system": self.family.kind,
            "verdict": self.family.verdict if clean else "unclean",
            "fingerprint": print_,
            "table": saved_table(self.path),
            "kernel": self.kernel,
            "data_at": None if self.lvm else DATA_AT,
            "data_size": self.family.mib * MIB,
        }
        self.states[name] = State(image, about)
        print(f"  {self.family.name} {name}: {len(image.pages)} pages", flush=True)

    def write(self, machine: Machine, name: str, files: int) -> None:
        if "log-round" in self.family.name:
            # Each sync ends a record, and each record takes a unit of the log.
            machine.sh("i=0; while [ $i -lt 450 ]; do touch /m/round$((i%5)); sync; i=$((i+1)); done")
        machine.sh(
            f"mkdir -p /m/{name}; i=0; while [ $i -lt {files} ]; do echo {name} $i > /m/{name}/$i; i=$((i+1)); done; "
            f"rm /m/{name}/*5; sync"
        )

    def go(self, machine: Machine) -> None:
        mount = f"mount {self.family.mount or '-t ' + self.family.kind} {self.part} /m"
        if self.lvm:
            self.part = logical_volumes(machine, self.family, self.part[:-1] + "1")
            mount = mount.replace(mount.split()[-2], self.part)
        machine.sh("sync")
        self.keep(machine, "made", True)
        machine.sh(mount)
        self.write(machine, "first", 120)
        machine.sh("sleep 1")
        self.keep(machine, "mounted", False)
        machine.sh(
            "(while [ ! -e /m/stop ]; do i=$((i+1)); echo $i > /m/load$((i%50)); rm -f /m/load$(((i+7)%50)); "
            "[ $((i%9)) != 0 ] || sync; done) & sleep 2"
        )
        if not self.lvm:
            self.keep(machine, "load", False)
        machine.sh("touch /m/stop; wait; rm /m/stop; sync")
        machine.sh("fsfreeze --freeze /m")
        # A frozen ext4 with a journal is clean by its own bytes; without one its state still says that it is mounted.
        if not self.lvm:
            self.keep(machine, "frozen", self.family.kind == "ext4" and self.family.name not in WITHOUT_JOURNAL)
        machine.sh("fsfreeze --unfreeze /m; umount /m")
        self.keep(machine, "unmounted", True)
        machine.sh(mount)
        self.write(machine, "later", 80)
        machine.sh("umount /m")
        self.keep(machine, "later", True)


def after_a_loss(package: Path, work: Path, disks: Sequence[Disk]) -> None:
    """`load`, mounted by a kernel that recovers it, and unmounted: `lost`."""
    for letter, disk in zip(LETTERS, disks, strict=False):
        disk.states["load"].image.save(disk.path)
        disk.part = f"/dev/vd{letter}2"
    machine = Machine(package, [disk.path for disk in disks], work)
    try:
        for disk in disks:
            machine.sh(f"mount {disk.family.mount or '-t ' + disk.family.kind} {disk.part} /m && umount /m")
            # Without a journal nothing is recovered: it counts as mounted until e2fsck has run.
            disk.keep(machine, "lost", disk.family.name not in WITHOUT_JOURNAL)
    finally:
        machine.kill()


def with_kernel(package: Path, families: Sequence[Family], work: Path, prefix: str) -> None:
    kernel = package.name.split("_")[0].removeprefix("linux-image-")
    disks = []
    for letter, family in zip(LETTERS, families, strict=False):
        path = work / f"{family.name}.img"
        make(family, path)
        disks.append(Disk(family, path, letter, kernel))
    machine = Machine(package, [disk.path for disk in disks], work / f"vm-{prefix}")
    try:
        for disk in disks:
            disk.go(machine)
    finally:
        machine.kill()
    again = [disk for disk in disks if not disk.lvm]
    if again:
        after_a_loss(package, work / f"vm-{prefix}-lost", again)
    for disk in disks:
        save(FIXTURES / f"{prefix}{disk.family.name}.xz", disk.states)
        disk.path.unlink()


def others(work: Path) -> None:
    for name, mib, command in OTHERS:
        disk, part, other = (work / f"{name}{each}" for each in (".img", ".part", ".other"))
        table(disk, "gpt", mib)
        for path, size in ((part, mib), (other, 80)):
            with path.open("wb") as file:
                file.truncate(size * MIB)
        if "journal" in name and "external" in name:
            # mkfs.ext4 takes a journal on a block device only.
            loop = run("losetup", "-f", "--show", str(other)).strip()
            subprocess.run(["sh", "-ec", command.format(part=part, other=loop)], check=True)
            run("losetup", "-d", loop)
        else:
            subprocess.run(["sh", "-ec", command.format(part=part, other=other)], check=True)
        run("dd", f"if={part}", f"of={disk}", f"seek={DATA_AT // MIB}", "bs=1M", "conv=notrunc,sparse", "status=none")
        image = load_file(disk)
        if name == "luks":
            # Its keys are 16 MiB of random bytes.
            image.zero(DATA_AT + 32 * 1024, mib * MIB - 32 * 1024)
        print_ = hashlib.sha256(image.read(DATA_AT, FINGERPRINTED)).hexdigest()
        about = {
            "cluster": 1,
            "data": 2,
            "file_system": "other",
            "verdict": "not-judged",
            "fingerprint": print_,
            "table": saved_table(disk),
            "kernel": "",
            "data_at": DATA_AT,
            "data_size": mib * MIB,
        }
        save(FIXTURES / f"{name}.xz", {"made": State(image, about)})
        for path in (disk, part, other):
            path.unlink()
        print(f"  {name}", flush=True)


def main(arguments: Sequence[str]) -> None:
    work, packages = Path(arguments[0]), [Path(each) for each in arguments[1:]]
    work.mkdir(parents=True, exist_ok=True)
    only = {"xfs-default", "xfs-no-reflink", "ext4-default", "ext4-no-seed"}
    for index, package in enumerate(packages):
        chosen = FAMILIES if index == 0 else [family for family in FAMILIES if family.name in only]
        version = ".".join(package.name.removeprefix("linux-image-").split(".")[:2])
        for part in range(0, len(chosen), 12):
            with_kernel(package, chosen[part : part + 12], work, "" if index == 0 else f"kernel-{version}-")
    others(work)


if __name__ == "__main__":
    main(sys.argv[1:])
