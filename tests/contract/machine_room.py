"""A lab in which somebody takes the procedure's steps through Run Command and EC2, in whatever order.

`Room` is one lab with a healthy cluster. Commands run as documents of the nodes' agents, power is EC2's, volumes and
snapshots are EC2's: no shortcut into the models, except for reading what came of it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from node_steps import Runner

from lab.client import Lab

NODES = ("server1", "server2")
SCALE = 20.0
# Where a step must not be overtaken by the next one on a busy machine, it takes a few tenths of a real second.
TIMING = {"backup_mode": 4, "shutdown": 4}
PATIENCE = 600.0  # lab seconds


class Room:
    def __init__(self, lab: Lab) -> None:
        self.lab, self.ec2 = lab, lab.boto("ec2")
        self.settle()
        self.runners = {n: Runner(lab, n) for n in NODES}

    # ── Run Command ────────────────────────────────────────────────────────────────────────────────────────────

    def send(self, node: str, line: str, **more: Any) -> str:
        """Send a command and do not wait; its id."""
        return self.runners[node].send(line, **more)

    def run(self, node: str, line: str, **more: Any) -> dict[str, Any]:
        """A command to its end: GetCommandInvocation's answer."""
        return self.runners[node].until(self.send(node, line, **more), seconds=PATIENCE)

    def ok(self, node: str, *lines: str) -> str:
        """Commands that succeed, in one document; what they printed."""
        done = self.run(node, "set -e\n" + "\n".join(lines))
        assert done["Status"] == "Success", done
        return done["StandardOutputContent"]

    def refused(self, node: str, line: str) -> str:
        """A command that is turned down; its exit code and message."""
        done = self.run(node, line)
        assert (done["Status"], done["StatusDetails"]) == ("Failed", "Failed"), done
        return f"{done['ResponseCode']}: {done['StandardErrorContent']}"

    def detached(self, node: str, line: str) -> str:
        """A command in a unit of its own, as whatever takes its node down should be; the id of the document."""
        sent = self.send(node, f"systemd-run --collect {line}")
        assert self.runners[node].until(sent, seconds=PATIENCE)["Status"] == "Success"
        return sent

    # ── power ──────────────────────────────────────────────────────────────────────────────────────────────────

    def instance(self, node: str) -> dict[str, Any]:
        return self.ec2.describe_instances(InstanceIds=[self.runners[node].instance])["Reservations"][0]["Instances"][0]

    def until_stopped(self, *nodes: str) -> None:
        for node in nodes:
            self.until(lambda n=node: self.instance(n)["State"]["Name"] == "stopped", f"{node} is stopped")

    def node(self, name: str) -> dict[str, Any]:
        return self.lab.control("node_status", name=name)

    def start(self, *nodes: str) -> None:
        self.ec2.start_instances(InstanceIds=[self.runners[n].instance for n in nodes])
        for node in nodes:
            self.until(lambda n=node: self.node(n)["state"] == "up", f"{node} is up")

    def stop(self, node: str) -> None:
        self.ec2.stop_instances(InstanceIds=[self.runners[node].instance])
        self.until_stopped(node)

    def fault(self, node: str, effect: str) -> None:
        self.lab.control("node", name=node, effect=effect)

    # ── volumes ────────────────────────────────────────────────────────────────────────────────────────────────

    def volume(self, node: str, device: str = "/dev/sdb") -> str:
        mapped = {m["DeviceName"]: m["Ebs"]["VolumeId"] for m in self.instance(node)["BlockDeviceMappings"]}
        return mapped[device]

    def snapshot(self, node: str = "server2") -> str:
        return self.ec2.create_snapshot(VolumeId=self.volume(node))["SnapshotId"]

    def swap(self, node: str, snapshot: str, device: str = "/dev/sdb") -> None:
        """Put a volume made from `snapshot` in the place of the attached one."""
        instance, old = self.instance(node), self.volume(node, device)
        zone = instance["Placement"]["AvailabilityZone"]
        self.until(lambda: self._state("snapshots", snapshot) == "completed", "the snapshot is completed")
        new = self.ec2.create_volume(AvailabilityZone=zone, SnapshotId=snapshot, VolumeType="gp3")["VolumeId"]
        self.ec2.detach_volume(VolumeId=old)
        for each in (old, new):
            self.until(lambda v=each: self._state("volumes", v) == "available", f"{each} is available")
        self.ec2.attach_volume(VolumeId=new, InstanceId=instance["InstanceId"], Device=device)
        self.until(lambda: self._state("volumes", new) == "in-use", f"{new} is in use")

    def _state(self, kind: str, wanted: str) -> str:
        key = "SnapshotId" if kind == "snapshots" else "VolumeId"
        return next(r["State"] for r in self.lab.control("ec2")[kind] if r[key] == wanted)

    # ── looking ────────────────────────────────────────────────────────────────────────────────────────────────

    def until(self, condition: Any, what: str) -> Any:
        return self.lab.wait_for(condition, PATIENCE, what)

    def cluster(self) -> dict[str, Any]:
        return self.lab.control("cluster")

    def colours(self, disk: str = "md1") -> str:
        return "/".join(self.cluster()["mirrors"][disk]["colours"].values())

    def group(self, name: str = "failover1") -> str:
        """Where it is online, or `offline`."""
        status = self.cluster()["groups"][name]["status"]
        return "+".join(n for n, s in status.items() if s == "online") or "offline"

    def oracle(self, number: int) -> list[str]:
        return [v["text"] for v in self.lab.control("oracles")["violations"] if v["oracle"] == number]

    def verdict(self, snapshot: str) -> dict[str, Any]:
        return self.lab.control("oracles")["snapshots"][snapshot]

    def write(self, file: str, text: str) -> None:
        self.lab.control("cluster_write", file=file, text=text)

    def read(self, file: str, node: str) -> str | None:
        found = self.lab.control("cluster_read", file=file, node=node)
        return found and found["text"]

    def shutdowns(self, node: str) -> int:
        return len(self.lab.log(kind="power", node=node, event="shutdown"))

    def settle(self) -> None:
        def well() -> bool:
            mirrors = self.cluster()["mirrors"].values()
            return not self.lab.control("oracles")["residue"] and not any(m["recovery"] for m in mirrors)

        self.until(well, f"a healthy cluster, having begun with {self.lab.control('oracles')['residue']}")

    # ── the procedure, right ───────────────────────────────────────────────────────────────────────────────────

    def isolate(self, suspend: tuple[str, ...] = NODES) -> None:
        """Up to the break, and the group back; `suspend`: on which nodes the monitor is suspended."""
        lines = [f"clpmonctrl -s -h {n} -m mdw1" for n in suspend]
        self.ok("server1", *lines, "clpgrp -t failover1")
        self.ok("server2", "clpmdctrl --break md1")
        self.ok("server1", "clpgrp -s failover1")

    def freeze(self) -> None:
        """Backup mode on the standby, until it is stopped."""
        self.detached("server2", "clpbackup.sh --pre")
        self.until_stopped("server2")

    def leave_backup_mode(self) -> None:
        boots = self.node("server2")["boots"]
        self.detached("server2", "clpbackup.sh --post")
        self.until(lambda: self.node("server2")["boots"] > boots, "server2 has rebooted")
        self.ok("server1", "clpmonctrl -r -h server1 -m mdw1")

    def backup(self) -> str:
        """A whole backup; the snapshot."""
        self.isolate()
        self.freeze()
        made = self.snapshot()
        self.start("server2")
        self.leave_backup_mode()
        self.settle()
        return made

    def restore_mode(self, group: bool = True) -> None:
        """Both nodes stopped in restore mode."""
        if group:
            self.ok("server1", "clpgrp -t failover1")
        for node in NODES:
            self.detached(node, "clprestore.sh --pre")
        self.until_stopped(*NODES)


def room(fresh_lab: Any, directory: Path, **cluster: Any) -> Room:
    """A lab with that `cluster:` mapping."""
    path = directory / "cluster.yaml"
    path.write_text(yaml.safe_dump({**cluster, "timing": {**TIMING, **cluster.get("timing", {})}}))
    return Room(fresh_lab(scale=SCALE, options=["--cluster", str(path)]))
