"""What the cluster needs of the machine that it runs on. `nodes.machine.Machine` is one; tests bring a small one."""

from __future__ import annotations

from typing import Any, Protocol

from ..disks import Disk

# The services whose start mode `clpbackup.sh` and `clprestore.sh` change [likely]; the first two decide in the lab.
SERVICES = (
    "clusterpro",
    "clusterpro_md",
    "clusterpro_evt",
    "clusterpro_trn",
    "clusterpro_webmgr",
    "clusterpro_alertsync",
)


class Host(Protocol):
    name: str

    @property
    def boot_id(self) -> str: ...

    @property
    def state(self) -> str:
        """off | booting | up | shutting_down"""

    def disks(self) -> list[Disk]:
        """The block devices that the running OS sees; fixed at boot."""

    def attached(self, device: str) -> Any | None:
        """The EC2 volume attached under this name now, whether the OS sees it or not (for the oracles)."""

    def service_enabled(self, service: str) -> bool: ...

    def set_service(self, service: str, enabled: bool) -> None: ...

    def service_active(self, service: str, active: bool) -> None:
        """Tell the machine's service manager that a service came up or went down."""

    def os_shutdown(self, reboot: bool) -> None:
        """Order the OS's own shutdown or reboot; returns at once."""
