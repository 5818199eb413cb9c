"""The lab's own EC2 and EBS: instances, volumes, attachments, snapshots and fast snapshot restore.

States take time, errors are AWS's, describes can be stale, bytes are real. Everything else of EC2 stays ministack's.
"""

from . import api, encryption


def install() -> None:
    # each registers its actions or control operations
    from . import (  # noqa: F401
        attachments,
        controls,
        fsr_calls,
        instance_attributes,
        instance_calls,
        instance_describe,
        run_instances,
        snapshot_calls,
        snapshot_create,
        snapshot_describe,
        snapshot_locks,
        snapshot_tiers,
        surroundings,
        tags,
        volume_calls,
        volume_describe,
        volume_modify,
        zones,
    )

    api.install()
    encryption.install()
    zones.install()
