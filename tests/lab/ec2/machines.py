"""What an instance drives: the interface of a guest, and the smallest guest there is.

`Machine` of nodes/machine.py has the same methods. `NullMachine` runs nothing: it boots and halts in the lab's
timings and holds the devices that a test tells it to hold. Instances made by RunInstances have one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from .. import context
from ..clock import Timer


class Guest(Protocol):
    """Orders return at once; the guest calls `on_halt(reboot)` when it went down by itself or by acpi_shutdown."""

    on_halt: Callable[[bool], None]
    state: str  # off | booting | up | shutting_down

    def power_on(self) -> None: ...
    def acpi_shutdown(self) -> None: ...
    def acpi_reboot(self) -> None: ...
    def cut_power(self) -> None: ...


class NullMachine:
    """A guest without an inside."""

    def __init__(self) -> None:
        self.on_halt: Callable[[bool], None] = lambda reboot: None
        self.state = "off"
        self.hangs = False  # a guest that ignores acpi_shutdown and acpi_reboot
        self.held: set[str] = set()  # devices that it has mounted, e.g. "/dev/sdb"
        self._timer: Timer | None = None

    def holds(self, device: str) -> bool:
        return self.state in ("up", "shutting_down") and device in self.held

    def power_on(self) -> None:
        self._go("booting", context.lab.timing.boot, self._up)

    def acpi_shutdown(self) -> None:
        if not self.hangs:
            self.os_shutdown(reboot=False)

    def acpi_reboot(self) -> None:
        if not self.hangs:
            self.os_shutdown(reboot=True)

    def os_shutdown(self, reboot: bool, delay: float = 0.0) -> None:
        """What `shutdown -h now` and `reboot` do; nothing in a guest that is off or already going down."""
        if self.state in ("booting", "up"):
            self._go("shutting_down", delay + context.lab.timing.shutdown, lambda: self._halted(reboot))

    def cut_power(self) -> None:
        if self._timer:
            self._timer.cancel()
        self.state = "off"

    def _go(self, state: str, seconds: float, then: Callable[[], None]) -> None:
        if self._timer:
            self._timer.cancel()
        self.state = state
        self._timer = context.lab.timers.after(seconds, then)

    def _up(self) -> None:
        self.state = "up"

    def _halted(self, reboot: bool) -> None:
        self.state = "off"
        self.on_halt(reboot)
        if reboot:
            self.power_on()
