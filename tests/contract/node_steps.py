"""What the tests of nodes and of Run Command say often."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lab.client import Lab

ENDED = ("Success", "Failed", "TimedOut", "Cancelled")


def status(lab: Lab, name: str = "server1") -> dict[str, Any]:
    return lab.control("node_status", name=name)


def up(lab: Lab, name: str = "server1") -> dict[str, Any]:
    return lab.wait_for(lambda: (s := status(lab, name))["state"] == "up" and s, what=f"{name} is up")


def rebooted(lab: Lab, before: str, name: str = "server1") -> dict[str, Any]:
    """Wait for another boot than the one of that id."""
    return lab.wait_for(lambda: (s := status(lab, name))["state"] == "up" and s["boot_id"] != before and s)


def sh(lab: Lab, script: str, name: str = "server1", timeout: float = 60) -> dict[str, Any]:
    """Run a script on a node's console: {rc, stdout, stderr}."""
    up(lab, name)
    return lab.control("node_run", name=name, script=script, timeout=timeout)


def cpu_seconds(lab: Lab) -> float:
    """CPU time of the lab's process and of its children that have ended: what something costs, on whatever host."""
    fields = Path(f"/proc/{lab.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def out(lab: Lab, script: str, name: str = "server1") -> str:
    done = sh(lab, script, name)
    assert done["rc"] == 0, done
    return done["stdout"]


def instance_state(lab: Lab, name: str = "server1") -> str:
    found = lab.boto("ec2").describe_instances(InstanceIds=[status(lab, name)["instance_id"]])
    return found["Reservations"][0]["Instances"][0]["State"]["Name"]


def bring_back(lab: Lab, name: str = "server1") -> None:
    """From whatever state to a booted node."""
    lab.wait_for(lambda: instance_state(lab, name) in ("running", "stopped"), what="a settled instance")
    if instance_state(lab, name) == "stopped":
        lab.boto("ec2").start_instances(InstanceIds=[status(lab, name)["instance_id"]])
    up(lab, name)


def processes_with(mark: str) -> list[int]:
    """Live processes that hold `mark` in their environment, zombies apart."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                continue
    return found


class Runner:
    """Run Command on one node of a lab."""

    def __init__(self, lab: Lab, name: str = "server1") -> None:
        self.lab, self.ssm = lab, lab.boto("ssm")
        self.name, self.instance = name, status(lab, name)["instance_id"]

    def send(self, script: str, **more: Any) -> str:
        parameters = {"commands": [script], **more.pop("Parameters", {})}
        target = {} if "Targets" in more else {"InstanceIds": [self.instance]}
        arguments = {"DocumentName": "AWS-RunShellScript", **target, **more}
        return self.ssm.send_command(Parameters=parameters, **arguments)["Command"]["CommandId"]

    def get(self, command: str) -> dict[str, Any]:
        """The invocation; {} while SSM does not know it yet."""
        try:
            return self.ssm.get_command_invocation(CommandId=command, InstanceId=self.instance)
        except self.ssm.exceptions.InvocationDoesNotExist:
            return {}

    def until(self, command: str, *statuses: str, seconds: float = 40) -> dict[str, Any]:
        wanted = statuses or ENDED
        return self.lab.wait_for(
            lambda: (i := self.get(command)).get("Status") in wanted and i, seconds, what=f"a status in {wanted}"
        )

    def run(self, script: str, **more: Any) -> dict[str, Any]:
        return self.until(self.send(script, **more))

    def statuses(self, command: str) -> list[str]:
        return [e["details"] for e in self.lab.log(kind="command", command_id=command)]
