"""ec2-attach-keeps: DeleteOnTermination of what AttachVolume attached, by the volume and by the instance."""

from __future__ import annotations

from ..scratch import Scratch
from ..verdict import Probe, Verdict, holds


def ask(scratch: Scratch) -> list[bool]:
    volume = scratch.data()["/dev/sdg"]
    shown = scratch.describe_instance(scratch.instance()["id"])["BlockDeviceMappings"]
    by_instance = [each["Ebs"]["DeleteOnTermination"] for each in shown if each["Ebs"]["VolumeId"] == volume]
    return [each["DeleteOnTermination"] for each in scratch.describe_volume(volume)["Attachments"]] + by_instance


def judge(seen: list[bool]) -> Verdict:
    return holds(seen, [] if seen == [False, False] else ["DeleteOnTermination is not false."])


PROBE = Probe("ec2-attach-keeps", ask, judge, minutes=0.1, needs=("instance",))
