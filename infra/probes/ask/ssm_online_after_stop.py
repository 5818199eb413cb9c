"""ssm-online-after-stop: PingStatus and LastPingDateTime of a node that has stopped."""

from __future__ import annotations

from ..verdict import Probe, Verdict, holds
from .power_cycle import Cycle, power_cycle


def judge(seen: Cycle) -> Verdict:
    (first, at), (second, later) = seen.ping
    wrong = []
    if (first, second) != ("Online", "Online"):
        wrong.append(f"PingStatus is {first!r}, then {second!r}.")
    if at is None or at != later:
        wrong.append("LastPingDateTime is missing or moves.")
    return holds([(status, str(moment)) for status, moment in seen.ping], wrong)


PROBE = Probe("ssm-online-after-stop", power_cycle, judge, minutes=0.5, needs=("power cycle",))
