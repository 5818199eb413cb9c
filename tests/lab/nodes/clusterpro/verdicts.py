"""Whether a snapshot of a mirror volume holds exactly the quiesce point's bytes, and came from a frozen disk."""

from __future__ import annotations

from typing import Any

from ...ec2.model import store
from .cluster import Cluster, Node
from .formatting import find_files, find_record
from .spec import DiskSpec


def owner_of(cluster: Cluster, volume_id: str) -> tuple[Node, str] | None:
    """(node, device) of an attached mirror volume."""
    for node in cluster.nodes.values():
        for device in cluster.spec.volumes():
            volume = node.host.attached(device)
            if volume is not None and volume.id == volume_id:
                return node, device
    return None


def judge_snapshot(cluster: Cluster, snapshot: Any) -> dict[str, Any] | None:
    """The verdict on a snapshot just made, None for volumes that no mirror uses.

    {snapshot_id, volume_id, node, lineage: {disk: tip}, quiesce_lineage: {disk: tip}, frozen: bool, reasons: [text]}
    """
    owner = owner_of(cluster, snapshot.volume_id)
    if owner is None:
        return None
    node, device = owner
    reasons = _power(node)
    lineage: dict[str, Any] = {}
    quiesced: dict[str, Any] = {}
    for spec in cluster.spec.volumes()[device]:
        tip, wanted, problems = _disk(cluster, node, spec, snapshot)
        lineage[spec.name], quiesced[spec.name] = tip, wanted
        reasons += [f"{spec.name}: {text}" for text in problems]
    return {
        "snapshot_id": snapshot.id,
        "volume_id": snapshot.volume_id,
        "node": node.name,
        "lineage": lineage,
        "quiesce_lineage": quiesced,
        "frozen": not reasons,
        "reasons": reasons,
    }


def _power(node: Node) -> list[str]:
    out = []
    instance = next((i for i in store.instances.values() if getattr(i, "machine", None) is _machine(node)), None)
    if node.host.state != "off":
        out.append(f"{node.name} was {node.host.state}")
    elif instance is not None and instance.state != "stopped":
        out.append(f"{node.name} was {instance.state}")
    if node.last_stop != "graceful":
        out.append(f"{node.name} had not shut down in good order")
    return out


def _machine(node: Node) -> Any:
    return getattr(node.host, "machine", node.host)


def _disk(cluster: Cluster, node: Node, spec: DiskSpec, snapshot: Any) -> tuple[Any, Any, list[str]]:
    out = []
    mirror = cluster.mirrors[spec.name]
    facts = mirror.breaks.get(node.name)
    quiesce = facts["quiesce"] if facts else mirror.quiesce
    files, record = find_files(snapshot.blocks, spec), find_record(snapshot.blocks, spec.name)
    if facts is None:
        out.append("the mirror was not isolated")
    elif not facts["quiet"]:
        out.append("the group was not offline at the break")
    flag = record["flag"] if record else None
    if not cluster.switches.flag_on_partition:
        flag = node.root_flags.get(spec.name)
    if flag != "ON":
        out.append("the backup flag was not ON")
    if files is None:
        return None, None, [*out, "the image holds no file system"]
    header = files.header()
    if header["mounted"] and not (quiesce and quiesce["how"] == "frozen"):
        out.append("the file system was in use")
    if quiesce is None:
        return header["lineage"], None, [*out, "there was no quiesce point"]
    if header["lineage"] != quiesce["lineage"]:
        out.append("its data id is not that of the quiesce point")
    elif files.digest() != quiesce["digest"]:
        out.append("its bytes are not those of the quiesce point")
    return header["lineage"], quiesce["lineage"], out
