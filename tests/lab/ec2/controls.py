"""Control operations on EC2: read what the API does not show, and make hardware, guests and EBS fail."""

from __future__ import annotations

from typing import Any

from .. import context
from ..control import op
from . import api, volumes
from .instances import Instance
from .model import store


def find(instance: str) -> Instance:
    """An instance by id or by its Name tag."""
    for each in store.instances.values():
        if instance in (each.id, each.name):
            return each
    names = ", ".join(sorted(i.name for i in store.instances.values()))
    raise ValueError(f"no instance {instance!r}; there are {names or 'none'}")


@op("ec2")
def ec2() -> dict[str, list[dict[str, Any]]]:
    """Everything in the model, deleted resources too: renderings, with what the API does not tell beside them."""
    with context.lab.lock:
        return {
            "instances": [
                {**i.render(), "Name": i.name, "Platform": i.platform, "Guest": i.machine.state}
                for i in store.instances.values()
            ],
            "volumes": [
                {
                    **v.render(),
                    "EverAttached": v.ever_attached,
                    "OfWorld": v.of_world,
                    "Digest": v.blocks.digest(),
                    "ErrorCause": v.error_cause,
                }
                for v in store.volumes.values()
            ],
            "snapshots": [
                {**s.render(), "Region": s.region, "Digest": s.blocks.digest()} for s in store.snapshots.values()
            ],
            "fsr": [{"SnapshotId": s, "AvailabilityZone": az, **f.render()} for (s, az), f in store.fsr.items()],
        }


@op("large_store")
def large_store(size: int) -> None:
    """More resources of a kind than `size` (1,000 at first) are not described in one answer."""
    api.STORE["large"] = size


@op("power_off")
def power_off(instance: str) -> None:
    """The hardware under an instance fails."""
    with context.lab.lock:
        find(instance).power_off()


@op("spot_interrupt")
def spot_interrupt(instance: str) -> None:
    """EC2 takes a Spot instance back."""
    with context.lab.lock:
        found = find(instance)
        if found.lifecycle != "spot":
            raise ValueError(f"{instance} is not a Spot instance")
        found.interrupt()


@op("guest")
def guest(instance: str, do: str, device: str | None = None, value: bool = True) -> str:
    """Let a guest do something: `shutdown`, `reboot`; and, NullMachine only, `hang`, or `hold` a device.

    Returns the guest's state. `value` False ends a hang or a hold.
    """
    machine: Any = find(instance).machine
    if do in ("shutdown", "reboot"):
        machine.os_shutdown(reboot=do == "reboot")
    elif do == "hang":
        machine.hangs = value
    elif do == "hold" and device:
        (machine.held.add if value else machine.held.discard)(device)
    elif do != "state":
        raise ValueError(f"a guest can shutdown, reboot, hang, hold (a device), or tell its state; not {do!r}")
    return machine.state


@op("fail_volume")
def fail_volume(cause: str = "an internal error occurred", times: int = 1) -> None:
    """The next volumes that CreateVolume or CopyVolumes begins end in the state `error`."""
    with context.lab.lock:
        volumes.fail_next(cause, times)


@op("write_volume")
def write_volume(volume: str, offset: int, hex: str) -> str:
    """Write bytes behind the guest's back, for tests of bytes; returns the volume's digest."""
    with context.lab.lock:
        found = volumes.get(volume)
        found.blocks.write(offset, bytes.fromhex(hex))
        return found.blocks.digest()
