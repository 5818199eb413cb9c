"""One generic Linux guest: a directory, real processes, simulated commands, a power state, services, block devices.

It knows nothing of EC2, SSM or CLUSTERPRO. EC2's instance drives its power and is told through `on_halt` when the
guest has gone down; the SSM agent and CLUSTERPRO are guests, plugged in with hooks. All durations are lab seconds.

Whoever calls `power_on`, `acpi_*` or `cut_power` may hold the lab's lock: these return at once.
"""

from __future__ import annotations

import logging
import shutil
import signal
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from .. import context
from . import disk_layout, limits, processes, shell_commands
from . import disks as _disks
from .nodecmd import binary
from .processes import Process
from .procfs import ProcFiles
from .socket import Command, NodeCall, NodeSocket
from .systemd import Systemd

_log = logging.getLogger("lab.nodes")

TERM_SHARE = 0.7  # of the shutdown's duration: then what is left gets SIGTERM, at its end SIGKILL

MACHINES: dict[str, Machine] = {}  # by instance id


class Guest(Protocol):
    """What runs in a machine. Hooks are called without any lock, except `on_power_off`: that one must not block."""

    def on_boot(self, machine: Machine) -> None:
        """The OS is up. Must not block: what takes time has a thread of its own and ends when the boot id moves."""

    def on_shutdown(self, machine: Machine) -> None:
        """The OS is going down in order; may take lab time. Hooks of several guests run side by side."""

    def on_power_off(self, machine: Machine) -> None:
        """This boot is over: power cut, halt or reboot. Called once per boot, maybe under the lab's lock."""


class Machine:
    def __init__(self, name: str, instance_id: str, home: Path) -> None:
        """`home` is the lab's directory; the machine lives in home/nodes/<instance_id>."""
        self.name, self.instance_id = name, instance_id
        self.root = home / "nodes" / instance_id
        self.state = "off"  # off, booting, up, shutting_down
        self.boot_id = ""
        self.boots = 0
        self.commands: dict[str, Command] = {}
        self.gates: list[Callable[[NodeCall], None]] = []  # called before each simulated command; may block it
        self.on_halt: Callable[[bool], None] = lambda reboot: None
        self.platform: Callable[[], str] = lambda: _disks.platform_of(self.instance_id)
        self.held: set[str] = set()  # attachments whose file system is mounted, e.g. "/dev/sdb": EC2 finds them busy
        self.disk_full = False  # its root disk and /run, as `df` shows them
        self.may_write = True  # what starts may write to files; see room.py
        self.lvm_devices = "all"  # all, or listed by `serial` or `name`
        self.rename_next_boot = False  # Nitro only: the next boot permutes the names of the data disks
        self._guests: list[Guest] = []
        self._disks: list[_disks.Disk] = []
        self._lock = threading.RLock()  # innermost: no other lock is taken while it is held
        self._epoch = 0  # grows with every change of power: a step of an older one does nothing
        self._reboot = False
        self._acpi_pending: bool | None = None  # reboot? ordered while it was booting
        self._delayed: list[object] = []
        self._boot_started = 0.0
        self._killer: threading.Thread | None = None
        self._live: set[Process] = set()
        self.speaking: set[NodeCall] = set()  # calls that ordered a shutdown and whose caller has not printed it yet
        self.going_down = threading.Event()  # set by the SSM agent when it hears nothing any more; a boot clears it
        self._make_directories(home)
        self.mounts: Callable[[], list[str]] = list  # the rows of /proc/mounts, from whoever mounts something
        second = context.lab.clock.real(1)
        self._proc = ProcFiles(self.root / "proc", self.uptime, lambda: bool(self._live), self._proc_files, second)
        self.systemd = Systemd(self)
        self._register_builtins()
        self._socket = NodeSocket(self, self.root / "sock")
        MACHINES[instance_id] = self

    # ── directories, environment, processes ────────────────────────────────────────────────────────────────────

    def _make_directories(self, home: Path) -> None:
        for part in ("run", "var/lib", "tmp", "bin", "etc", "usr/local/bin"):
            (self.root / part).mkdir(parents=True)
        self._tools = home / "nodes" / ".tools"
        if not self._tools.exists():
            shell_commands.link_host_tools(self._tools)

    def base_env(self) -> dict[str, str]:
        """The environment of every process of this boot."""
        return {
            # As on a real node, a directory that others than root may write comes first.
            "PATH": f"{self.root}/usr/local/bin:{self.root}/bin:{self._tools}",
            "MIRRORSNAP_PATH": f"{self.root}/bin:{self._tools}",
            "HOME": str(self.root / "tmp"),
            "LANG": "C.UTF-8",
            "LAB_HOME": str(context.lab.home),  # by which the reaper finds it when the lab was killed
            "LAB_NODE_SOCKET": str(self.root / "sock"),
            "LAB_NODE": self.name,
            "LAB_BOOT": self.boot_id,
            "MIRRORSNAP_RUN": str(self.root / "run"),
            "MIRRORSNAP_VAR_LIB": str(self.root / "var/lib"),
            "MIRRORSNAP_PROC": str(self.root / "proc"),
            "MIRRORSNAP_ETC": str(self.root / "etc"),
            "MIRRORSNAP_ROOT": str(self.root),
        }

    def spawn(
        self,
        argv: list[str],
        *,
        stdin: bytes | None = None,
        env: dict[str, str] | None = None,
        cwd: str | None = None,
        on_end: Callable[[Process], None] | None = None,
    ) -> Process:
        """Start a process in a session of its own. RuntimeError if the node has no running OS, FileNotFoundError
        for an unknown program (looked up in the node's PATH, never in the host's)."""
        full = {**self.base_env(), **(env or {})}
        program = argv[0]
        if "/" not in program:
            found = shutil.which(program, path=full["PATH"])
            if not found:
                raise FileNotFoundError(f"{program}: not found on {self.name}")
            program = found

        def ended(process: Process) -> None:
            with self._lock:
                self._live.discard(process)
            if on_end:
                on_end(process)

        with self._lock:  # a power cut comes before or after, never between
            if not self.answers(full["LAB_BOOT"]):
                raise RuntimeError(f"{self.name} is {self.state}: nothing can run on it")
            self.refresh_proc()
            whole = [program, *argv[1:]]
            if not self.may_write:
                whole = ["/bin/sh", "-c", 'trap "" XFSZ; ulimit -f 0; exec "$@"', "sh", *whole]
            process = Process(whole, env=full, cwd=cwd or str(self.root), stdin=stdin, on_end=ended)
            if not process.done.is_set():
                self._live.add(process)
        return process

    def run_script(self, script: str, env: dict[str, str] | None = None, timeout: float | None = None) -> Process:
        """Run `script` by `sh` to its end; killed, with what it started, after `timeout` lab seconds."""
        process = self.spawn(["sh", "-c", script], env=env)
        if process.wait(timeout) is None and not process.done.is_set():
            process.signal_group(signal.SIGKILL)
            context.lab.clock.wait(process.done, context.lab.clock.lab(5))
        return process

    def answers(self, boot_id: str) -> bool:
        """Whether a process of that boot may still act."""
        return self.state in ("up", "shutting_down") and boot_id == self.boot_id

    # ── simulated commands ─────────────────────────────────────────────────────────────────────────────────────

    def command(self, name: str) -> Callable[[Command], Command]:
        """Register a simulated command (a later registration of the same name replaces the earlier one)."""

        def register(fn: Command) -> Command:
            link = self.root / "bin" / name
            if not link.is_symlink():
                link.symlink_to(binary())
            self.commands[name] = fn
            return fn

        return register

    def _register_builtins(self) -> None:
        self.command("sleep")(shell_commands.sleep)
        self.command("logger")(shell_commands.logger)
        self.command("timeout")(limits.timeout)
        self.command("flock")(limits.flock)
        for name, fn in {**self.systemd.commands(), **_disks.commands(self), **disk_layout.commands(self)}.items():
            self.command(name)(fn)

    # ── /proc ──────────────────────────────────────────────────────────────────────────────────────────────────

    def uptime(self) -> float:
        """Lab seconds since the kernel of this boot started; 0 when it does not run."""
        return context.lab.clock.monotonic() - self._boot_started if self.state != "off" else 0.0

    def _proc_files(self) -> dict[str, str]:
        return {"diskstats": _disks.diskstats(self._disks), "mounts": "".join(f"{row}\n" for row in self.mounts())}

    def refresh_proc(self) -> None:
        self._proc.refresh()

    # ── power ──────────────────────────────────────────────────────────────────────────────────────────────────

    def plug(self, guest: Guest) -> None:
        """Let `guest` live in this machine from its next boot on (from now on, if it is up)."""
        self._guests.append(guest)
        if self.state == "up":
            guest.on_boot(self)

    def power_on(self) -> None:
        """Start booting; up after timing.boot. RuntimeError unless it is off."""
        with self._lock:
            if self.state != "off":
                raise RuntimeError(f"{self.name} is {self.state}, it cannot be powered on")
            self._start_boot()

    def acpi_shutdown(self) -> None:
        """The power button: an orderly shutdown, after the boot if it is still booting."""
        self._acpi(reboot=False)

    def acpi_reboot(self) -> None:
        self._acpi(reboot=True)

    def _acpi(self, reboot: bool) -> None:
        with self._lock:
            if self.state == "booting":
                self._acpi_pending = reboot
            elif self.state == "shutting_down":
                self._reboot = self._reboot and reboot  # a halt ordered during a reboot wins
            elif self.state == "up":
                self.os_shutdown(reboot)

    def os_shutdown(self, reboot: bool, delay: float = 0) -> None:
        """What `shutdown -h|-r` does, after `delay`. Calls `on_halt(reboot)` at its end; a reboot then boots again."""
        with self._lock:
            if delay > 0:
                boot = self.boot_id

                def due() -> None:
                    if self.answers(boot):
                        self.os_shutdown(reboot)

                self._delayed.append(context.lab.timers.after(delay, due))
                return
            if self.state != "up":
                return  # already on its way down
            self.state, self._reboot = "shutting_down", reboot
            self._log("reboot" if reboot else "shutdown")
            epoch = self._epoch
        threading.Thread(target=self._go_down, args=(epoch,), name=f"shutdown-{self.name}", daemon=True).start()

    def cancel_shutdown(self) -> None:
        """`shutdown -c`: forget the delayed ones."""
        with self._lock:
            for timer in self._delayed:
                timer.cancel()  # type: ignore[attr-defined]
            self._delayed.clear()

    def cut_power(self) -> None:
        """Cut the power: every process is killed without a signal to react to. No effect on a machine that is off."""
        with self._lock:
            if self.state == "off":
                return
            self._log("power_cut")
            self._end_boot()
        self._tell_power_off()

    def _log(self, event: str) -> None:
        context.lab.record.add("power", node=self.name, instance=self.instance_id, boot_id=self.boot_id, event=event)

    def _start_boot(self) -> None:
        self._epoch += 1
        epoch = self._epoch
        self.state, self._boot_started = "booting", context.lab.clock.monotonic()
        self._log("power_on")

        def due() -> None:  # on the timers' thread, which must not wait for the last boot's processes
            threading.Thread(target=self._boot, args=(epoch,), name=f"boot-{self.name}", daemon=True).start()

        context.lab.timers.after(context.lab.timing.boot, due)

    def _boot(self, epoch: int) -> None:
        killer = self._killer
        if killer:
            killer.join()
        found = _disks.at_boot(self, rename=self.rename_next_boot)
        with self._lock:
            if epoch != self._epoch:
                return
            self._disks, self.rename_next_boot = found, False
            shutil.rmtree(self.root / "run")
            (self.root / "run").mkdir()
            self.boot_id = str(uuid.uuid4())
            self.boots += 1
            self._proc.boot(self.boot_id)
            self.going_down.clear()
            self.state = "up"
            self._log("up")
            guests, pending, self._acpi_pending = list(self._guests), self._acpi_pending, None
        self.systemd.on_boot()
        for guest in guests:
            guest.on_boot(self)
        if pending is not None:
            self.os_shutdown(pending)

    def _go_down(self, epoch: int) -> None:
        clock, timing = context.lab.clock, context.lab.timing
        started = clock.monotonic()
        hooks = [g.on_shutdown for g in self._guests] + [lambda machine: self.systemd.on_shutdown()]
        threads = [threading.Thread(target=self._hook, args=(hook,), daemon=True) for hook in hooks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # The remaining processes get SIGTERM, then SIGKILL.
        clock.sleep(started + timing.shutdown * TERM_SHARE - clock.monotonic())
        if epoch == self._epoch:
            processes.signal_all(processes.marked(f"LAB_BOOT={self.boot_id}"), signal.SIGTERM)
        clock.sleep(started + timing.shutdown - clock.monotonic())
        with self._lock:
            if epoch != self._epoch:
                return  # the power was cut meanwhile
            reboot = self._reboot
            self._log("restart" if reboot else "halt")
            self._end_boot()
            ended = self._epoch
        self._tell_power_off()
        with self._lock:
            if reboot and ended == self._epoch:
                self._start_boot()
        self.on_halt(reboot)

    def _hook(self, hook: Callable[[Machine], None]) -> None:
        try:
            hook(self)
        except Exception:
            _log.exception("a guest's shutdown failed")

    def _end_boot(self) -> None:
        """The kernel ends: first the state changes, so that no simulated command acts any more; then processes die."""
        boot, booted = self.boot_id, self.state != "booting"
        self._epoch += 1
        self.state = "off"
        self._acpi_pending = None
        self.cancel_shutdown()
        for process in list(self._live):
            process.signal_group(signal.SIGKILL)
        if not booted:
            return
        # The rest, in sessions of their own, is searched for; the next boot waits for this thread.
        self._killer = threading.Thread(target=processes.kill_marked, args=(f"LAB_BOOT={boot}",), daemon=True)
        self._killer.start()

    def _tell_power_off(self) -> None:
        """Without the machine's own lock: what is told takes the lab's lock or systemd's."""
        self.held.clear()
        self.systemd.on_power_off()
        for guest in self._guests:
            guest.on_power_off(self)

    def disks(self) -> list[_disks.Disk]:
        """The block devices as of the last boot, root disk first."""
        return list(self._disks)

    def holds(self, device: str) -> bool:
        """Whether the OS uses the attachment, so that a detach must wait."""
        return self.state in ("up", "shutting_down") and device in self.held

    def attached(self, device: str) -> Any | None:
        """The EC2 volume attached under this name now, whether the OS sees it or not."""
        return dict(_disks.attached(self.instance_id)).get(device)

    def service_enabled(self, name: str) -> bool:
        return self.systemd.service(name).enabled

    def set_service(self, name: str, enabled: bool) -> None:
        self.systemd.enable(name, enabled)

    def service_active(self, name: str, active: bool) -> None:
        self.systemd.service(name).active = active

    def close(self) -> None:
        """End of the lab: power off, and wait until nothing is left."""
        self.cut_power()
        if self._killer:
            self._killer.join()
        self._socket.close()
        self._proc.close()
        MACHINES.pop(self.instance_id, None)


def by_name(name: str) -> Machine:
    """The machine of that node name or instance id; LookupError if there is none."""
    for machine in MACHINES.values():
        if name in (machine.name, machine.instance_id):
            return machine
    raise LookupError(f"no node {name!r}; there are {', '.join(sorted(m.name for m in MACHINES.values())) or 'none'}")
