"""A simulated cluster in this very process, on the lab's own EC2 volumes but on small hosts without processes.

`Bench` is one cluster that has come up. `bench.run("server1", "clpgrp -t failover1")` runs a command as a node would;
`bench.boot/halt/cut` act on a host's power. Time runs fast; durations are lab seconds.
"""

from __future__ import annotations

import shlex
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lab import context
from lab.ec2 import instances, notices, volumes
from lab.ec2.model import store
from lab.ec2.snapshots import Snapshot
from lab.nodes import disks as machine_disks
from lab.nodes.clusterpro import commands, guest, part
from lab.nodes.clusterpro.cluster import Cluster
from lab.nodes.clusterpro.formatting import find_files
from lab.nodes.clusterpro.oracles import Oracles
from lab.nodes.clusterpro.spec import parse
from lab.nodes.socket import Result

SCALE = 50.0
TIMING = {
    "boot": 0.4,
    "shutdown": 0.2,
    "group_stop": 0.4,
    "group_start": 0.4,
    "heartbeat_timeout": 1.0,
    "peer_wait": 20.0,  # longer than a loaded machine delays one boot after the other
}
# Half a lab second of thread start on a busy machine is 10 ms: waits are generous, conditions end them.
PATIENCE = 120.0  # real seconds; they say nothing about speed


class Host:
    """host.Host without processes: what the OS does is done by threads of the test."""

    def __init__(self, bench: Bench, instance: instances.Instance) -> None:
        self.bench, self.instance, self.name = bench, instance, instance.name
        self.instance_id = instance.id
        self.state, self.boot_id, self.boots = "off", "", 0
        self.services: dict[str, bool] = {}
        self.running: set[str] = set()
        self.seen_disks: list[machine_disks.Disk] = []
        self.rename_next_boot = False
        self.shutdowns = 0

    def platform(self) -> str:
        return self.instance.platform

    def disks(self) -> list[machine_disks.Disk]:
        return self.seen_disks

    def attached(self, device: str) -> Any | None:
        return guest.attached_volume(self.instance_id, device)

    def service_enabled(self, service: str) -> bool:
        return self.services.get(service, True)

    def set_service(self, service: str, enabled: bool) -> None:
        self.services[service] = enabled

    def service_active(self, service: str, active: bool) -> None:
        (self.running.add if active else self.running.discard)(service)

    def os_shutdown(self, reboot: bool) -> None:
        if self.state == "up":
            self.state = "shutting_down"
            self.shutdowns += 1
            threading.Thread(target=self._down, args=(reboot, self.boot_id), daemon=True).start()

    def _down(self, reboot: bool, boot_id: str) -> None:
        daemons, node = self.bench.cluster.daemons, self.bench.cluster.nodes[self.name]
        daemons.shutdown(node)
        context.lab.clock.sleep(context.lab.timing.shutdown)
        with context.lab.lock:
            if self.state == "off" or self.boot_id != boot_id:
                return
            self.off()
            daemons.power_off(node)
        if reboot:
            self.boot()

    def off(self) -> None:
        self.state = "off"
        self.instance.state = "stopped"

    def boot(self) -> None:
        self.state = "booting"
        self.instance.state = "running"
        context.lab.clock.sleep(context.lab.timing.boot)
        with context.lab.lock:
            self.boot_id, self.boots = str(uuid.uuid4()), self.boots + 1
            self.seen_disks = machine_disks.at_boot(self, rename=self.rename_next_boot)  # type: ignore[arg-type]
            self.rename_next_boot = False
            self.state = "up"
        self.bench.cluster.daemons.boot(self.bench.cluster.nodes[self.name])


class Call:
    def __init__(self, argv: list[str], env: dict[str, str], killed: threading.Event) -> None:
        self.argv, self.env, self.killed = argv, env, killed

    def alive(self) -> bool:
        return not self.killed.is_set()

    def last_words(self) -> None:
        """Nothing here is killed by a shutdown."""

    def sleep(self, seconds: float) -> bool:
        return not context.lab.clock.wait(self.killed, seconds)


class Bench:
    def __init__(self, home: Path, spec: dict[str, Any], up: bool = True) -> None:
        self.lab = context.install(home, SCALE)
        for known in (store.instances, store.volumes, store.snapshots, store.fsr):
            known.clear()
        notices._send = lambda *a, **k: None  # no event bus here
        self.spec = parse({**spec, "timing": {**TIMING, **spec.get("timing", {})}})
        self.lab.timing.update(self.spec.timing)
        self.hosts: dict[str, Host] = {}
        made = {}
        for name, zone in zip(self.spec.nodes, "ac", strict=True):
            instance = instances.create(name, f"{context.REGION}{zone}", self.spec.platform)
            volumes.attach_now(volumes.create_now(instance.az, 10), instance, "/dev/sda1")
            for device, shared in self.spec.volumes().items():
                made[name, device] = volumes.create_now(instance.az, shared[0].size_gib)
                volumes.attach_now(made[name, device], instance, device)
            self.hosts[name] = Host(self, instance)
        guest.format_volumes(self.spec, made)
        guest.load_commands()
        self.cluster = Cluster(self.spec, dict(self.hosts))
        self.oracles = Oracles(self.cluster)
        part.cluster, part.oracles = self.cluster, self.oracles
        self.cluster.daemons.begin_monitoring()
        if up:
            self.boot(*self.spec.nodes)
            self.until(
                lambda: all("online" in g.status.values() for g in self.cluster.groups.values()), "groups online"
            )

    def close(self) -> None:
        self.cluster.daemons.stop_monitoring()
        self.lab.timers.stop()
        self.lab.record.close()

    # --- acting ---

    def start(self, node: str, line: str, **env: str) -> tuple[threading.Event, threading.Thread, list[Result]]:
        """Run a command on a thread; set the event to kill it."""
        killed, answers = threading.Event(), []
        call = Call(shlex.split(line), env, killed)
        handler = commands.COMMANDS[call.argv[0]]
        cli = commands.Cli(self.cluster, self.cluster.nodes[node], call)
        thread = threading.Thread(target=lambda: answers.append(handler(cli)), daemon=True)
        thread.start()
        return killed, thread, answers

    def run(self, node: str, line: str, **env: str) -> Result:
        _, thread, answers = self.start(node, line, **env)
        thread.join(PATIENCE * 2)
        assert answers, f"{line} on {node} did not end"
        return answers[0]

    def ok(self, node: str, line: str, **env: str) -> str:
        answer = self.run(node, line, **env)
        assert answer.rc == 0, (line, answer)
        return str(answer.out)

    def boot(self, *nodes: str) -> None:
        threads = [threading.Thread(target=self.hosts[n].boot) for n in nodes]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def halt(self, node: str) -> None:
        self.hosts[node].os_shutdown(False)
        self.until(lambda: self.hosts[node].state == "off", f"{node} is off")

    def cut(self, node: str) -> None:
        with self.lab.lock:
            self.hosts[node].off()
            self.cluster.daemons.power_off(self.cluster.nodes[node])

    def write(self, file: str, text: str, **where: Any) -> list[int]:
        return part.cluster_write(file, text, **where)["blocks"]

    # --- looking ---

    def until(self, condition: Callable[[], Any], what: str) -> Any:
        deadline = time.monotonic() + PATIENCE
        while True:
            with self.lab.lock:
                value = condition()
            if value:
                return value
            assert time.monotonic() < deadline, f"never: {what}; {self.cluster.dump()}"
            time.sleep(0.005)

    def pause(self, seconds: float) -> None:
        self.lab.clock.sleep(seconds)

    def settle(self) -> None:
        def healthy() -> bool:
            return not self.oracles.residue() and not any(m.recovery for m in self.cluster.mirrors.values())

        self.until(healthy, f"healthy, having begun with {self.oracles.residue()}")

    def colours(self, observer: str = "server1", disk: str = "md1") -> str:
        mirror = self.cluster.mirrors[disk]
        nodes = self.cluster.nodes
        with self.lab.lock:
            return "/".join(mirror.colour(n, nodes[observer]) for n in nodes.values())

    def group(self, name: str = "failover1") -> dict[str, str]:
        return dict(self.cluster.groups[name].status)

    def volume(self, node: str, device: str = "/dev/sdb") -> Any:
        return self.hosts[node].attached(device)

    def files(self, node: str, disk: str = "md1") -> Any:
        spec = self.spec.disk(disk)
        return find_files(self.volume(node, spec.device).blocks, spec)

    def oracle(self, number: int) -> list[str]:
        self.oracles.report()
        return [v["text"] for v in self.oracles.violations if v["oracle"] == number]

    # --- EC2 ---

    def snapshot(self, node: str, device: str = "/dev/sdb", **tags: str) -> Snapshot:
        volume = self.volume(node, device)
        made = Snapshot(volume.id, volume.gib, volume.blocks, tags=tags)
        with self.lab.lock:
            made.begin(1.0, "", lambda snapshot: None)
        return made

    def swap(self, node: str, snapshot: Snapshot, device: str = "/dev/sdb") -> None:
        """Put a volume made from `snapshot` in the place of the attached one."""
        instance = self.hosts[node].instance
        self.detach(node, device)
        new = volumes.create_now(instance.az, snapshot.gib)
        new.blocks, new.snapshot_id = snapshot.blocks.copy(), snapshot.id
        volumes.attach_now(new, instance, device)

    def detach(self, node: str, device: str = "/dev/sdb") -> Any:
        old = self.volume(node, device)
        del self.hosts[node].instance.attachments[device]
        old.attachments.clear()
        old.state = "available"
        return old
