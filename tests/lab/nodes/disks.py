"""The block devices of a guest, as its kernel named them at its last boot: disks, partitions, logical volumes.

Xen keeps the letter of the attachment (/dev/sdb → xvdb) and shows no serial. Nitro numbers NVMe devices in the order
in which they answer, which may change at any boot, and shows the volume id without its hyphen as the serial.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..ec2.blocks import SIZE
from .clusterpro import layout
from .lsblk import lsblk
from .shell_commands import host_tool
from .socket import Command, Exec, NodeCall, Result

if TYPE_CHECKING:
    from .machine import Machine

MIB, GIB = 1 << 20, 1 << 30


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
    link: str = ""  # /dev/<vg>/<lv>
    partuuid: str = ""
    parent: Block | None = field(default=None, repr=False)
    children: list[Block] = field(default_factory=list, repr=False)


@dataclass
class Disk:
    name: str  # xvdb, nvme1n1
    volume: Any  # ec2.volumes.Volume
    serial: str | None
    device: str  # the attachment's: /dev/sdb
    vg: str = ""  # of the physical volume on it
    block: Block | None = field(default=None, repr=False)

    def blocks(self) -> list[Block]:
        """The disk itself, then what is on it."""
        return [self.block, *self.block.children] if self.block else []


def platform_of(instance_id: str) -> str:
    from ..ec2.model import store

    instance = store.instances.get(instance_id)
    return instance.platform if instance else "xen"


def attached(instance_id: str) -> list[tuple[str, Any]]:
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
        found = attached(machine.instance_id)
        nitro = machine.platform() == "nitro"
        order = list(range(len(found)))
        if nitro and rename:
            order[1:] = _permuted(order[1:])
        disks = []
        for index, (device, volume) in enumerate(found):
            if nitro:
                name, serial, major = f"nvme{order[index]}n1", volume.id.replace("-", ""), 259
            else:
                letters = re.sub(r"\d+$", "", device.rsplit("/", 1)[-1])
                name, serial, major = "xvd" + re.sub(r"^(sd|xvd|hd)", "", letters), None, 202
            disks.append(Disk(name, volume, serial, device))
            disks[-1].block = _block(disks[-1], major, 16 * index, root=index == 0)
    _activate(disks)
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


def _block(disk: Disk, major: int, minor: int, *, root: bool) -> Block:
    """The disk with its partitions, as the table in its own bytes says; the root disk's bytes are not modelled."""
    size = disk.volume.gib * GIB
    whole = Block(disk.name, disk.name, f"/dev/{disk.name}", "disk", disk, 0, size, f"{major}:{minor}")
    parts = [
        (p.name, p.first * SIZE, (p.end - p.first) * SIZE, "", p.uuid) for p in layout.partitions(disk.volume.blocks)
    ]
    if root and not parts:
        parts = [("1", MIB, MIB, "", ""), ("2", 2 * MIB, size - 3 * MIB, "/", "")]
    for number, start, length, mountpoint, partuuid in parts:
        name = f"{disk.name}p{number}" if disk.name[-1].isdigit() else f"{disk.name}{number}"
        ids = f"{major}:{minor + int(number)}"
        whole.children.append(
            Block(name, name, f"/dev/{name}", "part", disk, start, length, ids, mountpoint, "", partuuid, whole)
        )
    return whole


def _activate(disks: list[Disk]) -> None:
    """Logical volumes of the volume groups found; one that is there twice (a volume and its copy) stays inactive."""
    groups = [(d, vg) for d in disks if (vg := layout.volume_group(d.volume.blocks))]
    for disk, vg in groups:
        disk.vg = vg.name
        if not disk.block or sum(o.pv_uuid == vg.pv_uuid or o.name == vg.name for _, o in groups) > 1:
            continue
        for lv in vg.volumes:
            name = f"{vg.name.replace('-', '--')}-{lv.name.replace('-', '--')}"  # device mapper doubles the hyphens
            path, length = f"/dev/mapper/{name}", (lv.end - lv.first) * SIZE
            block = Block(name, "", path, "lvm", disk, lv.first * SIZE, length, "", parent=disk.block)
            block.link = f"/dev/{vg.name}/{lv.name}"
            disk.block.children.append(block)


def links(disks: list[Disk]) -> dict[str, Block]:
    """Every path of every device: kernel names, /dev/mapper, /dev/<vg>/<lv>, /dev/disk/by-id, /dev/disk/by-partuuid."""
    out: dict[str, Block] = {}
    for disk in disks:
        for block in disk.blocks():
            out.setdefault(f"/dev/{block.kname}", block)
            if block.partuuid:
                out.setdefault(f"/dev/disk/by-partuuid/{block.partuuid}", block)
            if block.type == "lvm":
                out.setdefault(block.path, block)
                out.setdefault(block.link, block)
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


def diskstats(disks: list[Disk]) -> str:
    """/proc/diskstats: the completed writes (field 8) are those of the device's own blocks; nothing else is counted."""
    rows = []
    for disk in disks:
        for block in disk.blocks():
            major, minor = block.majmin.split(":")
            writes = disk.volume.blocks.writes(block.start // SIZE, (block.start + block.size) // SIZE)
            rows.append(f"{major:>4} {minor:>7} {block.kname} 0 0 0 0 {writes} 0 {writes * SIZE // 512} 0 0 0 0\n")
    return "".join(rows)


def _dd(machine: Machine) -> Command:
    """`dd` from or to a whole disk that is named by its volume's id, plugged in since the boot or before; one block or
    more, padded where `conv` says so; and from any other block device. Anything else is the host's own tool's."""

    def volume(path: str) -> Any:
        serial = path.rpartition("nvme-Amazon_Elastic_Block_Store_")[2]
        return next((v for _, v in attached(machine.instance_id) if v.id.replace("-", "") == serial), None)

    def run(call: NodeCall) -> Result | Exec:
        from .. import context

        given = dict(word.partition("=")[::2] for word in call.argv[1:])
        source, target = given.get("if", ""), given.get("of", "")
        block = None if "of" in given else resolve(machine, source)
        if block is not None and block.type != "disk":
            length = int(given.get("bs", "512")) * int(given.get("count", "1"))
            return Result(0, block.disk.volume.blocks.read(block.start, min(length, block.size)))
        if not (source.startswith("/dev/disk/") or target.startswith("/dev/disk/")):
            tool = host_tool(call.name)
            return Exec(tool, call.argv) if tool else Result(127, "", f"{call.name}: command not found\n")
        size, count = int(given.get("bs", "512")), int(given.get("count", "1"))
        disk = volume(source if source.startswith("/dev/disk/") else target)
        if disk is None:
            return Result(1, "", f"dd: failed to open '{source or target}': No such file or directory\n")
        with context.lab.lock:
            if source.startswith("/dev/disk/"):
                return Result(0, disk.blocks.read(int(given.get("skip", "0")) * size, count * size))
            data = (Path(call.cwd) / source).read_bytes()[: count * size]
            disk.blocks.write(int(given.get("seek", "0")) * size, data.ljust(size, b"\0"))
            return Result()

    return run


def _df(machine: Machine, paths: list[str]) -> str:
    """`df -Pk`: one row a path, with nothing left where the fault `disk_full` was."""
    free = 0 if machine.disk_full else 7_000_000
    rows = [f"/dev/xvda2 10475520 {10_475_520 - free} {free} {100 - free // 104_756}% {path}\n" for path in paths]
    return "Filesystem 1024-blocks Used Available Capacity Mounted on\n" + "".join(rows)


def _lvmdevices(machine: Machine) -> Result:
    """The LVM devices file of RHEL 9, if there is one."""
    if machine.lvm_devices == "all":
        return Result(5, "", "  Devices file not found.\n")
    lines = []
    for disk in machine.disks():
        if disk.vg:
            kind = "sys_wwid" if machine.lvm_devices == "serial" else "devname"
            name = f"nvme.1d0f-{disk.serial}" if kind == "sys_wwid" else f"/dev/{disk.name}"
            lines.append(
                f"  Device /dev/{disk.name} IDTYPE={kind} IDNAME={name} DEVNAME=/dev/{disk.name} PVID={disk.vg}\n"
            )
    return Result(0, "".join(lines))


def commands(machine: Machine) -> dict[str, Command]:
    def blk(call: NodeCall) -> Result:
        return lsblk(call.argv[1:], machine.disks(), lambda path: resolve(machine, path))

    out: dict[str, Callable[[NodeCall], Result | Exec]] = {"lsblk": blk}
    out["df"] = lambda call: Result(0, _df(machine, [a for a in call.argv[1:] if not a.startswith("-")]))
    out["lvmdevices"] = lambda call: _lvmdevices(machine)
    out["readlink"] = out["realpath"] = _readlink(machine)
    out["dd"] = _dd(machine)
    return out
