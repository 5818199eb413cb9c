"""The nodes as a part of the lab: control operations on them, faults at phases, the guests of the first world.

What a killed lab leaves running is hunted by patches/lambda_reaper.py: every process of a node has the lab's home in
its environment.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import context
from ..control import op
from . import room
from .machine import MACHINES, Machine, by_name

# node fault effect -> what it does; the SSM agent adds its own
EFFECTS: dict[str, Callable[[Machine], None]] = {}


def power_off(machine: Machine) -> None:
    """A hardware failure: EC2 notices and stops the instance."""
    from ..ec2.model import store

    instance = store.instances.get(machine.instance_id)
    if instance is not None:
        with context.lab.lock:
            instance.power_off()
    else:
        machine.cut_power()


def rename_devices(machine: Machine) -> None:
    machine.rename_next_boot = True


def disk_full(machine: Machine) -> None:
    """`df` shows no room any more. Writes still succeed: what is asked is whether somebody looks before."""
    machine.disk_full = True


EFFECTS.update(power_off=power_off, rename_devices=rename_devices, disk_full=disk_full)
EFFECTS.update(root_full=room.root_full, disks_full=room.disks_full, room=room.room)

# Who is active is the cluster's knowledge: CLUSTERPRO sets this; None while there is no such node.
machine_by_role: Callable[[str], Machine | None] = lambda role: None  # noqa: E731


def find(name: str) -> Machine:
    """A machine by node name, instance id, or role (`active`, `standby`); LookupError if there is none."""
    if name in ("active", "standby"):
        machine = machine_by_role(name)
        if machine is None:
            raise LookupError(f"no node is {name} now")
        return machine
    return by_name(name)


def apply(name: str, effect: str) -> None:
    """Carry a node fault out now. LookupError for an unknown node, ValueError for an unknown effect."""
    if effect not in EFFECTS:
        raise ValueError(f"no node effect {effect!r}; there are {', '.join(sorted(EFFECTS))}")
    machine = find(name)
    context.lab.record.add("fault", action="fired", subject="node", node=machine.name, effect=effect)
    EFFECTS[effect](machine)


@op("node")
def _node(name: str, effect: str) -> None:
    apply(name, effect)


@op("node_status")
def _status(name: str) -> dict[str, Any]:
    machine = find(name)
    return {
        "name": machine.name,
        "instance_id": machine.instance_id,
        "state": machine.state,
        "boot_id": machine.boot_id,
        "boots": machine.boots,
        "uptime": machine.uptime(),
        "root": str(machine.root),
        "disks": [{"name": d.name, "serial": d.serial, "device": d.device} for d in machine.disks()],
    }


@op("node_run")
def _run(name: str, script: str, timeout: float = 60.0) -> dict[str, Any]:
    """Run a script on a node as if typed on its console; `timeout` in lab seconds."""
    done = find(name).run_script(script, timeout=timeout)
    return {"rc": done.rc, "stdout": done.stdout.decode("utf-8", "replace"), "stderr": done.stderr.decode()}


@op("late_timers")
def _late_timers(on: bool) -> None:
    """Whether transient timers fire as late as AccuracySec and RandomizedDelaySec allow (the default), or on time."""
    for machine in MACHINES.values():
        machine.systemd.late_timers = bool(on)


def on_phase(phase: str, execution: str = "") -> None:
    """Faults `{node, at, effect}` whose phase begins now."""
    for spec in context.lab.faults.listing():
        fault = spec["spec"]
        if "node" not in fault or "command" in fault or fault.get("at") != phase:
            continue
        effect = context.lab.faults.take("node", lambda s, mine=fault: s == mine, phase=phase, execution=execution)
        if not effect:
            continue
        try:
            apply(fault["node"], effect)
        except LookupError as error:  # nobody has that role at this moment
            context.lab.record.add("fault", action="missed", spec=fault, reason=str(error))


new_machine: list[Callable[[Machine], None]] = []  # called with each machine before its first boot


def make(instance: Any) -> Machine:
    """The guest of an instance of the initial world."""
    machine = Machine(instance.name, instance.id, context.lab.home)
    for hook in new_machine:
        hook(machine)
    return machine


def install() -> Callable[[], None]:
    from .. import phases
    from ..ec2 import world

    world.machine_factory = make
    phases.on_phase(on_phase)

    def stop() -> None:
        for machine in list(MACHINES.values()):
            machine.close()

    return stop
