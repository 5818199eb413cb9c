"""The cluster plugged into real machines: hooks of power, services of systemd, simulated commands, the first world."""

from __future__ import annotations

from typing import Any

from ... import context
from ...ec2.model import store
from ..disks import Disk
from ..machine import Machine
from ..socket import NodeCall
from . import configuration, formatting, playback
from .cluster import Cluster, Node, Refused
from .commands import COMMANDS, Cli
from .host import SERVICES
from .spec import ClusterSpec


class MachineHost:
    """host.Host over nodes.machine.Machine."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.name = machine.name
        for service in SERVICES:
            machine.systemd.register(service, description=f"CLUSTERPRO {service}")

    @property
    def boot_id(self) -> str:
        return self.machine.boot_id

    @property
    def state(self) -> str:
        return self.machine.state

    def disks(self) -> list[Disk]:
        return self.machine.disks()

    def attached(self, device: str) -> Any | None:
        return attached_volume(self.machine.instance_id, device)

    def service_enabled(self, service: str) -> bool:
        return self.machine.systemd.service(service).enabled

    def set_service(self, service: str, enabled: bool) -> None:
        self.machine.systemd.enable(service, enabled)

    def service_active(self, service: str, active: bool) -> None:
        self.machine.systemd.service(service).active = active

    def os_shutdown(self, reboot: bool) -> None:
        # The machine has a lock of its own, and callers may hold the lab's: on the timers' thread there is neither.
        context.lab.timers.after(0, lambda: self.machine.os_shutdown(reboot))


def attached_volume(instance_id: str, device: str) -> Any | None:
    """The volume that is attached (or on its way off) under `device` now."""
    instance = store.instances.get(instance_id)
    attachment = instance.attachments.get(device) if instance else None
    return store.volumes.get(attachment.volume_id) if attachment else None


class ClusterGuest:
    """The hooks of one node."""

    def __init__(self, cluster: Cluster, node: Node) -> None:
        self.cluster, self.node = cluster, node

    def on_boot(self, machine: Machine) -> None:
        # Only now, so that systemd's own start of enabled services at boot does not compete with the cluster's order.
        systemd = machine.systemd
        daemons = self.cluster.daemons
        systemd.service("clusterpro").start = lambda: self._rc(lambda: daemons.start(self.node))
        systemd.service("clusterpro").stop = lambda: self._rc(lambda: daemons.leave(self.node), locked=False)
        systemd.service("clusterpro_md").start = lambda: self._rc(lambda: daemons.agent_up(self.node))
        systemd.service("clusterpro_md").stop = lambda: self._rc(lambda: daemons.agent_down(self.node))
        daemons.boot(self.node)

    def on_shutdown(self, machine: Machine) -> None:
        self.cluster.daemons.shutdown(self.node)

    def on_power_off(self, machine: Machine) -> None:
        for service in ("clusterpro", "clusterpro_md"):
            machine.systemd.service(service).start = None
        # The machine's lock is held here, the lab's may not be waited for.
        context.lab.timers.after(0, lambda: self.cluster.daemons.power_off(self.node))

    @staticmethod
    def _rc(act: Any, locked: bool = True) -> int:
        try:
            if locked:
                with context.lab.lock:
                    act()
            else:
                act()
        except Refused:
            return 1
        return 0


def format_volumes(spec: ClusterSpec, volumes: dict[tuple[str, str], Any]) -> None:
    """Write the first bytes of every mirror volume: (node, device) -> volume."""
    for (node, device), volume in volumes.items():
        disks = spec.volumes()[device]
        # by-partuuid: the operator has given the partitions of both nodes the same GUIDs.
        owner = f"{spec.name}/{device}" if spec.layout == "partuuid" else f"{spec.name}/{node}/{device}"
        formatting.format_volume(volume.blocks, disks, spec.layout, owner, "installed")


def plug(spec: ClusterSpec, machines: dict[str, Machine]) -> Cluster:
    """Build the cluster on machines (by node name) whose volumes are attached, and plug it in."""
    volumes = {(n, d): attached_volume(m.instance_id, d) for n, m in machines.items() for d in spec.volumes()}
    missing = [f"{node} {device}" for (node, device), volume in volumes.items() if volume is None]
    if missing:
        raise ValueError(f"cluster {spec.name}: no volume is attached as {', '.join(missing)}")
    format_volumes(spec, volumes)
    cluster = Cluster(spec, {name: MachineHost(machine) for name, machine in machines.items()})
    for name, machine in machines.items():
        register(cluster, cluster.nodes[name], machine)
        configuration.write(spec, machine.root)
        if name in spec.recorded:
            playback.play(machine, spec.recorded[name])
        machine.mounts = lambda node=cluster.nodes[name]: mounts(cluster, node)
        for disk in spec.disks:
            (machine.root / "mnt" / disk.name).mkdir(parents=True, exist_ok=True)
        machine.plug(ClusterGuest(cluster, cluster.nodes[name]))
    cluster.daemons.begin_monitoring()
    return cluster


def mounts(cluster: Cluster, node: Node) -> list[str]:
    """The file systems of the groups that run here lie on the mirror driver's devices, not on the data partitions."""
    return [
        f"/dev/NMP{n} /mnt/{disk.name} {disk.file_system} rw 0 0"
        for n, disk in enumerate(cluster.spec.disks, start=1)
        if node.name in cluster.mirrors[disk.name].mounted
    ]


def register(cluster: Cluster, node: Node, machine: Machine) -> None:
    """Give the machine the clp commands."""
    load_commands()
    for name, handler in COMMANDS.items():

        def run(call: NodeCall, handler: Any = handler) -> Any:
            return handler(Cli(cluster, node, call))

        machine.command(name)(run)


def load_commands() -> None:
    from . import (  # noqa: F401  (each registers its commands)
        commands_backup,
        commands_config,
        commands_freeze,
        commands_group,
        commands_mirror,
        commands_stat,
    )
