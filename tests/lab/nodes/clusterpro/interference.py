"""Control operations for what the oracles have to notice, or have to take as given."""

from __future__ import annotations

from typing import Any

from ... import context
from ...control import op
from . import freezing, part
from .formatting import find_files


@op("tamper")
def tamper(node: str, disk: str | None = None) -> dict[str, Any]:
    """Somebody writes other bytes into the first file on one node's disk, past the mirror. {volume, file}.

    The file's checksum fits, and neither the mirror's record nor the data id moves: only the other side's bytes tell.
    """
    with context.lab.lock:
        if node not in part.cluster.nodes:
            raise ValueError(f"no node {node!r}; there are {', '.join(part.cluster.nodes)}")
        spec = part.mirror_of(disk, None).spec
        volume = part.cluster.nodes[node].host.attached(spec.device)
        files = find_files(volume.blocks, spec) if volume is not None else None
        names = files.files() if files else []
        if files is None or not names:
            raise ValueError(f"{spec.name} of {node} holds no file whose bytes could be changed")
        data = files.read(names[0])
        files.forge(names[0], bytes(byte ^ 0xFF for byte in data))
        context.lab.record.add("fault", action="fired", subject="tamper", node=node, volume=volume.id, file=names[0])
        return {"volume": volume.id, "file": names[0]}


@op("monitor_failure")
def monitor_failure(group: str) -> dict[str, Any]:
    """A monitor of CLUSTERPRO's own finds the application dead: the daemon fails the group over. {node}: from here."""
    with context.lab.lock:
        if group not in part.cluster.groups:
            raise ValueError(f"no group {group!r}; there are {', '.join(part.cluster.groups)}")
        found = part.cluster.groups[group]
        online = [node for node, status in found.status.items() if status == "online"]
        if not online:
            raise ValueError(f"{group} is online nowhere, so no monitor of it runs")
        part.cluster.group_control.fail_over(found, part.cluster.nodes[online[0]])
        context.lab.record.add("fault", action="fired", subject="monitor", node=online[0], group=group)
        return {"node": online[0]}


@op("fsr_found")
def fsr_found() -> None:
    """Fast snapshot restore as it is now is how it was found: oracle 2 compares with this from here on."""
    with context.lab.lock:
        part.oracles.find_fsr()


@op("freeze")
def freeze_op(disk: str | None = None, frozen: bool = True) -> bool:
    """Somebody else freezes, or thaws, the file system of a mirror disk. Whether it was so."""
    with context.lab.lock:
        mirror = part.mirror_of(disk, None)
        node = part.active_of(mirror)
        return freezing.begin(mirror, node, freezing.SOMEBODY) is not None if frozen else freezing.thaw(mirror, node)


@op("dirty")
def dirty_op(seconds: float, again: float = 0.0, disk: str | None = None) -> None:
    """A flush of the file system takes so long now, and so long after each `sync`."""
    with context.lab.lock:
        mirror = part.mirror_of(disk, None)
        mirror.dirty_seconds, mirror.dirty_again = float(seconds), float(again)
