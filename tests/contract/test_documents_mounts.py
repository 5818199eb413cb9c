"""lib/mounts.sh judges each mount: one predicate for the inspection (observe) and for what freezes (quiesce)."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

LIB = Path(__file__).parents[2] / "infra/documents/lib"
SCRIPT = """
set -uf
PROC=$1 RUN_ROOT=/run/mirrorsnap VAR_ROOT=/var/lib/mirrorsnap HOOKS=/etc/mirrorsnap
. "$2/mounts.sh"
judge_mount /dev/NMP1
printf '%s\\n' "${WHY:-ok} ${KIND:--} ${POINT:--}"
DEVICES=/dev/NMP1
if find_mounts; then echo "found $MOUNTS"; else echo "refused $WHY $each"; fi
"""


@pytest.mark.parametrize(
    ("mounts", "judged", "refused"),
    [
        ("/dev/NMP1 /mnt/md1 xfs rw,relatime 0 0", "ok xfs /mnt/md1", None),
        ("/dev/NMP1 /mnt/md1 ext4 rw 0 0", "ok ext4 /mnt/md1", None),
        ("/dev/xvdb2 /mnt/md1 xfs rw 0 0", "not_mounted - -", "not_mounted"),
        ("/dev/NMP10 /mnt/md1 xfs rw 0 0", "not_mounted - -", "not_mounted"),
        ("/dev/NMP1 /mnt/md1 btrfs rw 0 0", "type btrfs /mnt/md1", "type"),
        ("/dev/NMP1 /mnt/md1 xfs ro,relatime 0 0", "read_only xfs /mnt/md1", "read_only"),
        ("/dev/NMP1 /mnt/a\\040b xfs rw 0 0", "name xfs /mnt/a\\040b", "name"),
        ("/dev/NMP1 /mnt/md1/ xfs rw 0 0", "name xfs /mnt/md1/", "name"),
        ("/dev/NMP1 /usr xfs rw 0 0", "needed xfs /usr", "needed"),
        ("/dev/NMP1 / xfs rw 0 0", "needed xfs /", "needed"),
        # Of two mounts the worse one counts.
        ("/dev/NMP1 /mnt/md1 xfs rw 0 0\n/dev/NMP1 /tmp xfs rw 0 0", "needed xfs /mnt/md1", "needed"),
    ],
)
def test_each_mount_is_judged_in_one_place(tmp_path: Path, mounts: str, judged: str, refused: str | None) -> None:
    (tmp_path / "mounts").write_text(f"proc /proc proc rw 0 0\n{mounts}\n", encoding="utf-8")
    ran = subprocess.run(["sh", "-c", SCRIPT, "sh", tmp_path, LIB], capture_output=True, text=True, check=True)
    said = ran.stdout.splitlines()
    assert said[0] == judged, ran.stderr
    assert said[1] == (f"refused {refused} /dev/NMP1" if refused else "found /mnt/md1")
