"""ec2-launch-time: LaunchTime over a reboot, and over a stop and a start."""

from __future__ import annotations

from ..verdict import Probe, Verdict, holds
from .power_cycle import Cycle, power_cycle


def judge(seen: Cycle) -> Verdict:
    first, rebooted, started = seen.launched
    wrong = []
    if rebooted != first:
        wrong.append("It moved with a reboot.")
    if started <= rebooted:
        wrong.append("It did not move on with a start.")
    return holds([str(each) for each in seen.launched], wrong)


PROBE = Probe("ec2-launch-time", power_cycle, judge, minutes=0.1, needs=("power cycle",))
