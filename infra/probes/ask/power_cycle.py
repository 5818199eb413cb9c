"""The instance's reboot, its own shutdown, a start, and a stop by the API: what several beliefs are about."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any

from ..scratch import Scratch

BOOT = "cat ${MIRRORSNAP_PROC:-/proc}/sys/kernel/random/boot_id"
APART = 20.0  # s between two looks at a stopped node's ping


@dataclass(frozen=True)
class Cycle:
    launched: list[datetime.datetime]  # LaunchTime at first, after the reboot, after the start
    own: str  # code of StateReason after its own shutdown
    by_user: str  # the same after StopInstances
    ping: list[tuple[str, datetime.datetime | None]]  # PingStatus and LastPingDateTime of the stopped node, twice
    stopped_for: float  # s between the state `stopped` and the second look


def power_cycle(scratch: Scratch) -> Cycle:
    return scratch.once("power cycle", lambda: _cycle(scratch))


def _cycle(scratch: Scratch) -> Cycle:
    ec2, instance = scratch.of("ec2"), scratch.instance()["id"]

    def launched() -> Any:
        return scratch.describe_instance(instance)["LaunchTime"]

    times, boot = [launched()], scratch.shell_output(BOOT)
    ec2.reboot_instances(InstanceIds=[instance])
    scratch.waiting.until(lambda: _boot(scratch) not in ("", boot), "the reboot", 300)
    times.append(launched())
    scratch.send("shutdown -h now")
    own = scratch.state(instance, "stopped").get("StateReason", {}).get("Code", "")
    ping = [_ping(scratch, instance)]
    scratch.waiting.sleep(APART)
    ping.append(_ping(scratch, instance))
    ec2.start_instances(InstanceIds=[instance])
    times.append(scratch.state(instance, "running")["LaunchTime"])
    ec2.stop_instances(InstanceIds=[instance])
    by_user = scratch.state(instance, "stopped").get("StateReason", {}).get("Code", "")
    return Cycle(times, own, by_user, ping, APART)


def _boot(scratch: Scratch) -> str:
    """The boot id; "" while no command runs."""
    from ..scratch import NeverCame

    try:
        return scratch.shell_output(BOOT)
    except NeverCame:
        return ""


def _ping(scratch: Scratch, instance: str) -> tuple[str, datetime.datetime | None]:
    found = scratch.information(instance)
    return found.get("PingStatus", ""), found.get("LastPingDateTime")
