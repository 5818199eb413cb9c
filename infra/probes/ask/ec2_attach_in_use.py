"""ec2-attach-in-use: AttachVolume of an attached volume, and to an occupied device."""

from __future__ import annotations

from ..scratch import Scratch, code_of
from ..verdict import Probe, Verdict, holds


def ask(scratch: Scratch) -> dict[str, str]:
    attached, instance = scratch.data()["/dev/sdf"], scratch.instance()["id"]
    attach, other = scratch.of("ec2").attach_volume, scratch.volume()
    return {
        "volume": code_of(lambda: attach(VolumeId=attached, InstanceId=instance, Device="/dev/sdp")),
        "device": code_of(lambda: attach(VolumeId=other, InstanceId=instance, Device="/dev/sdf")),
    }


def judge(seen: dict[str, str]) -> Verdict:
    wanted = {"volume": "VolumeInUse", "device": "InvalidParameterValue"}
    words = {"volume": "an attached volume", "device": "an occupied device"}
    wrong = [f"For {words[k]} the answer is {seen[k] or 'yes'}." for k, v in wanted.items() if seen[k] != v]
    return holds(seen, wrong)


PROBE = Probe("ec2-attach-in-use", ask, judge, minutes=0.3, needs=("instance",))
