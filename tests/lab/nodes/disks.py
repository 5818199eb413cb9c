"""The block devices of a guest, as its kernel named them at its last boot: disks, partitions, logical volumes.

Xen keeps the letter of the attachment (/dev/sdb → xvdb) and shows no serial. Nitro numbers NVMe devices in the order
in which they answer, which may change at any boot, and shows the volume id without its hyphen as the serial.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .lsblk import lsblk
from .shell_commands import host_tool
from .socket import Command, Exec, NodeCall, Result

if TYPE_CHECKING:
    from .machine import Machine

MIB, GIB = 1 << 20, 1 << 30


@dataclass(frozen=True)
class Part:
    size: int | None  # bytes; None: all that is left
    mountpoint: str = ""


@dataclass(frozen=True)
class Layout:
    """What is written on a disk: partitions, or (with `vg`) a physical volume over the whole disk with `lvs`."""

    parts: tuple[Part, ...] = ()
    vg: str = ""
    lvs: tuple[tuple[str, int | None], ...] = ()  # name, bytes (None: all that is left)


ROOT_LAYOUT = Layout((Part(MIB), Part(None, "/")))
MIRROR_LAYOUT = Layout((Part(GIB), Part(None)))  # cluster partition, data partition, as in the seed
BLANK = Layout()


def lvm_layout(vg: str, cluster_lv: str, data_lv: str) -> Layout:
    """A mirror disk whose two partitions are logical volumes: /dev/mapper/<vg>-<lv>, which keep their names."""
    return Layout(vg=vg, lvs=((cluster_lv, GIB), (data_lv, None)))


@dataclass
class Block:
    """One block device; `start` and `size` are bytes on `disk`'s volume."""

    name: str  # as lsblk shows it
    kname: str  # the kernel's: dm-0
    path: str  # /dev/xvdb1, /dev/mapper/vg-lv
    type: str  # disk, part, lvm
    disk: Disk
    start: int
    size: int
    majmin: str
    mountpoint: str = ""
    parent: Block | None = field(default=None, repr=False)
    children: list[Block] = field(default_factory=list, repr=False)


@dataclass
class Disk:
    name: str  # xvdb, nvme1n1
    volume: Any  # ec2.volumes.Volume
    serial: str | None
    device: str  # the attachment's: /dev/sdb
    layout: Layout
    block: Block | None = field(default=None, repr=False)

    def blocks(self) -> list[Block]:
        """The disk itself, then what is on it."""
        return [self.block, *self.block.children] if self.block else []


def platform_of(instance_id: str) -> str:
    from ..ec2.model import store

    instance = store.instances.get(instance_id)
    return instance.platform if instance else "xen"


def _attached(instance_id: str) -> list[tuple[str, Any]]:
    """(device, volume) of the instance's attachments, root first."""
    from ..ec2.model import store

    instance = store.instances.get(instance_id)
    if instance is None:
        return []
    here = [a for a in instance.attachments.values() if a.state in ("attached", "busy")]
    here.sort(key=lambda a: (a.device != instance.root_device, a.device))
    return [(a.device, store.volumes[a.volume_id]) for a in here]


def at_boot(machine: Machine, *, rename: bool) -> list[Disk]:
    """What the kernel finds now; with `rename` (Nitro), the data disks in another order than the usual one."""
    from .. import context

    with context.lab.lock:
        attached = _attached(machine.instance_id)
        nitro = machine.platform() == "nitro"
        order = list(range(len(attached)))
        if nitro and rename:
            order[1:] = _permuted(order[1:])
        disks = []
        for index, (device, volume) in enumerate(attached):
            if nitro:
                name, serial, major = f"nvme{order[index]}n1", volume.id.replace("-", ""), 259
            else:
                letters = re.sub(r"\d+$", "", device.rsplit("/", 1)[-1])
                name, serial, major = "xvd" + re.sub(r"^(sd|xvd|hd)", "", letters), None, 202
            layout = getattr(volume, "layout", None) or machine.layouts.get(device)
            layout = layout or (ROOT_LAYOUT if index == 0 else MIRROR_LAYOUT)
            disks.append(Disk(name, volume, serial, device, layout))
            disks[-1].block = _block(disks[-1], major, 16 * index)
    dm = 0
    for disk in disks:  # device mapper numbers go across all disks
        for block in disk.blocks():
            if block.type == "lvm":
                block.kname, block.majmin = f"dm-{dm}", f"253:{dm}"
                dm += 1
    return disks


def _permuted(items: list[int]) -> list[int]:
    """Another order, if there is one; a single data disk gets a number that it never had."""
    if len(items) == 1:
        return [items[0] + 1]
    return items[1:] + items[:1]


def _block(disk: Disk, major: int, minor: int) -> Block:
    size = disk.volume.gib * GIB
    whole = Block(disk.name, disk.name, f"/dev/{disk.name}", "disk", disk, 0, size, f"{major}:{minor}")
    at = MIB
    for number, part in enumerate(disk.layout.parts, 1):
        length = part.size if part.size is not None else size - at - MIB
        name = f"{disk.name}p{number}" if disk.name[-1].isdigit() else f"{disk.name}{number}"
        ids = f"{major}:{minor + number}"
        child = Block(name, name, f"/dev/{name}", "part", disk, at, length, ids, part.mountpoint, whole)
        whole.children.append(child)
        at += length
    for lv, wanted in disk.layout.lvs:
        length = wanted if wanted is not None else size - at - MIB
        name = f"{disk.layout.vg.replace('-', '--')}-{lv.replace('-', '--')}"
        whole.children.append(Block(name, "", f"/dev/mapper/{name}", "lvm", disk, at, length, "", "", whole))
        at += length
    return whole


def links(disks: list[Disk]) -> dict[str, Block]:
    """Every path of every device: kernel names, /dev/mapper, /dev/<vg>/<lv>, /dev/disk/by-id."""
    out: dict[str, Block] = {}
    for disk in disks:
        for block in disk.blocks():
            out.setdefault(f"/dev/{block.kname}", block)
            if block.type == "lvm":
                out.setdefault(block.path, block)
                lv = next(lv for lv, _ in disk.layout.lvs if block.name.endswith("-" + lv.replace("-", "--")))
                out.setdefault(f"/dev/{disk.layout.vg}/{lv}", block)
            elif disk.serial:
                part = f"-part{disk.block.children.index(block) + 1}" if block.type == "part" and disk.block else ""
                out.setdefault(f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{disk.serial}{part}", block)
    return out


def resolve(machine: Machine, path: str) -> Block | None:
    """The block device behind a path of the node, links followed; None if there is none."""
    return links(machine.disks()).get(re.sub("/+", "/", path))


def _in_dev(machine: Machine, path: str) -> str | None:
    block = resolve(machine, path)
    return f"/dev/{block.kname}" if block else None


def _readlink(machine: Machine) -> Command:
    """`readlink` and `realpath` for /dev; anything else is the host's own tool's."""

    def run(call: NodeCall) -> Result | Exec:
        options = [a for a in call.argv[1:] if a.startswith("-")]
        paths = [a for a in call.argv[1:] if not a.startswith("-")]
        if not any(p.startswith("/dev/") for p in paths):
            tool = host_tool(call.name)
            return Exec(tool, call.argv) if tool else Result(127, "", f"{call.name}: command not found\n")
        follow = call.name == "realpath" or any(re.match(r"-[a-z]*[fem]|--canon", o) for o in options)
        must_exist = any(re.match(r"-[a-z]*e|--canonicalize-existing", o) for o in options)
        out, err, rc = "", "", 0
        for path in paths:
            target = _in_dev(machine, path)
            if follow and target:
                out += target + "\n"
            elif follow and not must_exist and path.count("/") == 2:
                out += path + "\n"  # the last component of a path need not exist
            elif not follow and target and target != path:
                out += "../" * (path.count("/") - 2) + target.removeprefix("/dev/") + "\n"
            else:
                rc = 1
                if call.name == "realpath":
                    err += f"realpath: {path}: No such file or directory\n"
        return Result(rc, out, err)

    return run


def commands(machine: Machine) -> dict[str, Command]:
    def blk(call: NodeCall) -> Result:
        return lsblk(call.argv[1:], machine.disks(), lambda path: resolve(machine, path))

    out: dict[str, Callable[[NodeCall], Result | Exec]] = {"lsblk": blk}
    out["readlink"] = out["realpath"] = _readlink(machine)
    return out
