"""The node's /proc: uptime in lab seconds, diskstats and mounts, as long as anything could read them; boot id."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

# How stale proc/uptime may be while processes run: real seconds, or lab seconds where these are longer. The nodes of a
# lab that is slowed down for many clusters would else do nothing but write it.
TICK_SECONDS = 0.02
IDLE_SECONDS = 2.0  # real: a node without processes and commands for so long is not ticked


class ProcFiles:
    def __init__(
        self,
        directory: Path,
        uptime: Callable[[], float],
        busy: Callable[[], bool],
        files: Callable[[], dict[str, str]],
        lab_second: float,
    ) -> None:
        """`uptime()` gives lab seconds, `busy()` whether a process of the node runs that the lab knows of,
        `files()` the texts of other files in /proc, by name. `lab_second`: real seconds of a lab second."""
        self._uptime, self._busy, self._files = uptime, busy, files
        self._directory = directory
        self._pause = TICK_SECONDS * max(1.0, lab_second)
        self._shown: dict[str, str] = {}
        self._boot_id = directory / "sys/kernel/random/boot_id"
        self._boot_id.parent.mkdir(parents=True)
        self._fd = os.open(directory / "uptime", os.O_RDWR | os.O_CREAT, 0o644)
        self._lock = threading.Lock()
        self._awake = threading.Event()
        self._last = 0.0  # real time of the last refresh
        threading.Thread(target=self._tick, name="proc-uptime", daemon=True).start()

    def boot(self, boot_id: str) -> None:
        with self._lock:
            os.ftruncate(self._fd, 0)
        self._boot_id.write_text(boot_id + "\n")
        self.refresh()

    def refresh(self) -> None:
        """Write uptime now, and go on writing it until the node has been idle for a while."""
        self._last = time.monotonic()
        self._awake.set()
        self._write()

    def close(self) -> None:
        with self._lock:
            os.close(self._fd)
            self._fd = -1
        self._awake.set()

    def _write(self) -> None:
        """One pwrite of a text that only grows longer within a boot: a reader never sees half of it."""
        up = self._uptime()
        with self._lock:
            if self._fd >= 0:
                os.pwrite(self._fd, f"{up:.2f} {up * 2:.2f}\n".encode(), 0)
                for name, text in self._files().items():
                    if self._shown.get(name) != text:
                        self._shown[name] = text
                        side = self._directory / f".{name}"
                        side.write_text(text)
                        side.replace(self._directory / name)  # a reader has the old one or the new one, whole

    def _tick(self) -> None:
        while self._fd >= 0:
            self._awake.wait()
            time.sleep(self._pause)
            self._write()
            if not self._busy() and time.monotonic() - self._last > IDLE_SECONDS:
                self._awake.clear()
