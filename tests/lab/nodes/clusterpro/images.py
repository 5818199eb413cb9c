"""Control operation `image`: what a snapshot holds, read from its own bytes beside the quiesce point's."""

from __future__ import annotations

from typing import Any

from ... import context
from ...control import op
from ...ec2.model import store
from . import part
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
            if files is None:
                continue
            disks[spec.name] = {
                "files": {name: files.read(name).decode("utf-8", "replace") for name in files.files()},
                "digest": files.digest(),
                "lineage": files.header()["lineage"],
                "quiesce": part.cluster.mirrors[spec.name].quiesce,
            }
        return {"volume": found.volume_id, "disks": disks}
