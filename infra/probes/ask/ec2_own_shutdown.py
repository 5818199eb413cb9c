"""ec2-own-shutdown: StateReason after the guest's own shutdown, and after StopInstances."""

from __future__ import annotations

from ..verdict import Probe, Verdict, holds
from .power_cycle import Cycle, power_cycle


def judge(seen: Cycle) -> Verdict:
    wrong = []
    if seen.own != "Client.InstanceInitiatedShutdown":
        wrong.append(f"After its own shutdown the reason is {seen.own!r}.")
    if seen.by_user != "Client.UserInitiatedShutdown":
        wrong.append(f"After StopInstances the reason is {seen.by_user!r}.")
    return holds([seen.own, seen.by_user], wrong)


PROBE = Probe("ec2-own-shutdown", power_cycle, judge, minutes=0.1, needs=("power cycle",))
