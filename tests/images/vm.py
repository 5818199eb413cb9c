"""A small virtual machine without KVM, for what only a kernel makes of a file system. Used by make_fixtures.py alone.

It is a Debian kernel package and a busybox in an initramfs. Commands go to its serial console, one line each, and its
disks are files of this machine. While it is stopped (`stopped()`), the files hold what a snapshot of that moment would
hold.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

MODULES = ("virtio_pci", "virtio_blk", "xfs", "btrfs", "dm-mod")
TOOLS = ("/usr/sbin/lvm", "/usr/sbin/mkfs.xfs", "/usr/sbin/mkfs.ext4")
# dmesg would come between a command and its mark.
INIT = """#!/bin/sh
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
echo 1 > /proc/sys/kernel/printk
for each in {modules}; do modprobe $each; done
stty -echo -icanon < /dev/ttyS0
exec < /dev/ttyS0 > /dev/ttyS0 2>&1
mkdir -p /m /run /tmp /etc/lvm /var/lib /usr/sbin
export PATH=/usr/sbin:/bin LVM_SUPPRESS_FD_WARNINGS=1
echo "<ready>"
while read -r line; do eval "$line"; echo "<$?>"; done
"""


def _with_libraries(tool: Path, root: Path) -> None:
    """A program of this machine and the libraries that it is linked with."""
    linked = subprocess.run(["ldd", str(tool)], check=True, capture_output=True, text=True).stdout
    paths = [word for line in linked.splitlines() for word in line.split() if word.startswith("/")]
    for path in (*paths, str(tool)):
        target = root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(path).resolve(), target)


def _initramfs(package: Path, work: Path) -> tuple[Path, Path]:
    """The kernel and an initramfs with its modules, out of a Debian package linux-image-…-cloud-amd64."""
    tree, root = work / "package", work / "root"
    subprocess.run(["dpkg-deb", "-x", str(package), str(tree)], check=True)
    # Older packages have /lib, newer ones /usr/lib.
    lib = next(path for path in (tree / "lib", tree / "usr" / "lib") if (path / "modules").is_dir())
    (version,) = (path.name for path in (lib / "modules").iterdir())
    subprocess.run(["depmod", "-b", str(lib.parent), version], check=True)
    modules = lib / "modules" / version
    for name in ("bin", "proc", "sys", "dev", f"lib/modules/{version}"):
        (root / name).mkdir(parents=True, exist_ok=True)
    shutil.copy("/usr/bin/busybox", root / "bin" / "busybox")
    for applet in subprocess.run([root / "bin" / "busybox", "--list"], check=True, capture_output=True).stdout.split():
        with contextlib.suppress(FileExistsError):
            (root / "bin" / applet.decode()).symlink_to("busybox")
    wanted = subprocess.run(
        ["modprobe", "-d", str(lib.parent), "-S", version, "-D", "-a", *MODULES],
        check=True,
        capture_output=True,
        text=True,
    )
    for line in wanted.stdout.splitlines():
        if line.startswith("insmod "):
            source = Path(line.split()[1])
            target = root / "lib/modules" / version / source.relative_to(modules)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for name in ("modules.order", "modules.builtin"):
        shutil.copy(modules / name, root / "lib/modules" / version / name)
    subprocess.run(["depmod", "-b", str(root), version], check=True)
    (root / "init").write_text(INIT.format(modules=" ".join(MODULES)), encoding="utf-8")
    (root / "init").chmod(0o755)
    for tool in TOOLS:
        _with_libraries(Path(tool), root)
    archive = work / "initramfs"
    names = b"\n".join(
        os.fsencode(path.relative_to(root)) for path in sorted(root.rglob("*")) if path.is_symlink() or path.exists()
    )
    with archive.open("wb") as out:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], input=names, cwd=root, stdout=out, check=True)
    return next((tree / "boot").glob("vmlinuz-*")), archive


class Machine:
    """A running virtual machine: `sh("mount /dev/vda /m")`."""

    def __init__(self, package: Path, disks: Sequence[Path], work: Path) -> None:
        work.mkdir(parents=True, exist_ok=True)
        kernel, initramfs = _initramfs(package, work)
        control = work / "qmp"
        self._process = subprocess.Popen(
            [
                *("qemu-system-x86_64", "-accel", "tcg", "-m", "768", "-nodefaults", "-no-reboot", "-display", "none"),
                *("-kernel", str(kernel), "-initrd", str(initramfs), "-append", "console=ttyS0 quiet panic=-1"),
                *("-serial", "stdio", "-qmp", f"unix:{control},server=on,wait=off"),
                *(
                    each
                    for disk in disks
                    for each in ("-drive", f"file={disk},format=raw,if=virtio,cache=writeback,discard=unmap")
                ),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._until("<ready>")
        self._control = socket.socket(socket.AF_UNIX)
        self._control.connect(str(control))
        self._answers = self._control.makefile("r", encoding="utf-8")
        json.loads(self._answers.readline())
        self._order("qmp_capabilities")

    def _until(self, *marks: str) -> tuple[str, list[str]]:
        assert self._process.stdout
        lines: list[str] = []
        for line in self._process.stdout:
            text = line.strip()
            if text in marks or (not marks and text.startswith("<") and text.endswith(">")):
                return text, lines
            lines.append(text)
        raise RuntimeError("the machine has ended:\n" + "\n".join(lines[-20:]))

    def _order(self, command: str) -> None:
        self._control.sendall(json.dumps({"execute": command}).encode() + b"\n")
        while "return" not in (answer := json.loads(self._answers.readline())):
            if "error" in answer:
                raise RuntimeError(f"{command}: {answer}")

    def sh(self, line: str) -> str:
        """Run one line in the machine's shell; it must succeed. What it printed."""
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        mark, lines = self._until()
        if mark != "<0>":
            raise RuntimeError(f"{line}: {mark}\n" + "\n".join(lines[-20:]))
        return "\n".join(lines)

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        """While nothing runs in there, and nothing is on its way to a disk."""
        self._order("stop")
        yield
        self._order("cont")

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
