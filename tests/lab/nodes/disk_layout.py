"""`sfdisk -d` and LVM's reports of a guest's disks, as far as describe asks for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .clusterpro import layout
from .socket import Command, NodeCall, Result

if TYPE_CHECKING:
    from .disks import Disk
    from .machine import Machine

SECTOR = 512


def _table(disk: Disk) -> str | None:
    """The partition table as `sfdisk -d` of util-linux 2.32 dumps it; None if the disk has none."""
    blocks = disk.volume.blocks
    kinds = {part.name: part.kind for part in layout.partitions(blocks)}
    parts = [each for each in (disk.block.children if disk.block else []) if each.type == "part"]
    if not kinds:
        return None
    head = f"label: gpt\nlabel-id: {layout.table_id(blocks).upper()}\ndevice: /dev/{disk.name}\nunit: sectors\n"
    head += f"first-lba: 34\nlast-lba: {blocks.size // SECTOR - 34}\nsector-size: {SECTOR}\n\n"
    rows = [
        f"{part.path} : start={part.start // SECTOR:12}, size={part.size // SECTOR:12}, "
        f"type={kinds[str(number)].upper()}, uuid={part.partuuid.upper()}\n"
        for number, part in enumerate(parts, 1)
    ]
    return head + "".join(rows)


def _report(disks: list[Disk], name: str) -> str:
    """One row for each object, in bytes."""
    rows = []
    for disk in (each for each in disks if each.vg and each.block):
        assert disk.block
        if name == "pvs":
            rows.append(f"  {disk.vg} {disk.serial or disk.name} {disk.block.size}B\n")
        elif name == "vgs":
            rows.append(f"  {disk.vg} {disk.vg} 4194304B {disk.block.size}B\n")
        else:
            volumes = [each for each in disk.block.children if each.type == "lvm"]
            rows += [f"  {disk.vg} {each.name.rpartition('-')[2]} {each.size}B linear\n" for each in volumes]
    return "".join(rows)


def commands(machine: Machine) -> dict[str, Command]:
    def sfdisk(call: NodeCall) -> Result:
        if call.argv[1:2] != ["-d"] or len(call.argv) != 3:
            return Result(1, "", "sfdisk: the lab knows `sfdisk -d DISK`\n")
        found = [disk for disk in machine.disks() if f"/dev/{disk.name}" == call.argv[2]]
        if not found:
            return Result(1, "", f"sfdisk: cannot open {call.argv[2]}: No such file or directory\n")
        table = _table(found[0])
        if table is None:
            return Result(1, "", f"sfdisk: {call.argv[2]}: does not contain a recognized partition table\n")
        return Result(0, table)

    def report(call: NodeCall) -> Result:
        if "--readonly" not in call.argv:
            return Result(5, "", f"{call.name}: the lab's reports take no locks: --readonly\n")
        return Result(0, _report(machine.disks(), call.name))

    return {"sfdisk": sfdisk, "pvs": report, "vgs": report, "lvs": report}
