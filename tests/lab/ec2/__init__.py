"""The lab's own EC2 and EBS: instances, volumes, attachments, snapshots and fast snapshot restore.

States take time, errors are AWS's, describes can be stale, bytes are real. Everything else of EC2 stays ministack's.
"""

from . import api


def install() -> None:
    from . import fsr, instances, snapshots, tags, volumes  # noqa: F401  (each registers its actions)

    api.install()
