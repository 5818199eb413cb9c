"""Control operations that read bytes: a snapshot's beside those of the quiesce point, and those of each node's disk."""

from __future__ import annotations

from typing import Any

from ... import context
from ...control import op
from ...ec2.model import store
from . import part
from .filesystem import FileSystem
from .formatting import find_files


@op("image")
def image(snapshot: str) -> dict[str, Any]:
    """{volume, disks: {name: {files: {name: text}, digest, lineage, quiesce: {t, node, lineage, digest} or None}}}.

    `digest` is over the data partition's bytes, as is the quiesce point's, which was taken when the group's file
    system was last unmounted in good order.
    """
    with context.lab.lock:
        found = store.snapshots.get(snapshot)
        if found is None:
            raise ValueError(f"no snapshot {snapshot!r}")
        disks = {}
        for spec in part.cluster.spec.disks:
            files = find_files(found.blocks, spec)
            if files is not None:
                disks[spec.name] = {**_read(files), "quiesce": part.cluster.mirrors[spec.name].quiesce}
        return {"volume": found.volume_id, "disks": disks}


@op("contents")
def contents() -> dict[str, Any]:
    """{node: {disk: {volume, files: {name: text}, digest, lineage}}} of the volumes attached now, of all nodes at one
    moment. A disk whose volume is missing or holds no file system is left out."""
    with context.lab.lock:
        out: dict[str, Any] = {}
        for node in part.cluster.nodes.values():
            out[node.name] = {}
            for spec in part.cluster.spec.disks:
                volume = node.host.attached(spec.device)
                files = find_files(volume.blocks, spec) if volume is not None else None
                if files is not None:
                    out[node.name][spec.name] = {"volume": volume.id, **_read(files)}
        return out


@op("descends")
def descends(tip: str, ancestor: str) -> bool:
    """Whether the bytes of lineage `tip` are those of `ancestor` or came out of them by later changes."""
    with context.lab.lock:
        return part.cluster.descends(tip, ancestor)


def _read(files: FileSystem) -> dict[str, Any]:
    return {
        "files": {name: files.read(name).decode("utf-8", "replace") for name in files.files()},
        "digest": files.digest(),
        "lineage": files.header()["lineage"],
    }
