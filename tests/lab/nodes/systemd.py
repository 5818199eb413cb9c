"""systemd of a node: registered services, transient services and timers, and what `systemctl` shows of them.

Transient units run real processes that belong to no caller: they survive the script that started them and die with
the boot. Everything else of a unit's life is systemd's: see `units.py`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import context
from . import systemctl, systemd_run
from .socket import Command
from .units import ServiceUnit, TimerUnit

if TYPE_CHECKING:
    from .machine import Machine


@dataclass
class Service:
    """A service with a unit file: `enabled` survives boots, `active` does not."""

    name: str  # with .service
    enabled: bool = True
    active: bool = False
    description: str = ""
    start: Callable[[], int] | None = None  # returns an exit code; may take lab time
    stop: Callable[[], int] | None = None


class Systemd:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.lock = threading.RLock()
        self.services: dict[str, Service] = {}
        self.units: dict[str, ServiceUnit | TimerUnit] = {}  # loaded transient units of this boot
        # Whether a timer fires as late as its AccuracySec allows. systemd spreads over the whole window; the last
        # moment of it is the one that breaks bounds.
        self.late_timers = True
        self.version = 252

    def register(
        self,
        name: str,
        *,
        enabled: bool = True,
        active: bool = False,
        description: str = "",
        start: Callable[[], int] | None = None,
        stop: Callable[[], int] | None = None,
    ) -> Service:
        """Give the node a service. `start` is called at each boot if it is enabled, and by `systemctl start`."""
        full = full_name(name)
        self.services[full] = Service(full, enabled, active, description or name, start, stop)
        return self.services[full]

    def service(self, name: str) -> Service:
        """The registered service (KeyError if there is none)."""
        return self.services[full_name(name)]

    def on_boot(self) -> None:
        """Start the enabled services, each on a thread of its own, as systemd does."""
        for service in self.services.values():
            service.active = False
            if service.enabled and service.start:
                threading.Thread(target=self.start_service, args=(service,), daemon=True).start()

    def reload(self) -> None:
        """`daemon-reload`. The versions up to 253 of RHEL 8 and 9, Amazon Linux 2023, … begin each countdown anew."""
        with self.lock:
            for unit in list(self.units.values()):
                if isinstance(unit, TimerUnit):
                    unit.reload()

    def enable(self, name: str, on: bool) -> None:
        """Let a service start at each boot or not. `systemctl enable` and `disable` reload."""
        self.service(name).enabled = on
        self.reload()

    def start_service(self, service: Service) -> int:
        rc = service.start() if service.start else 0
        service.active = rc == 0
        return rc

    def stop_service(self, service: Service) -> int:
        rc = service.stop() if service.stop else 0
        service.active = False
        return rc

    def on_shutdown(self) -> None:
        """Transient units end first; the guests that own services stop those themselves."""
        with self.lock:
            units = list(self.units.values())
        for unit in units:
            if isinstance(unit, TimerUnit):
                unit.stop()
        self._hear_out([u for u in units if isinstance(u, ServiceUnit)])
        threads = [threading.Thread(target=u.stop, daemon=True) for u in units if isinstance(u, ServiceUnit)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _hear_out(self, units: list[ServiceUnit]) -> None:
        """Let a unit that ordered this shutdown print what it has to, and end, if it does so at once. In real time:
        it is real processes that need it, however fast the lab runs and whatever else this machine does."""
        speakers = {call.env.get("LAB_UNIT") for call in list(self.machine.speaking)}
        if not speakers:
            return
        clock = context.lab.clock
        end = clock.monotonic() + clock.lab(2)
        while self.machine.speaking and clock.monotonic() < end:
            time.sleep(0.002)
        end = clock.monotonic() + clock.lab(1)
        for unit in units:
            if unit.name in speakers:
                clock.wait(unit.ended, end - clock.monotonic())

    def on_power_off(self) -> None:
        """The boot is over: no transient unit survives it, and no callback of one may act any more."""
        with self.lock:
            for unit in self.units.values():
                unit.forget()
            self.units.clear()
        for service in self.services.values():
            service.active = False

    def commands(self) -> dict[str, Command]:
        return {
            "systemctl": lambda call: systemctl.run(self, call),
            "systemd-run": lambda call: systemd_run.run(self, call),
            "shutdown": lambda call: systemctl.shutdown(self, call),
            "reboot": lambda call: systemctl.power(self, call, reboot=True),
            "poweroff": lambda call: systemctl.power(self, call, reboot=False),
            "halt": lambda call: systemctl.power(self, call, reboot=False),
        }


def full_name(name: str) -> str:
    return name if name.endswith((".service", ".timer")) else name + ".service"
