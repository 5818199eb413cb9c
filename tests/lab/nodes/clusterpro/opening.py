"""The mirror agent opens its partitions: what it finds under the configured paths, and what that does to the disks.

Starting the mirror on another disk than its own is how clusters lose data when device names have changed: as the seed
warns, the agent writes its structures there (switch wrong_disk: destroy | gray).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .cluster import Node
from .devices import Extent, resolve
from .filesystem import FileSystem
from .mirror import Side
from .partition import ClusterPartition
from .spec import DiskSpec

if TYPE_CHECKING:
    from .cluster import Cluster

MISSING, WRONG, BLANK = "missing", "wrong disk", "not initialised"


def locate(node: Node, spec: DiskSpec) -> tuple[ClusterPartition, FileSystem, Extent, Extent] | None:
    """The partitions under the configured paths on the running node; None if a path leads nowhere."""
    disks = node.host.disks()
    cp, dp = resolve(disks, spec.cluster_partition[node.name]), resolve(disks, spec.data_partition[node.name])
    if cp is None or dp is None:
        return None
    return (
        ClusterPartition(cp.blocks, cp.first, cp.end, spec.name),
        FileSystem(dp.blocks, dp.first, dp.end),
        cp,
        dp,
    )


def inspect(node: Node, spec: DiskSpec) -> str:
    """ "" if the paths lead to this mirror disk's own partitions, else MISSING, BLANK or WRONG."""
    found = locate(node, spec)
    if found is None:
        return MISSING
    cp, _, cluster_part, data_part = found
    if cp.record() is not None:
        return "" if cluster_part.volume is data_part.volume else WRONG
    used = data_part.blocks.used(data_part.first, data_part.end)
    return BLANK if cp.blank() and not used else WRONG


def open_sides(cluster: Cluster, node: Node) -> None:
    """Fill `node.sides`; what cannot be opened is GRAY, and the event log says so."""
    for spec in cluster.spec.disks:
        problem = inspect(node, spec)
        if problem == WRONG and cluster.switches.wrong_disk == "destroy":
            destroy(cluster, node, spec)
        if problem:
            node.troubles[spec.name] = problem
            text = f"Failed to load the resource({spec.name}): {problem}."
            cluster.event(node, "mdagent", 5, text)
            continue
        found = locate(node, spec)
        assert found is not None
        cp, files, cluster_part, _ = found
        node.sides[spec.name] = Side(cp, files, cluster_part.volume)


def destroy(cluster: Cluster, node: Node, spec: DiskSpec) -> None:
    """The mirror's own structures land on somebody else's partitions, over whatever was there."""
    found = locate(node, spec)
    assert found is not None
    for part in found[2:]:
        for number in part.blocks.used(part.first, part.end) or [part.first]:
            part.blocks.put(number, b"DESTROYED ".ljust(4096, b"\xde"))
    volumes = sorted({part.volume.id for part in found[2:]})
    cluster.note("destroyed", node=node.name, disk=spec.name, volumes=volumes, paths=[p.path for p in found[2:]])
