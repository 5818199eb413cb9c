"""ebs-point-in-time: write, snapshot, write again while it is pending, read what a volume from the snapshot holds."""

from __future__ import annotations

from dataclasses import dataclass

from ..scratch import Scratch
from ..verdict import Probe, Verdict, confirmed, not_asked, refuted

TRIES = 3


@dataclass(frozen=True)
class Seen:
    pending: bool  # the snapshot was still pending when the second write had been made
    text: str  # what the snapshot holds


def disk(volume: str) -> str:
    return f"/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_{volume.replace('-', '')}"


def write(volume: str, text: str) -> str:
    return f"printf {text} > probe.txt; dd if=probe.txt of={disk(volume)} bs=4096 count=1 conv=sync,fsync"


def read(volume: str) -> str:
    return f"dd if={disk(volume)} bs=4096 count=1 | tr -d '\\000'"


def ask(scratch: Scratch) -> Seen:
    volume, ec2 = scratch.data()["/dev/sdf"], scratch.of("ec2")
    for _ in range(TRIES):
        scratch.shell_output(write(volume, "before"))
        snapshots = scratch.snapshots()
        scratch.shell_output(write(volume, "after"))
        found = ec2.describe_snapshots(SnapshotIds=snapshots)["Snapshots"]
        mine = next(each for each in found if each["VolumeId"] == volume)
        if mine["State"] == "pending":
            break
    else:
        return Seen(False, "")
    scratch.completed([mine["SnapshotId"]])
    copy = scratch.volume(SnapshotId=mine["SnapshotId"], VolumeType="gp3")
    scratch.attach(copy, "/dev/sdh")
    return Seen(True, scratch.shell_output(read(copy)).strip())


def judge(seen: Seen) -> Verdict:
    if not seen.pending:
        return not_asked("Each snapshot was complete before the second write.")
    if seen.text != "before":
        return refuted(f"The snapshot holds {seen.text!r}; 'before' was on the volume when CreateSnapshots returned.")
    return confirmed("The snapshot holds what was written before the call, not what was written while it was pending.")


PROBE = Probe("ebs-point-in-time", ask, judge, minutes=3, dollars=0.01, needs=("instance",))
