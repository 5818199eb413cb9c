"""ec2-volume-defaults: a volume from a snapshot of a gp3 volume, with nothing said about it."""

from __future__ import annotations

from typing import Any

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds


def ask(scratch: Scratch) -> dict[str, Any]:
    made = scratch.describe_volume(scratch.volume(SnapshotId=scratch.snapshot()))
    by_default = scratch.of("ec2").get_ebs_encryption_by_default()["EbsEncryptionByDefault"]
    return {
        "type": made["VolumeType"],
        "iops": made.get("Iops"),
        "throughput": made.get("Throughput"),
        "encrypted": made["Encrypted"] and not by_default,
        "tags": [tag["Key"] for tag in made.get("Tags", [])],
    }


def judge(seen: dict[str, Any]) -> Verdict:
    wrong = []
    if seen["type"] != "gp2":
        wrong.append(f"Its type is {seen['type']}.")
    if seen["iops"] == 4000 or seen["throughput"] is not None:
        wrong.append("It has the old volume's IOPS or throughput.")
    if seen["encrypted"]:
        wrong.append("It is encrypted.")
    if "colour" in seen["tags"]:
        wrong.append("It has the snapshot's tags.")
    return holds(seen, wrong)


PROBE = Probe("ec2-volume-defaults", ask, judge, minutes=0.3, needs=("snapshot",))
